//! Into channels: the hub is asked, answers through the inbox, and subscriptions go live.

use std::sync::Arc;

use wavecast_hub::{JoinQuery, Joined, Publication, Recovery};
use wavecast_net::shard::{ConnectionId, Connections};
use wavecast_protocol::centrifuge::{Error, Push, Reply, Res, Unsubscribed};

use super::PushShard;
use crate::channels::ChannelNumber;
use crate::marks;
use crate::session::{By, Ending, Join, Joining, Settled, since};
use crate::shard_event::{Answer, ShardEvent};
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
        self.replies.begin();
        // What was published before belongs to those who were here before.
        self.send_run(connections, channel);
        self.channels.starts_at(channel, &joined.position);
        let joining = self.sessions.get_mut(id).and_then(|session| session.take_joining(channel));
        let Some(joining) = joining else { return self.release(channel) };
        self.leave_out_excluded(id, &mut joined.recovery);
        self.count_recovery(&joined.recovery);
        match joining.by {
            By::Connect => self.joined_by_connect(connections, id, joining, joined),
            By::Client(command) => self.joined_by_client(connections, id, command, joining, joined),
            By::Backend(_) => self.joined_by_backend(connections, id, joining, &joined),
        }
        self.resume(connections, id);
    }

    fn count_recovery(&self, recovery: &Recovery) {
        let tally = self.tally();
        match recovery {
            Recovery::NotAsked => {}
            Recovery::Gap => tally.not_recovered.add(1),
            Recovery::Recovered(publications) if publications.is_empty() => tally.recovered_none.add(1),
            Recovery::Recovered(publications) => {
                tally.recovered_some.add(1);
                tally.recovered_publications.add(publications.len() as u64);
            }
        }
    }

    /// What was not for a session is not for it later either.
    fn leave_out_excluded(&self, id: ConnectionId, recovery: &mut Recovery) {
        if let Recovery::Recovered(publications) = recovery
            && publications.iter().any(|publication| publication.exclude.is_some())
            && let Some(session) = self.sessions.get(id)
        {
            let client = session.client();
            publications.retain(|publication| !publication.excludes(&client));
        }
    }

    fn joined_by_connect(
        &mut self,
        connections: &mut Connections,
        id: ConnectionId,
        joining: Joining,
        mut joined: Joined,
    ) {
        let channel = joining.channel;
        if joining.ending.is_some() {
            // The client has not been told of it, and is not.
            self.release(channel);
            if let Some(session) = self.sessions.get_mut(id) {
                session.welcome_loses_one();
            }
        } else {
            self.fit_into_welcome(id, &mut joined);
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
        mut joined: Joined,
    ) {
        let ending = joining.ending.take();
        let form = self.sessions.get(id).map(|session| session.wire).filter(|form| form.is_one_way());
        let missed = recovered(&joined.recovery);
        let (others, marks) = match form.filter(|form| form.marks_places()) {
            None => (String::new(), 0),
            Some(_) => {
                let others = self.places_of(id, Some(joining.channel)).to_string();
                let marks = marks::bytes_max(missed.len() + 1, self.channels.name(joining.channel), &others);
                (others, marks)
            }
        };
        let mut has_room = match self.unanswered.contains_key(&id) {
            true => self.fits_into_answer(id, missed, marks),
            false => self.has_room(connections, id, missed, marks),
        };
        if !has_room && form.is_some() {
            // It cannot ask for less: refused, it would ask for the same again and again.
            joined.recovery = Recovery::Gap;
            has_room = true;
        }
        let joined = &joined;
        let result = if has_room { joining.result(joined) } else { Err(Error::TOO_MANY_REQUESTS) };
        let is_joined = result.is_ok();
        match (form, result) {
            (Some(form), Ok(result)) => {
                let name = Arc::clone(self.channels.name(joining.channel));
                self.tell_subscribed(connections, id, form, &name, &others, result);
            }
            (_, result) => self.reply(id, &Reply { id: command, body: result.map(Res::Subscribe) }),
        }
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
        let has_room = self.has_room(connections, id, recovered(&joined.recovery), 0);
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
        let (form, name) = (session.wire, Arc::clone(self.channels.name(joining.channel)));
        let mut pushes = Vec::new();
        form.dialect().encode_push(&joining.push(&name, joined), &mut pushes);
        for publication in joining.publications(joined) {
            form.separate(&mut pushes);
            let push = Push::Publication { channel: (&*name).into(), publication };
            form.dialect().encode_push(&push, &mut pushes);
        }
        // One frame: a page goes however long it is, and its parts would be in each other's way.
        connections.send_frame(id, &wire::framed(form, &pushes)).ok();
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
        let seat = self.channels.add(joining.channel, id, joining.listener(session.wire, base));
        session.goes_live(joining, seat);
        self.node.counts().subscribed();
        self.tally().subscribed.add(1);
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

    /// A live subscription expires at another time, and others may be told something else of its client; nobody is told now.
    pub(super) fn renewed(
        &mut self,
        connections: &mut Connections,
        id: ConnectionId,
        channel: ChannelNumber,
    ) {
        let now = self.moment(connections);
        if let Some((options, info)) = self.sessions.get(id).and_then(|session| session.presence_in(channel))
        {
            self.node.hub().enter(self.channels.name(channel), info, options, false).ok();
        }
        self.count_bytes(id);
        self.set_timer(connections, id, now);
    }
}

fn recovered(recovery: &Recovery) -> &[Arc<Publication>] {
    match recovery {
        Recovery::Recovered(publications) => publications,
        Recovery::NotAsked | Recovery::Gap => &[],
    }
}
