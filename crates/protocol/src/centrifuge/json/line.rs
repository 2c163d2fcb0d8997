//! From a frame to its messages: one JSON object a line.

use crate::centrifuge::decode_error::DecodeError;
use memchr::memchr;
use serde::Deserialize;
use serde_json::error::Category;

/// The messages of a frame; ends with the first error.
pub(crate) struct Lines<'a, T> {
    rest: Option<&'a str>,
    decode: fn(&'a str) -> Result<T, DecodeError>,
}

impl<'a, T> Lines<'a, T> {
    pub(super) fn new(frame: &'a str, decode: fn(&'a str) -> Result<T, DecodeError>) -> Self {
        Self { rest: Some(frame.strip_suffix('\n').unwrap_or(frame)), decode }
    }
}

impl<'a, T> Lines<'a, T> {
    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a str {
        self.rest.unwrap_or_default()
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
pub(in crate::centrifuge) fn object<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, DecodeError> {
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
