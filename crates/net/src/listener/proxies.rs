//! Whose connections begin with a header of the PROXY protocol.
//!
//! The header is expected or it is not: whoever guessed by what came first would believe a client that writes one itself. So
//! the address decides, before anything was read.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// The proxies that a listener expects the header of.
#[derive(Clone, Default)]
pub struct Proxies(Option<Arc<Test>>);

type Test = dyn Fn(SocketAddr) -> bool + Send + Sync;

impl Proxies {
    /// Nobody: every connection is a client's own.
    pub const NONE: Self = Self(None);

    /// Everybody: for a listener that nobody but proxies reaches.
    #[must_use]
    pub fn everybody() -> Self {
        Self::at(|_| true)
    }

    /// Those whose address passes. Asked once a connection, on a shard: it must not wait for anything. Who comes by a Unix
    /// socket has the address `0.0.0.0:0`.
    #[must_use]
    pub fn at(is_proxy: impl Fn(SocketAddr) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(is_proxy)))
    }

    /// Whether the connection of this address begins with the header.
    #[must_use]
    pub fn include(&self, address: SocketAddr) -> bool {
        self.0.as_ref().is_some_and(|is_proxy| is_proxy(address))
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Proxies(…)" } else { "Proxies::NONE" })
    }
}
