//! Into channels and out of them: the hub is asked, answers through the inbox, and subscriptions go live or end.

use std::sync::Arc;

use wavecast_hub::{JoinQuery, Publication, Recovery};
use wavecast_net::shard::{ConnectionId, Connections};
use wavecast_protocol::centrifuge::{Error, Push, Reply, Res, Unsubscribed};

use super::PushShard;
use crate::channels::ChannelNumber;
use crate::session::{By, Join, Joining, Live, Settled, since};
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
        let has_room = match joining.by {
            By::Connect => {
                self.fit_into_welcome(id, &mut joined);
                true
            }
            By::Client(_) | By::Backend(_) => self.has_room(connections, id, recovered(&joined.recovery)),
        };
        let result = if has_room { joining.result(&joined) } else { Err(Error::TOO_MANY_REQUESTS) };
        let result = match result {
            Ok(result) => result,
            Err(error) => {
                self.release(channel);
                let unsubscribe = joining.unsubscribe;
                self.not_joined(connections, id, joining, error);
                self.unsubscribed_meanwhile(id, unsubscribe);
                self.send_replies(connections, id);
                return self.resume(connections, id);
            }
        };
        let name = Arc::clone(self.channels.name(channel));
        if joining.unsubscribe.is_some() {
            if let By::Client(command) = joining.by {
                self.reply(id, &Reply { id: command, body: Ok(Res::Subscribe(result)) });
            }
            self.release(channel);
            self.unsubscribed_meanwhile(id, joining.unsubscribe);
            self.send_replies(connections, id);
            return self.resume(connections, id);
        }
        match &joining.by {
            By::Client(command) => {
                self.reply(id, &Reply { id: *command, body: Ok(Res::Subscribe(result)) });
                self.send_replies(connections, id);
                self.goes_live(connections, id, &joining, &name, joining.base(&joined));
                self.resume(connections, id);
            }
            By::Connect => {
                self.goes_live(connections, id, &joining, &name, joining.base(&joined));
                if let Some(session) = self.sessions.get_mut(id) {
                    session.welcome_settled(Settled { channel: name, joining, joined });
                }
                self.finish_welcome(connections, id);
                self.resume(connections, id);
            }
            By::Backend(_) => {
                if let Some(session) = self.sessions.get(id) {
                    let encoding = session.encoding;
                    connections.send_frame(id, &wire::push(encoding, &joining.push(&name, &joined))).ok();
                    for publication in &result.publications {
                        let publication = publication.clone();
                        let push = Push::Publication { channel: (&*name).into(), publication };
                        connections.send_frame(id, &wire::push(encoding, &push)).ok();
                    }
                }
                self.goes_live(connections, id, &joining, &name, None);
            }
        }
    }

    fn unsubscribed_meanwhile(&mut self, id: ConnectionId, command: Option<std::num::NonZeroU32>) {
        if let Some(command) = command {
            self.reply(id, &Reply { id: command.into(), body: Ok(Res::Unsubscribe) });
        }
    }

    fn goes_live(
        &mut self,
        connections: &mut Connections,
        id: ConnectionId,
        joining: &Joining,
        name: &str,
        base: Option<Arc<Publication>>,
    ) {
        let now = self.moment(connections);
        let Some(session) = self.sessions.get_mut(id) else { return };
        let seat = self.channels.add(joining.channel, id, joining.listener(session.encoding, base));
        session.goes_live(joining, seat);
        self.node.counts().subscribed();
        if let Some((options, info)) = joining.attendance() {
            // The channel is there, since this shard is in it.
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
        let name = Arc::clone(self.channels.name(channel));
        self.discard_waiting(connections, id, &live);
        self.unsubscribed(id, &live, why);
        if let Some(session) = self.sessions.get(id) {
            let Unsubscribed { code, reason } = why;
            let push = Push::Unsubscribe { channel: (&*name).into(), code, reason: reason.into() };
            connections.send_frame(id, &wire::push(session.encoding, &push)).ok();
        }
    }
}

fn recovered(recovery: &Recovery) -> &[Arc<Publication>] {
    match recovery {
        Recovery::Recovered(publications) => publications,
        Recovery::NotAsked | Recovery::Gap => &[],
    }
}
