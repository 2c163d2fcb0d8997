//! Subscriptions of a session: none, joining, live.

use wavecast_hub::{Joined, Recovery};
use wavecast_protocol::centrifuge::{Error, Reply, Res, SubscribeRequest, SubscribeResult};

use super::rules::Rules;
use super::state::{Session, State, Subscription};
use super::step::{Join, Live, Step};
use crate::channels::ChannelNumber;
use crate::wire;

/// The client asks for error 112 instead of `recovered: false`.
const FLAG_REJECT_UNRECOVERED: i64 = 2;

/// What to do with the hub's answer.
#[derive(Debug)]
pub(crate) struct Settled<'j> {
    pub(crate) reply: Reply<'j>,
    /// The subscription is to go live; else it has been taken out of the session.
    pub(crate) live: bool,
    /// Answer this unsubscribe command, too.
    pub(crate) unsubscribed: Option<u32>,
}

impl Session {
    pub(super) fn subscribe<'c>(
        &mut self,
        id: u32,
        request: SubscribeRequest<'c>,
        rules: &Rules,
        number: Option<ChannelNumber>,
    ) -> Result<Step<'c>, Error> {
        let options = rules.options(&request.channel)?;
        if self.is_subscribed(number) {
            return Err(Error::ALREADY_SUBSCRIBED);
        }
        if self.subscriptions.len() >= rules.channel_limit {
            return Err(Error::LIMIT_EXCEEDED);
        }
        // Maps and shared polls are not offered, and a filter must not be passed over: its client would get too much.
        if request.kind != 0 || request.tf.is_some() {
            return Err(Error::NOT_AVAILABLE);
        }
        if !rules.insecure && !self.may_subscribe(&request, rules) {
            return Err(Error::PERMISSION_DENIED);
        }
        let recoverable = options.force_recovery || (request.recoverable && options.allow_recovery);
        let positioned =
            recoverable || options.force_positioning || (request.positioned && options.allow_positioning);
        let recovering = request.recover && recoverable;
        let subscription = Subscription {
            // The shard numbers the channel when it enters it.
            channel: number.unwrap_or_default(),
            state: State::Joining { id, unsubscribe: None },
            positioned,
            recoverable,
            recovering,
            reject_unrecovered: request.flag & FLAG_REJECT_UNRECOVERED != 0,
        };
        let recover = recovering.then_some((request.offset, request.epoch));
        let options = options.clone();
        Ok(Step::Join(Join { channel: request.channel, options, recover, subscription }))
    }

    fn may_subscribe(&self, request: &SubscribeRequest<'_>, rules: &Rules) -> bool {
        let names = rules.namespaces.rules();
        // No key is configured that could verify a token, and a private channel needs one.
        if !request.token.is_empty() || names.is_private(&request.channel) {
            return false;
        }
        let Ok(options) = rules.namespaces.resolve(&request.channel) else { return false };
        if names.is_user_limited(&request.channel) {
            return options.allow_user_limited_channels
                && !self.user.is_empty()
                && names.is_user_allowed(&request.channel, &self.user);
        }
        self.is_allowed(options.allow_subscribe_for_client, options.allow_subscribe_for_anonymous)
    }

    /// Notes a subscription that the hub is asked for.
    pub(crate) fn joining(&mut self, subscription: Subscription) {
        if self.subscriptions.is_empty() {
            // Most sessions have one: no room for four.
            self.subscriptions.reserve_exact(1);
        }
        self.subscriptions.push(subscription);
    }

    /// The hub has answered: its answers come in the order in which it was asked. `has_room`: what was missed fits beside
    /// what already waits for the client; else it has to ask again. `None`: nobody in this session waits for the answer.
    pub(crate) fn joined<'j>(
        &mut self,
        channel: ChannelNumber,
        joined: &'j Joined,
        has_room: bool,
        place: u32,
    ) -> Option<Settled<'j>> {
        let index = self.find(channel, |state| matches!(state, State::Joining { .. }))?;
        let subscription = &mut self.subscriptions[index];
        let State::Joining { id, unsubscribe } = subscription.state else { return None };
        let body = if has_room {
            subscription.result(joined).map(Res::Subscribe)
        } else {
            Err(Error::TOO_MANY_REQUESTS)
        };
        let live = body.is_ok() && unsubscribe.is_none();
        subscription.state = State::Live { place };
        if !live {
            self.subscriptions.remove(index);
        }
        Some(Settled { reply: Reply { id, body }, live, unsubscribed: unsubscribe.map(Into::into) })
    }

    pub(super) fn unsubscribe<'c>(&mut self, id: u32, number: Option<ChannelNumber>) -> Step<'c> {
        let done = Step::Reply(Reply { id, body: Ok(Res::Unsubscribe) });
        let Some(index) = number.and_then(|number| self.find(number, State::is_wanted)) else { return done };
        let Subscription { channel, state, .. } = &mut self.subscriptions[index];
        match state {
            State::Live { place } => {
                let live = Live { channel: *channel, place: *place };
                self.subscriptions.remove(index);
                Step::Leave { id, live }
            }
            State::Joining { unsubscribe, .. } => {
                *unsubscribe = std::num::NonZeroU32::new(id);
                Step::Nothing
            }
        }
    }

    /// Ends the live subscription of a channel from the server's side.
    pub(crate) fn unsubscribed(&mut self, channel: ChannelNumber) {
        if let Some(index) = self.find(channel, State::is_live) {
            self.subscriptions.remove(index);
        }
    }

    /// The session is over: gives out its live subscriptions. Those that are joining end with the hub's answer.
    pub(crate) fn take_live(&mut self) -> Vec<Live> {
        std::mem::take(&mut self.subscriptions)
            .into_iter()
            .filter_map(|Subscription { channel, state, .. }| match state {
                State::Live { place } => Some(Live { channel, place }),
                State::Joining { .. } => None,
            })
            .collect()
    }

    /// The connection stands elsewhere among the channel's subscribers now.
    pub(crate) fn moved(&mut self, channel: ChannelNumber, to: u32) {
        if let Some(index) = self.find(channel, State::is_live) {
            self.subscriptions[index].state = State::Live { place: to };
        }
    }

    pub(super) fn is_subscribed(&self, number: Option<ChannelNumber>) -> bool {
        number.is_some_and(|number| self.find(number, State::is_wanted).is_some())
    }

    /// The first subscription of a channel in such a state. A client that changes its mind may have several: all but the
    /// last are joining and unsubscribed. They stand in the order of their commands, and so do the hub's answers.
    fn find(&self, channel: ChannelNumber, is_in: impl Fn(&State) -> bool) -> Option<usize> {
        let is_it =
            |subscription: &Subscription| subscription.channel == channel && is_in(&subscription.state);
        self.subscriptions.iter().position(is_it)
    }
}

impl State {
    fn is_live(&self) -> bool {
        matches!(self, Self::Live { .. })
    }

    /// The client has not unsubscribed.
    fn is_wanted(&self) -> bool {
        !matches!(self, Self::Joining { unsubscribe: Some(_), .. })
    }
}

impl Subscription {
    /// The id of the subscribe command, while it waits for its reply.
    pub(crate) fn command(&self) -> u32 {
        match self.state {
            State::Joining { id, .. } => id,
            State::Live { .. } => 0,
        }
    }

    /// The result of the subscribe command, from the hub's answer.
    fn result<'j>(&self, joined: &'j Joined) -> Result<SubscribeResult<'j>, Error> {
        let recovered = matches!(joined.recovery, Recovery::Recovered(_));
        if self.recovering && !recovered && self.reject_unrecovered {
            return Err(Error::UNRECOVERABLE_POSITION);
        }
        let mut result = SubscribeResult {
            recoverable: self.recoverable,
            positioned: self.positioned,
            was_recovering: self.recovering,
            recovered: self.recovering && recovered,
            ..SubscribeResult::default()
        };
        if self.positioned {
            result.epoch = (&*joined.position.epoch).into();
            result.offset = joined.position.offset;
        }
        if let Recovery::Recovered(publications) = &joined.recovery {
            // The client steps forward with each publication that it is given: it starts from where it was.
            if let Some(first) = publications.first() {
                result.offset = first.offset - 1;
            }
            result.publications = publications.iter().map(|p| wire::publication(p)).collect();
        }
        Ok(result)
    }
}
