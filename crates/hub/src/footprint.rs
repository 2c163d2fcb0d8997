//! What things cost in memory, in bytes as they are asked of the allocator.

use hashbrown::HashTable;
use std::ops::{Add, Sub};

/// The two counts in front of whatever is shared.
pub(crate) const SHARED_BYTES: usize = 2 * size_of::<usize>();

/// What the hub, or a part of it, holds: bytes by what they are held for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Footprint {
    /// Publications that are kept, and the rings they are kept in.
    pub(crate) history: usize,
    /// Members and their users.
    pub(crate) presence: usize,
    /// Names, shards and positions of channels.
    pub(crate) channels: usize,
}

impl Add for Footprint {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            history: self.history + other.history,
            presence: self.presence + other.presence,
            channels: self.channels + other.channels,
        }
    }
}

impl Sub for Footprint {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            history: self.history - other.history,
            presence: self.presence - other.presence,
            channels: self.channels - other.channels,
        }
    }
}

/// Gives memory back after most entries have gone.
pub(crate) fn shrink<T>(table: &mut HashTable<T>, hash: impl Fn(&T) -> u64) {
    if table.capacity() > 64 && table.len() < table.capacity() / 8 {
        table.shrink_to(table.len() * 2, hash);
    }
}
