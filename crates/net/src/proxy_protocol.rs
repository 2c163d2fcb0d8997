//! The PROXY protocol, versions 1 and 2: who the client of the proxy in front is.
//!
//! A proxy that takes a connection and makes another one to us says so in front of all other bytes, before TLS. The
//! specification (HAProxy, `doc/proxy-protocol.txt`) demands that whoever expects the header takes no connection without one,
//! and never guesses: else a client could write it itself.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Longest header of version 1, with its CRLF (§2.1).
const V1_BYTES_MAX: usize = 107;
/// Longest header of version 2 that is taken. Senders are to stay below 536 (§2); certificates of clients may stand in it.
pub const V2_BYTES_MAX: usize = 4096;

const V1_SIGNATURE: &[u8] = b"PROXY ";
const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and transport, length.
const V2_FIXED: usize = 16;

/// A whole header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The client's address. `None`: the proxy speaks for itself (its health checks), or for a client that has no address of
    /// IP; the address of the connection stays.
    pub client: Option<SocketAddr>,
    /// Bytes of the header.
    pub length: usize,
}

/// Why bytes are no header: the connection is dropped without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// It does not begin as one.
    Missing,
    /// It is longer than the 107 bytes of version 1, or than [`V2_BYTES_MAX`].
    TooLong,
    /// It begins as one and is none.
    Malformed,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "no header of the PROXY protocol came first",
            Self::TooLong => "the header of the PROXY protocol is too long",
            Self::Malformed => "the header of the PROXY protocol is malformed",
        })
    }
}

impl std::error::Error for HeaderError {}

/// Reads the header in front of `bytes`; `Ok(None)`: it is not whole yet.
///
/// # Errors
/// [`HeaderError`], as soon as it shows.
pub fn parse(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    if begins(bytes, V2_SIGNATURE) {
        return parse_v2(bytes);
    }
    if begins(bytes, V1_SIGNATURE) {
        return parse_v1(bytes);
    }
    Err(HeaderError::Missing)
}

/// Whether the bytes begin with the signature, as far as they have come.
fn begins(bytes: &[u8], signature: &[u8]) -> bool {
    let length = bytes.len().min(signature.len());
    bytes[..length] == signature[..length]
}

/// `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n`, every part after exactly one space.
fn parse_v1(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    let window = &bytes[..bytes.len().min(V1_BYTES_MAX)];
    let Some(end) = window.iter().position(|&byte| byte == b'\n') else {
        return if window.len() < V1_BYTES_MAX { Ok(None) } else { Err(HeaderError::TooLong) };
    };
    let line = window[..end].strip_suffix(b"\r").and_then(|line| line.strip_prefix(V1_SIGNATURE));
    let line = line.and_then(|line| std::str::from_utf8(line).ok()).ok_or(HeaderError::Malformed)?;
    let header = |client| Header { client, length: end + 1 };
    let (family, rest) = line.split_once(' ').unwrap_or((line, ""));
    // Whatever follows UNKNOWN is to be ignored.
    if family == "UNKNOWN" {
        return Ok(Some(header(None)));
    }
    let mut parts = rest.split(' ');
    let mut part = || parts.next().ok_or(HeaderError::Malformed);
    let (source, destination) = (address(family, part()?)?, address(family, part()?)?);
    let (source_port, _) = (port(part()?)?, port(part()?)?);
    if parts.next().is_some() || source.is_ipv4() != destination.is_ipv4() {
        return Err(HeaderError::Malformed);
    }
    Ok(Some(header(Some(SocketAddr::new(source, source_port)))))
}

fn address(family: &str, text: &str) -> Result<IpAddr, HeaderError> {
    let address = match family {
        "TCP4" => text.parse().map(IpAddr::V4).ok(),
        "TCP6" => text.parse().map(IpAddr::V6).ok(),
        _ => None,
    };
    address.ok_or(HeaderError::Malformed)
}

/// Decimal, without a sign or zeros in front.
fn port(text: &str) -> Result<u16, HeaderError> {
    let is_plain =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain).ok_or(HeaderError::Malformed)
}

fn parse_v2(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    // Judged as soon as it is there, and so before the length.
    let is_local = match bytes.get(V2_SIGNATURE.len()) {
        None => return Ok(None),
        Some(0x20) => true,
        Some(0x21) => false,
        Some(_) => return Err(HeaderError::Malformed),
    };
    let Some(fixed) = bytes.get(..V2_FIXED) else { return Ok(None) };
    let family = fixed[13];
    let length = V2_FIXED + usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if length > V2_BYTES_MAX {
        return Err(HeaderError::TooLong);
    }
    // Families are unspecified, IPv4, IPv6, Unix; transports unspecified, stream, datagram. Of a proxy that speaks for itself
    // they are ignored (§2.2).
    if !is_local && (family >> 4 > 3 || family & 0x0f > 2) {
        return Err(HeaderError::Malformed);
    }
    let Some(header) = bytes.get(..length) else { return Ok(None) };
    // What follows the addresses (type, length, value) is passed over.
    let body = &header[V2_FIXED..];
    let client = match family {
        _ if is_local => None,
        0x11 => Some(v4(body).ok_or(HeaderError::Malformed)?),
        0x21 => Some(v6(body).ok_or(HeaderError::Malformed)?),
        // Two paths of 108 bytes.
        0x31 | 0x32 if body.len() < 216 => return Err(HeaderError::Malformed),
        _ => None,
    };
    Ok(Some(Header { client, length }))
}

/// Source and destination, then their ports.
fn v4(body: &[u8]) -> Option<SocketAddr> {
    let (addresses, ports) = body.split_first_chunk::<8>()?;
    let source = addresses.first_chunk::<4>()?;
    let port = u16::from_be_bytes(*ports.first_chunk::<4>()?.first_chunk::<2>()?);
    Some(SocketAddr::new(Ipv4Addr::from(*source).into(), port))
}

fn v6(body: &[u8]) -> Option<SocketAddr> {
    let (addresses, ports) = body.split_first_chunk::<32>()?;
    let source = addresses.first_chunk::<16>()?;
    let port = u16::from_be_bytes(*ports.first_chunk::<4>()?.first_chunk::<2>()?);
    Some(SocketAddr::new(Ipv6Addr::from(*source).into(), port))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = V2_SIGNATURE.to_vec();
        bytes.extend([command, family]);
        bytes.extend((body.len() as u16).to_be_bytes());
        bytes.extend_from_slice(body);
        bytes
    }

    fn v4_body() -> Vec<u8> {
        [&[192, 0, 2, 1, 192, 0, 2, 2][..], &56_324_u16.to_be_bytes(), &443_u16.to_be_bytes()].concat()
    }

    fn v6_body() -> Vec<u8> {
        let (one, other): (Ipv6Addr, Ipv6Addr) = ("2001:db8::1".parse().unwrap(), "::1".parse().unwrap());
        [&one.octets()[..], &other.octets(), &7_u16.to_be_bytes(), &8_u16.to_be_bytes()].concat()
    }

    #[test]
    fn headers_as_proxies_send_them() {
        let longest = "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
            ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
        assert_eq!(longest.len(), V1_BYTES_MAX);
        let with_tlv = [v4_body(), vec![0x03, 0, 4, 1, 2, 3, 4]].concat();
        for (bytes, client) in [
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n".to_vec(), Some("192.0.2.1:56324")),
            (b"PROXY TCP6 2001:db8::1 ::1 7 0\r\n".to_vec(), Some("[2001:db8::1]:7")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (longest.into(), None),
            (v2(0x21, 0x11, &v4_body()), Some("192.0.2.1:56324")),
            (v2(0x21, 0x11, &with_tlv), Some("192.0.2.1:56324")),
            (v2(0x21, 0x21, &v6_body()), Some("[2001:db8::1]:7")),
            (v2(0x21, 0x31, &[0; 216]), None),
            (v2(0x21, 0x12, &v4_body()), None),
            (v2(0x21, 0x00, &[1, 2, 3]), None),
            (v2(0x20, 0x00, &[]), None),
            (v2(0x20, 0x11, &v4_body()), None),
            (v2(0x20, 0xff, &[]), None),
        ] {
            let header = Header { client: client.map(|text| text.parse().unwrap()), length: bytes.len() };
            for end in 0..bytes.len() {
                assert_eq!(parse(&bytes[..end]), Ok(None), "a part is no error: {bytes:?} {end}");
            }
            assert_eq!(parse(&bytes), Ok(Some(header)));
            let followed = [&bytes[..], b"GET / HTTP/1.1\r\n"].concat();
            assert_eq!(parse(&followed), Ok(Some(header)), "what follows is not looked at");
        }
    }

    #[test]
    fn what_is_no_header() {
        let too_long_v1 = [b"PROXY UNKNOWN ".as_slice(), &[b'x'; 100], b"\r\n"].concat();
        for (bytes, error) in [
            (b"G".to_vec(), HeaderError::Missing),
            (b"GET / HTTP/1.1\r\n\r\n".to_vec(), HeaderError::Missing),
            (b"proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n".to_vec(), HeaderError::Missing),
            (b"\x16\x03\x01".to_vec(), HeaderError::Missing),
            (too_long_v1, HeaderError::TooLong),
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n".to_vec(), HeaderError::Malformed),
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n".to_vec(), HeaderError::Malformed),
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n".to_vec(), HeaderError::Malformed),
            (b"PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n".to_vec(), HeaderError::Malformed),
            (b"PROXY TCP4 ::1 ::1 1 2\r\n".to_vec(), HeaderError::Malformed),
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n".to_vec(), HeaderError::Malformed),
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n".to_vec(), HeaderError::Malformed),
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n".to_vec(), HeaderError::Malformed),
            (b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n".to_vec(), HeaderError::Malformed),
            (v2(0x11, 0x11, &v4_body()), HeaderError::Malformed),
            (v2(0x22, 0x11, &v4_body()), HeaderError::Malformed),
            (v2(0x21, 0x41, &v4_body()), HeaderError::Malformed),
            (v2(0x21, 0x13, &v4_body()), HeaderError::Malformed),
            (v2(0x21, 0x11, &v4_body()[..11]), HeaderError::Malformed),
            (v2(0x21, 0x21, &v6_body()[..35]), HeaderError::Malformed),
            (v2(0x21, 0x31, &[0; 215]), HeaderError::Malformed),
            (v2(0x21, 0x11, &[0; 4081]), HeaderError::TooLong),
        ] {
            assert_eq!(parse(&bytes), Err(error), "{bytes:?}");
        }
    }

    fn near_misses() -> impl Strategy<Value = Vec<u8>> {
        let headers = prop_oneof![
            Just(b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n".to_vec()),
            Just(v2(0x21, 0x11, &v4_body())),
            Just(v2(0x21, 0x21, &v6_body())),
        ];
        (headers, prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4), any::<Vec<u8>>())
            .prop_map(|(mut bytes, changes, rest)| {
                for (at, byte) in changes {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                }
                bytes.extend(rest);
                bytes
            })
    }

    proptest! {
        /// Nothing panics, and what is said of a part holds for the whole: an error stays, a header stays.
        #[test]
        fn a_verdict_on_a_part_is_the_verdict_on_the_whole(bytes in prop_oneof![near_misses(), any::<Vec<u8>>()]) {
            let whole = parse(&bytes);
            for end in 0..bytes.len() {
                match parse(&bytes[..end]) {
                    Ok(None) => {}
                    said => prop_assert_eq!(said, whole, "{}", end),
                }
            }
            if let Ok(Some(header)) = whole {
                prop_assert!(header.length <= bytes.len() && header.length <= V2_BYTES_MAX);
                prop_assert_eq!(parse(&bytes[..header.length]), whole);
            }
        }
    }
}
