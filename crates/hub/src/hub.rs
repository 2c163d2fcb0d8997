//! The hub: who wants which channel, and the one place where a publication gets its offset.
//!
//! Channels are spread over stripes. One stripe's lock covers the offset, the history and the pushes into the
//! shards' inboxes, so in every inbox the order of a channel's publications is the order of their offsets. The same
//! lock covers joining: the answer to a join is made, and put into the shard's inbox by the caller's closure,
//! between two publications, so whoever joins can neither miss nor repeat one.

use crate::delivery::{Delivery, ShardId};
use crate::history::{HistoryError, HistoryPage, HistoryQuery, Stream};
use crate::options::ChannelOptions;
use crate::position::{EpochNames, Since, StreamPosition};
use crate::publication::{Publication, Publish};
use crate::recovery::Recovery;
use crate::stripe::{Channel, NameHash, Stripe, Swept as Garbage};
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

/// How large a hub may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubLimits {
    /// Into how many locks the channels are spread, at least 1. Default 64.
    pub stripes: usize,
    /// How many channels there may be at a time: those with subscribers and those with a stream. Default 1,000,000.
    pub channels_max: usize,
}

impl Default for HubLimits {
    fn default() -> Self {
        Self { stripes: 64, channels_max: 1_000_000 }
    }
}

/// What a shard wants to know when it joins a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JoinQuery<'a> {
    /// Recover what follows this position.
    pub recover: Option<Since<'a>>,
    /// The most publications to recover; when more were missed it is a gap. Default 300.
    pub publications_max: usize,
}

impl Default for JoinQuery<'_> {
    fn default() -> Self {
        Self { recover: None, publications_max: 300 }
    }
}

/// The state of a channel at the moment a shard joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The top of the stream: what the shard gets from now on follows it without a gap.
    pub position: StreamPosition,
    /// What came of [`JoinQuery::recover`].
    pub recovery: Recovery,
}

/// Why a publication was not taken. Nothing of it has happened then: no offset, no history, no delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishError {
    /// The inbox of a shard with subscribers is full.
    Busy {
        /// The shard.
        shard: ShardId,
        /// The publication, for another attempt.
        publish: Publish,
    },
    /// The channel would be one too many.
    ChannelLimit,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy { shard, .. } => write!(f, "the inbox of shard {shard} is full"),
            Self::ChannelLimit => f.write_str("the hub has as many channels as it may have"),
        }
    }
}

impl std::error::Error for PublishError {}

/// Why a shard could not join. The answer was not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinError {
    /// The channel would be one too many.
    ChannelLimit,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the hub has as many channels as it may have")
    }
}

impl std::error::Error for JoinError {}

/// How large a hub is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HubStats {
    /// Channels that are remembered, for their subscribers or for their stream.
    pub channels: usize,
    /// Channels with subscribers.
    pub channels_active: usize,
}

/// What one call of [`Hub::expire`] has freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Channels whose position was forgotten.
    pub channels: usize,
    /// Publications whose time was up.
    pub publications: usize,
}

/// Buckets that one call of [`Hub::expire`] looks at, at most; one publication that goes counts like one bucket.
const SWEEP_BUCKETS_MAX: usize = 16 * 1024;
/// Buckets that are looked at under one lock.
const SWEEP_SLICE_BUCKETS: usize = 1024;
/// What a stripe costs a sweep even when it is empty.
const SWEEP_STRIPE_COST: usize = 16;

/// All channels of a node. Any thread may call it; see the [module](self) for what is atomic.
pub struct Hub<D: Delivery> {
    stripes: Box<[PaddedStripe]>,
    names: NameHash,
    epochs: EpochNames,
    channels: AtomicUsize,
    channels_active: AtomicUsize,
    channels_max: usize,
    sweep: Mutex<SweepCursor>,
    delivery: D,
}

/// Two locks never share a cache line (two lines, since processors fetch them in pairs).
#[repr(align(128))]
struct PaddedStripe(Mutex<Stripe>);

/// Where the next sweep goes on.
#[derive(Debug, Default)]
struct SweepCursor {
    stripe: usize,
    bucket: usize,
}

impl<D: Delivery> Hub<D> {
    /// An empty hub. The seed names epochs and scatters channels: it should be random, and new in each process.
    ///
    /// # Panics
    /// If `limits.stripes` is 0.
    pub fn new(limits: HubLimits, seed: u64, delivery: D) -> Self {
        assert!(limits.stripes > 0, "a hub needs at least one stripe");
        let names = NameHash::new(seed);
        Self {
            stripes: (0..limits.stripes).map(|_| PaddedStripe(Mutex::new(Stripe::new(names)))).collect(),
            names,
            epochs: EpochNames::new(seed),
            channels: AtomicUsize::new(0),
            channels_active: AtomicUsize::new(0),
            channels_max: limits.channels_max,
            sweep: Mutex::default(),
            delivery,
        }
    }

    /// What carries the publications.
    pub const fn delivery(&self) -> &D {
        &self.delivery
    }

    /// Publishes into a channel: to the history, if the options keep one, and to all shards with subscribers.
    ///
    /// Returns the position of the publication; offset 0 and an empty epoch if it has none. Where nobody subscribes
    /// and nothing is kept, nothing happens.
    ///
    /// # Errors
    /// [`PublishError::Busy`] if any target has no room: then no shard gets it and no offset is used up.
    pub fn publish(
        &self,
        channel: &str,
        publish: Publish,
        options: &ChannelOptions,
        now_ms: u64,
    ) -> Result<StreamPosition, PublishError> {
        let hash = self.names.of(channel);
        let wants_place = options.has_stream() && !publish.skip_history;
        let mut stripe = self.lock(hash);
        let Some(entry) = stripe.get_or_insert(hash, channel, || wants_place && self.admit()) else {
            return if wants_place { Err(PublishError::ChannelLimit) } else { Ok(StreamPosition::default()) };
        };
        let shards = entry.shards;
        for (reserved, shard) in shards.iter().enumerate() {
            if !self.delivery.reserve(shard) {
                shards.iter().take(reserved).for_each(|shard| self.delivery.release(shard));
                return Err(PublishError::Busy { shard, publish });
            }
        }
        let (publication, position) = self.place(entry, publish, options, now_ms);
        shards.iter().for_each(|shard| self.delivery.push(shard, &publication));
        if shards.is_empty() && !wants_place {
            self.remove_if_vacant(&mut stripe, hash, channel);
        }
        drop(stripe);
        shards.iter().for_each(|shard| self.delivery.wake(shard));
        Ok(position)
    }

    /// Adds the shard to the channel (once, however often it joins) and reads, at the same moment, the channel's
    /// position and what was missed since [`JoinQuery::recover`].
    ///
    /// `answer` is called while the stripe is locked, so that it can put the answer into the shard's inbox before
    /// any later publication. It must not block and must not call the hub.
    ///
    /// # Errors
    /// [`JoinError::ChannelLimit`]; the shard has not joined then.
    pub fn join(
        &self,
        channel: &str,
        shard: ShardId,
        query: JoinQuery<'_>,
        options: &ChannelOptions,
        now_ms: u64,
        answer: impl FnOnce(Joined),
    ) -> Result<(), JoinError> {
        let hash = self.names.of(channel);
        let mut stripe = self.lock(hash);
        let entry = stripe.get_or_insert(hash, channel, || self.admit()).ok_or(JoinError::ChannelLimit)?;
        if entry.shards.is_empty() {
            self.channels_active.fetch_add(1, Ordering::Relaxed);
        }
        entry.shards.insert(shard);
        let (position, recovery) = match self.stream(entry, options, now_ms) {
            None => (StreamPosition::default(), query.recover.map_or(Recovery::NotAsked, |_| Recovery::Gap)),
            Some(stream) => {
                let recovery = query.recover.map_or(Recovery::NotAsked, |since| {
                    stream.recover(since, query.publications_max, now_ms)
                });
                (stream.position(), recovery)
            }
        };
        answer(Joined { position, recovery });
        Ok(())
    }

    /// Takes the shard out of the channel. Nothing is pushed for it into the shard's inbox afterwards. A channel
    /// that nobody is left in and that has no stream is gone.
    pub fn leave(&self, channel: &str, shard: ShardId, now_ms: u64) {
        let hash = self.names.of(channel);
        let mut stripe = self.lock(hash);
        let Some(entry) = stripe.get_mut(hash, channel) else { return };
        if !entry.shards.remove(shard) || !entry.shards.is_empty() {
            return;
        }
        self.channels_active.fetch_sub(1, Ordering::Relaxed);
        if let Some(stream) = &mut entry.stream {
            stream.touch(now_ms);
        }
        self.remove_if_vacant(&mut stripe, hash, channel);
    }

    /// Reads a part of the channel's history; empty, and without position, where the options keep no stream.
    ///
    /// # Errors
    /// [`HistoryError::UnrecoverablePosition`] if the query's position is not in the stream, or what follows it is
    /// no longer held.
    pub fn history(
        &self,
        channel: &str,
        query: HistoryQuery<'_>,
        options: &ChannelOptions,
        now_ms: u64,
    ) -> Result<HistoryPage, HistoryError> {
        if !options.has_stream() {
            return Ok(HistoryPage::default());
        }
        let hash = self.names.of(channel);
        let mut stripe = self.lock(hash);
        // An empty channel, too, gets its epoch now: a client may subscribe from this position later.
        let entry = stripe.get_or_insert(hash, channel, || self.admit()).ok_or(HistoryError::ChannelLimit)?;
        match self.stream(entry, options, now_ms) {
            Some(stream) => stream.page(&query, now_ms),
            None => Ok(HistoryPage::default()),
        }
    }

    /// Drops the channel's publications. Offset and epoch go on, so that whoever missed one of them is told.
    pub fn remove_history(&self, channel: &str) {
        let hash = self.names.of(channel);
        let mut stripe = self.lock(hash);
        let removed =
            stripe.get_mut(hash, channel).and_then(|entry| entry.stream.as_mut()).map(|s| s.clear());
        drop(stripe);
        drop(removed);
    }

    /// Frees what has expired, a bounded part of the hub per call (up to 16,384 places in its tables); call it
    /// often, once a second say. It frees memory only: what has expired is never given out, swept or not.
    pub fn expire(&self, now_ms: u64) -> Swept {
        let mut total = Swept::default();
        let mut cursor = match self.sweep.try_lock() {
            Ok(cursor) => cursor,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Another thread is at it.
            Err(TryLockError::WouldBlock) => return total,
        };
        let mut budget = SWEEP_BUCKETS_MAX;
        let mut stripes_left = self.stripes.len();
        while budget > 0 && stripes_left > 0 {
            let count = SWEEP_SLICE_BUCKETS.min(budget);
            let mut garbage = Garbage::default();
            let next = self.stripe(cursor.stripe).sweep(cursor.bucket, count, now_ms, &mut garbage);
            // A stripe that ended early is charged less than a slice.
            let publications = garbage.publications.iter().map(VecDeque::len).sum::<usize>();
            let looked_at = if next.is_some() { count } else { SWEEP_STRIPE_COST };
            budget = budget.saturating_sub(looked_at + publications);
            total.channels += garbage.channels.len();
            total.publications += publications;
            self.channels.fetch_sub(garbage.channels.len(), Ordering::Relaxed);
            if let Some(bucket) = next {
                cursor.bucket = bucket;
            } else {
                *cursor = SweepCursor { stripe: (cursor.stripe + 1) % self.stripes.len(), bucket: 0 };
                stripes_left -= 1;
            }
        }
        total
    }

    /// How large the hub is.
    pub fn stats(&self) -> HubStats {
        HubStats {
            channels: self.channels.load(Ordering::Relaxed),
            channels_active: self.channels_active.load(Ordering::Relaxed),
        }
    }

    /// The channels that have subscribers and that `accept` agrees to, in no order and at most `channels_max` of
    /// them. `accept` is called while a stripe is locked and must not call the hub.
    pub fn channels(&self, channels_max: usize, accept: impl Fn(&str) -> bool) -> Vec<Arc<str>> {
        let mut found = Vec::new();
        for index in 0..self.stripes.len() {
            let stripe = self.stripe(index);
            let active = stripe.iter().filter(|channel| !channel.shards.is_empty() && accept(&channel.name));
            found.extend(active.take(channels_max - found.len()).map(|channel| Arc::clone(&channel.name)));
        }
        found
    }

    /// Gives the publication its place, if it gets one, and builds what everybody shares.
    fn place(
        &self,
        entry: &mut Channel,
        publish: Publish,
        options: &ChannelOptions,
        now_ms: u64,
    ) -> (Arc<Publication>, StreamPosition) {
        let Publish { data, is_json, info, tags, skip_history, time_ms, delta, exclude, .. } = publish;
        let channel = Arc::clone(&entry.name);
        let stream = self.stream(entry, options, now_ms).filter(|_| !skip_history);
        let offset = stream.as_ref().map_or(0, |stream| stream.next_offset());
        let publication =
            Arc::new(Publication { channel, offset, data, is_json, info, tags, time_ms, delta, exclude });
        let position = stream.map_or_else(StreamPosition::default, |stream| {
            stream.append(&publication, options, now_ms);
            stream.position()
        });
        (publication, position)
    }

    /// The channel's stream, begun if there is none. Options that no longer keep one end it: what is published
    /// from now on would be missing in it, and nobody could tell.
    fn stream<'c>(
        &self,
        entry: &'c mut Channel,
        options: &ChannelOptions,
        now_ms: u64,
    ) -> Option<&'c mut Stream> {
        if !options.has_stream() {
            entry.stream = None;
            return None;
        }
        let stream = entry.stream.get_or_insert_with(|| Box::new(Stream::new(self.epochs.next())));
        stream.adopt(options, now_ms);
        Some(stream)
    }

    /// Counts a channel that is about to be added, if there may be another one.
    fn admit(&self) -> bool {
        let one_more = |channels| (channels < self.channels_max).then_some(channels + 1);
        self.channels.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    fn remove_if_vacant(&self, stripe: &mut Stripe, hash: u64, channel: &str) {
        if stripe.remove_if_vacant(hash, channel) {
            self.channels.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Locks the stripe of a channel. The tables inside pick buckets by the low bits of the hash, stripes are
    /// picked by higher ones.
    fn lock(&self, hash: u64) -> MutexGuard<'_, Stripe> {
        self.stripe((hash >> 32) as usize % self.stripes.len())
    }

    /// A lock that is poisoned is taken all the same: between any two calls of foreign code under it (`Delivery`,
    /// `answer`) a stripe is consistent.
    fn stripe(&self, index: usize) -> MutexGuard<'_, Stripe> {
        self.stripes[index].0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Delivery> fmt::Debug for Hub<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
