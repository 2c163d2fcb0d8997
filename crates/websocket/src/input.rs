//! The bytes that came in, lent by the caller.

/// A receive buffer, consumed from front to back.
///
/// Payloads are unmasked in place and events borrow from the buffer, so it is lent exclusively. One buffer can serve
/// any number of connections: what a connection still needs when [`receive`](crate::Connection::receive) returns
/// `Ok(None)` it has copied.
#[derive(Debug)]
pub struct Input<'b> {
    rest: &'b mut [u8],
}

impl<'b> Input<'b> {
    /// Lends the bytes that were received.
    #[must_use]
    pub fn new(bytes: &'b mut [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes not yet consumed.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The bytes not yet consumed, as they came in.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.rest
    }

    /// Consumes `len` bytes, or all if there are fewer.
    pub(crate) fn take(&mut self, len: usize) -> &'b mut [u8] {
        let rest = std::mem::take(&mut self.rest);
        let len = len.min(rest.len());
        let (taken, rest) = rest.split_at_mut(len);
        self.rest = rest;
        taken
    }

    /// The first `len` bytes, or all if there are fewer, not yet consumed.
    pub(crate) fn front(&mut self, len: usize) -> &mut [u8] {
        let len = len.min(self.rest.len());
        &mut self.rest[..len]
    }

    /// Consumes everything.
    pub(crate) fn discard(&mut self) {
        self.rest = &mut [];
    }
}
