//! What a shard counts: each number has one writer, and whoever asks reads it without holding anybody up.
//!
//! Only the shard's thread writes, so a count is a load and a store of its own cache line, and no atomic addition.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Turns are counted by how long they took, up to each of these and beyond.
pub const TURN_BOUNDS: [Duration; 8] = [
    Duration::from_micros(100),
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// What has passed through a shard since it began, and what it has now.
///
/// Numbers that belong together are read one after the other: they may be a turn apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections that came in, or were handed in.
    pub accepted: u64,
    /// Connections that were turned away since the shard was full.
    pub refused_full: u64,
    /// Connections that sent no whole request head in time: 408.
    pub refused_late: u64,
    /// Connections that sent something else than a request head, or too long a one.
    pub refused_head: u64,
    /// WebSocket handshakes that are not right (RFC 6455 §4.2.1).
    pub refused_handshake: u64,
    /// Connections that spoke no TLS where it is spoken, or showed a certificate that is not let in.
    pub refused_tls: u64,
    /// Connections at this moment, however far they have come.
    pub connections: u64,
    /// Of these, the ones that are open.
    pub open: u64,
    /// Bytes received, after TLS.
    pub bytes_in: u64,
    /// Bytes given to the system to send, before TLS.
    pub bytes_out: u64,
    /// In so many pieces.
    pub sends: u64,
    /// Turns of the event loop that have begun.
    pub turns: u64,
    /// Time spent in turns, not waiting: nanoseconds.
    pub busy_ns: u64,
    /// Turns that took as long as the bound in [`TURN_BOUNDS`] and longer than the one before; the last: longer than all.
    pub turns_within: [u64; TURN_BOUNDS.len() + 1],
}

/// A number that one thread counts and any may read.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.set(self.get().wrapping_add(more));
    }

    pub(crate) fn set(&self, number: u64) {
        self.0.store(number, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Where a shard counts. On cache lines of its own (two at a time, since processors fetch them in pairs).
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Tally {
    pub(crate) accepted: Count,
    pub(crate) refused_full: Count,
    pub(crate) refused_late: Count,
    pub(crate) refused_head: Count,
    pub(crate) refused_handshake: Count,
    pub(crate) refused_tls: Count,
    pub(crate) connections: Count,
    pub(crate) open: Count,
    pub(crate) bytes_in: Count,
    pub(crate) bytes_out: Count,
    pub(crate) sends: Count,
    turns: Count,
    busy_ns: Count,
    turns_within: [Count; TURN_BOUNDS.len() + 1],
}

impl Tally {
    /// A turn begins.
    pub(crate) fn turn_begins(&self) {
        self.turns.add(1);
    }

    /// A turn has ended that took so long.
    pub(crate) fn turn_took(&self, time: Duration) {
        self.busy_ns.add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        let within = TURN_BOUNDS.iter().position(|bound| time <= *bound).unwrap_or(TURN_BOUNDS.len());
        self.turns_within[within].add(1);
    }

    /// A send of so many bytes.
    pub(crate) fn sent(&self, bytes: usize) {
        self.bytes_out.add(bytes as u64);
        self.sends.add(1);
    }

    pub(crate) fn traffic(&self) -> Traffic {
        Traffic {
            accepted: self.accepted.get(),
            refused_full: self.refused_full.get(),
            refused_late: self.refused_late.get(),
            refused_head: self.refused_head.get(),
            refused_handshake: self.refused_handshake.get(),
            refused_tls: self.refused_tls.get(),
            connections: self.connections.get(),
            open: self.open.get(),
            bytes_in: self.bytes_in.get(),
            bytes_out: self.bytes_out.get(),
            sends: self.sends.get(),
            turns: self.turns.get(),
            busy_ns: self.busy_ns.get(),
            turns_within: std::array::from_fn(|n| self.turns_within[n].get()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_counted_once_by_its_time() {
        let tally = Tally::default();
        for time in [Duration::ZERO, TURN_BOUNDS[0], TURN_BOUNDS[1], Duration::from_secs(7)] {
            tally.turn_begins();
            tally.turn_took(time);
        }
        let Traffic { turns, busy_ns, turns_within, .. } = tally.traffic();
        assert_eq!((turns, busy_ns), (4, 7_001_100_000));
        assert_eq!(turns_within, [2, 1, 0, 0, 0, 0, 0, 0, 1]);
    }
}
