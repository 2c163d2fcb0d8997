//! One run: the world, its clients, and how they take turns.

use std::time::Duration;

use wavecast_net::Options;
use wavecast_protocol::centrifuge::{Disconnect, Encoding};

use super::answers::{Books, Claims};
use super::backend::Backend;
use super::chance::Chance;
use super::client::Client;
use super::kind::{CHANNELS, Kind};
use super::listening::{Room, Taste};
use super::world::World;

/// One seed in so many has a crowd, so that fan-outs take more than a turn.
const CROWD_EVERY: u64 = 25;
/// Turns in which everything that is under way arrives, with so many more for each client.
const SETTLE: usize = 400;
const SETTLE_CLIENT: usize = 10;
/// What may wait beside the limit of an outbox: one long frame, and what has to be said just because it is full.
const BESIDE_BYTES: usize = 32 * 1024;
/// How often outboxes are looked at, in turns.
const LOOK_EVERY: u64 = 16;

pub(super) struct Run {
    pub(super) chance: Chance,
    pub(super) world: World,
    pub(super) clients: Vec<Client>,
    pub(super) claims: Claims,
    pub(super) published: usize,
    /// Outboxes are so small that anybody may be found slow.
    is_tight: bool,
    /// Inboxes are so small that questions may find no room.
    is_narrow: bool,
    /// So many clients that fan-outs take more than a turn.
    pub(super) is_crowd: bool,
    connection_limit: usize,
    outbox_bytes_max: usize,
    draining: bool,
    /// Turns of shards, and what clients and back end did.
    pub(super) steps: u64,
}

impl Run {
    pub(super) fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let is_crowd = seed % CROWD_EVERY == CROWD_EVERY - 1;
        let is_tight = !is_crowd && chance.one_in(3);
        let connection_limit = if !is_crowd && chance.one_in(4) { 5 } else { 0 };
        let outbox_bytes_max = if is_tight { 3 * 1024 } else { 64 * 1024 };
        let options = Options {
            outbox_bytes_max,
            events_max: if is_crowd { 8192 } else { chance.pick(&[4, 12, 64, 4096, 4096]) },
            events_per_turn: chance.pick(&[1, 3, 1024]),
            flush_slice: chance.pick(if is_crowd { &[16, 128] } else { &[1, 5] }),
            ..Options::default()
        };
        let shards = if is_crowd { 2 } else { 2 + chance.below(2) };
        let world =
            World::asking(seed, shards, &options, |config| config.client.connection_limit = connection_limit);
        let split = chance.pick(&[10, 60, 400]);
        world.networks.iter().for_each(|network| network.set_split_max(if is_crowd { 400 } else { split }));
        let mut run = Self {
            chance,
            world,
            clients: Vec::new(),
            claims: Claims::default(),
            published: 0,
            is_tight,
            is_narrow: options.events_max < 100,
            is_crowd,
            connection_limit,
            outbox_bytes_max,
            draining: false,
            steps: 0,
        };
        let clients = if is_crowd { 200 } else { 2 + run.chance.below(8) };
        for _ in 0..clients {
            run.connect(None);
        }
        run
    }

    /// Gives the number of its steps.
    pub(super) fn go(mut self) -> u64 {
        let actions = 20 + self.chance.below(if self.is_crowd { 100 } else { 400 });
        for _ in 0..actions {
            self.act();
            if self.chance.one_in(4) {
                self.world.backend.answer_one(&mut self.chance);
            }
            let turns = self.chance.below(4);
            self.turn(turns);
        }
        self.settle();
        if self.chance.one_in(3) {
            self.drain();
        } else {
            self.everybody_goes();
        }
        self.world.backend.expect_orders_done();
        self.world.expect_nothing_left();
        let record = self.world.record();
        for (channel, data) in &self.claims.taken {
            assert_eq!(record.count(channel, data), 1, "{data:?} was taken in {channel}");
        }
        for (channel, data) in &self.claims.refused {
            assert_eq!(record.count(channel, data), 0, "{data:?} was refused in {channel}");
        }
        self.steps
    }

    pub(super) fn connect(&mut self, before: Option<Client>) {
        let shard = self.chance.below(self.world.networks.len());
        let encoding = self.chance.pick(&[Encoding::Json, Encoding::Protobuf]);
        let user = self.chance.pick(&["", "", "u1", "u2"]);
        let network = self.world.networks[shard].clone();
        let mut client = Client::connect(encoding, &network, user, before, self.world.record());
        for channel in CHANNELS.into_iter().filter(|channel| !channel.starts_with("own")) {
            if self.chance.one_in(if self.is_crowd { 3 } else { 4 }) {
                let taste = taste(channel, &mut self.chance);
                client.subscribe(channel, taste, false, false, self.world.record());
            }
        }
        client.send();
        self.clients.push(client);
    }

    /// Turns of the shards in any order, a millisecond each; everybody reads.
    pub(super) fn turn(&mut self, turns: usize) {
        self.turn_within(turns, Duration::from_millis(1));
    }

    /// As many turns as what is under way needs to arrive. They take next to no time, so that nobody is late for it.
    pub(super) fn arrive(&mut self) {
        self.turn_within(SETTLE + SETTLE_CLIENT * self.clients.len(), Duration::from_micros(1));
    }

    /// The back end answers whatever it is asked, until nothing more comes of it.
    pub(super) fn become_quiet(&mut self) {
        self.arrive();
        for _ in 0..100 {
            while self.world.backend.has_questions() {
                self.world.backend.answer_one(&mut self.chance);
            }
            self.arrive();
            // Who has been pinged a moment ago gets the time to answer.
            let is_pinged = self.clients.iter_mut().fold(false, |any, client| client.take_pinged() | any);
            if !is_pinged && !self.world.backend.has_questions() {
                self.world.backend.is_quiet();
                return;
            }
        }
        panic!("it never becomes quiet");
    }

    fn turn_within(&mut self, turns: usize, each: Duration) {
        for _ in 0..turns {
            let shard = self.chance.below(self.world.networks.len());
            self.world.turn_one(shard);
            self.world.advance(each);
            self.read();
            self.steps += 1;
            if self.steps.is_multiple_of(LOOK_EVERY) {
                self.world.expect_bounded_outboxes(self.outbox_bytes_max + BESIDE_BYTES);
            }
        }
    }

    fn read(&mut self) {
        let room = Room { is_told_all: self.world.is_told_all(), is_tight: self.is_tight };
        let (record, backend) = self.world.books();
        let mut books = Books { record, backend, claims: &mut self.claims, room };
        for client in &mut self.clients {
            let was_over = client.is_over();
            client.read(&mut books);
            if client.is_over() {
                client.lost.clear();
            }
            // Who has lost something begins anew at once, as real clients do.
            for (channel, taste) in std::mem::take(&mut client.lost) {
                client.subscribe(&channel, taste, false, false, record);
                client.send();
            }
            let Some(code) = client.peer.closed.filter(|_| !was_over) else { continue };
            let id = client.id.as_deref().unwrap_or_default();
            let is_allowed = match code {
                1000 => true,
                _ if code == Disconnect::SHUTDOWN.code => self.draining,
                _ if code == Disconnect::SLOW.code => client.was_slow || self.is_tight,
                _ if code == Disconnect::INSUFFICIENT_STATE.code => client.was_slow || self.is_tight,
                _ if code == Disconnect::NO_PONG.code => client.was_slow,
                _ if code == Disconnect::STALE.code => client.id.is_none(),
                _ if code == Disconnect::CONNECTION_LIMIT.code => {
                    self.connection_limit > 0 && client.id.is_none()
                }
                _ if code == Disconnect::EXPIRED.code => backend.may_expire(id, ""),
                _ if code == Disconnect::SUB_EXPIRED.code => backend.may_any_expire(id),
                _ if code == Disconnect::BAD_REQUEST.code => client.is_refused,
                Backend::DISCONNECT => client.id.is_none() || backend.has_disconnected,
                _ => false,
            };
            assert!(is_allowed, "closed with {code}: {}", backend.lease(id));
        }
        let clients = self.world.node.counts().clients();
        assert!(self.connection_limit == 0 || clients <= self.connection_limit, "{clients} clients");
    }

    /// Everybody reads until nothing is under way any more: then nobody may miss anything.
    fn settle(&mut self) {
        self.clients.iter_mut().for_each(Client::send);
        for client in self.clients.iter_mut().filter(|client| !client.is_reading()) {
            client.set_reading(true);
        }
        self.become_quiet();
        // Clients are told once a second what they have lost.
        for _ in 0..4 {
            self.world.advance(Duration::from_secs(1));
            self.become_quiet();
        }
        let room = Room { is_told_all: self.world.is_told_all(), is_tight: self.is_tight };
        let (record, backend) = self.world.books();
        let there = || self.clients.iter().filter(|client| !client.is_gone());
        // Who cannot even be asked about, since there is no room for the answer, lives longer than the back end has said.
        let is_asked = !self.is_narrow;
        for client in there() {
            client.expect_everything(record, room);
            let id = client.id.as_deref().unwrap_or_default();
            assert!(!is_asked || !backend.has_expired(id, ""), "the connection has expired");
            let asked = client.listening.keys().filter(|channel| Kind::of(channel).asks);
            for channel in asked.filter(|channel| !backend.has_ordered(channel)) {
                assert!(!is_asked || !backend.has_expired(id, channel), "{channel} has expired");
            }
        }
        for channel in CHANNELS.iter().filter(|channel| Kind::of(channel).presence) {
            let there = there().filter(|client| client.listening.contains_key(*channel));
            let mut there: Vec<_> = there.filter_map(|client| client.id.clone()).collect();
            there.sort_unstable();
            assert_eq!(self.world.present(channel), there, "who is in {channel}");
        }
        self.world.backend.expect_orders_done();
    }

    fn everybody_goes(&mut self) {
        for client in &mut self.clients {
            if self.chance.one_in(2) { client.cut() } else { client.close() }
        }
        for _ in 0..2 {
            self.become_quiet();
            self.world.advance(Duration::from_secs(60));
        }
        self.become_quiet();
    }

    /// The node ends while clients go on to ask for things, and others come.
    fn drain(&mut self) {
        self.draining = true;
        let window = Duration::from_millis(self.chance.below(3) as u64 * 10);
        self.world.drain(window);
        for _ in 0..30 {
            self.act();
            let turns = self.chance.below(10);
            self.turn(turns);
        }
        for _ in 0..40 {
            self.arrive();
            self.world.advance(Duration::from_secs(1));
        }
        assert!(self.world.is_drained(), "the drain comes to its end");
    }
}

/// How somebody likes to hear a channel.
pub(super) fn taste(channel: &str, chance: &mut Chance) -> Taste {
    let kind = Kind::of(channel);
    let color = (kind.filters && chance.one_in(3)).then_some("red");
    Taste {
        delta: kind.deltas && color.is_none() && chance.one_in(2),
        join_leave: kind.presence && chance.one_in(2),
        color,
    }
}
