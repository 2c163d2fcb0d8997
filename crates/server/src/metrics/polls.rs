//! Polls: how many wait, what waits to be sent, and how they ended.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::counter::Shared;

/// What a poll was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PollOutcome {
    Publications,
    /// That some are missing, whatever else came.
    Gap,
    /// That there is nothing new.
    Nothing,
    /// Why it is not answered.
    Refused,
}

impl PollOutcome {
    pub(crate) const ALL: [Self; 4] = [Self::Publications, Self::Gap, Self::Nothing, Self::Refused];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Publications => "publications",
            Self::Gap => "gap",
            Self::Nothing => "nothing",
            Self::Refused => "refused",
        }
    }
}

/// The polls of a node.
#[derive(Debug, Default)]
pub(crate) struct PollTally {
    waiting: AtomicUsize,
    /// Bytes of answers that wait to be sent, or are remembered.
    unsent_bytes: AtomicUsize,
    /// Publications in answers.
    pub(crate) publications: Shared,
    outcomes: [Shared; PollOutcome::ALL.len()],
}

impl PollTally {
    pub(crate) fn outcome(&self, outcome: PollOutcome) -> &Shared {
        &self.outcomes[outcome as usize]
    }

    /// Polls that wait at this moment.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    /// A place for one that waits, if so many do not wait already.
    pub(crate) fn wait(&self, waiting_max: usize) -> Option<WaitingPoll<'_>> {
        let more = |waiting: usize| (waiting < waiting_max).then(|| waiting + 1);
        self.waiting.fetch_update(Relaxed, Relaxed, more).is_ok().then(|| WaitingPoll(self))
    }

    pub(crate) fn unsent_bytes(&self) -> usize {
        self.unsent_bytes.load(Relaxed)
    }

    pub(crate) fn hold(&self, bytes: usize) {
        self.unsent_bytes.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn let_go(&self, bytes: usize) {
        self.unsent_bytes.fetch_sub(bytes, Relaxed);
    }
}

/// A poll that is counted among those that wait, until this is dropped.
#[derive(Debug)]
pub(crate) struct WaitingPoll<'t>(&'t PollTally);

impl Drop for WaitingPoll<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_wait_and_no_more() {
        let polls = PollTally::default();
        let (first, second) = (polls.wait(2), polls.wait(2));
        assert!(first.is_some() && second.is_some() && polls.wait(2).is_none());
        drop(first);
        assert_eq!(polls.waiting(), 1);
        assert!(polls.wait(2).is_some() && polls.wait(0).is_none());
    }
}
