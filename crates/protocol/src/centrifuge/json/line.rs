//! From a frame to its messages: one JSON object a line.

use crate::centrifuge::code::Disconnect;
use memchr::memchr;
use serde::Deserialize;
use serde_json::error::Category;
use std::fmt;

/// Why a message cannot be understood. The peer is at fault; it is not worth reading on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// The frame, or a line of it, is empty.
    Empty,
    /// The line is not one JSON object.
    Syntax {
        /// How many bytes of the line were read.
        column: usize,
    },
    /// A field has the wrong type, is out of range or is there twice.
    Field {
        /// How many bytes of the line were read.
        column: usize,
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
            Self::Empty => f.write_str("empty message: a frame holds one JSON object a line"),
            Self::Syntax { column } => {
                write!(f, "malformed message at column {column}: a frame holds one JSON object a line")
            }
            Self::Field { column } => {
                write!(
                    f,
                    "a field before column {column} has the wrong type, is out of range or is there twice"
                )
            }
            Self::NoId => f.write_str("a command needs an id above zero; only send and pong go without"),
            Self::NoContent { id } => write!(f, "message {id} has none of the fields that this side knows"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// The messages of a frame; ends with the first error.
pub(super) struct Lines<'a, T> {
    rest: Option<&'a str>,
    decode: fn(&'a str) -> Result<T, DecodeError>,
}

impl<'a, T> Lines<'a, T> {
    pub(super) fn new(frame: &'a str, decode: fn(&'a str) -> Result<T, DecodeError>) -> Self {
        Self { rest: Some(frame.strip_suffix('\n').unwrap_or(frame)), decode }
    }
}

impl<T> Iterator for Lines<'_, T> {
    type Item = Result<T, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let line = match memchr(b'\n', rest.as_bytes()) {
            Some(end) => {
                self.rest = Some(&rest[end + 1..]);
                &rest[..end]
            }
            None => rest,
        };
        let message = (self.decode)(line);
        if message.is_err() {
            self.rest = None;
        }
        Some(message)
    }
}

impl<T> std::iter::FusedIterator for Lines<'_, T> {}

/// Reads one object.
pub(super) fn object<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, DecodeError> {
    // serde takes an array of the fields' values for an object, too.
    match line.trim_start_matches([' ', '\t', '\r']).as_bytes().first() {
        Some(b'{') => serde_json::from_str(line).map_err(|error| match error.classify() {
            Category::Data => DecodeError::Field { column: error.column() },
            Category::Syntax | Category::Eof | Category::Io => DecodeError::Syntax { column: error.column() },
        }),
        Some(_) => Err(DecodeError::Syntax { column: 0 }),
        None => Err(DecodeError::Empty),
    }
}
