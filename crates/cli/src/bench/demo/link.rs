//! A visitor's connection: non-blocking, with nothing kept but what has not fitted yet.

use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;

use mio::net::TcpStream;
use wavecast_websocket::frame::{self, Opcode};

use super::super::conversation::MASKING_KEY;
use super::super::dial;
use super::super::unsent;
use super::super::upgrade::Upgrade;

/// A connection and how far it has come.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) stream: TcpStream,
    stage: Stage,
    /// The beginning of a frame whose end has not come yet.
    carry: Vec<u8>,
    /// What the kernel has not taken yet.
    unsent: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Connecting,
    Upgrading,
    Open,
}

impl Link {
    /// Begins to connect.
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = dial::begin(address, None)?;
        Ok(Self { stream, stage: Stage::Connecting, carry: Vec::new(), unsent: Vec::new() })
    }

    /// The socket has become writable: it is connected, or takes what is unsent.
    pub(super) fn writable(&mut self, upgrade: &Upgrade) -> Result<(), String> {
        if self.stage == Stage::Connecting {
            dial::check(&self.stream)?;
            self.stage = Stage::Upgrading;
            self.unsent.extend_from_slice(upgrade.request());
        }
        self.flush()
    }

    /// Reads once, behind what was kept; how much of the buffer is filled then, or `None` when there is nothing to read.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, String> {
        let carried = self.carry.len();
        buffer[..carried].copy_from_slice(&self.carry);
        loop {
            return match self.stream.read(&mut buffer[carried..]) {
                Ok(0) => Err("the server ended the connection".into()),
                Ok(read) => Ok(Some(carried + read)),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
                Err(error) => Err(error.to_string()),
            };
        }
    }

    /// How much of what was read is the answer to the handshake: `Some(0)` once that is over, `None` while it is incomplete.
    pub(super) fn handshake(&mut self, bytes: &[u8], upgrade: &Upgrade) -> Result<Option<usize>, String> {
        if self.stage == Stage::Open {
            return Ok(Some(0));
        }
        let head_bytes = upgrade.check(bytes)?;
        if head_bytes.is_some() {
            self.stage = Stage::Open;
        }
        Ok(head_bytes)
    }

    /// Keeps for the next read what could not be taken yet.
    pub(super) fn keep(&mut self, rest: &[u8]) {
        self.carry.clear();
        self.carry.extend_from_slice(rest);
    }

    /// Bytes that are kept for the next read.
    pub(super) fn kept(&self) -> usize {
        self.carry.len()
    }

    /// Sends one frame.
    pub(super) fn send(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), String> {
        frame::encode(opcode, payload, Some(MASKING_KEY), &mut self.unsent);
        self.flush()
    }

    /// What may wait is bounded by what a visitor has to say.
    fn flush(&mut self) -> Result<(), String> {
        unsent::flush(&mut self.unsent, &mut self.stream)
    }
}
