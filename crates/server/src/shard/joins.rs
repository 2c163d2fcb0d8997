//! Into channels and out of them: the hub is asked, answers through the inbox, and subscriptions go live or end.

use std::sync::Arc;

use wavecast_hub::{JoinQuery, Joined, Publication, Recovery};
use wavecast_net::Frame;
use wavecast_net::shard::{ConnectionId, Connections};
use wavecast_protocol::centrifuge::{Encoding, Error, Push, Reply, Res, Unsubscribed};

use super::PushShard;
use crate::channels::ChannelNumber;
use crate::session::{By, Ending, Join, Joining, Live, Settled, since};
use crate::shard_event::{Answer, Parting, ShardEvent};
use crate::wire;

impl PushShard {
    /// Asks the hub for a subscription.
    pub(super) fn join(&mut self, connections: &mut Connections, id: ConnectionId, join: Join<'_>) {
        let Join { channel: name, options, recover, gets_latest, mut joining } = join;
        let node = Arc::clone(&self.node);
        let inbox = node.hub().delivery().of(self.id);
        // Room for the answer is kept before the hub is asked: it cannot fail under the hub's lock.
        if !inbox.reserve() {
            return self.not_joined(connections, id, joining, Error::TOO_MANY_REQUESTS);
        }
        let channel = self.channels.enter(&name, &options);
        joining.channel = channel;
        let query = JoinQuery {
            recover: since(recover.as_ref()),
            publications_max: node.rules().recovery_max,
            mode: options.recovery_mode,
            filter: joining.filter(),
            auto_cache_recover: gets_latest,
        };
        let joined = node.hub().join(&name, self.id, query, &options, node.now_ms(), |joined| {
            inbox.push_reserved(ShardEvent::Joined(Box::new(Answer { connection: id, channel, joined })));
        });
        if joined.is_err() {
            inbox.release();
            self.release(channel);
            return self.not_joined(connections, id, joining, Error::LIMIT_EXCEEDED);
        }
        if let Some(session) = self.sessions.get_mut(id) {
            session.joining(joining);
        }
    }

    /// Whoever wanted the subscription is told that there is none.
    fn not_joined(
        &mut self,
        connections: &mut Connections,
        id: ConnectionId,
        joining: Joining,
        error: Error,
    ) {
        match joining.by {
            By::Client(command) => self.reply(id, &Reply { id: command, body: Err(error) }),
            By::Connect => self.welcome_fails(connections, id, error),
            By::Backend(done) => done.fail(error),
        }
    }

    /// The hub has answered a join: the subscription goes live at this point of the stream.
    pub(super) fn joined(&mut self, connections: &mut Connections, answer: Answer) {
        let Answer { connection: id, channel, mut joined } = answer;
        // What was published before belongs to those who were here before.
        self.send_run(connections, channel);
        self.channels.starts_at(channel, joined.position.offset);
        let joining = self.sessions.get_mut(id).and_then(|session| session.take_joining(channel));
        let Some(joining) = joining else { return self.release(channel) };
        match joining.by {
            By::Connect => {
                self.fit_into_welcome(id, &mut joined);
                self.joined_by_connect(connections, id, joining, joined);
            }
            By::Client(command) => self.joined_by_client(connections, id, command, joining, &joined),
            By::Backend(_) => self.joined_by_backend(connections, id, joining, &joined),
        }
        self.resume(connections, id);
    }

    fn joined_by_connect(
        &mut self,
        connections: &mut Connections,
        id: ConnectionId,
        joining: Joining,
        joined: Joined,
    ) {
        let channel = joining.channel;
        if joining.ending.is_some() {
            // The client has not been told of it, and is not.
            self.release(channel);
            if let Some(session) = self.sessions.get_mut(id) {
                session.welcome_loses_one();
            }
        } else {
            self.goes_live(connections, id, &joining, joining.base(&joined));
            let name = Arc::clone(self.channels.name(channel));
            if let Some(session) = self.sessions.get_mut(id) {
                session.welcome_settled(Settled { channel: name, joining, joined });
            }
        }
        self.finish_welcome(connections, id);
    }

    fn joined_by_client(
        &mut self,
        connections: &mut Connections,
        id: ConnectionId,
        command: u32,
        mut joining: Joining,
        joined: &Joined,
    ) {
        let ending = joining.ending.take();
        let has_room = self.has_room(connections, id, recovered(&joined.recovery));
        let result = if has_room { joining.result(joined) } else { Err(Error::TOO_MANY_REQUESTS) };
        let is_joined = result.is_ok();
        self.reply(id, &Reply { id: command, body: result.map(Res::Subscribe) });
        if let Some(Ending::Client(command)) = ending {
            self.reply(id, &Reply { id: command, body: Ok(Res::Unsubscribe) });
        }
        self.send_replies(connections, id);
        if is_joined && ending.is_none() {
            return self.goes_live(connections, id, &joining, joining.base(joined));
        }
        if is_joined && let Some(Ending::Backend(_)) = ending {
            self.tell_unsubscribed(connections, id, joining.channel, Unsubscribed::SERVER);
        }
        self.release(joining.channel);
    }

    fn joined_by_backend(
        &mut self,
        connections: &mut Connections,
        id: ConnectionId,
        mut joining: Joining,
        joined: &Joined,
    ) {
        let ending = joining.ending.take();
        let has_room = self.has_room(connections, id, recovered(&joined.recovery));
        if !has_room || ending.is_some() {
            self.release(joining.channel);
            if !has_room {
                self.not_joined(connections, id, joining, Error::TOO_MANY_REQUESTS);
            }
            if let Some(Ending::Client(command)) = ending {
                self.reply(id, &Reply { id: command, body: Ok(Res::Unsubscribe) });
                self.send_replies(connections, id);
            }
            return;
        }
        let Some(session) = self.sessions.get(id) else { return };
        let (encoding, name) = (session.encoding, Arc::clone(self.channels.name(joining.channel)));
        connections.send_frame(id, &wire::push(encoding, &joining.push(&name, joined))).ok();
        for publication in joining.publications(joined) {
            let push = Push::Publication { channel: (&*name).into(), publication };
            connections.send_frame(id, &wire::push(encoding, &push)).ok();
        }
        self.goes_live(connections, id, &joining, None);
    }

    fn goes_live(
        &mut self,
        connections: &mut Connections,
        id: ConnectionId,
        joining: &Joining,
        base: Option<Arc<Publication>>,
    ) {
        let now = self.moment(connections);
        let Some(session) = self.sessions.get_mut(id) else { return };
        let seat = self.channels.add(joining.channel, id, joining.listener(session.encoding, base));
        session.goes_live(joining, seat);
        self.node.counts().subscribed();
        if let Some((options, info)) = joining.attendance() {
            // The channel is there, since this shard is in it.
            let name = self.channels.name(joining.channel);
            self.node.hub().enter(name, info, options, options.join_leave).ok();
        }
        self.count_bytes(id);
        if joining.expires() {
            self.set_timer(connections, id, now);
        }
    }

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
            session.asked(ticket);
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
    pub(super) fn leave(&mut self, live: &Live) {
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
        if let Some(session) = self.sessions.get_mut(id)
            && let Some(live) = session.take_live(channel)
        {
            let name = Arc::clone(self.channels.name(channel));
            self.node.tell_unsubscribed(session, &live, &name, why);
            self.gone(&live);
            self.release(channel);
        }
    }

    /// A subscription has been taken out of its session: it is over.
    pub(super) fn unsubscribed(&mut self, id: ConnectionId, live: &Live, why: Unsubscribed) {
        self.leave(live);
        let name = Arc::clone(self.channels.name(live.channel));
        if let Some(session) = self.sessions.get_mut(id) {
            self.node.tell_unsubscribed(session, live, &name, why);
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
    fn tell_unsubscribed(
        &self,
        connections: &mut Connections,
        id: ConnectionId,
        channel: ChannelNumber,
        why: Unsubscribed,
    ) {
        if let Some(session) = self.sessions.get(id) {
            let push = unsubscribe(session.encoding, self.channels.name(channel), why);
            connections.send_frame(id, &push).ok();
        }
    }
}

fn recovered(recovery: &Recovery) -> &[Arc<Publication>] {
    match recovery {
        Recovery::Recovered(publications) => publications,
        Recovery::NotAsked | Recovery::Gap => &[],
    }
}

/// The push that tells a client of the end of a subscription.
pub(super) fn unsubscribe(encoding: Encoding, channel: &str, why: Unsubscribed) -> Frame {
    let Unsubscribed { code, reason } = why;
    wire::push(encoding, &Push::Unsubscribe { channel: channel.into(), code, reason: reason.into() })
}
