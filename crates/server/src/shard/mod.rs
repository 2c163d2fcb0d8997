//! A shard of the push server: sessions and channels on one event loop.
//!
//! It stands on the net floor's public API like anybody's handler. Commands come in as messages, are decided on by their
//! [`Session`], and carried out here; publications come in through the inbox and go out to the channel's subscribers.
//!
//! - `commands`: from messages to commands, and the queue of those that wait; `carry_out`: what follows from a command
//! - `welcome`, `joins`: into the server, into channels; `partings`, `endings`: out of channels, out of the server
//! - `office`: questions to the back office and its answers; `orders`: what the back end asks of sessions
//! - `fan_out`: publications to subscribers; `positions`, `rounds`: whether all of them have come, looked at in turn
//! - `slow`: those who do not keep up; `replies`: answers to commands
//! - `streams`: sessions whose connection is the body of an HTTP response; `one_way`: those that get pushes alone,
//!   `unanswered`: until they stand
//! - `table`, `identity`: sessions, and their names

mod carry_out;
mod commands;
mod endings;
mod fan_out;
mod gaps;
mod identity;
mod joins;
mod office;
mod one_way;
mod orders;
mod partings;
mod positions;
mod replies;
mod rounds;
#[cfg(test)]
mod simulation;
mod slow;
mod streams;
mod table;
mod unanswered;
mod welcome;

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::debug;
use wavecast_hub::{Event, ShardId, is_internal};
use wavecast_net::shard::{
    Close, ConnectionError, ConnectionId, Connections, Detached, Handler, Leave, Opening, Request, Side,
    Verdict,
};
use wavecast_net::{CloseCode, Frame, MessageRef};
use wavecast_protocol::centrifuge::{Disconnect, Encoding, SUBPROTOCOL_PROTOBUF};

use self::gaps::Gaps;
use self::identity::ClientIds;
use self::replies::Replies;
use self::rounds::Rounds;
use self::table::Sessions;
use self::unanswered::Unanswered;
use crate::admission::{self, Admission};
use crate::channels::Channels;
use crate::client_address;
use crate::config::networks::CLIENT_ADDRESS_HEADERS;
use crate::metrics::ShardTally;
use crate::node::Node;
use crate::one_way::Introduction;
use crate::session::{Handshake, Moment, Session, Ticket};
use crate::shard_event::ShardEvent;
use crate::wire;
use crate::wire_form::WireForm;

/// Takes the sockets that are not for a shard.
pub(crate) type SideDoor = Arc<dyn Fn(Detached) + Send + Sync>;

/// The handler of one shard.
pub(crate) struct PushShard {
    node: Arc<Node>,
    id: ShardId,
    sessions: Sessions,
    channels: Channels,
    clients: ClientIds,
    /// The ping of each form.
    pings: [Frame; WireForm::ALL.len()],
    side_door: SideDoor,
    replies: Replies,
    /// Sessions that go one way, until they stand.
    unanswered: HashMap<ConnectionId, Unanswered>,
    /// One of them whose command was refused: it ends when its replies would be sent.
    refused: Option<(ConnectionId, Disconnect)>,
    gaps: Gaps,
    rounds: Rounds,
    /// The number of the last question to the back office.
    asked: NonZeroU32,
    /// What all sessions take in memory, bytes.
    session_bytes: usize,
    /// When the shard's own count of milliseconds began.
    began: Option<Instant>,
}

impl PushShard {
    pub(crate) fn new(node: Arc<Node>, id: ShardId, side_door: SideDoor) -> Self {
        let clients = ClientIds::new(node.client_mask());
        Self {
            node,
            id,
            sessions: Sessions::default(),
            channels: Channels::default(),
            clients,
            pings: WireForm::ALL.map(wire::ping),
            side_door,
            replies: Replies::default(),
            unanswered: HashMap::new(),
            refused: None,
            gaps: Gaps::default(),
            rounds: Rounds::default(),
            asked: NonZeroU32::MIN,
            session_bytes: 0,
            began: None,
        }
    }

    /// Where this shard counts.
    fn tally(&self) -> &ShardTally {
        &self.node.metrics().shards[usize::from(self.id.0)]
    }

    /// A number for a question or a command that has to wait.
    fn next_ticket(&mut self) -> Ticket {
        self.asked = self.asked.checked_add(1).unwrap_or(NonZeroU32::MIN);
        Ticket(self.asked)
    }

    /// The session with this id, if it is on this shard.
    fn session_of(&self, client: &[u8; 16]) -> Option<&Session> {
        self.sessions.at(self.clients.slot_of(client)).filter(|session| session.client_id() == *client)
    }

    /// A session has changed: it is counted anew.
    fn count_bytes(&mut self, id: ConnectionId) {
        if let Some(session) = self.sessions.get_mut(id) {
            self.session_bytes = self.session_bytes.saturating_add_signed(session.grown());
        }
    }

    /// A session begins that has to say who it is. `false`: there are too many of its address.
    fn begin(
        &mut self,
        connections: &mut Connections,
        id: ConnectionId,
        wire: WireForm,
        mut handshake: Option<Handshake>,
        address: IpAddr,
    ) -> bool {
        let node = Arc::clone(&self.node);
        let now = self.moment(connections);
        if node.addresses().is_limited() {
            if !node.addresses().opened(address) {
                let reason = "too many connections of this address";
                connections.close(id, CloseCode::TRY_AGAIN_LATER, reason);
                return false;
            }
            handshake = Some(Handshake::from(handshake, address));
        }
        let mut session = Session::new(id, self.clients.next(id.slot()), wire).with_handshake(handshake);
        session.wait_for_connect(now, &node.rules());
        self.sessions.insert(session);
        self.count_bytes(id);
        self.set_timer(connections, id, now);
        true
    }

    /// What time it is.
    fn moment(&mut self, connections: &Connections) -> Moment {
        let now = connections.now();
        let began = *self.began.get_or_insert(now);
        let shard_ms = u64::try_from(now.duration_since(began).as_millis()).unwrap_or(u64::MAX);
        Moment { shard_ms, unix_ms: self.node.now_ms() }
    }
}

impl Handler for PushShard {
    type Event = ShardEvent;

    fn request(&mut self, &Request { head, peer, .. }: &Request<'_>) -> Verdict {
        let client = client_address::of_handshake(&self.node.config().http_server, head, peer);
        match admission::admit(head, client.ip(), &self.node) {
            Admission::SideDoor => Verdict::SideDoor,
            Admission::Client(upgrade) => Verdict::UpgradeWith(upgrade),
            Admission::Refused { why, status, reason } => {
                self.node.metrics().not_admitted(why).add(1);
                debug!(%peer, %client, status, reason, "handshake refused");
                Verdict::Refuse { status, reason }
            }
        }
    }

    fn open(&mut self, connections: &mut Connections, id: ConnectionId, opening: &Opening<'_>) {
        let node = Arc::clone(&self.node);
        let rules = node.rules();
        let is_protobuf =
            opening.protocol == Some(SUBPROTOCOL_PROTOBUF) || admission::asks_for_protobuf(opening.head);
        let introduction = admission::introduction(opening.head, &node.config());
        let wire = match introduction {
            Some(_) => WireForm::UniWebSocket,
            None => WireForm::web_socket(if is_protobuf { Encoding::Protobuf } else { Encoding::Json }),
        };
        let (fields, http) = (opening.head.headers().iter(), &node.config().http_server);
        let withheld = match client_address::is_passed_on(http, opening.peer) {
            true => &[][..],
            false => CLIENT_ADDRESS_HEADERS,
        };
        let handshake =
            Handshake::of(fields, &rules.hooks().headers, withheld, rules.user_id_header.as_deref());
        let address = client_address::of_handshake(http, opening.head, opening.peer).ip();
        let begun = self.begin(connections, id, wire, handshake, address);
        if let (true, Some(Ok(Some(Introduction { commands: said, .. })))) = (begun, introduction) {
            self.message_of(connections, id, &said);
        }
    }

    fn open_stream(&mut self, connections: &mut Connections, id: ConnectionId, about: ShardEvent) {
        if let ShardEvent::Opening(opening) = about {
            self.enter(connections, id, *opening);
        }
    }

    fn last_words(&mut self, id: ConnectionId, kind: u8, close: &Close<'_>) -> Vec<u8> {
        self.last_words_of(id, kind, close)
    }

    fn pong(&mut self, connections: &mut Connections, id: ConnectionId, _: &[u8]) {
        let now = self.moment(connections);
        if let Some(session) = self.sessions.get_mut(id).filter(|session| session.wire.is_one_way()) {
            session.is_alive(now, &self.node.rules());
        }
    }

    fn message(&mut self, connections: &mut Connections, id: ConnectionId, message: MessageRef<'_>) {
        let bytes = match message {
            MessageRef::Text(text) => text.as_bytes(),
            MessageRef::Binary(bytes) => bytes,
        };
        let is_binary = matches!(message, MessageRef::Binary(_));
        let Some(session) = self.sessions.get(id) else { return };
        if session.wire.is_one_way() {
            return self.introduced(connections, id, bytes);
        }
        if is_binary != (session.wire.encoding() == Encoding::Protobuf) {
            return self.disconnect(connections, id, Disconnect::BAD_REQUEST);
        }
        self.message_of(connections, id, bytes);
    }

    fn close(&mut self, connections: &mut Connections, id: ConnectionId, close: &Close<'_>) {
        if let Some(unanswered) = self.unanswered.remove(&id) {
            unanswered.ended(close);
        }
        self.take_shed(connections);
        debug!(slot = id.slot(), code = close.code, reason = close.reason, by = ?close.by, "closed");
        let metrics = self.node.metrics();
        match close.by {
            Side::Peer => metrics.closed_by_client(close.code),
            Side::Local => metrics.closed_by_server.add(close.code.into()),
            Side::Failure => metrics.closed_by_failure.add(close.code.into()),
        }
        self.forget(id, &Disconnect::CONNECTION_CLOSED);
    }

    fn leave(&mut self, connections: &mut Connections, id: ConnectionId, leave: &Leave) {
        self.asked_to_leave(connections, id, leave);
    }

    fn error(&mut self, _: &mut Connections, id: ConnectionId, error: &ConnectionError) {
        debug!(slot = id.slot(), %error, "connection error");
    }

    fn event(&mut self, connections: &mut Connections, event: ShardEvent) {
        match event {
            ShardEvent::Channel(Event::Publication(publication)) if is_internal(&publication.channel) => {
                self.node.canary().returned(self.id, &publication);
            }
            ShardEvent::Channel(Event::Publication(publication)) => {
                self.publication(connections, &publication);
            }
            ShardEvent::Channel(Event::Join(membership)) => self.membership(&membership, true),
            ShardEvent::Channel(Event::Leave(membership)) => self.membership(&membership, false),
            ShardEvent::Joined(answer) => self.joined(connections, *answer),
            ShardEvent::Left(parting) => self.parting(connections, &parting),
            ShardEvent::Stand(standings) => self.stand(connections, &standings),
            ShardEvent::Answered(answer) => self.answered(connections, *answer),
            ShardEvent::Said(said) => self.said(connections, *said),
            // It comes with its connection.
            ShardEvent::Opening(opening) => debug!(?opening, "an opening without a connection"),
            ShardEvent::Order(order) => self.carry_out_order(connections, *order),
        }
    }

    fn ready(&self) -> bool {
        !self.channels.is_full()
    }

    fn timer(&mut self, connections: &mut Connections, id: ConnectionId) {
        self.time_is_up(connections, id);
    }

    fn turn(&mut self, connections: &mut Connections) -> Option<Duration> {
        // Whose replies nobody has sent.
        if let Some((id, why)) = self.refused.take() {
            self.disconnect(connections, id, why);
        }
        self.node.memory().note(self.id.0.into(), connections.outbox_bytes().frames, self.session_bytes);
        let runs = self.send_runs(connections);
        let gaps = self.tell_gaps(connections);
        let checks = self.check_positions(connections);
        [runs, gaps, checks].into_iter().flatten().min()
    }

    fn overflow(&mut self, connections: &mut Connections, id: ConnectionId) {
        self.cut_slow(connections, id);
    }

    fn takes_http2(&self) -> bool {
        true
    }

    fn side_door(&mut self, detached: Detached) {
        (self.side_door)(detached);
    }
}
