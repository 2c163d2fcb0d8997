//! The channels behind one lock.
//!
//! The hub spreads its channels over many stripes by the hash of their names. A stripe owns the table of its
//! channels; whoever holds its lock sees shards, stream and history of a channel change as one.

use crate::delivery::ShardSet;
use crate::footprint::{Footprint, SHARED_BYTES, shrink};
use crate::history::{Held, Stream};
use crate::name_hash::NameHash;
use crate::presence::Members;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::ops::{Deref, DerefMut};
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

    /// Memory held, bytes; without the place in the table.
    fn footprint(&self) -> Footprint {
        let audience = self.audience.as_ref();
        let stream = self.stream.as_ref();
        Footprint {
            history: stream.map_or(0, |stream| stream.history_bytes()),
            presence: audience.map_or(0, |kept| size_of::<Audience>() + kept.members.bytes()),
            channels: SHARED_BYTES + self.name.len() + stream.map_or(0, |stream| stream.position_bytes()),
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
    pub(crate) publications: Vec<VecDeque<Held>>,
}

/// A channel that is being changed. When it goes out of scope, the stripe's account is right again.
#[derive(Debug)]
pub(crate) struct Edit<'s> {
    channel: &'s mut Channel,
    account: &'s mut Footprint,
    before: Footprint,
}

impl<'s> Edit<'s> {
    fn new(channel: &'s mut Channel, account: &'s mut Footprint) -> Self {
        let before = channel.footprint();
        Self { channel, account, before }
    }
}

impl Deref for Edit<'_> {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        self.channel
    }
}

impl DerefMut for Edit<'_> {
    fn deref_mut(&mut self) -> &mut Channel {
        self.channel
    }
}

impl Drop for Edit<'_> {
    fn drop(&mut self) {
        *self.account = *self.account - self.before + self.channel.footprint();
    }
}

/// How much of the history has to go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    pub(crate) bytes_to_free: usize,
    /// Of so many that the hub holds.
    pub(crate) bytes_held: usize,
}

impl Share {
    /// What it is of a part; of the smallest part something.
    fn of(self, bytes: usize) -> usize {
        let share = bytes as u128 * self.bytes_to_free as u128;
        usize::try_from(share.div_ceil(self.bytes_held.max(1) as u128)).unwrap_or(bytes).min(bytes)
    }
}

/// A table of channels.
#[derive(Debug)]
pub(crate) struct Stripe {
    hash: NameHash,
    table: HashTable<Channel>,
    /// What the channels hold; the table comes on top.
    account: Footprint,
    /// How often channels may have moved to other buckets.
    moves: u64,
}

impl Stripe {
    pub(crate) fn new(hash: NameHash) -> Self {
        Self { hash, table: HashTable::new(), account: Footprint::default(), moves: 0 }
    }

    /// Memory held, bytes.
    pub(crate) fn footprint(&self) -> Footprint {
        Footprint { channels: self.table.allocation_size(), ..Footprint::default() } + self.account
    }

    /// The channels in the buckets `from..from + count`.
    pub(crate) fn slice(&self, from: usize, count: usize) -> impl Iterator<Item = &Channel> {
        let end = self.table.num_buckets().min(from.saturating_add(count));
        (from..end).filter_map(|index| self.table.get_bucket(index))
    }

    /// How many buckets there are, and a number that changes whenever channels move from one to another.
    pub(crate) fn shape(&self) -> (usize, u64) {
        (self.table.num_buckets(), self.moves)
    }

    pub(crate) fn get(&self, hash: u64, name: &str) -> Option<&Channel> {
        self.table.find(hash, |channel| *channel.name == *name)
    }

    /// The channel, to be changed.
    pub(crate) fn edit(&mut self, hash: u64, name: &str) -> Option<Edit<'_>> {
        let channel = self.table.find_mut(hash, |channel| *channel.name == *name)?;
        Some(Edit::new(channel, &mut self.account))
    }

    /// The channel, to be changed, which is added if it is not there and `admit` agrees.
    pub(crate) fn edit_or_insert(
        &mut self,
        hash: u64,
        name: &str,
        admit: impl FnOnce() -> bool,
    ) -> Option<Edit<'_>> {
        let names = self.hash;
        let is_full = self.table.len() == self.table.capacity();
        let channel =
            match self.table.entry(hash, |channel| *channel.name == *name, |channel| names.of(&channel.name))
            {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    // A full table has been made anew for the vacant place.
                    self.moves += u64::from(is_full);
                    admit().then_some(())?;
                    let channel = entry.insert(Channel::new(name)).into_mut();
                    self.account = self.account + channel.footprint();
                    channel
                }
            };
        Some(Edit::new(channel, &mut self.account))
    }

    /// Removes the channel if nothing is left to remember it for; says whether it went.
    pub(crate) fn remove_if_vacant(&mut self, hash: u64, name: &str) -> bool {
        match self.table.find_entry(hash, |channel| *channel.name == *name) {
            Ok(entry) if entry.get().is_vacant() => {
                self.account = self.account - entry.get().footprint();
                entry.remove();
                true
            }
            _ => false,
        }
    }

    /// Takes out the oldest publications of the channels in the buckets `from..from + count`: their share of what has to
    /// be freed, at most `publications_max`. Returns where to go on, `None` at the end.
    pub(crate) fn trim(
        &mut self,
        from: usize,
        count: usize,
        share: Share,
        publications_max: usize,
        trimmed: &mut Vec<Held>,
    ) -> Option<usize> {
        let end = self.table.num_buckets().min(from.saturating_add(count));
        let oldest_of = |channel: &Channel| channel.stream.as_ref().and_then(|stream| stream.oldest_ms());
        let mut held = 0;
        let mut oldest = BinaryHeap::new();
        for index in from..end {
            let Some(channel) = self.table.get_bucket(index) else { continue };
            held += channel.footprint().history;
            oldest.extend(oldest_of(channel).map(|since_ms| Reverse((since_ms, index))));
        }
        let enough = self.account.history - share.of(held);
        while self.account.history > enough && trimmed.len() < publications_max {
            let Some(Reverse((_, index))) = oldest.pop() else { break };
            let Some(channel) = self.table.get_bucket_mut(index) else { continue };
            let mut channel = Edit::new(channel, &mut self.account);
            trimmed.extend(channel.stream.as_mut().and_then(|stream| stream.shed_oldest()));
            oldest.extend(oldest_of(&channel).map(|since_ms| Reverse((since_ms, index))));
        }
        (end < self.table.num_buckets()).then_some(end)
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
            let mut channel = Edit::new(channel, &mut self.account);
            let Some(stream) = channel.stream.as_mut() else { continue };
            let expired = stream.expire(now_ms);
            if !expired.is_empty() {
                swept.publications.push(expired);
            }
            // A position that somebody watches is kept, however long nothing was published.
            let is_over = stream.is_forgotten(now_ms) && !stream.is_waited_for() && channel.is_deserted();
            drop(channel);
            if let Ok(entry) = self.table.get_bucket_entry(index)
                && is_over
            {
                self.account = self.account - entry.get().footprint();
                swept.channels.push(entry.remove().0);
            }
        }
        if end < self.table.num_buckets() {
            return Some(end);
        }
        let names = self.hash;
        self.moves += 1;
        shrink(&mut self.table, |channel| names.of(&channel.name));
        None
    }
}

#[cfg(test)]
impl Stripe {
    /// What [`Stripe::footprint`] has to be, counted anew.
    pub(crate) fn recount(&self) -> Footprint {
        let channels = self.table.iter().map(|channel| Footprint {
            history: channel.stream.as_ref().map_or(0, |stream| stream.recount()),
            presence: (channel.audience.as_ref())
                .map_or(0, |audience| size_of::<Audience>() + audience.members.recount()),
            channels: channel.footprint().channels,
        });
        let table = Footprint { channels: self.table.allocation_size(), ..Footprint::default() };
        channels.fold(table, std::ops::Add::add)
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
