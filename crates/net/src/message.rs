//! What applications send and receive, on either side: messages, text or binary, whole or in pieces.

use wavecast_websocket::{self as websocket, Opcode};

/// A received message that owns its content.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Message {
    /// UTF-8 text.
    Text(String),
    /// Any bytes.
    Binary(Vec<u8>),
}

impl Message {
    /// Copies what a [`MessageRef`] borrows.
    pub fn copy_of(message: MessageRef<'_>) -> Self {
        match message {
            MessageRef::Text(text) => Self::Text(text.to_owned()),
            MessageRef::Binary(bytes) => Self::Binary(bytes.to_owned()),
        }
    }

    /// The content as text, where the message is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// The content as bytes, whatever the kind.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

/// A message that borrows its content: what `send` takes, and what an event or `recv_with` lends.
///
/// Sending borrows, because what is sent is framed, and so copied once in any case; strings and slices convert by
/// themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageRef<'m> {
    /// UTF-8 text.
    Text(&'m str),
    /// Any bytes.
    Binary(&'m [u8]),
}

/// Text or binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Binary,
}

/// A piece of a message that memory need not hold whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Piece<'p> {
    /// Whether the message is text. Its bytes have been checked, but a piece may end within a character.
    pub kind: Kind,
    /// The next bytes of the message: at most what one read holds
    /// ([`Options::receive_bytes`](crate::Options::receive_bytes)), or all of a message that had begun before. Only the
    /// last piece may be empty.
    pub bytes: &'p [u8],
    /// Whether the message begins with it.
    pub is_first: bool,
    /// Whether the message ends with it.
    pub is_last: bool,
}

impl Kind {
    /// What the first frame of such a message says.
    pub(crate) const fn opcode(self) -> Opcode {
        match self {
            Self::Text => Opcode::Text,
            Self::Binary => Opcode::Binary,
        }
    }
}

impl<'m> MessageRef<'m> {
    pub(crate) const fn opcode(&self) -> Opcode {
        self.kind().opcode()
    }

    /// Whether it is text or binary.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Binary(_) => Kind::Binary,
        }
    }

    /// The content as text, where the message is one.
    #[must_use]
    pub const fn as_text(&self) -> Option<&'m str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// The content as bytes, whatever the kind.
    #[must_use]
    pub const fn as_bytes(&self) -> &'m [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// Length of the content in bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether it has no content: such a message can be sent all the same.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'p> From<websocket::Piece<'p>> for Piece<'p> {
    fn from(piece: websocket::Piece<'p>) -> Self {
        let websocket::Piece { is_text, bytes, is_first, is_last } = piece;
        Self { kind: if is_text { Kind::Text } else { Kind::Binary }, bytes, is_first, is_last }
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

impl<'m> From<&'m Message> for MessageRef<'m> {
    fn from(message: &'m Message) -> Self {
        match message {
            Message::Text(text) => Self::Text(text),
            Message::Binary(bytes) => Self::Binary(bytes),
        }
    }
}

impl<'m> From<&'m str> for MessageRef<'m> {
    fn from(text: &'m str) -> Self {
        Self::Text(text)
    }
}

impl<'m> From<&'m String> for MessageRef<'m> {
    fn from(text: &'m String) -> Self {
        Self::Text(text)
    }
}

impl<'m> From<&'m [u8]> for MessageRef<'m> {
    fn from(bytes: &'m [u8]) -> Self {
        Self::Binary(bytes)
    }
}

impl<'m> From<&'m Vec<u8>> for MessageRef<'m> {
    fn from(bytes: &'m Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

impl<'m, const N: usize> From<&'m [u8; N]> for MessageRef<'m> {
    fn from(bytes: &'m [u8; N]) -> Self {
        Self::Binary(bytes)
    }
}
