//! The bounded queue of events between the client's task and whoever reads them: a subscriber, or
//! the listener to what the server does by itself.
//!
//! The task never waits here: it learns that the queue is full, and later that there is room again.

use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};

use crate::error::Cause;

/// A queue of `events_max` events. `attention` wakes the task when the subscriber has made the room
/// it waits for, or is gone.
pub(crate) fn bounded<E>(events_max: usize, attention: Arc<Notify>) -> (EventSender<E>, EventReceiver<E>) {
    let (sender, receiver) = mpsc::channel(events_max);
    let status = Arc::new(Status { behind: AtomicBool::new(false), ended: OnceLock::new(), attention });
    let receiver = EventReceiver { events: receiver, status: status.clone(), told: false };
    (EventSender { events: sender, status }, receiver)
}

/// The task's end. Dropping it ends the subscription, once the subscriber has read the rest.
#[derive(Debug)]
pub(crate) struct EventSender<E> {
    events: mpsc::Sender<E>,
    status: Arc<Status>,
}

/// The subscriber's end.
#[derive(Debug)]
pub(crate) struct EventReceiver<E> {
    events: mpsc::Receiver<E>,
    status: Arc<Status>,
    /// The end has been told.
    told: bool,
}

#[derive(Debug)]
struct Status {
    /// The task waits for room.
    behind: AtomicBool,
    ended: OnceLock<Cause>,
    attention: Arc<Notify>,
}

impl<E> EventSender<E> {
    /// False if the queue is full. A queue that nobody reads any more takes everything.
    pub(crate) fn push(&self, event: E) -> bool {
        !matches!(self.events.try_send(event), Err(TrySendError::Full(_)))
    }

    /// Whether at least half of the queue is free.
    pub(crate) fn has_room(&self) -> bool {
        self.events.capacity() >= self.events.max_capacity() / 2
    }

    /// Whether the subscriber is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.events.is_closed()
    }

    /// From now on the task wants to be woken when half of the queue is free.
    pub(crate) fn await_room(&self) {
        self.status.behind.store(true, Ordering::SeqCst);
        // Either the reader sees the wish after making room, or the room is seen here after wishing.
        fence(Ordering::SeqCst);
        if self.has_room() {
            self.status.attention.notify_one();
        }
    }

    /// The task no longer waits for room.
    pub(crate) fn room_found(&self) {
        self.status.behind.store(false, Ordering::SeqCst);
    }

    /// Ends the subscription with a cause that the subscriber is told last.
    pub(crate) fn end(self, cause: Cause) {
        let _ = self.status.ended.set(cause);
    }
}

impl<E> EventReceiver<E> {
    /// The next event; the last one, made by `last`, tells why it is the last. Cancel-safe.
    pub(crate) async fn recv(&mut self, last: impl FnOnce(Cause) -> E) -> Option<E> {
        if let Some(event) = self.events.recv().await {
            fence(Ordering::SeqCst);
            let has_room = self.events.len() <= self.events.max_capacity() / 2;
            if has_room && self.status.behind.load(Ordering::SeqCst) {
                self.status.attention.notify_one();
            }
            return Some(event);
        }
        if std::mem::replace(&mut self.told, true) {
            return None;
        }
        let cause = self.status.ended.get().cloned();
        Some(last(cause.unwrap_or_else(|| Cause::new(Cause::LOCAL, "client closed"))))
    }
}

impl<E> Drop for EventReceiver<E> {
    fn drop(&mut self) {
        self.events.close();
        self.status.attention.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader gets of numbers: the end is the code of its cause.
    async fn next(receiver: &mut EventReceiver<u32>) -> Option<u32> {
        receiver.recv(|cause| cause.code).await
    }

    #[tokio::test]
    async fn the_task_is_woken_when_half_of_a_full_queue_has_been_read() {
        let attention = Arc::new(Notify::new());
        let (sender, mut receiver) = bounded::<u32>(4, attention.clone());
        for _ in 0..4 {
            assert!(sender.push(7));
        }
        assert!(!sender.push(7));
        sender.await_room();
        next(&mut receiver).await;
        assert!(!sender.has_room());
        next(&mut receiver).await;
        assert!(sender.has_room());
        attention.notified().await;
    }

    #[tokio::test]
    async fn room_that_was_made_before_the_wish_is_seen() {
        let attention = Arc::new(Notify::new());
        let (sender, _receiver) = bounded::<u32>(4, attention.clone());
        sender.await_room();
        attention.notified().await;
    }

    #[tokio::test]
    async fn the_end_is_told_once_after_the_rest() {
        let (sender, mut receiver) = bounded::<u32>(4, Arc::new(Notify::new()));
        sender.push(7);
        sender.end(Cause::new(103, "permission denied"));
        assert_eq!(next(&mut receiver).await, Some(7));
        assert_eq!(next(&mut receiver).await, Some(103));
        assert_eq!(next(&mut receiver).await, None);
    }

    #[tokio::test]
    async fn a_dropped_receiver_wakes_the_task() {
        let attention = Arc::new(Notify::new());
        let (sender, receiver) = bounded::<u32>(4, attention.clone());
        drop(receiver);
        attention.notified().await;
        assert!(sender.is_closed() && sender.push(7));
    }
}
