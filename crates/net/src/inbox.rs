//! A shard's inbox: the only way for another thread to reach a shard.
//!
//! It has two lanes. The *event* lane is bounded by reservation: whoever needs all or nothing (a publication for several
//! shards) reserves room everywhere first and then pushes without fail. The *control* lane (closes, drain, adoptions) is
//! drained first and has a bound of its own, so that a flood of events never holds up a disconnect.
//!
//! The shard takes a whole lane with one swap. A producer wakes the shard only when it sleeps.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Wakes a shard out of its driver's wait. Any thread may call it.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

struct Inbox<E> {
    lanes: Mutex<Lanes<E>>,
    room: AtomicUsize,
    control_max: usize,
    asleep: AtomicBool,
    waker: OnceLock<Waker>,
}

struct Lanes<E> {
    control: VecDeque<E>,
    events: VecDeque<E>,
    closed: bool,
}

/// The sending side of an inbox; cheap to clone.
pub(crate) struct Sender<E>(Arc<Inbox<E>>);

/// The shard's side of an inbox.
pub(crate) struct Receiver<E> {
    inbox: Arc<Inbox<E>>,
    /// Events taken from the lane and not handled yet.
    taken: VecDeque<E>,
}

/// An inbox with room for `events_max` events and `control_max` control messages.
pub(crate) fn channel<E>(events_max: usize, control_max: usize) -> (Sender<E>, Receiver<E>) {
    let inbox = Arc::new(Inbox {
        lanes: Mutex::new(Lanes { control: VecDeque::new(), events: VecDeque::new(), closed: false }),
        room: AtomicUsize::new(events_max),
        control_max,
        asleep: AtomicBool::new(false),
        waker: OnceLock::new(),
    });
    (Sender(Arc::clone(&inbox)), Receiver { inbox, taken: VecDeque::new() })
}

impl<E> Clone for Sender<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E> std::fmt::Debug for Sender<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("room", &self.0.room.load(SeqCst)).finish_non_exhaustive()
    }
}

impl<E> Sender<E> {
    /// Takes room for one event; `false` when the lane is full. Follow with [`Sender::push_reserved`] or
    /// [`Sender::release`].
    #[must_use]
    pub(crate) fn reserve(&self) -> bool {
        self.0.room.fetch_update(SeqCst, SeqCst, |room| room.checked_sub(1)).is_ok()
    }

    /// Gives reserved room back.
    pub(crate) fn release(&self) {
        self.0.room.fetch_add(1, SeqCst);
    }

    /// Puts an event into room that was reserved. Does not wake the shard: call [`Sender::wake`] once no lock is held.
    pub(crate) fn push_reserved(&self, event: E) {
        self.0.lanes().events.push_back(event);
    }

    /// Reserves, pushes and wakes.
    ///
    /// # Errors
    /// Gives the event back when the lane is full or the shard has ended.
    pub(crate) fn try_push(&self, event: E) -> Result<(), E> {
        if !self.reserve() {
            return Err(event);
        }
        let mut lanes = self.0.lanes();
        if lanes.closed {
            drop(lanes);
            self.release();
            return Err(event);
        }
        lanes.events.push_back(event);
        drop(lanes);
        self.wake();
        Ok(())
    }

    /// Pushes a control message, handled before every event that waits, and wakes the shard.
    ///
    /// # Errors
    /// Gives the message back when the control lane is full or the shard has ended.
    pub(crate) fn push_control(&self, message: E) -> Result<(), E> {
        let mut lanes = self.0.lanes();
        if lanes.closed || lanes.control.len() >= self.0.control_max {
            return Err(message);
        }
        lanes.control.push_back(message);
        drop(lanes);
        self.wake();
        Ok(())
    }

    /// Wakes the shard if it sleeps.
    pub(crate) fn wake(&self) {
        if self.0.asleep.swap(false, SeqCst)
            && let Some(waker) = self.0.waker.get()
        {
            waker();
        }
    }
}

impl<E> Inbox<E> {
    fn lanes(&self) -> MutexGuard<'_, Lanes<E>> {
        // A producer that panicked has not left a lane half-written: pushes are whole.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E> Receiver<E> {
    pub(crate) fn set_waker(&self, waker: Waker) {
        // Set once, before the sender is handed out.
        drop(self.inbox.waker.set(waker));
    }

    /// Says that the shard is about to wait; `false` if something has come in and it must not.
    pub(crate) fn may_sleep(&self) -> bool {
        if !self.taken.is_empty() {
            return false;
        }
        // Announced before the look: whoever pushes after the look sees it and wakes.
        self.inbox.asleep.store(true, SeqCst);
        let lanes = self.inbox.lanes();
        let empty = lanes.control.is_empty() && lanes.events.is_empty();
        drop(lanes);
        if !empty {
            self.inbox.asleep.store(false, SeqCst);
        }
        empty
    }

    pub(crate) fn awake(&self) {
        self.inbox.asleep.store(false, SeqCst);
    }

    pub(crate) fn next_control(&mut self) -> Option<E> {
        self.inbox.lanes().control.pop_front()
    }

    /// The next event, in the order pushed.
    pub(crate) fn next_event(&mut self) -> Option<E> {
        if self.taken.is_empty() {
            mem::swap(&mut self.inbox.lanes().events, &mut self.taken);
        }
        self.taken.pop_front()
    }

    /// Gives back the room of `handled` events.
    pub(crate) fn give_back(&self, handled: usize) {
        if handled > 0 {
            self.inbox.room.fetch_add(handled, SeqCst);
        }
    }
}

impl<E> Drop for Receiver<E> {
    fn drop(&mut self) {
        let mut lanes = self.inbox.lanes();
        lanes.closed = true;
        let waiting = (mem::take(&mut lanes.control), mem::take(&mut lanes.events));
        // Whatever an event owns is dropped without the lock.
        drop(lanes);
        drop(waiting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_bounded_and_returns() {
        let (sender, mut receiver) = channel(2, 1);
        assert!(sender.reserve());
        assert_eq!(sender.try_push(1), Ok(()));
        assert_eq!(sender.try_push(2), Err(2));
        sender.push_reserved(3);
        assert_eq!(
            (receiver.next_event(), receiver.next_event(), receiver.next_event()),
            (Some(1), Some(3), None)
        );
        assert!(!sender.reserve(), "room comes back only when the shard says so");
        receiver.give_back(2);
        assert!(sender.reserve());
    }

    #[test]
    fn control_has_a_bound_of_its_own_and_goes_first() {
        let (sender, mut receiver) = channel(0, 1);
        assert_eq!(sender.push_control(1), Ok(()));
        assert_eq!(sender.push_control(2), Err(2));
        assert_eq!(receiver.next_control(), Some(1));
    }

    #[test]
    fn a_push_after_the_look_wakes() {
        let (sender, receiver) = channel(8, 8);
        let woken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&woken);
        receiver.set_waker(Arc::new(move || {
            count.fetch_add(1, SeqCst);
        }));
        assert_eq!(sender.try_push(1), Ok(()));
        assert_eq!(woken.load(SeqCst), 0, "an awake shard is not woken");
        assert!(!receiver.may_sleep());
        let (sender, receiver) = channel(8, 8);
        let count = Arc::clone(&woken);
        receiver.set_waker(Arc::new(move || {
            count.fetch_add(1, SeqCst);
        }));
        assert!(receiver.may_sleep());
        assert_eq!((sender.try_push(1), sender.try_push(2)), (Ok(()), Ok(())));
        assert_eq!(woken.load(SeqCst), 1, "one wake-up for many pushes");
    }

    #[test]
    fn an_ended_shard_takes_nothing() {
        let (sender, receiver) = channel(8, 8);
        drop(receiver);
        assert_eq!((sender.try_push(1), sender.push_control(2)), (Err(1), Err(2)));
    }
}
