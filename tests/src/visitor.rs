//! A client that may misbehave: raw bytes, frames as it likes, and every wait bounded.
//!
//! It has its own few lines of frame coding, so that a fault in the house's codec is not answered by the same fault here.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The sample nonce of RFC 6455 §1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// Where the Centrifuge protocol is served.
const PATH: &str = "/connection/websocket";
/// Any other key masks as well.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// Connecting to a loopback address and one write take no longer.
const IO_MAX: Duration = Duration::from_secs(10);

/// Opcodes of RFC 6455 §5.2.
pub mod opcode {
    /// Text message.
    pub const TEXT: u8 = 0x1;
    /// Binary message.
    pub const BINARY: u8 = 0x2;
    /// Closing handshake.
    pub const CLOSE: u8 = 0x8;
    /// Ping.
    pub const PING: u8 = 0x9;
    /// Pong.
    pub const PONG: u8 = 0xA;
}

/// One TCP connection to the server.
pub struct Visitor {
    stream: TcpStream,
    received: Vec<u8>,
}

/// What the server said next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A text message.
    Text(String),
    /// A close frame: code (`None` where it held none) and reason.
    Close(Option<u16>, String),
    /// Any other frame: opcode and payload.
    Frame(u8, Vec<u8>),
    /// The connection ended, in order or by a reset.
    End,
    /// Nothing in the time given.
    Silence,
}

impl Visitor {
    /// Opens the TCP connection and says nothing.
    ///
    /// # Errors
    /// Whatever connecting meets.
    pub fn connect(server: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&server, IO_MAX)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(IO_MAX))?;
        Ok(Self { stream, received: Vec::new() })
    }

    /// Opens a WebSocket connection.
    ///
    /// # Panics
    /// If the server does not answer 101.
    #[must_use]
    pub fn upgraded(server: SocketAddr) -> Self {
        let mut visitor = Self::connect(server).expect("the server accepts");
        visitor.send(&upgrade_request(server, "")).expect("a request can be sent");
        let answer = visitor.response(IO_MAX);
        assert!(answer.starts_with("HTTP/1.1 101 "), "no upgrade: {answer}");
        visitor
    }

    /// Opens a WebSocket connection and sends `connect`; the user is anonymous.
    ///
    /// # Panics
    /// If the reply is not a connect result.
    #[must_use]
    pub fn session(server: SocketAddr) -> Self {
        let mut visitor = Self::upgraded(server);
        visitor.begin();
        visitor
    }

    /// Sends `connect` on a WebSocket connection.
    ///
    /// # Panics
    /// If the reply is not a connect result.
    pub fn begin(&mut self) {
        self.send_text(r#"{"id":1,"connect":{"name":"visitor"}}"#);
        let reply = self.reply(1, IO_MAX);
        assert!(reply["connect"]["client"].is_string(), "no session: {reply}");
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// As [`Write::write_all`]: among others a server that has closed.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends one masked text frame. A server that has closed meanwhile is no fault here: what it said is still to be read.
    pub fn send_text(&mut self, text: &str) {
        let _ = self.send(&frame(opcode::TEXT, text.as_bytes()));
    }

    /// Reads an HTTP response until its body is complete or the connection ends, and returns it as text: what came, if the
    /// time is over.
    ///
    /// # Panics
    /// Never; bytes that are not UTF-8 are replaced.
    pub fn response(&mut self, within: Duration) -> String {
        let end = Instant::now() + within;
        loop {
            if let Some(length) = response_length(&self.received) {
                return String::from_utf8_lossy(&self.received.drain(..length).collect::<Vec<_>>())
                    .into_owned();
            }
            if !matches!(self.fill(end), Ok(true)) {
                return String::from_utf8_lossy(&std::mem::take(&mut self.received)).into_owned();
            }
        }
    }

    /// The next frame, or that there is none.
    pub fn next(&mut self, within: Duration) -> Heard {
        let end = Instant::now() + within;
        loop {
            if let Some((opcode, payload)) = take_frame(&mut self.received) {
                return match opcode {
                    opcode::TEXT => Heard::Text(String::from_utf8(payload).expect("a server sends UTF-8")),
                    opcode::CLOSE => heard_close(&payload),
                    other => Heard::Frame(other, payload),
                };
            }
            match self.fill(end) {
                Ok(true) => {}
                Ok(false) => return Heard::End,
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Heard::Silence;
                }
                Err(_) => return Heard::End,
            }
        }
    }

    /// Passes over everything until the closing frame or the end.
    pub fn ending(&mut self, within: Duration) -> Heard {
        let end = Instant::now() + within;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.next(left) {
                heard @ (Heard::Close(..) | Heard::End | Heard::Silence) => return heard,
                Heard::Text(_) | Heard::Frame(..) => {}
            }
        }
    }

    /// The reply to command `id`; pushes and pings before it are passed over, pings answered.
    ///
    /// # Panics
    /// If the connection ends or the time is over first.
    pub fn reply(&mut self, id: u64, within: Duration) -> Value {
        let end = Instant::now() + within;
        loop {
            match self.next(end.saturating_duration_since(Instant::now())) {
                Heard::Text(text) => {
                    for message in text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
                    {
                        if message["id"] == id {
                            return message;
                        }
                        if message.as_object().is_some_and(serde_json::Map::is_empty) {
                            self.send_text("{}");
                        }
                    }
                }
                Heard::Frame(..) => {}
                ended => panic!("no reply to command {id}: {ended:?}"),
            }
        }
    }

    /// Begins the closing handshake.
    pub fn send_close(&mut self, code: u16) {
        let _ = self.send(&frame(opcode::CLOSE, &code.to_be_bytes()));
    }

    /// Resets the connection.
    pub fn reset(self) {
        // Without lingering, closing discards what is under way (SO_LINGER in socket(7)).
        let _ = rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO));
    }

    /// Ends the sending side.
    pub fn finish(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Reads once; `Ok(false)` at the end of the stream.
    fn fill(&mut self, end: Instant) -> io::Result<bool> {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        let mut buffer = [0; 16 * 1024];
        let count = self.stream.read(&mut buffer)?;
        self.received.extend_from_slice(&buffer[..count]);
        Ok(count > 0)
    }
}

/// A complete opening handshake, with further header lines (each ended by CR LF).
#[must_use]
pub fn upgrade_request(server: SocketAddr, more: &str) -> Vec<u8> {
    format!(
        "GET {PATH} HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
    )
    .into_bytes()
}

/// A whole masked frame.
#[must_use]
pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = header(0x80 | opcode, true, payload.len() as u64);
    out.extend_from_slice(&MASK);
    out.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ MASK[i % 4]));
    out
}

/// A frame's first bytes without the masking key: `first` is FIN, the reserved bits and the opcode as on the wire.
#[must_use]
pub fn header(first: u8, masked: bool, length: u64) -> Vec<u8> {
    let bit = if masked { 0x80 } else { 0 };
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => vec![first, bit | short],
        (_, Ok(medium)) => [&[first, bit | 126][..], &medium.to_be_bytes()].concat(),
        _ => [&[first, bit | 127][..], &length.to_be_bytes()].concat(),
    }
}

/// Takes a server's frame off the front, if it is whole.
fn take_frame(received: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let (first, second) = (*received.first()?, *received.get(1)?);
    assert_eq!(second & 0x80, 0, "a server does not mask (RFC 6455 §5.1)");
    assert_eq!(first & 0xF0, 0x80, "this server sends whole messages without extensions");
    let (start, length) = match second {
        126 => (4, usize::from(u16::from_be_bytes(received.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(received.get(2..10)?.try_into().ok()?)).ok()?),
        short => (2, usize::from(short)),
    };
    let payload = received.get(start..start + length)?.to_vec();
    received.drain(..start + length);
    Some((first & 0x0F, payload))
}

fn heard_close(payload: &[u8]) -> Heard {
    let code = payload.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
    Heard::Close(code, String::from_utf8_lossy(payload.get(2..).unwrap_or_default()).into_owned())
}

/// The length of a complete response at the front: head and `Content-Length`; `None` while incomplete.
fn response_length(received: &[u8]) -> Option<usize> {
    let head_end = received.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&received[..head_end]).to_lowercase();
    let body =
        head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    let whole = head_end + body.unwrap_or(0);
    (received.len() >= whole).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_lengths_take_the_shortest_form() {
        assert_eq!(header(0x81, true, 125), [0x81, 0xFD]);
        assert_eq!(header(0x81, true, 126), [0x81, 0xFE, 0, 126]);
        assert_eq!(header(0x82, false, 65_536), [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn frames_are_taken_one_by_one() {
        let mut received =
            [&header(0x81, false, 2)[..], b"hi", &header(0x88, false, 2), &1000u16.to_be_bytes()].concat();
        assert_eq!(take_frame(&mut received), Some((opcode::TEXT, b"hi".to_vec())));
        assert_eq!(take_frame(&mut received), Some((opcode::CLOSE, vec![3, 232])));
        assert_eq!(take_frame(&mut received), None);
    }

    #[test]
    fn a_response_ends_with_its_body() {
        let bytes = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nnoX";
        assert_eq!(response_length(&bytes[..bytes.len() - 1]), None);
        assert_eq!(response_length(bytes), Some(bytes.len()));
    }
}
