//! The channels behind one lock.
//!
//! The hub spreads its channels over many stripes by the hash of their names. A stripe owns the table of its
//! channels; whoever holds its lock sees shards, stream and history of a channel change as one.

use crate::delivery::ShardSet;
use crate::history::Stream;
use crate::name_hash::NameHash;
use crate::presence::{Members, shrink};
use crate::publication::Publication;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::collections::VecDeque;
use std::sync::Arc;

/// What the hub keeps of one channel.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) name: Arc<str>,
    /// The shards that have subscribers.
    pub(crate) shards: ShardSet,
    /// Boxed, so that the many channels that keep nothing are small.
    pub(crate) stream: Option<Box<Stream>>,
    /// Boxed for the same reason; none while it would hold nothing.
    audience: Option<Box<Audience>>,
}

/// What is known of those who are in a channel.
#[derive(Debug, Default)]
struct Audience {
    members: Members,
    /// The back end was told that the channel is occupied.
    is_occupancy_told: bool,
}

impl Channel {
    fn new(name: &str) -> Self {
        Self { name: name.into(), shards: ShardSet::default(), stream: None, audience: None }
    }

    /// Those whose presence is kept; `None` when there are none.
    pub(crate) fn members(&self) -> Option<&Members> {
        self.audience.as_ref().map(|audience| &audience.members)
    }

    /// Changes who is present.
    pub(crate) fn change_members(&mut self, change: impl FnOnce(&mut Members)) {
        change(&mut self.audience.get_or_insert_default().members);
        self.tidy();
    }

    /// Notes that the back end is told that the channel is occupied.
    pub(crate) fn tell_occupancy(&mut self) {
        self.audience.get_or_insert_default().is_occupancy_told = true;
    }

    /// The channel is vacated: says whether the back end was told of the opposite.
    pub(crate) fn take_back_occupancy(&mut self) -> bool {
        let told =
            self.audience.as_mut().is_some_and(|audience| std::mem::take(&mut audience.is_occupancy_told));
        self.tidy();
        told
    }

    fn tidy(&mut self) {
        if self.audience.as_ref().is_some_and(|kept| kept.members.is_empty() && !kept.is_occupancy_told) {
            self.audience = None;
        }
    }

    /// Nobody is in the channel.
    fn is_deserted(&self) -> bool {
        self.shards.is_empty() && self.audience.is_none()
    }

    /// Nothing is left to remember the channel for.
    fn is_vacant(&self) -> bool {
        self.is_deserted() && self.stream.is_none()
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

    pub(crate) fn get(&self, hash: u64, name: &str) -> Option<&Channel> {
        self.table.find(hash, |channel| *channel.name == *name)
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
            Entry::Vacant(entry) => admit().then(|| entry.insert(Channel::new(name)).into_mut()),
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
            let is_forgotten = stream.is_forgotten(now_ms);
            let vacant = is_forgotten && channel.is_deserted();
            if let Ok(entry) = self.table.get_bucket_entry(index)
                && vacant
            {
                swept.channels.push(entry.remove().0);
            }
        }
        if end < self.table.num_buckets() {
            return Some(end);
        }
        let names = self.hash;
        shrink(&mut self.table, |channel| names.of(&channel.name));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_without_history_is_small() {
        assert!(size_of::<Channel>() <= 48, "{}", size_of::<Channel>());
    }
}
