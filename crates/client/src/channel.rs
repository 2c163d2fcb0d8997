//! One subscription of the user: its options, its token, and where it stands with the server.

use std::sync::Arc;

use tokio::time::Instant;
use wavecast_protocol::centrifuge::{SubRefreshRequest, SubscribeRequest};

use crate::delta::Deltas;
use crate::error::Cause;
use crate::event::SubscriptionEvent;
use crate::expiry::Expiry;
use crate::filter::TagsFilter;
use crate::options::{Delta, SubscribeOptions};
use crate::queue::EventSender;
use crate::stream::Stream;

/// The flag of a subscribe request that makes an unrecoverable position an error.
const REJECT_UNRECOVERED: i64 = 1 << 1;

#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) options: SubscribeOptions,
    pub(crate) events: EventSender<SubscriptionEvent>,
    pub(crate) stream: Stream,
    pub(crate) stage: Stage,
    /// Tells this subscription from others to the same channel, before and after.
    pub(crate) serial: u64,
    /// Of the latest subscribe request.
    pub(crate) number: u64,
    /// Refusals in a row.
    pub(crate) attempts: u32,
    /// The token that the server last had no objection to.
    pub(crate) token: Option<String>,
    /// A call for a token is wanted or under way.
    pub(crate) is_fetching: bool,
    pub(crate) expiry: Expiry,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// To be asked for as soon as there is a connection.
    Idle,
    /// To be asked for as soon as there is a token.
    Fetching,
    /// Asked for; the answer is on its way.
    Asked,
    Live,
    /// Unsubscribed until the subscriber has made room in its queue.
    Behind,
    /// To be asked for again at that time.
    Waiting(Instant),
}

impl Channel {
    pub(crate) fn new(
        channel: Arc<str>,
        options: SubscribeOptions,
        events: EventSender<SubscriptionEvent>,
        deltas: Deltas,
        serial: u64,
    ) -> Self {
        let fixed = options.token.as_ref().and_then(|token| token.as_fixed());
        Self {
            token: fixed.map(ToOwned::to_owned),
            stream: Stream::new(channel, options.since.clone(), options.filter.is_some(), deltas),
            options,
            events,
            stage: Stage::Idle,
            serial,
            number: 0,
            attempts: 0,
            is_fetching: false,
            expiry: Expiry::default(),
        }
    }

    /// What a subscribe request says.
    pub(crate) fn request<'c>(&'c self, channel: &'c str) -> SubscribeRequest<'c> {
        let options = &self.options;
        let since = self.stream.since();
        SubscribeRequest {
            channel: channel.into(),
            token: self.token.as_deref().unwrap_or_default().into(),
            data: options.data.as_ref().map_or(&[], |data| data.as_bytes()),
            recover: since.is_some(),
            offset: since.map_or(0, |position| position.offset),
            epoch: since.map_or("", |position| &position.epoch).into(),
            positioned: options.positioned,
            recoverable: options.recoverable,
            join_leave: options.join_leave,
            delta: options.delta.map_or("", |Delta::Fossil| "fossil").into(),
            tf: options.filter.as_ref().map(TagsFilter::to_protocol),
            flag: if options.reject_unrecovered { REJECT_UNRECOVERED } else { 0 },
            ..SubscribeRequest::default()
        }
    }

    /// What a request to go on with the token of now says.
    pub(crate) fn refresh_request<'c>(&'c self, channel: &'c str) -> SubRefreshRequest<'c> {
        SubRefreshRequest {
            channel: channel.into(),
            token: self.token.as_deref().unwrap_or_default().into(),
            ..SubRefreshRequest::default()
        }
    }

    /// Whether another token can be had than the one of now.
    pub(crate) fn can_fetch(&self) -> bool {
        self.options.token.as_ref().is_some_and(|token| token.as_fixed().is_none())
    }

    /// The server has objected to the token, or declared it void.
    pub(crate) fn drop_token(&mut self) {
        if self.can_fetch() {
            self.token = None;
        }
    }

    /// The subscription is no longer live; one that is behind stays so.
    pub(crate) fn interrupt(&mut self, cause: &Cause, next: Stage) {
        if self.stage == Stage::Behind {
            return;
        }
        let was_live = self.stage == Stage::Live;
        self.stage = next;
        self.expiry = Expiry::default();
        if was_live {
            self.stream.interrupted(cause, &|event| self.events.push(event));
        }
    }

    /// Says that it is tried again, unless the subscriber has more to read than that.
    pub(crate) fn tell_retry(&self, cause: Cause) {
        if self.events.has_room() {
            self.events.push(SubscriptionEvent::Retrying(cause));
        }
    }

    /// When something is to be done about it.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        match self.stage {
            Stage::Waiting(until) => Some(until),
            Stage::Live => self.expiry.at(),
            Stage::Idle | Stage::Fetching | Stage::Asked | Stage::Behind => None,
        }
    }
}
