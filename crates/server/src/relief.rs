//! Looks after the memory of a node: adds up what is held, and makes room where that is needed.

use std::sync::Arc;
use std::time::Duration;

use crate::memory::{Held, Pressure, TRIM_PERCENT, TRIMMED_PERCENT};
use crate::node::Node;

/// How often the node looks at what it holds.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

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
        }
    }

    /// Makes room, if so much is held that it is needed.
    pub(crate) fn relieve(&self) {
        let (memory, held) = (self.memory(), self.held());
        let (pressure, held) = (memory.is_held(&held), held.sum());
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
    if !node.memory().is_limited() {
        return;
    }
    let mut interval = tokio::time::interval(LOOK_INTERVAL);
    loop {
        interval.tick().await;
        node.relieve();
    }
}
