//! Accepting: the listeners of a driver on readiness, and the rest they take when descriptors have run out.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[cfg(unix)]
use mio::net::UnixListener;
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};

#[cfg(unix)]
use crate::listener::SocketFile;
use crate::listener::{Door, Settings, Source};

/// Accepts in one turn.
const ACCEPTS_PER_TURN: u32 = 128;
/// How long accepting rests when descriptors have run out, unless one is freed before.
const PAUSE: Duration = Duration::from_millis(200);
/// Listeners of one driver.
const LISTENERS_MAX: usize = 64;

/// Where who connects by a Unix socket comes from: such sockets have no addresses.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// The listeners of one driver.
pub(super) struct Acceptor {
    listeners: Vec<Listener>,
    /// Listeners (by index) with connections to accept. They take turns, one connection each.
    acceptable: VecDeque<usize>,
    /// Accepting rests until then.
    again: Option<Instant>,
    /// The pause has been reported and accepting has not caught up since.
    told: bool,
    left: u32,
}

struct Listener {
    socket: Socket,
    settings: Arc<Settings>,
    dealt: bool,
}

enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix {
        listener: UnixListener,
        /// Removed with the listener.
        _file: Option<SocketFile>,
    },
}

/// A connection that has come in.
pub(super) struct Accepted {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    /// Index of its listener.
    pub(super) listener: usize,
    /// It is for whichever shard has its turn.
    pub(super) dealt: bool,
}

impl Socket {
    fn new(source: Source) -> io::Result<Self> {
        match source {
            Source::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                Ok(Self::Tcp(TcpListener::from_std(listener)))
            }
            #[cfg(unix)]
            Source::Unix(listener, file) => {
                listener.set_nonblocking(true)?;
                Ok(Self::Unix { listener: UnixListener::from_std(listener), _file: file })
            }
        }
    }

    fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => registry.register(listener, token, Interest::READABLE),
            #[cfg(unix)]
            Self::Unix { listener, .. } => registry.register(listener, token, Interest::READABLE),
        }
    }

    fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match self {
            Self::Tcp(listener) => listener.accept(),
            #[cfg(unix)]
            Self::Unix { listener, .. } => {
                // A descriptor is read and written alike, whatever made it.
                let stream = std::os::fd::OwnedFd::from(listener.accept()?.0);
                Ok((TcpStream::from_std(stream.into()), NOWHERE))
            }
        }
    }
}

impl Acceptor {
    pub(super) fn new() -> Self {
        Self { listeners: Vec::new(), acceptable: VecDeque::new(), again: None, told: false, left: 0 }
    }

    /// Listeners have the tokens from `first` on downwards.
    pub(super) fn listen(&mut self, registry: &Registry, first: usize, door: Door) -> io::Result<()> {
        if self.listeners.len() == LISTENERS_MAX {
            return Err(io::Error::other(format!("a shard takes at most {LISTENERS_MAX} listeners")));
        }
        let Door { source, settings, dealt } = door;
        let mut socket = Socket::new(source)?;
        socket.register(registry, Token(first - self.listeners.len()))?;
        self.listeners.push(Listener { socket, settings, dealt });
        Ok(())
    }

    /// How the connections of a listener are served. One that has been closed has none any more.
    pub(super) fn settings(&self, listener: usize) -> Option<&Arc<Settings>> {
        self.listeners.get(listener).map(|listener| &listener.settings)
    }

    /// The index of the listener with this token, if it is the token of one.
    pub(super) fn index(first: usize, token: usize) -> Option<usize> {
        first.checked_sub(token).filter(|index| *index < LISTENERS_MAX)
    }

    pub(super) fn stop(&mut self) {
        self.acceptable.clear();
        self.again = None;
        self.listeners.clear();
    }

    /// Connections wait at this listener.
    pub(super) fn ready(&mut self, index: usize) {
        // While accepting rests the kernel's word is not needed: afterwards every listener is asked.
        if self.again.is_none() && index < self.listeners.len() && !self.acceptable.contains(&index) {
            self.acceptable.push_back(index);
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.acceptable.is_empty()
    }

    /// How long accepting still rests.
    pub(super) fn rest(&self) -> Option<Duration> {
        self.again.map(|again| again.saturating_duration_since(Instant::now()))
    }

    /// Begins a turn.
    pub(super) fn begin(&mut self) {
        self.left = ACCEPTS_PER_TURN;
        if self.again.is_some_and(|again| again <= Instant::now()) {
            self.again = None;
            self.acceptable = (0..self.listeners.len()).collect();
        }
    }

    /// A descriptor of ours is free: no need to rest any longer.
    pub(super) fn descriptor_freed(&mut self) {
        if let Some(again) = &mut self.again {
            *again = Instant::now();
        }
    }

    /// The next connection, `None` when none waits or the turn is over.
    ///
    /// # Errors
    /// What made accepting rest; said once, until accepting has caught up.
    pub(super) fn accept(&mut self) -> io::Result<Option<Accepted>> {
        while self.left > 0
            && let Some(&index) = self.acceptable.front()
        {
            self.left -= 1;
            let listener = &self.listeners[index];
            match listener.socket.accept() {
                Ok((stream, peer)) => {
                    let dealt = listener.dealt;
                    self.acceptable.rotate_left(1);
                    return Ok(Some(Accepted { stream, peer, listener: index, dealt }));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.acceptable.pop_front();
                    self.told = false;
                }
                Err(error) if is_about_one_connection(error.kind()) => {}
                Err(error) => return self.pause(error).map_or(Ok(None), Err),
            }
        }
        Ok(None)
    }

    /// Out of descriptors or memory. The listener stays readable and would spin: rest instead. Gives the error back if it
    /// is news.
    pub(super) fn pause(&mut self, error: io::Error) -> Option<io::Error> {
        self.acceptable.clear();
        self.again = Some(Instant::now() + PAUSE);
        (!std::mem::replace(&mut self.told, true)).then_some(error)
    }
}

/// Whether the error is that of a connection which broke before it was accepted (accept(2) passes such errors on): the
/// next one may be fine.
fn is_about_one_connection(error: ErrorKind) -> bool {
    use ErrorKind::{
        ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted, NetworkDown, NetworkUnreachable,
        TimedOut,
    };
    matches!(
        error,
        ConnectionAborted
            | ConnectionReset
            | HostUnreachable
            | Interrupted
            | NetworkDown
            | NetworkUnreachable
            | TimedOut
    )
}
