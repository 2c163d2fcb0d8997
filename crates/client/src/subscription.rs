//! One subscription as its user sees it.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::event::SubscriptionEvent;
use crate::inbox::Command;
use crate::queue::EventReceiver;

/// A subscription to one channel. It outlives reconnects; dropping it unsubscribes.
///
/// # Slow consumers
///
/// Events wait in a queue of [`Options::events_max`](crate::Options::events_max). When it is full, the
/// client unsubscribes from the channel for the time being and never holds up the other channels.
/// Once half of the queue has been read, it subscribes again and recovers what was missed from the
/// channel's history; where the channel has none, or not enough of it, a
/// [`Gap`](SubscriptionEvent::Gap) says so. So a slow consumer loses nothing that the server kept, and
/// is never left to believe that it has seen everything when it has not.
#[derive(Debug)]
pub struct Subscription {
    channel: Arc<str>,
    events: EventReceiver,
    /// Keeps the client going while there is somebody to read from it.
    _client: mpsc::Sender<Command>,
}

impl Subscription {
    pub(crate) fn new(channel: Arc<str>, events: EventReceiver, client: mpsc::Sender<Command>) -> Self {
        Self { channel, events, _client: client }
    }

    /// The channel.
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// Waits for the next event.
    ///
    /// The last one is [`SubscriptionEvent::Unsubscribed`]; after it comes `None`.
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe: no event is lost.
    pub async fn next(&mut self) -> Option<SubscriptionEvent> {
        self.events.recv().await
    }

    /// Unsubscribes, as dropping does.
    pub fn unsubscribe(self) {}
}
