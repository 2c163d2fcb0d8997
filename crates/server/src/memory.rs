//! What the node holds for its clients and channels, against `memory.max`, and what happens near it.
//!
//! | from this part of `memory.max` on | what happens |
//! | --- | --- |
//! | 80 % | new connections are refused with 503 |
//! | 90 % | history is trimmed, the oldest first, down to 85 %; whoever asks for what has gone is told of a gap |
//! | 95 % | clients that are behind, those with the longest queues first, are disconnected with 3008, until 90 % would be reached |
//! | 100 % | publications are refused with 111 until there is room again |
//!
//! Counted are outboxes (a frame that many wait for once), history, presence, channels and their positions, sessions with
//! what waits behind a hook, the queue of events, and answers to polls. What the kernel holds for sockets comes on top: it is
//! logged beside the rest, not counted, since nobody here can take it back.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};

const REFUSE_PERCENT: usize = 80;
pub(crate) const TRIMMED_PERCENT: usize = 85;
pub(crate) const TRIM_PERCENT: usize = 90;
const CUT_PERCENT: usize = 95;

/// How near the limit the node is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Pressure {
    #[default]
    None,
    RefuseConnections,
    TrimHistory,
    CutSlow,
    RefusePublications,
}

/// What is held, and how near the limit that is.
#[derive(Debug)]
pub(crate) struct Memory {
    max: usize,
    shards: Box<[Shard]>,
    pressure: AtomicU8,
}

/// What one shard holds; it writes each turn, and everybody reads: on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard {
    outboxes: AtomicUsize,
    sessions: AtomicUsize,
}

/// What is held, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Frames that wait for clients, a shared one once.
    pub outboxes: usize,
    /// Sessions and connections, with commands that wait behind a hook.
    pub sessions: usize,
    /// Publications that are kept.
    pub history: usize,
    /// Who is present.
    pub presence: usize,
    /// Channels: names, positions, and the tables they are found in.
    pub channels: usize,
    /// Events that wait for the back end.
    pub events: usize,
    /// Answers to polls that wait to be sent, or are remembered for others.
    pub polls: usize,
}

impl Held {
    /// All of it.
    #[must_use]
    pub fn sum(&self) -> usize {
        let Self { outboxes, sessions, history, presence, channels, events, polls } = self;
        outboxes + sessions + history + presence + channels + events + polls
    }
}

impl Memory {
    /// `max`: bytes; 0: no limit.
    pub(crate) fn new(max: usize, shards: usize) -> Self {
        Self { max, shards: (0..shards).map(|_| Shard::default()).collect(), pressure: AtomicU8::new(0) }
    }

    /// A shard says what it holds.
    pub(crate) fn note(&self, shard: usize, outboxes: usize, sessions: usize) {
        if let Some(shard) = self.shards.get(shard) {
            shard.outboxes.store(outboxes, Relaxed);
            shard.sessions.store(sessions, Relaxed);
        }
    }

    /// Whether there is a limit.
    pub(crate) fn is_limited(&self) -> bool {
        self.max > 0
    }

    /// What all shards have said: outboxes, sessions.
    pub(crate) fn of_shards(&self) -> (usize, usize) {
        let parts =
            self.shards.iter().map(|shard| (shard.outboxes.load(Relaxed), shard.sessions.load(Relaxed)));
        parts.fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1))
    }

    /// So many bytes are held: what that means from now on.
    pub(crate) fn is_held(&self, held: &Held) -> Pressure {
        let pressure = self.pressure_of(held.sum());
        self.pressure.store(pressure as u8, Relaxed);
        pressure
    }

    /// Whether new connections are refused.
    pub(crate) fn refuses_connections(&self) -> bool {
        self.pressure.load(Relaxed) >= Pressure::RefuseConnections as u8
    }

    /// Whether publications are refused.
    pub(crate) fn refuses_publications(&self) -> bool {
        self.pressure.load(Relaxed) >= Pressure::RefusePublications as u8
    }

    /// A part of the limit, bytes.
    pub(crate) fn percent(&self, part: usize) -> usize {
        self.max / 100 * part
    }

    /// What so many bytes mean.
    fn pressure_of(&self, bytes: usize) -> Pressure {
        if self.max == 0 {
            return Pressure::None;
        }
        [
            (100, Pressure::RefusePublications),
            (CUT_PERCENT, Pressure::CutSlow),
            (TRIM_PERCENT, Pressure::TrimHistory),
            (REFUSE_PERCENT, Pressure::RefuseConnections),
        ]
        .into_iter()
        .find(|&(part, _)| bytes >= self.percent(part))
        .map_or(Pressure::None, |(_, pressure)| pressure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_grows_in_the_documented_order() {
        let memory = Memory::new(1000, 1);
        let levels = [0, 799, 800, 900, 950, 1000, usize::MAX].map(|bytes| memory.pressure_of(bytes));
        let expected = [
            Pressure::None,
            Pressure::None,
            Pressure::RefuseConnections,
            Pressure::TrimHistory,
            Pressure::CutSlow,
            Pressure::RefusePublications,
            Pressure::RefusePublications,
        ];
        assert_eq!(levels, expected);
        assert_eq!(Memory::new(0, 1).pressure_of(usize::MAX), Pressure::None, "no limit");
    }
}
