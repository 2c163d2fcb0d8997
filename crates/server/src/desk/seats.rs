//! Who is counted as a connection of the front desk: at most so many, and beside them so many of clients that poll, or say
//! something to their sessions.
//!
//! Thousands of long-polls must not keep calls of the API out, neither while they wait nor when all of them are answered at once
//! and ask again; nor must the connections on which thousands of clients answer their pings. So a connection on which a poll has
//! waited, or something was said to a session, counts for the limit of those from then on, as long as that has room.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicUsize};

use tokio::sync::Notify;

/// The seats of a desk.
#[derive(Debug)]
pub(super) struct Seats {
    plain: Pool,
    pollers: Pool,
    /// Connections, however they are counted.
    present: AtomicUsize,
    /// The last of them has gone.
    emptied: Notify,
}

#[derive(Debug)]
struct Pool {
    taken: AtomicUsize,
    limit: usize,
}

/// A connection that is counted, until this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    /// It counts as one of polls.
    polls: AtomicBool,
}

impl Seats {
    pub(super) fn new(limit: usize, pollers_limit: usize) -> Self {
        let pool = |limit| Pool { taken: AtomicUsize::new(0), limit };
        Self {
            plain: pool(limit),
            pollers: pool(pollers_limit),
            present: AtomicUsize::new(0),
            emptied: Notify::new(),
        }
    }

    /// Takes a seat, if one is free.
    pub(super) fn take(seats: &Arc<Self>) -> Option<Arc<Seat>> {
        if !seats.plain.take() {
            return None;
        }
        seats.present.fetch_add(1, SeqCst);
        Some(Arc::new(Seat { seats: Arc::clone(seats), polls: AtomicBool::new(false) }))
    }

    /// Waits until nobody is there, however they are counted.
    pub(super) async fn empty(&self) {
        loop {
            let mut emptied = pin!(self.emptied.notified());
            // Heard from here on: nobody leaves unnoticed between the look and the wait.
            emptied.as_mut().enable();
            if self.present.load(SeqCst) == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// How many there are.
    pub(super) fn limit(&self) -> usize {
        self.plain.limit
    }

    /// How many are taken, without those of polls.
    pub(super) fn taken(&self) -> usize {
        self.plain.taken.load(Relaxed)
    }
}

impl Pool {
    fn take(&self) -> bool {
        let one_more = |taken| (taken < self.limit).then_some(taken + 1);
        self.taken.fetch_update(Relaxed, Relaxed, one_more).is_ok()
    }

    fn give_back(&self) {
        self.taken.fetch_sub(1, Relaxed);
    }
}

impl Seat {
    /// A client polls on this connection, or says something: from now on it is one of those. Where there are too many of them it
    /// stays what it was.
    pub(super) fn is_of_client(&self) {
        if self.polls.load(Relaxed) || !self.seats.pollers.take() {
            return;
        }
        // Over HTTP/2 two may begin to wait at once.
        let pool = if self.polls.swap(true, Relaxed) { &self.seats.pollers } else { &self.seats.plain };
        pool.give_back();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let pool = if *self.polls.get_mut() { &self.seats.pollers } else { &self.seats.plain };
        pool.give_back();
        if self.seats.present.fetch_sub(1, SeqCst) == 1 {
            self.seats.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_polls_does_not_keep_others_out() {
        let seats = Arc::new(Seats::new(1, 1));
        let poller = Seats::take(&seats).unwrap();
        assert!(Seats::take(&seats).is_none());
        poller.is_of_client();
        poller.is_of_client();
        let other = Seats::take(&seats).unwrap();
        other.is_of_client();
        assert_eq!(seats.taken(), 1, "there is no room for a second one that polls");
        drop(poller);
        other.is_of_client();
        assert_eq!(seats.taken(), 0);
        drop(other);
        assert_eq!((seats.taken(), seats.pollers.taken.load(Relaxed)), (0, 0));
    }
}
