//! Header fields that the caller adds to what we send, guarded against injection (RFC 9110 §5.5).

use super::token::is_token;
use std::fmt;

/// A header field that may not be added.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidField {
    /// The name is not a token.
    Name(Box<str>),
    /// The value of the field with this name has control characters, such as a line end.
    Value(Box<str>),
    /// The handshake writes the field with this name itself, or it would change where the head ends.
    Reserved(Box<str>),
}

impl fmt::Display for InvalidField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "header name {name:?} must be a token of RFC 9110"),
            Self::Value(name) => write!(f, "the value of header {name} must not have control characters"),
            Self::Reserved(name) => write!(f, "header {name} is written by the handshake itself"),
        }
    }
}

impl std::error::Error for InvalidField {}

/// Fields that the handshake, or the framing of an HTTP message, has for itself.
const RESERVED: [&str; 6] =
    ["host", "upgrade", "connection", "content-length", "transfer-encoding", "trailer"];

const RESERVED_PREFIX: &str = "sec-websocket-";

/// Whether all fields may be added.
pub(super) fn check(fields: &[(&str, &str)]) -> Result<(), InvalidField> {
    fields.iter().try_for_each(|&(name, value)| {
        if !is_token(name.as_bytes()) {
            return Err(InvalidField::Name(name.into()));
        }
        if !is_value(value) {
            return Err(InvalidField::Value(name.into()));
        }
        if is_reserved(name) {
            return Err(InvalidField::Reserved(name.into()));
        }
        Ok(())
    })
}

/// Appends fields that [`check`] has passed.
pub(super) fn write(fields: &[(&str, &str)], out: &mut Vec<u8>) {
    for (name, value) in fields {
        for part in [name, ": ", value, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
}

fn is_value(value: &str) -> bool {
    value.bytes().all(|byte| byte == b'\t' || !byte.is_ascii_control())
}

fn is_reserved(name: &str) -> bool {
    let prefix = name.get(..RESERVED_PREFIX.len());
    prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(RESERVED_PREFIX))
        || RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved))
}
