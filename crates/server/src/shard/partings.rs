//! Out of channels: every way a subscription ends.

use std::sync::Arc;

use wavecast_net::Frame;
use wavecast_net::shard::{ConnectionId, Connections};
use wavecast_protocol::centrifuge::{Push, Reply, Res, Unsubscribed};

use super::PushShard;
use crate::channels::ChannelNumber;
use crate::session::{Live, Session};
use crate::shard_event::{Parting, ShardEvent};
use crate::wire;
use crate::wire_form::WireForm;

impl PushShard {
    /// Ends a subscription that the client has had enough of. What was published before, by the client itself in the same
    /// message, say, stands in the inbox and is still delivered: so the end goes through the inbox, too.
    pub(super) fn leave_in_turn(
        &mut self,
        connections: &mut Connections,
        id: ConnectionId,
        command: u32,
        channel: ChannelNumber,
    ) {
        let node = Arc::clone(&self.node);
        let inbox = node.hub().delivery().of(self.id);
        if !inbox.reserve() {
            return self.left(connections, id, command, channel);
        }
        let ticket = self.next_ticket();
        inbox.push_reserved(ShardEvent::Left(Box::new(Parting { connection: id, ticket, command, channel })));
        if let Some(session) = self.sessions.get_mut(id) {
            session.asked(ticket, None, 0);
        }
    }

    /// All that was published before the unsubscribe command has been taken.
    pub(super) fn parting(&mut self, connections: &mut Connections, parting: &Parting) {
        let Parting { connection: id, ticket, command, channel } = *parting;
        if self.sessions.get_mut(id).is_some_and(|session| session.settles(ticket)) {
            self.left(connections, id, command, channel);
            self.send_replies(connections, id);
            self.resume(connections, id);
        }
    }

    fn left(
        &mut self,
        connections: &mut Connections,
        id: ConnectionId,
        command: u32,
        channel: ChannelNumber,
    ) {
        self.send_run(connections, channel);
        // The server may have ended it meanwhile.
        let live = self.sessions.get_mut(id).and_then(|session| session.take_live(channel));
        if let Some(live) = live {
            // What may be dropped is not waited for any more. If it stayed, what comes after a subscription anew might take
            // its place, before the reply.
            connections.discard(id, self.channels.lane(live.channel));
            self.unsubscribed(id, &live, Unsubscribed::CLIENT);
        }
        self.reply(id, &Reply { id: command, body: Ok(Res::Unsubscribe) });
    }

    /// Takes a live subscription out of its channel; [`PushShard::release`] follows.
    fn leave(&mut self, live: &Live) {
        for (moved, seat) in self.channels.remove(live.channel, live.seat).into_iter().flatten() {
            self.seated(live.channel, moved, seat);
        }
        self.gone(live);
    }

    /// A live subscription stands in its channel no longer.
    pub(super) fn gone(&mut self, live: &Live) {
        self.node.counts().unsubscribed();
        if let Some((options, info)) = &live.terms
            && (options.presence || options.join_leave)
        {
            self.node.hub().exit(self.channels.name(live.channel), info, options.join_leave);
        }
    }

    /// One session less in a channel; the shard leaves it after the last.
    pub(super) fn release(&mut self, channel: ChannelNumber) {
        if let Some(name) = self.channels.release(channel) {
            self.node.hub().leave(&name, self.id, self.node.now_ms());
        }
    }

    /// A subscription that stands in its channel no longer ends.
    pub(super) fn ends(&mut self, id: ConnectionId, channel: ChannelNumber, why: Unsubscribed) {
        if let Some(live) = self.sessions.get_mut(id).and_then(|session| session.take_live(channel)) {
            self.gone(&live);
            self.is_over(id, &live, why);
        }
    }

    /// A subscription has been taken out of its session: it ends.
    pub(super) fn unsubscribed(&mut self, id: ConnectionId, live: &Live, why: Unsubscribed) {
        self.leave(live);
        self.is_over(id, live, why);
    }

    /// All live subscriptions of a session end, and the back end is told of each.
    pub(super) fn all_end(&mut self, id: ConnectionId, why: Unsubscribed) {
        let live = self.sessions.get_mut(id).map(Session::take_all_live).unwrap_or_default();
        live.iter().for_each(|live| self.unsubscribed(id, live, why));
    }

    /// The back end is told that a subscription is over, and nothing is left of it.
    fn is_over(&mut self, id: ConnectionId, live: &Live, why: Unsubscribed) {
        if let Some(session) = self.sessions.get_mut(id) {
            self.node.tell_unsubscribed(session, live, self.channels.name(live.channel), why);
            self.node.metrics().unsubscribed.add(why.code);
        }
        self.count_bytes(id);
        self.release(live.channel);
    }

    /// Ends a subscription from the server's side, if there is one: the client is told.
    pub(super) fn unsubscribe(
        &mut self,
        connections: &mut Connections,
        id: ConnectionId,
        channel: ChannelNumber,
        why: Unsubscribed,
    ) {
        // What it was sent comes before the end, and may give it another seat.
        self.send_run(connections, channel);
        let Some(live) = self.sessions.get_mut(id).and_then(|session| session.take_live(channel)) else {
            return;
        };
        self.discard_waiting(connections, id, &live);
        self.tell_unsubscribed(connections, id, channel, why);
        self.unsubscribed(id, &live, why);
    }

    /// Tells a client that a subscription has ended.
    pub(super) fn tell_unsubscribed(
        &self,
        connections: &mut Connections,
        id: ConnectionId,
        channel: ChannelNumber,
        why: Unsubscribed,
    ) {
        if let Some(session) = self.sessions.get(id) {
            let push = unsubscribe(session.wire, self.channels.name(channel), why);
            connections.send_frame(id, &push).ok();
        }
    }
}

/// The push that tells a client of the end of a subscription.
pub(super) fn unsubscribe(form: WireForm, channel: &str, why: Unsubscribed) -> Frame {
    let Unsubscribed { code, reason } = why;
    wire::push(form, &Push::Unsubscribe { channel: channel.into(), code, reason: reason.into() })
}
