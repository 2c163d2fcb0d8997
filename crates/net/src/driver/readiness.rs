//! The driver on readiness: epoll, kqueue or the like, through mio.
//!
//! Edge-triggered: a socket is registered once and stands on a ready list until a read has come back short. What a
//! delivery costs here is one system call, a non-blocking `send` of all that waits (`writev` when it is long and
//! scattered). Only when the kernel refuses is writability asked for.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use super::acceptor::{Accepted, Acceptor};
use super::link::{Link, Rang};
use super::short_timer::ShortTimer;
use super::stream::Stream;
use super::transfer::{Arrival, Scratch};
use super::turns::{List, Turns};
use super::{Completion, Driver, Guest, Submission};
use crate::frame::Batch;
use crate::inbox::Waker;
use crate::listener::{Door, Settings};
use crate::options::Options;
use crate::relay::Bell;
use crate::slots::Slots;

/// A shorter receive buffer is not worth its reads.
const RECEIVE_BYTES_MIN: usize = 4 * 1024;

const MILLISECOND: Duration = Duration::from_millis(1);

const WAKE: Token = Token(usize::MAX);
const SHORT_TIMER: Token = Token(usize::MAX - 1);
/// Listeners count down from here; slots count up from zero.
const FIRST_LISTENER: usize = usize::MAX - 2;

/// Reads on readiness into one shared buffer, writes at once.
pub(crate) struct Readiness {
    poll: Poll,
    waker: Arc<mio::Waker>,
    /// Links without a socket ring here.
    bell: Arc<Bell>,
    short_timer: ShortTimer,
    events: Events,
    acceptor: Acceptor,
    sockets: Slots<Socket>,
    free: Vec<u32>,
    used: u32,
    /// Slots to be looked at. Each stands there at most once.
    turns: Turns,
    /// Completions that are not reads and accepts.
    done: VecDeque<Done>,
    buffer: Box<[u8]>,
    scratch: Scratch,
}

/// One connection: 24 bytes while nothing is in flight.
#[derive(Default)]
struct Socket {
    link: Option<Link>,
    /// The slot has its place among [`Turns`]. It keeps it beyond the end of a socket, for the next one in its slot.
    ready: bool,
    /// The kernel has said that the peer ended its side: a short read is not the last.
    ended: bool,
    paused: bool,
    /// Registered for writability.
    watched: bool,
    /// The kernel has taken bytes that it had refused, since this was last asked.
    moved: bool,
    /// A send has failed. Told when what the peer said before has been read, its close frame perhaps.
    broken: bool,
}

// A program in debug has more in a socket of mio's.
const _: () = assert!(cfg!(debug_assertions) || size_of::<Socket>() <= 24);

enum Done {
    Sent(u32),
    Failed(u32, io::Error),
    Detached(u32, Option<Stream>),
    Closed(u32),
    AcceptPaused(io::Error),
}

impl Readiness {
    pub(crate) fn new(options: &Options) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(mio::Waker::new(poll.registry(), WAKE)?);
        let bell = Arc::new(Bell::new(waker_of(&waker)));
        let short_timer = ShortTimer::new(poll.registry(), SHORT_TIMER)?;
        Ok(Self {
            poll,
            waker,
            bell,
            short_timer,
            events: Events::with_capacity(1024),
            acceptor: Acceptor::new(),
            sockets: Slots::new(),
            free: Vec::new(),
            used: 0,
            turns: Turns::new(options.handshakes_per_turn),
            done: VecDeque::new(),
            buffer: vec![0; options.receive_bytes.max(RECEIVE_BYTES_MIN)].into_boxed_slice(),
            scratch: Scratch::default(),
        })
    }

    /// Gives a socket a slot and registers it for reading.
    fn register(&mut self, mut link: Link) -> io::Result<u32> {
        let slot = self.free.last().copied().unwrap_or(self.used);
        link.register(self.poll.registry(), &self.bell, slot)?;
        if self.free.pop().is_none() {
            self.used += 1;
        }
        self.sockets.reach(slot);
        let ready = self.sockets[slot].ready;
        self.sockets[slot] = Socket { link: Some(link), ready, ..Socket::default() };
        Ok(slot)
    }

    fn accept(&mut self) -> Option<Came> {
        let refused = match self.acceptor.accept() {
            Ok(None) => return None,
            Ok(Some(Accepted { stream, peer, listener, dealt: true })) => {
                let settings = self.acceptor.settings(listener).map(Arc::clone).unwrap_or_default();
                match Link::accepted(stream, peer, &settings).map(Link::into_stream) {
                    Ok(stream) => return Some(Came::Guest(Guest { stream, peer, listener: settings })),
                    Err(error) => self.acceptor.pause(error),
                }
            }
            Ok(Some(Accepted { stream, peer, listener, dealt: false })) => {
                let settings = self.acceptor.settings(listener).map_or(Settings::PLAIN, |settings| settings);
                match Link::accepted(stream, peer, settings).and_then(|link| self.register(link)) {
                    Ok(slot) => return Some(Came::Own { slot, peer, listener }),
                    Err(error) => self.acceptor.pause(error),
                }
            }
            Err(error) => Some(error),
        };
        self.done.extend(refused.map(Done::AcceptPaused));
        None
    }

    /// Reads once from the socket that has waited longest. `None`: nothing is readable, or the turn is over.
    fn read(&mut self) -> Option<Read> {
        while let Some((slot, list)) = self.turns.next() {
            let socket = &mut self.sockets[slot];
            socket.ready = false;
            let Some(link) = &mut socket.link else { continue };
            if socket.paused {
                continue;
            }
            if list != list_of(link) {
                // The place was taken by an earlier connection of the slot.
                self.make_ready(slot);
                continue;
            }
            let arrival = match link.read(&mut self.buffer, &mut self.scratch, socket.ended) {
                Ok(arrival) => arrival,
                Err(error) if socket.broken && error.kind() == ErrorKind::UnexpectedEof => {
                    // The end of what the peer said. What broke is the send before.
                    return Some(Read::Failed(slot, ErrorKind::BrokenPipe.into()));
                }
                Err(error) => return Some(Read::Failed(slot, error)),
            };
            if link.wants_write()
                && let Err(error) = self.watch(slot)
            {
                return Some(Read::Failed(slot, error));
            }
            let Socket { ended, broken, .. } = self.sockets[slot];
            match arrival {
                Arrival::Bytes { range, more } => {
                    // The end may be known already: a new edge does not follow then.
                    if more || ended || broken {
                        self.make_ready(slot);
                    }
                    return Some(Read::Received(slot, range));
                }
                #[cfg(feature = "tls")]
                Arrival::Plain { more } => {
                    if more || broken {
                        self.make_ready(slot);
                    }
                    return Some(Read::Decrypted(slot));
                }
                Arrival::Nothing { more } if more => self.make_ready(slot),
                Arrival::Nothing { .. } | Arrival::Ended if broken => {
                    return Some(Read::Failed(slot, ErrorKind::BrokenPipe.into()));
                }
                Arrival::Nothing { .. } => {}
                Arrival::Ended => return Some(Read::Ended(slot)),
            }
        }
        None
    }

    fn make_ready(&mut self, slot: u32) {
        let socket = &mut self.sockets[slot];
        if let Some(link) = &socket.link
            && !socket.ready
            && !socket.paused
        {
            socket.ready = true;
            self.turns.push(list_of(link), slot);
        }
    }

    /// Asks to be told when the socket takes bytes.
    fn watch(&mut self, slot: u32) -> io::Result<()> {
        let socket = &mut self.sockets[slot];
        if let Some(link) = &mut socket.link
            && !socket.watched
        {
            link.watch(self.poll.registry(), slot)?;
            socket.watched = true;
        }
        Ok(())
    }

    /// The socket takes bytes again: goes on with the send in flight.
    fn resume_send(&mut self, slot: u32) {
        let socket = &mut self.sockets[slot];
        let Some(link) = &mut socket.link else { return };
        match link.resume(&mut self.scratch) {
            Ok(progress) => {
                socket.moved |= progress.moved;
                self.done.extend(progress.finished.then_some(Done::Sent(slot)));
            }
            Err(error) => {
                if !self.reads_first(slot) {
                    self.done.push_back(Done::Failed(slot, error));
                }
            }
        }
    }

    /// A send has failed: whether that is told only when all has been read that the peer said before.
    fn reads_first(&mut self, slot: u32) -> bool {
        let socket = &mut self.sockets[slot];
        if socket.paused {
            return false;
        }
        socket.broken = true;
        self.make_ready(slot);
        true
    }

    /// Links without a socket have something for us. A slot that was given out anew meanwhile is looked at in vain.
    fn answer_bell(&mut self) {
        for slot in self.bell.answer() {
            if let Err(error) = self.look_at(slot) {
                self.done.push_back(Done::Failed(slot, error));
            }
        }
    }

    fn look_at(&mut self, slot: u32) -> io::Result<()> {
        let socket = &mut self.sockets[slot];
        let Some(link) = &mut socket.link else { return Ok(()) };
        if link.answer_bell(self.poll.registry(), &self.bell, slot)? == Rang::Socket {
            socket.watched = false;
            if link.is_sending() {
                self.watch(slot)?;
            }
        }
        self.resume_send(slot);
        self.make_ready(slot);
        Ok(())
    }

    fn take(&mut self, slot: u32) -> Option<Link> {
        let socket = &mut self.sockets[slot];
        let link = socket.link.take()?;
        *socket = Socket { ready: socket.ready, ..Socket::default() };
        Some(link)
    }
}

fn list_of(link: &Link) -> List {
    if link.is_handshaking() { List::Handshakes } else { List::Readable }
}

/// A connection that has come in.
enum Came {
    Own { slot: u32, peer: SocketAddr, listener: usize },
    Guest(Guest),
}

enum Read {
    Received(u32, Range<usize>),
    #[cfg(feature = "tls")]
    Decrypted(u32),
    Ended(u32),
    Failed(u32, io::Error),
}

impl Driver for Readiness {
    fn listen(&mut self, door: Door) -> io::Result<()> {
        self.acceptor.listen(self.poll.registry(), FIRST_LISTENER, door)
    }

    fn stop_listening(&mut self) {
        self.acceptor.stop();
    }

    fn adopt(&mut self, stream: Stream) -> io::Result<u32> {
        self.register(Link::new(stream)?)
    }

    fn send_now(&mut self, slot: u32, bytes: &[u8]) -> io::Result<usize> {
        let Some(link) = &mut self.sockets[slot].link else { return Err(ErrorKind::NotConnected.into()) };
        match link.send_now(bytes, &mut self.scratch) {
            // The rest is given to `send`, which takes it for lost.
            Err(_) if self.reads_first(slot) => Ok(0),
            result => result,
        }
    }

    fn send(&mut self, slot: u32, batch: &mut Batch) -> Submission {
        let socket = &mut self.sockets[slot];
        let Some(link) = &mut socket.link else {
            batch.clear();
            return Submission::Failed(ErrorKind::NotConnected.into());
        };
        if socket.broken {
            batch.clear();
            return Submission::InFlight;
        }
        match link.send(batch, &mut self.scratch) {
            Ok(true) => Submission::Done,
            Ok(false) => self.watch(slot).map_or_else(Submission::Failed, |()| Submission::InFlight),
            Err(_) if self.reads_first(slot) => Submission::InFlight,
            Err(error) => Submission::Failed(error),
        }
    }

    fn pause(&mut self, slot: u32, paused: bool) {
        self.sockets[slot].paused = paused;
        if paused && self.sockets[slot].broken {
            self.done.push_back(Done::Failed(slot, ErrorKind::BrokenPipe.into()));
        }
        if !paused {
            // What became readable meanwhile was not listed: look.
            self.make_ready(slot);
        }
    }

    fn shutdown(&mut self, slot: u32) {
        if let Some(link) = &mut self.sockets[slot].link {
            link.shutdown(&mut self.scratch);
        }
        // What the link itself still has to say is not the shard's to wait for.
        if self.sockets[slot].link.as_ref().is_some_and(Link::wants_write)
            && let Err(error) = self.watch(slot)
        {
            self.done.push_back(Done::Failed(slot, error));
        }
    }

    fn close(&mut self, slot: u32) {
        if let Some(link) = self.take(slot) {
            // The descriptor leaves the poll by being closed.
            link.close(&mut self.scratch);
            self.acceptor.descriptor_freed();
            self.done.push_back(Done::Closed(slot));
        }
    }

    fn detach(&mut self, slot: u32) {
        if let Some(link) = self.take(slot) {
            let stream = link.into_detached(self.poll.registry()).ok();
            self.done.push_back(Done::Detached(slot, stream));
        }
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let mut timeout = timeout;
        if !self.turns.is_empty() || !self.done.is_empty() || !self.acceptor.is_idle() {
            timeout = Some(Duration::ZERO);
        } else if let Some(rest) = self.acceptor.rest() {
            timeout = Some(timeout.map_or(rest, |timeout| timeout.min(rest)));
        }
        if let Some(short) = timeout.filter(|timeout| !timeout.is_zero() && *timeout < MILLISECOND) {
            timeout = self.short_timer.set(short)?;
        }
        if let Err(error) = self.poll.poll(&mut self.events, timeout)
            && error.kind() != ErrorKind::Interrupted
        {
            return Err(error);
        }
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            let Token(token) = event.token();
            if token == WAKE.0 {
                self.answer_bell();
                continue;
            }
            if token == SHORT_TIMER.0 {
                continue;
            }
            if let Some(index) = Acceptor::index(FIRST_LISTENER, token) {
                self.acceptor.ready(index);
                continue;
            }
            let slot = token as u32;
            if event.is_writable() {
                self.resume_send(slot);
            }
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                self.sockets[slot].ended |= event.is_read_closed() || event.is_error();
                self.make_ready(slot);
            }
        }
        self.events = events;
        self.acceptor.begin();
        self.turns.begin();
        Ok(())
    }

    fn next(&mut self) -> Option<Completion<'_>> {
        if self.done.is_empty()
            && let Some(came) = self.accept()
        {
            return Some(match came {
                Came::Own { slot, peer, listener } => {
                    let settings = self.acceptor.settings(listener);
                    let listener = settings.map_or(Settings::PLAIN, |settings| settings);
                    Completion::Accepted { slot, peer, listener }
                }
                Came::Guest(guest) => Completion::Guest(guest),
            });
        }
        while let Some(done) = self.done.pop_front() {
            return Some(match done {
                // Closed since: all that is left to say of it is that.
                Done::Sent(slot) | Done::Failed(slot, _) if self.sockets[slot].link.is_none() => continue,
                Done::Sent(slot) => Completion::Sent { slot },
                Done::Failed(slot, error) => Completion::Failed { slot, error },
                Done::AcceptPaused(error) => Completion::AcceptPaused { error },
                Done::Detached(slot, stream) => {
                    self.free.push(slot);
                    Completion::Detached { slot, stream }
                }
                Done::Closed(slot) => {
                    self.free.push(slot);
                    Completion::Closed { slot }
                }
            });
        }
        Some(match self.read()? {
            Read::Received(slot, range) => Completion::Received { slot, bytes: &mut self.buffer[range] },
            #[cfg(feature = "tls")]
            Read::Decrypted(slot) => Completion::Received { slot, bytes: &mut self.scratch.plain },
            Read::Ended(slot) => Completion::Ended { slot },
            Read::Failed(slot, error) => Completion::Failed { slot, error },
        })
    }

    fn take_progress(&mut self, slot: u32) -> bool {
        std::mem::take(&mut self.sockets[slot].moved)
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn waker(&self) -> Waker {
        waker_of(&self.waker)
    }
}

fn waker_of(waker: &Arc<mio::Waker>) -> Waker {
    let waker = Arc::clone(waker);
    // A failed wake-up means that the shard has gone.
    Arc::new(move || drop(waker.wake()))
}

#[cfg(test)]
mod tests;
