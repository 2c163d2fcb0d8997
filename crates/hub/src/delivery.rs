//! The shards' inboxes as the hub sees them.

use crate::publication::{Membership, Publication};
use std::fmt;
use std::sync::Arc;

/// The most shards a node can have.
pub const SHARDS_MAX: u16 = 128;

/// The number of one shard (event loop) of this node, below [`SHARDS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardId(pub u16);

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the hub puts into a shard's inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Something was published.
    Publication(Arc<Publication>),
    /// Somebody has come into a channel.
    Join(Arc<Membership>),
    /// Somebody has gone out of a channel.
    Leave(Arc<Membership>),
}

/// Carries events into the inboxes of the shards. The node implements it.
///
/// For each event the hub calls, per target shard, `reserve` and then exactly one of `push` and `release`. A shard
/// without room makes a publication fail for all; a join or leave it is not told of (they are sent at most once).
///
/// All but `wake`, which is called after unlocking, are called while the channel's stripe is locked: they must not
/// block and must not call the hub.
pub trait Delivery: Send + Sync {
    /// Keeps room for one event free in the shard's inbox; `false` when the inbox is full.
    fn reserve(&self, shard: ShardId) -> bool;

    /// Gives one reservation back, unused.
    fn release(&self, shard: ShardId);

    /// Puts the event into the shard's inbox and uses up one reservation.
    fn push(&self, shard: ShardId, event: Event);

    /// Lets the shard know that its inbox has grown.
    fn wake(&self, shard: ShardId);

    /// The channel has its first subscribers on this node, where the options want that to be told. For one channel
    /// it alternates with `vacated`, in the true order. Does nothing by default.
    fn occupied(&self, channel: &Arc<str>) {
        let _ = channel;
    }

    /// A channel that was told to be occupied has no subscribers on this node any more. Does nothing by default.
    fn vacated(&self, channel: &Arc<str>) {
        let _ = channel;
    }
}

impl<D: Delivery + ?Sized> Delivery for Arc<D> {
    fn reserve(&self, shard: ShardId) -> bool {
        (**self).reserve(shard)
    }
    fn release(&self, shard: ShardId) {
        (**self).release(shard);
    }
    fn push(&self, shard: ShardId, event: Event) {
        (**self).push(shard, event);
    }
    fn wake(&self, shard: ShardId) {
        (**self).wake(shard);
    }
    fn occupied(&self, channel: &Arc<str>) {
        (**self).occupied(channel);
    }
    fn vacated(&self, channel: &Arc<str>) {
        (**self).vacated(channel);
    }
}

/// The shards that have subscribers of one channel: a bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ShardSet([u64; (SHARDS_MAX / 64) as usize]);

impl ShardSet {
    /// Adds the shard; says whether it was new.
    pub(crate) fn insert(&mut self, shard: ShardId) -> bool {
        let (word, bit) = Self::place(shard);
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }

    /// Takes the shard out; says whether it was there.
    pub(crate) fn remove(&mut self, shard: ShardId) -> bool {
        let (word, bit) = Self::place(shard);
        let there = self.0[word] & bit != 0;
        self.0[word] &= !bit;
        there
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    /// The shards in ascending order.
    pub(crate) fn iter(self) -> impl Iterator<Item = ShardId> {
        self.0.into_iter().zip((0u16..).step_by(64)).flat_map(|(word, base)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let bit = u16::try_from(left.trailing_zeros()).ok().filter(|&bit| bit < 64)?;
                left &= left - 1;
                Some(ShardId(base + bit))
            })
        })
    }

    fn place(shard: ShardId) -> (usize, u64) {
        assert!(shard.0 < SHARDS_MAX, "shard {shard} of at most {SHARDS_MAX}");
        (usize::from(shard.0 / 64), 1 << (shard.0 % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_gives_back_what_was_put_in() {
        let mut set = ShardSet::default();
        for shard in [127, 0, 63, 64, 5] {
            assert!(set.insert(ShardId(shard)));
            assert!(!set.insert(ShardId(shard)));
        }
        assert_eq!(set.iter().map(|shard| shard.0).collect::<Vec<_>>(), [0, 5, 63, 64, 127]);
        assert!(set.remove(ShardId(63)) && !set.remove(ShardId(63)));
        assert_eq!(set.iter().count(), 4);
        for shard in [127, 0, 64, 5] {
            set.remove(ShardId(shard));
        }
        assert!(set.is_empty());
    }

    #[test]
    #[should_panic(expected = "shard 128 of at most 128")]
    fn a_shard_beyond_the_limit_is_a_mistake_of_the_caller() {
        ShardSet::default().insert(ShardId(SHARDS_MAX));
    }
}
