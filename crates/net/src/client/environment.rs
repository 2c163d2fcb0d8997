//! The proxy that the environment names, as other programs read it.
//!
//! `HTTPS_PROXY` (or `https_proxy`) is for `wss://`, `http_proxy` for `ws://` (in lower case only: a CGI program gets
//! `HTTP_PROXY` from whoever sends it a field `Proxy`), `ALL_PROXY` (or `all_proxy`) for both. `NO_PROXY` (or
//! `no_proxy`) lists who is reached directly: `*`, names, each with all below it, addresses, networks such as
//! `10.0.0.0/8`; with a port, only that one. This machine itself (`localhost`, loopback addresses) is always reached
//! directly: a proxy elsewhere would take the name for its own.

use std::net::IpAddr;

use super::proxy::{Proxy, ProxyUrlError};
use super::url::Url;

/// The proxy for `url`, if one is named and the server is not excepted.
pub(super) fn proxy(
    url: &Url,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, ProxyUrlError> {
    let first =
        |names: &[&str]| names.iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
    let named = match url.is_secure() {
        true => first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
        false => first(&["http_proxy", "all_proxy", "ALL_PROXY"]),
    };
    let Some(named) = named else { return Ok(None) };
    let excepted = first(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
    if is_this_machine(url.host()) || is_excepted(&excepted, url.host(), url.port()) {
        return Ok(None);
    }
    // Without a scheme it is an HTTP proxy, as others have it.
    let named = if named.contains("://") { named } else { format!("http://{named}") };
    named.parse().map(Some)
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn is_excepted(list: &str, host: &str, port: u16) -> bool {
    list.split([',', ' ']).filter(|entry| !entry.is_empty()).any(|entry| {
        let (entry, only) = with_port(entry);
        only.is_none_or(|only| only == port) && matches_host(entry, host)
    })
}

/// An entry, and the port behind it. The colons of a bare IPv6 address are none.
fn with_port(entry: &str) -> (&str, Option<u16>) {
    match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

fn matches_host(entry: &str, host: &str) -> bool {
    if entry == "*" {
        return true;
    }
    let entry = entry.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = host.parse::<IpAddr>() {
        return match entry.split_once('/') {
            Some((network, bits)) => is_within(address, network, bits),
            None => entry.parse() == Ok(address),
        };
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let entry = entry.strip_prefix("*.").unwrap_or(entry).trim_matches('.');
    let Some(below) = host.len().checked_sub(entry.len()) else { return false };
    !entry.is_empty()
        && host.as_bytes()[below..].eq_ignore_ascii_case(entry.as_bytes())
        && (below == 0 || host.as_bytes()[below - 1] == b'.')
}

fn is_within(address: IpAddr, network: &str, bits: &str) -> bool {
    let (Ok(network), Ok(bits)) = (network.parse(), bits.parse::<u32>()) else { return false };
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Variables = &'static [(&'static str, &'static str)];

    #[test]
    fn the_scheme_decides_which_variable_counts() {
        let table: [(&str, Variables, Option<&str>); 12] = [
            ("ws://a/", &[], None),
            ("wss://a/", &[("HTTPS_PROXY", "http://p:1")], Some("http://p:1")),
            ("wss://a/", &[("https_proxy", "p:2"), ("HTTPS_PROXY", "http://p:1")], Some("http://p:2")),
            ("ws://a/", &[("HTTPS_PROXY", "http://p:1"), ("HTTP_PROXY", "http://p:3")], None),
            ("ws://a/", &[("http_proxy", "http://p:3")], Some("http://p:3")),
            ("ws://a/", &[("ALL_PROXY", "socks5://p")], Some("socks5://p:1080")),
            ("wss://a/", &[("HTTPS_PROXY", ""), ("all_proxy", "socks5h://p")], Some("socks5://p:1080")),
            ("wss://a/", &[("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", "b,a")], None),
            ("wss://a/", &[("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", "b")], Some("http://p:1")),
            ("ws://localhost:8000/", &[("all_proxy", "http://p:1")], None),
            ("wss://127.0.0.2/", &[("all_proxy", "http://p:1")], None),
            ("ws://[::1]:8000/", &[("all_proxy", "http://p:1")], None),
        ];
        for (url, variables, expected) in table {
            let variable = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            let found = proxy(&url.parse().unwrap(), variable).unwrap();
            assert_eq!(found.map(|proxy| proxy.to_string()).as_deref(), expected, "{url} {variables:?}");
        }
        let nonsense = |name: &str| (name == "all_proxy").then(|| "ftp://secret".to_owned());
        assert_eq!(proxy(&"ws://a/".parse().unwrap(), nonsense), Err(ProxyUrlError::Scheme));
    }

    #[test]
    fn exceptions_are_names_addresses_and_networks() {
        let table = [
            ("*", "example.com", true),
            ("example.com", "example.com", true),
            ("example.com", "EXAMPLE.com.", true),
            ("example.com", "push.example.com", true),
            (".example.com", "push.example.com", true),
            ("*.example.com", "push.example.com", true),
            ("example.com", "badexample.com", false),
            ("push.example.com", "example.com", false),
            ("example.com:443", "example.com", true),
            ("example.com:80", "example.com", false),
            ("a, b ,example.com", "example.com", true),
            ("localhost,127.0.0.1", "127.0.0.1", true),
            ("10.0.0.0/8", "10.200.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.0.0/0", "11.0.0.1", true),
            ("10.0.0.0/33", "10.0.0.1", false),
            ("::1", "::1", true),
            ("[::1]:443", "::1", true),
            ("[::1]:80", "::1", false),
            ("2001:db8::/32", "2001:db8:1::7", true),
            ("2001:db8::/32", "2001:db9::7", false),
            ("", "example.com", false),
            (".", "example.com", false),
        ];
        for (list, host, expected) in table {
            assert_eq!(is_excepted(list, host, 443), expected, "{list:?} {host}");
        }
    }
}
