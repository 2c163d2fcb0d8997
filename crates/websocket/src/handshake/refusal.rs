//! The answer to a request that is not accepted: a complete HTTP/1.1 response.

use super::field::{self, InvalidField};
use super::head::HeadError;
use std::borrow::Cow;
use std::fmt;

/// Why a handshake is refused, and with which status. The connection ends after the response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status, 300 to 599.
    pub status: u16,
    /// What the body says, for people.
    pub reason: Cow<'static, str>,
}

impl Refusal {
    /// A refusal of the caller's own: 403 for an origin, 404 for a path, 503 while draining.
    pub fn new(status: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { status, reason: reason.into() }
    }

    /// Appends the response: status line, fields, and the reason as text.
    ///
    /// ```
    /// use wavecast_websocket::handshake::Refusal;
    ///
    /// let mut out = Vec::new();
    /// Refusal::new(403, "this origin is not allowed").write(&mut out);
    /// assert!(out.starts_with(b"HTTP/1.1 403 Forbidden\r\n"));
    /// ```
    pub fn write(&self, out: &mut Vec<u8>) {
        self.write_head(out);
        self.write_body(out);
    }

    /// As [`write`](Self::write), with more header fields, such as `Retry-After`.
    ///
    /// # Errors
    /// [`InvalidField`]; then nothing is written.
    pub fn write_with(&self, headers: &[(&str, &str)], out: &mut Vec<u8>) -> Result<(), InvalidField> {
        field::check(headers)?;
        self.write_head(out);
        field::write(headers, out);
        self.write_body(out);
        Ok(())
    }

    fn write_head(&self, out: &mut Vec<u8>) {
        let status = self.status.clamp(300, 599);
        out.extend_from_slice(format!("HTTP/1.1 {status} {}\r\n", phrase(status)).as_bytes());
        // What RFC 9110 demands beside the status: §15.5.6, §15.5.22 with §7.8; and RFC 6455 §4.4.
        out.extend_from_slice(match status {
            405 => b"Connection: close\r\nAllow: GET\r\n",
            426 => b"Connection: close, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            _ => b"Connection: close\r\n".as_slice(),
        });
    }

    fn write_body(&self, out: &mut Vec<u8>) {
        let len = self.reason.len() + 1;
        out.extend_from_slice(
            format!("Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len}\r\n\r\n").as_bytes(),
        );
        out.extend_from_slice(self.reason.as_bytes());
        out.push(b'\n');
    }
}

impl From<HeadError> for Refusal {
    fn from(error: HeadError) -> Self {
        Self::new(error.status(), error.to_string())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.status)
    }
}

impl std::error::Error for Refusal {}

/// The words after the status: recipients ignore them (RFC 9112 §4), so a status that is not listed has none.
const fn phrase(status: u16) -> &'static str {
    match status {
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        421 => "Misdirected Request",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
