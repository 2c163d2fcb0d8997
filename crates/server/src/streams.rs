//! Sessions whose connection is the body of an HTTP response: what the front desk and a shard tell each other of them.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use hyper::HeaderMap;
use tokio::sync::oneshot;
use wavecast_net::shard::ConnectionId;

use crate::metrics::NotAdmitted;
use crate::position_list::PositionList;
use crate::wire_form::WireForm;

/// A session that comes in by an HTTP request.
pub struct StreamOpening {
    /// How it is written to.
    pub(crate) form: WireForm,
    /// The fields of the request.
    pub(crate) request: HeaderMap,
    /// Where it came from.
    pub(crate) peer: SocketAddr,
    /// What the client said in its request: commands, as a message of a WebSocket would hold them.
    pub(crate) commands: Bytes,
    /// How many answers stand for all of it, where the request is answered only then.
    pub(crate) answers: usize,
    /// Where a client that goes one way left off.
    pub(crate) places: PositionList,
    /// Who gives the answer.
    pub(crate) answer: AnswerBy,
}

/// Who answers the request of a session.
#[derive(Debug)]
pub(crate) enum AnswerBy {
    /// The shard, with these fields: the connection is its own.
    Shard(HeaderMap),
    /// The front desk, which waits to hear whether the session stands.
    Desk(Option<oneshot::Sender<Result<(), Ended>>>),
}

/// How a session ended before it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) code: u32,
    pub(crate) reason: Box<str>,
}

/// What the client of such a session says in a request of its own.
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

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the commands: tokens stand there.
        let mut said = f.debug_struct("Said");
        said.field("connection", &self.connection)
            .field("bytes", &self.commands.len())
            .finish_non_exhaustive()
    }
}

/// The head of an answer over HTTP/1.1 whose body has no length and ends with the connection (RFC 9112 §6.3).
pub(crate) fn head_without_length(fields: &HeaderMap) -> Vec<u8> {
    let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
    write_fields(fields, &mut head);
    head.extend_from_slice(b"connection: close\r\n\r\n");
    head
}

/// A whole answer over HTTP/1.1, with which the connection ends.
pub(crate) fn answer(status: u16, fields: &HeaderMap, json: &str) -> Vec<u8> {
    let phrase = hyper::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let mut answer = format!("HTTP/1.1 {status} {}\r\n", phrase.unwrap_or_default()).into_bytes();
    let mut fields = fields.clone();
    fields.insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    write_fields(&fields, &mut answer);
    let rest = format!("content-length: {}\r\nconnection: close\r\n\r\n{json}", json.len());
    answer.extend_from_slice(rest.as_bytes());
    answer
}

fn write_fields(fields: &HeaderMap, out: &mut Vec<u8>) {
    for (name, value) in fields {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
}
