//! What the clients of one transport count.

use super::super::latency::Latency;
use super::super::stamp::Stamp;
use super::super::transport::Heard;

/// Counts since `Begin`; of what must not happen, since ever.
#[derive(Debug)]
pub(super) struct Count {
    heard: Heard,
    latency: Latency,
}

impl Count {
    pub(super) fn new() -> Self {
        Self { heard: Heard::default(), latency: Latency::new() }
    }

    pub(super) fn begin(&mut self) {
        let Heard { missed, doubled, gaps, reopened, .. } = self.heard;
        self.heard = Heard { missed, doubled, gaps, reopened, ..Heard::default() };
        self.latency.clear();
    }

    pub(super) fn report(&self, up_to: u64) -> Heard {
        Heard { up_to, latency: self.latency.buckets(), ..self.heard.clone() }
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.heard.sent_bytes += bytes as u64;
    }

    pub(super) fn received(&mut self, bytes: usize) {
        self.heard.received_bytes += bytes as u64;
    }

    /// An HTTP request; the handshake of a WebSocket is one.
    pub(super) fn request(&mut self) {
        self.heard.requests += 1;
    }

    /// The server has said that something is missing.
    pub(super) fn gap(&mut self) {
        self.heard.gaps += 1;
    }

    /// A connection had to be opened again.
    pub(super) fn reopened(&mut self) {
        self.heard.reopened += 1;
    }

    /// A publication; `last` is the newest that its client had before, 0 for none.
    pub(super) fn arrived(&mut self, stamp: Stamp, last: &mut u32, now_ns: u64) {
        if stamp.sequence <= *last {
            self.heard.doubled += 1;
            return;
        }
        self.heard.deliveries += 1;
        self.heard.missed += u64::from(stamp.sequence - *last - 1);
        *last = stamp.sequence;
        self.latency.record(now_ns.saturating_sub(stamp.sent_ns));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_or_comes_again_is_told_apart() {
        let (mut count, mut last) = (Count::new(), 0);
        for sequence in [1, 2, 5, 5, 4, 6] {
            count.arrived(Stamp { sent_ns: 10, sequence }, &mut last, 30);
        }
        let heard = count.report(u64::from(last));
        assert_eq!((heard.deliveries, heard.missed, heard.doubled, heard.up_to), (4, 2, 2, 6));
        assert_eq!(heard.latency, [(20, 4)]);
        count.begin();
        assert_eq!(count.report(0), Heard { missed: 2, doubled: 2, ..Heard::default() });
    }
}
