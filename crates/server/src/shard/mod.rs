//! A shard of the push server: sessions and channels on one event loop.
//!
//! It stands on the net floor's public API like anybody's handler. Commands come in as messages, are decided on by their
//! [`Session`], and carried out here; publications come in through the inbox and go out to the channel's subscribers.

mod fan_out;
mod identity;
mod replies;
#[cfg(test)]
mod simulation;
mod table;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tracing::{debug, info};
use wavecast_hub::{Event, HistoryPage, HistoryQuery, JoinQuery, Publication, Recovery, ShardId};
use wavecast_net::MessageRef;
use wavecast_net::shard::{
    Close, ConnectionError, ConnectionId, Connections, Detached, Handler, Opening, Verdict,
};
use wavecast_net::websocket::handshake::RequestHead;
use wavecast_net::{CloseCode, Frame};
use wavecast_protocol::centrifuge::{Disconnect, Error, HistoryResult, Reply, Res, json};

use self::identity::ClientIds;
use self::replies::Replies;
use self::table::Sessions;
use crate::admission::{self, Admission};
use crate::channels::Channels;
use crate::inboxes::{Answer, ShardEvent};
use crate::node::{Node, now_ms};
use crate::session::{Beat, History, Join, Live, Publish, Session, Step, since};
use crate::wire;

/// Takes the sockets that are not for a shard.
pub(crate) type SideDoor = Arc<dyn Fn(Detached) + Send + Sync>;

/// The handler of one shard.
pub(crate) struct PushShard {
    node: Arc<Node>,
    id: ShardId,
    sessions: Sessions,
    channels: Channels,
    clients: ClientIds,
    ping: Frame,
    side_door: SideDoor,
    replies: Replies,
}

impl PushShard {
    pub(crate) fn new(node: Arc<Node>, id: ShardId, side_door: SideDoor) -> Self {
        Self {
            node,
            id,
            sessions: Sessions::default(),
            channels: Channels::default(),
            clients: ClientIds::default(),
            ping: wire::ping(),
            side_door,
            replies: Replies::default(),
        }
    }

    /// Carries a command out, as far as the session's decision goes.
    fn carry_out(&mut self, connections: &mut Connections, id: ConnectionId, step: Step<'_>) {
        match step {
            Step::Nothing => {}
            Step::Reply(reply) => self.replies.push(id, &reply),
            Step::Welcome(reply) => self.welcome(connections, id, &reply),
            Step::Join(join) => self.join(id, &join),
            Step::Leave { id: command, live } => {
                self.leave(live);
                self.replies.push(id, &Reply { id: command, body: Ok(Res::Unsubscribe) });
            }
            Step::Publish(publish) => self.publish(id, publish),
            Step::History(history) => self.history(connections, id, &history),
            Step::Close(disconnect) => self.disconnect(connections, id, disconnect),
        }
    }

    fn welcome(&mut self, connections: &mut Connections, id: ConnectionId, reply: &Reply<'_>) {
        let limit = self.node.config().client.connection_limit;
        if !self.node.counts().admit_client(limit) {
            if let Some(session) = self.sessions.get_mut(id) {
                session.turned_away();
            }
            return self.disconnect(connections, id, Disconnect::CONNECTION_LIMIT);
        }
        let interval = self.node.rules().ping_interval;
        if !interval.is_zero() {
            // Sessions that came in one storm are not pinged in one.
            let first = connections.jitter(interval / 2, interval);
            connections.set_timer(id, first);
        } else {
            connections.cancel_timer(id);
        }
        self.replies.push(id, reply);
    }

    fn join(&mut self, id: ConnectionId, join: &Join<'_>) {
        let node = Arc::clone(&self.node);
        let inbox = node.hub().delivery().of(self.id);
        let mut subscription = join.subscription;
        let command = subscription.command();
        let refuse = |shard: &mut Self, error| {
            shard.replies.push(id, &Reply { id: command, body: Err(error) });
        };
        // Room for the answer is kept before the hub is asked: it cannot fail under the hub's lock.
        if !inbox.reserve() {
            return refuse(self, Error::TOO_MANY_REQUESTS);
        }
        let channel = self.channels.enter(&join.channel);
        subscription.channel = channel;
        let query = JoinQuery {
            recover: since(join.recover.as_ref()),
            publications_max: node.rules().recovery_max,
            ..JoinQuery::default()
        };
        let joined = node.hub().join(&join.channel, self.id, query, &join.options, now_ms(), |joined| {
            inbox.push_reserved(ShardEvent::Joined(Box::new(Answer { connection: id, channel, joined })));
        });
        if joined.is_err() {
            inbox.release();
            self.release(channel);
            return refuse(self, Error::LIMIT_EXCEEDED);
        }
        if let Some(session) = self.sessions.get_mut(id) {
            session.joining(subscription);
        }
    }

    /// The hub has answered a join: the subscription goes live at this point of the stream.
    fn joined(&mut self, connections: &mut Connections, answer: &Answer) {
        let Answer { connection, channel, joined } = answer;
        // What was published before belongs to those who were here before.
        self.send_run(connections, *channel);
        self.channels.starts_at(*channel, joined.position.offset);
        let place = self.channels.next_place(*channel);
        let has_room = self.has_room(connections, *connection, recovered(&joined.recovery));
        let settled =
            (self.sessions.get_mut(*connection)).and_then(|s| s.joined(*channel, joined, has_room, place));
        let Some(settled) = settled else {
            self.release(*channel);
            return;
        };
        self.replies.push(*connection, &settled.reply);
        if settled.live {
            self.channels.add(*channel, *connection);
            self.node.counts().subscriptions.fetch_add(1, Relaxed);
        } else {
            self.release(*channel);
        }
        if let Some(id) = settled.unsubscribed {
            self.replies.push(*connection, &Reply { id, body: Ok(Res::Unsubscribe) });
        }
        self.send_replies(connections, *connection);
    }

    /// Takes a live subscription out of its channel.
    fn leave(&mut self, live: Live) {
        if let Some(moved) = self.channels.remove(live.channel, live.place)
            && let Some(session) = self.sessions.get_mut(moved)
        {
            session.moved(live.channel, live.place);
        }
        self.node.counts().subscriptions.fetch_sub(1, Relaxed);
        self.release(live.channel);
    }

    /// One session less in a channel; the shard leaves it after the last.
    fn release(&mut self, channel: crate::channels::ChannelNumber) {
        if let Some(name) = self.channels.release(channel) {
            self.node.hub().leave(&name, self.id, now_ms());
        }
    }

    fn publish(&mut self, connection: ConnectionId, publish: Publish<'_>) {
        let Publish { id, channel, options, data, info } = publish;
        let publish = wavecast_hub::Publish {
            data: data.into(),
            is_json: true,
            info: Some(info),
            ..wavecast_hub::Publish::default()
        };
        let body = self.node.try_publish(&channel, publish, &options).map(|_| Res::Publish);
        self.replies.push(connection, &Reply { id, body });
    }

    fn history(&mut self, connections: &Connections, id: ConnectionId, history: &History<'_>) {
        let page = self.page(connections, id, history);
        let body = page.as_ref().map_err(Clone::clone).map(|page| {
            Res::History(HistoryResult {
                publications: page.publications.iter().map(|p| wire::publication(p)).collect(),
                epoch: (&*page.position.epoch).into(),
                offset: page.position.offset,
            })
        });
        self.replies.push(id, &Reply { id: history.id, body });
    }

    fn page(
        &mut self,
        connections: &Connections,
        id: ConnectionId,
        history: &History<'_>,
    ) -> Result<HistoryPage, Error> {
        if !self.replies.may_page() {
            return Err(Error::TOO_MANY_REQUESTS);
        }
        let query = HistoryQuery {
            since: since(history.since.as_ref()),
            limit: history.limit,
            reverse: history.reverse,
            publications_max: self.node.rules().history_max,
        };
        let page = self.node.history_with(&history.channel, query, &history.options)?;
        let has_room = self.has_room(connections, id, &page.publications);
        has_room.then_some(page).ok_or(Error::TOO_MANY_REQUESTS)
    }

    /// Whether a reply with these publications fits beside what waits for the connection.
    fn has_room(
        &mut self,
        connections: &Connections,
        id: ConnectionId,
        publications: &[Arc<Publication>],
    ) -> bool {
        let limit = self.node.config().client.queue_max_size;
        self.replies.has_room(connections, id, limit, publications.iter().map(|p| &**p))
    }

    /// Ends a session from the server's side.
    #[expect(clippy::needless_pass_by_value, reason = "the callers make it for this")]
    fn disconnect(&mut self, connections: &mut Connections, id: ConnectionId, disconnect: Disconnect) {
        self.log_disconnect(id, &disconnect);
        self.send_replies(connections, id);
        connections.close(id, code(&disconnect), &disconnect.reason);
        self.forget(id);
    }

    fn log_disconnect(&mut self, id: ConnectionId, disconnect: &Disconnect) {
        if let Some(session) = self.sessions.get_mut(id) {
            let client = session.client();
            info!(client, code = disconnect.code, reason = &*disconnect.reason, "disconnected");
        }
    }

    /// The session is over, however it ended: nothing is delivered to it any more.
    fn forget(&mut self, id: ConnectionId) {
        let Some(mut session) = self.sessions.remove(id) else { return };
        if session.is_connected() {
            self.node.counts().clients.fetch_sub(1, Relaxed);
        }
        for live in session.take_live() {
            self.leave(live);
        }
    }

    /// Sends what was replied; `false` when nothing more can be sent to this connection.
    fn send_replies(&mut self, connections: &mut Connections, id: ConnectionId) -> bool {
        self.replies.send(connections, id).is_ok()
    }
}

impl Handler for PushShard {
    type Event = ShardEvent;

    fn request(&mut self, head: &RequestHead<'_>, peer: std::net::SocketAddr) -> Verdict {
        match admission::admit(head, &self.node) {
            Admission::SideDoor => Verdict::SideDoor,
            Admission::Client(upgrade) => Verdict::UpgradeWith(upgrade),
            Admission::Refused { status, reason } => {
                debug!(%peer, status, reason, "handshake refused");
                Verdict::Refuse { status, reason }
            }
        }
    }

    fn open(&mut self, connections: &mut Connections, id: ConnectionId, _: &Opening<'_>) {
        self.sessions.insert(Session::new(id, self.clients.next()));
        let stale = self.node.rules().stale_close_delay;
        if stale > Duration::ZERO {
            connections.set_timer(id, stale);
        }
    }

    fn message(&mut self, connections: &mut Connections, id: ConnectionId, message: MessageRef<'_>) {
        let MessageRef::Text(text) = message else {
            return self.disconnect(connections, id, Disconnect::BAD_REQUEST);
        };
        self.replies.begin();
        for command in json::commands(text) {
            let command = match command {
                Ok(command) => command,
                Err(error) => {
                    info!(%error, "not a command");
                    return self.disconnect(connections, id, error.disconnect());
                }
            };
            let Some(session) = self.sessions.get_mut(id) else { return };
            let step = session.command(command, self.node.rules(), |name| self.channels.find(name));
            self.carry_out(connections, id, step);
            if self.replies.is_long() && !self.send_replies(connections, id) {
                // It does not read what it asks for, and is cut off when the turn ends.
                return;
            }
        }
        self.send_replies(connections, id);
    }

    fn close(&mut self, _: &mut Connections, id: ConnectionId, close: &Close<'_>) {
        debug!(slot = id.slot(), code = close.code, reason = close.reason, by = ?close.by, "closed");
        self.forget(id);
    }

    fn error(&mut self, _: &mut Connections, id: ConnectionId, error: &ConnectionError) {
        debug!(slot = id.slot(), %error, "connection error");
    }

    fn event(&mut self, connections: &mut Connections, event: ShardEvent) {
        match event {
            ShardEvent::Channel(Event::Publication(publication)) => {
                self.publication(connections, &publication);
            }
            ShardEvent::Channel(Event::Join(_) | Event::Leave(_)) => {}
            ShardEvent::Joined(answer) => self.joined(connections, &answer),
        }
    }

    fn ready(&self) -> bool {
        !self.channels.is_full()
    }

    fn timer(&mut self, connections: &mut Connections, id: ConnectionId) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        match session.beat(self.node.rules()) {
            Beat::Ping { next } => {
                // Who does not read will not answer either.
                connections.send_frame(id, &self.ping).ok();
                connections.set_timer(id, next);
            }
            Beat::Rest { next } => connections.set_timer(id, next),
            Beat::Close(disconnect) => self.disconnect(connections, id, disconnect),
        }
    }

    fn turn(&mut self, connections: &mut Connections) -> Option<Duration> {
        self.send_runs(connections)
    }

    fn overflow(&mut self, connections: &mut Connections, id: ConnectionId) {
        self.log_disconnect(id, &Disconnect::SLOW);
        connections.cut(id, code(&Disconnect::SLOW), &Disconnect::SLOW.reason);
        self.forget(id);
    }

    fn side_door(&mut self, detached: Detached) {
        (self.side_door)(detached);
    }
}

fn code(disconnect: &Disconnect) -> CloseCode {
    CloseCode::new(disconnect.code).unwrap_or(CloseCode::INTERNAL_ERROR)
}

fn recovered(recovery: &Recovery) -> &[Arc<Publication>] {
    match recovery {
        Recovery::Recovered(publications) => publications,
        Recovery::NotAsked | Recovery::Gap => &[],
    }
}
