//! How other threads reach a shard.

use std::time::Duration;

use wavecast_websocket::CloseCode;

use super::event::{Answered, Detached, Leave};
use crate::driver::Guest;
use crate::inbox::Sender;
use crate::tally::Traffic;

const GIVEN_BACK: &str = "an inbox gives back what was pushed";

/// What arrives in a shard's inbox.
pub(super) enum Post<E> {
    Event(E),
    Adopt(Box<Detached>),
    Answered(Box<Answered<E>>),
    Guest(Box<Guest>),
    Drain { leave: Leave, within: Duration },
    SendAway { count: usize, leave: Leave },
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
        self.0.push_control(Post::Adopt(Box::new(detached))).map_err(|post| {
            let Post::Adopt(detached) = post else { unreachable!("{GIVEN_BACK}") };
            *detached
        })
    }

    /// Gives the shard a connection that has been answered elsewhere, and goes on as a stream.
    ///
    /// # Errors
    /// Gives it back when the control lane is full or the shard has ended.
    pub fn adopt_stream(&self, answered: Answered<E>) -> Result<(), Answered<E>> {
        self.0.push_control(Post::Answered(Box::new(answered))).map_err(|post| {
            let Post::Answered(answered) = post else { unreachable!("{GIVEN_BACK}") };
            *answered
        })
    }

    /// Gives the shard a connection that another one accepted.
    pub(super) fn receive_guest(&self, guest: Guest) -> Result<(), Guest> {
        self.0.push_control(Post::Guest(Box::new(guest))).map_err(|post| {
            let Post::Guest(guest) = post else { unreachable!("{GIVEN_BACK}") };
            *guest
        })
    }

    /// Ends the shard: it stops to listen, closes every connection with this code and reason, and ends when all are gone
    /// or `within` is over; then what is left is cut off, and its handler told. There is always room for it, and a second
    /// one sets the time anew. `false`: the shard has ended already.
    pub fn drain(&self, code: CloseCode, reason: &str, within: Duration) -> bool {
        self.drain_over(Leave::new(code, reason), within)
    }

    /// As [`Remote::drain`], with the closes spread over a window: connections are asked to leave one after the other
    /// ([`Handler::leave`](super::Handler::leave)), behind the events that came in before this. Until the window is over a
    /// request that is on its way is still heard: a WebSocket handshake is answered 503, and what leaves through the side
    /// door leaves.
    pub fn drain_over(&self, leave: Leave, within: Duration) -> bool {
        self.0.push_last(Post::Drain { leave, within }).is_ok()
    }

    /// Asks so many connections to leave, chosen by chance, behind the events that came in before this; the shard goes on,
    /// and takes new ones. A second call takes the place of one that is not through: who has not been asked by then stays,
    /// unless the second one asks. In a drain it does nothing.
    ///
    /// `false`: the control lane is full, or the shard has ended.
    pub fn send_away(&self, count: usize, leave: Leave) -> bool {
        self.0.push_control(Post::SendAway { count, leave }).is_ok()
    }

    /// Connections that were open, and not about to close, at the end of the shard's last turn.
    #[must_use]
    pub fn open(&self) -> usize {
        self.0.open()
    }
}

/// Asks a share of the connections of several shards to leave ([`Remote::send_away`]): of 0 none, of 1 all. Gives their
/// number: of the connections that are open, the share rounded to the nearest. A shard that takes no more orders is passed
/// over.
#[must_use]
pub fn send_away<E>(shards: &[Remote<E>], share: f64, leave: &Leave) -> usize {
    let open: Vec<usize> = shards.iter().map(Remote::open).collect();
    let counts = apportion(&open, share);
    let sent = shards.iter().zip(counts).filter(|(shard, count)| shard.send_away(*count, leave.clone()));
    sent.map(|(_, count)| count).sum()
}

/// The share of each, so that together they are the share of all, rounded.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of connections"
)]
fn apportion(open: &[usize], share: f64) -> Vec<usize> {
    let share = share.clamp(0.0, 1.0);
    let part = |count: usize| (count as f64 * share).round() as usize;
    let mut sum = 0;
    let mut given = 0;
    open.iter()
        .map(|&count| {
            sum += count;
            let count = part(sum) - given;
            given += count;
            count
        })
        .collect()
}

fn into_event<E>(post: Post<E>) -> E {
    let Post::Event(event) = post else { unreachable!("{GIVEN_BACK}") };
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_shards_add_up_to_the_share_of_all() {
        assert_eq!(apportion(&[3, 1], 0.5), [2, 0]);
        assert_eq!(apportion(&[1, 1, 1, 1], 0.25), [0, 1, 0, 0]);
        assert_eq!(apportion(&[10, 0, 7], 1.0), [10, 0, 7]);
        assert_eq!(apportion(&[10, 0, 7], 0.0), [0, 0, 0]);
        assert_eq!(apportion(&[], 0.3), []);
        for share in [0.01, 0.1, 0.33, 0.5, 0.99] {
            let parts = apportion(&[1000, 3, 501, 7], share);
            assert_eq!(parts.iter().sum::<usize>(), (1511.0 * share).round() as usize);
            assert!(parts[0] <= 1000 && parts[1] <= 3 && parts[2] <= 501 && parts[3] <= 7, "{parts:?}");
        }
    }
}
