//! What time it is: the system's, or a test's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the time comes from.
#[derive(Clone, Debug, Default)]
pub(crate) enum Clock {
    /// The system's clock.
    #[default]
    System,
    /// Unix milliseconds that somebody sets.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests set the time"))]
    Set(Arc<AtomicU64>),
}

impl Clock {
    /// Unix time in milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        match self {
            Self::System => {
                SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
            }
            Self::Set(time) => time.load(Ordering::Relaxed),
        }
    }
}
