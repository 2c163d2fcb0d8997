//! What carries the bytes of a connection into a shard and out of it.

use std::net::TcpStream;

use crate::relay::Inside;
#[cfg(feature = "tls")]
use crate::tls::TlsStream;

/// What carries the bytes of a connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum Stream {
    /// A socket. One of a Unix listener is carried as a `TcpStream`, too: what is asked of it here is the same for both.
    Tcp(TcpStream),
    /// The shard's end of a [`relay`](crate::relay), for bytes that cannot move to a shard.
    Relay(Inside),
    /// A socket with the TLS that is spoken on it.
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream>),
}

impl From<TcpStream> for Stream {
    fn from(socket: TcpStream) -> Self {
        Self::Tcp(socket)
    }
}

#[cfg(feature = "tls")]
impl From<TlsStream> for Stream {
    fn from(stream: TlsStream) -> Self {
        Self::Tls(Box::new(stream))
    }
}
