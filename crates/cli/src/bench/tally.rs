//! What a load counts for each delivery.

use super::arrivals::Arrivals;
use super::control::Report;
use super::latency::Latency;
use super::stamp::Stamp;

/// The counts of one load process since `Begin`; arrivals are counted from the first publication on.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) arrivals: Arrivals,
    latency: Latency,
    report: Report,
}

impl Tally {
    pub(super) fn new(subscribers: u32) -> Self {
        Self { arrivals: Arrivals::new(subscribers), latency: Latency::new(), report: Report::default() }
    }

    pub(super) fn begin(&mut self) {
        self.latency.clear();
        self.report = Report::default();
    }

    pub(super) fn report(&self) -> Report {
        Report { latency: self.latency.buckets(), ..self.report.clone() }
    }

    pub(super) fn count_read(&mut self, bytes: usize) {
        self.report.reads += 1;
        self.report.bytes += bytes as u64;
    }

    /// Counts a reply that brought exactly what was missed.
    pub(super) fn count_recovered(&mut self) {
        self.report.recovered += 1;
    }

    /// Counts a delivery; `previous` is the one before it on the same connection.
    #[inline]
    pub(super) fn count_delivery(&mut self, stamp: Stamp, previous: &mut u32, now_ns: u64) {
        self.report.deliveries += 1;
        self.report.out_of_order += u64::from(stamp.sequence != previous.wrapping_add(1));
        *previous = stamp.sequence;
        self.latency.record(now_ns.saturating_sub(stamp.sent_ns));
        self.arrivals.count(stamp.sequence);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_doubles_are_noticed() {
        let (mut tally, mut previous) = (Tally::new(1), 0);
        for sequence in [1, 2, 4, 4, 5] {
            tally.count_delivery(Stamp { sent_ns: 10, sequence }, &mut previous, 15);
        }
        let report = tally.report();
        assert_eq!((report.deliveries, report.out_of_order), (5, 2));
        assert_eq!(report.latency, [(5, 5)]);
        tally.begin();
        assert_eq!(tally.report(), Report::default());
        assert_eq!(tally.arrivals.complete(), 2);
    }
}
