//! Storage by slot number that grows by chunks.
//!
//! A `Vec` doubles: at 15,000 connections a quarter to a half of its memory is unused, and growing copies every
//! connection at once, in the middle of an accept storm. Here a chunk is added when the last is full; nothing moves.

use std::ops::{Index, IndexMut};

/// Slots a chunk holds.
const CHUNK: usize = 256;

/// A table of `T` addressed by slot number; slots spring into being as `T::default()`. For a handler's own state: see
/// [`ConnectionId::slot`](crate::shard::ConnectionId::slot).
///
/// # Panics
/// Indexing a slot that does not exist yet panics; [`Slots::reach`] makes it.
#[derive(Debug)]
pub struct Slots<T> {
    // Of a size that is known: a lookup checks one bound, not two.
    chunks: Vec<Box<[T; CHUNK]>>,
}

impl<T: Default> Default for Slots<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Default> Slots<T> {
    /// An empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self { chunks: Vec::new() }
    }

    /// Makes sure that `slot` exists.
    pub fn reach(&mut self, slot: u32) {
        while self.len() <= slot as usize {
            let chunk: Box<[T]> = (0..CHUNK).map(|_| T::default()).collect();
            self.chunks.extend(Box::<[T; CHUNK]>::try_from(chunk));
        }
    }

    /// Whether no slot exists yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Slots that exist, used or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chunks.len() * CHUNK
    }

    /// What stands in a slot, if the slot exists.
    #[must_use]
    pub fn get(&self, slot: u32) -> Option<&T> {
        self.chunks.get(slot as usize / CHUNK).map(|chunk| &chunk[slot as usize % CHUNK])
    }

    /// What stands in a slot, if the slot exists.
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.chunks.get_mut(slot as usize / CHUNK).map(|chunk| &mut chunk[slot as usize % CHUNK])
    }
}

impl<T> Index<u32> for Slots<T> {
    type Output = T;

    fn index(&self, slot: u32) -> &T {
        &self.chunks[slot as usize / CHUNK][slot as usize % CHUNK]
    }
}

impl<T> IndexMut<u32> for Slots<T> {
    fn index_mut(&mut self, slot: u32) -> &mut T {
        &mut self.chunks[slot as usize / CHUNK][slot as usize % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_by_whole_chunks_and_keeps_what_it_holds() {
        let mut slots = Slots::<u32>::new();
        slots.reach(0);
        slots[0] = 7;
        slots.reach(CHUNK as u32);
        assert_eq!((slots.len(), slots[0], slots[CHUNK as u32]), (2 * CHUNK, 7, 0));
        assert!(slots.get(2 * CHUNK as u32).is_none());
    }
}
