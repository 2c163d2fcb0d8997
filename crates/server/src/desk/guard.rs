//! Who may talk to the server from a browser: `Host` and `Origin`, judged before anything else.
//!
//! A web page anywhere can make its visitor's browser send requests to the visitor's own machine, and, by giving its
//! own name the address 127.0.0.1 (DNS rebinding), even read the answers. What gives it away are two header fields
//! that pages cannot set: the request still names the page's host in `Host`, and its origin in `Origin` (RFC 6454).
//! Programs other than browsers send no `Origin`, and pass.
//!
//! Pure functions over the two fields: shards use them for WebSocket handshakes as the front desk does for the API.

use std::fmt;
use std::net::IpAddr;

use crate::config::{AllowedOrigins, Profile};

/// Why a request is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The development profile serves this machine only, and the request names another host, or none.
    Host {
        /// The value of `Host`.
        host: String,
    },
    /// The page that sent the request is not this server's own, and no list of origins allows it.
    Origin {
        /// The value of `Origin`.
        origin: String,
        /// What would let it in.
        remedy: &'static str,
    },
}

impl Refused {
    /// The HTTP status of the answer.
    pub fn status(&self) -> u16 {
        match self {
            Refused::Host { .. } => 421,
            Refused::Origin { .. } => 403,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Host { host } => write!(
                f,
                "The development profile answers requests for this machine only (localhost, 127.0.0.1, [::1]), and \
                 this one is for {host:?}. Give the server a configuration file to serve other host names."
            ),
            Refused::Origin { origin, remedy } => {
                write!(f, "Pages of {origin:?} may not use this server. {remedy}")
            }
        }
    }
}

impl std::error::Error for Refused {}

const DEVELOPMENT_REMEDY: &str = "The development profile serves its own pages only. Give the server a configuration \
     file, with the page's origin in client.allowed_origins.";
const ALLOWED_ORIGINS_REMEDY: &str = "The page's origin is not in client.allowed_origins.";
const SAME_HOST_REMEDY: &str = "client.allowed_origins is not set, so only pages of the same host may connect; put the page's origin there.";
const API_REMEDY: &str =
    "The HTTP API without a key is not for pages of other hosts. Call it from a program, or give it a key.";

/// Any request at all: in the development profile its `Host` must be a name or address of this machine.
///
/// # Errors
/// [`Refused::Host`]; a missing `Host` counts as another one's.
pub fn check_host(profile: Profile, host: Option<&str>) -> Result<(), Refused> {
    match profile {
        Profile::Configured | Profile::Exposed => Ok(()),
        Profile::Development if host.is_some_and(is_loopback) => Ok(()),
        Profile::Development => Err(Refused::Host { host: host.unwrap_or_default().to_owned() }),
    }
}

/// A WebSocket handshake, after [`check_host`]. In the development profile a page must be the server's own. In a
/// configured one `client.allowed_origins` decides; without a list, a page must be of the same host.
///
/// # Errors
/// [`Refused::Host`] and [`Refused::Origin`].
pub fn check_websocket(
    profile: Profile,
    allowed: &AllowedOrigins,
    host: Option<&str>,
    origin: Option<&str>,
) -> Result<(), Refused> {
    check_host(profile, host)?;
    let Some(origin) = origin else { return Ok(()) };
    let (passes, remedy) = match profile {
        Profile::Development | Profile::Exposed => (is_same_host(origin, host), DEVELOPMENT_REMEDY),
        Profile::Configured if allowed.is_empty() => (is_same_host(origin, host), SAME_HOST_REMEDY),
        Profile::Configured => (allowed.allows(origin), ALLOWED_ORIGINS_REMEDY),
    };
    if passes { Ok(()) } else { Err(Refused::Origin { origin: origin.to_owned(), remedy }) }
}

/// A call of the API that asks for no key: what sends it from a browser must be a page of the server's own. (A key is
/// proof enough by itself: no browser adds it to the request of a page that does not know it.)
///
/// # Errors
/// [`Refused::Origin`].
pub fn check_keyless_api(host: Option<&str>, origin: Option<&str>) -> Result<(), Refused> {
    match origin {
        Some(origin) if !is_same_host(origin, host) => {
            Err(Refused::Origin { origin: origin.to_owned(), remedy: API_REMEDY })
        }
        _ => Ok(()),
    }
}

/// Whether the value of `Host` is a loopback address or a name that always is one (RFC 6761 §6.3).
fn is_loopback(host: &str) -> bool {
    let Some((name, _)) = split_port(host) else { return false };
    if let Some(address) = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        return address.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    }
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The DNS name or IPv4 address in the value of `Host`, if it is one: letters, digits, `.` and `-`, and nothing that means
/// more in another header. (A policy for content cannot name an IPv6 address.)
pub(super) fn dns_name(host: &str) -> Option<&str> {
    let (name, _) = split_port(host)?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    (!name.is_empty() && name.bytes().all(is_name)).then_some(name)
}

/// Whether an origin's host and port are those of the request. The scheme is not compared: behind a proxy that ends
/// TLS the page's is `https` and ours is not.
fn is_same_host(origin: &str, host: Option<&str>) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
    let (Some((name, port)), Some((host, host_port))) = (split_port(authority), host.and_then(split_port))
    else {
        return false;
    };
    !name.is_empty()
        && name.eq_ignore_ascii_case(host)
        && port.unwrap_or(default_port) == host_port.unwrap_or(default_port)
}

/// Splits `name:port`; `None` when there is something that is no port behind the colon.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let end_of_name = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[end_of_name..].find(':') {
        None if end_of_name > 0 && end_of_name < authority.len() => None,
        None => Some((authority, None)),
        Some(at) => {
            let (name, port) = (&authority[..end_of_name + at], &authority[end_of_name + at + 1..]);
            port.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
            Some((name, Some(port.parse().ok()?)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_development_profile_answers_for_this_machine_only() {
        for (host, passes) in [
            ("localhost", true),
            ("LOCALHOST:8000", true),
            ("localhost.:8000", true),
            ("app.localhost:8000", true),
            ("127.0.0.1:8000", true),
            ("127.9.9.9", true),
            ("[::1]:8000", true),
            ("[::ffff:127.0.0.1]", true),
            ("evil.test:8000", false),
            ("localhost.evil.test", false),
            ("evillocalhost", false),
            ("127.0.0.1.evil.test", false),
            ("192.168.1.5:8000", false),
            ("0.0.0.0:8000", false),
            ("[::2]:8000", false),
            ("localhost:evil", false),
            ("[::1]evil", false),
            ("", false),
        ] {
            assert_eq!(check_host(Profile::Development, Some(host)).is_ok(), passes, "{host}");
            assert!(check_host(Profile::Configured, Some(host)).is_ok(), "{host}");
            assert!(check_host(Profile::Exposed, Some(host)).is_ok(), "{host}");
        }
        let refused = check_host(Profile::Development, None).unwrap_err();
        assert_eq!(refused.status(), 421);
        assert!(refused.to_string().contains("configuration file"), "{refused}");
    }

    #[test]
    fn a_page_of_the_same_host_may_connect_without_a_list() {
        for (origin, host, passes) in [
            ("http://localhost:8000", "localhost:8000", true),
            ("http://localhost:5173", "localhost:8000", false),
            ("http://localhost", "localhost:8000", false),
            ("http://localhost", "localhost:80", true),
            ("https://localhost", "localhost:443", true),
            ("https://LOCALHOST", "localhost", true),
            ("http://evil.test", "localhost", false),
            ("http://[::1]:8000", "[::1]:8000", true),
            ("null", "localhost", false),
            ("http://", "localhost", false),
        ] {
            let none = AllowedOrigins::default();
            for profile in [Profile::Development, Profile::Exposed, Profile::Configured] {
                let checked = check_websocket(profile, &none, Some(host), Some(origin));
                assert_eq!(checked.is_ok(), passes, "{origin} {host} {profile:?}");
            }
            assert_eq!(check_keyless_api(Some(host), Some(origin)).is_ok(), passes, "{origin} {host}");
        }
        assert!(
            check_websocket(Profile::Configured, &AllowedOrigins::default(), Some("a.test"), None).is_ok()
        );
        assert!(check_keyless_api(Some("a.test"), None).is_ok());
        assert!(check_keyless_api(None, Some("http://a.test")).is_err());
    }

    #[test]
    fn a_name_for_another_header_is_a_name_and_nothing_else() {
        for (host, name) in [
            ("localhost:8000", Some("localhost")),
            ("127.0.0.1:8000", Some("127.0.0.1")),
            ("a-b.example.com", Some("a-b.example.com")),
            ("[::1]:8000", None),
            ("", None),
            (":8000", None),
            ("a; script-src *:80", None),
            ("a b", None),
        ] {
            assert_eq!(dns_name(host), name, "{host}");
        }
    }

    #[test]
    fn a_list_of_origins_decides_alone() {
        let allowed = AllowedOrigins::new(&["https://*.example.com".to_owned()]).unwrap();
        let check =
            |origin: &str| check_websocket(Profile::Configured, &allowed, Some("example.com"), Some(origin));
        assert!(check("https://app.example.com").is_ok());
        let refused = check("https://example.com").unwrap_err();
        assert_eq!(refused.status(), 403);
        assert!(refused.to_string().contains("client.allowed_origins"), "{refused}");
    }
}
