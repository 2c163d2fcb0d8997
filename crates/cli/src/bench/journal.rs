//! One client's log of one channel: what it was told, and whether that is a stream without a gap that was not said.

use std::ops::AddAssign;

use serde::Serialize;
use wavecast_client::{Gap, Publication, StreamPosition, SubscriptionEvent};

use super::ledger::Ledger;
use super::stamp;

/// What a client was told of a channel, from the first event on.
#[derive(Debug, Default)]
pub(super) struct Journal {
    parts: Vec<Part>,
    last: Option<StreamPosition>,
    /// Where the stream goes on, although nothing has been said of what lies between: a gap has to be told next.
    owes_gap: Option<StreamPosition>,
    counts: Counts,
}

/// Publications with offsets that follow each other.
#[derive(Debug)]
struct Part {
    epoch: String,
    /// Offset of the first of them.
    first: u64,
    sequences: Vec<u32>,
}

/// What was counted; everything from `lost` on is a fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Counts {
    pub(super) deliveries: u64,
    pub(super) interruptions: u64,
    /// The server said that nothing was missed.
    pub(super) recoveries: u64,
    /// The client was told that something may be missing.
    pub(super) gaps: u64,
    /// Missing, and no gap was told.
    pub(super) lost: u64,
    pub(super) doubled: u64,
    pub(super) out_of_order: u64,
    /// Recoveries that were said of a stream of another epoch.
    pub(super) pretended: u64,
    /// At a place where the publisher was told of another publication.
    pub(super) foreign: u64,
}

impl Journal {
    /// Takes down an event. The error says why the subscription is of no use.
    pub(super) fn take(&mut self, event: &SubscriptionEvent) -> Result<(), String> {
        match event {
            SubscriptionEvent::Subscribed { position: None, .. } => {
                return Err("the channel has no positions: it needs a history and recovery".into());
            }
            SubscriptionEvent::Subscribed { recovered, position: Some(position), .. } => {
                self.subscribed(*recovered, position);
            }
            SubscriptionEvent::Publication(publication) => self.published(publication)?,
            SubscriptionEvent::Gap(gap) => self.gap(gap),
            SubscriptionEvent::Interrupted(_) => self.counts.interruptions += 1,
            SubscriptionEvent::Unsubscribed(cause) => return Err(format!("the subscription ended: {cause}")),
            _ => {}
        }
        Ok(())
    }

    fn subscribed(&mut self, recovered: bool, position: &StreamPosition) {
        match &self.last {
            None => self.begin(position.clone()),
            Some(last) if recovered => {
                self.counts.recoveries += 1;
                if last.epoch != position.epoch {
                    self.counts.pretended += 1;
                    self.begin(position.clone());
                }
            }
            // A stream that stands where it stood has missed nothing.
            Some(last) if last == position => {}
            Some(_) => self.owes_gap = Some(position.clone()),
        }
    }

    fn gap(&mut self, gap: &Gap) {
        self.counts.gaps += 1;
        self.owes_gap = None;
        if let Some(position) = &gap.to {
            self.begin(position.clone());
        }
    }

    fn published(&mut self, publication: &Publication) -> Result<(), String> {
        self.counts.deliveries += 1;
        if let Some(position) = self.owes_gap.take() {
            let before = self.last.as_ref().filter(|last| last.epoch == position.epoch);
            self.counts.lost += before.map_or(1, |last| position.offset.saturating_sub(last.offset).max(1));
            self.begin(position);
        }
        let Some(last) = &mut self.last else {
            return Err("a publication came before its subscription".into());
        };
        let Some(stamp) = stamp::read(publication.data.as_bytes(), 0) else {
            return Err(format!("something else is published to the channel: {}", publication.data));
        };
        let (offset, next) = (publication.offset, last.offset + 1);
        if offset < next {
            let is_known = |part: &Part| part.epoch == last.epoch && part.has(offset);
            let place = if self.parts.iter().any(is_known) {
                &mut self.counts.doubled
            } else {
                &mut self.counts.out_of_order
            };
            *place += 1;
            return Ok(());
        }
        if offset > next {
            self.counts.lost += offset - next;
        }
        last.offset = offset;
        match self.parts.last_mut().filter(|_| offset == next) {
            Some(part) => part.sequences.push(stamp.sequence),
            None => {
                let epoch = last.epoch.clone();
                self.parts.push(Part { epoch, first: offset, sequences: vec![stamp.sequence] });
            }
        }
        Ok(())
    }

    /// The stream goes on behind this position.
    fn begin(&mut self, position: StreamPosition) {
        let (epoch, first) = (position.epoch.clone(), position.offset + 1);
        self.parts.push(Part { epoch, first, sequences: Vec::new() });
        self.last = Some(position);
    }

    /// The subscription has stood.
    pub(super) fn has_begun(&self) -> bool {
        self.last.is_some()
    }

    /// Whether it came to this position before its stream ended or went on elsewhere.
    pub(super) fn has_passed(&self, position: &StreamPosition) -> bool {
        let end = |part: &Part| part.first + part.sequences.len() as u64;
        self.parts.iter().any(|part| part.epoch == position.epoch && end(part) > position.offset)
    }

    /// How often it was told that something may be missing.
    pub(super) fn gaps(&self) -> u64 {
        self.counts.gaps
    }

    /// Whether it has come to this position; `None` asks for nothing.
    pub(super) fn has_reached(&self, position: Option<&StreamPosition>) -> bool {
        position.is_none() || (self.last.as_ref() == position && self.owes_gap.is_none())
    }

    /// The counts, once nothing more is published: all that the publishers were told has to have come.
    pub(super) fn close(&self, channel: usize, ledger: &Ledger) -> Counts {
        let mut counts = self.counts;
        if let Some(latest) = ledger.latest(channel).filter(|latest| !self.has_reached(Some(*latest))) {
            let behind = self.last.as_ref().filter(|last| last.epoch == latest.epoch);
            counts.lost += behind.map_or(1, |last| latest.offset.saturating_sub(last.offset).max(1));
        }
        for part in &self.parts {
            let placed = (part.first..).zip(&part.sequences);
            let is_foreign =
                |&(offset, &sequence): &(u64, &u32)| !ledger.agrees(channel, &part.epoch, offset, sequence);
            counts.foreign += placed.filter(is_foreign).count() as u64;
        }
        counts
    }
}

impl Part {
    fn has(&self, offset: u64) -> bool {
        (self.first..self.first + self.sequences.len() as u64).contains(&offset)
    }
}

impl Counts {
    pub(super) fn faults(&self) -> u64 {
        self.lost + self.doubled + self.out_of_order + self.pretended + self.foreign
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.deliveries += other.deliveries;
        self.interruptions += other.interruptions;
        self.recoveries += other.recoveries;
        self.gaps += other.gaps;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.out_of_order += other.out_of_order;
        self.pretended += other.pretended;
        self.foreign += other.foreign;
    }
}

#[cfg(test)]
mod tests {
    use wavecast_client::{Data, GapCause};

    use super::*;
    use crate::bench::stamp::Stamp;

    fn position(epoch: &str, offset: u64) -> StreamPosition {
        StreamPosition { offset, epoch: epoch.into() }
    }

    fn subscribed(recovered: bool, epoch: &str, offset: u64) -> SubscriptionEvent {
        let position = Some(position(epoch, offset));
        SubscriptionEvent::Subscribed { was_recovering: recovered, recovered, position, data: None }
    }

    fn gap(epoch: &str, offset: u64) -> SubscriptionEvent {
        let to = Some(position(epoch, offset));
        SubscriptionEvent::Gap(Gap { cause: GapCause::Unrecovered, from: None, to })
    }

    /// The sequence number of each is its offset.
    fn published(offset: u64) -> SubscriptionEvent {
        let mut data = Vec::new();
        stamp::write_payload(Stamp { sent_ns: 0, sequence: offset as u32 }, 40, &mut data);
        SubscriptionEvent::Publication(Publication {
            channel: "c".into(),
            offset,
            data: Data::from(data.as_slice()),
            info: None,
            tags: std::collections::BTreeMap::new(),
            time_ms: 0,
        })
    }

    fn ledger(offsets: u32, epochs: &[&str]) -> Ledger {
        let mut ledger = Ledger::new(1);
        for epoch in epochs {
            (1..=offsets).for_each(|offset| ledger.confirm(0, offset, position(epoch, offset.into())));
        }
        ledger
    }

    /// Whether the events are counted like this, once three have been published in epoch `a`.
    #[track_caller]
    fn judge(events: &[SubscriptionEvent], expected: Counts) {
        let mut journal = Journal::default();
        events.iter().for_each(|event| journal.take(event).unwrap());
        assert_eq!(journal.close(0, &ledger(3, &["a"])), expected);
    }

    #[test]
    fn a_stream_without_a_gap_has_no_faults_and_a_gap_that_was_said_is_none() {
        let whole = [subscribed(false, "a", 0), published(1), published(2), published(3)];
        judge(&whole, Counts { deliveries: 3, ..Counts::default() });
        let recovered =
            [subscribed(false, "a", 0), published(1), subscribed(true, "a", 3), published(2), published(3)];
        judge(&recovered, Counts { deliveries: 3, recoveries: 1, ..Counts::default() });
        let said = [subscribed(false, "a", 0), subscribed(false, "a", 2), gap("a", 2), published(3)];
        judge(&said, Counts { deliveries: 1, gaps: 1, ..Counts::default() });
        let later = [subscribed(false, "z", 9), subscribed(false, "a", 3), gap("a", 3)];
        judge(&later, Counts { gaps: 1, ..Counts::default() });
        let unmoved = [subscribed(false, "a", 3), subscribed(false, "a", 3)];
        judge(&unmoved, Counts::default());
    }

    #[test]
    fn every_way_to_be_wrong_is_told_apart() {
        let begun = subscribed(false, "a", 0);
        let hole = [begun.clone(), published(1), published(3)];
        judge(&hole, Counts { deliveries: 2, lost: 1, ..Counts::default() });
        let end = [begun.clone(), published(1)];
        judge(&end, Counts { deliveries: 1, lost: 2, ..Counts::default() });
        let silent = [begun.clone(), subscribed(false, "a", 2), published(3)];
        judge(&silent, Counts { deliveries: 1, lost: 2, ..Counts::default() });
        let pretended = [subscribed(false, "z", 9), subscribed(true, "a", 3)];
        judge(&pretended, Counts { recoveries: 1, pretended: 1, ..Counts::default() });
        let doubled = [begun.clone(), published(1), published(1), published(2), published(3)];
        judge(&doubled, Counts { deliveries: 4, doubled: 1, ..Counts::default() });
        let overtaken = [subscribed(false, "a", 1), published(2), published(3), published(1)];
        judge(&overtaken, Counts { deliveries: 3, out_of_order: 1, ..Counts::default() });
        let foreign = [subscribed(false, "z", 0), published(1), subscribed(false, "a", 3), gap("a", 3)];
        judge(&foreign, Counts { deliveries: 1, gaps: 1, foreign: 1, ..Counts::default() });
    }

    #[test]
    fn what_cannot_be_judged_is_an_error() {
        let mut journal = Journal::default();
        assert!(journal.take(&published(1)).is_err());
        let unpositioned = SubscriptionEvent::Subscribed {
            was_recovering: false,
            recovered: false,
            position: None,
            data: None,
        };
        assert!(journal.take(&unpositioned).is_err());
    }
}
