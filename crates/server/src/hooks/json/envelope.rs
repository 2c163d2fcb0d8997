//! The envelope of every answer: `{"result":{…}}`, `{"error":{"code","message","temporary"}}` or
//! `{"disconnect":{"code","reason"}}`. A disconnect counts before an error, and an error before a result.

use std::fmt;

use serde::Deserialize;
use wavecast_protocol::centrifuge::{Disconnect, Error};
use wavecast_websocket::REASON_BYTES_MAX;

use super::object::{Object, object, or_zero};

/// Why an answer was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::hooks) enum WrongAnswer {
    /// It is no JSON, or a field has a wrong type: what and where, but not the value, which is not for the log.
    Json { is_json: bool, line: usize, column: usize },
    /// A field that should be base64 is not.
    Base64(&'static str),
    /// An error needs a code above 0.
    ErrorCode,
    /// A disconnect needs a code that a close frame can have, 3000–4999.
    DisconnectCode(u32),
    /// The back end does not take what it is told.
    Refused(u32),
}

impl From<serde_json::Error> for WrongAnswer {
    fn from(error: serde_json::Error) -> Self {
        Self::Json { is_json: error.is_data(), line: error.line(), column: error.column() }
    }
}

impl fmt::Display for WrongAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json { is_json, line, column } => {
                let what = if *is_json { "has a field of a wrong type" } else { "is not JSON" };
                write!(f, "the answer {what}, at line {line}, column {column}")
            }
            Self::Base64(field) => write!(f, "{field} in the answer is not base64"),
            Self::ErrorCode => f.write_str("an error in the answer has no code"),
            Self::DisconnectCode(code) => {
                write!(f, "a disconnect in the answer has code {code}, which is not within 3000 to 4999")
            }
            Self::Refused(code) => write!(f, "the back end answers with code {code}"),
        }
    }
}

/// What was in the envelope.
pub(super) enum Envelope<R> {
    Result(Option<R>),
    Error(Error),
    Disconnect(Disconnect),
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
struct WireEnvelope<R> {
    #[serde(default = "none", deserialize_with = "object")]
    result: Option<R>,
    #[serde(default, deserialize_with = "object")]
    error: Option<WireError>,
    #[serde(default, deserialize_with = "object")]
    disconnect: Option<WireDisconnect>,
}

/// `default` on a generic field would ask for `R: Default`.
fn none<R>() -> Option<R> {
    None
}

#[derive(Deserialize)]
struct WireError {
    #[serde(default, deserialize_with = "or_zero")]
    code: u32,
    #[serde(default, deserialize_with = "or_zero")]
    message: String,
    #[serde(default, deserialize_with = "or_zero")]
    temporary: bool,
}

#[derive(Deserialize)]
struct WireDisconnect {
    #[serde(default, deserialize_with = "or_zero")]
    code: u32,
    #[serde(default, deserialize_with = "or_zero")]
    reason: String,
}

/// Opens it.
pub(super) fn open<'b, R: Deserialize<'b>>(body: &'b [u8]) -> Result<Envelope<R>, WrongAnswer> {
    let envelope: Object<WireEnvelope<R>> = serde_json::from_slice(body)?;
    let Some(envelope) = envelope.0 else { return Ok(Envelope::Result(None)) };
    if let Some(WireDisconnect { code, reason }) = envelope.disconnect {
        return disconnect(code, reason).map(Envelope::Disconnect);
    }
    if let Some(WireError { code, message, temporary }) = envelope.error {
        if code == 0 {
            return Err(WrongAnswer::ErrorCode);
        }
        return Ok(Envelope::Error(Error { code, message: message.into(), temporary }));
    }
    Ok(Envelope::Result(envelope.result))
}

fn disconnect(code: u32, mut reason: String) -> Result<Disconnect, WrongAnswer> {
    let code = u16::try_from(code)
        .ok()
        .filter(|code| Disconnect::CODES.contains(code))
        .ok_or(WrongAnswer::DisconnectCode(code))?;
    let mut end = reason.len().min(REASON_BYTES_MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.truncate(end);
    Ok(Disconnect { code, reason: reason.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_without_showing_values() {
        let table = [
            (
                r#"{"result":{"user":"a"},"error":"s3cret"}"#,
                "the answer has a field of a wrong type, at line 1, column 39",
            ),
            ("{\n s3cret", "the answer is not JSON, at line 2, column 2"),
            (
                r#"{"disconnect":{"code":7}}"#,
                "a disconnect in the answer has code 7, which is not within 3000 to 4999",
            ),
            (r#"{"error":{"message":"s3cret"}}"#, "an error in the answer has no code"),
        ];
        for (body, said) in table {
            let Err(wrong) = open::<serde::de::IgnoredAny>(body.as_bytes()) else { panic!("{body}") };
            assert_eq!(wrong.to_string(), said);
        }
    }
}
