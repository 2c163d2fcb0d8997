//! Whose turn it is to be looked at: connections with bytes to read, and those that still shake hands.
//!
//! A handshake takes as long as a hundred reads or more, and a thousand of them come at once when a network returns. So
//! they stand on a list of their own, in the order of their coming, and a turn looks at a few of them, after everybody else.

use std::collections::VecDeque;

/// Reads in one turn, so that a turn stays around a millisecond.
const READS_PER_TURN: usize = 256;

/// The two lists. A slot stands on one of them at most, so neither is longer than there are connections.
pub(super) struct Turns {
    readable: VecDeque<u32>,
    /// Entries whose turn it is. One read for each: who sends without pause is read once a turn, and what its messages
    /// provoke is sent in between.
    reads_left: usize,
    handshakes: VecDeque<u32>,
    handshakes_left: usize,
    handshakes_per_turn: usize,
}

/// A list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Readable,
    Handshakes,
}

impl Turns {
    pub(super) fn new(handshakes_per_turn: usize) -> Self {
        Self {
            readable: VecDeque::new(),
            reads_left: 0,
            handshakes: VecDeque::new(),
            handshakes_left: 0,
            handshakes_per_turn: handshakes_per_turn.max(1),
        }
    }

    /// Puts a slot at the end of a list. The caller sees to it that it stands on none.
    pub(super) fn push(&mut self, list: List, slot: u32) {
        match list {
            List::Readable => self.readable.push_back(slot),
            List::Handshakes => self.handshakes.push_back(slot),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.readable.is_empty() && self.handshakes.is_empty()
    }

    #[cfg(test)]
    pub(super) fn readable(&self) -> Vec<u32> {
        self.readable.iter().copied().collect()
    }

    /// Begins a turn: for those who stand on the lists now.
    pub(super) fn begin(&mut self) {
        self.reads_left = self.readable.len().min(READS_PER_TURN);
        self.handshakes_left = self.handshakes.len().min(self.handshakes_per_turn);
    }

    /// The slot that has waited longest, and the list it stood on. `None`: none waits, or the turn is over.
    pub(super) fn next(&mut self) -> Option<(u32, List)> {
        if self.reads_left > 0
            && let Some(slot) = self.readable.pop_front()
        {
            self.reads_left -= 1;
            return Some((slot, List::Readable));
        }
        if self.handshakes_left > 0
            && let Some(slot) = self.handshakes.pop_front()
        {
            self.handshakes_left -= 1;
            return Some((slot, List::Handshakes));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_reads_from_everybody_and_shakes_a_few_hands_in_order() {
        let mut turns = Turns::new(2);
        (0..5).for_each(|slot| turns.push(List::Handshakes, slot));
        (10..13).for_each(|slot| turns.push(List::Readable, slot));
        turns.begin();
        // Whoever comes meanwhile waits for the next turn.
        turns.push(List::Readable, 13);
        let turn: Vec<u32> = std::iter::from_fn(|| turns.next()).map(|(slot, _)| slot).collect();
        assert_eq!(turn, [10, 11, 12, 0, 1]);
        turns.begin();
        assert_eq!(turns.next(), Some((13, List::Readable)));
        assert_eq!(turns.next(), Some((2, List::Handshakes)));
        assert!(!turns.is_empty());
    }
}
