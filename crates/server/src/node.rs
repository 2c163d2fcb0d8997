//! The node: what all shards and the front desk share.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};
use bytes::Bytes;
use wavecast_hub::{
    ChannelOptions, ClientInfo, HistoryPage, HistoryQuery, Hub, HubLimits, Namespaces, PresenceStats,
    Publish, Since, StreamPosition,
};
use wavecast_net::driver::Stream;
use wavecast_net::shard::Remote;
use wavecast_protocol::centrifuge::{Disconnect, Error, Unsubscribed};

use crate::VERSION;
use crate::addresses::Addresses;
use crate::canary::{Canary, Vitals};
use crate::clock::Clock;
use crate::config::{Config, Profile};
use crate::counts::Counts;
use crate::departure::Departure;
use crate::desk::{self, Backend, NodeInfo};
use crate::hooks::{self, Event, Hooks, SubscribeGrant};
use crate::idempotency::Idempotency;
use crate::inboxes::Inboxes;
use crate::memory::Memory;
use crate::metrics::{Form, Metrics, Source};
use crate::office::Office;
use crate::polling::{PollCall, PollPage, PollRefusal};
use crate::procedures::Procedures;
use crate::process::ProcessMeter;
use crate::session::{Live, Rules, Session, Verifiers};
use crate::session_names::SessionNames;
use crate::shard_event::ShardEvent;
use crate::steering::{Renewal, Revocation, Whom};
use crate::streams::{Heard, StreamOpening, TurnedAway};

/// Configuration, channels and counts of one node.
pub struct Node {
    config: ArcSwap<Config>,
    profile: Profile,
    rules: ArcSwap<Rules>,
    hub: Hub<Inboxes>,
    counts: Counts,
    addresses: Addresses,
    memory: Memory,
    metrics: Arc<Metrics>,
    canary: Canary,
    idempotency: Idempotency,
    office: Arc<Office>,
    procedures: Procedures,
    process: ProcessMeter,
    departure: Departure,
    pub(crate) remotes: Vec<Remote<ShardEvent>>,
    clock: Clock,
    seed: u64,
    address: SocketAddr,
    began: Instant,
    session_names: SessionNames,
    /// Whose turn it is to take a session on a stream.
    next_shard: AtomicUsize,
}

/// What a node is made of.
pub(crate) struct Parts {
    pub(crate) config: Arc<Config>,
    pub(crate) profile: Profile,
    pub(crate) namespaces: Namespaces,
    /// The inboxes of its shards, by number.
    pub(crate) remotes: Vec<Remote<ShardEvent>>,
    pub(crate) verifiers: Verifiers,
    pub(crate) clock: Clock,
    /// Names epochs and hides slots: random, and new in each process.
    pub(crate) seed: u64,
    /// Where the server listens.
    pub(crate) address: SocketAddr,
}

impl Node {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { config, profile, namespaces, remotes, verifiers, clock, seed, address } = parts;
        let limits = HubLimits { channels_max: config.engine.memory.channel_limit, ..HubLimits::default() };
        let client = &config.client;
        let metrics = Arc::new(Metrics::new(remotes.len(), desk::methods()));
        let office = Arc::new(Office::new(verifiers.clone(), remotes.clone(), Arc::clone(&metrics)));
        let inboxes = Inboxes::new(remotes.clone(), Arc::clone(&office), clock.clone());
        Self {
            rules: ArcSwap::from_pointee(Rules::new(&config, namespaces, verifiers)),
            hub: Hub::new(limits, seed, inboxes),
            counts: Counts::new(client),
            addresses: Addresses::new(client.address_connection_limit, client.address_connection_rate_limit),
            memory: Memory::new(config.memory.max, remotes.len()),
            metrics,
            canary: Canary::new(remotes.len()),
            idempotency: Idempotency::new(
                config.http_api.idempotency_ttl,
                config.http_api.idempotency_cache_size,
            ),
            office,
            procedures: Procedures::default(),
            process: ProcessMeter::new(),
            departure: Departure::default(),
            remotes,
            clock,
            seed,
            address,
            began: Instant::now(),
            session_names: SessionNames::new(),
            next_shard: AtomicUsize::new(0),
            config: ArcSwap::new(config),
            profile,
        }
    }

    /// These hooks answer and are told from now on. Before its first session, and once.
    pub(crate) fn take_hooks(&self, hooks: Arc<dyn Hooks>) {
        self.rules.load().take_hooks(&*hooks);
        self.office.take_hooks(hooks);
    }

    /// This configuration holds from now on; its rules know nothing of hooks yet.
    pub(crate) fn exchange(&self, config: Arc<Config>, rules: Rules, hooks: &dyn Hooks) {
        rules.take_hooks(hooks);
        self.office.take_verifiers(rules.verifiers());
        if let Some(events) = self.office.events() {
            events.deliver_only(hooks.wants());
        }
        self.counts.set_connection_rate(&config.client, self.now_ms());
        self.rules.store(Arc::new(rules));
        self.config.store(config);
    }

    /// Lets go of everything of the user's that may hold this node in its turn.
    pub(crate) fn close(&self) {
        self.office.close();
        self.procedures.clear();
    }

    /// The configuration that holds now: a reload may bring another.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    /// Where the server listens: with the port that the kernel chose, where port 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether somebody has configured this server.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Methods of the API's `rpc`, to add to.
    #[must_use]
    pub fn procedures(&self) -> &Procedures {
        &self.procedures
    }

    /// The rules that hold now; not to be kept for long.
    pub(crate) fn rules(&self) -> Guard<Arc<Rules>> {
        self.rules.load()
    }

    pub(crate) fn hub(&self) -> &Hub<Inboxes> {
        &self.hub
    }

    pub(crate) fn idempotency(&self) -> &Idempotency {
        &self.idempotency
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    pub(crate) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(crate) fn canary(&self) -> &Canary {
        &self.canary
    }

    pub(crate) fn process(&self) -> &ProcessMeter {
        &self.process
    }

    pub(crate) fn office(&self) -> &Arc<Office> {
        &self.office
    }

    pub(crate) fn session_names(&self) -> &SessionNames {
        &self.session_names
    }

    pub(crate) fn next_shard(&self) -> &AtomicUsize {
        &self.next_shard
    }

    /// The node's id, new with each start.
    pub(crate) fn uid(&self) -> String {
        format!("{:016x}", self.seed)
    }

    pub(crate) fn departure(&self) -> &Departure {
        &self.departure
    }

    /// Unix time in milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// The same as a publication and an event carry it.
    pub(crate) fn time_ms(&self) -> i64 {
        i64::try_from(self.now_ms()).unwrap_or(i64::MAX)
    }

    /// Hides the slots in the ids of sessions.
    pub(crate) fn client_mask(&self) -> u32 {
        (self.seed >> 16) as u32
    }

    /// Tells the back end that a subscription has ended, where it wants to know.
    pub(crate) fn tell_unsubscribed(
        &self,
        session: &mut Session,
        live: &Live,
        channel: &Arc<str>,
        why: Unsubscribed,
    ) {
        let is_told = live.terms.as_ref().is_some_and(|(options, _)| options.unsubscribed_events);
        let Some(events) = self.office.events().filter(|_| is_told) else { return };
        let event = Event::unsubscribed(
            session.next_event(),
            self.time_ms(),
            hooks::Unsubscribed {
                client: session.client().into(),
                user: session.user().into(),
                channel: Arc::clone(channel),
                code: why.code,
                reason: why.reason.into(),
                meta: session.meta(),
            },
        );
        // What has no room is counted and logged there.
        events.try_push(event).ok();
    }

    /// Tells the back end that a session has ended, if it wants to know.
    pub(crate) fn tell_disconnected(&self, session: &mut Session, why: &Disconnect) {
        let Some(events) = self.office.events().filter(|_| self.rules().hooks().disconnected) else { return };
        let event = Event::disconnected(
            session.next_event(),
            self.time_ms(),
            hooks::Disconnected {
                client: session.client().into(),
                user: session.user().into(),
                code: why.code,
                reason: why.reason.clone(),
                meta: session.meta(),
            },
        );
        events.try_push(event).ok();
    }

    /// What this node has now.
    #[must_use]
    pub fn info(&self) -> NodeInfo {
        let config = self.config();
        let name = match config.node.name.as_str() {
            "" => format!("wavecast_{}", config.http_server.port),
            name => name.to_owned(),
        };
        let num_clients = self.counts.clients();
        NodeInfo {
            uid: self.uid(),
            name,
            version: VERSION.to_owned(),
            num_clients,
            num_users: self.counts.users(),
            num_subs: self.counts.subscriptions(),
            num_channels: self.hub.stats().channels_active,
            uptime_s: self.began.elapsed().as_secs(),
            process: self.process.measure(),
        }
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl Backend for Node {
    fn options(&self, channel: &str) -> Result<Arc<ChannelOptions>, Error> {
        self.rules().options(channel).map(Arc::clone)
    }

    fn idempotency(&self) -> &Idempotency {
        Node::idempotency(self)
    }

    async fn publish(&self, channel: &str, publish: Publish) -> Result<StreamPosition, Error> {
        self.publish_from(Source::Api, channel, publish).await
    }

    fn metrics(&self) -> &Metrics {
        Node::metrics(self)
    }

    fn scrape(&self, form: Form) -> String {
        Node::scrape(self, form)
    }

    fn vitals(&self) -> Vitals {
        Node::vitals(self)
    }

    fn history(&self, channel: &str, query: HistoryQuery<'_>) -> Result<HistoryPage, Error> {
        Node::history(self, channel, query)
    }

    fn remove_history(&self, channel: &str) -> Result<(), Error> {
        Node::remove_history(self, channel)
    }

    fn presence(&self, channel: &str) -> Result<Vec<Arc<ClientInfo>>, Error> {
        Node::presence(self, channel)
    }

    fn presence_stats(&self, channel: &str) -> Result<PresenceStats, Error> {
        Node::presence_stats(self, channel)
    }

    async fn channels(
        &self,
        channels_max: usize,
        accept: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Vec<(Arc<str>, usize)>, Error> {
        Node::channels(self, channels_max, accept).await
    }

    async fn subscribe(
        &self,
        whom: Whom<'_>,
        channel: &str,
        grant: SubscribeGrant,
        since: Option<Since<'_>>,
    ) -> Result<(), Error> {
        Node::subscribe(self, whom, channel, grant, since).await
    }

    async fn unsubscribe(&self, whom: Whom<'_>, channel: Option<&str>) -> Result<(), Error> {
        Node::unsubscribe(self, whom, channel).await
    }

    async fn disconnect(&self, whom: Whom<'_>, except: &[&str], why: Disconnect) -> Result<(), Error> {
        Node::disconnect(self, whom, except, why).await
    }

    async fn refresh(&self, whom: Whom<'_>, renewal: Renewal) -> Result<(), Error> {
        Node::refresh(self, whom, renewal).await
    }

    async fn revoke(&self, revocation: Revocation<'_>) -> Result<(), Error> {
        Node::revoke(self, revocation).await
    }

    fn send_away(&self, share: f64, window: Duration) -> Result<usize, Error> {
        Node::send_away(self, share, window)
    }

    async fn poll(
        &self,
        call: PollCall<'_>,
        patience: impl Future<Output = ()> + Send,
    ) -> Result<PollPage, PollRefusal> {
        Node::poll(self, call, patience).await
    }

    async fn call(&self, method: &str, params: &str) -> Result<Vec<u8>, Error> {
        self.procedures.call(method, params.into()).await
    }

    fn may_come(&self, address: IpAddr) -> Result<(), TurnedAway> {
        Node::may_come(self, address)
    }

    fn open(&self, opening: StreamOpening, stream: Stream) -> Result<(), Stream> {
        Node::open(self, opening, stream)
    }

    async fn say(&self, session: &str, node: &str, commands: Bytes) -> Heard {
        Node::say(self, session, node, commands).await
    }

    fn info(&self) -> NodeInfo {
        Node::info(self)
    }
}
