//! One connection of a load: non-blocking, with nothing kept but what has not fitted yet.

use std::io::{self, ErrorKind, Read};
use std::mem;
use std::net::{Ipv4Addr, SocketAddr};

use memchr::memchr;
use mio::net::TcpStream;
use wavecast_websocket::deflate::Inflater;
use wavecast_websocket::frame::{self, Opcode, Reserved};

use super::backlog;
use super::conversation::{self, MASKING_KEY, Said, Script};
use super::dial;
use super::pattern::Pattern;
use super::scan::{self, Layout, Line};
use super::stamp::{self, Stamp};
use super::tally::Tally;
use super::unsent;

/// A connection and how far it has come.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    stage: Stage,
    /// The beginning of a frame whose end has not come yet.
    carry: Vec<u8>,
    /// What the kernel has not taken yet.
    unsent: Vec<u8>,
    /// Sequence number of the last delivery.
    received: u32,
    /// Sequence number of the last message sent.
    sent: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Connecting,
    Upgrading,
    Joining { answers_missing: u32 },
    Live,
}

/// What all connections of a load share while they receive.
#[derive(Debug)]
pub(super) struct Reception {
    pub(super) script: Script,
    pub(super) tally: Tally,
    /// Deliveries are alike on all connections, so one layout serves all.
    pub(super) layout: Layout,
    pub(super) frame_bytes_max: usize,
    /// Nothing is taken over from message to message, so one serves all connections.
    pub(super) inflater: Inflater,
}

impl Connection {
    /// Begins to connect.
    pub(super) fn open(address: SocketAddr, source: Option<Ipv4Addr>) -> io::Result<Self> {
        let stream = dial::begin(address, source)?;
        Ok(Self {
            stream,
            stage: Stage::Connecting,
            carry: Vec::new(),
            unsent: Vec::new(),
            received: 0,
            sent: 0,
        })
    }

    /// Joined, and everything that comes counts.
    pub(super) fn is_live(&self) -> bool {
        self.stage == Stage::Live
    }

    /// The socket has become writable: it is connected, or takes what is unsent.
    pub(super) fn writable(&mut self, script: &Script) -> Result<(), String> {
        if self.stage != Stage::Connecting {
            return self.flush();
        }
        dial::check(&self.stream)?;
        match &script.upgrade {
            Some(upgrade) => {
                self.stage = Stage::Upgrading;
                self.unsent.extend_from_slice(upgrade.request());
                self.flush()
            }
            None => {
                self.stage = Stage::Live;
                Ok(())
            }
        }
    }

    /// The socket has become readable: reads it empty and returns the number of deliveries.
    pub(super) fn readable(&mut self, buffer: &mut [u8], reception: &mut Reception) -> Result<u32, String> {
        let mut deliveries = 0;
        loop {
            let carried = self.carry.len();
            buffer[..carried].copy_from_slice(&self.carry);
            let read = match self.stream.read(&mut buffer[carried..]) {
                Ok(0) => return Err("the server ended the connection".into()),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(deliveries),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.to_string()),
            };
            reception.tally.count_read(read);
            let filled = carried + read;
            let (taken, delivered) = self.take(&buffer[..filled], reception)?;
            deliveries += delivered;
            self.carry.clear();
            self.carry.extend_from_slice(&buffer[taken..filled]);
            // A short read has emptied the socket, and whatever comes next is a new event: epoll(7), edge-triggered.
            if filled < buffer.len() {
                return Ok(deliveries);
            }
        }
    }

    /// Takes what is whole; returns how many bytes that was, and how many deliveries were in it.
    fn take(&mut self, bytes: &[u8], reception: &mut Reception) -> Result<(usize, u32), String> {
        let mut at = 0;
        if self.stage == Stage::Upgrading
            && let Some(upgrade) = &reception.script.upgrade
        {
            let Some(head_bytes) = upgrade.check(bytes)? else { return Ok((0, 0)) };
            at = head_bytes;
            self.unsent.extend_from_slice(&reception.script.join);
            self.flush()?;
            let answers_missing = reception.script.answers;
            self.stage = if answers_missing == 0 { Stage::Live } else { Stage::Joining { answers_missing } };
        }
        let (now_ns, mut deliveries) = (stamp::now_ns(), 0);
        let agreed = if reception.script.compressed { Reserved::RSV1 } else { Reserved::NONE };
        let next = |at: usize, frame_bytes_max: usize| {
            scan::frame(bytes, at, frame_bytes_max, agreed).map_err(|error| error.to_string())
        };
        while let Some(frame) = next(at, reception.frame_bytes_max)? {
            at = frame.payload.end;
            let payload = &bytes[frame.payload];
            match frame.opcode {
                Opcode::Text | Opcode::Binary if frame.deflated => {
                    let mut inflater = mem::take(&mut reception.inflater);
                    let message = inflater.message(payload, false, reception.frame_bytes_max);
                    let message = message.map_err(|_| "the server sent what cannot be inflated")?;
                    deliveries += self.take_message(message, reception, now_ns)?;
                    reception.inflater = inflater;
                }
                Opcode::Text | Opcode::Binary => {
                    deliveries += self.take_message(payload, reception, now_ns)?;
                }
                Opcode::Close => return Err(conversation::describe_close(payload)),
                Opcode::Ping => {
                    frame::encode(Opcode::Pong, payload, Some(MASKING_KEY), &mut self.unsent);
                    self.flush()?;
                }
                Opcode::Pong | Opcode::Continuation => {}
            }
        }
        Ok((at, deliveries))
    }

    fn take_message(
        &mut self,
        message: &[u8],
        reception: &mut Reception,
        now_ns: u64,
    ) -> Result<u32, String> {
        let Reception { script, tally, layout, .. } = reception;
        if script.echoes {
            let stamp = stamp::read_echo(message, now_ns).ok_or("the server sent what is no echo")?;
            tally.count_delivery(stamp, &mut self.received, now_ns);
            return Ok(1);
        }
        let (mut deliveries, mut said) = (0, Ok(()));
        // Until everything has been answered the lines are replies: what they bring of the past is no delivery.
        let mut rest = message;
        while matches!(self.stage, Stage::Joining { .. }) && !rest.is_empty() {
            let (line, behind) = rest.split_at(memchr(b'\n', rest).unwrap_or(rest.len()));
            rest = behind.get(1..).unwrap_or_default();
            if script.missed > 0 && backlog::is_exact(line, script.missed) {
                tally.count_recovered();
            }
            self.hear(line, script)?;
        }
        layout.lines(rest, |line| match line {
            Line::Delivery(stamp) => {
                deliveries += 1;
                tally.count_delivery(stamp, &mut self.received, now_ns);
            }
            Line::Other(text) if said.is_ok() => said = self.hear(text, script),
            Line::Other(_) => {}
        });
        said.map(|()| deliveries)
    }

    fn hear(&mut self, line: &[u8], script: &Script) -> Result<(), String> {
        match (conversation::understand(line), self.stage) {
            (Said::Ping, _) => {
                self.unsent.extend_from_slice(&script.pong);
                return self.flush();
            }
            (Said::Answer, Stage::Joining { answers_missing: 1 }) => self.stage = Stage::Live,
            (Said::Answer, Stage::Joining { answers_missing }) => {
                self.stage = Stage::Joining { answers_missing: answers_missing - 1 };
            }
            (Said::Refusal(reason), _) => return Err(reason),
            (Said::Answer | Said::Aside, _) => {}
        }
        Ok(())
    }

    /// The next message sent is number 1 again, and so is the next one expected.
    pub(super) fn restart_numbers(&mut self) {
        (self.sent, self.received) = (0, 0);
    }

    /// Sends up to `count` messages, as long as fewer than `last` have been sent in all; they are numbered from 1.
    pub(super) fn send_stamped(
        &mut self,
        count: u32,
        last: u32,
        pattern: &mut Pattern,
    ) -> Result<(), String> {
        let sent_ns = stamp::now_ns();
        for _ in 0..count.min(last.saturating_sub(self.sent)) {
            self.sent += 1;
            self.unsent.extend_from_slice(pattern.stamped(Stamp { sent_ns, sequence: self.sent }));
        }
        self.flush()
    }

    /// What may wait is bounded by the messages outstanding and one pong a ping.
    fn flush(&mut self) -> Result<(), String> {
        unsent::flush(&mut self.unsent, &mut self.stream)
    }
}
