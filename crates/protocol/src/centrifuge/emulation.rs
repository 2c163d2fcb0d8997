//! What a client says beside its stream: commands in a request of their own, over transports that carry messages to the
//! client alone.

use std::borrow::Cow;

use serde::Deserialize;

use super::decode_error::DecodeError;
use super::encoding::Encoding;
use super::{json, protobuf};

/// Commands, and the session that they are for.
///
/// ```
/// use wavecast_protocol::centrifuge::{Emulation, Encoding};
///
/// let body = br#"{"session":"s","node":"n","data":"{\"id\":2,\"ping\":{}}"}"#;
/// let said = Emulation::decode(Encoding::Json, body)?;
/// assert_eq!((&*said.session, &*said.node), ("s", "n"));
/// assert_eq!(Encoding::Json.commands(&said.data).count(), 1);
/// # Ok::<(), wavecast_protocol::centrifuge::DecodeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Emulation<'a> {
    /// The session's secret name, as its connect reply says.
    pub session: Cow<'a, str>,
    /// The node that holds it, as the same reply says.
    pub node: Cow<'a, str>,
    /// Commands, as a message of a WebSocket would hold them.
    pub data: Cow<'a, [u8]>,
}

/// The same in JSON, where the commands are a string.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default)]
    session: Cow<'a, str>,
    #[serde(borrow, default)]
    node: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Cow<'a, str>,
}

impl<'a> Emulation<'a> {
    /// Reads a request's body. What is missing is empty.
    ///
    /// # Errors
    /// [`DecodeError`], for what is no such request.
    pub fn decode(encoding: Encoding, body: &'a [u8]) -> Result<Self, DecodeError> {
        match encoding {
            Encoding::Json => {
                let text = str::from_utf8(body)
                    .map_err(|error| DecodeError::Syntax { column: error.valid_up_to() })?;
                let Fields { session, node, data } = json::object(text)?;
                let data = match data {
                    Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                    Cow::Owned(text) => Cow::Owned(text.into_bytes()),
                };
                Ok(Self { session, node, data })
            }
            Encoding::Protobuf => protobuf::emulation(body),
        }
    }

    /// Writes a request's body. In JSON the commands have to be text.
    pub fn encode(&self, encoding: Encoding, out: &mut Vec<u8>) {
        match encoding {
            Encoding::Json => json::encode_emulation(self, out),
            Encoding::Protobuf => protobuf::encode_emulation(self, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let said = Emulation { session: "s\"1".into(), node: "n".into(), data: b"{}\n{\"id\":2}".into() };
        for encoding in [Encoding::Json, Encoding::Protobuf] {
            let mut body = Vec::new();
            said.encode(encoding, &mut body);
            assert_eq!(Emulation::decode(encoding, &body), Ok(said.clone()), "{encoding:?}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for body in ["", "x", "[]", "{\"data\":{}}", "{\"session\":1}", "{}}"] {
            assert!(Emulation::decode(Encoding::Json, body.as_bytes()).is_err(), "{body}");
        }
        assert!(Emulation::decode(Encoding::Json, b"{\"data\":\"\xff\"}").is_err());
        for body in [&b"\x08\x01"[..], b"\x0a\x05a", b"\x12\x01\xff", b"\x0b"] {
            assert!(Emulation::decode(Encoding::Protobuf, body).is_err(), "{body:?}");
        }
        assert_eq!(Emulation::decode(Encoding::Json, b"{}"), Ok(Emulation::default()));
        assert_eq!(Emulation::decode(Encoding::Protobuf, b""), Ok(Emulation::default()));
    }
}
