//! From a frame to its messages: each behind its length.

use super::read::{Message, merge};
use super::varint;
use crate::centrifuge::decode_error::DecodeError;

/// The messages of a frame; ends with the first error.
pub(super) struct Delimited<'a, T> {
    rest: Option<&'a [u8]>,
    decode: fn(&'a [u8]) -> Result<T, DecodeError>,
}

impl<'a, T> Delimited<'a, T> {
    pub(super) fn new(frame: &'a [u8], decode: fn(&'a [u8]) -> Result<T, DecodeError>) -> Self {
        Self { rest: Some(frame), decode }
    }
}

impl<T> Iterator for Delimited<'_, T> {
    type Item = Result<T, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut rest = self.rest.take()?;
        if rest.is_empty() {
            // There was a message before, or `rest` would not have been put back.
            return Some(Err(DecodeError::Empty));
        }
        let message = varint::read_delimited(&mut rest).ok_or(DecodeError::Wire).and_then(self.decode);
        if message.is_ok() && !rest.is_empty() {
            self.rest = Some(rest);
        }
        Some(message)
    }
}

impl<T> std::iter::FusedIterator for Delimited<'_, T> {}

/// Reads one message.
pub(super) fn message<'a, T: Message<'a> + Default>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    let mut message = T::default();
    merge(bytes, |field| message.field(field))?;
    Ok(message)
}
