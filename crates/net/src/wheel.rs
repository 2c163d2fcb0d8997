//! The timer wheel: many deadlines, most of them moved or cancelled before they come.
//!
//! Setting, moving and cancelling are a few pointer writes in a table that is addressed by timer number; there is no
//! allocation and no heap to keep in order. A deadline further away than one rotation stays in its bucket and is
//! looked at again a rotation later. Precision is one tick: nobody here needs better, and timers never fire early.

use std::time::Duration;

use crate::slots::Slots;

/// Length of a tick.
pub(crate) const TICK: Duration = Duration::from_millis(16);
/// Buckets, a power of two: one rotation is 16.4 s.
const BUCKETS: usize = 1024;
const NONE: u32 = u32::MAX;
/// In place of a tick: the timer has fired and nobody has taken notice yet.
const FIRED: u32 = u32::MAX - 1;
/// The last tick: 2.2 years after the first.
const LAST: u32 = u32::MAX - 2;

/// One timer: where it stands in the list of its bucket.
#[derive(Clone, Copy)]
struct Entry {
    /// The tick it is due at, `FIRED`, or `NONE` when it is not set.
    due: u32,
    next: u32,
    previous: u32,
}

impl Default for Entry {
    fn default() -> Self {
        Self { due: NONE, next: NONE, previous: NONE }
    }
}

/// Deadlines by timer number.
pub(crate) struct Wheel {
    entries: Slots<Entry>,
    heads: Box<[u32; BUCKETS]>,
    /// One bit a bucket that is not empty, so that an idle shard sleeps until the next one.
    occupied: [u64; BUCKETS / 64],
    /// Every tick up to and including this one has been handled.
    handled: u32,
}

impl Wheel {
    pub(crate) fn new() -> Self {
        Self {
            entries: Slots::new(),
            heads: Box::new([NONE; BUCKETS]),
            occupied: [0; BUCKETS / 64],
            handled: 0,
        }
    }

    /// Sets `timer` to fire `after` from `elapsed` (time since the wheel began); an earlier setting is replaced.
    pub(crate) fn set(&mut self, timer: u32, elapsed: Duration, after: Duration) {
        self.cancel(timer);
        self.entries.reach(timer);
        let due = tick_after(elapsed.saturating_add(after)).max(self.handled + 1);
        let bucket = bucket_of(due);
        let head = self.heads[bucket];
        self.entries[timer] = Entry { due, next: head, previous: NONE };
        if head != NONE {
            self.entries[head].previous = timer;
        }
        self.heads[bucket] = timer;
        self.occupied[bucket / 64] |= 1 << (bucket % 64);
    }

    /// Forgets `timer`, set or not.
    pub(crate) fn cancel(&mut self, timer: u32) {
        let Some(&Entry { due, next, previous }) = self.entries.get(timer) else { return };
        if due == NONE {
            return;
        }
        self.entries[timer] = Entry::default();
        if due == FIRED {
            return;
        }
        if next != NONE {
            self.entries[next].previous = previous;
        }
        if previous == NONE {
            let bucket = bucket_of(due);
            self.heads[bucket] = next;
            if next == NONE {
                self.occupied[bucket / 64] &= !(1 << (bucket % 64));
            }
        } else {
            self.entries[previous].next = next;
        }
    }

    /// Moves on to `elapsed` and puts the timers that are due into `fired`. They are no longer set; whoever acts on one asks
    /// [`Wheel::take_fired`] first.
    pub(crate) fn advance(&mut self, elapsed: Duration, fired: &mut Vec<u32>) {
        let now = (elapsed.as_millis() / TICK.as_millis()) as u32;
        if now <= self.handled {
            return;
        }
        // After a long sleep each bucket is visited once, not once a tick.
        let first = (self.handled + 1).max(now.saturating_sub(BUCKETS as u32 - 1));
        self.handled = now;
        for tick in first..=now {
            let mut timer = self.heads[bucket_of(tick)];
            while timer != NONE {
                let Entry { due, next, .. } = self.entries[timer];
                if due <= now {
                    self.cancel(timer);
                    self.entries[timer].due = FIRED;
                    fired.push(timer);
                }
                timer = next;
            }
        }
    }

    /// Whether a timer that has fired still counts: it has been neither cancelled nor set anew since. True once.
    pub(crate) fn take_fired(&mut self, timer: u32) -> bool {
        let Some(entry) = self.entries.get_mut(timer).filter(|entry| entry.due == FIRED) else {
            return false;
        };
        entry.due = NONE;
        true
    }

    /// How long from `elapsed` until a bucket has to be looked at; `None` when no timer is set.
    pub(crate) fn sleep(&self, elapsed: Duration) -> Option<Duration> {
        let start = self.handled as usize + 1;
        let words = self.occupied.len();
        let (mut word, bit) = (start % BUCKETS / 64, start % 64);
        let mut bits = self.occupied[word] & (u64::MAX << bit);
        for turn in 0..=words {
            if bits != 0 {
                let distance =
                    (word * 64 + bits.trailing_zeros() as usize + BUCKETS - start % BUCKETS) % BUCKETS;
                let due = TICK * (start + distance) as u32;
                return Some(due.saturating_sub(elapsed));
            }
            word = (word + 1) % words;
            // The first word comes again at the end, now for the bits before the start.
            bits = self.occupied[word];
            if turn + 1 == words {
                bits &= !(u64::MAX << bit);
            }
        }
        None
    }
}

fn bucket_of(tick: u32) -> usize {
    tick as usize % BUCKETS
}

/// The first tick that begins at or after `at`.
fn tick_after(at: Duration) -> u32 {
    let ticks = at.as_millis().div_ceil(TICK.as_millis());
    u32::try_from(ticks).unwrap_or(LAST).min(LAST)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    proptest! {
        /// Against a plain map: each timer fires once, not early, and at the first look after its tick.
        #[test]
        fn fires_what_a_map_would(steps in proptest::collection::vec((0u32..40, 0u64..60_000, 0u64..9_000, any::<bool>()), 1..200)) {
            let mut wheel = Wheel::new();
            let mut model = std::collections::BTreeMap::new();
            let mut now = 0;
            for (timer, after, step, cancel) in steps {
                if cancel {
                    wheel.cancel(timer);
                    model.remove(&timer);
                } else {
                    wheel.set(timer, ms(now), ms(after));
                    let handled = now / 16;
                    model.insert(timer, (now + after).div_ceil(16).max(handled + 1));
                }
                if let Some(sleep) = wheel.sleep(ms(now)) {
                    let nearest = *model.values().min().unwrap();
                    prop_assert!(now + sleep.as_millis() as u64 <= nearest * 16);
                    prop_assert!(sleep.as_millis() > 0 || nearest * 16 <= now);
                } else {
                    prop_assert!(model.is_empty());
                }
                now += step;
                let mut fired = Vec::new();
                wheel.advance(ms(now), &mut fired);
                fired.sort_unstable();
                prop_assert!(fired.iter().all(|timer| wheel.take_fired(*timer) && !wheel.take_fired(*timer)));
                let mut due: Vec<u32> = model.iter().filter(|(_, due)| **due <= now / 16).map(|(t, _)| *t).collect();
                due.sort_unstable();
                model.retain(|_, due| *due > now / 16);
                prop_assert_eq!(fired, due);
            }
        }
    }
}
