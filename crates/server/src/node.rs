//! The node: what all shards and the front desk share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wavecast_hub::{
    ChannelOptions, HistoryError, HistoryPage, HistoryQuery, Hub, HubLimits, Namespaces, Publish,
    PublishError, StreamPosition,
};
use wavecast_net::shard::Remote;
use wavecast_protocol::centrifuge::Error;

use crate::VERSION;
use crate::config::{Config, Profile};
use crate::desk::{Backend, NodeInfo};
use crate::inboxes::{Inboxes, ShardEvent};
use crate::session::Rules;

/// First pause before a publication is tried again when an inbox is full; it doubles up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_millis(1);
const RETRY_MAX: Duration = Duration::from_millis(20);

/// Configuration, channels and counts of one node.
pub struct Node {
    config: Arc<Config>,
    profile: Profile,
    rules: Rules,
    hub: Hub<Inboxes>,
    counts: Counts,
    uid: String,
    began: Instant,
}

/// How many of what this node has now; each shard adds and takes away its own.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) clients: AtomicUsize,
    pub(crate) subscriptions: AtomicUsize,
}

impl Counts {
    /// Counts one client more; `false`, and nothing counted, when there are `limit` already (0: no limit).
    pub(crate) fn admit_client(&self, limit: usize) -> bool {
        let one_more = |clients| (limit == 0 || clients < limit).then_some(clients + 1);
        self.clients.fetch_update(Relaxed, Relaxed, one_more).is_ok()
    }
}

impl Node {
    /// A node over the inboxes of its shards. `seed` names epochs: random, and new in each process.
    pub(crate) fn new(
        config: Arc<Config>,
        profile: Profile,
        namespaces: Namespaces,
        remotes: Vec<Remote<ShardEvent>>,
        seed: u64,
    ) -> Self {
        let limits = HubLimits { channels_max: config.engine.memory.channel_limit, ..HubLimits::default() };
        Self {
            rules: Rules::new(&config, namespaces),
            hub: Hub::new(limits, seed, Inboxes::new(remotes)),
            counts: Counts::default(),
            uid: format!("{seed:016x}"),
            began: Instant::now(),
            config,
            profile,
        }
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Whether somebody has configured this server.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(crate) fn hub(&self) -> &Hub<Inboxes> {
        &self.hub
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Publishes into a channel. While the inbox of a shard with subscribers is full it waits, at most for
    /// `http_api.timeout`. Cancelled, it has published or not; nothing in between.
    ///
    /// # Errors
    /// 102 or 107 for the channel's name, 106 when there are too many channels, 111 when there was no room in time.
    pub async fn publish(&self, channel: &str, publish: Publish) -> Result<StreamPosition, Error> {
        let options = self.rules.options(channel)?;
        let give_up = Instant::now() + self.config.http_api.timeout;
        let mut publish = publish;
        let mut pause = RETRY_MIN;
        loop {
            match self.hub.publish(channel, publish, options, now_ms()) {
                Ok(published) => return Ok(published.position),
                Err(PublishError::ChannelLimit) => return Err(Error::LIMIT_EXCEEDED),
                Err(PublishError::Busy { publish: again, .. }) => {
                    if Instant::now() >= give_up {
                        return Err(Error::TOO_MANY_REQUESTS);
                    }
                    publish = again;
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_MAX);
        }
    }

    /// Publishes at once or not at all: for those who must not wait.
    pub(crate) fn try_publish(
        &self,
        channel: &str,
        publish: Publish,
        options: &ChannelOptions,
    ) -> Result<StreamPosition, Error> {
        match self.hub.publish(channel, publish, options, now_ms()) {
            Ok(published) => Ok(published.position),
            Err(PublishError::Busy { .. }) => Err(Error::TOO_MANY_REQUESTS),
            Err(PublishError::ChannelLimit) => Err(Error::LIMIT_EXCEEDED),
        }
    }

    /// Reads from a channel's history.
    ///
    /// # Errors
    /// 102 or 107 for the channel's name, 108 where no history is kept, 106 when there are too many channels, 112 when what
    /// follows the position is not there any more.
    pub fn history(&self, channel: &str, query: HistoryQuery<'_>) -> Result<HistoryPage, Error> {
        let options = self.rules.options(channel)?;
        self.history_with(channel, query, options)
    }

    pub(crate) fn history_with(
        &self,
        channel: &str,
        query: HistoryQuery<'_>,
        options: &ChannelOptions,
    ) -> Result<HistoryPage, Error> {
        if !options.has_history() {
            return Err(Error::NOT_AVAILABLE);
        }
        self.hub.history(channel, query, options, now_ms()).map_err(|error| match error {
            HistoryError::UnrecoverablePosition => Error::UNRECOVERABLE_POSITION,
            HistoryError::ChannelLimit => Error::LIMIT_EXCEEDED,
        })
    }

    /// What this node has now.
    #[must_use]
    pub fn info(&self) -> NodeInfo {
        let num_clients = self.counts.clients.load(Relaxed);
        let name = match self.config.node.name.as_str() {
            "" => format!("wavecast_{}", self.config.http_server.port),
            name => name.to_owned(),
        };
        NodeInfo {
            uid: self.uid.clone(),
            name,
            version: VERSION.to_owned(),
            num_clients,
            // Nobody has a user id as long as there are no tokens.
            num_users: num_clients.min(1),
            num_subs: self.counts.subscriptions.load(Relaxed),
            num_channels: self.hub.stats().channels_active,
            uptime_s: self.began.elapsed().as_secs(),
        }
    }
}

impl Backend for Node {
    async fn publish(&self, channel: &str, publish: Publish) -> Result<StreamPosition, Error> {
        Node::publish(self, channel, publish).await
    }

    fn history(&self, channel: &str, query: HistoryQuery<'_>) -> Result<HistoryPage, Error> {
        Node::history(self, channel, query)
    }

    fn info(&self) -> NodeInfo {
        Node::info(self)
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("uid", &self.uid).field("profile", &self.profile).finish_non_exhaustive()
    }
}

/// Unix time in milliseconds.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}
