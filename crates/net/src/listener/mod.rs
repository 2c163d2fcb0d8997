//! What a server listens on: TCP addresses, Unix sockets, and listeners that were made before it started.
//!
//! A TCP address is bound once for each shard where the system spreads connections over several listeners by itself
//! (`SO_REUSEPORT`, Linux). Anything else is one descriptor: one shard accepts from it and deals the connections out, to each
//! shard in turn.
//!
//! | room | what happens there |
//! | --- | --- |
//! | [`tcp`](TcpOptions) | addresses, and the options of their connections |
//! | `unix` | paths, their mode, and the file's end |
//! | `proxies` | who begins a connection with a header of the PROXY protocol |
//! | [`activation`](activated) | listeners that systemd hands over |

#[cfg(unix)]
mod activation;
mod proxies;
mod tcp;
#[cfg(unix)]
mod unix;

use std::io;
use std::net::{SocketAddr, TcpListener};
#[cfg(unix)]
use std::os::unix::net::UnixListener;
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::Arc;

#[cfg(feature = "tls")]
use crate::tls::ServerTls;

#[cfg(unix)]
pub use self::activation::activated;
pub use self::proxies::Proxies;
pub use self::tcp::{KeepAlive, TcpOptions, UNSENT_BYTES};
#[cfg(unix)]
pub(crate) use self::unix::SocketFile;

/// Connections that may wait to be accepted, for each descriptor; the kernel's `somaxconn` may be lower.
const BACKLOG: u32 = 4096;

/// Something to listen on, and how its connections are served.
///
/// ```no_run
/// use wavecast_net::listener::{Listener, TcpOptions};
/// use std::time::Duration;
///
/// let tcp = TcpOptions { user_timeout: Some(Duration::from_secs(30)), ..TcpOptions::default() };
/// let public = Listener::tcp("[::]:8000".parse().unwrap()).tcp_options(tcp);
/// # #[cfg(unix)]
/// let behind_a_proxy = Listener::unix("/run/chat.sock").mode(0o660).proxy_protocol(true);
/// ```
#[derive(Debug)]
pub struct Listener {
    place: Place,
    backlog: u32,
    tcp: TcpOptions,
    settings: Settings,
}

#[derive(Debug)]
enum Place {
    Address(SocketAddr),
    #[cfg(unix)]
    Path {
        path: PathBuf,
        mode: u32,
    },
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// How the connections of a listener are served.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Settings {
    /// Whose connections begin with a header of the PROXY protocol, which says where they really came from.
    pub proxy_protocol: Proxies,
    /// TLS is spoken on each connection.
    #[cfg(feature = "tls")]
    pub tls: Option<ServerTls>,
}

impl Settings {
    /// Those of a connection that came in at no listener.
    pub const PLAIN: &Self = &Self {
        proxy_protocol: Proxies::NONE,
        #[cfg(feature = "tls")]
        tls: None,
    };
}

impl Listener {
    /// A TCP address; port 0 takes a free one.
    #[must_use]
    pub fn tcp(address: SocketAddr) -> Self {
        Self::new(Place::Address(address))
    }

    /// A Unix socket at a path. A file that is no socket is never replaced, nor is a socket at which somebody listens; one
    /// that was left behind is. The file is removed when the server stops to listen.
    ///
    /// Who connects has no address: for handlers it is `0.0.0.0:0`.
    #[cfg(unix)]
    #[must_use]
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::new(Place::Path { path: path.into(), mode: 0o666 })
    }

    fn new(place: Place) -> Self {
        Self { place, backlog: BACKLOG, tcp: TcpOptions::default(), settings: Settings::default() }
    }

    /// The permissions of a Unix socket's file: who may write may connect. Default `0o666`, everybody; they hold before
    /// the first connection is taken.
    #[cfg(unix)]
    #[must_use]
    pub fn mode(mut self, permissions: u32) -> Self {
        if let Place::Path { mode, .. } = &mut self.place {
            *mode = permissions;
        }
        self
    }

    /// Connections that may wait to be accepted, for each shard. Default 4,096; the kernel's `somaxconn` may be lower.
    /// Further ones are turned away by the kernel. A listener that was given keeps its own.
    #[must_use]
    pub fn backlog(self, backlog: u32) -> Self {
        Self { backlog, ..self }
    }

    /// Options of TCP. Those of a listener that was given are set, too.
    #[must_use]
    pub fn tcp_options(self, tcp: TcpOptions) -> Self {
        Self { tcp, ..self }
    }

    /// Whether each connection begins with a header of the PROXY protocol. Default no. Only for listeners that nobody but
    /// the proxy reaches: whoever connects says what address it has.
    #[must_use]
    pub fn proxy_protocol(mut self, expected: bool) -> Self {
        self.settings.proxy_protocol = if expected { Proxies::everybody() } else { Proxies::NONE };
        self
    }

    /// The connections of these addresses begin with a header of the PROXY protocol, and nobody else's: whoever connects
    /// from elsewhere is a client, and one that writes such a header itself has sent no right request.
    #[must_use]
    pub fn proxy_protocol_from(mut self, proxies: Proxies) -> Self {
        self.settings.proxy_protocol = proxies;
        self
    }

    /// Speaks TLS: `wss://` in place of `ws://`. Other listeners of the same server may do without.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.settings.tls = Some(tls);
        self
    }

    /// Listens.
    ///
    /// # Errors
    /// What the kernel says: most often that the address is in use.
    pub fn bind(self, shards: usize) -> io::Result<Bound> {
        let Self { place, backlog, tcp, settings } = self;
        let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
        let mut address = None;
        let sources = match place {
            Place::Address(wanted) => {
                let listeners = tcp::bind(wanted, shards, backlog, &tcp)?;
                address = listeners.first().and_then(|listener| listener.local_addr().ok());
                listeners.into_iter().map(Source::Tcp).collect()
            }
            Place::Tcp(listener) => {
                tcp::set_options(&listener, &tcp)?;
                address = listener.local_addr().ok();
                vec![Source::Tcp(listener)]
            }
            #[cfg(unix)]
            Place::Path { path, mode } => {
                let (listener, file) = unix::bind(&path, mode, backlog)?;
                vec![Source::Unix(listener, Some(file))]
            }
            #[cfg(unix)]
            Place::Unix(listener) => vec![Source::Unix(listener, None)],
        };
        let (dealt, settings) = (sources.len() < shards, Arc::new(settings));
        let door = |source| Door { source, settings: Arc::clone(&settings), dealt };
        Ok(Bound { doors: sources.into_iter().map(door).collect(), address })
    }
}

/// A TCP listener that is there already. It takes the options of TCP that it is given here, and its connections are dealt
/// out to the shards.
impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::new(Place::Tcp(listener))
    }
}

/// A Unix listener that is there already. Its file stays when the server ends.
#[cfg(unix)]
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::new(Place::Unix(listener))
    }
}

/// A listener that listens, and has not been given to shards yet.
#[derive(Debug)]
pub struct Bound {
    doors: Vec<Door>,
    address: Option<SocketAddr>,
}

impl Bound {
    /// The TCP address; `None` for a Unix socket.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// One for each shard, or one for all.
    pub(crate) fn into_doors(self) -> Vec<Door> {
        self.doors
    }
}

/// A descriptor to accept from, for the driver of one shard.
#[derive(Debug)]
pub struct Door {
    pub(crate) source: Source,
    pub(crate) settings: Arc<Settings>,
    /// The connections are for all shards.
    pub(crate) dealt: bool,
}

#[derive(Debug)]
pub(crate) enum Source {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener, Option<SocketFile>),
}

/// A listener for one shard alone.
impl From<TcpListener> for Door {
    fn from(listener: TcpListener) -> Self {
        Self { source: Source::Tcp(listener), settings: Arc::default(), dealt: false }
    }
}

/// Binds an address for `count` shards, with every option at its default.
///
/// # Errors
/// As [`Listener::bind`].
pub fn bind(address: SocketAddr, count: usize) -> io::Result<Bound> {
    Listener::tcp(address).bind(count)
}
