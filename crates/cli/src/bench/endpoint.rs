//! Where a server is: the few forms of URL that a benchmark takes.

use std::net::{SocketAddr, ToSocketAddrs};

use super::error::BenchError;

/// A resolved address, with what the handshake says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) address: SocketAddr,
    /// The `Host` field: name and port as they stand in the URL.
    pub(super) host: String,
    /// Path and query; `default_path` when the URL has none.
    pub(super) path: String,
}

impl Endpoint {
    /// Parses and resolves `scheme://host[:port][/path]`. TLS is not measured here, so neither `wss` nor `https` is taken.
    pub(super) fn parse(url: &str, scheme: &str, default_path: &str) -> Result<Self, BenchError> {
        let unusable = |why: &str| BenchError::Usage(format!("{url:?}: {why}"));
        let rest = url
            .strip_prefix(scheme)
            .and_then(|rest| rest.strip_prefix("://"))
            .ok_or_else(|| unusable(&format!("expected a URL that begins with {scheme}://")))?;
        let (host, path) = match rest.find(['/', '?']) {
            Some(end) => rest.split_at(end),
            None => (rest, ""),
        };
        if host.is_empty()
            || host.contains('@')
            || rest.contains(|c: char| c.is_whitespace() || c.is_control())
        {
            return Err(unusable("expected host, an optional port and a path"));
        }
        let path = match path {
            "" | "/" => default_path.to_owned(),
            query if query.starts_with('?') => format!("{default_path}{query}"),
            path => path.to_owned(),
        };
        let has_port =
            host.rsplit_once(':').is_some_and(|(name, _)| !name.contains(':') || name.ends_with(']'));
        let resolved = if has_port {
            host.to_socket_addrs()
        } else {
            (host.trim_matches(['[', ']']), 80).to_socket_addrs()
        };
        let mut addresses = resolved.map_err(|error| unusable(&error.to_string()))?;
        let address = addresses.next().ok_or_else(|| unusable("the name has no address"))?;
        Ok(Self { address, host: host.to_owned(), path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_forms() {
        let parse = |url: &str| {
            Endpoint::parse(url, "ws", "/default").map(|e| (e.address.to_string(), e.host, e.path))
        };
        for (url, address, host, path) in [
            ("ws://127.0.0.1:8000", "127.0.0.1:8000", "127.0.0.1:8000", "/default"),
            ("ws://127.0.0.1:8000/", "127.0.0.1:8000", "127.0.0.1:8000", "/default"),
            ("ws://127.0.0.1/a/b?c=d", "127.0.0.1:80", "127.0.0.1", "/a/b?c=d"),
            ("ws://[::1]:9/x", "[::1]:9", "[::1]:9", "/x"),
            ("ws://[::1]?q", "[::1]:80", "[::1]", "/default?q"),
        ] {
            assert_eq!(parse(url).unwrap(), (address.into(), host.into(), path.into()), "{url}");
        }
    }

    #[test]
    fn other_schemes_and_injections_are_refused() {
        for url in [
            "wss://127.0.0.1",
            "http://127.0.0.1",
            "127.0.0.1",
            "ws://",
            "ws:///p",
            "ws://a@127.0.0.1",
            "ws://127.0.0.1/\r\nX: y",
        ] {
            assert!(matches!(Endpoint::parse(url, "ws", "/"), Err(BenchError::Usage(_))), "{url}");
        }
    }
}
