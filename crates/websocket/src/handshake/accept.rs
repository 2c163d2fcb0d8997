//! The server's part of the opening handshake (RFC 6455 §4.2).

use super::extension::{ExtensionOffer, parse_extensions};
use super::field::{self, InvalidField};
use super::head::{Headers, RequestHead, Version};
use super::key;
use super::refusal::Refusal;
use super::token;
use crate::deflate::{Agreement, Compression};

/// A handshake that may be answered with 101.
#[derive(Clone, Debug)]
pub struct Acceptance<'h, 'p> {
    /// The sub-protocol, by the server's preference; `None` if there is none in common. A browser that asked for one
    /// closes the connection then.
    pub protocol: Option<&'p str>,
    /// The extensions that the client offers. None is accepted but by [`compress`](Self::compress).
    pub extensions: Vec<ExtensionOffer<'h>>,
    accepted: Option<String>,
    accept: key::Accept,
}

impl Acceptance<'_, '_> {
    /// Accepts the first offer of permessage-deflate that the options allow, and says what was agreed on; `None` if there is
    /// none. To be called before [`write`](Self::write).
    pub fn compress(&mut self, options: &Compression) -> Option<Agreement> {
        let (agreement, accepted) = options.answer(&self.extensions)?;
        self.accepted = Some(accepted);
        Some(agreement)
    }

    /// Appends the 101 response. What follows it on the wire is frames.
    ///
    /// # Errors
    /// [`InvalidField`] if a field may not be added; then nothing is written.
    pub fn write(&self, extra_headers: &[(&str, &str)], out: &mut Vec<u8>) -> Result<(), InvalidField> {
        field::check(extra_headers)?;
        out.extend_from_slice(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ",
        );
        out.extend_from_slice(&self.accept);
        out.extend_from_slice(b"\r\n");
        if let Some(protocol) = self.protocol {
            field::write(&[("Sec-WebSocket-Protocol", protocol)], out);
        }
        if let Some(accepted) = &self.accepted {
            field::write(&[("Sec-WebSocket-Extensions", accepted)], out);
        }
        field::write(extra_headers, out);
        out.extend_from_slice(b"\r\n");
        Ok(())
    }
}

/// Checks a client's handshake against every MUST of §4.2.1 and chooses a sub-protocol; `protocols` are the server's,
/// the most preferred first. Origin and path are the caller's to judge.
///
/// ```
/// use wavecast_websocket::{Limits, handshake};
///
/// let bytes = b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
/// let (head, head_len) = handshake::parse_request(bytes, &Limits::DEFAULT).unwrap().unwrap();
/// assert_eq!(head_len, bytes.len());
/// let mut out = Vec::new();
/// match handshake::accept(&head, &["chat"]) {
///     Ok(acceptance) => acceptance.write(&[("Server", "example")], &mut out).unwrap(),
///     Err(refusal) => refusal.write(&mut out),
/// }
/// assert!(out.starts_with(b"HTTP/1.1 101 "));
/// ```
///
/// # Errors
/// A [`Refusal`] with its status: 405, 426, 505, otherwise 400.
pub fn accept<'h, 'p>(head: &RequestHead<'h>, protocols: &[&'p str]) -> Result<Acceptance<'h, 'p>, Refusal> {
    check_request_line(head)?;
    let headers = head.headers();
    let host = only(headers, "host", "Host must stand once")?;
    if host.is_none() {
        return Err(Refusal::new(400, "Host is missing"));
    }
    if !headers.has_token("upgrade", "websocket") {
        return Err(Refusal::new(426, "this address speaks WebSocket: Upgrade must name websocket"));
    }
    if !headers.has_token("connection", "upgrade") {
        return Err(Refusal::new(400, "Connection must name Upgrade"));
    }
    check_no_body(headers)?;
    let key = only(headers, "sec-websocket-key", "Sec-WebSocket-Key must stand once")?;
    let Some(key) = key.filter(|key| key::is_valid(key)) else {
        return Err(Refusal::new(400, "Sec-WebSocket-Key must be 16 bytes in base64"));
    };
    let version = only(headers, "sec-websocket-version", "Sec-WebSocket-Version must stand once")?;
    if version != Some(b"13") {
        return Err(Refusal::new(426, "Sec-WebSocket-Version must be 13"));
    }
    let offered = offered_protocols(headers)?;
    let mut extensions = Vec::new();
    for value in headers.all("sec-websocket-extensions") {
        parse_extensions(value, &mut extensions).map_err(|error| Refusal::new(400, error.to_string()))?;
    }
    Ok(Acceptance {
        protocol: protocols.iter().copied().find(|protocol| offered.contains(&protocol.as_bytes())),
        extensions,
        accepted: None,
        accept: key::answer(key),
    })
}

fn check_request_line(head: &RequestHead<'_>) -> Result<(), Refusal> {
    if head.method() != "GET" {
        return Err(Refusal::new(405, "a WebSocket handshake must be a GET"));
    }
    if head.version() < Version::Http11 {
        return Err(Refusal::new(505, "a WebSocket handshake needs HTTP/1.1"));
    }
    // §3: a fragment identifier has no meaning and must not be sent.
    let target = head.target();
    if head.path().is_none() || !target.is_ascii() || target.contains('#') {
        return Err(Refusal::new(400, "the request target must be a path without a fragment"));
    }
    Ok(())
}

/// Bytes after the head are frames to us; a proxy that took them for a body would disagree on where requests begin.
fn check_no_body(headers: &Headers<'_>) -> Result<(), Refusal> {
    let has_length = headers.all("content-length").any(|length| length != b"0");
    if has_length || headers.all("transfer-encoding").next().is_some() {
        return Err(Refusal::new(400, "a WebSocket handshake has no body"));
    }
    Ok(())
}

/// The client's sub-protocols: one list, maybe over several fields, of tokens that differ (§4.1, item 10).
fn offered_protocols<'h>(headers: &Headers<'h>) -> Result<Vec<&'h [u8]>, Refusal> {
    let mut offered = Vec::new();
    for list in headers.all("sec-websocket-protocol") {
        let before = offered.len();
        for protocol in token::elements(list) {
            if !token::is_token(protocol) || offered.contains(&protocol) {
                return Err(Refusal::new(400, "Sec-WebSocket-Protocol must be a list of names that differ"));
            }
            offered.push(protocol);
        }
        if offered.len() == before {
            return Err(Refusal::new(400, "Sec-WebSocket-Protocol must name a protocol"));
        }
    }
    Ok(offered)
}

fn only<'h>(headers: &Headers<'h>, name: &str, reason: &'static str) -> Result<Option<&'h [u8]>, Refusal> {
    headers.only(name).map_err(|_| Refusal::new(400, reason))
}
