//! Into the server: a client that may come in is counted, joins the channels that the server subscribes it to, and is told.
//!
//! The connect reply is known when all of its subscriptions have joined, and has to go out before their publications: its
//! place in the outbox is kept from the beginning.

use std::sync::Arc;

use wavecast_hub::{Joined, Recovery};
use wavecast_net::shard::{ConnectionId, Connections};
use wavecast_protocol::centrifuge::{Error, Reply, Res, Unsubscribed};

use super::PushShard;
use super::replies::page_bytes;
use crate::session::{Accepted, Join, PageRoom, Session, Welcome};

impl PushShard {
    pub(super) fn welcome(&mut self, connections: &mut Connections, id: ConnectionId, accepted: Accepted) {
        let Accepted { id: command, identity, data, ttl, joins } = accepted;
        let user = identity.as_ref().map_or("", |identity| &identity.user);
        let of_user = match self.node.counts().client_came(user, &self.node.config().client) {
            Ok(of_user) => of_user,
            Err(refused) => return self.disconnect(connections, id, refused),
        };
        let Some(session) = self.sessions.get_mut(id) else { return };
        let (left, has_place) = (joins.len(), !joins.is_empty());
        let welcome = Welcome {
            id: command,
            data,
            ttl,
            pages: PageRoom::default(),
            settled: Vec::new(),
            left,
            has_place,
        };
        session.welcomed(identity, welcome);
        let transport = session.wire.transport();
        self.tally().accepted(transport).add(1);
        self.sessions.list(id);
        self.count_bytes(id);
        // Whoever is the only one need not ask every shard for the others. An anonymous one has none.
        if of_user > 1
            && self.node.rules().is_single_connection()
            && let Some(session) = self.sessions.get(id)
        {
            self.node.disconnect_others(session.user(), session.client_id());
        }
        if !has_place {
            return self.finish_welcome(connections, id);
        }
        connections.hold_place(id);
        for join in joins {
            self.join_if_welcome(connections, id, join);
        }
    }

    fn join_if_welcome(&mut self, connections: &mut Connections, id: ConnectionId, join: Join<'static>) {
        // An earlier one may have failed, and the connect command with it.
        if self.sessions.get(id).is_some_and(Session::is_counted) {
            self.join(connections, id, join);
        }
    }

    /// Answers the connect command if all of its subscriptions have joined. The commands that have
    /// waited are not resumed here: those of the same message come first.
    pub(super) fn finish_welcome(&mut self, connections: &mut Connections, id: ConnectionId) {
        let node = Arc::clone(&self.node);
        let now = self.moment(connections);
        let interval = node.rules().ping_interval;
        let Some(session) = self.sessions.get_mut(id) else { return };
        let Some(welcome) = session.take_welcome() else { return };
        let mut result = session.connect_result(&welcome, now, &node.rules());
        if let (true, Ok(result)) = (session.wire.is_emulated(), &mut result) {
            result.session = node.session_names().name(self.id.0, id).into();
            result.node = node.uid().into();
        }
        let body = result.map(Res::Connect);
        // Sessions that came in one storm are not pinged in one.
        session.begin_pings(now, connections.jitter(interval / 2, interval));
        self.reply(id, &Reply { id: welcome.id, body });
        if self.is_welcome(connections, id, &welcome.settled) {
            // What its channels bring stands behind.
        } else if !welcome.has_place {
            self.send_replies(connections, id);
        } else if let Some(frame) = self.replies.take(id) {
            connections.fill_place(id, &frame).ok();
        }
        self.set_timer(connections, id, now);
    }

    /// Makes sure that the connect reply has room for what a subscription of it recovers. What it has none for is not
    /// recovered: the client comes in, and knows; refused, it would ask for the same again and again.
    pub(super) fn fit_into_welcome(&mut self, id: ConnectionId, joined: &mut Joined) {
        let Recovery::Recovered(publications) = &joined.recovery else { return };
        let bytes = page_bytes(publications.iter().map(|publication| &**publication));
        let bytes_max = self.node.config().client.queue_max_size / 2;
        if self.sessions.get_mut(id).is_some_and(|session| !session.welcome_takes(bytes, bytes_max)) {
            joined.recovery = Recovery::Gap;
        }
    }

    /// A subscription of the connect command cannot be: the command fails, and what it brought ends.
    pub(super) fn welcome_fails(&mut self, connections: &mut Connections, id: ConnectionId, error: Error) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let Some(command) = session.connect_fails() else { return };
        let (user, transport) = (session.user().to_owned(), session.wire.transport());
        self.all_end(id, Unsubscribed::DISCONNECT);
        self.node.counts().client_left(&user);
        self.tally().ended(transport).add(1);
        self.reply(id, &Reply { id: command, body: Err(error) });
        if let Some(frame) = self.replies.take(id) {
            connections.fill_place(id, &frame).ok();
        }
        self.send_replies(connections, id);
    }
}
