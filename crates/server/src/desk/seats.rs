//! Who is counted as a connection of the front desk: at most so many, but for those on which a poll waits.
//!
//! A waiting poll has a limit of its own, and costs nothing but memory; it must not keep calls of the API out.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use tokio::sync::Notify;

/// The seats of a desk.
#[derive(Debug)]
pub(super) struct Seats {
    taken: AtomicUsize,
    limit: usize,
    /// Connections, counted or not.
    present: AtomicUsize,
    /// The last of them has gone.
    emptied: Notify,
}

/// A connection that is counted, unless polls wait on it. Given back when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    /// Polls that wait on this connection: over HTTP/2 there may be several.
    waiting: AtomicUsize,
}

/// A poll waits on a connection. It takes its seat again when this is dropped, whether one is free or not.
#[derive(Debug)]
pub(super) struct Waiting(Arc<Seat>);

impl Seats {
    pub(super) fn new(limit: usize) -> Self {
        Self { taken: AtomicUsize::new(0), limit, present: AtomicUsize::new(0), emptied: Notify::new() }
    }

    /// Takes a seat, if one is free.
    pub(super) fn take(seats: &Arc<Self>) -> Option<Arc<Seat>> {
        let one_more = |taken| (taken < seats.limit).then_some(taken + 1);
        seats.taken.fetch_update(Relaxed, Relaxed, one_more).ok()?;
        seats.present.fetch_add(1, SeqCst);
        Some(Arc::new(Seat { seats: Arc::clone(seats), waiting: AtomicUsize::new(0) }))
    }

    /// Waits until nobody is there, whether counted or not.
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
        self.limit
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }
}

impl Seat {
    /// A poll waits here from now on.
    pub(super) fn wait(seat: &Arc<Self>) -> Waiting {
        if seat.waiting.fetch_add(1, Relaxed) == 0 {
            seat.seats.taken.fetch_sub(1, Relaxed);
        }
        Waiting(Arc::clone(seat))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.0.waiting.fetch_sub(1, Relaxed) == 1 {
            self.0.seats.taken.fetch_add(1, Relaxed);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken.fetch_sub(1, Relaxed);
        if self.seats.present.fetch_sub(1, SeqCst) == 1 {
            self.seats.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_not_counted() {
        let seats = Arc::new(Seats::new(1));
        let seat = Seats::take(&seats).unwrap();
        assert!(Seats::take(&seats).is_none());
        let [first, second] = [Seat::wait(&seat), Seat::wait(&seat)];
        assert_eq!(seats.taken(), 0);
        let other = Seats::take(&seats).unwrap();
        drop(first);
        assert_eq!(seats.taken(), 1);
        drop(second);
        assert_eq!(seats.taken(), 2, "whoever comes back has a seat");
        drop((seat, other));
        assert_eq!(seats.taken(), 0);
    }
}
