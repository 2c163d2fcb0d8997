//! Which pages may connect: browsers name the page in the field `Origin` (RFC 6455 §4.1, §10.2). Other clients send none, or
//! what they like: this keeps foreign pages out, not people.

use std::fmt;

use wavecast_websocket::handshake::RequestHead;

use crate::shard::Verdict;

/// The pages that may connect.
///
/// ```
/// use wavecast_net::server::{Connection, Events, Origins, Request, Verdict};
/// use wavecast_net::MessageRef;
///
/// struct Chat(Origins);
///
/// impl Events for Chat {
///     fn request(&self, request: &mut Request<'_>) -> Verdict {
///         self.0.check(request.head)
///     }
///
///     fn message(&self, _: &mut Connection<'_>, _: MessageRef<'_>) {}
/// }
///
/// let chat = Chat(Origins::new(["https://example.com", "https://*.example.com"])?.and_same_host());
/// # Ok::<(), wavecast_net::server::InvalidOrigin>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    patterns: Vec<Box<str>>,
    same_host: bool,
    required: bool,
}

/// A pattern that no `Origin` can match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidOrigin(Box<str>);

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not an origin, such as https://example.com", self.0)
    }
}

impl std::error::Error for InvalidOrigin {}

impl Origins {
    /// Pages of these origins: `https://example.com`, or with `*` for any characters but `/`: `https://*.example.com`,
    /// `http://localhost:*`; `null`; or `*` for every page. Case does not matter.
    ///
    /// # Errors
    /// [`InvalidOrigin`] names the first that is no scheme with a host.
    pub fn new<P: AsRef<str>>(patterns: impl IntoIterator<Item = P>) -> Result<Self, InvalidOrigin> {
        let patterns =
            patterns.into_iter().map(|pattern| read(pattern.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self { patterns, ..Self::default() })
    }

    /// Pages of the host and port that the request itself names, whatever their scheme.
    #[must_use]
    pub fn same_host() -> Self {
        Self::default().and_same_host()
    }

    /// Also pages of the host and port that the request itself names.
    #[must_use]
    pub fn and_same_host(mut self) -> Self {
        self.same_host = true;
        self
    }

    /// Also refuses requests without an `Origin`: clients that are no browsers. By default they may connect.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Whether a pattern of the list is this origin's; what else may connect is not looked at.
    #[must_use]
    pub fn lists(&self, origin: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        self.patterns.iter().any(|p| **p == *"*" || matches(p.as_bytes(), origin.as_bytes()))
    }

    /// The patterns of the list, in lower case.
    #[must_use]
    pub fn patterns(&self) -> &[Box<str>] {
        &self.patterns
    }

    /// Whether this request may connect. One with two origins may not.
    #[must_use]
    pub fn allows(&self, head: &RequestHead<'_>) -> bool {
        let mut origins = head.headers().all("origin");
        let (first, second) = (origins.next(), origins.next());
        let Some(first) = first else { return !self.required };
        let Some(origin) = std::str::from_utf8(first).ok().filter(|_| second.is_none()) else { return false };
        self.lists(origin)
            || (self.same_host && head.header("host").is_some_and(|host| is_same_host(origin, host)))
    }

    /// [`Verdict::Upgrade`] for who may connect, 403 for others.
    #[must_use]
    pub fn check(&self, head: &RequestHead<'_>) -> Verdict {
        if self.allows(head) {
            Verdict::Upgrade
        } else {
            Verdict::refuse(403, "pages of this origin may not connect")
        }
    }
}

fn read(pattern: &str) -> Result<Box<str>, InvalidOrigin> {
    let origin = pattern.strip_suffix('/').unwrap_or(pattern).to_ascii_lowercase();
    let is_whole = match origin.split_once("://") {
        Some((scheme, host)) => !scheme.is_empty() && !host.is_empty() && !host.contains('/'),
        None => origin == "*" || origin == "null",
    };
    if is_whole { Ok(origin.into()) } else { Err(InvalidOrigin(pattern.into())) }
}

/// Whether an origin names this host and port. A default port is left out of an origin (RFC 6454 §6.2), and of `Host` mostly.
fn is_same_host(origin: &str, host: &str) -> bool {
    let origin = origin.to_ascii_lowercase();
    let Some((scheme, of_page)) = origin.split_once("://") else { return false };
    let default = if scheme == "https" { ":443" } else { ":80" };
    let host = host.to_ascii_lowercase();
    of_page == host.strip_suffix(default).unwrap_or(&host)
}

/// Whether `*` in the pattern may stand for runs of bytes without `/` so that it becomes the text. Each `*` takes as little as
/// it can; when what follows does not fit, the last one takes a byte more.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let mut parts = pattern.split(|&byte| byte == b'*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        let at = if parts.peek().is_none() {
            rest.len().checked_sub(part.len()).filter(|&at| rest[at..] == *part)
        } else {
            (0..=rest.len().saturating_sub(part.len())).find(|&at| rest[at..].starts_with(part))
        };
        let Some(at) = at.filter(|&at| !rest[..at].contains(&b'/')) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use wavecast_websocket::Limits;
    use wavecast_websocket::handshake::parse_request;

    use super::*;

    fn allows(origins: &Origins, fields: &str) -> bool {
        let request = format!("GET / HTTP/1.1\r\n{fields}\r\n");
        let (head, _) = parse_request(request.as_bytes(), &Limits::DEFAULT).unwrap().unwrap();
        origins.allows(&head)
    }

    #[test]
    fn exact_origins_and_patterns() {
        for (pattern, origin, allowed) in [
            ("https://example.com", "https://example.com", true),
            ("https://Example.com/", "https://EXAMPLE.com", true),
            ("https://example.com", "http://example.com", false),
            ("https://example.com", "https://example.com:8443", false),
            ("https://example.com", "https://example.com.evil.test", false),
            ("https://*.example.com", "https://a.example.com", true),
            ("https://*.example.com", "https://a.b.example.com", true),
            ("https://*.example.com", "https://example.com", false),
            ("https://*.example.com", "https://evil.test/.example.com", false),
            ("https://a*b*c", "https://axbxbxc", true),
            ("https://a*b*c", "https://abc", true),
            ("https://a*bc*c", "https://abc", false),
            ("https://a*b", "https://a", false),
            ("http://localhost:*", "http://localhost:3000", true),
            ("http://localhost:*", "http://localhost", false),
            ("*", "null", true),
            ("null", "null", true),
            ("https://*", "null", false),
        ] {
            let origins = Origins::new([pattern]).unwrap();
            assert_eq!(allows(&origins, &format!("Origin: {origin}\r\n")), allowed, "{pattern} {origin}");
        }
    }

    #[test]
    fn the_host_of_the_request_and_requests_without_an_origin() {
        let same = Origins::same_host();
        for (host, origin, allowed) in [
            ("example.com", "https://example.com", true),
            ("example.com:443", "https://example.com", true),
            ("example.com:443", "http://example.com", false),
            ("Example.com:80", "http://example.com", true),
            ("example.com:8080", "http://example.com:8080", true),
            ("example.com:8080", "http://example.com", false),
            ("example.com", "null", false),
        ] {
            let fields = format!("Host: {host}\r\nOrigin: {origin}\r\n");
            assert_eq!(allows(&same, &fields), allowed, "{host} {origin}");
        }
        assert!(allows(&same, "Host: a\r\n") && !allows(&same.required(), "Host: a\r\n"));
        let any = Origins::new(["*"]).unwrap();
        assert!(!allows(&any, "Origin: https://a\r\nOrigin: https://b\r\n"), "two origins are none");
    }

    #[test]
    fn a_host_alone_is_not_an_origin() {
        for pattern in ["example.com", "*.example.com", "://x", "https://", "https://a/b", ""] {
            assert!(Origins::new([pattern]).is_err(), "{pattern}");
        }
    }
}
