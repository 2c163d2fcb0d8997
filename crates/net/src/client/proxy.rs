//! A proxy's address: `http://user:password@host:port` or `socks5://…`.

use std::fmt;
use std::str::FromStr;

use super::socks::FIELD_BYTES_MAX;
use super::url::{URL_BYTES_MAX, UrlError, split_port};

/// A proxy through which connections go. Its password is shown in no log and no error.
///
/// | URL | what it is |
/// | --- | --- |
/// | `http://host:port` | an HTTP proxy that is asked to `CONNECT` (RFC 9110 §9.3.6), for `ws://` too; port 80 where none is named |
/// | `socks5://host:port`, `socks5h://…` | a SOCKS 5 proxy (RFC 1928); port 1080 where none is named |
///
/// Either resolves the server's name itself. User name and password (`user:password@`, percent-encoded where need be,
/// at most 255 bytes each) go to the proxy as `Basic` credentials or as RFC 1929 has it, in clear text.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub(super) kind: Kind,
    pub(super) host: Box<str>,
    pub(super) port: u16,
    /// User name and password, decoded.
    pub(super) credentials: Option<(Box<str>, Box<str>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Http,
    Socks,
}

impl FromStr for Proxy {
    type Err = ProxyUrlError;

    fn from_str(text: &str) -> Result<Self, ProxyUrlError> {
        if text.len() > URL_BYTES_MAX {
            return Err(ProxyUrlError::TooLong);
        }
        let (scheme, rest) = text.split_once("://").ok_or(ProxyUrlError::Scheme)?;
        let (kind, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (Kind::Http, 80),
            "socks5" | "socks5h" => (Kind::Socks, 1_080),
            _ => return Err(ProxyUrlError::Scheme),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (credentials, address) = match authority.rsplit_once('@') {
            Some((user, address)) => (Some(parse_credentials(user)?), address),
            None => (None, authority),
        };
        let (host, port) = split_port(address).map_err(|error| match error {
            UrlError::Port => ProxyUrlError::Port,
            _ => ProxyUrlError::Host,
        })?;
        Ok(Self { kind, host: host.into(), port: port.unwrap_or(default_port), credentials })
    }
}

/// Without user name and password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            Kind::Http => "http",
            Kind::Socks => "socks5",
        };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = if self.credentials.is_some() { ", with credentials" } else { "" };
        write!(f, "Proxy({self}{hidden})")
    }
}

/// Why a text is not a proxy's URL. Nothing of the text is shown: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyUrlError {
    /// It does not begin with `http://`, `socks5://` or `socks5h://`.
    Scheme,
    /// The host is missing, or neither a name, an IPv4 address nor an IPv6 address in brackets.
    Host,
    /// The port is not a number from 1 to 65535.
    Port,
    /// User name or password is empty, longer than 255 bytes, or wrongly percent-encoded.
    Credentials,
    /// It is longer than [`URL_BYTES_MAX`].
    TooLong,
}

impl fmt::Display for ProxyUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => {
                "a proxy's URL begins with http:// or socks5:// (TLS to the proxy is not known here)"
            }
            Self::Host => "the proxy's host must be a name, an IPv4 address or a bracketed IPv6 address",
            Self::Port => "the proxy's port must be a number from 1 to 65535",
            Self::Credentials => {
                "the proxy's user name and password must have 1 to 255 bytes, percent-encoded UTF-8"
            }
            Self::TooLong => return write!(f, "the proxy's URL is longer than {URL_BYTES_MAX} bytes"),
        })
    }
}

impl std::error::Error for ProxyUrlError {}

fn parse_credentials(text: &str) -> Result<(Box<str>, Box<str>), ProxyUrlError> {
    let (user, password) = text.split_once(':').ok_or(ProxyUrlError::Credentials)?;
    let decoded = |part: &str| match percent_decoded(part) {
        Some(part) if (1..=FIELD_BYTES_MAX).contains(&part.len()) => Ok(part.into_boxed_str()),
        _ => Err(ProxyUrlError::Credentials),
    };
    Ok((decoded(user)?, decoded(password)?))
}

/// RFC 3986 §2.1. Control characters have no place in credentials.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                (digit()? * 16 + digit()?) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok().filter(|text| !text.contains(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart() {
        let table = [
            ("http://proxy", Kind::Http, "proxy", 80, None),
            ("http://proxy:3128/", Kind::Http, "proxy", 3_128, None),
            ("HTTP://10.0.0.1:8080", Kind::Http, "10.0.0.1", 8_080, None),
            ("socks5://[::1]", Kind::Socks, "::1", 1_080, None),
            ("socks5h://ann:p%40ss%3a@proxy:1", Kind::Socks, "proxy", 1, Some(("ann", "p@ss:"))),
            ("http://a%C3%BC:x:y@z@proxy", Kind::Http, "proxy", 80, Some(("aü", "x:y@z"))),
        ];
        for (text, kind, host, port, credentials) in table {
            let proxy: Proxy = text.parse().unwrap();
            let shown = proxy.credentials.as_ref().map(|(user, password)| (&**user, &**password));
            assert_eq!(
                (proxy.kind, &*proxy.host, proxy.port, shown),
                (kind, host, port, credentials),
                "{text}"
            );
        }
    }

    #[test]
    fn what_does_not_belong_is_refused_and_not_shown() {
        let long = format!("http://{}:secret@proxy", "u".repeat(256));
        let table = [
            ("proxy:3128", ProxyUrlError::Scheme),
            ("https://proxy", ProxyUrlError::Scheme),
            ("socks4://proxy", ProxyUrlError::Scheme),
            ("http://", ProxyUrlError::Host),
            ("http://pro xy", ProxyUrlError::Host),
            ("http://proxy/path", ProxyUrlError::Host),
            ("http://proxy\r\nX", ProxyUrlError::Host),
            ("http://proxy:0", ProxyUrlError::Port),
            ("http://secret@proxy", ProxyUrlError::Credentials),
            ("http://:secret@proxy", ProxyUrlError::Credentials),
            ("http://ann:@proxy", ProxyUrlError::Credentials),
            ("http://ann:secret%2@proxy", ProxyUrlError::Credentials),
            ("http://ann:secret%ff@proxy", ProxyUrlError::Credentials),
            ("http://ann:secret%0a@proxy", ProxyUrlError::Credentials),
            (&long, ProxyUrlError::Credentials),
        ];
        for (text, error) in table {
            assert_eq!(text.parse::<Proxy>(), Err(error), "{text:?}");
            assert!(!error.to_string().contains("secret"));
        }
        let proxy: Proxy = "http://ann:secret@proxy:1".parse().unwrap();
        let shown = format!("{proxy} {proxy:?} {proxy:#?}");
        assert!(
            shown.contains("http://proxy:1") && !shown.contains("ann") && !shown.contains("secret"),
            "{shown}"
        );
    }
}
