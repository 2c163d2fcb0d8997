//! The table of subscriptions. It outlives connections, and decides what to ask the server for and
//! what to tell each subscriber. It does no I/O: what is to be sent waits in [`Channels::next_ask`].

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;
use wavecast_protocol::centrifuge::{self, Error, SubscribeRequest, SubscribeResult, Unsubscribed};

use crate::backoff::Backoff;
use crate::error::{Cause, SubscribeError};
use crate::event::{Gap, GapCause, SubscriptionEvent};
use crate::options::SubscribeOptions;
use crate::publication::{ClientInfo, Publication, StreamPosition};
use crate::queue::{self, EventReceiver, EventSender};

/// Fewer events than this could not even tell an interruption and its end.
const EVENTS_MIN: usize = 8;

/// All subscriptions of a client.
#[derive(Debug)]
pub(crate) struct Channels {
    table: HashMap<Arc<str>, Channel>,
    /// What the session is to send, in order.
    asks: VecDeque<Ask>,
    connected: bool,
    /// No waiting subscription is due before this.
    retry_at: Option<Instant>,
    /// Numbers the requests, so that an answer to an old one is not taken for that to a new one.
    last_number: u64,
    backoff: Backoff,
    subscriptions_max: usize,
    events_max: usize,
    attention: Arc<Notify>,
}

/// Something to ask the server for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    Subscribe { channel: Arc<str>, number: u64 },
    Unsubscribe { channel: Arc<str> },
}

#[derive(Debug)]
struct Channel {
    options: SubscribeOptions,
    events: EventSender,
    stage: Stage,
    /// Of the latest subscribe request.
    number: u64,
    /// The last position that went into the queue, in channels that have positions.
    position: Option<StreamPosition>,
    recoverable: bool,
    /// Why publications may have been missed since the subscription was last live.
    missed: Option<GapCause>,
    /// Refusals in a row.
    attempts: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// To be asked for as soon as there is a connection.
    Idle,
    /// Asked for; the answer is on its way.
    Asked,
    Live,
    /// Unsubscribed until the subscriber has made room in its queue.
    Behind,
    /// To be asked for again at that time.
    Waiting(Instant),
}

impl Channels {
    pub(crate) fn new(
        subscriptions_max: usize,
        events_max: usize,
        backoff: Backoff,
        attention: Arc<Notify>,
    ) -> Self {
        Self {
            table: HashMap::new(),
            asks: VecDeque::new(),
            connected: false,
            retry_at: None,
            last_number: 0,
            backoff,
            subscriptions_max,
            events_max: events_max.max(EVENTS_MIN),
            attention,
        }
    }

    /// Adds a subscription and returns the subscriber's end of it.
    pub(crate) fn open(
        &mut self,
        channel: &Arc<str>,
        options: SubscribeOptions,
    ) -> Result<EventReceiver, SubscribeError> {
        // A subscription that was dropped a moment ago must not be in the way.
        self.sweep();
        if self.table.contains_key(channel) {
            return Err(SubscribeError::AlreadySubscribed);
        }
        if self.table.len() >= self.subscriptions_max {
            return Err(SubscribeError::Limit);
        }
        let (events, receiver) = queue::bounded(self.events_max, self.attention.clone());
        let entry = Channel {
            position: options.since.clone(),
            recoverable: options.since.is_some(),
            options,
            events,
            stage: Stage::Idle,
            number: 0,
            missed: None,
            attempts: 0,
        };
        self.table.insert(channel.clone(), entry);
        self.ask(channel);
        Ok(receiver)
    }

    /// The next thing to send.
    pub(crate) fn next_ask(&mut self) -> Option<Ask> {
        self.asks.pop_front()
    }

    /// What a subscribe request says, if the subscription is still wanted.
    pub(crate) fn request(&self, channel: &Arc<str>, number: u64) -> Option<SubscribeRequest<'_>> {
        let (name, entry) = self.table.get_key_value(channel).filter(|(_, entry)| entry.number == number)?;
        let since = entry.position.as_ref().filter(|_| entry.recoverable);
        let options = &entry.options;
        Some(SubscribeRequest {
            channel: name.as_ref().into(),
            token: options.token.as_deref().unwrap_or_default().into(),
            data: options.data.as_ref().map_or(&[], |data| data.get().as_bytes()),
            recover: since.is_some(),
            offset: since.map_or(0, |position| position.offset),
            epoch: since.map_or("", |position| &position.epoch).into(),
            positioned: options.positioned,
            recoverable: options.recoverable,
            join_leave: options.join_leave,
            ..SubscribeRequest::default()
        })
    }

    /// There is a session now: asks for every subscription.
    pub(crate) fn connected(&mut self) {
        self.connected = true;
        let channels: Vec<_> = self.table.keys().cloned().collect();
        for channel in channels {
            if self.table[&channel].stage != Stage::Behind {
                self.ask(&channel);
            }
        }
    }

    /// The session is over.
    pub(crate) fn disconnected(&mut self, cause: &Cause) {
        self.connected = false;
        self.asks.clear();
        for entry in self.table.values_mut() {
            entry.interrupt(cause, Stage::Idle);
        }
    }

    /// The server said that what the client knows of its streams is void.
    pub(crate) fn forget_positions(&mut self) {
        for entry in self.table.values_mut() {
            entry.position = None;
        }
    }

    /// The client is over: every subscription ends.
    pub(crate) fn close(&mut self, cause: &Cause) {
        for (_, entry) in self.table.drain() {
            entry.events.end(cause.clone());
        }
    }

    /// Looks after what subscribers did: lets go of dropped subscriptions, and resumes those whose
    /// queue has room again.
    pub(crate) fn sweep(&mut self) {
        let (mut dropped, mut resumed) = (Vec::new(), Vec::new());
        for (channel, entry) in &self.table {
            if entry.events.is_closed() {
                dropped.push(channel.clone());
            } else if entry.stage == Stage::Behind && entry.events.has_room() {
                resumed.push(channel.clone());
            }
        }
        for channel in dropped {
            self.remove(&channel, None);
        }
        for channel in resumed {
            self.table[&channel].events.room_found();
            self.ask(&channel);
        }
    }

    /// When [`retry`](Self::retry) is due.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Asks again for the subscriptions whose time has come.
    pub(crate) fn retry(&mut self, now: Instant) {
        self.retry_at = None;
        let mut due = Vec::new();
        for (channel, entry) in &self.table {
            match entry.stage {
                Stage::Waiting(until) if until <= now => due.push(channel.clone()),
                Stage::Waiting(until) => self.retry_at = earlier(self.retry_at, until),
                _ => {}
            }
        }
        for channel in due {
            self.ask(&channel);
        }
    }

    /// The server has accepted a subscribe request.
    pub(crate) fn accepted(&mut self, channel: &Arc<str>, number: u64, result: &SubscribeResult<'_>) {
        let Some(entry) = self.table.get_mut(channel) else { return };
        if entry.number == number && entry.stage == Stage::Asked && !entry.accepted(channel, result) {
            self.fall_behind(channel);
        }
    }

    /// The server has refused a subscribe request.
    pub(crate) fn refused(&mut self, channel: &Arc<str>, number: u64, error: &Error, now: Instant) {
        let Some(entry) = self.table.get_mut(channel) else { return };
        if entry.number != number || entry.stage != Stage::Asked {
            return;
        }
        if error.temporary || error.code < Error::INTERNAL.code {
            let until = now + self.backoff.delay(entry.attempts);
            entry.stage = Stage::Waiting(until);
            entry.attempts = entry.attempts.saturating_add(1);
            self.retry_at = earlier(self.retry_at, until);
        } else {
            // Nothing is to be unsubscribed.
            entry.stage = Stage::Idle;
            self.remove(channel, Some(Cause::new(error.code, error.message.clone())));
        }
    }

    /// The server has ended a subscription.
    pub(crate) fn unsubscribed(&mut self, channel: &str, code: u32, reason: &str, now: Instant) {
        let Some((channel, _)) = self.table.get_key_value(channel) else { return };
        let channel = channel.clone();
        let cause = Cause::new(code, reason);
        if code < Unsubscribed::INSUFFICIENT_STATE.code {
            self.remove(&channel, Some(cause));
            return;
        }
        let Some(entry) = self.table.get_mut(&channel) else { return };
        if code == Unsubscribed::STATE_INVALIDATED.code {
            entry.position = None;
        }
        // In any other stage this is about a subscription that the client has left behind already.
        if entry.stage == Stage::Live {
            let until = now + self.backoff.delay(entry.attempts);
            entry.interrupt(&cause, Stage::Waiting(until));
            self.retry_at = earlier(self.retry_at, until);
        }
    }

    /// Something was published.
    pub(crate) fn published(
        &mut self,
        channel: &str,
        publication: &centrifuge::Publication<'_>,
        now: Instant,
    ) {
        let Some((name, entry)) = self.live(channel) else { return };
        match entry.place(publication.offset) {
            Place::Next => {
                if entry.publication(&name, publication) {
                    return;
                }
                self.fall_behind(&name);
            }
            Place::Seen => {}
            Place::Ahead => {
                // The server lost one. It is bound to notice; whoever counts need not wait for that.
                let Unsubscribed { code, reason } = Unsubscribed::INSUFFICIENT_STATE;
                self.unsubscribed(channel, code, reason, now);
                self.asks.push_back(Ask::Unsubscribe { channel: name });
            }
        }
    }

    /// Somebody joined a channel.
    pub(crate) fn joined(&mut self, channel: &str, info: &centrifuge::ClientInfo<'_>) {
        self.tell(channel, SubscriptionEvent::Join(ClientInfo::from(info)));
    }

    /// Somebody left a channel.
    pub(crate) fn left(&mut self, channel: &str, info: &centrifuge::ClientInfo<'_>) {
        self.tell(channel, SubscriptionEvent::Leave(ClientInfo::from(info)));
    }

    fn tell(&mut self, channel: &str, event: SubscriptionEvent) {
        if let Some((name, entry)) = self.live(channel)
            && !entry.events.push(event)
        {
            self.fall_behind(&name);
        }
    }

    fn live(&mut self, channel: &str) -> Option<(Arc<str>, &mut Channel)> {
        let name = self.table.get_key_value(channel)?.0.clone();
        let entry = self.table.get_mut(channel).filter(|entry| entry.stage == Stage::Live)?;
        Some((name, entry))
    }

    fn ask(&mut self, channel: &Arc<str>) {
        let Some(entry) = self.table.get_mut(channel) else { return };
        if !self.connected {
            entry.stage = Stage::Idle;
            return;
        }
        self.last_number += 1;
        entry.number = self.last_number;
        entry.stage = Stage::Asked;
        self.asks.push_back(Ask::Subscribe { channel: channel.clone(), number: self.last_number });
    }

    /// Lets go of a subscription; the subscriber, if there still is one, is told the cause.
    fn remove(&mut self, channel: &Arc<str>, cause: Option<Cause>) {
        let Some(entry) = self.table.remove(channel) else { return };
        if matches!(entry.stage, Stage::Asked | Stage::Live) {
            self.asks.push_back(Ask::Unsubscribe { channel: channel.clone() });
        }
        if let Some(cause) = cause {
            entry.events.end(cause);
        }
    }

    /// The subscriber's queue is full: nothing more from this channel until there is room.
    fn fall_behind(&mut self, channel: &Arc<str>) {
        let Some(entry) = self.table.get_mut(channel) else { return };
        entry.missed = Some(GapCause::SlowConsumer);
        entry.stage = Stage::Behind;
        entry.events.await_room();
        if self.connected {
            self.asks.push_back(Ask::Unsubscribe { channel: channel.clone() });
        }
    }
}

fn earlier(known: Option<Instant>, other: Instant) -> Option<Instant> {
    Some(known.map_or(other, |known| known.min(other)))
}

/// Where a publication stands to what was delivered before.
enum Place {
    Next,
    Seen,
    Ahead,
}

impl Channel {
    /// Tells the subscriber about its subscription, what it missed, and what may be missing. False if
    /// the queue cannot take all of that; then `position` tells how far it got.
    fn accepted(&mut self, channel: &Arc<str>, result: &SubscribeResult<'_>) -> bool {
        let was_recovering = self.recoverable && self.position.is_some();
        let recovered = was_recovering && result.recovered;
        let has_positions = result.recoverable || result.positioned;
        // A recovery may be answered with the position that it starts from, as well as with the top of the stream.
        let last = result.publications.last().map_or(0, |publication| publication.offset);
        let top = has_positions.then(|| StreamPosition {
            offset: result.offset.max(last),
            epoch: result.epoch.clone().into_owned(),
        });
        let position = top.clone();
        if !self.events.push(SubscriptionEvent::Subscribed { was_recovering, recovered, position }) {
            return false;
        }
        self.stage = Stage::Live;
        self.recoverable = result.recoverable;
        self.attempts = 0;
        if recovered {
            self.missed = None;
        } else {
            let interrupted = if was_recovering { Some(GapCause::Unrecovered) } else { self.missed };
            // A stream that stands where it stood has missed nothing, recovery or not.
            if let Some(cause) = interrupted.filter(|_| top.is_none() || top != self.position) {
                let gap = Gap { cause, from: self.position.clone(), to: top.clone() };
                if !self.events.push(SubscriptionEvent::Gap(gap)) {
                    return false;
                }
            }
            self.missed = None;
            self.position.clone_from(&top);
        }
        for publication in &result.publications {
            if !matches!(self.place(publication.offset), Place::Seen)
                && !self.publication(channel, publication)
            {
                return false;
            }
        }
        self.position = top;
        true
    }

    fn place(&self, offset: u64) -> Place {
        match &self.position {
            Some(position) if offset != 0 => match offset {
                _ if offset <= position.offset => Place::Seen,
                _ if offset == position.offset + 1 => Place::Next,
                _ => Place::Ahead,
            },
            _ => Place::Next,
        }
    }

    /// Queues a publication and notes its position. False if the queue is full.
    fn publication(&mut self, channel: &Arc<str>, publication: &centrifuge::Publication<'_>) -> bool {
        let event = SubscriptionEvent::Publication(Publication::new(channel.clone(), publication));
        if !self.events.push(event) {
            return false;
        }
        if let Some(position) = &mut self.position
            && publication.offset != 0
        {
            position.offset = publication.offset;
        }
        true
    }

    /// The subscription is no longer live; one that is behind stays so.
    fn interrupt(&mut self, cause: &Cause, next: Stage) {
        if self.stage == Stage::Behind {
            return;
        }
        let was_live = self.stage == Stage::Live;
        self.stage = next;
        if was_live {
            self.missed.get_or_insert(GapCause::Interrupted);
            // Without room for it, the next `Subscribed` tells the same a little later.
            self.events.push(SubscriptionEvent::Interrupted(cause.clone()));
        }
    }
}
