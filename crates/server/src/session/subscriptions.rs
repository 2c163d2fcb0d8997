//! The subscriptions of a session: those on their way, those that are live, and how they end.

use std::sync::Arc;

use wavecast_hub::{ChannelOptions, ClientInfo};
use wavecast_protocol::centrifuge::{Error, Reply, Res};

use super::command::Context;
use super::done::Done;
use super::joining::{Ending, Joining, Marks};
use super::permission::Subscribed;
use super::state::{More, Session, Subscription};
use super::step::{Live, Step};
use crate::channels::{ChannelNumber, Seat};

/// Where a live subscription stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seated {
    pub(crate) seat: Seat,
    /// Its position is watched over: it cannot lose anything unnoticed.
    pub(crate) positioned: bool,
    /// The server made it: the client cannot begin it anew.
    pub(crate) by_server: bool,
}

impl Session {
    /// Notes a subscription that the hub has been asked for.
    pub(crate) fn joining(&mut self, joining: Joining) {
        self.pending_mut().joining.push_back(joining);
    }

    /// What the hub has answered to: the first that was asked for in this channel. `None`: nobody here waits for it.
    pub(crate) fn take_joining(&mut self, channel: ChannelNumber) -> Option<Joining> {
        let pending = self.pending.as_mut()?;
        let index = pending.joining.iter().position(|joining| joining.channel == channel)?;
        let joining = pending.joining.remove(index);
        self.drop_idle_pending();
        joining
    }

    /// A subscription is live from now on, and stands there among the channel's subscribers.
    pub(crate) fn goes_live(&mut self, joining: &Joining, seat: Seat) {
        let more = joining.terms.as_ref().map(|terms| {
            let expires_ms = terms.expires.map(|expiry| expiry.at_ms);
            let more = More::new(Arc::clone(&terms.options), Arc::clone(&terms.info));
            let set_filter = terms.set_filter.clone();
            let filter_bytes = terms.filter.as_ref().map_or(0, |filter| filter.bytes_held());
            Box::new(More { allowed: terms.allowed, expires_ms, set_filter, filter_bytes, ..more })
        });
        let (channel, marks) = (joining.channel, joining.marks);
        self.subscriptions.push(Subscription { channel, seat, marks, more });
    }

    pub(super) fn unsubscribe<'c>(&mut self, id: u32, number: Option<ChannelNumber>) -> Step<'c> {
        let done = Step::Reply(Reply { id, body: Ok(Res::Unsubscribe) });
        let Some(number) = number else { return done };
        if self.find(number).is_some() {
            return Step::Leave { id, channel: number };
        }
        let Some(joining) = self.wanted(Some(number)).next() else { return done };
        joining.ending = Some(Ending::Client(id));
        Step::Nothing
    }

    /// The back end ends what is joining this channel, or any: it does not go live. Whoever waits for that is answered then.
    pub(crate) fn end_joining(&mut self, channel: Option<ChannelNumber>, done: &Done) {
        self.wanted(channel).for_each(|joining| joining.ending = Some(Ending::Backend(Some(done.clone()))));
    }

    /// The back end ends what waits for an answer before it joins this channel, or any. Nobody waits for that: it may be the
    /// very back end whose answer is waited for.
    pub(crate) fn end_undecided(&mut self, channel: Option<&str>) {
        let undecided = self.pending.as_mut().and_then(|pending| pending.undecided.as_mut());
        if let Some(undecided) = undecided
            && channel.is_none_or(|channel| channel == &*undecided.channel)
        {
            undecided.is_ended = true;
        }
    }

    /// What has waited for an answer has got it. Says whether the back end has ended it meanwhile.
    pub(super) fn decides(&mut self) -> bool {
        let undecided = self.pending.as_mut().and_then(|pending| pending.undecided.take());
        self.drop_idle_pending();
        undecided.is_some_and(|undecided| undecided.is_ended)
    }

    /// What is joining a channel, or any, and still wanted.
    fn wanted(&mut self, channel: Option<ChannelNumber>) -> impl Iterator<Item = &mut Joining> {
        let joining = self.pending.iter_mut().flat_map(|pending| &mut pending.joining);
        joining.filter(move |joining| {
            joining.ending.is_none() && channel.is_none_or(|channel| channel == joining.channel)
        })
    }

    /// Takes the live subscription of a channel out of the session.
    pub(crate) fn take_live(&mut self, channel: ChannelNumber) -> Option<Live> {
        let index = self.find(channel)?;
        Some(self.take(index))
    }

    /// Takes all live ones out: the session is over. Those that are joining end with the hub's answer.
    pub(crate) fn take_all_live(&mut self) -> Vec<Live> {
        (0..self.subscriptions.len()).rev().map(|index| self.take(index)).collect()
    }

    pub(super) fn take(&mut self, index: usize) -> Live {
        let Subscription { channel, seat, marks, more } = self.subscriptions.remove(index);
        let terms = more.map(|more| (more.options, more.info));
        Live { channel, seat, positioned: marks.positioned, terms }
    }

    /// The connection stands here among the channel's subscribers, from now on.
    pub(crate) fn seated(&mut self, channel: ChannelNumber, seat: Seat) {
        if let Some(index) = self.find(channel) {
            self.subscriptions[index].seat = seat;
        }
    }

    /// The channels of its live subscriptions.
    pub(crate) fn channels(&self) -> impl Iterator<Item = ChannelNumber> {
        self.subscriptions.iter().map(|subscription| subscription.channel)
    }

    /// The channels in which what was missed can be had later.
    pub(crate) fn recoverable(&self) -> impl Iterator<Item = ChannelNumber> {
        let recoverable = self.subscriptions.iter().filter(|subscription| subscription.marks.recoverable);
        recoverable.map(|subscription| subscription.channel)
    }

    /// Whether it is subscribed to a channel.
    pub(crate) fn is_live(&self, channel: ChannelNumber) -> bool {
        self.find(channel).is_some()
    }

    /// Who it is in a channel where presence is kept, by a live subscription.
    pub(crate) fn presence_in(
        &self,
        channel: ChannelNumber,
    ) -> Option<(&Arc<ChannelOptions>, &Arc<ClientInfo>)> {
        let more = self.subscriptions.get(self.find(channel)?)?.more.as_ref()?;
        more.options.presence.then_some((&more.options, &more.info))
    }

    /// Where the connection stands among the channel's subscribers, if it does.
    pub(crate) fn seat(&self, channel: ChannelNumber) -> Option<Seated> {
        let subscription = &self.subscriptions[self.find(channel)?];
        let Marks { positioned, by_server, .. } = subscription.marks;
        Some(Seated { seat: subscription.seat, positioned, by_server })
    }

    /// Whether there may be one more subscription, to this channel.
    ///
    /// # Errors
    /// 105 where there is one already, 106 where there are as many as there may be.
    pub(super) fn may_join(&self, channel: &str, cx: &Context<'_>) -> Result<(), Error> {
        if self.is_subscribed((cx.number_of)(channel)) {
            return Err(Error::ALREADY_SUBSCRIBED);
        }
        if self.subscription_count() >= cx.rules.channel_limit {
            return Err(Error::LIMIT_EXCEEDED);
        }
        Ok(())
    }

    /// Live subscriptions and those on their way.
    fn subscription_count(&self) -> usize {
        self.subscriptions.len() + self.pending.as_ref().map_or(0, |pending| pending.joining.len())
    }

    /// Whether the client is, or is about to be, subscribed to this channel.
    fn is_subscribed(&self, number: Option<ChannelNumber>) -> bool {
        self.subscribed(number).is_some()
    }

    /// The same, and what the subscription allows.
    pub(super) fn subscribed(&self, number: Option<ChannelNumber>) -> Subscribed {
        let number = number?;
        if let Some(index) = self.find(number) {
            return Some(
                self.subscriptions[index].more.as_ref().map(|more| more.allowed).unwrap_or_default(),
            );
        }
        let joining = self.pending.as_ref()?.joining.iter();
        let joining = joining.filter(|joining| joining.ending.is_none()).find(|j| j.channel == number)?;
        Some(joining.terms.as_ref().map(|terms| terms.allowed).unwrap_or_default())
    }

    /// Where the live subscription of a channel stands.
    pub(super) fn find(&self, channel: ChannelNumber) -> Option<usize> {
        self.subscriptions.iter().position(|subscription| subscription.channel == channel)
    }
}
