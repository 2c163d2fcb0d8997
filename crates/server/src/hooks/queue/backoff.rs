//! How long to rest after failures: exponential, with full jitter, so that those who failed together do not come back
//! together.

use std::time::Duration;

/// Draws pauses, from a seed.
#[derive(Debug)]
pub(super) struct Backoff {
    random: fastrand::Rng,
    min: Duration,
    max: Duration,
}

impl Backoff {
    pub(super) fn new(seed: u64, min: Duration, max: Duration) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), min, max }
    }

    /// The pause after so many failures in a row, the first being 1: anything from nothing to `min`, doubled with each failure
    /// up to `max`.
    pub(super) fn pause(&mut self, failures: u32) -> Duration {
        let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let longest = self.min.saturating_mul(doubled).min(self.max);
        longest.mul_f64(self.random.f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_are_spread() {
        let (min, max) = (Duration::from_millis(100), Duration::from_secs(20));
        let mut backoff = Backoff::new(7, min, max);
        for failures in [1, 2, 3, 8, 9, 40, u32::MAX] {
            let longest = min.saturating_mul(1 << (failures - 1).min(8)).min(max);
            let pauses: Vec<_> = (0..1000).map(|_| backoff.pause(failures)).collect();
            let (least, most) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
            assert!(*most <= longest && *most > longest.mul_f64(0.9), "{failures}: {most:?}");
            assert!(*least < longest.mul_f64(0.1), "{failures}: {least:?}");
        }
    }
}
