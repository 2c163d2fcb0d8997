//! Bytes ready for the wire, shared by every outbox on a shard that holds them.

use std::ops::Deref;
use std::rc::Rc;

/// One or more whole WebSocket frames in one piece of memory.
///
/// A clone is a count, not a copy, and the count is not atomic: a frame is made on the shard that sends it and never
/// leaves it.
#[derive(Clone, Debug)]
pub struct Frame(Rc<[u8]>);

impl Frame {
    /// Takes a copy of `bytes`, which are whole encoded frames.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(Rc::from(bytes))
    }
}

impl Deref for Frame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// What one send carries: frames in order, owned until the send completes.
///
/// The shard lends one batch to send after send; only a send that cannot finish at once takes the list away.
#[derive(Debug, Default)]
pub struct Batch {
    frames: Vec<Frame>,
    bytes: usize,
}

impl Batch {
    /// Appends a frame.
    pub fn push(&mut self, frame: Frame) {
        self.bytes += frame.len();
        self.frames.push(frame);
    }

    /// The frames in order.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Length of all frames in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Lets go of the frames and keeps the list's memory.
    pub fn clear(&mut self) {
        self.frames.clear();
        self.bytes = 0;
    }
}
