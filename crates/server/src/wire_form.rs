//! How a session is written to: what one message looks like, and what stands around several.

use wavecast_net::websocket::{self, Opcode};
use wavecast_protocol::centrifuge::{Encoding, Push, Reply, Res, json};

use crate::transport::Transport;

/// How a session is written to. What is published is encoded once a shard for each form that somebody takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum WireForm {
    /// Text messages of a WebSocket, a line for each reply.
    #[default]
    WebSocketJson,
    /// Binary messages of a WebSocket.
    WebSocketProtobuf,
    /// The body of an HTTP response, a line for each reply.
    HttpStreamJson,
    /// The body of an HTTP response, each reply behind its length.
    HttpStreamProtobuf,
    /// The body of an HTTP response in the form of EventSource (HTML standard §9.2), an event for each reply.
    Sse,
    /// One way: text messages of a WebSocket, one for each push.
    UniWebSocket,
    /// One way: the body of an HTTP response, a line for each push.
    UniHttpStream,
    /// One way: the body of an HTTP response, an event for each push.
    UniSse,
}

/// What one message looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Json,
    Protobuf,
    /// JSON for a client that nothing but pushes is said to: each stands by itself.
    Bare,
}

/// What stands around messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    WebSocket(Opcode),
    /// A WebSocket message for each.
    Single,
    /// A newline behind each.
    Lines,
    /// Nothing: each says its length.
    Delimited,
    /// `data: ` before each, and an empty line behind it.
    Events,
}

impl WireForm {
    pub(crate) const ALL: [Self; 8] = [
        Self::WebSocketJson,
        Self::WebSocketProtobuf,
        Self::HttpStreamJson,
        Self::HttpStreamProtobuf,
        Self::Sse,
        Self::UniWebSocket,
        Self::UniHttpStream,
        Self::UniSse,
    ];

    /// The form on a WebSocket.
    pub(crate) const fn web_socket(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Json => Self::WebSocketJson,
            Encoding::Protobuf => Self::WebSocketProtobuf,
        }
    }

    /// The number of the form, by which the net floor knows streams of this kind.
    pub(crate) const fn number(self) -> u8 {
        self as u8
    }

    /// The form with this number.
    pub(crate) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// In which encoding the client's commands come, and payloads are given to it.
    pub(crate) const fn encoding(self) -> Encoding {
        match self.dialect() {
            Dialect::Json | Dialect::Bare => Encoding::Json,
            Dialect::Protobuf => Encoding::Protobuf,
        }
    }

    pub(crate) const fn dialect(self) -> Dialect {
        match self {
            Self::WebSocketJson | Self::HttpStreamJson | Self::Sse => Dialect::Json,
            Self::WebSocketProtobuf | Self::HttpStreamProtobuf => Dialect::Protobuf,
            Self::UniWebSocket | Self::UniHttpStream | Self::UniSse => Dialect::Bare,
        }
    }

    /// What the bytes travel in.
    pub(crate) const fn transport(self) -> Transport {
        match self {
            Self::WebSocketJson | Self::WebSocketProtobuf => Transport::WebSocket,
            Self::HttpStreamJson | Self::HttpStreamProtobuf => Transport::HttpStream,
            Self::Sse => Transport::Sse,
            Self::UniWebSocket => Transport::UniWebSocket,
            Self::UniHttpStream => Transport::UniHttpStream,
            Self::UniSse => Transport::UniSse,
        }
    }

    /// Whether it is the body of an HTTP response: commands come by other requests, and its end is all there is of a close.
    pub(crate) const fn is_stream(self) -> bool {
        !matches!(self.framing(), Framing::WebSocket(_) | Framing::Single)
    }

    /// Whether all that the client has to say stands in its first request.
    pub(crate) const fn is_one_way(self) -> bool {
        matches!(self.dialect(), Dialect::Bare)
    }

    /// Whether each publication says where its reader stands.
    pub(crate) const fn marks_places(self) -> bool {
        matches!(self, Self::UniSse)
    }

    /// Whether its client has requests of its own for what it has to say: they need the session's secret name.
    pub(crate) const fn is_emulated(self) -> bool {
        self.is_stream() && !self.is_one_way()
    }

    const fn framing(self) -> Framing {
        match self {
            Self::WebSocketJson => Framing::WebSocket(Opcode::Text),
            Self::WebSocketProtobuf => Framing::WebSocket(Opcode::Binary),
            Self::HttpStreamJson | Self::UniHttpStream => Framing::Lines,
            Self::HttpStreamProtobuf => Framing::Delimited,
            Self::Sse | Self::UniSse => Framing::Events,
            Self::UniWebSocket => Framing::Single,
        }
    }

    /// Whether a message is nothing but the answer to a ping.
    pub(crate) fn is_pong(self, message: &[u8]) -> bool {
        match self.encoding() {
            Encoding::Json => message.trim_ascii() == Encoding::Json.ping(),
            Encoding::Protobuf => message == Encoding::Protobuf.ping(),
        }
    }

    /// Appends what stands between two messages that are framed together.
    pub(crate) fn separate(self, out: &mut Vec<u8>) {
        self.encoding().separate(out);
    }

    /// Appends a reply, not framed. Nobody is sent one who gets pushes alone: that the connection stands is a push there, too.
    pub(crate) fn encode_reply(self, reply: &Reply<'_>, out: &mut Vec<u8>) {
        match (self.dialect(), &reply.body) {
            (Dialect::Bare, Ok(Res::Connect(connect))) => {
                json::encode_bare_push(&Push::Connect(connect.clone()), out);
            }
            (Dialect::Bare, _) => debug_assert!(false, "a reply to who asked for none"),
            (Dialect::Json | Dialect::Protobuf, _) => self.encoding().encode_reply(reply, out),
        }
    }

    /// Appends encoded messages, with [`separate`](Self::separate) between them, framed.
    pub(crate) fn frame(self, messages: &[u8], out: &mut Vec<u8>) {
        match self.framing() {
            Framing::WebSocket(opcode) => websocket::frame::encode(opcode, messages, None, out),
            // No message holds the end of a line: payloads are put on one line when they come in.
            Framing::Single => {
                for message in messages.split(|&byte| byte == b'\n') {
                    websocket::frame::encode(Opcode::Text, message, None, out);
                }
            }
            Framing::Delimited => out.extend_from_slice(messages),
            Framing::Lines => {
                out.reserve(messages.len() + 1);
                out.extend_from_slice(messages);
                out.push(b'\n');
            }
            Framing::Events => {
                for message in messages.split(|&byte| byte == b'\n') {
                    out.reserve(message.len() + EVENT_FRAME_BYTES);
                    out.extend_from_slice(b"data: ");
                    out.extend_from_slice(message);
                    out.extend_from_slice(b"\n\n");
                }
            }
        }
    }
}

impl Dialect {
    /// Appends a push, not framed.
    pub(crate) fn encode_push(self, push: &Push<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Json => Encoding::Json.encode_push(push, out),
            Self::Protobuf => Encoding::Protobuf.encode_push(push, out),
            Self::Bare => json::encode_bare_push(push, out),
        }
    }
}

/// What an event has around its message.
const EVENT_FRAME_BYTES: usize = "data: \n\n".len();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_found_by_its_number() {
        for form in WireForm::ALL {
            assert_eq!(WireForm::of_number(form.number()), Some(form));
        }
        assert_eq!(WireForm::of_number(WireForm::ALL.len() as u8), None);
    }

    #[test]
    fn messages_are_framed_as_their_transport_has_it() {
        let framed = |form: WireForm, messages: &[u8]| {
            let mut out = Vec::new();
            form.frame(messages, &mut out);
            out
        };
        assert_eq!(framed(WireForm::WebSocketJson, b"{}"), b"\x81\x02{}");
        assert_eq!(framed(WireForm::WebSocketProtobuf, b"\0"), b"\x82\x01\0");
        assert_eq!(framed(WireForm::HttpStreamJson, b"{}\n{\"id\":1}"), b"{}\n{\"id\":1}\n");
        assert_eq!(framed(WireForm::HttpStreamProtobuf, b"\0\0"), b"\0\0");
        assert_eq!(framed(WireForm::UniHttpStream, b"{}\n{}"), b"{}\n{}\n");
        assert_eq!(framed(WireForm::UniWebSocket, b"{}\n[]"), b"\x81\x02{}\x81\x02[]");
        assert_eq!(framed(WireForm::Sse, b"{}\n{\"id\":1}"), b"data: {}\n\ndata: {\"id\":1}\n\n");
    }
}
