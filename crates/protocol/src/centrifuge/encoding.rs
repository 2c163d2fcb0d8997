//! Which encoding a connection speaks, for code that is the same for either.

use super::command::Command;
use super::decode_error::DecodeError;
use super::message::ServerMessage;
use super::push::Push;
use super::reply::Reply;
use super::{json, protobuf};

/// The subprotocol of the WebSocket handshake for JSON; a client that offers none speaks JSON, too.
pub const SUBPROTOCOL_JSON: &str = "centrifuge-json";
/// The subprotocol for Protobuf.
pub const SUBPROTOCOL_PROTOBUF: &str = "centrifuge-protobuf";

/// How the messages of a connection are written.
///
/// ```
/// use wavecast_protocol::centrifuge::{Encoding, Push};
///
/// for (encoding, frame) in [
///     (Encoding::Json, b"{}\n{\"push\":{\"message\":{\"data\":1}}}".as_slice()),
///     (Encoding::Protobuf, b"\x00\x07\x22\x05\x42\x03\x0a\x011"),
/// ] {
///     let mut out = encoding.ping().to_vec();
///     encoding.separate(&mut out);
///     encoding.encode_push(&Push::Message { data: b"1" }, &mut out);
///     assert_eq!(out, frame);
///     assert_eq!(encoding.messages(&out).count(), 2);
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Encoding {
    /// JSON objects, a line each, in text messages.
    #[default]
    Json,
    /// Protobuf messages, each behind its length, in binary messages.
    Protobuf,
}

impl Encoding {
    /// What a WebSocket handshake agrees on.
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Self::Json => SUBPROTOCOL_JSON,
            Self::Protobuf => SUBPROTOCOL_PROTOBUF,
        }
    }

    /// The encoding that a subprotocol stands for; `None` for those of others.
    pub fn of_subprotocol(name: &str) -> Option<Self> {
        [Self::Json, Self::Protobuf].into_iter().find(|encoding| encoding.subprotocol() == name)
    }

    /// Frames are binary messages of the WebSocket, not text.
    pub const fn is_binary(self) -> bool {
        matches!(self, Self::Protobuf)
    }

    /// A ping, and the pong that answers it: the empty message.
    pub const fn ping(self) -> &'static [u8] {
        match self {
            Self::Json => json::PING,
            Self::Protobuf => protobuf::PING,
        }
    }

    /// Appends what stands between two messages of a frame: in JSON a newline, in Protobuf nothing.
    pub fn separate(self, out: &mut Vec<u8>) {
        match self {
            Self::Json => out.push(b'\n'),
            Self::Protobuf => {}
        }
    }

    /// Appends a reply.
    pub fn encode_reply(self, reply: &Reply<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Json => json::encode_reply(reply, out),
            Self::Protobuf => protobuf::encode_reply(reply, out),
        }
    }

    /// Appends a push.
    pub fn encode_push(self, push: &Push<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Json => json::encode_push(push, out),
            Self::Protobuf => protobuf::encode_push(push, out),
        }
    }

    /// Appends a command.
    pub fn encode_command(self, command: &Command<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Json => json::encode_command(command, out),
            Self::Protobuf => protobuf::encode_command(command, out),
        }
    }

    /// Reads the commands of a frame. After an error nothing follows.
    pub fn commands(self, frame: &[u8]) -> impl Iterator<Item = Result<Command<'_>, DecodeError>> {
        let (lines, delimited, refused) = match self {
            Self::Json => match text(frame) {
                Ok(text) => (Some(json::commands(text)), None, None),
                Err(error) => (None, None, Some(Err(error))),
            },
            Self::Protobuf => (None, Some(protobuf::commands(frame)), None),
        };
        lines.into_iter().flatten().chain(delimited.into_iter().flatten()).chain(refused)
    }

    /// Reads the messages of a server's frame. After an error nothing follows.
    pub fn messages(self, frame: &[u8]) -> impl Iterator<Item = Result<ServerMessage<'_>, DecodeError>> {
        let (lines, delimited, refused) = match self {
            Self::Json => match text(frame) {
                Ok(text) => (Some(json::messages(text)), None, None),
                Err(error) => (None, None, Some(Err(error))),
            },
            Self::Protobuf => (None, Some(protobuf::messages(frame)), None),
        };
        lines.into_iter().flatten().chain(delimited.into_iter().flatten()).chain(refused)
    }
}

fn text(frame: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(frame).map_err(|error| DecodeError::Syntax { column: error.valid_up_to() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::centrifuge::command::Request;
    use crate::centrifuge::reply::Res;

    #[test]
    fn subprotocols_name_their_encoding() {
        for encoding in [Encoding::Json, Encoding::Protobuf] {
            assert_eq!(Encoding::of_subprotocol(encoding.subprotocol()), Some(encoding));
        }
        assert_eq!(Encoding::of_subprotocol("graphql-ws"), None);
    }

    #[test]
    fn either_reads_what_it_writes() {
        let command = |id| Command { id, request: Request::Ping };
        let reply = Reply { id: 1, body: Ok(Res::Ping) };
        for encoding in [Encoding::Json, Encoding::Protobuf] {
            let mut frame = Vec::new();
            encoding.encode_command(&command(1), &mut frame);
            encoding.separate(&mut frame);
            encoding.encode_command(&command(2), &mut frame);
            assert_eq!(encoding.commands(&frame).collect::<Vec<_>>(), [Ok(command(1)), Ok(command(2))]);
            frame.clear();
            encoding.encode_reply(&reply, &mut frame);
            encoding.separate(&mut frame);
            frame.extend_from_slice(encoding.ping());
            let expected = [Ok(ServerMessage::Reply(reply.clone())), Ok(ServerMessage::Ping)];
            assert_eq!(encoding.messages(&frame).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn json_that_is_not_utf8_is_refused_once() {
        let frame = b"{}\n\xff";
        assert_eq!(
            Encoding::Json.commands(frame).collect::<Vec<_>>(),
            [Err(DecodeError::Syntax { column: 3 })]
        );
        assert_eq!(
            Encoding::Json.messages(frame).collect::<Vec<_>>(),
            [Err(DecodeError::Syntax { column: 3 })]
        );
    }
}
