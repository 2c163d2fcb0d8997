//! What a server does: the four events, and those for who wants more.

use super::connection::Connection;
use super::request::Request;
use crate::message::{MessageRef, Piece};
use crate::shard::{Close, ConnectionError, Opening, Verdict};

/// What a server does. All shards share one instance; the events of one connection come one after the other, those of
/// different connections at the same time. No event may block: a shard serves many connections.
///
/// `S` is what the program keeps of each connection ([`Connection::state`]): it lives on the shard, begins as
/// `S::default()`, needs no lock and is dropped after [`Events::close`]. A server that keeps nothing leaves it out:
/// `impl Events for Echo`.
///
/// # Panics
/// An event that panics costs its own connection only: it is told 1011 (internal error), its error event is
/// [`ConnectionError::Panicked`] and its close event follows. Whatever the program shares among connections has to be in
/// order after a panic, as a lock that is poisoned then says. (Where a build has `panic = "abort"` the process ends.)
pub trait Events<S = ()>: Send + Sync + 'static
where
    S: Default + Send + 'static,
{
    /// A request has come in: take or refuse it, choose sub-protocols, add headers. By default every right WebSocket
    /// handshake is taken and anything else is refused.
    fn request(&self, request: &mut Request<'_, S>) -> Verdict {
        let _ = request;
        Verdict::Upgrade
    }

    /// A connection has opened.
    fn open(&self, connection: &mut Connection<'_, S>, opening: &Opening<'_>) {
        let _ = (connection, opening);
    }

    /// A whole message has come in.
    fn message(&self, connection: &mut Connection<'_, S>, message: MessageRef<'_>);

    /// A piece of a message has come in, on a connection that receives in pieces ([`Connection::receive_in_pieces`]):
    /// the pieces of a message in order, and of no other in between.
    fn piece(&self, connection: &mut Connection<'_, S>, piece: Piece<'_>) {
        let _ = (connection, piece);
    }

    /// A ping has come in. It is answered already: nothing has to be done.
    fn ping(&self, connection: &mut Connection<'_, S>, payload: &[u8]) {
        let _ = (connection, payload);
    }

    /// A pong has come in: the answer to [`Connection::ping`] with its payload, or to a ping of the keep-alive (without
    /// payload), or one that nobody asked for.
    fn pong(&self, connection: &mut Connection<'_, S>, payload: &[u8]) {
        let _ = (connection, payload);
    }

    /// All that waited for this connection has been given to the system, after [`Connection::tell_when_drained`] asked for
    /// this: time to send the next piece.
    fn drained(&self, connection: &mut Connection<'_, S>) {
        let _ = connection;
    }

    /// A connection has ended: by its peer, by this side, or by an error; [`Close`] says which. Once for each that had
    /// opened, and the last of its events. What is sent here reaches others, not this connection.
    fn close(&self, connection: &mut Connection<'_, S>, close: &Close<'_>) {
        let _ = (connection, close);
    }

    /// Something went wrong with a connection; [`Events::close`] follows.
    fn error(&self, connection: &mut Connection<'_, S>, error: &ConnectionError) {
        let _ = (connection, error);
    }
}
