//! Answers to pings, held within a bound (RFC 6455 §5.5.2, §5.5.3).

use crate::frame::{self, CONTROL_BYTES_MAX, Opcode};
use crate::limits::Limits;
use crate::mask::Key;

/// The pongs of one connection that wait to be sent, 16 bytes.
///
/// A peer that sends pings and does not read would pile up pongs. Past
/// [`pongs_pending_max`](Limits::pongs_pending_max) only the latest ping is remembered, and answered once what waits
/// has gone out: §5.5.3 allows to answer only the most recent one.
#[derive(Debug, Default)]
pub struct Pongs {
    latest: Option<Box<Payload>>,
    pending: u16,
}

#[derive(Debug)]
struct Payload {
    bytes: [u8; CONTROL_BYTES_MAX],
    len: u8,
}

impl Pongs {
    /// None waiting.
    #[must_use]
    pub const fn new() -> Self {
        Self { latest: None, pending: 0 }
    }

    /// Answers a ping: appends the pong to `out` and returns `true`, or keeps the payload for later and returns
    /// `false`. `key` is new randomness in the client role and `None` in the server role.
    pub fn answer(&mut self, ping: &[u8], limits: &Limits, key: Option<Key>, out: &mut Vec<u8>) -> bool {
        let len = ping.len().min(CONTROL_BYTES_MAX);
        let ping = &ping[..len];
        if self.pending < limits.pongs_pending_max {
            self.pending += 1;
            frame::encode(Opcode::Pong, ping, key, out);
            return true;
        }
        let latest =
            self.latest.get_or_insert_with(|| Box::new(Payload { bytes: [0; CONTROL_BYTES_MAX], len: 0 }));
        latest.bytes[..len].copy_from_slice(ping);
        latest.len = len as u8;
        false
    }

    /// All pongs written so far have left for the kernel. Appends the one that was kept, if any, to `out` and returns
    /// whether it did.
    pub fn flushed(&mut self, key: Option<Key>, out: &mut Vec<u8>) -> bool {
        self.pending = 0;
        let Some(latest) = self.latest.take() else { return false };
        self.pending = 1;
        frame::encode(Opcode::Pong, &latest.bytes[..usize::from(latest.len)], key, out);
        true
    }

    /// Whether nothing was answered since all has left.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.pending == 0 && self.latest.is_none()
    }

    /// Pongs written and not yet flushed.
    #[must_use]
    pub const fn pending(&self) -> u16 {
        self.pending
    }
}
