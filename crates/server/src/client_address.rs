//! Where a client is, behind a proxy that is believed.
//!
//! Two ways say it: the PROXY protocol, which the net floor has read by then, and a header of the request, read here. A header
//! counts only if the connection comes from a trusted proxy, and only the one that the configuration names: a proxy that sets
//! one of them passes the others on as the client wrote them.
//!
//! A list of addresses grows at its end, each proxy adding who came to it. So it is read from there: whom a trusted proxy saw
//! is believed, and as long as that is a trusted proxy as well, what it saw in turn.

use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use wavecast_net::websocket::handshake::RequestHead;

use crate::config::HttpServer;
use crate::config::networks::{FORWARDED, TrustedProxies, X_REAL_IP};

/// The address of the client that sends a handshake to a shard, over the connection of `peer`.
pub(crate) fn of_handshake(settings: &HttpServer, head: &RequestHead<'_>, peer: SocketAddr) -> SocketAddr {
    let header = settings.client_address_header.as_str();
    of(&settings.trusted_proxies, header, || head.headers().all(header), peer)
}

/// The address of the client that sends a request to the desk, over the connection of `peer`.
pub(crate) fn of_request(settings: &HttpServer, headers: &HeaderMap, peer: SocketAddr) -> SocketAddr {
    let header = settings.client_address_header.as_str();
    of(&settings.trusted_proxies, header, || headers.get_all(header).iter().map(HeaderValue::as_bytes), peer)
}

/// Whether what this connection's requests say of addresses may be passed on to a back end. Without a list of proxies the back
/// end has to know whom it believes.
pub(crate) fn is_passed_on(settings: &HttpServer, peer: SocketAddr) -> bool {
    settings.trusted_proxies.is_empty() || settings.trusted_proxies.trust(peer)
}

/// The address of the client. `values` are those of the header, in the order they came in. What cannot be read ends the way
/// back: the last that was believed counts. Where a header says no port, the port is 0.
fn of<'v, V>(
    trusted: &TrustedProxies,
    header: &str,
    values: impl FnOnce() -> V,
    peer: SocketAddr,
) -> SocketAddr
where
    V: Iterator<Item = &'v [u8]>,
{
    if !trusted.trust(peer) {
        return peer;
    }
    let values: Vec<&str> = values().map(|value| std::str::from_utf8(value).unwrap_or_default()).collect();
    let read = if header == FORWARDED { element } else { address };
    let mut seen = peer;
    if header == X_REAL_IP {
        // Not a list: a second one is somebody else's.
        return match values[..] {
            [value] => address(value).unwrap_or(seen),
            _ => seen,
        };
    }
    for part in values.iter().rev().flat_map(|value| value.rsplit(',')) {
        let Some(before) = read(part) else { return seen };
        seen = before;
        if !trusted.trust(seen) {
            break;
        }
    }
    seen
}

/// An address of IPv4 or IPv6, with or without brackets and port.
fn address(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0)).or_else(|_| text.parse()).ok()
}

/// The `for` of one element (RFC 7239 §4): `for=192.0.2.60;proto=http`, `For="[2001:db8::1]:4711"`. Who is `unknown` or hidden
/// behind a name of the proxy's has no address. (A quoted comma or semicolon cannot stand in an address, so an element that
/// has one is cut there and not believed.)
fn element(text: &str) -> Option<SocketAddr> {
    let value = text.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim())
    })?;
    let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    address(bare)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::networks::{CLIENT_ADDRESS_HEADERS as HEADERS, X_FORWARDED_FOR};

    fn seen(header: &str, values: &[&str], peer: &str) -> String {
        let entries = ["10.0.0.0/8", "fd00::/8", "unix"].map(String::from);
        let trusted = TrustedProxies::new(&entries).unwrap();
        of(&trusted, header, || values.iter().map(|value| value.as_bytes()), peer.parse().unwrap())
            .to_string()
    }

    #[test]
    fn a_list_is_read_from_its_end() {
        for (values, client) in [
            (&["192.0.2.1"][..], "192.0.2.1:0"),
            (&["192.0.2.1:4711"], "192.0.2.1:4711"),
            (&["2001:db8::1"], "[2001:db8::1]:0"),
            (&["[2001:db8::1]:4711"], "[2001:db8::1]:4711"),
            (&["192.0.2.1, 10.0.0.2"], "192.0.2.1:0"),
            (&["192.0.2.1", "10.0.0.2,10.0.0.3"], "192.0.2.1:0"),
            // What stands before the first that is not trusted is the client's own invention.
            (&["127.0.0.1, 192.0.2.1"], "192.0.2.1:0"),
            (&["10.0.0.9, 192.0.2.1, 10.0.0.2"], "192.0.2.1:0"),
            (&["10.0.0.9, 10.0.0.2"], "10.0.0.9:0"),
            (&["192.0.2.1, nonsense, 10.0.0.2"], "10.0.0.2:0"),
            (&["nonsense"], "10.0.0.1:5"),
            (&["192.0.2.1,"], "10.0.0.1:5"),
            (&[""], "10.0.0.1:5"),
            (&[], "10.0.0.1:5"),
        ] {
            assert_eq!(seen(X_FORWARDED_FOR, values, "10.0.0.1:5"), client, "{values:?}");
        }
    }

    #[test]
    fn who_is_not_trusted_says_nothing() {
        for header in HEADERS {
            let value = if *header == FORWARDED { "for=192.0.2.1" } else { "192.0.2.1" };
            for (peer, client) in [
                ("203.0.113.5:7", "203.0.113.5:7"),
                ("127.0.0.1:7", "127.0.0.1:7"),
                ("10.0.0.1:7", "192.0.2.1:0"),
                ("[::ffff:10.0.0.1]:7", "192.0.2.1:0"),
                ("0.0.0.0:0", "192.0.2.1:0"),
            ] {
                assert_eq!(seen(header, &[value], peer), client, "{header} {peer}");
            }
        }
    }

    #[test]
    fn one_address_is_one() {
        for (values, client) in [
            (&["192.0.2.1"][..], "192.0.2.1:0"),
            (&["192.0.2.1, 192.0.2.2"], "10.0.0.1:5"),
            (&["192.0.2.1", "192.0.2.2"], "10.0.0.1:5"),
        ] {
            assert_eq!(seen(X_REAL_IP, values, "10.0.0.1:5"), client, "{values:?}");
        }
    }

    #[test]
    fn elements_of_forwarded() {
        for (values, client) in [
            (&["for=192.0.2.60;proto=http;by=203.0.113.43"][..], "192.0.2.60:0"),
            (&["proto=http; FOR = \"192.0.2.60:47011\""], "192.0.2.60:47011"),
            (&["For=\"[2001:db8:cafe::17]:4711\""], "[2001:db8:cafe::17]:4711"),
            (&["for=192.0.2.43, for=10.0.0.2"], "192.0.2.43:0"),
            (&["for=192.0.2.43", "for=unknown"], "10.0.0.1:5"),
            (&["for=_hidden, for=10.0.0.2"], "10.0.0.2:0"),
            (&["proto=http"], "10.0.0.1:5"),
            (&["for=\"192.0.2.1, for=10.0.0.2\""], "10.0.0.1:5"),
        ] {
            assert_eq!(seen(FORWARDED, values, "10.0.0.1:5"), client, "{values:?}");
        }
    }

    proptest! {
        /// Whatever a client writes in front: the proxy has seen it at its own address.
        #[test]
        fn what_a_client_writes_changes_nothing(invented in "[ -~]{0,40}", lines in prop::bool::ANY) {
            let added = "198.51.100.7";
            let values = match lines {
                true => vec![invented.clone(), added.to_owned()],
                false => vec![format!("{invented}, {added}")],
            };
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            prop_assert_eq!(seen(X_FORWARDED_FOR, &values, "10.0.0.1:5"), "198.51.100.7:0");
        }
    }
}
