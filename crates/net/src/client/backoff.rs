//! When to try again: exponential back-off with full jitter.
//!
//! When a server restarts, everybody loses the connection in the same instant. Delays drawn from a
//! growing range spread them; delays that merely grow would bring them all back together.

use std::time::Duration;

/// Doubling stops here, long after any sensible longest delay is reached.
const DOUBLINGS_MAX: u32 = 20;

/// Draws the delays of a client that connects again: a fixed least part, and a random part from a range that doubles
/// with each attempt up to a longest one.
#[derive(Debug, Clone)]
pub struct Backoff {
    least: Duration,
    base: Duration,
    most: Duration,
    random: fastrand::Rng,
}

impl Backoff {
    /// Delays of `least` and up to `base` × 2ⁿ more, together at most `most`. The same seed gives the same delays.
    #[must_use]
    pub fn new(least: Duration, base: Duration, most: Duration, seed: u64) -> Self {
        Self { least, base, most: most.max(least), random: fastrand::Rng::with_seed(seed) }
    }

    /// The delay before attempt number `attempt`, counted from 0.
    pub fn delay(&mut self, attempt: u32) -> Duration {
        let span = self.base.saturating_mul(1 << attempt.min(DOUBLINGS_MAX)).min(self.most);
        (self.least + span.mul_f64(self.random.f64())).min(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Duration = Duration::from_millis(500);
    const MOST: Duration = Duration::from_secs(20);

    #[test]
    fn delays_stay_in_their_range_and_the_range_grows() {
        for least in [Duration::ZERO, BASE] {
            let mut backoff = Backoff::new(least, BASE, MOST, 7);
            for attempt in [0, 1, 2, 5, 6, 31, u32::MAX] {
                let span = BASE.saturating_mul(1 << attempt.min(20)).min(MOST);
                let delays: Vec<_> = (0..1_000).map(|_| backoff.delay(attempt)).collect();
                let (low, high) = (*delays.iter().min().unwrap(), *delays.iter().max().unwrap());
                assert!(low >= least && high <= (least + span).min(MOST), "{attempt}: {low:?} to {high:?}");
                assert!(high - low > span.mul_f64(0.9), "{attempt}: only {low:?} to {high:?}");
            }
        }
    }

    #[test]
    fn a_seed_repeats_itself_and_seeds_differ() {
        let delays = |seed| {
            let mut backoff = Backoff::new(Duration::ZERO, BASE, MOST, seed);
            (0..10).map(|attempt| backoff.delay(attempt)).collect::<Vec<_>>()
        };
        assert_eq!(delays(1), delays(1));
        assert_ne!(delays(1), delays(2));
    }
}
