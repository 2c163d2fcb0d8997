//! A peer that sends bytes as it likes. Its frame coding is its own, so that a fault of the codec is not answered by the same.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// An answer on a busy machine takes no longer.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) const HEAD: &str = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;
pub(crate) const FIN: u8 = 0x80;

const KEY: [u8; 4] = [0x5a, 0x00, 0xff, 0x31];

/// Which side the attacker is on: a client masks (RFC 6455 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    Client,
    Server,
}

/// What the attacker is told in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// A close frame: its code, 1005 where it holds none.
    Close(u16),
    /// An HTTP answer.
    Status(u16),
    /// The end, in order, without a word.
    End,
    Reset,
    /// Nothing, and the connection is still there.
    Silence,
}

/// A frame: `first` is FIN, the reserved bits and the opcode as on the wire.
pub(crate) fn frame(from: From, first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = header(from, first, payload.len() as u64);
    match from {
        From::Server => out.extend_from_slice(payload),
        From::Client => out.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key)),
    }
    out
}

/// Its first bytes, the masking key included.
pub(crate) fn header(from: From, first: u8, length: u64) -> Vec<u8> {
    let mask = if from == From::Client { 0x80 } else { 0 };
    let mut out = match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => vec![first, mask | short],
        (_, Ok(medium)) => [&[first, mask | 126][..], &medium.to_be_bytes()].concat(),
        _ => [&[first, mask | 127][..], &length.to_be_bytes()].concat(),
    };
    if from == From::Client {
        out.extend_from_slice(&KEY);
    }
    out
}

/// One TCP connection in rude hands.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
}

impl Raw {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.set_write_timeout(Some(SOON)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    pub(crate) fn connect(server: SocketAddr) -> Self {
        Self::new(TcpStream::connect(server).unwrap())
    }

    /// A WebSocket connection.
    pub(crate) fn upgraded(server: SocketAddr) -> Self {
        let mut raw = Self::connect(server);
        raw.send(HEAD.as_bytes());
        let head = raw.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        raw
    }

    /// Sends what is taken; the other side may have answered and closed before the last byte.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// An HTTP head, of a request or a response.
    pub(crate) fn head(&mut self) -> String {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && self.stream.read_exact(&mut byte).is_ok() {
            head.push(byte[0]);
        }
        String::from_utf8(head).unwrap()
    }

    /// The next frame, unmasked: opcode and payload.
    pub(crate) fn frame(&mut self) -> std::io::Result<(u8, Vec<u8>)> {
        let mut header = [0; 2];
        self.stream.read_exact(&mut header)?;
        let length = match header[1] & 0x7f {
            126 => u64::from(u16::from_be_bytes(self.array()?)),
            127 => u64::from_be_bytes(self.array()?),
            length => length.into(),
        };
        let key: [u8; 4] = if header[1] & 0x80 == 0 { [0; 4] } else { self.array()? };
        let mut payload = vec![0; length as usize];
        self.stream.read_exact(&mut payload)?;
        payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        Ok((header[0] & 15, payload))
    }

    fn array<const N: usize>(&mut self) -> std::io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// How the conversation ends: frames before the close frame are passed over.
    pub(crate) fn told(&mut self) -> Told {
        loop {
            match self.frame() {
                Ok((CLOSE, payload)) => {
                    return Told::Close(payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code)));
                }
                Ok(_) => {}
                Err(error) => {
                    return match error.kind() {
                        ErrorKind::WouldBlock | ErrorKind::TimedOut => Told::Silence,
                        ErrorKind::UnexpectedEof => Told::End,
                        _ => Told::Reset,
                    };
                }
            }
        }
    }

    /// The answer to a request.
    pub(crate) fn answer(&mut self) -> Told {
        let head = self.head();
        match head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok()) {
            Some(status) => Told::Status(status),
            None => Told::End,
        }
    }

    pub(crate) fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).ok();
    }

    /// Ends it with a reset.
    pub(crate) fn reset(self) {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).ok();
    }
}
