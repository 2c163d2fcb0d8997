//! Why what a peer wrote cannot be understood, in either encoding.

use super::code::Disconnect;
use std::fmt;

/// Why a message cannot be understood. The peer is at fault; it is not worth reading on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// The frame, or a line of it, is empty.
    Empty,
    /// JSON: the line is not one JSON object.
    Syntax {
        /// How many bytes of the line were read.
        column: usize,
    },
    /// JSON: a field has the wrong type, is out of range or is there twice, or a map of a command has too many entries.
    Field {
        /// How many bytes of the line were read.
        column: usize,
    },
    /// Protobuf: a message or field is cut short, a number has more than 64 bits, or there is a group, which the
    /// protocol does not use.
    Wire,
    /// Protobuf: a field has another wire type than the schema's, or its text is not UTF-8.
    FieldType {
        /// The number of the field in its message.
        number: u32,
    },
    /// Protobuf: a map of a command has too many entries.
    FieldSize {
        /// The number of the field in its message.
        number: u32,
    },
    /// A command that has a reply needs an id above zero.
    NoId,
    /// The message has an id, and none of the fields that would say what it is.
    NoContent {
        /// The id.
        id: u32,
    },
}

impl DecodeError {
    /// What a server tells the client when it ends the connection for this.
    pub const fn disconnect(&self) -> Disconnect {
        Disconnect::BAD_REQUEST
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a frame or line is empty: each holds a message at least"),
            Self::Syntax { column } => {
                write!(f, "malformed message at column {column}: a frame holds one JSON object a line")
            }
            Self::Field { column } => {
                write!(
                    f,
                    "a field before column {column} has the wrong type, is out of range, is there twice or has too many \
                     entries"
                )
            }
            Self::Wire => {
                f.write_str("malformed message: a frame holds Protobuf messages, each behind its length")
            }
            Self::FieldType { number } => {
                write!(f, "a field with the number {number} has the wrong wire type or is not UTF-8")
            }
            Self::FieldSize { number } => {
                write!(f, "a field with the number {number} has too many entries")
            }
            Self::NoId => f.write_str("a command needs an id above zero; only send and pong go without"),
            Self::NoContent { id } => write!(f, "message {id} has none of the fields that this side knows"),
        }
    }
}

impl std::error::Error for DecodeError {}
