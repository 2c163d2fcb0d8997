//! The client's part of the opening handshake (RFC 6455 §4.1).

use super::extension::parse_extensions;
use super::field::{self, InvalidField};
use super::head::{HeadError, Headers, ResponseHead, Version, parse_response};
use super::key;
use super::token::{self, is_token};
use crate::deflate::{Agreement, Compression};
use crate::limits::Limits;
use std::fmt;

/// Most bytes of a rejecting response's body that [`Rejected`] keeps.
const BODY_START_BYTES_MAX: usize = 1024;

/// A client's handshake: written, and then held against the server's answer.
///
/// ```
/// use wavecast_websocket::{Limits, handshake::ClientRequest};
///
/// let nonce = *b"the sample nonce"; // 16 random bytes, new for each connection
/// let request = ClientRequest::new("example.com", "/chat", nonce).protocols(&["chat"]);
/// let mut out = Vec::new();
/// request.write(&mut out).unwrap();
/// assert!(out.starts_with(b"GET /chat HTTP/1.1\r\nHost: example.com\r\n"));
///
/// let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
///     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
/// let (established, _) = request.verify(answer, &Limits::DEFAULT).unwrap().unwrap();
/// assert_eq!(established.protocol, Some("chat"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ClientRequest<'a> {
    host: &'a str,
    target: &'a str,
    key: key::Key,
    protocols: &'a [&'a str],
    headers: &'a [(&'a str, &'a str)],
    compression: Option<Compression>,
}

impl<'a> ClientRequest<'a> {
    /// A request for `target` (path and query, at least `/`) at `host` (with `:port` unless it is the scheme's
    /// default). `nonce` is 16 random bytes, chosen anew for each connection.
    #[must_use]
    pub fn new(host: &'a str, target: &'a str, nonce: [u8; 16]) -> Self {
        Self { host, target, key: key::encode(&nonce), protocols: &[], headers: &[], compression: None }
    }

    /// The sub-protocols asked for, the most preferred first. Default: none.
    #[must_use]
    pub const fn protocols(self, protocols: &'a [&'a str]) -> Self {
        Self { protocols, ..self }
    }

    /// More header fields, such as `Origin`, `Cookie` or `Authorization`. Default: none.
    #[must_use]
    pub const fn headers(self, headers: &'a [(&'a str, &'a str)]) -> Self {
        Self { headers, ..self }
    }

    /// Offers permessage-deflate. Default: `None`, no extension is offered.
    #[must_use]
    pub const fn compression(self, compression: Option<Compression>) -> Self {
        Self { compression, ..self }
    }

    /// Appends the request.
    ///
    /// # Errors
    /// [`RequestError`] if a part is not what its place allows; then nothing is written.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), RequestError> {
        self.check()?;
        for part in ["GET ", self.target, " HTTP/1.1\r\nHost: ", self.host, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ");
        out.extend_from_slice(&self.key);
        out.extend_from_slice(b"\r\nSec-WebSocket-Version: 13\r\n");
        if !self.protocols.is_empty() {
            field::write(&[("Sec-WebSocket-Protocol", &self.protocols.join(", "))], out);
        }
        if let Some(compression) = &self.compression {
            field::write(&[("Sec-WebSocket-Extensions", &compression.offer())], out);
        }
        field::write(self.headers, out);
        out.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// Checks the server's answer against every MUST of §4.1 and tells how many bytes it has: frames follow. `Ok(None)`
    /// while it is incomplete. Interim responses (1xx other than 101) are skipped.
    ///
    /// # Errors
    /// [`HandshakeError`]: the connection has failed and must be ended.
    pub fn verify<'b>(
        &self,
        bytes: &'b [u8],
        limits: &Limits,
    ) -> Result<Option<(Established<'a, 'b>, usize)>, HandshakeError> {
        let mut head_len = 0;
        loop {
            // Together they have the bound of one head, so that interim responses cannot go on for ever.
            let limits = Limits { head_bytes_max: limits.head_bytes_max - head_len, ..*limits };
            let Some((head, len)) =
                parse_response(&bytes[head_len..], &limits).map_err(HandshakeError::Head)?
            else {
                return Ok(None);
            };
            head_len += len;
            return match head.status() {
                101 => {
                    let (protocol, compression) = self.check_answer(&head)?;
                    Ok(Some((Established { protocol, compression, head }, head_len)))
                }
                100..=199 => continue,
                _ => Err(HandshakeError::Status(Box::new(Rejected::new(&head, &bytes[head_len..])))),
            };
        }
    }

    /// Everything that is written must stay in its place in the head.
    fn check(&self) -> Result<(), RequestError> {
        let is_host_byte =
            |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'?' | b'#' | b'@' | b'\\');
        if self.host.is_empty() || !self.host.bytes().all(is_host_byte) {
            return Err(RequestError::Host);
        }
        let is_target_byte = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        if !self.target.starts_with('/') || !self.target.bytes().all(is_target_byte) {
            return Err(RequestError::Target);
        }
        for (at, protocol) in self.protocols.iter().enumerate() {
            if !is_token(protocol.as_bytes()) || self.protocols[..at].contains(protocol) {
                return Err(RequestError::Protocol);
            }
        }
        field::check(self.headers).map_err(RequestError::Field)
    }

    /// §4.1, the six checks of a client, the sub-protocol among them, and what became of the offer to compress.
    fn check_answer(
        &self,
        head: &ResponseHead<'_>,
    ) -> Result<(Option<&'a str>, Option<Agreement>), HandshakeError> {
        let headers = head.headers();
        if head.version() < Version::Http11 {
            return Err(HandshakeError::Version);
        }
        let upgrade = headers.only("upgrade").ok().flatten();
        if !upgrade.is_some_and(|value| value.eq_ignore_ascii_case(b"websocket")) {
            return Err(HandshakeError::Upgrade);
        }
        if !headers.has_token("connection", "upgrade") {
            return Err(HandshakeError::Connection);
        }
        let accept = headers.only("sec-websocket-accept").ok().flatten();
        if accept != Some(&key::answer(&self.key)) {
            return Err(HandshakeError::Accept);
        }
        let compression = self.agreed_compression(headers)?;
        Ok((self.chosen_protocol(headers)?, compression))
    }

    /// Nothing may be accepted that was not offered.
    fn agreed_compression(&self, headers: &Headers<'_>) -> Result<Option<Agreement>, HandshakeError> {
        let mut accepted = Vec::new();
        for value in headers.all("sec-websocket-extensions") {
            // A field without an extension in it is as good as none.
            if !token::trim(value).is_empty() && parse_extensions(value, &mut accepted).is_err() {
                return Err(HandshakeError::Extension);
            }
        }
        match &self.compression {
            Some(compression) => compression.agreed(&accepted).ok_or(HandshakeError::Extension),
            None if accepted.is_empty() => Ok(None),
            None => Err(HandshakeError::Extension),
        }
    }

    fn chosen_protocol(&self, headers: &Headers<'_>) -> Result<Option<&'a str>, HandshakeError> {
        let chosen = headers.only("sec-websocket-protocol").map_err(|_| HandshakeError::Protocol)?;
        let Some(chosen) = chosen else { return Ok(None) };
        let asked = self.protocols.iter().find(|protocol| protocol.as_bytes() == chosen);
        asked.map(|protocol| Some(*protocol)).ok_or(HandshakeError::Protocol)
    }
}

/// The server agreed: the connection is open.
#[derive(Clone, Debug)]
pub struct Established<'a, 'b> {
    /// The sub-protocol the server chose; `None` if it chose none.
    pub protocol: Option<&'a str>,
    /// How messages may be compressed; `None` if that was not offered, or the server declined.
    pub compression: Option<Agreement>,
    /// The rest of the answer, such as cookies.
    pub head: ResponseHead<'b>,
}

/// A part of a request that may not be sent: most likely an attempt to inject a header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The host is empty or has characters that no host has.
    Host,
    /// The target is not a path with an optional query in visible ASCII, or has a fragment (§3).
    Target,
    /// A sub-protocol that is not a token or stands twice.
    Protocol,
    /// A header field.
    Field(InvalidField),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("the host must be a name or address with an optional port"),
            Self::Target => f.write_str("the target must be a path in ASCII without a fragment"),
            Self::Protocol => f.write_str("sub-protocols must be tokens that differ"),
            Self::Field(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RequestError {}

/// Why the server's answer does not open a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Not an HTTP/1 response, or a limit was reached.
    Head(HeadError),
    /// Another status than 101: the server does not want to, or not yet (401, 429, 503), or elsewhere (3xx).
    Status(Box<Rejected>),
    /// A 101 in HTTP/1.0.
    Version,
    /// `Upgrade` is not `websocket`.
    Upgrade,
    /// `Connection` does not name `Upgrade`.
    Connection,
    /// `Sec-WebSocket-Accept` is not the answer to our key.
    Accept,
    /// `Sec-WebSocket-Protocol` names what was not asked for.
    Protocol,
    /// `Sec-WebSocket-Extensions` names what was not offered, or not as it must be (RFC 7692 §7.1).
    Extension,
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head(error) => error.fmt(f),
            Self::Status(rejected) => write!(f, "the server answered {} instead of 101", rejected.status),
            Self::Version => f.write_str("the server answered in HTTP/1.0; HTTP/1.1 is needed"),
            Self::Upgrade => f.write_str("the server's Upgrade must be websocket"),
            Self::Connection => f.write_str("the server's Connection must name Upgrade"),
            Self::Accept => f.write_str("the server's Sec-WebSocket-Accept must answer our key"),
            Self::Protocol => {
                f.write_str("the server's Sec-WebSocket-Protocol must be one that was asked for")
            }
            Self::Extension => f.write_str("the server's Sec-WebSocket-Extensions must be what was offered"),
        }
    }
}

impl std::error::Error for HandshakeError {}

/// A response other than 101.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The HTTP status.
    pub status: u16,
    /// Its header fields; bytes that are not UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// What had come of the body, at most its first 1,024 bytes.
    pub body_start: Vec<u8>,
}

impl Rejected {
    fn new(head: &ResponseHead<'_>, body: &[u8]) -> Self {
        let owned = |(name, value): (&str, &[u8])| (name.into(), String::from_utf8_lossy(value).into_owned());
        Self {
            status: head.status(),
            headers: head.headers().iter().map(owned).collect(),
            body_start: body[..body.len().min(BODY_START_BYTES_MAX)].to_vec(),
        }
    }

    /// The first field with this name in any case, such as `Location` or `Retry-After`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let field = self.headers.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        field.map(|(_, value)| value.as_str())
    }
}
