//! When to try again: exponential back-off with full jitter.
//!
//! When a server restarts, everybody loses the connection in the same instant. Delays drawn from a
//! growing range spread them; delays that merely grow would bring them all back together.

use std::time::Duration;

/// Doubling stops here, long after any sensible longest delay is reached.
const DOUBLINGS_MAX: u32 = 20;

/// Draws delays between `min` and `max`.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    random: fastrand::Rng,
}

impl Backoff {
    pub(crate) fn new(min: Duration, max: Duration, seed: u64) -> Self {
        Self { min, max: max.max(min), random: fastrand::Rng::with_seed(seed) }
    }

    /// The delay before attempt number `attempt`, counted from 0: `min` and a share of
    /// `min × 2^attempt` on top, at most `max`.
    pub(crate) fn delay(&mut self, attempt: u32) -> Duration {
        let span = self.min.saturating_mul(1 << attempt.min(DOUBLINGS_MAX)).min(self.max);
        (self.min + span.mul_f64(self.random.f64())).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_millis(500);
    const MAX: Duration = Duration::from_secs(20);

    #[test]
    fn delays_stay_in_their_range_and_the_range_grows() {
        let mut backoff = Backoff::new(MIN, MAX, 7);
        for attempt in [0, 1, 2, 5, 6, 31, u32::MAX] {
            let span = MIN.saturating_mul(1 << attempt.min(20)).min(MAX);
            let delays: Vec<_> = (0..1_000).map(|_| backoff.delay(attempt)).collect();
            let (low, high) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
            assert!(*low >= MIN && *high <= (MIN + span).min(MAX), "{attempt}: {low:?} to {high:?}");
            assert!(*high - *low > span.mul_f64(0.9), "{attempt}: only {low:?} to {high:?}");
        }
    }

    #[test]
    fn a_seed_repeats_itself_and_seeds_differ() {
        let delays = |seed| {
            let mut backoff = Backoff::new(MIN, MAX, seed);
            (0..10).map(|attempt| backoff.delay(attempt)).collect::<Vec<_>>()
        };
        assert_eq!(delays(1), delays(1));
        assert_ne!(delays(1), delays(2));
    }
}
