//! A client that keeps books: what it asks for, and how it takes part.
//!
//! What it is answered is compared in `answers`, what it hears in `hearing`, each subscription in `listening`.

use std::collections::BTreeMap;

use wavecast_net::driver::simulated::Network;
use wavecast_protocol::centrifuge::{
    Command, ConnectRequest, Encoding, Filter, HistoryRequest, PresenceRequest, PresenceStatsRequest,
    PublishRequest, Request, StreamPosition, SubscribeRequest, UnsubscribeRequest,
};

use super::kind::{CHANNELS, Kind};
use super::listening::{COLOR, Ear, Listening, Room, Taste};
use super::outcome::Position;
use super::peer::Peer;
use super::record::Record;

pub(super) struct Client {
    pub(super) peer: Peer,
    last_id: u32,
    /// Commands that have not been sent yet.
    unsent: Vec<u8>,
    /// Commands without a reply so far.
    pub(super) asked: BTreeMap<u32, Asked>,
    /// As whom it wants to come in; anybody, if empty.
    pub(super) user: &'static str,
    /// The id of its session, once it is connected.
    pub(super) id: Option<String>,
    /// The connect command was answered with an error.
    pub(super) is_refused: bool,
    pub(super) listening: BTreeMap<String, Listening>,
    /// The last position seen in each channel; it outlives connections.
    pub(super) positions: BTreeMap<String, Position>,
    /// Subscriptions that it is to begin anew, since it was told that something is missing.
    pub(super) lost: Vec<(String, Taste)>,
    /// What it was told, and what it may have missed besides, in channels that drop publications.
    pub(super) losses: BTreeMap<String, Losses>,
    /// It has not read for some time since it connected, and may be sent away for that.
    pub(super) was_slow: bool,
    reads: bool,
    pub(super) was_pinged: bool,
}

/// What was dropped in one channel.
#[derive(Debug, Default)]
pub(super) struct Losses {
    pub(super) told: u64,
    /// By subscriptions that are over.
    pub(super) over: u64,
}

/// How much had happened in a channel when something was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) states: usize,
    pub(super) members: usize,
}

/// A command that waits for its reply.
#[derive(Debug)]
pub(super) enum Asked {
    Connect {
        marks: BTreeMap<&'static str, Mark>,
        recover: BTreeMap<String, Position>,
    },
    Subscribe {
        channel: String,
        taste: Taste,
        recover: Option<Position>,
        or_error: bool,
        twice: bool,
        mark: Mark,
    },
    Unsubscribe {
        channel: String,
    },
    Publish {
        channel: String,
        data: Vec<u8>,
    },
    History {
        channel: String,
        since: Option<Position>,
        limit: i32,
        mark: Mark,
    },
    Presence {
        channel: String,
        mark: Mark,
    },
    Ping,
}

impl Mark {
    pub(super) fn of(record: &Record, channel: &str) -> Self {
        let channel = record.channel(channel);
        // The state of now may be the answer, too.
        Self { states: channel.states.len() - 1, members: channel.members.len() }
    }
}

impl Client {
    /// A client that begins to connect. `before`: the one whose place it takes, as who it is, and whose positions it knows.
    pub(super) fn connect(
        encoding: Encoding,
        network: &Network,
        user: &'static str,
        before: Option<Self>,
        record: &Record,
    ) -> Self {
        let user = before.as_ref().map_or(user, |before| before.user);
        let mut client = Self {
            peer: Peer::speaking(encoding, network),
            last_id: 0,
            unsent: Vec::new(),
            asked: BTreeMap::new(),
            user,
            id: None,
            is_refused: false,
            listening: BTreeMap::new(),
            positions: before.map(|before| before.positions).unwrap_or_default(),
            lost: Vec::new(),
            losses: BTreeMap::new(),
            was_slow: false,
            reads: true,
            was_pinged: false,
        };
        let recover = client.positions.clone();
        let subs = recover.iter().filter(|(channel, _)| Kind::of(channel).recovers());
        let subs = subs.map(|(channel, (offset, epoch))| {
            let (recover, offset, epoch) = (true, *offset, epoch.as_str().into());
            (
                channel.as_str().into(),
                SubscribeRequest { recover, offset, epoch, ..SubscribeRequest::default() },
            )
        });
        let data = format!("\"{user}\"");
        let request =
            ConnectRequest { data: data.as_bytes(), subs: subs.collect(), ..ConnectRequest::default() };
        let marks = CHANNELS.map(|channel| (channel, Mark::of(record, channel))).into();
        client.ask(Request::Connect(request), Asked::Connect { marks, recover: recover.clone() });
        client
    }

    /// Whether the client is subscribed, once all that it asked for is done.
    pub(super) fn wants(&self, channel: &str) -> bool {
        let last = self.asked.values().rev().find_map(|asked| match asked {
            Asked::Subscribe { channel: of, .. } if of == channel => Some(true),
            Asked::Unsubscribe { channel: of } if of == channel => Some(false),
            _ => None,
        });
        last.unwrap_or_else(|| self.listening.contains_key(channel))
    }

    /// Subscribes from the last position, if there is one; from an epoch that never was, if `foreign`.
    pub(super) fn subscribe(
        &mut self,
        channel: &str,
        taste: Taste,
        or_error: bool,
        foreign: bool,
        record: &Record,
    ) {
        let mut recover = self.positions.get(channel).cloned().filter(|_| Kind::of(channel).recovers());
        if let Some((_, epoch)) = recover.as_mut().filter(|_| foreign) {
            *epoch = "foreign".into();
        }
        let (offset, epoch) = recover.clone().unwrap_or_default();
        let filter = |color: &'static str| Filter {
            key: COLOR.into(),
            cmp: "eq".into(),
            val: color.into(),
            ..Filter::default()
        };
        let request = SubscribeRequest {
            channel: channel.into(),
            recover: recover.is_some(),
            offset,
            epoch: epoch.into(),
            flag: if or_error { 3 } else { 1 },
            delta: if taste.delta { "fossil".into() } else { "".into() },
            join_leave: taste.join_leave,
            tf: taste.color.map(filter),
            ..SubscribeRequest::default()
        };
        let (twice, mark) = (self.wants(channel), Mark::of(record, channel));
        let asked = Asked::Subscribe { channel: channel.into(), taste, recover, or_error, twice, mark };
        self.ask(Request::Subscribe(request), asked);
    }

    pub(super) fn unsubscribe(&mut self, channel: &str) {
        let request = UnsubscribeRequest { channel: channel.into() };
        self.ask(Request::Unsubscribe(request), Asked::Unsubscribe { channel: channel.into() });
    }

    pub(super) fn publish(&mut self, channel: &str, data: &[u8]) {
        let request = PublishRequest { channel: channel.into(), data, ..PublishRequest::default() };
        self.ask(Request::Publish(request), Asked::Publish { channel: channel.into(), data: data.into() });
    }

    /// Asks for history, from the last position seen if there is one and `from_position`.
    pub(super) fn history(&mut self, channel: &str, limit: i32, from_position: bool, record: &Record) {
        let is_kept = from_position && Kind::of(channel).recovers();
        let since = self.positions.get(channel).cloned().filter(|_| is_kept);
        let position = since.clone().map(|(offset, epoch)| StreamPosition { offset, epoch: epoch.into() });
        let request = HistoryRequest { channel: channel.into(), limit, since: position, reverse: false };
        let mark = Mark::of(record, channel);
        self.ask(Request::History(request), Asked::History { channel: channel.into(), since, limit, mark });
    }

    /// Asks who is there, or how many.
    pub(super) fn presence(&mut self, channel: &str, only_counts: bool, record: &Record) {
        let request = if only_counts {
            Request::PresenceStats(PresenceStatsRequest { channel: channel.into() })
        } else {
            Request::Presence(PresenceRequest { channel: channel.into() })
        };
        self.ask(request, Asked::Presence { channel: channel.into(), mark: Mark::of(record, channel) });
    }

    /// Asks for a sign of life.
    pub(super) fn ping(&mut self) {
        self.ask(Request::Ping, Asked::Ping);
    }

    fn ask(&mut self, request: Request<'_>, asked: Asked) {
        self.last_id += 1;
        if !self.unsent.is_empty() {
            self.peer.encoding.separate(&mut self.unsent);
        }
        self.peer.encoding.encode_command(&Command { id: self.last_id, request }, &mut self.unsent);
        self.asked.insert(self.last_id, asked);
    }

    /// Sends what was asked for since the last time, in one frame.
    pub(super) fn send(&mut self) {
        if !self.unsent.is_empty() && !self.peer.is_over() {
            self.peer.send(&self.unsent);
        }
        self.unsent.clear();
    }

    pub(super) fn set_reading(&mut self, reads: bool) {
        self.reads = reads;
        self.was_slow |= !reads;
        self.peer.set_reading(reads);
    }

    /// Whether it has been pinged since the last call.
    pub(super) fn take_pinged(&mut self) -> bool {
        std::mem::take(&mut self.was_pinged)
    }

    pub(super) fn cut(&mut self) {
        self.peer.cut();
    }

    pub(super) fn close(&mut self) {
        self.peer.close();
    }

    pub(super) fn is_over(&self) -> bool {
        self.peer.is_over()
    }

    /// Whether the server has let go of it, perhaps without a word.
    pub(super) fn is_gone(&self) -> bool {
        self.is_over() || self.peer.is_dropped()
    }

    pub(super) fn is_reading(&self) -> bool {
        self.reads
    }

    /// A channel as this client hears it.
    pub(super) fn ear<'e>(&'e self, channel: &'e str, record: &'e Record, room: Room) -> Ear<'e> {
        Ear {
            name: channel,
            kind: Kind::of(channel),
            log: record.channel(channel),
            encoding: self.peer.encoding,
            me: self.id.as_deref().unwrap_or_default(),
            room,
        }
    }

    /// All is quiet: nothing is unanswered, and nothing is missing that it was not told of.
    pub(super) fn expect_everything(&self, record: &Record, room: Room) {
        if self.is_gone() || self.is_refused || !self.reads {
            return;
        }
        assert!(self.asked.is_empty(), "no reply: {:?}", self.asked);
        for (channel, listening) in &self.listening {
            assert!(!listening.is_void, "{channel} was ended, and nobody has said so");
            let (least, most) = listening.expect_everything(&self.ear(channel, record, room));
            let Losses { told, over } = self.losses.get(channel).unwrap_or(&Losses { told: 0, over: 0 });
            let range = least..=most + over;
            assert!(range.contains(told), "{channel} has told of {told} lost, which were {range:?}");
        }
    }
}
