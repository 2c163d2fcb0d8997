//! Text that arrives in pieces, checked as it arrives.
//!
//! RFC 6455 §8.1 fails a connection whose text is not UTF-8. A piece may end in the middle of a character, so up to
//! three bytes wait for the next one; anything that cannot become a character is refused at the byte that shows it.

/// The bytes cannot be, or become, UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidUtf8;

/// A text under construction. Every byte is checked once; what has been checked is a `String` from then on.
#[derive(Debug, Default)]
pub struct Text {
    checked: String,
    unfinished: Unfinished,
}

/// A text that is checked and not kept, 5 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Check {
    unfinished: Unfinished,
}

/// The beginning of a character whose end has not arrived: `bytes[..len]`, at most three bytes at rest.
#[derive(Clone, Copy, Debug, Default)]
struct Unfinished {
    bytes: [u8; 4],
    len: u8,
}

impl Check {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { unfinished: Unfinished { bytes: [0; 4], len: 0 } }
    }

    /// Checks the next piece.
    ///
    /// # Errors
    /// [`InvalidUtf8`] when no continuation could make the text valid.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), InvalidUtf8> {
        let piece = self.unfinished.complete(piece, |_| {})?;
        let (whole, begun) = split_at_unfinished(piece);
        simdutf8::basic::from_utf8(whole).map_err(|_| InvalidUtf8)?;
        self.unfinished.keep(begun)
    }

    /// The text has ended.
    ///
    /// # Errors
    /// [`InvalidUtf8`] when it ends within a character.
    pub const fn finish(&self) -> Result<(), InvalidUtf8> {
        if self.unfinished.len == 0 { Ok(()) } else { Err(InvalidUtf8) }
    }
}

impl Text {
    /// An empty text; allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { checked: String::new(), unfinished: Unfinished { bytes: [0; 4], len: 0 } }
    }

    /// Appends a piece.
    ///
    /// # Errors
    /// [`InvalidUtf8`] when no continuation could make the text valid. What the text holds then is of no use.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), InvalidUtf8> {
        let Self { checked, unfinished } = self;
        let piece = unfinished.complete(piece, |character| checked.push_str(character))?;
        let (whole, begun) = split_at_unfinished(piece);
        checked.push_str(simdutf8::basic::from_utf8(whole).map_err(|_| InvalidUtf8)?);
        unfinished.keep(begun)
    }

    /// The text, if it does not end within a character.
    ///
    /// # Errors
    /// [`InvalidUtf8`] when it does.
    pub fn finish(&self) -> Result<&str, InvalidUtf8> {
        if self.unfinished.len == 0 { Ok(&self.checked) } else { Err(InvalidUtf8) }
    }

    /// Whole characters received so far.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.checked
    }

    /// Bytes received so far, those of an unfinished character included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.checked.len() + usize::from(self.unfinished.len)
    }

    /// Whether nothing has been received.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes the text can grow to before it allocates.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.checked.capacity()
    }

    /// Makes room for `additional` more bytes and not one more.
    pub fn reserve_exact(&mut self, additional: usize) {
        self.checked.reserve_exact(additional);
    }
}

impl Unfinished {
    /// Feeds the unfinished character; what it leaves of the piece is returned.
    fn complete<'p>(
        &mut self,
        mut piece: &'p [u8],
        mut whole: impl FnMut(&str),
    ) -> Result<&'p [u8], InvalidUtf8> {
        while self.len > 0 {
            let Some((&byte, rest)) = piece.split_first() else { break };
            piece = rest;
            let len = usize::from(self.len);
            self.bytes[len] = byte;
            match std::str::from_utf8(&self.bytes[..=len]) {
                Ok(character) => {
                    whole(character);
                    self.len = 0;
                }
                // An unfinished character has at most three bytes, so the next one still has its place.
                Err(error) if error.error_len().is_none() => self.len += 1,
                Err(_) => return Err(InvalidUtf8),
            }
        }
        Ok(piece)
    }

    /// Keeps the beginning of a character, unless it already rules out every end.
    fn keep(&mut self, begun: &[u8]) -> Result<(), InvalidUtf8> {
        if begun.is_empty() {
            return Ok(());
        }
        match std::str::from_utf8(begun) {
            Err(error) if error.valid_up_to() == 0 && error.error_len().is_none() => {
                self.bytes[..begun.len()].copy_from_slice(begun);
                self.len = begun.len() as u8;
                Ok(())
            }
            _ => Err(InvalidUtf8),
        }
    }
}

/// Splits off a character that begins in the last three bytes and needs more bytes than there are.
fn split_at_unfinished(piece: &[u8]) -> (&[u8], &[u8]) {
    for back in 1..=piece.len().min(3) {
        let at = piece.len() - back;
        let needed = match piece[at] {
            0x80..=0xbf => continue, // within a character: its first byte is further left
            0x00..=0x7f => 1,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
        };
        return if needed > back { piece.split_at(at) } else { (piece, &[]) };
    }
    (piece, &[])
}
