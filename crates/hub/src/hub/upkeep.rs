//! Upkeep: what has expired is freed, a bounded part at a time.

use super::{Hub, SweepCursor};
use crate::delivery::Delivery;
use crate::stripe::Swept as Garbage;
use std::collections::VecDeque;
use std::sync::TryLockError;
use std::sync::atomic::Ordering;

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

impl<D: Delivery> Hub<D> {
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
}
