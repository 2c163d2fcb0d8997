//! Looks after the memory of a node: adds up what is held, and makes room where that is needed.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use crate::memory::{Held, Pressure, TRIM_PERCENT, TRIMMED_PERCENT};
use crate::node::Node;
use crate::process::kernel_tcp_bytes;

/// How often the node looks at what it holds, while that is less than half of what it may.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// How often from half on: a client that only names channels makes the node hold some 100 MB more a second.
const CLOSE_LOOK_INTERVAL: Duration = Duration::from_millis(20);
const CLOSE_LOOK_PERCENT: usize = 50;
const LOG_INTERVAL: Duration = Duration::from_secs(1);
/// Parts of the hub that are trimmed after one look: a million channels.
const TRIMS_MAX: usize = 64;

impl Node {
    /// What this node holds for its clients and channels. It takes the hub's locks in turn: not for every message.
    #[must_use]
    pub fn held(&self) -> Held {
        let hub = self.hub().stats();
        let (outboxes, sessions) = self.memory().of_shards();
        Held {
            outboxes,
            sessions,
            history: hub.bytes_history,
            presence: hub.bytes_presence,
            channels: hub.bytes_channels,
            events: self.office().events().map_or(0, |events| events.counts().bytes),
            polls: self.metrics().polls.unsent_bytes(),
        }
    }

    /// Makes room, if so much is held that it is needed, and returns what was held.
    async fn relieve(&self, cut: &mut Weak<()>) -> (Pressure, Held) {
        let memory = self.memory();
        let found = self.held();
        let pressure = memory.is_held(&found);
        if pressure < Pressure::TrimHistory {
            return (pressure, found);
        }
        self.trim_history(found.sum() - memory.percent(TRIMMED_PERCENT)).await;
        // What trimming has freed need not be freed again, nor what an order is about to free that not every shard has carried
        // out yet.
        let left = self.held();
        if memory.is_held(&left) >= Pressure::CutSlow && cut.upgrade().is_none() {
            let under_way = Arc::new(());
            *cut = Arc::downgrade(&under_way);
            self.cut_slowest(left.sum() - memory.percent(TRIM_PERCENT), &under_way);
        }
        (pressure, found)
    }

    /// The hub frees a bounded part at a time; between two of them others have their turn.
    async fn trim_history(&self, bytes: usize) {
        let mut freed = 0;
        for _ in 0..TRIMS_MAX {
            let part = self.hub().trim_history(bytes - freed).bytes;
            freed += part;
            if freed >= bytes || (part == 0 && self.hub().stats().bytes_history == 0) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Looks after the memory as long as the node lives.
pub(crate) async fn watch(node: Arc<Node>) {
    if !node.memory().is_limited() {
        return;
    }
    let (mut log, mut cut) = (Log::default(), Weak::new());
    loop {
        let (pressure, held) = node.relieve(&mut cut).await;
        log.note(pressure, &held);
        let is_close = held.sum() >= node.memory().percent(CLOSE_LOOK_PERCENT);
        tokio::time::sleep(if is_close { CLOSE_LOOK_INTERVAL } else { LOOK_INTERVAL }).await;
    }
}

/// What the operator is told: each change, but at most once in [`LOG_INTERVAL`], since near a limit it goes up and down.
#[derive(Debug, Default)]
struct Log {
    told: Pressure,
    at: Option<Instant>,
}

impl Log {
    fn note(&mut self, pressure: Pressure, held: &Held) {
        if pressure == self.told || self.at.is_some_and(|at| at.elapsed() < LOG_INTERVAL) {
            return;
        }
        *self = Self { told: pressure, at: Some(Instant::now()) };
        let (sum, kernel_tcp) = (held.sum(), kernel_tcp_bytes());
        tracing::warn!(?pressure, held = sum, kernel_tcp, parts = ?held, "memory.max (bytes)");
    }
}
