//! What a client reads.

use super::push::Push;
use super::reply::Reply;

/// What a server says on its connection.
#[derive(Debug, Clone, PartialEq)]
pub enum ServerMessage<'a> {
    /// The answer to a command.
    Reply(Reply<'a>),
    /// Something that happened.
    Push(Push<'a>),
    /// A sign of life; answered with [`Request::Pong`](super::Request::Pong) if the connect result says `pong`.
    Ping,
}
