//! The hub has answered: what the client is told, and which subscriptions are live from then on.

use std::sync::Arc;

use wavecast_protocol::centrifuge::{ConnectResult, Error, Reply, Res};

use super::done::Done;
use super::identity::Identity;
use super::joining::{Ending, Joining, Marks, Settled};
use super::pending::{Pending, Welcome};
use super::rules::Rules;
use super::state::{More, Phase, Session, Subscription};
use super::step::{Live, Step};
use super::timing::Moment;
use crate::VERSION;
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

    pub(super) fn pending_mut(&mut self) -> &mut Pending {
        self.pending.get_or_insert_default()
    }

    /// Lets go of the box when nothing is in it.
    pub(super) fn drop_idle_pending(&mut self) {
        self.pending.take_if(|pending| pending.is_over());
    }

    /// A subscription is live from now on, and stands there among the channel's subscribers.
    pub(crate) fn goes_live(&mut self, joining: &Joining, seat: Seat) {
        let more = joining.terms.as_ref().map(|terms| {
            let expires_ms = terms.expires.map(|expiry| expiry.at_ms);
            let more = More::new(Arc::clone(&terms.options), Arc::clone(&terms.info));
            Box::new(More { allowed: terms.allowed, expires_ms, ..more })
        });
        if self.subscriptions.is_empty() {
            // Most sessions have one: no room for four.
            self.subscriptions.reserve_exact(1);
        }
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
        self.wanted(channel).for_each(|joining| joining.ending = Some(Ending::Backend(done.clone())));
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

    /// Where the connection stands among the channel's subscribers, if it does.
    pub(crate) fn seat(&self, channel: ChannelNumber) -> Option<Seated> {
        let subscription = &self.subscriptions[self.find(channel)?];
        let Marks { positioned, by_server, .. } = subscription.marks;
        Some(Seated { seat: subscription.seat, positioned, by_server })
    }

    /// The client may come in, as this identity; its subscriptions have to join first.
    pub(crate) fn welcomed(&mut self, identity: Option<Box<Identity>>, welcome: Welcome) {
        self.phase = Phase::Welcomed;
        self.identity = identity;
        self.pending_mut().welcome = Some(Box::new(welcome));
    }

    /// Whether the connect reply takes so many bytes of publications more; the first of its pages always has room.
    pub(crate) fn welcome_takes(&mut self, page_bytes: usize, bytes_max: usize) -> bool {
        let Some(welcome) = self.pending.as_mut().and_then(|pending| pending.welcome.as_mut()) else {
            return false;
        };
        let sum = welcome.page_bytes + page_bytes;
        let takes = welcome.page_bytes == 0 || page_bytes == 0 || sum <= bytes_max;
        welcome.page_bytes = if takes { sum } else { welcome.page_bytes };
        takes
    }

    /// One of the connect command's subscriptions has joined.
    pub(crate) fn welcome_settled(&mut self, settled: Settled) {
        if let Some(welcome) = self.pending.as_mut().and_then(|pending| pending.welcome.as_mut()) {
            welcome.left = welcome.left.saturating_sub(1);
            welcome.settled.push(settled);
        }
    }

    /// One of them has ended before it was live.
    pub(crate) fn welcome_loses_one(&mut self) {
        if let Some(welcome) = self.pending.as_mut().and_then(|pending| pending.welcome.as_mut()) {
            welcome.left = welcome.left.saturating_sub(1);
        }
    }

    /// The connect reply, once all of its subscriptions have joined: then the session is connected.
    pub(crate) fn take_welcome(&mut self) -> Option<Box<Welcome>> {
        let welcome = self.pending.as_mut()?.welcome.take_if(|welcome| welcome.left == 0)?;
        self.phase = Phase::Connected;
        self.drop_idle_pending();
        Some(welcome)
    }

    /// The result of the connect command.
    pub(crate) fn connect_result<'w>(
        &self,
        welcome: &'w Welcome,
        now: Moment,
        rules: &Rules,
    ) -> Result<ConnectResult<'w>, Error> {
        let mut result = ConnectResult {
            client: self.client().into(),
            version: VERSION.into(),
            expires: welcome.ttl > 0,
            ttl: welcome.ttl,
            data: &welcome.data,
            ping: super::timing::ping_seconds(rules.ping_interval),
            pong: !rules.ping_interval.is_zero() && !rules.pong_timeout.is_zero(),
            time: if rules.include_server_time { i64::try_from(now.unix_ms).unwrap_or(0) } else { 0 },
            ..ConnectResult::default()
        };
        for Settled { channel, joining, joined } in &welcome.settled {
            result.subs.insert((&**channel).into(), joining.result(joined)?);
        }
        Ok(result)
    }
}
