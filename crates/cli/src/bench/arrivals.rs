//! Which publications have reached every subscriber of a load.

use std::collections::VecDeque;

/// Publications that may be under way at once; far above any window, so that a server that makes up sequence numbers
/// cannot make the load grow.
const UNDER_WAY_MAX: usize = 65_536;

/// Counts deliveries by sequence number, from 1.
#[derive(Debug)]
pub(super) struct Arrivals {
    subscribers: u32,
    complete: u32,
    /// Deliveries of `complete + 1` and the publications after it.
    counts: VecDeque<u32>,
}

impl Arrivals {
    pub(super) fn new(subscribers: u32) -> Self {
        Self { subscribers, complete: 0, counts: VecDeque::new() }
    }

    /// Counts one delivery; one that is complete already, or impossibly far ahead, changes nothing.
    pub(super) fn count(&mut self, sequence: u32) {
        let Some(ahead) = sequence.checked_sub(self.complete + 1).map(|ahead| ahead as usize) else { return };
        if ahead >= self.counts.len() {
            if ahead >= UNDER_WAY_MAX {
                return;
            }
            self.counts.resize(ahead + 1, 0);
        }
        self.counts[ahead] += 1;
        while self.counts.front().is_some_and(|&count| count >= self.subscribers) {
            self.counts.pop_front();
            self.complete += 1;
        }
    }

    /// All publications up to this one have reached every subscriber.
    pub(super) fn complete(&self) -> u32 {
        self.complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publication_is_complete_when_all_before_it_are() {
        let mut arrivals = Arrivals::new(2);
        [1, 2, 2].into_iter().for_each(|sequence| arrivals.count(sequence));
        assert_eq!(arrivals.complete(), 0);
        arrivals.count(1);
        assert_eq!(arrivals.complete(), 2);
        [1, 0, u32::MAX].into_iter().for_each(|sequence| arrivals.count(sequence));
        assert_eq!(arrivals.complete(), 2);
        [3, 3].into_iter().for_each(|sequence| arrivals.count(sequence));
        assert_eq!(arrivals.complete(), 3);
    }
}
