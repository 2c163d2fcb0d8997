//! How long things took.

use std::time::Duration;

use super::counter::Shared;

/// The bounds of seconds: from what a call takes that waits for nobody to the longest anybody waits for.
pub(crate) const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Durations by [`SECONDS`], from any thread.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    within: [Shared; SECONDS.len() + 1],
    sum_ns: Shared,
}

/// What a histogram says: how many stayed within each bound, and within it alone; the last are beyond all.
#[derive(Debug, PartialEq)]
pub(crate) struct Reading<'b> {
    pub(crate) bounds: &'b [f64],
    /// One more than bounds.
    pub(crate) within: Vec<u64>,
    pub(crate) sum_s: f64,
}

impl Histogram {
    pub(crate) fn observe(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        let within = SECONDS.iter().position(|bound| seconds <= *bound).unwrap_or(SECONDS.len());
        self.within[within].add(1);
        self.sum_ns.add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn read(&self) -> Reading<'static> {
        Reading {
            bounds: &SECONDS,
            within: self.within.iter().map(Shared::get).collect(),
            sum_s: self.sum_ns.get() as f64 / 1e9,
        }
    }
}

impl Reading<'_> {
    pub(crate) fn count(&self) -> u64 {
        self.within.iter().sum()
    }

    /// Both together; they have the same bounds.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        for (sum, more) in self.within.iter_mut().zip(&other.within) {
            *sum += more;
        }
        self.sum_s += other.sum_s;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_within_itself() {
        let histogram = Histogram::default();
        for ms in [0, 1, 3, 60_000] {
            histogram.observe(Duration::from_millis(ms));
        }
        let read = histogram.read();
        assert_eq!(read.within, [1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!((read.count(), read.sum_s), (4, 60.004));
        let twice = histogram.read().and(&read);
        assert_eq!((twice.count(), twice.sum_s), (8, 120.008));
    }
}
