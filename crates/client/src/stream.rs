//! One channel's stream as one reader has seen it: what is told next, and where something may be
//! missing. The same for subscriptions of the user and of the server.

use std::sync::Arc;

use wavecast_protocol::centrifuge::{self, SubscribeResult};

use crate::data::Data;
use crate::delta::Deltas;
use crate::error::Cause;
use crate::event::{Gap, GapCause, SubscriptionEvent};
use crate::publication::{Publication, StreamPosition};

/// What a reader knows of a stream.
///
/// Events go to a `tell` that says false where the reader's queue is full; then the position tells how
/// far the reader got.
#[derive(Debug)]
pub(crate) struct Stream {
    channel: Arc<str>,
    /// The last position that was told, in channels that have positions.
    position: Option<StreamPosition>,
    recoverable: bool,
    /// Why publications may have been missed since the stream was last live.
    missed: Option<GapCause>,
    /// The server leaves publications out on purpose (a filter, say, or what the client published
    /// itself), so offsets that are skipped tell nothing.
    is_sparse: bool,
    deltas: Deltas,
}

/// What became of what the server sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The reader knows, or knew before.
    Told,
    /// The reader's queue is full.
    Full,
    /// It does not follow what came before: it has not been told.
    Broken,
}

impl Stream {
    /// A stream that nothing is known of but, perhaps, where to begin.
    pub(crate) fn new(
        channel: Arc<str>,
        since: Option<StreamPosition>,
        is_sparse: bool,
        deltas: Deltas,
    ) -> Self {
        Self { channel, recoverable: since.is_some(), position: since, missed: None, is_sparse, deltas }
    }

    /// Where the stream stands by the server's answer. A recovery may be answered with the position that it starts from, as
    /// well as with the top of the stream: in a stream that has begun anew the former says nothing.
    pub(crate) fn top(&self, result: &SubscribeResult<'_>) -> Option<StreamPosition> {
        let last = result.publications.last().map_or(0, |publication| publication.offset);
        let is_known = last == 0 || self.position.as_ref().is_none_or(|known| known.epoch == result.epoch);
        (result.recoverable || result.positioned).then(|| StreamPosition {
            offset: if is_known { result.offset.max(last) } else { last },
            epoch: result.epoch.clone().into_owned(),
        })
    }

    /// Where to recover from, if that is possible.
    pub(crate) fn since(&self) -> Option<&StreamPosition> {
        self.position.as_ref().filter(|_| self.recoverable)
    }

    /// The last position that was told.
    pub(crate) fn position(&self) -> Option<&StreamPosition> {
        self.position.as_ref()
    }

    /// The reader begins here, and asks for nothing before.
    pub(crate) fn begin_at(&mut self, position: Option<StreamPosition>) {
        self.missed = None;
        self.position = position;
    }

    /// What is known of positions is void.
    pub(crate) fn forget(&mut self) {
        self.position = None;
    }

    /// Tells of an interruption.
    pub(crate) fn interrupted(&mut self, cause: &Cause, tell: &dyn Fn(SubscriptionEvent) -> bool) {
        self.missed.get_or_insert(GapCause::Interrupted);
        // Without room for it, the next `Subscribed` tells the same a little later.
        tell(SubscriptionEvent::Interrupted(cause.clone()));
    }

    /// The subscription stands, and the reader gets nothing of what the answer brings.
    pub(crate) fn skipped(&mut self, result: &SubscribeResult<'_>) {
        self.recoverable = result.recoverable;
        self.fell_behind();
    }

    /// The reader gets nothing for the time being.
    pub(crate) fn fell_behind(&mut self) {
        self.missed = Some(GapCause::SlowConsumer);
    }

    /// Tells that the server has left out publications; false if the queue is full.
    pub(crate) fn dropped(&mut self, count: u64, tell: &dyn Fn(SubscriptionEvent) -> bool) -> bool {
        let from = self.position.clone();
        tell(SubscriptionEvent::Gap(Gap { cause: GapCause::Dropped(count), from, to: None }))
    }

    /// Tells of a subscription that stands (again), what was missed, and what may be missing.
    pub(crate) fn accepted(
        &mut self,
        result: &SubscribeResult<'_>,
        tell: &dyn Fn(SubscriptionEvent) -> bool,
    ) -> Taken {
        let since = self.since().cloned();
        let was_recovering = since.is_some();
        // A channel that keeps the last value brings it to a first subscription as well, without being asked.
        let recovered = result.recovered;
        let top = self.top(result);
        let (position, data) = (top.clone(), Data::present(result.data));
        if !tell(SubscriptionEvent::Subscribed { was_recovering, recovered, position, data }) {
            return Taken::Full;
        }
        self.recoverable = result.recoverable;
        self.deltas.begin(result.delta);
        if recovered {
            self.missed = None;
            self.is_sparse |= leaves_out(since.as_ref(), top.as_ref(), result.publications.len());
            self.begin_before(result);
        } else {
            if was_recovering {
                self.missed = Some(GapCause::Unrecovered);
            }
            if !self.go_on_from(top.clone(), tell) {
                return Taken::Full;
            }
        }
        for publication in &result.publications {
            match self.deliver(publication, tell) {
                Taken::Told => {}
                not_told => return not_told,
            }
        }
        self.position = top;
        Taken::Told
    }

    /// The last value, where a channel keeps that, may be of a stream that has begun anew or that nothing was known of: then
    /// no offset of before says that it has been told.
    fn begin_before(&mut self, result: &SubscribeResult<'_>) {
        let is_known = self.position.as_ref().is_some_and(|position| position.epoch == result.epoch);
        if let Some(first) = result.publications.first().filter(|_| !is_known) {
            let (offset, epoch) = (first.offset.saturating_sub(1), result.epoch.clone().into_owned());
            self.position = Some(StreamPosition { offset, epoch });
        }
    }

    /// Tells of the gap up to where the stream goes on, if there is one; false if the queue is full.
    pub(crate) fn go_on_from(
        &mut self,
        top: Option<StreamPosition>,
        tell: &dyn Fn(SubscriptionEvent) -> bool,
    ) -> bool {
        // A stream that stands where it stood has missed nothing.
        if let Some(cause) = self.missed.filter(|_| top.is_none() || top != self.position) {
            let gap = Gap { cause, from: self.position.clone(), to: top.clone() };
            if !tell(SubscriptionEvent::Gap(gap)) {
                return false;
            }
        }
        self.missed = None;
        self.position = top;
        true
    }

    /// Tells of a publication.
    pub(crate) fn published(
        &mut self,
        publication: &centrifuge::Publication<'_>,
        tell: &dyn Fn(SubscriptionEvent) -> bool,
    ) -> Taken {
        if self.is_ahead(publication.offset) {
            // The server lost one. It is bound to notice; whoever counts need not wait for that.
            return Taken::Broken;
        }
        self.deliver(publication, tell)
    }

    fn is_seen(&self, offset: u64) -> bool {
        offset != 0 && self.position.as_ref().is_some_and(|position| offset <= position.offset)
    }

    /// Only where skipped publications can be had again is it worth asking for them.
    fn is_ahead(&self, offset: u64) -> bool {
        !self.is_sparse && self.since().is_some_and(|position| offset > position.offset + 1)
    }

    fn deliver(
        &mut self,
        publication: &centrifuge::Publication<'_>,
        tell: &dyn Fn(SubscriptionEvent) -> bool,
    ) -> Taken {
        // What was seen before may still be what the next one is a change to.
        let Some(data) = self.deltas.decode(publication) else {
            // A recovery might bring the same again, for ever.
            self.recoverable = false;
            self.missed = Some(GapCause::Undecodable);
            return Taken::Broken;
        };
        if self.is_seen(publication.offset) {
            return Taken::Told;
        }
        let event = Publication::new(self.channel.clone(), publication, data);
        if !tell(SubscriptionEvent::Publication(event)) {
            return Taken::Full;
        }
        if let Some(position) = &mut self.position
            && publication.offset != 0
        {
            position.offset = publication.offset;
        }
        Taken::Told
    }
}

/// Whether a complete recovery has fewer publications than offsets.
fn leaves_out(since: Option<&StreamPosition>, top: Option<&StreamPosition>, publications: usize) -> bool {
    let (Some(since), Some(top)) = (since, top) else { return false };
    top.offset.saturating_sub(since.offset) > publications as u64
}

#[cfg(test)]
mod tests;
