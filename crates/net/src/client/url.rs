//! The address of a WebSocket server (RFC 6455 §3), parsed strictly.
//!
//! What a browser would quietly repair (spaces, raw Unicode, a fragment) is refused here with the
//! reason: a URL in a program is written once and read for years. User information is refused too,
//! since the handshake has no place for it; send an `Authorization` header instead.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// Longest URL that is accepted, in bytes.
pub const URL_BYTES_MAX: usize = 8_192;

/// A parsed `ws://` or `wss://` address.
///
/// ```
/// use wavecast_net::client::Url;
///
/// let url: Url = "ws://[::1]:8000/chat?room=7".parse()?;
/// assert_eq!(url.host(), "::1");
/// assert_eq!(url.port(), 8000);
/// assert_eq!(url.target(), "/chat?room=7");
/// # Ok::<(), wavecast_net::client::UrlError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    secure: bool,
    host: Box<str>,
    port: u16,
    target: Box<str>,
}

impl Url {
    /// Whether the scheme is `wss` (TLS).
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host: a name, an IPv4 address, or an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 80 for `ws` and 443 for `wss` where the URL names none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The request target: path and query, `/` at least.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The value of the `Host` header: brackets around IPv6, the port only where it is not the
    /// scheme's own (RFC 6455 §4.1, item 4).
    pub fn host_header(&self) -> String {
        if self.port == default_port(self.secure) { self.bracketed_host() } else { self.authority() }
    }

    /// Host and port, whichever it is: what a proxy is asked to connect to.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.bracketed_host(), self.port)
    }

    fn bracketed_host(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.to_string() }
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.len() > URL_BYTES_MAX {
            return Err(UrlError::TooLong);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let secure = match scheme {
            _ if scheme.eq_ignore_ascii_case("ws") => false,
            _ if scheme.eq_ignore_ascii_case("wss") => true,
            _ => return Err(UrlError::Scheme),
        };
        if rest.contains('#') {
            return Err(UrlError::Fragment);
        }
        let authority_len = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(authority_len);
        if authority.contains('@') {
            return Err(UrlError::UserInfo);
        }
        let (host, port) = split_port(authority)?;
        Ok(Self {
            secure,
            host: host.into(),
            port: port.unwrap_or(default_port(secure)),
            target: parse_target(target, text.len() - target.len())?,
        })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "wss" } else { "ws" };
        write!(f, "{scheme}://{}{}", self.host_header(), self.target)
    }
}

/// Why a text is not the URL of a WebSocket server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// It does not begin with `ws://` or `wss://`.
    Scheme,
    /// It carries a user name or password.
    UserInfo,
    /// It carries a fragment, which RFC 6455 §3 forbids.
    Fragment,
    /// The host is missing, or neither a name, an IPv4 address nor an IPv6 address in brackets.
    Host,
    /// The port is not a number from 1 to 65535.
    Port,
    /// A character of path or query that must be percent-encoded.
    Character {
        /// Its place in the URL, in bytes.
        at: usize,
    },
    /// It is longer than [`URL_BYTES_MAX`].
    TooLong,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme => f.write_str("the URL must begin with ws:// or wss://"),
            Self::UserInfo => {
                f.write_str("user information in the URL is not supported: send an Authorization header")
            }
            Self::Fragment => f.write_str("a WebSocket URL has no fragment: encode '#' as %23"),
            Self::Host => {
                f.write_str("the host must be a name in ASCII, an IPv4 address or a bracketed IPv6 address")
            }
            Self::Port => f.write_str("the port must be a number from 1 to 65535"),
            Self::Character { at } => write!(f, "the character at byte {at} must be percent-encoded"),
            Self::TooLong => write!(f, "the URL is longer than {URL_BYTES_MAX} bytes"),
        }
    }
}

impl std::error::Error for UrlError {}

const fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

pub(super) fn split_port(authority: &str) -> Result<(&str, Option<u16>), UrlError> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(UrlError::Host)?;
        // Zone identifiers (`%eth0`) do not parse here: they mean nothing to the server.
        host.parse::<Ipv6Addr>().map_err(|_| UrlError::Host)?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, parse_port(port)?)),
            None if after.is_empty() => Ok((host, None)),
            None => Err(UrlError::Host),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, parse_port(port)?),
        None => (authority, None),
    };
    let is_name_byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    if host.is_empty() || host.len() > 253 || !host.bytes().all(is_name_byte) {
        return Err(UrlError::Host);
    }
    Ok((host, port))
}

/// An empty port means the default one (RFC 3986 §3.2.3).
fn parse_port(text: &str) -> Result<Option<u16>, UrlError> {
    if text.is_empty() {
        return Ok(None);
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(UrlError::Port);
    }
    match text.parse() {
        Ok(0) | Err(_) => Err(UrlError::Port),
        Ok(port) => Ok(Some(port)),
    }
}

fn parse_target(text: &str, at: usize) -> Result<Box<str>, UrlError> {
    let bytes = text.as_bytes();
    for (i, &byte) in bytes.iter().enumerate() {
        let good = match byte {
            b'%' => matches!(bytes.get(i + 1..i + 3), Some(hex) if hex.iter().all(u8::is_ascii_hexdigit)),
            b'/' | b'?' | b':' | b'@' => true,
            b'-' | b'.' | b'_' | b'~' => true,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => true,
            _ => byte.is_ascii_alphanumeric(),
        };
        if !good {
            return Err(UrlError::Character { at: at + i });
        }
    }
    Ok(match text {
        "" => "/".into(),
        _ if text.starts_with('?') => format!("/{text}").into(),
        _ => text.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart() {
        let table = [
            ("ws://example.com", false, "example.com", 80, "/", "example.com"),
            ("wss://example.com/", true, "example.com", 443, "/", "example.com"),
            (
                "WS://example.com:8000/a/b?c=%20d",
                false,
                "example.com",
                8000,
                "/a/b?c=%20d",
                "example.com:8000",
            ),
            ("ws://10.0.0.1?x=1", false, "10.0.0.1", 80, "/?x=1", "10.0.0.1"),
            ("ws://[::1]", false, "::1", 80, "/", "[::1]"),
            ("wss://[2001:db8::7]:80/x", true, "2001:db8::7", 80, "/x", "[2001:db8::7]:80"),
            ("ws://a_b:/", false, "a_b", 80, "/", "a_b"),
        ];
        for (text, secure, host, port, target, header) in table {
            let url: Url = text.parse().unwrap();
            assert_eq!(
                (url.is_secure(), url.host(), url.port(), url.target()),
                (secure, host, port, target),
                "{text}"
            );
            assert_eq!(url.host_header(), header, "{text}");
            assert_eq!(url.to_string().parse::<Url>().unwrap(), url, "{text}");
        }
    }

    #[test]
    fn what_does_not_belong_is_refused_with_its_reason() {
        let table = [
            ("http://example.com", UrlError::Scheme),
            ("example.com", UrlError::Scheme),
            ("ws:example.com", UrlError::Scheme),
            ("ws://user:secret@example.com/", UrlError::UserInfo),
            ("ws://user@example.com/", UrlError::UserInfo),
            ("ws://example.com/#top", UrlError::Fragment),
            ("ws://", UrlError::Host),
            ("ws:///path", UrlError::Host),
            ("ws://:80/", UrlError::Host),
            ("ws://ex ample/", UrlError::Host),
            ("ws://example.com\r\nX/", UrlError::Host),
            ("ws://bücher.example/", UrlError::Host),
            ("ws://[::1/", UrlError::Host),
            ("ws://[::1]8000/", UrlError::Host),
            ("ws://[fe80::1%25eth0]/", UrlError::Host),
            ("ws://::1/", UrlError::Port),
            ("ws://example.com:0/", UrlError::Port),
            ("ws://example.com:65536/", UrlError::Port),
            ("ws://example.com:+80/", UrlError::Port),
            ("ws://a/b c", UrlError::Character { at: 8 }),
            ("ws://a/b\r\nc", UrlError::Character { at: 8 }),
            ("ws://a/%2", UrlError::Character { at: 7 }),
            ("ws://a/ü", UrlError::Character { at: 7 }),
        ];
        for (text, error) in table {
            assert_eq!(text.parse::<Url>(), Err(error), "{text:?}");
        }
        let long = format!("ws://a/{}", "x".repeat(URL_BYTES_MAX));
        assert_eq!(long.parse::<Url>(), Err(UrlError::TooLong));
    }
}
