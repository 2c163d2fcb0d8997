//! The channels behind one lock.
//!
//! The hub spreads its channels over many stripes by the hash of their names. A stripe owns the table of its
//! channels; whoever holds its lock sees shards, stream and history of a channel change as one.

use crate::delivery::ShardSet;
use crate::history::Stream;
use crate::publication::Publication;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::collections::VecDeque;
use std::hash::Hasher;
use std::sync::Arc;

/// What the hub keeps of one channel.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) name: Arc<str>,
    /// The shards that have subscribers.
    pub(crate) shards: ShardSet,
    /// Boxed, so that the many channels that keep nothing are small.
    pub(crate) stream: Option<Box<Stream>>,
}

impl Channel {
    /// Nothing is left to remember the channel for.
    fn is_vacant(&self) -> bool {
        self.shards.is_empty() && self.stream.is_none()
    }
}

/// Hashes names so that nobody outside can choose names that collide: SipHash, begun with the hub's seed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NameHash {
    seed: u64,
}

impl NameHash {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed }
    }

    pub(crate) fn of(self, name: &str) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        hasher.write_u64(self.seed);
        hasher.write(name.as_bytes());
        hasher.finish()
    }
}

/// What a sweep has taken out, to be dropped without the lock.
#[derive(Debug, Default)]
pub(crate) struct Swept {
    pub(crate) channels: Vec<Channel>,
    pub(crate) publications: Vec<VecDeque<Arc<Publication>>>,
}

/// A table of channels.
#[derive(Debug)]
pub(crate) struct Stripe {
    hash: NameHash,
    table: HashTable<Channel>,
}

impl Stripe {
    pub(crate) const fn new(hash: NameHash) -> Self {
        Self { hash, table: HashTable::new() }
    }

    /// All channels, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Channel> {
        self.table.iter()
    }

    pub(crate) fn get_mut(&mut self, hash: u64, name: &str) -> Option<&mut Channel> {
        self.table.find_mut(hash, |channel| *channel.name == *name)
    }

    /// The channel, which is added if it is not there and `admit` agrees.
    pub(crate) fn get_or_insert(
        &mut self,
        hash: u64,
        name: &str,
        admit: impl FnOnce() -> bool,
    ) -> Option<&mut Channel> {
        let names = self.hash;
        match self.table.entry(hash, |channel| *channel.name == *name, |channel| names.of(&channel.name)) {
            Entry::Occupied(entry) => Some(entry.into_mut()),
            Entry::Vacant(entry) => admit().then(|| {
                let channel = Channel { name: name.into(), shards: ShardSet::default(), stream: None };
                entry.insert(channel).into_mut()
            }),
        }
    }

    /// Removes the channel if nothing is left to remember it for; says whether it went.
    pub(crate) fn remove_if_vacant(&mut self, hash: u64, name: &str) -> bool {
        match self.table.find_entry(hash, |channel| *channel.name == *name) {
            Ok(entry) if entry.get().is_vacant() => {
                entry.remove();
                true
            }
            _ => false,
        }
    }

    /// Takes out what has expired in the buckets `from..from + count`. Returns where to go on, `None` at the end.
    /// A table that grows in between is seen in part only; the next round sees the rest.
    pub(crate) fn sweep(
        &mut self,
        from: usize,
        count: usize,
        now_ms: u64,
        swept: &mut Swept,
    ) -> Option<usize> {
        let end = self.table.num_buckets().min(from.saturating_add(count));
        for index in from..end {
            let Some(channel) = self.table.get_bucket_mut(index) else { continue };
            let Some(stream) = channel.stream.as_mut() else { continue };
            let expired = stream.expire(now_ms);
            if !expired.is_empty() {
                swept.publications.push(expired);
            }
            // A position that somebody watches is kept, however long nothing was published.
            let vacant = channel.shards.is_empty() && stream.is_forgotten(now_ms);
            if let Ok(entry) = self.table.get_bucket_entry(index)
                && vacant
            {
                swept.channels.push(entry.remove().0);
            }
        }
        if end < self.table.num_buckets() {
            return Some(end);
        }
        self.shrink();
        None
    }

    /// Gives memory back after most channels have gone.
    fn shrink(&mut self) {
        if self.table.capacity() > 64 && self.table.len() < self.table.capacity() / 8 {
            let names = self.hash;
            self.table.shrink_to(self.table.len() * 2, |channel| names.of(&channel.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_without_history_is_small() {
        assert!(size_of::<Channel>() <= 40, "{}", size_of::<Channel>());
    }
}
