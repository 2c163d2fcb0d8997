//! How a shard hears which of its relays have something for it.

use std::mem;
use std::sync::{Mutex, PoisonError};

use crate::inbox::Waker;

/// Slots that want to be looked at. Each relay stands here at most once: it rings again only after the shard has come.
pub(crate) struct Bell {
    rung: Mutex<Vec<u32>>,
    waker: Waker,
}

impl Bell {
    pub(crate) fn new(waker: Waker) -> Self {
        Self { rung: Mutex::default(), waker }
    }

    /// Wakes the shard, if nobody has since it last came.
    pub(super) fn ring(&self, slot: u32) {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let first = rung.is_empty();
        rung.push(slot);
        drop(rung);
        if first {
            (self.waker)();
        }
    }

    /// The slots that rang; one may have been given to another connection meanwhile.
    pub(crate) fn answer(&self) -> Vec<u32> {
        mem::take(&mut *self.rung.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for Bell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bell")
    }
}
