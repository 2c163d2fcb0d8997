//! Upkeep: what has expired is freed, and history that there is no memory for, a bounded part at a time.

use super::{Cursor, Hub};
use crate::delivery::Delivery;
use crate::stripe::{Share, Swept as Garbage};
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, TryLockError};

/// What one call of [`Hub::expire`] has freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Channels whose position was forgotten.
    pub channels: usize,
    /// Publications whose time was up.
    pub publications: usize,
}

/// What one call of [`Hub::trim_history`] has freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trimmed {
    /// Publications that are not held any more.
    pub publications: usize,
    /// Memory that they and their places took, bytes. Whoever is being sent one still holds it for a while.
    pub bytes: usize,
}

/// Buckets that one call looks at, at most; one publication that goes counts like one bucket.
const BUCKETS_MAX: usize = 16 * 1024;
/// Buckets that are looked at under one lock.
const SLICE_BUCKETS: usize = 1024;
/// What a stripe costs even when it is empty.
const STRIPE_COST: usize = 16;

impl<D: Delivery> Hub<D> {
    /// Frees what has expired, a bounded part of the hub per call (up to 16,384 places in its tables); call it
    /// often, once a second say. It frees memory only: what has expired is never given out, swept or not.
    pub fn expire(&self, now_ms: u64) -> Swept {
        let mut total = Swept::default();
        self.walk(&self.sweep, |stripe, from, count| {
            let mut garbage = Garbage::default();
            let next = self.stripe(stripe).sweep(from, count, now_ms, &mut garbage);
            let publications = garbage.publications.iter().map(VecDeque::len).sum::<usize>();
            total.channels += garbage.channels.len();
            total.publications += publications;
            self.channels.fetch_sub(garbage.channels.len(), Ordering::Relaxed);
            Slice { next, publications, is_enough: false }
        });
        total
    }

    /// Makes room: drops publications from the history until so many bytes are free. Of each thousand places in the
    /// hub's tables the oldest publications go, whatever their channels: so of the hub the oldest, nearly. Positions
    /// stay, and whoever asks for what has gone is told of a gap.
    ///
    /// One call looks at a bounded part of the hub, up to 16,384 places and publications, and goes on where the one
    /// before ended. In a large hub it frees its share of what was asked for: call it again for the rest, as long as
    /// [`HubStats::bytes_history`](super::HubStats::bytes_history) is too large.
    pub fn trim_history(&self, bytes_to_free: usize) -> Trimmed {
        let mut total = Trimmed::default();
        if bytes_to_free == 0 {
            return total;
        }
        let share = Share { bytes_to_free, bytes_held: self.stats().bytes_history };
        if share.bytes_held == 0 {
            return total;
        }
        self.walk(&self.trim, |index, from, count| {
            let mut trimmed = Vec::new();
            let mut stripe = self.stripe(index);
            let before = stripe.footprint().history;
            let next = stripe.trim(from, count, share, SLICE_BUCKETS, &mut trimmed);
            total.bytes += before - stripe.footprint().history;
            drop(stripe);
            total.publications += trimmed.len();
            Slice { next, publications: trimmed.len(), is_enough: total.bytes >= bytes_to_free }
        });
        total
    }

    /// Goes on over the tables from where the last call stopped, slice by slice: until each stripe was looked at once,
    /// the work that one call may do is done, or it is enough. Does nothing while another thread is at it.
    fn walk(&self, cursor: &Mutex<Cursor>, mut look_at: impl FnMut(usize, usize, usize) -> Slice) {
        let Some(mut cursor) = try_lock(cursor) else { return };
        let mut budget = BUCKETS_MAX;
        let mut stripes_left = self.stripes.len();
        while budget > 0 && stripes_left > 0 {
            let count = SLICE_BUCKETS.min(budget);
            let slice = look_at(cursor.stripe, cursor.bucket, count);
            // A stripe that ended early is charged less than a slice.
            let looked_at = if slice.next.is_some() { count } else { STRIPE_COST };
            budget = budget.saturating_sub(looked_at + slice.publications);
            if let Some(bucket) = slice.next {
                cursor.bucket = bucket;
            } else {
                *cursor = Cursor { stripe: (cursor.stripe + 1) % self.stripes.len(), bucket: 0 };
                stripes_left -= 1;
            }
            if slice.is_enough {
                return;
            }
        }
    }
}

/// What came of looking at one slice of a table.
struct Slice {
    /// Where the table goes on; `None` at its end.
    next: Option<usize>,
    /// How many publications went.
    publications: usize,
    is_enough: bool,
}

fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
