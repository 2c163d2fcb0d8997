//! What the back end asks of sessions: subscribe, unsubscribe, disconnect, refresh, count.

use std::borrow::Cow;
use std::sync::Arc;

use wavecast_net::shard::{ConnectionId, Connections};
use wavecast_protocol::centrifuge::{Disconnect, Unsubscribed};

use super::PushShard;
use crate::orders::{Order, Target};
use crate::session::{By, Context, Done, ServerSubscription};

impl PushShard {
    /// Carries an order out; whoever waits for it is answered when the last copy of what it brings is dropped.
    pub(super) fn carry_out_order(&mut self, connections: &mut Connections, order: Order) {
        self.take_shed(connections);
        match order {
            Order::Subscribe { target, subscription, since, done } => {
                for id in self.targets(&target) {
                    self.subscribe_by_backend(connections, id, &subscription, since.clone(), &done);
                }
            }
            Order::Unsubscribe { target, channel, done } => {
                for id in self.targets(&target) {
                    self.unsubscribe_by_backend(connections, id, channel.as_deref(), &done);
                }
            }
            Order::Disconnect { target, except, disconnect, done: _done } => {
                for id in self.targets(&target) {
                    let is_excepted = |id| {
                        self.sessions.get(id).is_some_and(|session| except.contains(&session.client_id()))
                    };
                    if !is_excepted(id) {
                        self.send_runs_of(connections, id);
                        self.disconnect(connections, id, disconnect.clone());
                    }
                }
            }
            Order::Refresh { target, expired, expire_at_s, info, done: _done } => {
                for id in self.targets(&target) {
                    self.refresh_by_backend(connections, id, expired, expire_at_s, info.as_deref());
                }
            }
            Order::DropRevoked { done: _done } => self.drop_revoked(connections),
            Order::CutSlow { bytes, _under_way } => self.cut_slowest(connections, bytes),
            Order::Count { channels, reply } => {
                let count = |name: &Arc<str>| self.channels.find(name).map_or(0, |n| self.channels.size(n));
                reply.send(channels.iter().map(count).collect()).ok();
            }
        }
    }

    /// The counted sessions that are meant.
    fn targets(&self, target: &Target) -> Vec<ConnectionId> {
        let is_meant = |id: &ConnectionId| {
            self.sessions.get(*id).is_some_and(|session| session.is_counted() && target.matches(session))
        };
        if let Some(client) = &target.client {
            let session = self.session_of(client);
            return session.map(|session| session.connection).filter(is_meant).into_iter().collect();
        }
        self.sessions.of_user(&target.user).into_iter().filter(is_meant).collect()
    }

    fn subscribe_by_backend(
        &mut self,
        connections: &mut Connections,
        id: ConnectionId,
        subscription: &ServerSubscription,
        since: Option<(u64, Box<str>)>,
        done: &Done,
    ) {
        let node = Arc::clone(&self.node);
        let now = self.moment(connections);
        let number_of = |name: &str| self.channels.find(name);
        let cx = Context { rules: &node.rules(), now, number_of: &number_of };
        let Some(session) = self.sessions.get(id) else { return };
        let since = since.map(|(offset, epoch)| (offset, Cow::Owned(epoch.into_string())));
        match session.subscribe_by_backend(By::Backend(done.clone()), subscription.clone(), since, &cx) {
            Ok(Some(join)) => self.join(connections, id, join),
            // It is subscribed already, which is as good.
            Ok(None) => {}
            Err(error) => done.fail(error),
        }
    }

    fn unsubscribe_by_backend(
        &mut self,
        connections: &mut Connections,
        id: ConnectionId,
        channel: Option<&str>,
        done: &Done,
    ) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        session.end_undecided(channel);
        let ended: Vec<_> = match channel {
            None => {
                session.end_joining(None, done);
                session.channels().collect()
            }
            Some(channel) => {
                let Some(number) = self.channels.find(channel) else { return };
                session.end_joining(Some(number), done);
                vec![number]
            }
        };
        for channel in ended {
            self.unsubscribe(connections, id, channel, Unsubscribed::SERVER);
        }
    }

    fn refresh_by_backend(
        &mut self,
        connections: &mut Connections,
        id: ConnectionId,
        expired: bool,
        expire_at_s: u64,
        info: Option<&[u8]>,
    ) {
        if expired {
            return self.disconnect(connections, id, Disconnect::EXPIRED);
        }
        let now = self.moment(connections);
        if let Some(session) = self.sessions.get_mut(id) {
            let push = session.refresh_by_backend(expire_at_s, info, now);
            let frame = crate::wire::push(session.wire, &push);
            connections.send_frame(id, &frame).ok();
        }
        self.set_timer(connections, id, now);
    }

    /// Ends the sessions with the longest queues, until so many bytes do not wait any more.
    fn cut_slowest(&mut self, connections: &mut Connections, bytes: usize) {
        let waiting = |id| connections.queued_bytes(id);
        let mut slow: Vec<(usize, ConnectionId)> = (self.sessions.all())
            .map(|session| (waiting(session.connection), session.connection))
            // Who has something waiting just because it is his turn is not slow, and ending him frees nothing.
            .filter(|&(waiting, id)| waiting > 0 && connections.is_sending(id))
            .collect();
        slow.sort_unstable_by_key(|&(waiting, _)| std::cmp::Reverse(waiting));
        let mut freed = 0;
        for (waiting, id) in slow {
            if freed >= bytes {
                break;
            }
            freed += waiting;
            self.cut_slow(connections, id);
        }
    }

    /// Ends the sessions whose token, or user, is not welcome any more.
    fn drop_revoked(&mut self, connections: &mut Connections) {
        let node = Arc::clone(&self.node);
        let now = self.moment(connections);
        let revoked: Vec<ConnectionId> = (self.sessions.all())
            .filter(|session| session.is_revoked(&node.rules(), now))
            .map(|session| session.connection)
            .collect();
        for id in revoked {
            self.disconnect(connections, id, Disconnect::INVALID_TOKEN);
        }
    }
}
