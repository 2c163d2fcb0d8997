//! What a server listens on beside the port of clients: a Unix socket, and an internal port.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use wavecast_net::listener::{Bound, Listener, Proxies};
use wavecast_net::tls::ServerTls;

use crate::config::{Config, HttpServer};
use crate::setup::SetupError;

/// A place that could not be listened on.
#[derive(Debug)]
pub struct ListenError {
    /// The key of the configuration.
    pub key: &'static str,
    /// The place that was asked for.
    pub place: String,
    /// What the kernel said.
    pub error: io::Error,
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, place, error } = self;
        write!(f, "cannot listen on {place} ({key}): {error}")
    }
}

impl std::error::Error for ListenError {}

/// Whose connections begin with a header of the PROXY protocol.
pub(crate) fn proxies(settings: &HttpServer) -> Proxies {
    if !settings.proxy_protocol {
        return Proxies::NONE;
    }
    let trusted = settings.trusted_proxies.clone();
    Proxies::at(move |peer| trusted.trust(peer))
}

/// Listens at the Unix socket, if there is to be one. Who connects there is on this machine: TLS would hide nothing.
#[cfg(unix)]
pub(crate) fn unix_socket(settings: &HttpServer, shards: usize) -> Result<Option<Bound>, ListenError> {
    let path = settings.unix_socket.as_str();
    if path.is_empty() {
        return Ok(None);
    }
    let listener =
        Listener::unix(path).mode(settings.unix_socket_mode).proxy_protocol_from(proxies(settings));
    let failed = |error| ListenError { key: "http_server.unix_socket", place: path.into(), error };
    listener.bind(shards).map(Some).map_err(failed)
}

/// There are none on this system, and the configuration has been refused.
#[cfg(not(unix))]
pub(crate) fn unix_socket(_: &HttpServer, _: usize) -> Result<Option<Bound>, ListenError> {
    Ok(None)
}

/// An internal port that listens, and is not served yet.
pub(crate) struct InternalDoor {
    pub(crate) listener: TcpListener,
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<ServerTls>,
}

/// Why there is no internal port.
pub(crate) enum InternalError {
    Listen(ListenError),
    Tls(SetupError),
}

/// Listens at the internal port, if there is to be one. `public` is the TLS of the port of clients.
pub(crate) fn internal_port(
    config: &Config,
    public: Option<&ServerTls>,
) -> Result<Option<InternalDoor>, InternalError> {
    let settings = &config.http_server;
    let Some(address) = settings.listen_internally() else { return Ok(None) };
    let tls = match settings.internal.tls.enabled {
        true => settings.internal.tls.load().map_err(|error| InternalError::Tls(SetupError::Tls(error)))?,
        false => public.filter(|_| !settings.tls_external).cloned(),
    };
    let failed = |error| {
        InternalError::Listen(ListenError {
            key: "http_server.internal_port",
            place: address.to_string(),
            error,
        })
    };
    let listener = bind(address, TcpListener::bind).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Some(InternalDoor { listener, address, tls }))
}

/// Binds to an address; where every interface is meant and the host has no IPv6, to those of IPv4.
pub(crate) fn bind<T>(address: SocketAddr, bind_at: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    match bind_at(address) {
        Err(error) if address.ip() == Ipv6Addr::UNSPECIFIED && error.kind() != io::ErrorKind::AddrInUse => {
            bind_at(SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())))
        }
        bound => bound,
    }
}
