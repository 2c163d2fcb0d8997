//! `http_server.trusted_proxies`: who is believed when it says for whom a connection or a request is.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// The header that most proxies add to (RFC 7239 §1 has its history).
pub(crate) const X_FORWARDED_FOR: &str = "x-forwarded-for";
/// One address, as nginx is mostly told to say it.
pub(crate) const X_REAL_IP: &str = "x-real-ip";
/// The standard's (RFC 7239).
pub(crate) const FORWARDED: &str = "forwarded";
/// The headers that `http_server.client_address_header` may name.
pub(crate) const CLIENT_ADDRESS_HEADERS: &[&str] = &[X_FORWARDED_FOR, X_REAL_IP, FORWARDED];

/// Addresses that are believed. Empty (the default) = nobody is.
///
/// An entry is an address (`192.0.2.7`), a network (`10.0.0.0/8`, `fd00::/8`), or `unix` for whoever comes by the Unix socket.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    unix: bool,
}

/// The word for who comes by a Unix socket, which has no address.
const UNIX: &str = "unix";

impl TrustedProxies {
    /// Reads the entries.
    ///
    /// # Errors
    /// The first that is none.
    pub fn new(entries: &[String]) -> Result<Self, String> {
        let mut trusted = Self::default();
        for entry in entries {
            let address = || entry.parse::<IpAddr>().ok().map(IpNet::from);
            match entry.parse::<IpNet>().ok().or_else(address) {
                Some(network) => trusted.networks.push(network.trunc()),
                None if entry == UNIX => trusted.unix = true,
                None => return Err(entry.clone()),
            }
        }
        Ok(trusted)
    }

    /// Whether nobody is believed.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty() && !self.unix
    }

    /// Whether a connection from here is believed. A Unix socket has the address `0.0.0.0:0`, from which no TCP comes.
    pub fn trust(&self, peer: SocketAddr) -> bool {
        // A listener on every interface sees IPv4 addresses inside IPv6.
        let address = peer.ip().to_canonical();
        let is_unix = address.is_unspecified() && peer.port() == 0;
        (is_unix && self.unix) || self.networks.iter().any(|network| network.contains(&address))
    }
}

/// As a list of a file.
impl fmt::Debug for TrustedProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unix = self.unix.then(|| UNIX.to_owned());
        f.debug_list().entries(unix.into_iter().chain(self.networks.iter().map(ToString::to_string))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted(entries: &[&str]) -> Result<TrustedProxies, String> {
        TrustedProxies::new(&entries.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn networks_addresses_and_the_unix_socket_are_believed() {
        let list = trusted(&["10.1.2.3/8", "192.0.2.7", "fd00::/8", "unix"]).unwrap();
        for (peer, believed) in [
            ("10.200.0.1:5", true),
            ("[::ffff:10.0.0.1]:5", true),
            ("11.0.0.1:5", false),
            ("192.0.2.7:5", true),
            ("192.0.2.8:5", false),
            ("[fd12::1]:5", true),
            ("[fe80::1]:5", false),
            ("0.0.0.0:0", true),
        ] {
            assert_eq!(list.trust(peer.parse().unwrap()), believed, "{peer}");
        }
        let none = TrustedProxies::default();
        assert!(none.is_empty() && !none.trust("0.0.0.0:0".parse().unwrap()));
        assert!(!trusted(&["0.0.0.0/8"]).unwrap().trust("127.0.0.1:1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_network_is_named() {
        for entry in ["", "10.0.0.0/33", "10.0.0", "fd00::/129", "localhost", "10.0.0.1:80", "*"] {
            assert_eq!(trusted(&["10.0.0.1", entry]), Err(entry.to_owned()));
        }
    }
}
