//! The hub: who wants which channel, and the one place where a publication gets its offset.
//!
//! Channels are spread over stripes. One stripe's lock covers the offset, the history and the pushes into the
//! shards' inboxes, so in every inbox the order of a channel's publications is the order of their offsets. The same
//! lock covers joining: the answer to a join is made, and put into the shard's inbox by the caller's closure,
//! between two publications, so whoever joins can neither miss nor repeat one.
//!
//! - `publish`: a publication gets its place and goes out
//! - `joining`: shards come and go, and are told what they missed
//! - `attendance`: clients come and go, and who is there
//! - `polling`: what follows a position, and the next publication, for those who are in no channel
//! - `reading`: history and the list of channels
//! - `upkeep`: what has expired is freed, and what there is no memory for

#[cfg(test)]
mod accounts;
mod attendance;
mod joining;
mod polling;
mod publish;
mod reading;
mod upkeep;

pub use self::joining::{JoinError, JoinQuery, Joined};
pub use self::publish::{PublishError, Published};
pub use self::upkeep::{Swept, Trimmed};

use crate::channel::is_internal;
use crate::delivery::Delivery;
use crate::footprint::Footprint;
use crate::history::{Outdated, Stream};
use crate::name_hash::NameHash;
use crate::options::ChannelOptions;
use crate::position::EpochNames;
use crate::stripe::{Channel, Stripe};
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How large a hub may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubLimits {
    /// Into how many locks the channels are spread, at least 1. Default 64.
    pub stripes: usize,
    /// How many channels there may be at a time: those with subscribers, members or a stream.
    /// Default 1,000,000.
    pub channels_max: usize,
}

impl Default for HubLimits {
    fn default() -> Self {
        Self { stripes: 64, channels_max: 1_000_000 }
    }
}

/// How large a hub is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HubStats {
    /// Channels that are remembered, for their subscribers, their members or their stream.
    pub channels: usize,
    /// Channels with subscribers.
    pub channels_active: usize,
    /// Joins and leaves that a shard was not told of, since its inbox was full.
    pub notices_dropped: u64,
    /// Memory of the publications that are kept, bytes, with what surrounds them.
    pub bytes_history: usize,
    /// Memory of the presence, bytes. A client that is present in several channels is counted in each.
    pub bytes_presence: usize,
    /// Memory of the channels themselves, bytes: names, positions, and the tables they are found in.
    pub bytes_channels: usize,
}

/// All channels of a node. Any thread may call it; see the [module](self) for what is atomic.
///
/// Names that begin with U+0000 are the program's own ([`is_internal`]): nobody can name them in a command, they are not
/// counted against [`HubLimits::channels_max`] or in [`HubStats`], and no list has them. For the rest they are channels
/// like all others. They should keep no stream.
pub struct Hub<D: Delivery> {
    stripes: Box<[PaddedStripe]>,
    names: NameHash,
    epochs: EpochNames,
    channels: AtomicUsize,
    channels_active: AtomicUsize,
    channels_max: usize,
    notices_dropped: AtomicU64,
    /// The next [`WaitTicket`](crate::WaitTicket).
    tickets: AtomicU64,
    sweep: Mutex<Cursor>,
    trim: Mutex<Cursor>,
    delivery: D,
}

/// Two locks never share a cache line (two lines, since processors fetch them in pairs).
#[repr(align(128))]
struct PaddedStripe(Mutex<Stripe>);

/// Where the next walk over the tables goes on.
#[derive(Debug, Default)]
struct Cursor {
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
            notices_dropped: AtomicU64::new(0),
            tickets: AtomicU64::new(0),
            sweep: Mutex::default(),
            trim: Mutex::default(),
            delivery,
        }
    }

    /// What carries the publications.
    pub const fn delivery(&self) -> &D {
        &self.delivery
    }

    /// How large the hub is. Bytes are what the allocator is asked for; its own overhead comes on top. Takes the lock of
    /// each stripe for a moment, one after the other.
    pub fn stats(&self) -> HubStats {
        let footprints = (0..self.stripes.len()).map(|index| self.stripe(index).footprint());
        let held = footprints.fold(Footprint::default(), std::ops::Add::add);
        HubStats {
            channels: self.channels.load(Ordering::Relaxed),
            channels_active: self.channels_active.load(Ordering::Relaxed),
            notices_dropped: self.notices_dropped.load(Ordering::Relaxed),
            bytes_history: held.history,
            bytes_presence: held.presence,
            bytes_channels: held.channels,
        }
    }

    /// The channel's stream, begun if there is none, without what has expired. Options that no longer keep one end it: what
    /// is published from now on would be missing in it, and nobody could tell. What goes is not dropped here, since the
    /// stripe is locked.
    fn stream<'c>(
        &self,
        entry: &'c mut Channel,
        options: &ChannelOptions,
        now_ms: u64,
        outdated: &mut Outdated,
    ) -> Option<&'c mut Stream> {
        if !options.has_stream() {
            outdated.take_stream(&mut entry.stream);
            return None;
        }
        let stream = entry.stream.get_or_insert_with(|| Box::new(Stream::new(self.epochs.next())));
        stream.adopt(options, now_ms);
        outdated.take_expired(stream, now_ms);
        Some(stream)
    }

    /// Counts a channel that is about to be added, if there may be another one.
    fn admit(&self, channel: &str) -> bool {
        if is_internal(channel) {
            return true;
        }
        let one_more = |channels| (channels < self.channels_max).then_some(channels + 1);
        self.channels.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    fn remove_if_vacant(&self, stripe: &mut Stripe, hash: u64, channel: &str) {
        if stripe.remove_if_vacant(hash, channel) && !is_internal(channel) {
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
