//! What the server has told the publishers, and whether what a client has seen agrees with it.

use std::collections::{HashMap, HashSet};

use wavecast_client::StreamPosition;

/// The books of all channels.
#[derive(Debug)]
pub(super) struct Ledger {
    channels: Vec<Account>,
}

/// The books of one channel: publications by their sequence number, which every payload carries.
#[derive(Clone, Debug, Default)]
struct Account {
    /// By epoch and offset.
    confirmed: HashMap<String, HashMap<u64, u32>>,
    /// Sent, but nothing was heard of them: they may be anywhere, or nowhere.
    unanswered: HashSet<u32>,
    latest: Option<StreamPosition>,
}

impl Ledger {
    pub(super) fn new(channels: usize) -> Self {
        Self { channels: vec![Account::default(); channels] }
    }

    /// The server has taken a publication and said where it stands.
    pub(super) fn confirm(&mut self, channel: usize, sequence: u32, position: StreamPosition) {
        let account = &mut self.channels[channel];
        account.confirmed.entry(position.epoch.clone()).or_default().insert(position.offset, sequence);
        account.latest = Some(position);
    }

    /// The server has not answered, or not with a clear yes.
    pub(super) fn note_unanswered(&mut self, channel: usize, sequence: u32) {
        self.channels[channel].unanswered.insert(sequence);
    }

    /// Whether a client may have seen this publication at this place.
    pub(super) fn agrees(&self, channel: usize, epoch: &str, offset: u64, sequence: u32) -> bool {
        let account = &self.channels[channel];
        match account.confirmed.get(epoch).and_then(|offsets| offsets.get(&offset)) {
            Some(confirmed) => *confirmed == sequence,
            None => account.unanswered.contains(&sequence),
        }
    }

    /// Where the latest publication stands.
    pub(super) fn latest(&self, channel: usize) -> Option<&StreamPosition> {
        self.channels[channel].latest.as_ref()
    }

    pub(super) fn confirmed(&self) -> u64 {
        let offsets = self.channels.iter().flat_map(|account| account.confirmed.values());
        offsets.map(|offsets| offsets.len() as u64).sum()
    }

    pub(super) fn unanswered(&self) -> u64 {
        self.channels.iter().map(|account| account.unanswered.len() as u64).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_confirmed_stands_at_its_place_and_what_was_not_may_stand_anywhere_else() {
        let mut ledger = Ledger::new(2);
        let position = |offset: u64| StreamPosition { offset, epoch: "e".into() };
        ledger.confirm(1, 1, position(1));
        ledger.note_unanswered(1, 2);
        ledger.confirm(1, 3, position(3));
        assert_eq!((ledger.confirmed(), ledger.unanswered()), (2, 1));
        assert_eq!((ledger.latest(0), ledger.latest(1)), (None, Some(&position(3))));
        for (channel, epoch, offset, sequence, agrees) in [
            (1, "e", 1, 1, true),
            (1, "e", 2, 2, true),
            (1, "f", 1, 2, true),
            (1, "e", 1, 3, false),
            (1, "e", 1, 2, false),
            (1, "e", 2, 3, false),
            (1, "f", 1, 1, false),
            (0, "e", 1, 1, false),
        ] {
            assert_eq!(
                ledger.agrees(channel, epoch, offset, sequence),
                agrees,
                "{epoch} {offset} {sequence}"
            );
        }
    }
}
