//! The push server put together: node, shards, front desk.

use std::fmt;
use std::io;
use std::iter;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use tokio::runtime::{self, Handle};
use tracing::{info, warn};
use wavecast_hub::ShardId;
use wavecast_net::listener::{self, Bound, Listener, TcpOptions};
use wavecast_net::mount::Mount;
use wavecast_net::shard::{self, Detached, Mailbox, Remote};
use wavecast_net::tls::ServerTls;
use wavecast_net::websocket::Limits;
use wavecast_net::websocket::keepalive::Intervals;
use wavecast_net::{Compression, Options, descriptors};

use crate::clock::Clock;
use crate::config::{Config, Loaded};
use crate::desk::{self, Desk};
use crate::doors::{self, InternalDoor, InternalError, ListenError};
use crate::hooks::{Current, EventQueue, Hooks};
use crate::leaving::DrainHandle;
use crate::node::{Node, Parts};
use crate::relief;
use crate::reload::ReloadHandle;
use crate::setup::{self, SetupError};
use crate::shard::{PushShard, SideDoor};
use crate::shard_event::ShardEvent;
use crate::watchman;
use crate::works::Works;

/// Threads of the front desk: it parses and routes, the shards do the rest.
const DESK_THREADS: usize = 1;
/// How often a part of the hub is looked through for what has expired.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// A push server that runs, until it is [drained](Self::drain_handle) or dropped.
///
/// Dropped, it ends at once: it closes its connections with 3001 (shutdown), waits at most 100 ms for their farewells, lets
/// go of its handlers, and frees the port. What the back end was to be told of them is lost: to end in order, drain and
/// [`join`](Self::join).
pub struct PushServer {
    node: Arc<Node>,
    desk: Arc<Desk<Node>>,
    address: SocketAddr,
    is_secure: bool,
    /// The internal port, where there is one.
    internal: Option<Internal>,
    reload: ReloadHandle,
    works: Works,
}

/// An internal port, served.
struct Internal {
    desk: Arc<Desk<Node>>,
    address: SocketAddr,
    is_secure: bool,
}

impl Internal {
    /// Serves it, inside the runtime.
    fn serve(runtime: &Handle, door: InternalDoor, desk: Desk<Node>) -> io::Result<Self> {
        let InternalDoor { listener, address, tls } = door;
        let _inside = runtime.enter();
        let is_secure = tls.is_some();
        let (listener, desk) = (tokio::net::TcpListener::from_std(listener)?, Arc::new(desk));
        runtime.spawn(desk::internal::serve(listener, tls, Arc::clone(&desk)));
        info!(%address, "the internal port listens");
        Ok(Self { desk, address, is_secure })
    }
}

impl From<InternalError> for StartError {
    fn from(error: InternalError) -> Self {
        match error {
            InternalError::Listen(error) => Self::ListenAlso(error),
            InternalError::Tls(error) => Self::Setup(error),
        }
    }
}

/// Why a server could not start.
#[derive(Debug)]
pub enum StartError {
    /// The address could not be listened on.
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the kernel said.
        error: io::Error,
    },
    /// Another place that the configuration names could not be listened on.
    ListenAlso(ListenError),
    /// A thread, a poll or the like could not be made.
    Resources(io::Error),
    /// The namespaces contradict each other.
    Namespaces(wavecast_hub::NamespaceError),
    /// Keys or hooks cannot be used.
    Setup(SetupError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen { address, error } if error.kind() == io::ErrorKind::AddrInUse => {
                write!(
                    f,
                    "port {} of {} is in use: stop what listens there, or choose another with --port",
                    address.port(),
                    address.ip()
                )
            }
            Self::Listen { address, error } => write!(f, "cannot listen on {address}: {error}"),
            Self::ListenAlso(error) => error.fmt(f),
            Self::Resources(error) => write!(f, "the system does not give what a server needs: {error}"),
            Self::Namespaces(error) => error.fmt(f),
            Self::Setup(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StartError {}

impl PushServer {
    /// Starts to serve with a configuration from [`config::load`](crate::config::load), on threads of its own. Raises
    /// the limit of open files as far as the system allows.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub fn start(loaded: Loaded) -> Result<Self, StartError> {
        Self::begin(loaded, |_| None)
    }

    /// As [`start`](Self::start), with hooks as Rust functions: they are asked before the back end that the configuration
    /// names, for what they want.
    ///
    /// `handlers` makes them, once, before the first connection is accepted. It is given the node, which they may keep, to
    /// publish with, say; and it is called inside the server's runtime, so that it may `tokio::spawn` what goes on beside
    /// them. As hooks do, such a task must not block: the runtime has one thread, and answers HTTP as well.
    ///
    /// Node and handlers hold each other while the server runs. When it has ended ([`join`](Self::join) has returned, or it
    /// was dropped), it lets go of its handlers and drops what was spawned in its runtime: so a handler that keeps the node
    /// keeps nothing alive.
    ///
    /// ```no_run
    /// use std::sync::Arc;
    /// use wavecast_server::hooks::{Answer, Handlers, Hook, RpcCall, RpcGrant, Wants};
    /// use wavecast_server::{Node, PushServer, config};
    ///
    /// /// Says everything to everybody.
    /// struct Crier {
    ///     node: Arc<Node>,
    /// }
    ///
    /// impl Handlers for Crier {
    ///     fn wants(&self) -> Wants {
    ///         Wants::NOTHING.and(Hook::Rpc)
    ///     }
    ///
    ///     async fn rpc(&self, call: RpcCall) -> Answer<RpcGrant> {
    ///         let said = self.node.publish_data("square", &call.data.unwrap_or_default()).await;
    ///         said.map(|_| RpcGrant::default()).into()
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let loaded = config::load(None, &config::Overrides::default())?;
    /// let server = PushServer::start_with(loaded, |node| Arc::new(Crier { node }))?;
    /// server.join()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then. Handlers that were made are dropped.
    pub fn start_with(
        loaded: Loaded,
        handlers: impl FnOnce(Arc<Node>) -> Arc<dyn Hooks>,
    ) -> Result<Self, StartError> {
        Self::begin(loaded, |node| Some(handlers(node)))
    }

    fn begin(
        loaded: Loaded,
        handlers: impl FnOnce(Arc<Node>) -> Option<Arc<dyn Hooks>>,
    ) -> Result<Self, StartError> {
        let Loaded { config, profile, .. } = loaded;
        let config = Arc::new(config);
        let shards = shard_count(&config);
        let options = shard_options(&config);
        let namespaces = config.namespaces().map_err(StartError::Namespaces)?;
        let verifiers = setup::verifiers(&config).map_err(StartError::Setup)?;
        let (tls, acme) = setup::tls(&config.http_server).map_err(StartError::Setup)?;
        let is_secure = tls.is_some();
        let (listeners, address) = listen(&config, shards, tls.as_ref())?;
        let internal_door = doors::internal_port(&config, tls.as_ref())?;

        let (remotes, mailboxes): (Vec<_>, Vec<Mailbox<_>>) =
            (0..shards).map(|_| shard::mailbox(&options)).unzip();
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(|error| StartError::Resources(io::Error::other(error)))?;
        let seed = u64::from_ne_bytes(seed);
        let node = Arc::new(Node::new(Parts {
            config: Arc::clone(&config),
            profile,
            namespaces,
            remotes: remotes.clone(),
            verifiers,
            clock: Clock::System,
            seed,
            address,
        }));

        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(DESK_THREADS)
            .max_blocking_threads(1)
            .thread_name("desk")
            .enable_all()
            .build()
            .map_err(StartError::Resources)?;
        let mut works = Works::new(Arc::clone(&node), remotes.clone(), runtime);
        let runtime = works.runtime().clone();
        let handlers = {
            let _inside = runtime.enter();
            handlers(Arc::clone(&node))
        };
        let layers = setup::hooks(&config, handlers.as_ref()).map_err(StartError::Setup)?;
        // Also where nobody is asked: a reload may bring somebody.
        let hooks = Arc::new(Current::new(handlers, layers));
        let exchangeable = Arc::downgrade(&hooks);
        node.take_hooks(Arc::clone(&hooks) as Arc<dyn Hooks>);
        let events = EventQueue::start(&runtime, hooks, &config.event_queue(), seed.rotate_left(32));
        node.office().open(runtime.clone(), Some(events));
        let internal = internal_door.zip(config.internal_part()).map(|(door, part)| {
            Internal::serve(&runtime, door, Desk::new(Arc::clone(&node), Arc::new(part), profile))
        });
        let internal = internal.transpose().map_err(StartError::Resources)?;
        let desk = Desk::new(Arc::clone(&node), Arc::new(config.public_part()), profile)
            .with_way_back(way_back(remotes.clone()))
            .with_streams(Mount::new(remotes.clone()));
        let desk = Arc::new(desk);
        runtime.spawn(sweep(Arc::clone(&node)));
        if let Some(acme) = acme {
            runtime.spawn(acme.run());
        }
        runtime.spawn(relief::watch(Arc::clone(&node)));
        runtime.spawn(watchman::watch(Arc::clone(&node)));

        let side_door = side_door(&runtime, &desk);
        let handler_node = Arc::clone(&node);
        let make = move |n: usize| {
            // At most SHARDS_MAX of them.
            PushShard::new(Arc::clone(&handler_node), ShardId(n as u16), Arc::clone(&side_door))
        };
        let threads = shard::start(listeners, mailboxes, &options, make).map_err(StartError::Resources)?;
        works.take_threads(threads);
        let internal_desk = internal.as_ref().map(|internal| Arc::clone(&internal.desk));
        let reload = ReloadHandle::new(Arc::clone(&node), Arc::clone(&desk), internal_desk, exchangeable);
        Ok(Self { node, desk, address, is_secure, internal, reload, works })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where API, health and metrics are, if they have a port of their own.
    #[must_use]
    pub fn internal_address(&self) -> Option<SocketAddr> {
        self.internal.as_ref().map(|internal| internal.address)
    }

    /// Whether it speaks TLS there.
    #[must_use]
    pub fn is_internally_secure(&self) -> bool {
        self.internal.as_ref().is_some_and(|internal| internal.is_secure)
    }

    /// Whether it speaks TLS there.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// The node: to publish and to read history from inside the process.
    #[must_use]
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Polls that wait at this moment.
    #[must_use]
    pub fn waiting_polls(&self) -> usize {
        self.desk.waiting_polls()
    }

    /// A handle that ends the server, free to be sent to another thread.
    #[must_use]
    pub fn drain_handle(&self) -> DrainHandle {
        let internal = self.internal.as_ref().map(|internal| Arc::clone(&internal.desk));
        let runtime = self.works.runtime().clone();
        DrainHandle::new(Arc::clone(&self.node), Arc::clone(&self.desk), internal, runtime)
    }

    /// A handle that carries out a new configuration, free to be sent to another thread.
    #[must_use]
    pub fn reload_handle(&self) -> ReloadHandle {
        self.reload.clone()
    }

    /// Waits until the server has been drained, what is under way has been answered, and the back end has been told of the last
    /// sessions. Blocks.
    ///
    /// # Errors
    /// When a shard ended in any other way: the process had better end, too.
    pub fn join(self) -> io::Result<()> {
        let internal = self.internal.as_ref().map(|internal| &*internal.desk);
        let desks: Vec<_> = iter::once(&*self.desk).chain(internal).collect();
        self.works.join(&desks)
    }
}

impl fmt::Debug for PushServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushServer").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Listens at what the service manager hands over, or else at the address.
fn listen(
    config: &Config,
    shards: usize,
    tls: Option<&ServerTls>,
) -> Result<(Vec<Bound>, SocketAddr), StartError> {
    let address = config.http_server.listen();
    let unsent_bytes = Some(u32::try_from(config.client.unsent_max_size).unwrap_or(u32::MAX));
    let configured = |listener: Listener| {
        let listener = listener.tcp_options(TcpOptions { unsent_bytes, ..TcpOptions::default() });
        let listener = listener.proxy_protocol_from(doors::proxies(&config.http_server));
        match tls {
            Some(tls) => listener.tls(tls.clone()),
            None => listener,
        }
    };
    let unix = doors::unix_socket(&config.http_server, shards).map_err(StartError::ListenAlso)?;
    let given = activated().map_err(StartError::Resources)?;
    if given.is_empty() {
        let bound = doors::bind(address, |address| configured(Listener::tcp(address)).bind(shards))
            .map_err(|error| StartError::Listen { address, error })?;
        let address = bound.address().unwrap_or(address);
        return Ok((iter::once(bound).chain(unix).collect(), address));
    }
    let bound: Result<Vec<_>, _> =
        given.into_iter().map(|listener| configured(listener).bind(shards)).collect();
    let bound = bound.map_err(StartError::Resources)?;
    let address = bound.iter().find_map(Bound::address).unwrap_or(address);
    info!(listeners = bound.len(), "listening where the service manager says (LISTEN_FDS)");
    Ok((bound.into_iter().chain(unix).collect(), address))
}

#[cfg(unix)]
fn activated() -> io::Result<Vec<Listener>> {
    listener::activated()
}

#[cfg(not(unix))]
fn activated() -> io::Result<Vec<Listener>> {
    Ok(Vec::new())
}

fn shard_count(config: &Config) -> usize {
    match config.shard.count {
        0 => thread::available_parallelism().map_or(1, usize::from).min(wavecast_hub::SHARDS_MAX.into()),
        count => count,
    }
}

fn shard_options(config: &Config) -> Options {
    let limit = descriptors::raise_limit();
    let connections_max =
        limit.current.map_or(usize::MAX, |current| usize::try_from(current).unwrap_or(usize::MAX));
    Options {
        websocket: Limits {
            head_bytes_max: config.http_server.head_size_limit,
            head_fields_max: config.http_server.head_field_limit,
            frame_bytes_max: config.websocket.message_size_limit as u64,
            message_bytes_max: config.websocket.message_size_limit,
            ..Limits::default()
        },
        compression: compression(config),
        outbox_bytes_max: config.client.queue_max_size,
        // Commands are short and what they provoke may be long: a page of history, say.
        receive_bytes: 64 * 1024,
        // The reply to one command mostly goes with what else the turn brings.
        at_once_bytes: 4 * 1024,
        connections_max,
        head_timeout: config.http_server.handshake_timeout,
        // Sessions are pinged in the words of their own protocol.
        keep_alive: Intervals { ping_interval_ms: 0, ..Intervals::default() },
        events_max: config.shard.inbox_size,
        ..Options::default()
    }
}

/// Nothing is taken over from message to message, in either direction: so a client costs nothing more, and what is published
/// is compressed once for all.
fn compression(config: &Config) -> Option<Compression> {
    let websocket = &config.websocket;
    websocket.compression.then(|| Compression {
        level: u8::try_from(websocket.compression_level).unwrap_or(u8::MAX),
        bytes_min: websocket.compression_min_size,
        ..Compression::DEFAULT
    })
}

/// Hands sockets that are not for a shard to the desk.
fn side_door(runtime: &Handle, desk: &Arc<Desk<Node>>) -> SideDoor {
    let (handle, desk) = (runtime.clone(), Arc::clone(desk));
    Arc::new(move |detached: Detached| {
        handle.spawn(desk::serve_connection(detached, Arc::clone(&desk)));
    })
}

/// Hands sockets that want to speak WebSocket after all to a shard, to each in turn.
fn way_back(remotes: Vec<Remote<ShardEvent>>) -> impl Fn(Detached) + Send + Sync {
    let next = AtomicUsize::new(0);
    move |detached| {
        let turn = next.fetch_add(1, Relaxed);
        if let Err(refused) = remotes[turn % remotes.len()].adopt(detached) {
            warn!(peer = %refused.peer, "a connection could not go back to a shard: its control lane is full");
        }
    }
}

/// Frees what has expired in the hub, bit by bit.
async fn sweep(node: Arc<Node>) {
    let mut interval = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        interval.tick().await;
        node.hub().expire(node.now_ms());
    }
}
