//! Latency: recorded in each load process, carried to the orchestrator, merged and summed up there.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Everything longer is counted as this long: the load never waits longer for a delivery either.
const LATENCY_NS_MAX: u64 = 600_000_000_000;

/// A histogram of nanoseconds with three significant digits.
#[derive(Clone, Debug)]
pub(super) struct Latency(Histogram<u64>);

impl Latency {
    pub(super) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3);
        Self(histogram.expect("the bounds are constants that the histogram accepts"))
    }

    pub(super) fn record(&mut self, ns: u64) {
        self.0.saturating_record(ns.max(1));
    }

    pub(super) fn clear(&mut self) {
        self.0.reset();
    }

    /// The buckets that are not empty, as (nanoseconds, count): what goes through the pipe.
    pub(super) fn buckets(&self) -> Vec<(u64, u64)> {
        self.0
            .iter_recorded()
            .map(|bucket| (bucket.value_iterated_to(), bucket.count_since_last_iteration()))
            .collect()
    }

    /// Adds what another process recorded.
    pub(super) fn add(&mut self, buckets: &[(u64, u64)]) {
        for &(ns, count) in buckets {
            self.0.saturating_record_n(ns.max(1), count);
        }
    }

    pub(super) fn summary(&self) -> LatencySummary {
        let us = |quantile: f64| self.0.value_at_quantile(quantile) as f64 / 1e3;
        LatencySummary {
            samples: self.0.len(),
            p50_us: us(0.5),
            p99_us: us(0.99),
            p999_us: us(0.999),
            max_us: self.0.max() as f64 / 1e3,
        }
    }
}

/// Latency in microseconds, from the stamp in the payload to the end of the read that brought it in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LatencySummary {
    pub(super) samples: u64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) p999_us: f64,
    pub(super) max_us: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_two_halves_equals_recording_the_whole() {
        let (mut whole, mut left, mut right) = (Latency::new(), Latency::new(), Latency::new());
        for ns in (1..200_000_u64).step_by(7) {
            whole.record(ns);
            if ns % 2 == 0 { left.record(ns) } else { right.record(ns) }
        }
        let mut merged = Latency::new();
        merged.add(&left.buckets());
        merged.add(&right.buckets());
        assert_eq!(merged.summary(), whole.summary());
    }

    #[test]
    fn summary_is_in_microseconds_and_within_a_thousandth() {
        let mut latency = Latency::new();
        (1..=1000_u64).for_each(|ms| latency.record(ms * 1_000_000));
        let summary = latency.summary();
        assert_eq!(summary.samples, 1000);
        for (measured, exact) in [
            (summary.p50_us, 500_000.0),
            (summary.p99_us, 990_000.0),
            (summary.p999_us, 999_000.0),
            (summary.max_us, 1_000_000.0),
        ] {
            assert!((measured / exact - 1.0).abs() < 0.002, "{measured} is not {exact}");
        }
    }

    #[test]
    fn impossible_values_are_held_within_the_bounds() {
        let mut latency = Latency::new();
        latency.record(0);
        latency.record(u64::MAX);
        assert_eq!(latency.summary().samples, 2);
        latency.clear();
        assert_eq!(latency.summary().samples, 0);
    }
}
