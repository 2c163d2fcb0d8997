//! Whether a node is on its way to the end, and until when that may take.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Whether a node is on its way to the end, and until when it may take.
#[derive(Debug, Default)]
pub(crate) struct Departure(OnceLock<Instant>);

impl Departure {
    pub(crate) fn has_begun(&self) -> bool {
        self.0.get().is_some()
    }

    /// The time that is left; all of it before the end has begun.
    pub(crate) fn left(&self, all: Duration) -> Duration {
        self.0.get().map_or(all, |until| until.saturating_duration_since(Instant::now()))
    }

    /// Begins, once.
    pub(crate) fn begin(&self, within: Duration) -> bool {
        self.0.set(Instant::now() + within).is_ok()
    }
}
