//! Sessions whose connection is the body of an HTTP response: what the front desk and a shard tell each other of them.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use hyper::HeaderMap;
use tokio::sync::oneshot;
use wavecast_net::shard::ConnectionId;

use crate::metrics::NotAdmitted;
use crate::wire_form::WireForm;

/// A session that comes in by an HTTP request.
pub struct StreamOpening {
    /// How it is written to.
    pub(crate) form: WireForm,
    /// The fields of the request.
    pub(crate) request: HeaderMap,
    /// Where it came from.
    pub(crate) peer: SocketAddr,
    /// What goes out before anything else: the head of the answer, where the connection is HTTP/1.1.
    pub(crate) head: Vec<u8>,
    /// What the client said in its request: commands, as a message of a WebSocket would hold them.
    pub(crate) commands: Bytes,
}

/// What the client of such a session says in a request of its own.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) connection: ConnectionId,
    pub(crate) commands: Bytes,
    pub(crate) heard: oneshot::Sender<Heard>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The session has it. Its answers go the way of the stream.
    Taken,
    /// There is no such session here, or no more.
    NoSession,
    /// Too much waits already: later, perhaps.
    Busy,
}

/// Why a session may not come in now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnedAway {
    pub(crate) why: NotAdmitted,
    /// The status of the answer.
    pub status: u16,
    /// The text people read.
    pub reason: &'static str,
}

impl fmt::Debug for StreamOpening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the request: tokens and cookies stand there.
        f.debug_struct("StreamOpening")
            .field("form", &self.form)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}
