//! A WebSocket server with the four events: open, message, close, error.
//!
//! ```no_run
//! use wavecast_net::server::{Connection, Events, Server};
//! use wavecast_net::MessageRef;
//!
//! struct Echo;
//!
//! impl Events for Echo {
//!     fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
//!         connection.send(message).ok();
//!     }
//! }
//!
//! fn main() -> std::io::Result<()> {
//!     Server::bind("127.0.0.1:9000")?.run(Echo)
//! }
//! ```
//!
//! | room | what it holds |
//! | --- | --- |
//! | [`events`](Events) | the four events, and those for who wants more |
//! | `connection` | [`Connection`]: what an event is handed |
//! | `request` | [`Request`]: what is asked at the door; [`Decision`]: an answer that comes later |
//! | `routes`, `pattern` | [`Routes`]: events by path |
//! | `origin` | [`Origins`]: which pages may connect |
//! | `peer`, `handle` | [`Peer`] and [`Handle`]: a connection, and the server, from outside of events |
//! | `roster`, `hall` | everybody and the groups of one shard; what its connections share |
//! | `mounted`, `fallback` | a server inside another one, and another one behind it (feature `hyper`) |
//! | `dispatch`, `command` | from a shard's events to the program's; what other threads ask for |

mod command;
mod connection;
mod dispatch;
mod events;
#[cfg(feature = "hyper")]
mod fallback;
mod hall;
mod handle;
#[cfg(feature = "hyper")]
mod mounted;
mod origin;
mod pattern;
mod peer;
mod request;
mod roster;
mod routes;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use wavecast_websocket::CloseCode;

use self::command::Command;
pub use self::connection::{Connection, Members};
use self::dispatch::{Dispatch, SideDoor};
pub use self::events::Events;
use self::hall::Hall;
pub use self::handle::{BroadcastError, Group, Handle};
pub use self::origin::{InvalidOrigin, Origins};
pub use self::pattern::InvalidPath;
pub use self::peer::{Peer, PeerError};
pub use self::request::{Decision, Request};
pub use self::roster::{GROUP_NAME_BYTES_MAX, JoinError};
pub use self::routes::{Routed, Routes};
use crate::listener::{Bound, Listener};
use crate::options::Options;
use crate::shard::{self, Detached, Mailbox, Threads};
pub use crate::shard::{Close, ConnectionError, FragmentError, Leave, Opening, SendError, Side, Verdict};

/// A server that listens and has not been started yet.
pub struct Server {
    listeners: Vec<Bound>,
    address: SocketAddr,
    shards: usize,
    options: Options,
    side_door: Option<SideDoor>,
    #[cfg(feature = "hyper")]
    fallback: Option<dispatch::Fallback>,
}

/// A server that runs on threads of its own.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    handle: Handle,
    threads: Threads,
}

impl Server {
    /// Listens on an address; port 0 takes a free one ([`Server::address`] says which). One shard for each core.
    ///
    /// # Errors
    /// What the kernel says: most often that the address is in use. `InvalidInput` when the name has no address.
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        Self::bind_with(address, thread::available_parallelism().map_or(1, usize::from))
    }

    /// As [`Server::bind`], with a number of shards (threads), at least 1.
    ///
    /// # Errors
    /// As [`Server::bind`].
    pub fn bind_with(address: impl ToSocketAddrs, shards: usize) -> io::Result<Self> {
        let mut last = io::Error::new(io::ErrorKind::InvalidInput, "the name has no address");
        for address in address.to_socket_addrs()? {
            match Self::unbound(shards).listen(Listener::tcp(address)) {
                Ok(server) => return Ok(server),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// A server that listens nowhere yet, with a number of shards (threads), at least 1: [`Server::listen`] follows, or
    /// connections are brought to it from elsewhere. Its address is `0.0.0.0:0` until it listens to TCP.
    #[must_use]
    pub fn unbound(shards: usize) -> Self {
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        Self {
            listeners: Vec::new(),
            address,
            shards: shards.max(1),
            options: Options::default(),
            side_door: None,
            #[cfg(feature = "hyper")]
            fallback: None,
        }
    }

    /// Listens at one more place, at once: another address, a Unix socket, a listener that was made elsewhere, each with
    /// settings of its own.
    ///
    /// ```no_run
    /// use wavecast_net::listener::Listener;
    /// use wavecast_net::server::Server;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let server = Server::bind("127.0.0.1:9000")?
    ///     .listen(Listener::tcp("127.0.0.1:9001".parse().unwrap()).proxy_protocol(true))?;
    /// # #[cfg(unix)]
    /// let server = server.listen(Listener::unix("/run/chat.sock"))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the kernel says: most often that the address is in use.
    pub fn listen(mut self, listener: Listener) -> io::Result<Self> {
        let bound = listener.bind(self.shards)?;
        let is_first = self.listeners.iter().all(|bound| bound.address().is_none());
        if let Some(address) = bound.address().filter(|_| is_first) {
            self.address = address;
        }
        self.listeners.push(bound);
        Ok(self)
    }

    /// Sets limits and time-outs.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Gives requests that ask for no WebSocket to `take`, with their socket and all that was received, before
    /// [`Events::request`] hears of them; those, too, for which it answers [`Verdict::SideDoor`]. Without a side door they are
    /// refused with 426, or closed. It is called on a shard and must not block.
    #[must_use]
    pub fn side_door(mut self, take: impl Fn(Detached) + Send + Sync + 'static) -> Self {
        self.side_door = Some(Arc::new(take));
        self
    }

    /// The address of the first TCP listener; `0.0.0.0:0` where there is none.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The addresses of all TCP listeners, in the order in which they were added.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.iter().filter_map(Bound::address)
    }

    /// Serves until the process ends. Blocks.
    ///
    /// # Errors
    /// As [`Server::start`] and [`Running::join`].
    pub fn run<S: Default + Send + 'static>(self, events: impl Events<S>) -> io::Result<()> {
        self.start(events)?.join()
    }

    /// Serves on threads of its own.
    ///
    /// # Errors
    /// What the kernel says when a thread or a poll cannot be made.
    pub fn start<S: Default + Send + 'static>(self, events: impl Events<S>) -> io::Result<Running> {
        let events = Arc::new(events);
        let (remotes, mailboxes): (Vec<_>, Vec<Mailbox<Command>>) =
            (0..self.shards).map(|_| shard::mailbox(&self.options)).unzip();
        let handle = Handle::new(remotes);
        let (halls, options) = (handle.clone(), self.options.clone());
        #[cfg(feature = "hyper")]
        let side_door = self.fallback.map(|open| open(handle.mount())).or(self.side_door);
        #[cfg(not(feature = "hyper"))]
        let side_door = self.side_door;
        let make = move |n| {
            let hall = Hall::new(halls.clone(), n, &options);
            Dispatch::new(Arc::clone(&events), hall, side_door.clone())
        };
        let threads = shard::start(self.listeners, mailboxes, &self.options, make)?;
        Ok(Running { address: self.address, handle, threads })
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { listeners, shards, options, .. } = self;
        f.debug_struct("Server")
            .field("listeners", listeners)
            .field("shards", shards)
            .field("options", options)
            .finish_non_exhaustive()
    }
}

impl Running {
    /// The address of the first TCP listener; `0.0.0.0:0` where there is none.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A handle that may be kept and sent to other threads: for broadcasts, counts, and the end.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Stops to listen and closes every connection with 1001 (going away); [`Running::join`] returns when all have
    /// gone or `within` is over. With another code and reason: [`Handle::drain`].
    pub fn drain(&self, within: Duration) {
        self.handle.drain(CloseCode::GOING_AWAY, "server shutdown", within);
    }

    /// Waits until the server has been drained. Blocks.
    ///
    /// # Errors
    /// When a shard ended in another way: because the kernel refused to poll, mostly. A panic in an event does not end it.
    pub fn join(self) -> io::Result<()> {
        self.threads.join()
    }
}
