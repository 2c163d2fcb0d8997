//! The client's part of SOCKS 5 (RFC 1928, RFC 1929), without I/O.
//!
//! The proxy resolves names, so that they need not be known here. What it says has lengths that are known before it is
//! read: nothing that belongs to the tunnel is ever taken for an answer.

use std::fmt;
use std::net::IpAddr;

/// Longest user name, and password, in bytes (RFC 1929 §2). The length of a host's name has the same bound.
pub(super) const FIELD_BYTES_MAX: usize = 255;

const VERSION: u8 = 5;
const NO_AUTH: u8 = 0;
const USER_PASSWORD: u8 = 2;

/// How far the conversation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Method,
    AuthStatus,
    Reply,
    /// The length of the name in the reply.
    NameLength,
    /// Address and port, which tell nothing.
    Bound(usize),
    Nothing,
}

/// One conversation: send what [`start`](Self::start) wrote, then read [`needed`](Self::needed) bytes at a time, and
/// send what [`answer`](Self::answer) writes, until nothing is needed.
#[derive(Debug)]
pub(super) struct Socks<'a> {
    host: &'a str,
    port: u16,
    /// User name and password, each of 1 to 255 bytes.
    credentials: Option<(&'a str, &'a str)>,
    expected: Expected,
}

/// Why a SOCKS proxy gives no tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocksError {
    /// What it said is not SOCKS 5.
    Malformed,
    /// It wants to know who we are, in a way that was not offered.
    Method,
    /// It does not take the user name and password.
    Credentials,
    /// It does not connect; the number is the reply's (RFC 1928 §6).
    Reply(u8),
}

impl fmt::Display for SocksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "what it answers is not SOCKS 5",
            Self::Method => "it wants a user name and password, or a kind of proof that is not known here",
            Self::Credentials => "it does not take the user name and password",
            Self::Reply(1) => "general failure",
            Self::Reply(2) => "its rules do not allow this connection",
            Self::Reply(3) => "it does not reach the network",
            Self::Reply(4) => "it does not reach the host, or cannot resolve its name",
            Self::Reply(5) => "the host refuses the connection",
            Self::Reply(6) => "the connection took too long",
            Self::Reply(7) => "it makes no connections for others",
            Self::Reply(8) => "it does not know this kind of address",
            Self::Reply(code) => return write!(f, "it answers with the unknown code {code}"),
        })
    }
}

impl std::error::Error for SocksError {}

impl<'a> Socks<'a> {
    /// Begins: `host` has at most 255 bytes. Appends the greeting to `out`.
    pub(super) fn start(
        host: &'a str,
        port: u16,
        credentials: Option<(&'a str, &'a str)>,
        out: &mut Vec<u8>,
    ) -> Self {
        match credentials {
            // A proxy that asks for nothing may say so all the same.
            Some(_) => out.extend_from_slice(&[VERSION, 2, NO_AUTH, USER_PASSWORD]),
            None => out.extend_from_slice(&[VERSION, 1, NO_AUTH]),
        }
        Self { host, port, credentials, expected: Expected::Method }
    }

    /// How many bytes have to be read next; 0: the tunnel is open.
    pub(super) fn needed(&self) -> usize {
        match self.expected {
            Expected::Method | Expected::AuthStatus => 2,
            Expected::Reply => 4,
            Expected::NameLength => 1,
            Expected::Bound(len) => len,
            Expected::Nothing => 0,
        }
    }

    /// Takes as many bytes as were needed; what has to be sent is appended to `out`.
    pub(super) fn answer(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), SocksError> {
        self.expected = match (self.expected, bytes) {
            (Expected::Method, &[VERSION, NO_AUTH]) => self.request(out),
            (Expected::Method, &[VERSION, USER_PASSWORD]) => {
                let (user, password) = self.credentials.ok_or(SocksError::Malformed)?;
                out.push(1);
                write_field(user, out);
                write_field(password, out);
                Expected::AuthStatus
            }
            (Expected::Method, &[VERSION, _]) => return Err(SocksError::Method),
            // Some proxies put the version of SOCKS here, not that of the sub-negotiation.
            (Expected::AuthStatus, &[_, 0]) => self.request(out),
            (Expected::AuthStatus, &[_, _]) => return Err(SocksError::Credentials),
            (Expected::Reply, &[VERSION, 0, _, kind]) => match kind {
                1 => Expected::Bound(4 + 2),
                3 => Expected::NameLength,
                4 => Expected::Bound(16 + 2),
                _ => return Err(SocksError::Malformed),
            },
            (Expected::Reply, &[VERSION, code, _, _]) => return Err(SocksError::Reply(code)),
            (Expected::NameLength, &[len]) => Expected::Bound(usize::from(len) + 2),
            (Expected::Bound(_), _) => Expected::Nothing,
            _ => return Err(SocksError::Malformed),
        };
        Ok(())
    }

    fn request(&self, out: &mut Vec<u8>) -> Expected {
        out.extend_from_slice(&[VERSION, 1, 0]);
        match self.host.parse() {
            Ok(IpAddr::V4(address)) => {
                out.push(1);
                out.extend_from_slice(&address.octets());
            }
            Ok(IpAddr::V6(address)) => {
                out.push(4);
                out.extend_from_slice(&address.octets());
            }
            Err(_) => {
                out.push(3);
                write_field(self.host, out);
            }
        }
        out.extend_from_slice(&self.port.to_be_bytes());
        Expected::Reply
    }
}

/// A length in one byte, and so many bytes. Longer ones were refused before they came here.
fn write_field(text: &str, out: &mut Vec<u8>) {
    let bytes = &text.as_bytes()[..text.len().min(FIELD_BYTES_MAX)];
    out.push(bytes.len() as u8);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a proxy that says `answers`; what it has got, or why it failed.
    fn talk(
        host: &str,
        credentials: Option<(&str, &str)>,
        mut answers: &[u8],
    ) -> Result<(Vec<u8>, usize), SocksError> {
        let mut sent = Vec::new();
        let mut socks = Socks::start(host, 443, credentials, &mut sent);
        while socks.needed() > 0 {
            let (bytes, rest) = answers.split_at_checked(socks.needed()).ok_or(SocksError::Malformed)?;
            answers = rest;
            socks.answer(bytes, &mut sent)?;
        }
        Ok((sent, answers.len()))
    }

    #[test]
    fn what_is_sent_for_each_kind_of_address() {
        let reply = [5, 0, 5, 0, 0, 1, 127, 0, 0, 1, 0, 80];
        let name = [&[5, 1, 0, 5, 1, 0, 3, 11][..], b"example.com", &[1, 187]].concat();
        assert_eq!(talk("example.com", None, &reply), Ok((name, 0)));
        let v4 = vec![5, 1, 0, 5, 1, 0, 1, 10, 0, 0, 7, 1, 187];
        assert_eq!(talk("10.0.0.7", None, &reply), Ok((v4, 0)));
        let v6 = [&[5, 1, 0, 5, 1, 0, 4, 0x20, 1, 0xd, 0xb8][..], &[0; 11], &[7, 1, 187]].concat();
        assert_eq!(talk("2001:db8::7", None, &reply), Ok((v6, 0)));
    }

    #[test]
    fn a_name_and_password_are_shown_only_when_asked_for() {
        let reply = [5, 0, 0, 3, 1, b'x', 0, 80];
        let asked = [&[5, 2, 1, 0][..], &reply].concat();
        let greeting = [5, 2, 0, 2];
        let proof = [&[1, 3][..], b"ann", &[6], b"secret"].concat();
        let request = [5, 1, 0, 3, 1, b'h', 1, 187];
        let sent = [&greeting[..], &proof, &request].concat();
        assert_eq!(talk("h", Some(("ann", "secret")), &asked), Ok((sent, 0)));
        let not_asked = [&[5, 0][..], &reply].concat();
        assert_eq!(
            talk("h", Some(("ann", "secret")), &not_asked),
            Ok(([&greeting[..], &request].concat(), 0))
        );
    }

    #[test]
    fn nothing_of_the_tunnel_is_taken() {
        let v6 = [&[5, 0, 5, 0, 0, 4][..], &[0; 18], b"first bytes"].concat();
        assert_eq!(talk("h", None, &v6).map(|(_, left)| left), Ok(11));
        let name = [&[5, 0, 5, 0, 0, 3, 255][..], &[0; 257], b"x"].concat();
        assert_eq!(talk("h", None, &name).map(|(_, left)| left), Ok(1));
    }

    #[test]
    fn what_a_proxy_can_do_wrong() {
        let table: [(&[u8], SocksError); 10] = [
            (b"HTTP/1.1 400 Bad Request", SocksError::Malformed),
            (&[4, 0], SocksError::Malformed),
            (&[5, 0xff], SocksError::Method),
            (&[5, 1], SocksError::Method),
            // A method that was not offered.
            (&[5, 2], SocksError::Malformed),
            (&[5, 0, 4, 0, 0, 1], SocksError::Malformed),
            (&[5, 0, 5, 0, 0, 2], SocksError::Malformed),
            (&[5, 0, 5, 2, 0, 1], SocksError::Reply(2)),
            (&[5, 0, 5, 5, 0, 1, 0, 0, 0, 0, 0, 0], SocksError::Reply(5)),
            (&[5, 0, 5, 99, 0, 1], SocksError::Reply(99)),
        ];
        for (answers, error) in table {
            assert_eq!(talk("h", None, answers), Err(error), "{answers:?}");
        }
        assert_eq!(talk("h", Some(("a", "b")), &[5, 2, 1, 1]), Err(SocksError::Credentials));
    }
}
