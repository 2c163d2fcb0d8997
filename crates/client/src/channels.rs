//! The table of the user's subscriptions. It outlives connections, and decides what to ask the server
//! for and what to tell each subscriber. It does no I/O: what is to be sent waits in
//! [`Channels::next_ask`], tokens to be fetched in [`Channels::next_fetch`].

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;
use wavecast_net::client::Backoff;
use wavecast_protocol::centrifuge::{
    self, Encoding, Error, SubRefreshRequest, SubRefreshResult, SubscribeRequest, SubscribeResult,
    Unsubscribed,
};

use crate::channel::{Channel, Stage};
use crate::delta::Deltas;
use crate::end::is_transient;
use crate::error::{Cause, SubscribeError};
use crate::event::SubscriptionEvent;
use crate::expiry::Expiry;
use crate::options::{Delta, Options, SubscribeOptions};
use crate::queue::{self, EventReceiver};
use crate::stream::Taken;
use crate::token::{NoToken, SubscriptionToken};

/// All subscriptions of the user.
#[derive(Debug)]
pub(crate) struct Channels {
    table: HashMap<Arc<str>, Channel>,
    /// What the session is to send, in order.
    asks: VecDeque<Ask>,
    /// Subscriptions that need a token; one entry each at most.
    fetches: VecDeque<Arc<str>>,
    connected: bool,
    /// Nothing is due before this.
    due_at: Option<Instant>,
    /// Numbers subscriptions and requests, so that an answer to an old one is not taken for that to a
    /// new one.
    last_number: u64,
    backoff: Backoff,
    subscriptions_max: usize,
    events_max: usize,
    encoding: Encoding,
    payload_bytes_max: usize,
    attention: Arc<Notify>,
}

/// Something to ask the server for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    Subscribe { channel: Arc<str>, number: u64 },
    Unsubscribe { channel: Arc<str> },
    Refresh { channel: Arc<str>, number: u64 },
}

/// A token to be fetched, for the subscription with this serial number.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub(crate) channel: Arc<str>,
    pub(crate) serial: u64,
    pub(crate) token: SubscriptionToken,
}

impl Channels {
    pub(crate) fn new(
        options: &Options,
        events_max: usize,
        backoff: Backoff,
        attention: Arc<Notify>,
    ) -> Self {
        Self {
            table: HashMap::new(),
            asks: VecDeque::new(),
            fetches: VecDeque::new(),
            connected: false,
            due_at: None,
            last_number: 0,
            backoff,
            subscriptions_max: options.subscriptions_max,
            events_max,
            encoding: options.encoding,
            payload_bytes_max: options.message_bytes_max,
            attention,
        }
    }

    /// Adds a subscription and returns the subscriber's end of it.
    pub(crate) fn open(
        &mut self,
        channel: &Arc<str>,
        options: SubscribeOptions,
    ) -> Result<EventReceiver<SubscriptionEvent>, SubscribeError> {
        // A subscription that was dropped a moment ago must not be in the way.
        self.sweep();
        if self.table.contains_key(channel) {
            return Err(SubscribeError::AlreadySubscribed);
        }
        if self.table.len() >= self.subscriptions_max {
            return Err(SubscribeError::Limit);
        }
        let (events, receiver) = queue::bounded(self.events_max, self.attention.clone());
        self.last_number += 1;
        let deltas = match options.delta {
            Some(Delta::Fossil) => Deltas::wanted(self.encoding, self.payload_bytes_max),
            None => Deltas::none(),
        };
        let entry = Channel::new(channel.clone(), options, events, deltas, self.last_number);
        self.table.insert(channel.clone(), entry);
        self.ask(channel);
        Ok(receiver)
    }

    /// The next thing to send.
    pub(crate) fn next_ask(&mut self) -> Option<Ask> {
        self.asks.pop_front()
    }

    /// The next token to fetch; [`fetched`](Self::fetched) is told the outcome.
    pub(crate) fn next_fetch(&mut self) -> Option<Fetch> {
        let channel = self.fetches.pop_front()?;
        let entry = self.table.get(&channel)?;
        let token = entry.options.token.clone()?;
        Some(Fetch { channel, serial: entry.serial, token })
    }

    /// What a subscribe request says, if the subscription is still wanted.
    pub(crate) fn request(&self, channel: &Arc<str>, number: u64) -> Option<SubscribeRequest<'_>> {
        let (name, entry) = self.table.get_key_value(channel).filter(|(_, entry)| entry.number == number)?;
        Some(entry.request(name))
    }

    /// What a request for more time says, if the subscription is still wanted.
    pub(crate) fn refresh_request(&self, channel: &Arc<str>, number: u64) -> Option<SubRefreshRequest<'_>> {
        let (name, entry) = self.table.get_key_value(channel).filter(|(_, entry)| entry.number == number)?;
        Some(entry.refresh_request(name))
    }

    /// Whether there is a subscription to this channel.
    pub(crate) fn contains(&self, channel: &str) -> bool {
        self.table.contains_key(channel)
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

    /// The server said that what the client knows of its streams is void, and its tokens with it.
    pub(crate) fn forget(&mut self) {
        for entry in self.table.values_mut() {
            entry.stream.forget();
            entry.drop_token();
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

    /// When [`look_after`](Self::look_after) has something to do.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        self.due_at
    }

    /// Asks again for the subscriptions whose time has come, and renews tokens whose time is up.
    pub(crate) fn look_after(&mut self, now: Instant) {
        let mut due = Vec::new();
        self.due_at = None;
        for (channel, entry) in &mut self.table {
            match entry.due_at() {
                Some(at) if at <= now => due.push(channel.clone()),
                at => self.due_at = earlier(self.due_at, at),
            }
        }
        for channel in due {
            let Some(entry) = self.table.get_mut(&channel) else { continue };
            if entry.stage != Stage::Live {
                self.ask(&channel);
            } else if entry.expiry.is_due(now) {
                self.fetch(&channel);
            }
        }
    }

    /// The outcome of a call for a token.
    pub(crate) fn fetched(
        &mut self,
        channel: &Arc<str>,
        serial: u64,
        outcome: Result<String, NoToken>,
        now: Instant,
    ) {
        let Some(entry) = self.table.get_mut(channel).filter(|entry| entry.serial == serial) else { return };
        entry.is_fetching = false;
        match (outcome, entry.stage) {
            (Err(NoToken::Unauthorized), _) => self.remove(channel, Some(Cause::unauthorized())),
            (Err(NoToken::Failed(_)), Stage::Live) => self.renew_later(channel, now),
            (Err(NoToken::Failed(reason)), Stage::Fetching) => {
                self.wait(channel, Cause::transport(reason), now);
            }
            (Ok(token), stage) => {
                entry.token = Some(token);
                match stage {
                    Stage::Fetching => self.ask(channel),
                    Stage::Live => {
                        let (channel, number) = (channel.clone(), entry.number);
                        self.asks.push_back(Ask::Refresh { channel, number });
                    }
                    Stage::Idle | Stage::Asked | Stage::Behind | Stage::Waiting(_) => {}
                }
            }
            (Err(NoToken::Failed(_)), _) => {}
        }
    }

    /// The server has accepted a subscribe request.
    pub(crate) fn accepted(
        &mut self,
        channel: &Arc<str>,
        number: u64,
        result: &SubscribeResult<'_>,
        now: Instant,
    ) {
        let Some(entry) = self.asked(channel, number) else { return };
        entry.stage = Stage::Live;
        entry.attempts = 0;
        entry.expiry.granted(result.expires && entry.can_fetch(), result.ttl, now);
        let due_at = entry.expiry.at();
        match entry.stream.accepted(result, &|event| entry.events.push(event)) {
            Taken::Told => self.due_at = earlier(self.due_at, due_at),
            Taken::Full => self.fall_behind(channel),
            Taken::Broken => self.begin_again(channel, now),
        }
    }

    /// The server has refused a subscribe request.
    pub(crate) fn refused(&mut self, channel: &Arc<str>, number: u64, error: &Error, now: Instant) {
        let Some(entry) = self.asked(channel, number) else { return };
        let cause = Cause::new(error.code, error.message.clone());
        let wants_token = error.code == Error::TOKEN_EXPIRED.code && entry.can_fetch();
        if wants_token {
            entry.drop_token();
        }
        if wants_token || is_transient(error) {
            self.wait(channel, cause, now);
        } else {
            // Nothing is to be unsubscribed.
            entry.stage = Stage::Idle;
            self.remove(channel, Some(cause));
        }
    }

    /// The server has answered a request for more time.
    pub(crate) fn refreshed(
        &mut self,
        channel: &Arc<str>,
        number: u64,
        answer: Result<SubRefreshResult, &Error>,
        now: Instant,
    ) {
        let live = |entry: &&mut Channel| entry.number == number && entry.stage == Stage::Live;
        let Some(entry) = self.table.get_mut(channel).filter(live) else { return };
        match answer {
            Ok(result) => {
                entry.expiry.granted(result.expires, result.ttl, now);
                self.due_at = earlier(self.due_at, entry.expiry.at());
            }
            Err(error) if error.code == Error::TOKEN_EXPIRED.code || is_transient(error) => {
                self.renew_later(channel, now);
            }
            Err(error) => {
                let cause = Cause::new(error.code, error.message.clone());
                self.remove(channel, Some(cause));
            }
        }
    }

    /// A request for more time was not answered in time.
    pub(crate) fn refresh_timed_out(&mut self, channel: &Arc<str>, number: u64, now: Instant) {
        let unanswered = Error { temporary: true, ..Error::INTERNAL };
        self.refreshed(channel, number, Err(&unanswered), now);
    }

    /// The server has ended a subscription.
    pub(crate) fn unsubscribed(&mut self, channel: &str, code: u32, reason: &str, now: Instant) {
        let Some((channel, _)) = self.table.get_key_value(channel) else { return };
        let channel = channel.clone();
        let cause = Cause::new(code, reason);
        if !Unsubscribed::resubscribes(code) {
            // Nothing is to be unsubscribed any more, unless it was asked for again meanwhile.
            if let Some(entry) = self.table.get_mut(&channel).filter(|entry| entry.stage == Stage::Live) {
                entry.stage = Stage::Idle;
            }
            self.remove(&channel, Some(cause));
            return;
        }
        let Some(entry) = self.table.get_mut(&channel) else { return };
        if code == Unsubscribed::STATE_INVALIDATED.code {
            entry.stream.forget();
            entry.drop_token();
        }
        // In any other stage this is about a subscription that the client has left behind already.
        if entry.stage == Stage::Live {
            let until = now + self.backoff.delay(entry.attempts);
            entry.interrupt(&cause, Stage::Waiting(until));
            self.due_at = earlier(self.due_at, Some(until));
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
        match entry.stream.published(publication, &|event| entry.events.push(event)) {
            Taken::Told => {}
            Taken::Full => self.fall_behind(&name),
            Taken::Broken => self.begin_again(&name, now),
        }
    }

    /// Something else happened that subscribers are told.
    pub(crate) fn tell(&mut self, channel: &str, event: SubscriptionEvent) {
        if let Some((name, entry)) = self.live(channel)
            && !entry.events.push(event)
        {
            self.fall_behind(&name);
        }
    }

    /// The server has left out publications.
    pub(crate) fn dropped(&mut self, channel: &str, count: u64) {
        if let Some((name, entry)) = self.live(channel)
            && !entry.stream.dropped(count, &|event| entry.events.push(event))
        {
            self.fall_behind(&name);
        }
    }

    fn live(&mut self, channel: &str) -> Option<(Arc<str>, &mut Channel)> {
        let name = self.table.get_key_value(channel)?.0.clone();
        let entry = self.table.get_mut(channel).filter(|entry| entry.stage == Stage::Live)?;
        Some((name, entry))
    }

    /// The subscription that awaits the answer to this request.
    fn asked(&mut self, channel: &Arc<str>, number: u64) -> Option<&mut Channel> {
        let entry = self.table.get_mut(channel)?;
        (entry.number == number && entry.stage == Stage::Asked).then_some(entry)
    }

    fn ask(&mut self, channel: &Arc<str>) {
        let Some(entry) = self.table.get_mut(channel) else { return };
        if !self.connected {
            entry.stage = Stage::Idle;
        } else if entry.token.is_none() && entry.can_fetch() {
            entry.stage = Stage::Fetching;
            self.fetch(channel);
        } else {
            self.last_number += 1;
            entry.number = self.last_number;
            entry.stage = Stage::Asked;
            self.asks.push_back(Ask::Subscribe { channel: channel.clone(), number: self.last_number });
        }
    }

    fn fetch(&mut self, channel: &Arc<str>) {
        let Some(entry) = self.table.get_mut(channel) else { return };
        if !std::mem::replace(&mut entry.is_fetching, true) {
            self.fetches.push_back(channel.clone());
        }
    }

    /// Asks again after a delay.
    fn wait(&mut self, channel: &Arc<str>, cause: Cause, now: Instant) {
        let Some(entry) = self.table.get_mut(channel) else { return };
        let until = now + self.backoff.delay(entry.attempts);
        entry.stage = Stage::Waiting(until);
        entry.attempts = entry.attempts.saturating_add(1);
        entry.tell_retry(cause);
        self.due_at = earlier(self.due_at, Some(until));
    }

    /// Fetches another token after a delay.
    fn renew_later(&mut self, channel: &Arc<str>, now: Instant) {
        let Some(entry) = self.table.get_mut(channel) else { return };
        entry.expiry.failed(&mut self.backoff, now);
        self.due_at = earlier(self.due_at, entry.expiry.at());
    }

    /// What the server sent does not follow what it sent before: the subscription is made anew.
    fn begin_again(&mut self, channel: &Arc<str>, now: Instant) {
        let Unsubscribed { code, reason } = Unsubscribed::INSUFFICIENT_STATE;
        self.unsubscribed(channel, code, reason, now);
        self.asks.push_back(Ask::Unsubscribe { channel: channel.clone() });
    }

    /// Lets go of a subscription; the subscriber, if there still is one, is told the cause.
    fn remove(&mut self, channel: &Arc<str>, cause: Option<Cause>) {
        let Some(entry) = self.table.remove(channel) else { return };
        self.fetches.retain(|waiting| waiting != channel);
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
        entry.stream.fell_behind();
        entry.stage = Stage::Behind;
        entry.expiry = Expiry::default();
        entry.events.await_room();
        if self.connected {
            self.asks.push_back(Ask::Unsubscribe { channel: channel.clone() });
        }
    }
}

fn earlier(known: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    known.into_iter().chain(other).min()
}
