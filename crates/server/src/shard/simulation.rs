//! The whole push server from a seed: real shards, node and hub over simulated drivers, and clients that keep books.
//!
//! Whatever the seed does to links, readers, time and room: a subscriber gets every publication of its channel once and in
//! order; `recovered` is said exactly when it is true; what was refused was never published; and when everybody has gone
//! nothing is left. A failing seed is named: run it again with `SIMULATION_SEED`, more of them with `SIMULATION_SEEDS`.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

mod chance;
mod client;
mod peer;
mod record;
mod scenes;
mod slow_scenes;
mod world;

use std::env;
use std::time::Duration;

use wavecast_net::Options;
use wavecast_protocol::centrifuge::{Disconnect, Error};

use self::chance::Chance;
use self::client::{Claims, Client};
use self::world::{CHANNELS, World};

/// Seeds of one run of the tests.
const SEEDS: u64 = 60;
/// One seed in so many has a crowd, so that fan-outs take more than a turn.
const CROWD_EVERY: u64 = 25;
/// Turns in which everything that is under way arrives, with so many more for each client.
const SETTLE: usize = 400;
const SETTLE_CLIENT: usize = 10;

/// One run: the world, its clients, and what may happen in it.
struct Run {
    chance: Chance,
    world: World,
    clients: Vec<Client>,
    claims: Claims,
    published: usize,
    /// Outboxes are so small that anybody may be found slow.
    is_tight: bool,
    /// So many clients that fan-outs take more than a turn.
    is_crowd: bool,
    connection_limit: usize,
    draining: bool,
}

#[test]
fn everybody_gets_everything_once_and_in_order() {
    let number = |name| env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let seeds = match number("SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIMULATION_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        let named = Named(seed);
        Run::new(seed).go();
        drop(named);
    }
}

/// Names the seed when it fails.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("SIMULATION_SEED={} fails", self.0);
        }
    }
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let is_crowd = seed % CROWD_EVERY == CROWD_EVERY - 1;
        let is_tight = !is_crowd && chance.one_in(3);
        let connection_limit = if !is_crowd && chance.one_in(4) { 5 } else { 0 };
        let options = Options {
            outbox_bytes_max: if is_tight { 3 * 1024 } else { 64 * 1024 },
            events_max: if is_crowd { 4096 } else { chance.pick(&[4, 12, 64, 4096]) },
            events_per_turn: chance.pick(&[1, 3, 1024]),
            flush_slice: chance.pick(if is_crowd { &[16, 128] } else { &[1, 5] }),
            ..Options::default()
        };
        let shards = if is_crowd { 2 } else { 2 + chance.below(2) };
        let world =
            World::new(seed, shards, &options, |config| config.client.connection_limit = connection_limit);
        let split = chance.pick(&[10, 60, 400]);
        world.networks.iter().for_each(|network| network.set_split_max(if is_crowd { 400 } else { split }));
        let claims = Claims::default();
        let mut run = Self {
            chance,
            world,
            clients: Vec::new(),
            claims,
            published: 0,
            is_tight,
            is_crowd,
            connection_limit,
            draining: false,
        };
        let clients = if is_crowd { 240 } else { 2 + run.chance.below(8) };
        for _ in 0..clients {
            run.connect(None);
        }
        run
    }

    fn go(mut self) {
        let actions = 20 + self.chance.below(400);
        for _ in 0..actions {
            self.act();
            let turns = self.chance.below(4);
            self.turn(turns);
        }
        self.settle();
        if self.chance.one_in(3) {
            self.drain();
        } else {
            self.everybody_goes();
        }
        self.world.expect_nothing_left();
        let record = self.world.record();
        for (channel, data) in &self.claims.taken {
            assert_eq!(record.count(channel, data), 1, "{data} was taken in {channel}");
        }
        for (channel, data) in &self.claims.refused {
            assert_eq!(record.count(channel, data), 0, "{data} was refused in {channel}");
        }
    }

    fn act(&mut self) {
        let who = self.chance.below(self.clients.len());
        let channel = self.chance.pick(&CHANNELS);
        if self.clients[who].is_over() {
            let before = self.clients.swap_remove(who);
            return self.connect(Some(before));
        }
        let record = self.world.record();
        let (client, chance) = (&mut self.clients[who], &mut self.chance);
        match chance.below(32) {
            0..=6 if !client.wants(channel) => {
                client.subscribe(channel, chance.one_in(6), chance.one_in(12), record);
            }
            0 => client.subscribe(channel, false, false, record),
            1..=4 => client.unsubscribe(channel),
            5..=6 => {
                // It changes its mind before anybody could answer.
                for _ in 0..=chance.below(3) {
                    client.unsubscribe(channel);
                    client.subscribe(channel, false, false, record);
                }
            }
            7..=11 => {
                let data = self.data();
                self.clients[who].publish(channel, &data);
            }
            12..=19 => self.publish(1, channel),
            20..=21 => {
                let burst = 2 + self.chance.below(12);
                self.publish(burst, channel);
            }
            22..=24 => {
                let limit = chance.pick(&[-1, 0, 3]);
                client.history(channel, limit, chance.one_in(2), record);
            }
            25 => client.cut(),
            26 => client.close(),
            27 => client.set_reading(false),
            28 => client.set_reading(true),
            29 => self.time_passes(),
            30 => self.clients.iter_mut().for_each(Client::send),
            _ => self.turn(30),
        }
        // Often several commands go in one frame, as centrifuge-js sends them.
        if !self.chance.one_in(3) {
            self.clients[who].send();
        }
    }

    fn connect(&mut self, before: Option<Client>) {
        let shard = self.chance.below(self.world.networks.len());
        let mut client = Client::connect(&self.world.networks[shard], before);
        for channel in CHANNELS {
            if self.is_crowd || self.chance.one_in(2) {
                client.subscribe(channel, false, false, self.world.record());
            }
        }
        client.send();
        self.clients.push(client);
    }

    fn publish(&mut self, count: usize, channel: &str) {
        for _ in 0..count {
            let data = self.data();
            let at = self.world.record().of(channel).len() as u64 + 1;
            match self.world.publish(channel, &data) {
                Ok(position) => {
                    assert!(position.offset == at || channel.starts_with("plain"), "{position} is not {at}");
                    self.claims.taken.insert((channel.to_owned(), data));
                }
                Err(error) => {
                    assert_eq!(error, Error::TOO_MANY_REQUESTS);
                    self.claims.refused.insert((channel.to_owned(), data));
                }
            }
        }
    }

    /// A payload that nothing else has.
    fn data(&mut self) -> String {
        self.published += 1;
        format!("\"{} {}\"", self.published, "x".repeat(self.chance.below(40)))
    }

    /// Seconds in which nothing happens: pings, and ends of those who do not answer.
    fn time_passes(&mut self) {
        self.clients.iter_mut().for_each(Client::send);
        self.arrive();
        // Who has been pinged a moment ago gets the time to answer.
        while self.clients.iter_mut().fold(false, |any, client| client.take_pinged() | any) {
            self.arrive();
        }
        self.world.advance(Duration::from_secs(1 + self.chance.below(40) as u64));
        self.arrive();
    }

    /// Turns of the shards in any order, a millisecond each; everybody reads.
    fn turn(&mut self, turns: usize) {
        self.turn_within(turns, Duration::from_millis(1));
    }

    /// As many turns as what is under way needs to arrive. They take next to no time, so that nobody is late for it.
    fn arrive(&mut self) {
        self.turn_within(SETTLE + SETTLE_CLIENT * self.clients.len(), Duration::from_micros(1));
    }

    fn turn_within(&mut self, turns: usize, each: Duration) {
        for _ in 0..turns {
            let shard = self.chance.below(self.world.networks.len());
            self.world.turn_one(shard);
            self.world.advance(each);
            self.read();
        }
    }

    fn read(&mut self) {
        for client in &mut self.clients {
            let was_over = client.is_over();
            client.read(self.world.record(), &mut self.claims);
            let Some((code, connected)) = client.closed().filter(|_| !was_over) else { continue };
            let is_allowed = match code {
                1000 => true,
                _ if code == Disconnect::SHUTDOWN.code => self.draining,
                _ if code == Disconnect::SLOW.code => client.was_slow || self.is_tight,
                _ if code == Disconnect::NO_PONG.code => client.was_slow,
                _ if code == Disconnect::STALE.code => !connected,
                _ if code == Disconnect::CONNECTION_LIMIT.code => self.connection_limit > 0 && !connected,
                _ => false,
            };
            assert!(is_allowed, "closed with {code}");
        }
        let clients = self.world.node.info().num_clients;
        assert!(self.connection_limit == 0 || clients <= self.connection_limit, "{clients} clients");
    }

    /// Everybody reads until nothing is under way any more: then nobody may miss anything.
    fn settle(&mut self) {
        self.clients.iter_mut().for_each(Client::send);
        for client in self.clients.iter_mut().filter(|client| !client.is_reading()) {
            client.set_reading(true);
        }
        for _ in 0..10 {
            self.arrive();
        }
        self.clients.iter().for_each(|client| client.expect_everything(self.world.record()));
    }

    fn everybody_goes(&mut self) {
        for client in &mut self.clients {
            if self.chance.one_in(2) { client.cut() } else { client.close() }
        }
        self.arrive();
        self.world.advance(Duration::from_secs(60));
        self.arrive();
        self.world.advance(Duration::from_secs(60));
        self.arrive();
    }

    /// The node ends while clients go on to ask for things, and others come.
    fn drain(&mut self) {
        self.draining = true;
        self.world.drain();
        for _ in 0..30 {
            let channel = self.chance.pick(&CHANNELS);
            self.publish(1, channel);
            let who = self.chance.below(self.clients.len());
            let client = &mut self.clients[who];
            if !client.is_over() {
                client.subscribe(channel, false, false, self.world.record());
                client.send();
            } else if self.chance.one_in(4) {
                let before = self.clients.swap_remove(who);
                self.connect(Some(before));
            }
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
