//! What the node holds for its clients and channels, against `memory.max`, and what happens near it.
//!
//! | from this part of `memory.max` on | what happens |
//! | --- | --- |
//! | 80 % | new connections are refused with 503 |
//! | 90 % | history is trimmed, the oldest first, down to 85 %; whoever asks for what has gone is told of a gap |
//! | 95 % | clients with the longest queues are disconnected with 3008, until 90 % would be reached |
//! | 100 % | publications are refused with 111 until there is room again |
//!
//! Counted are outboxes (a frame that many wait for once), history, presence, channels and their positions, sessions with
//! what waits behind a hook, and the queue of events. What the kernel holds for sockets comes on top: it is reported, not
//! counted, since nobody here can take it back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use crate::node::Node;

/// How often the node looks at what it holds.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
const REFUSE_PERCENT: usize = 80;
const TRIMMED_PERCENT: usize = 85;
const TRIM_PERCENT: usize = 90;
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

/// What one shard holds; it writes, and everybody reads.
#[derive(Debug, Default)]
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
}

impl Held {
    /// All of it.
    #[must_use]
    pub fn sum(&self) -> usize {
        self.outboxes + self.sessions + self.history + self.presence + self.channels + self.events
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

    /// Whether new connections are refused.
    pub(crate) fn refuses_connections(&self) -> bool {
        self.pressure.load(Relaxed) >= Pressure::RefuseConnections as u8
    }

    /// Whether publications are refused.
    pub(crate) fn refuses_publications(&self) -> bool {
        self.pressure.load(Relaxed) >= Pressure::RefusePublications as u8
    }

    fn percent(&self, part: usize) -> usize {
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

impl Node {
    /// What this node holds for its clients and channels.
    #[must_use]
    pub fn held(&self) -> Held {
        let hub = self.hub().stats();
        let sum = |part: fn(&Shard) -> &AtomicUsize| {
            self.memory().shards.iter().map(|shard| part(shard).load(Relaxed)).sum()
        };
        Held {
            outboxes: sum(|shard| &shard.outboxes),
            sessions: sum(|shard| &shard.sessions),
            history: hub.bytes_history,
            presence: hub.bytes_presence,
            channels: hub.bytes_channels,
            events: self.office().events().map_or(0, |events| events.counts().bytes),
        }
    }

    /// Looks at what is held, and makes room where that is needed.
    pub(crate) fn relieve(&self) {
        let memory = self.memory();
        let held = self.held().sum();
        let pressure = memory.pressure_of(held);
        let before = memory.pressure.swap(pressure as u8, Relaxed);
        if before != pressure as u8 {
            tracing::warn!(?pressure, held, max = memory.max, "memory.max");
        }
        if pressure >= Pressure::TrimHistory {
            self.hub().trim_history(held - memory.percent(TRIMMED_PERCENT));
        }
        if pressure >= Pressure::CutSlow {
            self.cut_slowest(held - memory.percent(TRIM_PERCENT));
        }
    }
}

/// Looks after the memory as long as the node lives.
pub(crate) async fn watch(node: Arc<Node>) {
    if node.memory().max == 0 {
        return;
    }
    let mut interval = tokio::time::interval(LOOK_INTERVAL);
    loop {
        interval.tick().await;
        node.relieve();
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
