//! Who waits for a channel's next publication without being in the channel: woken once, and forgotten with that.

use std::collections::BTreeMap;
use std::task::Waker;

/// Names somebody who waits, for [`Hub::stop_waiting`](crate::Hub::stop_waiting). Never the same for two of one hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WaitTicket(pub(crate) u64);

/// Those who wait, in the order they came. Whatever way they go, by a publication or with their stream, they are woken: when
/// this is dropped, and so never while the stripe is locked.
#[derive(Debug, Default)]
pub(crate) struct Waiters(BTreeMap<u64, Waker>);

/// What one of them takes, bytes: its entry, and its share of the tree's nodes, which are half full at worst.
const WAITER_BYTES: usize = 2 * (size_of::<u64>() + size_of::<Waker>());

impl Waiters {
    pub(crate) fn add(&mut self, ticket: WaitTicket, waker: Waker) {
        self.0.insert(ticket.0, waker);
    }

    /// Takes one out, for the caller to drop without the lock.
    pub(crate) fn remove(&mut self, ticket: WaitTicket) -> Option<Waker> {
        self.0.remove(&ticket.0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Memory held, bytes, about.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.0.len() * WAITER_BYTES
    }
}

impl Drop for Waiters {
    fn drop(&mut self) {
        while let Some((_, waker)) = self.0.pop_first() {
            waker.wake();
        }
    }
}
