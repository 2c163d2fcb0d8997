//! What a node has counted, added up for Prometheus. It takes the hub's locks in turn for a moment each, holds up no shard, and
//! costs the same with one channel and with a million.
//!
//! - `families`: our metrics; `ours`: their values; `centrifugo`: the same under the names that Centrifugo has for them

mod centrifugo;
mod families;
mod ours;

use crate::metrics::{Form, Page};
use crate::node::Node;

/// One line of the reference of metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricReference {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: &'static str,
    /// What tells its samples apart, beside the bounds of a histogram.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

/// Every metric that is served, for the documentation; those that only Linux tells among them.
#[must_use]
pub fn reference() -> Vec<MetricReference> {
    let all = families::ALL.iter().chain(centrifugo::ALL);
    let line = |family: &&'static crate::metrics::Family| MetricReference {
        name: family.name,
        kind: family.kind.name(),
        labels: family.labels,
        help: family.help,
    };
    all.map(line).collect()
}

impl Node {
    /// All metrics, as text.
    pub(crate) fn scrape(&self, form: Form) -> String {
        let mut page = Page::new(form);
        let hub = self.hub().stats();
        ours::write(self, &hub, &mut page);
        centrifugo::write(self, &hub, &mut page);
        page.finish()
    }
}
