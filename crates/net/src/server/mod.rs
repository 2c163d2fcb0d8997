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
//! | `dispatch`, `command` | from a shard's events to the program's; what other threads ask for |

mod command;
mod connection;
mod dispatch;
mod events;
mod hall;
mod handle;
mod origin;
mod pattern;
mod peer;
mod request;
mod roster;
mod routes;

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use wavecast_websocket::CloseCode;

use self::command::Command;
pub use self::connection::{Connection, Members};
use self::dispatch::Dispatch;
pub use self::events::Events;
use self::hall::Hall;
pub use self::handle::{BroadcastError, Group, Handle};
pub use self::origin::{InvalidOrigin, Origins};
pub use self::pattern::InvalidPath;
pub use self::peer::{Peer, PeerError};
pub use self::request::{Decision, Request};
pub use self::roster::{GROUP_NAME_BYTES_MAX, JoinError};
pub use self::routes::{Routed, Routes};
use crate::listener::{self, Bound};
use crate::options::Options;
use crate::shard::{self, Mailbox, Threads};
pub use crate::shard::{Close, ConnectionError, FragmentError, Opening, SendError, Side, Verdict};

/// A server that listens and has not been started yet.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<Bound>,
    address: SocketAddr,
    shards: usize,
    options: Options,
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
        let shards = shards.max(1);
        let mut last = io::Error::new(io::ErrorKind::InvalidInput, "the name has no address");
        for address in address.to_socket_addrs()? {
            match listener::bind(address, shards) {
                Ok(bound) => {
                    let address = bound.address().unwrap_or(address);
                    return Ok(Self { listeners: vec![bound], address, shards, options: Options::default() });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Sets limits and time-outs.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
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
        let make = move |n| Dispatch::new(Arc::clone(&events), Hall::new(halls.clone(), n, &options));
        let threads = shard::start(self.listeners, mailboxes, &self.options, make)?;
        Ok(Running { address: self.address, handle, threads })
    }
}

impl Running {
    /// The address it listens on.
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
