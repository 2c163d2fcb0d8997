//! How other threads reach a shard.

use std::time::Duration;

use wavecast_websocket::CloseCode;

use super::event::Detached;
use crate::driver::Guest;
use crate::inbox::Sender;
use crate::tally::Traffic;

/// What arrives in a shard's inbox.
pub(super) enum Post<E> {
    Event(E),
    Adopt(Box<Detached>),
    Guest(Box<Guest>),
    Drain { code: CloseCode, reason: Box<str>, within: Duration },
}

/// A handle to a shard, cheap to clone and free to be sent anywhere.
///
/// Events keep their order. When the inbox is full, nothing waits and nothing is dropped silently: whoever pushes is told.
#[derive(Debug)]
pub struct Remote<E>(Sender<Post<E>>);

impl<E> Clone for Remote<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E> Remote<E> {
    pub(super) fn new(sender: Sender<Post<E>>) -> Self {
        Self(sender)
    }

    /// Takes room for one event; `false` when the inbox is full. Each `true` is followed by one
    /// [`Remote::push_reserved`] or one [`Remote::release`].
    #[must_use]
    pub fn reserve(&self) -> bool {
        self.0.reserve()
    }

    /// Gives reserved room back.
    pub fn release(&self) {
        self.0.release();
    }

    /// Pushes an event into reserved room. It does not wake the shard and may be called under a lock; call
    /// [`Remote::wake`] after the lock. A shard that has ended takes it as well, and drops it.
    pub fn push_reserved(&self, event: E) {
        self.0.push_reserved(Post::Event(event));
    }

    /// Pushes an event and wakes the shard.
    ///
    /// # Errors
    /// Gives the event back when the inbox is full or the shard has ended.
    pub fn try_push(&self, event: E) -> Result<(), E> {
        self.0.try_push(Post::Event(event)).map_err(into_event)
    }

    /// Pushes an event that overtakes those of [`Remote::try_push`]: for closes and the like, on a lane of its own.
    ///
    /// # Errors
    /// Gives the event back when that lane is full or the shard has ended.
    pub fn push_control(&self, event: E) -> Result<(), E> {
        self.0.push_control(Post::Event(event)).map_err(into_event)
    }

    /// What has passed through the shard, and what it has now. Holds nobody up.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.0.tally().traffic()
    }

    /// Events that wait in the inbox, with those that room is reserved for.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.waiting()
    }

    /// Whether both are handles to one shard.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.is_same(&other.0)
    }

    /// Wakes the shard if it sleeps.
    pub fn wake(&self) {
        self.0.wake();
    }

    /// Gives a connection to the shard, which goes on where `received` leaves off: with a request head.
    ///
    /// # Errors
    /// Gives the connection back when the control lane is full or the shard has ended.
    pub fn adopt(&self, detached: Detached) -> Result<(), Detached> {
        self.0.push_control(Post::Adopt(Box::new(detached))).map_err(|post| match post {
            Post::Adopt(detached) => *detached,
            Post::Event(_) | Post::Guest(_) | Post::Drain { .. } => {
                unreachable!("an inbox gives back what was pushed")
            }
        })
    }

    /// Gives the shard a connection that another one accepted.
    pub(super) fn receive_guest(&self, guest: Guest) -> Result<(), Guest> {
        self.0.push_control(Post::Guest(Box::new(guest))).map_err(|post| match post {
            Post::Guest(guest) => *guest,
            Post::Event(_) | Post::Adopt(_) | Post::Drain { .. } => {
                unreachable!("an inbox gives back what was pushed")
            }
        })
    }

    /// Ends the shard: it stops to listen, closes every connection with this code and reason, and ends when all are gone
    /// or `within` is over; then what is left is cut off, and its handler told. There is always room for it, and a second
    /// one sets the time anew. `false`: the shard has ended already.
    pub fn drain(&self, code: CloseCode, reason: &str, within: Duration) -> bool {
        self.0.push_last(Post::Drain { code, reason: reason.into(), within }).is_ok()
    }
}

fn into_event<E>(post: Post<E>) -> E {
    match post {
        Post::Event(event) => event,
        Post::Adopt(_) | Post::Guest(_) | Post::Drain { .. } => {
            unreachable!("an inbox gives back what was pushed")
        }
    }
}
