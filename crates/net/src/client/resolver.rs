//! From a host's name to addresses: the system's way, or the program's own.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use tokio::net::lookup_host;

/// Addresses of a name that are tried at most; further ones are left out.
pub const ADDRESSES_MAX: usize = 16;

type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

#[derive(Clone, Default)]
pub(super) struct Resolver(Option<Arc<dyn Fn(String, u16) -> Found + Send + Sync>>);

impl Resolver {
    pub(super) fn new<F, A>(resolve: F) -> Self
    where
        F: Fn(String, u16) -> A + Send + Sync + 'static,
        A: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        Self(Some(Arc::new(move |host, port| Box::pin(resolve(host, port)))))
    }

    /// At least one address and at most [`ADDRESSES_MAX`], in the order in which they are to be tried.
    pub(super) async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let found = match &self.0 {
            Some(resolve) => resolve(host.to_owned(), port).await?,
            None => lookup_host((host, port)).await?.collect(),
        };
        let addresses = by_turns(&found);
        if addresses.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(addresses) }
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "own" } else { "system" })
    }
}

/// The families by turns, the first one's first (RFC 8305 §4): where one family leads nowhere, the other is not the
/// last to be tried.
fn by_turns(found: &[SocketAddr]) -> Vec<SocketAddr> {
    let v6_first = found.first().is_some_and(SocketAddr::is_ipv6);
    let mut first = found.iter().filter(|address| address.is_ipv6() == v6_first);
    let mut second = found.iter().filter(|address| address.is_ipv6() != v6_first);
    let mut order = Vec::new();
    while order.len() < ADDRESSES_MAX {
        let before = order.len();
        order.extend(first.next());
        order.extend(second.next());
        if order.len() == before {
            break;
        }
    }
    order.truncate(ADDRESSES_MAX);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_within_the_bound() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (a, b, c) = (address("[::1]:1"), address("[::2]:1"), address("[::3]:1"));
        let (x, y) = (address("127.0.0.1:1"), address("127.0.0.2:1"));
        assert_eq!(by_turns(&[]), []);
        assert_eq!(by_turns(&[x]), [x]);
        assert_eq!(by_turns(&[a, b, c, x, y]), [a, x, b, y, c]);
        assert_eq!(by_turns(&[x, a, b]), [x, a, b]);
        assert_eq!(by_turns(&[x, y, a]), [x, a, y]);
        assert_eq!(by_turns(&[a; 100]).len(), ADDRESSES_MAX);
    }
}
