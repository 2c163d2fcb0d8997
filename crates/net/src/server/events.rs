//! The four events.

use std::net::SocketAddr;
use std::sync::Arc;

use wavecast_websocket::handshake::RequestHead;

use super::connection::{Command, Connection};
use crate::message::MessageRef;
use crate::shard::{Close, ConnectionError, ConnectionId, Connections, Handler, Opening, Remote, Verdict};

/// What a server does. All shards share one instance; the events of one connection come one after the other, those of
/// different connections at the same time. No event may block: a shard serves many connections.
pub trait Events: Send + Sync + 'static {
    /// A request has come in: take or refuse it, choose sub-protocols, add headers. By default every right WebSocket
    /// handshake is taken and anything else is refused.
    fn request(&self, head: &RequestHead<'_>, peer: SocketAddr) -> Verdict {
        let _ = (head, peer);
        Verdict::Upgrade
    }

    /// A connection has opened.
    fn open(&self, connection: &mut Connection<'_>, opening: &Opening<'_>) {
        let _ = (connection, opening);
    }

    /// A whole message has come in.
    fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>);

    /// A connection has ended: by its peer, by this side, or by an error. Once for each that had opened.
    fn close(&self, connection: &mut Connection<'_>, close: &Close<'_>) {
        let _ = (connection, close);
    }

    /// Something went wrong with a connection; [`Events::close`] follows.
    fn error(&self, connection: &mut Connection<'_>, error: &ConnectionError) {
        let _ = (connection, error);
    }
}

/// Gives a shard's events to the server's.
pub(super) struct Dispatch<E> {
    events: Arc<E>,
    remote: Remote<Command>,
}

impl<E: Events> Dispatch<E> {
    pub(super) fn new(events: Arc<E>, remote: Remote<Command>) -> Self {
        Self { events, remote }
    }
}

impl<E: Events> Handler for Dispatch<E> {
    type Event = Command;

    fn request(&mut self, head: &RequestHead<'_>, peer: SocketAddr) -> Verdict {
        self.events.request(head, peer)
    }

    fn open(&mut self, connections: &mut Connections, id: ConnectionId, opening: &Opening<'_>) {
        self.events.open(&mut Connection::new(connections, id, &self.remote), opening);
    }

    fn message(&mut self, connections: &mut Connections, id: ConnectionId, message: MessageRef<'_>) {
        self.events.message(&mut Connection::new(connections, id, &self.remote), message);
    }

    fn close(&mut self, connections: &mut Connections, id: ConnectionId, close: &Close<'_>) {
        self.events.close(&mut Connection::new(connections, id, &self.remote), close);
    }

    fn error(&mut self, connections: &mut Connections, id: ConnectionId, error: &ConnectionError) {
        self.events.error(&mut Connection::new(connections, id, &self.remote), error);
    }

    fn event(&mut self, connections: &mut Connections, command: Command) {
        command.carry_out(connections);
    }
}
