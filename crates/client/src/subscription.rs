//! One subscription as its user sees it.

use std::sync::Arc;

use serde::Serialize;

use crate::caller::{Caller, json};
use crate::data::Data;
use crate::error::RequestError;
use crate::event::SubscriptionEvent;
use crate::queue::EventReceiver;
use crate::request::{HistoryPage, HistoryQuery, Presence, PresenceStats};

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
    events: EventReceiver<SubscriptionEvent>,
    caller: Caller,
}

impl Subscription {
    pub(crate) fn new(channel: Arc<str>, events: EventReceiver<SubscriptionEvent>, caller: Caller) -> Self {
        Self { channel, events, caller }
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
        self.events.recv(SubscriptionEvent::Unsubscribed).await
    }

    /// Publishes JSON to the channel, as [`Client::publish`](crate::Client::publish) does.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    ///
    /// # Cancel safety
    ///
    /// After dropping the future it is open whether the publication takes place.
    pub async fn publish(&self, data: &(impl Serialize + ?Sized)) -> Result<(), RequestError> {
        self.publish_data(json(data)?).await
    }

    /// Publishes a payload to the channel, as [`Client::publish_data`](crate::Client::publish_data)
    /// does.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    ///
    /// # Cancel safety
    ///
    /// After dropping the future it is open whether the publication takes place.
    pub async fn publish_data(&self, data: impl Into<Data>) -> Result<(), RequestError> {
        self.caller.publish(&self.channel, data.into()).await
    }

    /// Asks who is in the channel.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe: asking changes nothing.
    pub async fn presence(&self) -> Result<Presence, RequestError> {
        self.caller.presence(&self.channel).await
    }

    /// Asks how many are in the channel.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe: asking changes nothing.
    pub async fn presence_stats(&self) -> Result<PresenceStats, RequestError> {
        self.caller.presence_stats(&self.channel).await
    }

    /// Asks for the channel's history.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe: asking changes nothing.
    pub async fn history(&self, query: HistoryQuery) -> Result<HistoryPage, RequestError> {
        self.caller.history(&self.channel, query).await
    }

    /// Unsubscribes, as dropping does.
    pub fn unsubscribe(self) {}
}
