//! What visitors are going to do, and when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Things to do, each of one visitor at one time. As many as each visitor has in mind at once.
#[derive(Clone, Debug)]
pub(super) struct Agenda<T>(BinaryHeap<Reverse<(u64, usize, T)>>);

impl<T: Ord> Agenda<T> {
    pub(super) fn new() -> Self {
        Self(BinaryHeap::new())
    }

    pub(super) fn add(&mut self, due_ns: u64, visitor: usize, what: T) {
        self.0.push(Reverse((due_ns, visitor, what)));
    }

    /// When the next thing is to be done.
    pub(super) fn due_ns(&self) -> Option<u64> {
        self.0.peek().map(|Reverse((due_ns, ..))| *due_ns)
    }

    /// What is due, earliest first: when it was, whose it is, and what.
    pub(super) fn take(&mut self, now_ns: u64) -> Option<(u64, usize, T)> {
        if self.due_ns()? > now_ns {
            return None;
        }
        self.0.pop().map(|Reverse(entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_comes_first_and_nothing_before_its_time() {
        let mut agenda = Agenda::new();
        agenda.add(30, 1, 'c');
        agenda.add(10, 2, 'a');
        agenda.add(20, 0, 'b');
        assert_eq!((agenda.due_ns(), agenda.take(9)), (Some(10), None));
        assert_eq!(agenda.take(25), Some((10, 2, 'a')));
        assert_eq!(agenda.take(25), Some((20, 0, 'b')));
        assert_eq!((agenda.take(25), agenda.due_ns()), (None, Some(30)));
    }
}
