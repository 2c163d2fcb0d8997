//! A shard of the push server: sessions and channels on one event loop.
//!
//! It stands on the net floor's public API like anybody's handler. Commands come in as messages, are decided on by their
//! [`Session`], and carried out here; publications come in through the inbox and go out to the channel's subscribers.

mod fan_out;
mod identity;
mod table;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tracing::{debug, info};
use wavecast_hub::{HistoryQuery, JoinQuery, ShardId};
use wavecast_net::shard::{
    Close, ConnectionError, ConnectionId, Connections, Detached, Handler, Message, Opening, Verdict,
};
use wavecast_net::websocket::handshake::RequestHead;
use wavecast_net::{CloseCode, Frame};
use wavecast_protocol::centrifuge::{Disconnect, Error, HistoryResult, Reply, Res, json};

use self::identity::ClientIds;
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
    /// Replies to the commands of one message, a line each.
    replies: Vec<u8>,
    framed: Vec<u8>,
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
            replies: Vec::new(),
            framed: Vec::new(),
        }
    }

    /// Carries a command out, as far as the session's decision goes.
    fn carry_out(&mut self, connections: &mut Connections, id: ConnectionId, step: Step<'_>) {
        match step {
            Step::Nothing => {}
            Step::Reply(reply) => self.reply(&reply),
            Step::Welcome(reply) => self.welcome(connections, id, &reply),
            Step::Join(join) => self.join(id, &join),
            Step::Leave { id: command, live } => {
                self.leave(live);
                self.reply(&Reply { id: command, body: Ok(Res::Unsubscribe) });
            }
            Step::Publish(publish) => self.publish(publish),
            Step::History(history) => self.history(&history),
            Step::Close(disconnect) => self.disconnect(connections, id, disconnect),
        }
    }

    fn welcome(&mut self, connections: &mut Connections, id: ConnectionId, reply: &Reply<'_>) {
        let limit = self.node.config().client.connection_limit;
        let before = self.node.counts().clients.fetch_add(1, Relaxed);
        if limit > 0 && before >= limit {
            info!(limit, "refused: as many clients as may be");
            self.disconnect(connections, id, Disconnect::CONNECTION_LIMIT);
            return;
        }
        let interval = self.node.rules().ping_interval;
        if !interval.is_zero() {
            // Sessions that came in one storm are not pinged in one.
            let first = connections.jitter(interval / 2, interval);
            connections.set_timer(id, first);
        } else {
            connections.cancel_timer(id);
        }
        self.reply(reply);
    }

    fn join(&mut self, id: ConnectionId, join: &Join<'_>) {
        let node = Arc::clone(&self.node);
        let inbox = node.hub().delivery().of(self.id);
        let mut subscription = join.subscription;
        let command = subscription.command();
        let refuse = |shard: &mut Self, error| {
            shard.reply(&Reply { id: command, body: Err(error) });
        };
        // Room for the answer is kept before the hub is asked: it cannot fail under the hub's lock.
        if !inbox.reserve() {
            return refuse(self, Error::TOO_MANY_REQUESTS);
        }
        let channel = self.channels.enter(&join.channel);
        subscription.channel = channel;
        let query =
            JoinQuery { recover: since(join.recover.as_ref()), publications_max: node.rules().recovery_max };
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
        let settled = self.sessions.get_mut(*connection).and_then(|s| s.joined(*channel, joined, place));
        let Some(settled) = settled else {
            self.release(*channel);
            return;
        };
        self.reply(&settled.reply);
        if settled.live {
            self.channels.add(*channel, *connection);
            self.node.counts().subscriptions.fetch_add(1, Relaxed);
        } else {
            self.release(*channel);
        }
        if let Some(id) = settled.unsubscribed {
            self.reply(&Reply { id, body: Ok(Res::Unsubscribe) });
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

    fn publish(&mut self, publish: Publish<'_>) {
        let Publish { id, channel, options, data, info } = publish;
        let publish =
            wavecast_hub::Publish { data: data.into(), info: Some(info), ..wavecast_hub::Publish::default() };
        let body = self.node.try_publish(&channel, publish, &options).map(|_| Res::Publish);
        self.reply(&Reply { id, body });
    }

    fn history(&mut self, history: &History<'_>) {
        let query = HistoryQuery {
            since: since(history.since.as_ref()),
            limit: history.limit,
            reverse: history.reverse,
            publications_max: self.node.rules().history_max,
        };
        let page = self.node.history_with(&history.channel, query, &history.options);
        let body = page.as_ref().map_err(Clone::clone).map(|page| {
            Res::History(HistoryResult {
                publications: page.publications.iter().map(|p| wire::publication(p)).collect(),
                epoch: (&*page.position.epoch).into(),
                offset: page.position.offset,
            })
        });
        self.reply(&Reply { id: history.id, body });
    }

    /// Ends a session from the server's side.
    fn disconnect(&mut self, connections: &mut Connections, id: ConnectionId, disconnect: Disconnect) {
        if let Some(session) = self.sessions.get_mut(id) {
            let client = session.client();
            info!(client, code = disconnect.code, reason = disconnect.reason, "disconnected");
        }
        self.send_replies(connections, id);
        connections.close(id, code(disconnect), disconnect.reason);
        self.forget(id);
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

    fn reply(&mut self, reply: &Reply<'_>) {
        if !self.replies.is_empty() {
            self.replies.push(b'\n');
        }
        json::encode_reply(reply, &mut self.replies);
    }

    /// Sends what was replied, in one frame.
    fn send_replies(&mut self, connections: &mut Connections, id: ConnectionId) {
        if self.replies.is_empty() {
            return;
        }
        self.framed.clear();
        wire::frame_text(&self.replies, &mut self.framed);
        self.replies.clear();
        // A full outbox has been reported, a closed connection needs no reply.
        connections.send_frame(id, &Frame::new(&self.framed)).ok();
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

    fn message(&mut self, connections: &mut Connections, id: ConnectionId, message: Message<'_>) {
        let Message::Text(text) = message else {
            return self.disconnect(connections, id, Disconnect::BAD_REQUEST);
        };
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
            ShardEvent::Publication(publication) => self.publication(connections, &publication),
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
        let disconnect = Disconnect::SLOW;
        info!(slot = id.slot(), code = disconnect.code, "disconnected: it reads too slowly");
        connections.cut(id, code(disconnect), disconnect.reason);
        self.forget(id);
    }

    fn side_door(&mut self, detached: Detached) {
        (self.side_door)(detached);
    }
}

fn code(disconnect: Disconnect) -> CloseCode {
    CloseCode::new(disconnect.code).unwrap_or(CloseCode::INTERNAL_ERROR)
}
