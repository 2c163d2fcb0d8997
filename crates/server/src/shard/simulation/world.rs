//! The whole push server on one thread: a node, its shards over simulated drivers, and a witness that hears everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use wavecast_hub::{JoinQuery, Publish, ShardId, StreamPosition};
use wavecast_net::driver::simulated::{Network, Simulated};
use wavecast_net::shard::{self, Remote, Shard};
use wavecast_net::websocket::keepalive::Intervals;
use wavecast_net::{CloseCode, Options};
use wavecast_protocol::centrifuge::{Disconnect, Error};

use super::record::Record;
use crate::clock::Clock;
use crate::config::{ChannelSettings, Config, Namespace, Overrides, Profile, load_from};
use crate::node::{Node, Parts};
use crate::session::Verifiers;
use crate::shard::PushShard;
use crate::shard_event::ShardEvent;

/// When the simulation begins, Unix milliseconds.
const BEGIN_MS: u64 = 1_700_000_000_000;
/// Channels with a short history.
pub(super) const SHORT_HISTORY: u64 = 6;
/// Channels with a long one.
pub(super) const LONG_HISTORY: u64 = 200;
/// What one recovery may bring.
pub(super) const RECOVERY_MAX: u64 = 100;
/// The channels of the simulation: with history, with offsets but without history, without either.
pub(super) const CHANNELS: [&str; 6] = ["short:a", "short:b", "long:a", "counted:a", "plain:a", "plain:b"];

pub(super) struct World {
    pub(super) node: Arc<Node>,
    pub(super) networks: Vec<Network>,
    shards: Vec<Shard<Simulated, PushShard>>,
    drained: Vec<bool>,
    remotes: Vec<Remote<ShardEvent>>,
    witness: Shard<Simulated, Record>,
    witness_id: ShardId,
    events_max: usize,
    /// The calendar, Unix milliseconds.
    time: Arc<AtomicU64>,
}

impl World {
    pub(super) fn new(seed: u64, shards: usize, options: &Options, change: impl FnOnce(&mut Config)) -> Self {
        // Sessions are pinged in the words of their own protocol.
        let keep_alive = Intervals { ping_interval_ms: 0, ..Intervals::default() };
        let options = &Options { keep_alive, ..options.clone() };
        let mut config = configuration(options);
        change(&mut config);
        let namespaces = config.namespaces().unwrap();
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
            namespaces,
            remotes: remotes.clone(),
            verifiers: Verifiers::default(),
            hooks: None,
            clock: Clock::Set(Arc::clone(&time)),
            seed,
        });
        let node = Arc::new(node);
        let (mut running, mut networks) = (Vec::new(), Vec::new());
        for (n, mailbox) in mailboxes.drain(..).enumerate() {
            let (driver, network) = Simulated::new(seed.wrapping_add(n as u64));
            let handler = PushShard::new(Arc::clone(&node), ShardId(n as u16), Arc::new(drop));
            running.push(Shard::with_mailbox(driver, handler, options.clone(), seed, mailbox));
            networks.push(network);
        }
        let (driver, _) = Simulated::new(seed);
        let witness = Shard::with_mailbox(driver, Record::default(), witness_options, seed, witness_mailbox);
        let witness_id = ShardId(shards as u16);
        for channel in CHANNELS {
            let options = node.rules().options(channel).unwrap();
            node.hub().join(channel, witness_id, JoinQuery::default(), options, node.now_ms(), drop).unwrap();
        }
        let drained = vec![false; shards];
        Self {
            node,
            networks,
            shards: running,
            drained,
            remotes,
            witness,
            witness_id,
            events_max: options.events_max,
            time,
        }
    }

    /// One turn of one shard; then the witness takes down what was published.
    pub(super) fn turn_one(&mut self, shard: usize) {
        if !self.drained[shard] {
            self.drained[shard] = !self.shards[shard].turn().unwrap();
        }
        self.witness.turn().unwrap();
    }

    /// So many turns of every shard, a millisecond each.
    pub(super) fn turn(&mut self, turns: usize) {
        for _ in 0..turns {
            (0..self.shards.len()).for_each(|shard| self.turn_one(shard));
            self.advance(Duration::from_millis(1));
        }
    }

    pub(super) fn advance(&self, by: Duration) {
        self.networks.iter().for_each(|network| network.advance(by));
        self.time.fetch_add(by.as_millis() as u64, Relaxed);
    }

    pub(super) fn record(&mut self) -> &Record {
        self.witness.handler()
    }

    pub(super) fn shard(&mut self, shard: usize) -> &mut Shard<Simulated, PushShard> {
        &mut self.shards[shard]
    }

    pub(super) fn remote(&self, shard: usize) -> &Remote<ShardEvent> {
        &self.remotes[shard]
    }

    /// Publishes as the back end does.
    pub(super) fn publish(&mut self, channel: &str, data: &str) -> Result<StreamPosition, Error> {
        let options = Arc::clone(self.node.rules().options(channel)?);
        let publish = Publish { data: data.as_bytes().into(), is_json: true, ..Publish::default() };
        let position = self.node.try_publish(channel, publish, &options);
        self.witness.turn().unwrap();
        position
    }

    pub(super) fn drain(&self) {
        let Disconnect { code, reason } = Disconnect::SHUTDOWN;
        for remote in self.remotes.iter().take(self.shards.len()) {
            assert!(remote.drain(CloseCode::new(code).unwrap(), &reason, Duration::from_secs(60)));
        }
    }

    pub(super) fn is_drained(&self) -> bool {
        self.drained.iter().all(|drained| *drained)
    }

    /// Everybody has gone: nothing is left of them, neither in the counts nor in the rooms behind them.
    pub(super) fn expect_nothing_left(&mut self) {
        for channel in CHANNELS {
            self.node.hub().leave(channel, self.witness_id, self.node.now_ms());
        }
        let info = self.node.info();
        assert_eq!((info.num_clients, info.num_subs), (0, 0), "counts at the end");
        for (n, shard) in self.shards.iter_mut().enumerate() {
            assert_eq!(shard.connections().open_count(), 0, "connections of shard {n}");
            // A shard that has been drained is over, whatever waits in its inbox.
            if !self.drained[n] {
                assert!(shard.handler().channels.is_empty(), "channels of shard {n}");
                assert!(shard.handler().sessions.has_no_users(), "users of shard {n}");
                let room = (0..self.events_max).take_while(|_| self.remotes[n].reserve()).count();
                assert_eq!(room, self.events_max, "room at shard {n}");
            }
        }
        assert!(info.num_channels == 0 || self.drained.contains(&true), "{} channels", info.num_channels);
    }
}

fn configuration(options: &Options) -> Config {
    let mut config = load_from(None, [], &Overrides::default()).unwrap().config;
    config.client.insecure = true;
    config.client.queue_max_size = options.outbox_bytes_max;
    config.client.recovery_max_publication_limit = RECOVERY_MAX as usize;
    config.channel.namespace_boundary = ":".into();
    let history = |history_size| ChannelSettings {
        history_size: history_size as usize,
        history_ttl: Duration::from_secs(3600),
        force_recovery: true,
        ..ChannelSettings::default()
    };
    let counted = ChannelSettings { force_positioning: true, ..ChannelSettings::default() };
    config.channel.namespaces = [
        ("short", history(SHORT_HISTORY)),
        ("long", history(LONG_HISTORY)),
        ("counted", counted),
        ("plain", ChannelSettings::default()),
    ]
    .map(|(name, settings)| Namespace { name: name.into(), settings })
    .into();
    config
}
