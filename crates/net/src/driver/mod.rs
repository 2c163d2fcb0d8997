//! What stands below a shard: a driver moves bytes, and says what has come to pass.
//!
//! The interface is completion-shaped. A shard asks for a send and later hears that it is done; it never hears "ready".
//! That shape fits readiness (the driver on epoll or kqueue reads and writes, then reports) and completion queues alike, and a
//! [`simulated`] driver moves the bytes in tests from a seed: late, in part, and after a close.
//!
//! `readiness` is the one on epoll or kqueue, with `acceptor` (who accepts next), `turns` (who is looked at next), `link` (what a slot reads from and
//! writes to), `tls` (such a link with a session in it), `stream` (what a link is made of and comes apart into), `transfer` (what they bring and leave), `write` (what the kernel did not take) and `short_timer` (waits below a millisecond).
//!
//! The contract, which every driver keeps:
//! - A slot is the driver's from [`Completion::Accepted`] (or [`Driver::adopt`]) until [`Completion::Closed`] or
//!   [`Completion::Detached`]; after one of those it may be given out again.
//! - One send is in flight per slot. The driver owns its frames until [`Completion::Sent`] or the end of the slot, and
//!   completes it whole or not at all.
//! - After [`Driver::close`] nothing of that slot is reported but [`Completion::Closed`]; after [`Driver::detach`] nothing but
//!   [`Completion::Detached`]. Either may take its time. The shard asks for one of them, once, and for nothing of that slot
//!   afterwards.
//! - [`Driver::next`] is bounded per turn: a peer that sends without pause cannot keep the shard from its other work, and is
//!   not read so far ahead that what its messages provoke fills its outbox before a flush.

mod acceptor;
mod link;
pub(crate) mod readiness;
mod short_timer;
pub mod simulated;
mod stream;
#[cfg(feature = "tls")]
mod tls;
mod transfer;
mod turns;
mod write;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use self::stream::Stream;
use crate::frame::Batch;
use crate::inbox::Waker;
use crate::listener::{Door, Settings};

/// What has come to pass since the shard last asked.
#[derive(Debug)]
pub enum Completion<'d> {
    /// A connection came in.
    Accepted {
        /// Its slot.
        slot: u32,
        /// The address it came from.
        peer: SocketAddr,
        /// How the listener at which it came in wants it to be served.
        listener: &'d Settings,
    },
    /// A connection came in at a listener that all shards share. It has no slot yet: it is for whichever shard has its turn.
    Guest(Guest),
    /// The process is out of descriptors (or memory for them). Accepting pauses, and goes on by itself when one is freed.
    /// Said once, until accepting has caught up.
    AcceptPaused {
        /// What the kernel said.
        error: io::Error,
    },
    /// Bytes came in. They are lent until the next call of [`Driver::next`] and may be changed in place.
    Received {
        /// The connection.
        slot: u32,
        /// What came in, at least one byte.
        bytes: &'d mut [u8],
    },
    /// The peer has ended its sending side.
    Ended {
        /// The connection.
        slot: u32,
    },
    /// The send in flight has gone out whole.
    Sent {
        /// The connection.
        slot: u32,
    },
    /// The connection broke. The shard still has to [`Driver::close`] it.
    Failed {
        /// The connection.
        slot: u32,
        /// What the kernel said.
        error: io::Error,
    },
    /// The socket has left the driver.
    Detached {
        /// The slot that is free now.
        slot: u32,
        /// The socket, non-blocking; bytes that were received and not reported come with it. `None`: it broke.
        stream: Option<Stream>,
    },
    /// The socket is closed and its slot free.
    Closed {
        /// The slot that is free now.
        slot: u32,
    },
}

/// A connection that came in at a listener that all shards share.
#[derive(Debug)]
pub struct Guest {
    /// What carries it.
    pub stream: Stream,
    /// The address it came from.
    pub peer: SocketAddr,
    /// How the listener at which it came in wants it to be served.
    pub listener: Arc<Settings>,
}

/// What became of a send.
#[derive(Debug)]
#[must_use]
pub enum Submission {
    /// All of it has gone out; no [`Completion::Sent`] follows.
    Done,
    /// The driver holds the frames; [`Completion::Sent`] or [`Completion::Failed`] follows.
    InFlight,
    /// The connection broke.
    Failed(io::Error),
}

/// A mover of bytes for one shard.
pub trait Driver {
    /// Starts to accept from a listener.
    ///
    /// # Errors
    /// What the kernel says.
    fn listen(&mut self, door: Door) -> io::Result<()>;

    /// Stops accepting for good and closes the listeners.
    fn stop_listening(&mut self);

    /// Takes over what carries a connection and gives it a slot.
    ///
    /// # Errors
    /// What the kernel says.
    fn adopt(&mut self, stream: Stream) -> io::Result<u32>;

    /// Sends what goes out at once of bytes that nobody keeps, and says how many that were; no send is in flight. The rest
    /// is given to [`Driver::send`] before anything else. A driver that has to own what it sends takes none, as here.
    ///
    /// # Errors
    /// What the kernel says: the connection broke.
    fn send_now(&mut self, slot: u32, bytes: &[u8]) -> io::Result<usize> {
        let _ = (slot, bytes);
        Ok(0)
    }

    /// Sends the frames of `batch`, which is empty afterwards.
    fn send(&mut self, slot: u32, batch: &mut Batch) -> Submission;

    /// Stops or resumes receiving: the peer is held back by its window.
    fn pause(&mut self, slot: u32, paused: bool);

    /// Ends our sending side; what was sent before still arrives.
    fn shutdown(&mut self, slot: u32);

    /// Closes the socket; [`Completion::Closed`] follows.
    fn close(&mut self, slot: u32);

    /// Takes the socket out of the driver; [`Completion::Detached`] follows.
    fn detach(&mut self, slot: u32);

    /// Waits until something has come to pass, `timeout` is over or the waker is called.
    ///
    /// # Errors
    /// What the kernel says; an interruption is not an error.
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()>;

    /// The next thing that has come to pass, `None` when the turn is over.
    fn next(&mut self) -> Option<Completion<'_>>;

    /// Whether, since this was last asked, the kernel has taken bytes that it had refused before: it does so only when the
    /// peer acknowledges earlier ones. A slow peer, then, and not a dead one.
    fn take_progress(&mut self, slot: u32) -> bool;

    /// The time by which the shard lives.
    fn now(&self) -> Instant;

    /// Ends a [`Driver::wait`] from any thread.
    fn waker(&self) -> Waker;
}
