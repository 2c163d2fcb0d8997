//! A shard's inbox: the only way for another thread to reach a shard.
//!
//! It has two lanes. The *event* lane is bounded by reservation: whoever needs all or nothing (a publication for several
//! shards) reserves room everywhere first and then pushes without fail. The *control* lane (closes, drain, adoptions) is
//! handled first and has a bound of its own, so that a flood of events never holds up a disconnect.
//!
//! The shard takes a whole lane with one swap: what is pushed meanwhile waits for the next turn, so that a flood in one
//! lane holds up neither the other nor the sockets. A producer wakes the shard only when it sleeps.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::tally::Tally;

/// Wakes a shard out of its driver's wait. Any thread may call it.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

struct Inbox<E> {
    lanes: Mutex<Lanes<E>>,
    room: AtomicUsize,
    events_max: usize,
    control_max: usize,
    asleep: AtomicBool,
    /// Connections of the shard, as it last said.
    open: AtomicUsize,
    waker: OnceLock<Waker>,
    tally: Arc<Tally>,
}

struct Lanes<E> {
    control: VecDeque<E>,
    /// The one message that always finds room, after those of the control lane; the newest counts.
    last: Option<E>,
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
    /// Events handled whose room has not been given back yet.
    handled: usize,
    /// Events handled since the shard began.
    passed: u64,
}

/// An inbox with room for `events_max` events and `control_max` control messages.
pub(crate) fn channel<E>(events_max: usize, control_max: usize) -> (Sender<E>, Receiver<E>) {
    let inbox = Arc::new(Inbox {
        lanes: Mutex::new(Lanes {
            control: VecDeque::new(),
            last: None,
            events: VecDeque::new(),
            closed: false,
        }),
        room: AtomicUsize::new(events_max),
        events_max,
        control_max,
        asleep: AtomicBool::new(false),
        open: AtomicUsize::new(0),
        waker: OnceLock::new(),
        tally: Arc::default(),
    });
    (Sender(Arc::clone(&inbox)), Receiver { inbox, taken: VecDeque::new(), handled: 0, passed: 0 })
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

    /// Events that wait or have room reserved.
    pub(crate) fn waiting(&self) -> usize {
        self.0.events_max.saturating_sub(self.0.room.load(SeqCst))
    }

    /// Where the shard counts.
    pub(crate) fn tally(&self) -> &Tally {
        &self.0.tally
    }

    /// Gives reserved room back.
    pub(crate) fn release(&self) {
        self.0.room.fetch_add(1, SeqCst);
    }

    /// Puts an event into room that was reserved. Does not wake the shard: call [`Sender::wake`] once no lock is held.
    /// Where the shard has ended the event is dropped and its room returns: who publishes to several shards goes on.
    pub(crate) fn push_reserved(&self, event: E) {
        let mut lanes = self.0.lanes();
        if lanes.closed {
            drop(lanes);
            self.release();
        } else {
            lanes.events.push_back(event);
        }
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

    /// Pushes the one message that finds room even when the control lane is full, in place of an earlier one.
    ///
    /// # Errors
    /// Gives the message back when the shard has ended.
    pub(crate) fn push_last(&self, message: E) -> Result<(), E> {
        let mut lanes = self.0.lanes();
        if lanes.closed {
            return Err(message);
        }
        let replaced = lanes.last.replace(message);
        drop(lanes);
        drop(replaced);
        self.wake();
        Ok(())
    }

    /// Connections of the shard, as it last said.
    pub(crate) fn open(&self) -> usize {
        self.0.open.load(Relaxed)
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
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
    /// A sending side.
    pub(crate) fn sender(&self) -> Sender<E> {
        Sender(Arc::clone(&self.inbox))
    }

    /// Where the shard counts.
    pub(crate) fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.inbox.tally)
    }

    pub(crate) fn set_waker(&self, waker: Waker) {
        // Set once, before the sender is handed out.
        drop(self.inbox.waker.set(waker));
    }

    /// Says that the shard is about to wait; `false` if something has come in and it must not. While the shard takes no
    /// events it may wait in spite of those that do.
    pub(crate) fn may_sleep(&self, takes_events: bool) -> bool {
        if takes_events && !self.taken.is_empty() {
            return false;
        }
        // Announced before the look: whoever pushes after the look sees it and wakes.
        self.inbox.asleep.store(true, SeqCst);
        let lanes = self.inbox.lanes();
        let empty =
            lanes.control.is_empty() && lanes.last.is_none() && (lanes.events.is_empty() || !takes_events);
        drop(lanes);
        if !empty {
            self.inbox.asleep.store(false, SeqCst);
        }
        empty
    }

    pub(crate) fn awake(&self) {
        self.inbox.asleep.store(false, SeqCst);
    }

    /// All control messages that have come in, in the order pushed.
    pub(crate) fn take_control(&self) -> VecDeque<E> {
        let mut lanes = self.inbox.lanes();
        let mut control = mem::take(&mut lanes.control);
        control.extend(lanes.last.take());
        control
    }

    /// The next event, in the order pushed.
    pub(crate) fn next_event(&mut self) -> Option<E> {
        if self.taken.is_empty() {
            mem::swap(&mut self.inbox.lanes().events, &mut self.taken);
        }
        let event = self.taken.pop_front()?;
        self.handled += 1;
        self.passed += 1;
        Some(event)
    }

    /// The number of the last event that has come in.
    pub(crate) fn last_event(&self) -> u64 {
        self.passed + (self.taken.len() + self.inbox.lanes().events.len()) as u64
    }

    /// Whether the event with this number has been handled.
    pub(crate) fn has_passed(&self, event: u64) -> bool {
        self.passed >= event
    }

    /// Tells others how many connections are open.
    pub(crate) fn show_open(&self, open: usize) {
        self.inbox.open.store(open, Relaxed);
    }

    /// Gives back the room of the events handled.
    pub(crate) fn give_back(&mut self) {
        if self.handled > 0 {
            self.inbox.room.fetch_add(mem::take(&mut self.handled), SeqCst);
        }
    }
}

impl<E> Drop for Receiver<E> {
    fn drop(&mut self) {
        let mut lanes = self.inbox.lanes();
        lanes.closed = true;
        let control = (mem::take(&mut lanes.control), lanes.last.take());
        let events = mem::take(&mut lanes.events);
        // Whatever a message owns is dropped without the lock.
        drop(lanes);
        self.handled += events.len() + self.taken.len();
        self.give_back();
        drop((control, events));
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
        receiver.give_back();
        assert!(sender.reserve());
    }

    #[test]
    fn control_has_a_bound_of_its_own_and_goes_first() {
        let (sender, receiver) = channel(0, 1);
        assert_eq!(sender.push_control(1), Ok(()));
        assert_eq!(sender.push_control(2), Err(2));
        assert_eq!(receiver.take_control(), [1]);
    }

    #[test]
    fn a_full_control_lane_does_not_keep_the_end_away() {
        let (sender, receiver) = channel(0, 1);
        assert_eq!(sender.push_control(1), Ok(()));
        assert_eq!((sender.push_last(7), sender.push_last(8)), (Ok(()), Ok(())));
        assert!(!receiver.may_sleep(true));
        assert_eq!(receiver.take_control(), [1, 8], "the newest, after what waited");
        assert!(receiver.may_sleep(true));
    }

    #[test]
    fn a_shard_that_takes_no_events_may_sleep_and_is_woken_for_control() {
        let (sender, mut receiver) = channel(8, 8);
        let woken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&woken);
        receiver.set_waker(Arc::new(move || {
            count.fetch_add(1, SeqCst);
        }));
        assert_eq!((sender.try_push(1), sender.try_push(2)), (Ok(()), Ok(())));
        assert_eq!(receiver.next_event(), Some(1));
        assert!(receiver.may_sleep(false) && !receiver.may_sleep(true));
        assert!(receiver.may_sleep(false));
        assert_eq!(sender.push_control(3), Ok(()));
        assert_eq!(woken.load(SeqCst), 1);
        assert!(!receiver.may_sleep(false));
    }

    #[test]
    fn room_at_a_shard_that_has_ended_is_never_used_up() {
        let (sender, mut receiver) = channel(4, 8);
        (0..3).for_each(|n| assert_eq!(sender.try_push(n), Ok(())));
        assert!(sender.reserve(), "room taken before the end");
        assert_eq!(receiver.next_event(), Some(0));
        drop(receiver);
        sender.push_reserved(3);
        for n in 0..100 {
            assert!(sender.reserve(), "a publisher is not told that a shard is busy when it is gone");
            sender.push_reserved(n);
        }
        assert!(sender.0.lanes().events.is_empty(), "and what it pushes is not kept");
        assert_eq!(sender.0.room.load(SeqCst), 4);
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
        assert!(!receiver.may_sleep(true));
        let (sender, receiver) = channel(8, 8);
        let count = Arc::clone(&woken);
        receiver.set_waker(Arc::new(move || {
            count.fetch_add(1, SeqCst);
        }));
        assert!(receiver.may_sleep(true));
        assert_eq!((sender.try_push(1), sender.try_push(2)), (Ok(()), Ok(())));
        assert_eq!(woken.load(SeqCst), 1, "one wake-up for many pushes");
    }

    #[test]
    fn an_ended_shard_takes_nothing() {
        let (sender, receiver) = channel(8, 8);
        drop(receiver);
        assert_eq!((sender.try_push(1), sender.push_control(2)), (Err(1), Err(2)));
        assert_eq!(sender.push_last(3), Err(3));
    }
}
