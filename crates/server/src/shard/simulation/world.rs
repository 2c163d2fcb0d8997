//! The whole push server on one thread: a node, its shards over simulated drivers, a back end, and a witness that hears
//! everything.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use wavecast_hub::{HistoryQuery, JoinQuery, Publish, ShardId, StreamPosition};
use wavecast_net::Options;
use wavecast_net::driver::simulated::{Network, Simulated};
use wavecast_net::shard::{self, Remote, Shard};
use wavecast_net::websocket::keepalive::Intervals;
use wavecast_protocol::centrifuge::{Disconnect, Error};

use super::backend::{Asking, Backend};
use super::kind::{BRIEF_POSITION, CHANNELS, Kind, RECOVERY_MAX, namespaces};
use super::record::Record;
use crate::clock::Clock;
use crate::config::{Config, Overrides, Profile, load_from};
use crate::hooks::Hooks;
use crate::leaving::farewell;
use crate::node::{Node, Parts};
use crate::orders::Order;
use crate::session::{Done, Verifiers};
use crate::shard::PushShard;
use crate::shard_event::ShardEvent;

/// When the simulation begins, Unix milliseconds.
const BEGIN_MS: u64 = 1_700_000_000_000;

pub(super) struct World {
    pub(super) node: Arc<Node>,
    pub(super) networks: Vec<Network>,
    pub(super) backend: Backend,
    /// Those that have been drained are gone.
    shards: Vec<Option<Shard<Simulated, PushShard>>>,
    remotes: Vec<Remote<ShardEvent>>,
    witness: Shard<Simulated, Record>,
    witness_id: ShardId,
    events_max: usize,
    /// Since the beginning.
    elapsed: Duration,
    /// The calendar, Unix milliseconds.
    time: Arc<AtomicU64>,
}

impl World {
    /// A server without hooks.
    pub(super) fn new(seed: u64, shards: usize, options: &Options, change: impl FnOnce(&mut Config)) -> Self {
        Self::with(None, Verifiers::default(), seed, shards, options, change)
    }

    /// A server that verifies tokens; what it asks, keys say, a test answers.
    pub(super) fn verifying(verifiers: Verifiers, seed: u64, change: impl FnOnce(&mut Config)) -> Self {
        let world = Self::with(None, verifiers, seed, 1, &Options::default(), change);
        world.node.office().take_asked();
        world
    }

    /// A server whose back end is asked who may come in, and what it may do.
    pub(super) fn asking(
        seed: u64,
        shards: usize,
        options: &Options,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let world =
            Self::with(Some(Arc::new(Asking)), Verifiers::default(), seed, shards, options, |config| {
                let personal = &mut config.client.subscribe_to_user_personal_channel;
                (personal.enabled, personal.personal_channel_namespace) = (true, "own".into());
                change(config);
            });
        world.node.office().take_asked();
        world
    }

    fn with(
        hooks: Option<Arc<dyn Hooks>>,
        verifiers: Verifiers,
        seed: u64,
        shards: usize,
        options: &Options,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        // Sessions are pinged in the words of their own protocol.
        let keep_alive = Intervals { ping_interval_ms: 0, ..Intervals::default() };
        let options = &Options { keep_alive, ..options.clone() };
        let mut config = configuration(options);
        change(&mut config);
        let channel_namespaces = config.namespaces().unwrap();
        let witness_options =
            Options { events_max: 1 << 24, events_per_turn: usize::MAX, ..Options::default() };
        let (mut remotes, mut mailboxes): (Vec<_>, Vec<_>) =
            (0..shards).map(|_| shard::mailbox(options)).unzip();
        let (witness_remote, witness_mailbox) = shard::mailbox(&witness_options);
        remotes.push(witness_remote);
        let time = Arc::new(AtomicU64::new(BEGIN_MS));
        let node = Node::new(Parts {
            config: Arc::new(config),
            profile: Profile::Configured,
            namespaces: channel_namespaces,
            remotes: remotes.clone(),
            verifiers,
            clock: Clock::Set(Arc::clone(&time)),
            seed,
            address: ([127, 0, 0, 1], 0).into(),
        });
        let node = Arc::new(node);
        if let Some(hooks) = hooks {
            node.take_hooks(hooks);
        }
        let (mut running, mut networks) = (Vec::new(), Vec::new());
        for (n, mailbox) in mailboxes.drain(..).enumerate() {
            let (driver, network) = Simulated::new(seed.wrapping_add(n as u64));
            let handler = PushShard::new(Arc::clone(&node), ShardId(n as u16), Arc::new(drop));
            running.push(Some(Shard::with_mailbox(driver, handler, options.clone(), seed, mailbox)));
            networks.push(network);
        }
        let (driver, _) = Simulated::new(seed);
        let witness = Shard::with_mailbox(driver, Record::default(), witness_options, seed, witness_mailbox);
        let mut world = Self {
            node,
            networks,
            backend: Backend::default(),
            shards: running,
            remotes,
            witness,
            witness_id: ShardId(shards as u16),
            events_max: options.events_max,
            elapsed: Duration::ZERO,
            time,
        };
        world.advance(Duration::ZERO);
        CHANNELS.iter().for_each(|channel| _ = world.witness_joins(channel));
        world
    }

    /// Says whether the channel's stream has a new life.
    fn witness_joins(&mut self, channel: &str) -> bool {
        let rules = self.node.rules();
        let options = rules.options(channel).unwrap();
        let position = Cell::new(None);
        let answer = |joined: wavecast_hub::Joined| position.set(Some(joined.position));
        let now_ms = self.node.now_ms();
        self.node
            .hub()
            .join(channel, self.witness_id, JoinQuery::default(), options, now_ms, answer)
            .unwrap();
        self.witness.handler().joined(channel, &position.take().unwrap())
    }

    /// One turn of one shard; then the witness takes down what happened, and the back end what it is asked.
    pub(super) fn turn_one(&mut self, shard: usize) {
        if let Some(mut over) = self.shards[shard].take_if(|shard| !shard.turn().unwrap()) {
            // Whatever still waits in its inbox.
            expect_nobody(&mut over);
        }
        self.witness.turn().unwrap();
        if self.node.rules().hooks().connect {
            self.backend.is_asked(self.node.office().take_asked());
        }
    }

    /// So many turns of every shard, a millisecond each.
    pub(super) fn turn(&mut self, turns: usize) {
        for _ in 0..turns {
            (0..self.shards.len()).for_each(|shard| self.turn_one(shard));
            self.advance(Duration::from_millis(1));
        }
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.networks.iter().for_each(|network| network.advance(by));
        self.elapsed += by;
        let now_ms = BEGIN_MS + self.elapsed.as_millis() as u64;
        if self.time.swap(now_ms, Relaxed) != now_ms || by.is_zero() {
            self.witness.handler().time_passes(now_ms);
            self.backend.now_ms = now_ms;
        }
    }

    pub(super) fn record(&mut self) -> &Record {
        self.witness.handler()
    }

    /// What has been written down, on either side.
    pub(super) fn books(&mut self) -> (&Record, &Backend) {
        (self.witness.handler(), &self.backend)
    }

    /// No shard was short of room for a coming or going.
    pub(super) fn is_told_all(&self) -> bool {
        self.node.hub().stats().notices_dropped == 0
    }

    pub(super) fn shard(&mut self, shard: usize) -> &mut Shard<Simulated, PushShard> {
        self.shards[shard].as_mut().unwrap()
    }

    pub(super) fn remote(&self, shard: usize) -> &Remote<ShardEvent> {
        &self.remotes[shard]
    }

    /// Publishes as the back end does.
    pub(super) fn publish(&mut self, channel: &str, data: &str) -> Result<StreamPosition, Error> {
        self.publish_as(
            channel,
            Publish { data: data.as_bytes().into(), is_json: true, ..Publish::default() },
        )
    }

    pub(super) fn publish_as(&mut self, channel: &str, publish: Publish) -> Result<StreamPosition, Error> {
        let options = Arc::clone(self.node.rules().options(channel)?);
        let position = self.node.try_publish(channel, publish, &options);
        self.witness.turn().unwrap();
        position
    }

    /// The back end drops what a channel has kept.
    pub(super) fn remove_history(&mut self, channel: &str) {
        self.node.hub().remove_history(channel);
        self.witness.handler().is_left(channel, 0);
    }

    /// Memory is short: the oldest publications go.
    pub(super) fn trim_history(&mut self, bytes: usize) {
        let trimmed = self.node.hub().trim_history(bytes);
        let mut gone = 0;
        for channel in CHANNELS.iter().filter(|channel| Kind::of(channel).history > 0) {
            let rules = self.node.rules();
            let options = rules.options(channel).unwrap();
            let query = HistoryQuery { limit: -1, publications_max: usize::MAX, ..HistoryQuery::default() };
            let page = self.node.hub().history(channel, query, options, self.node.now_ms()).unwrap();
            let record = self.witness.handler();
            let state = record.channel(channel).state();
            gone += (state.top - state.low) as usize - page.publications.len();
            record.is_left(channel, page.publications.len());
        }
        // Expired ones may go without a word.
        assert!(trimmed.publications >= gone, "{trimmed:?}, and {gone} have gone");
    }

    /// So much time passes that positions are forgotten where nobody is.
    pub(super) fn forget_positions(&mut self) {
        let brief = || CHANNELS.iter().filter(|channel| channel.starts_with("brief"));
        brief().for_each(|channel| self.node.hub().leave(channel, self.witness_id, self.node.now_ms()));
        self.advance(BRIEF_POSITION + Duration::from_millis(1));
        self.node.hub().expire(self.node.now_ms());
        for channel in brief() {
            let is_there = |shard: &mut Shard<_, PushShard>| shard.handler().channels.find(channel).is_some();
            let is_deserted = !self.shards.iter_mut().flatten().any(is_there);
            let is_new = self.witness_joins(channel);
            assert_eq!(is_new, is_deserted, "{channel} is forgotten when nobody is there");
        }
    }

    /// Gives an order to every shard that has room for it.
    pub(super) fn order(&mut self, channel: Option<&str>, order: impl Fn(Done) -> Order) {
        let (done, end) = Done::new();
        for remote in self.remotes.iter().take(self.shards.len()) {
            remote.push_control(ShardEvent::Order(Box::new(order(done.clone())))).ok();
        }
        self.backend.orders(channel, end);
    }

    pub(super) fn drain(&self, window: Duration) {
        let leave = farewell(Disconnect::SHUTDOWN).over(window);
        for remote in self.remotes.iter().take(self.shards.len()) {
            assert!(remote.drain_over(leave.clone(), Duration::from_secs(60)));
        }
    }

    pub(super) fn is_drained(&self) -> bool {
        self.shards.iter().all(Option::is_none)
    }

    /// However slowly somebody reads, what waits for it is bounded.
    pub(super) fn expect_bounded_outboxes(&mut self, bytes_max: usize) {
        for shard in self.shards.iter_mut().flatten() {
            let ids: Vec<_> = shard.handler().sessions.all().map(|session| session.connection).collect();
            for id in ids {
                let waiting = shard.connections().queued_bytes(id);
                assert!(waiting <= bytes_max, "{waiting} bytes wait for one connection");
            }
        }
    }

    /// Who is there, as the hub has it.
    pub(super) fn present(&self, channel: &str) -> Vec<String> {
        let list = self.node.hub().presence(channel, usize::MAX);
        let mut clients: Vec<_> = list.clients.iter().map(|info| info.client.to_string()).collect();
        clients.sort_unstable();
        clients
    }

    /// Everybody has gone: nothing is left of them, neither in the counts nor in the rooms behind them.
    pub(super) fn expect_nothing_left(&mut self) {
        for channel in CHANNELS {
            assert_eq!(self.present(channel), [""; 0], "who is left in {channel}");
            self.node.hub().leave(channel, self.witness_id, self.node.now_ms());
        }
        let info = self.node.info();
        assert_eq!((info.num_clients, info.num_subs, info.num_users), (0, 0, 0), "counts at the end");
        for (n, shard) in self.shards.iter_mut().enumerate() {
            let Some(shard) = shard else { continue };
            expect_nobody(shard);
            assert!(shard.handler().channels.is_empty(), "channels of shard {n}");
            let room = (0..self.events_max).take_while(|_| self.remotes[n].reserve()).count();
            assert_eq!(room, self.events_max, "room at shard {n}");
        }
        assert_eq!(info.num_channels, 0, "channels at the end");
    }
}

/// Nobody is left on a shard.
fn expect_nobody(shard: &mut Shard<Simulated, PushShard>) {
    assert_eq!(shard.connections().open_count(), 0, "open connections");
    assert_eq!(shard.connections().outbox_bytes().waiting, 0, "bytes wait");
    let handler = shard.handler();
    assert!(handler.sessions.has_no_users(), "users are left");
    assert_eq!(handler.session_bytes, 0, "bytes of sessions");
}

fn configuration(options: &Options) -> Config {
    let mut config = load_from(None, [], &Overrides::default()).unwrap().config;
    config.client.allow_anonymous_connect_without_token = true;
    config.client.queue_max_size = options.outbox_bytes_max;
    config.client.recovery_max_publication_limit = RECOVERY_MAX as usize;
    config.channel.namespace_boundary = ":".into();
    config.channel.namespaces = namespaces();
    config
}
