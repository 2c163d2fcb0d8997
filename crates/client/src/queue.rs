//! The bounded queue of events between the client's task and one subscriber.
//!
//! The task never waits here: it learns that the queue is full, and later that there is room again.

use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};

use crate::error::Cause;
use crate::event::SubscriptionEvent;

/// A queue of `events_max` events. `attention` wakes the task when the subscriber has made the room
/// it waits for, or is gone.
pub(crate) fn bounded(events_max: usize, attention: Arc<Notify>) -> (EventSender, EventReceiver) {
    let (sender, receiver) = mpsc::channel(events_max);
    let status = Arc::new(Status { behind: AtomicBool::new(false), ended: OnceLock::new(), attention });
    let receiver = EventReceiver { events: receiver, status: status.clone(), told: false };
    (EventSender { events: sender, status }, receiver)
}

/// The task's end. Dropping it ends the subscription, once the subscriber has read the rest.
#[derive(Debug)]
pub(crate) struct EventSender {
    events: mpsc::Sender<SubscriptionEvent>,
    status: Arc<Status>,
}

/// The subscriber's end.
#[derive(Debug)]
pub(crate) struct EventReceiver {
    events: mpsc::Receiver<SubscriptionEvent>,
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

impl EventSender {
    /// False if the queue is full. A queue that nobody reads any more takes everything.
    pub(crate) fn push(&self, event: SubscriptionEvent) -> bool {
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

impl EventReceiver {
    /// The next event; the last one is [`SubscriptionEvent::Unsubscribed`]. Cancel-safe.
    pub(crate) async fn recv(&mut self) -> Option<SubscriptionEvent> {
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
        Some(SubscriptionEvent::Unsubscribed(
            cause.unwrap_or_else(|| Cause::new(Cause::LOCAL, "client closed")),
        ))
    }
}

impl Drop for EventReceiver {
    fn drop(&mut self) {
        self.events.close();
        self.status.attention.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> SubscriptionEvent {
        SubscriptionEvent::Interrupted(Cause::new(Cause::LOCAL, ""))
    }

    #[tokio::test]
    async fn the_task_is_woken_when_half_of_a_full_queue_has_been_read() {
        let attention = Arc::new(Notify::new());
        let (sender, mut receiver) = bounded(4, attention.clone());
        for _ in 0..4 {
            assert!(sender.push(event()));
        }
        assert!(!sender.push(event()));
        sender.await_room();
        receiver.recv().await;
        assert!(!sender.has_room());
        receiver.recv().await;
        assert!(sender.has_room());
        attention.notified().await;
    }

    #[tokio::test]
    async fn room_that_was_made_before_the_wish_is_seen() {
        let attention = Arc::new(Notify::new());
        let (sender, _receiver) = bounded(4, attention.clone());
        sender.await_room();
        attention.notified().await;
    }

    #[tokio::test]
    async fn the_end_is_told_once_after_the_rest() {
        let (sender, mut receiver) = bounded(4, Arc::new(Notify::new()));
        sender.push(event());
        sender.end(Cause::new(103, "permission denied"));
        assert!(matches!(receiver.recv().await, Some(SubscriptionEvent::Interrupted(_))));
        assert!(
            matches!(receiver.recv().await, Some(SubscriptionEvent::Unsubscribed(cause)) if cause.code == 103)
        );
        assert!(receiver.recv().await.is_none());
    }

    #[tokio::test]
    async fn a_dropped_receiver_wakes_the_task() {
        let attention = Arc::new(Notify::new());
        let (sender, receiver) = bounded(4, attention.clone());
        drop(receiver);
        attention.notified().await;
        assert!(sender.is_closed() && sender.push(event()));
    }
}
