//! What a shard asks of the program above it: the four events, and the questions around them.

use std::time::Duration;

use wavecast_websocket::CloseCode;

use super::connections::Connections;
use super::event::{Close, ConnectionError, ConnectionId, Detached, Leave, Opening};
use super::verdict::{Request, Verdict};
use crate::message::{MessageRef, Piece};

/// The program above a shard: one instance a shard, so that it needs no locks of its own.
///
/// All calls come from the shard's thread and must not block. What they send is collected in outboxes and goes out with
/// one write per connection at the end of the turn.
pub trait Handler {
    /// What other threads post to this shard, through [`Remote`](crate::shard::Remote).
    type Event: Send + 'static;

    /// A whole request head has come in. By default a WebSocket handshake goes on, anything else is refused with 426.
    fn request(&mut self, request: &Request<'_>) -> Verdict {
        let _ = request;
        Verdict::Upgrade
    }

    /// A connection does not open although [`Handler::request`] did not refuse it: the handshake was not a right one, or the
    /// verdict that was to come later was a refusal, or too late for its peer.
    fn turned_away(&mut self, id: ConnectionId) {
        let _ = id;
    }

    /// A connection has opened.
    fn open(&mut self, connections: &mut Connections, id: ConnectionId, opening: &Opening<'_>);

    /// A connection has opened that was answered elsewhere: a [stream](super::Answered). By default it is closed.
    fn open_stream(&mut self, connections: &mut Connections, id: ConnectionId, about: Self::Event) {
        drop(about);
        connections.close(id, CloseCode::UNSUPPORTED, "");
    }

    /// What a stream of this kind says before it ends, in the place of a close frame; by default nothing.
    /// [`Handler::close`] follows.
    fn last_words(&mut self, id: ConnectionId, kind: u8, close: &Close<'_>) -> Vec<u8> {
        let _ = (id, kind, close);
        Vec::new()
    }

    /// A message has come in.
    fn message(&mut self, connections: &mut Connections, id: ConnectionId, message: MessageRef<'_>);

    /// A piece of a message has come in, on a connection that receives in pieces
    /// ([`Connections::receive_in_pieces`]).
    fn piece(&mut self, connections: &mut Connections, id: ConnectionId, piece: Piece<'_>) {
        let _ = (connections, id, piece);
    }

    /// A ping has come in; it is answered already.
    fn ping(&mut self, connections: &mut Connections, id: ConnectionId, payload: &[u8]) {
        let _ = (connections, id, payload);
    }

    /// A pong has come in, asked for or not.
    fn pong(&mut self, connections: &mut Connections, id: ConnectionId, payload: &[u8]) {
        let _ = (connections, id, payload);
    }

    /// All that waited for a connection has been given to the system, after [`Connections::tell_when_drained`] asked for
    /// this: time to send more.
    fn drained(&mut self, connections: &mut Connections, id: ConnectionId) {
        let _ = (connections, id);
    }

    /// A connection that had opened has ended; once for each.
    fn close(&mut self, connections: &mut Connections, id: ConnectionId, close: &Close<'_>);

    /// A connection is asked to leave, because the shard is drained or has too many. By default it is closed. A handler
    /// with something to say or to finish does that first, and closes it soon after: who is still there at the end of a
    /// drain is cut off.
    fn leave(&mut self, connections: &mut Connections, id: ConnectionId, leave: &Leave) {
        connections.close(id, leave.code, &leave.reason);
    }

    /// Something went wrong; [`Handler::close`] follows.
    fn error(&mut self, connections: &mut Connections, id: ConnectionId, error: &ConnectionError) {
        let _ = (connections, id, error);
    }

    /// An event from another thread.
    fn event(&mut self, connections: &mut Connections, event: Self::Event);

    /// Whether more events may be handed over now. While it says no they wait in the inbox, and who posts them finds it full
    /// in the end: back-pressure. The shard does not spin meanwhile: it asks again after whatever else comes to pass, and
    /// at the latest after the time that [`Handler::turn`] gives.
    fn ready(&self) -> bool {
        true
    }

    /// The timer of a connection ([`Connections::set_timer`]) has come.
    fn timer(&mut self, connections: &mut Connections, id: ConnectionId) {
        let _ = (connections, id);
    }

    /// All that had come in has been handled; the outboxes are flushed next. What was collected for this moment (several
    /// publications of one channel, say) is sent now. What is held back for a later turn, for a wave that is under way, say,
    /// says how long the shard may sleep at most; zero: not at all.
    fn turn(&mut self, connections: &mut Connections) -> Option<Duration> {
        let _ = connections;
        None
    }

    /// A frame for this connection did not fit its outbox and was not queued.
    fn overflow(&mut self, connections: &mut Connections, id: ConnectionId) {
        connections.cut(id, CloseCode::TRY_AGAIN_LATER, "slow consumer");
    }

    /// Whether connections that begin as those of HTTP/2 do (RFC 9113 §3.4) leave through the side door. By default they
    /// are refused.
    fn takes_http2(&self) -> bool {
        false
    }

    /// A socket leaves through the side door ([`Verdict::SideDoor`]). By default it is closed.
    fn side_door(&mut self, detached: Detached) {
        drop(detached);
    }
}
