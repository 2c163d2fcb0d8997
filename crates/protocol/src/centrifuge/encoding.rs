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
    pub fn commands(self, frame: &[u8]) -> Messages<'_, Command<'_>> {
        self.read(frame, json::command_reader, protobuf::command_reader)
    }

    /// Reads the messages of a server's frame. After an error nothing follows.
    pub fn messages(self, frame: &[u8]) -> Messages<'_, ServerMessage<'_>> {
        self.read(frame, json::message_reader, protobuf::message_reader)
    }

    fn read<'a, T>(
        self,
        frame: &'a [u8],
        lines: fn(&'a str) -> json::Lines<'a, T>,
        delimited: fn(&'a [u8]) -> protobuf::Delimited<'a, T>,
    ) -> Messages<'a, T> {
        Messages(match self {
            Self::Json => match std::str::from_utf8(frame) {
                Ok(text) => Reader::Json(lines(text)),
                Err(error) => Reader::Refused(Some(DecodeError::Syntax { column: error.valid_up_to() })),
            },
            Self::Protobuf => Reader::Protobuf(delimited(frame)),
        })
    }
}

/// The messages of a frame, one after the other; those of a client are [`Command`]s.
pub struct Messages<'a, T>(Reader<'a, T>);

enum Reader<'a, T> {
    Json(json::Lines<'a, T>),
    Protobuf(protobuf::Delimited<'a, T>),
    /// The frame is no text.
    Refused(Option<DecodeError>),
}

impl<'a, T> Messages<'a, T> {
    /// What has not been read yet: whole messages, which can be read later as a frame of their own.
    pub fn rest(&self) -> &'a [u8] {
        match &self.0 {
            Reader::Json(lines) => lines.rest().as_bytes(),
            Reader::Protobuf(delimited) => delimited.rest(),
            Reader::Refused(_) => &[],
        }
    }
}

impl<T> Iterator for Messages<'_, T> {
    type Item = Result<T, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Reader::Json(lines) => lines.next(),
            Reader::Protobuf(delimited) => delimited.next(),
            Reader::Refused(error) => error.take().map(Err),
        }
    }
}

impl<T> std::fmt::Debug for Messages<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Messages").field("rest", &self.rest().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::centrifuge::command::Request;
    use crate::centrifuge::reply::Res;

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
