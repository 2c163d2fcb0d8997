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
//! `events` has the four of them, `connection` what they are handed.

mod connection;
mod events;

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

pub use self::connection::{Connection, Peer, PeerError};
use self::events::Dispatch;
pub use self::events::Events;
use crate::listener::{self, Bound};
use crate::options::Options;
use crate::shard::{self, Mailbox, Remote, Threads};
use wavecast_websocket::CloseCode;

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
    remotes: Vec<Remote<connection::Command>>,
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
    pub fn run(self, events: impl Events) -> io::Result<()> {
        self.start(events)?.join()
    }

    /// Serves on threads of its own.
    ///
    /// # Errors
    /// What the kernel says when a thread or a poll cannot be made.
    pub fn start(self, events: impl Events) -> io::Result<Running> {
        let events = Arc::new(events);
        let (remotes, mailboxes): (Vec<_>, Vec<Mailbox<_>>) =
            (0..self.shards).map(|_| shard::mailbox(&self.options)).unzip();
        let handles = remotes.clone();
        let make = move |n: usize| Dispatch::new(Arc::clone(&events), handles[n].clone());
        let threads = shard::start(self.listeners, mailboxes, &self.options, make)?;
        Ok(Running { address: self.address, remotes, threads })
    }
}

impl Running {
    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops to listen and closes every connection with 1001 (going away); [`Running::join`] returns when all have
    /// gone or `within` is over.
    pub fn drain(&self, within: Duration) {
        for remote in &self.remotes {
            remote.drain(CloseCode::GOING_AWAY, "server shutdown", within);
        }
    }

    /// Waits until the server has been drained. Blocks.
    ///
    /// # Errors
    /// When a shard ended in another way: by a panic in an event, or because the kernel refused to poll.
    pub fn join(self) -> io::Result<()> {
        self.threads.join()
    }
}
