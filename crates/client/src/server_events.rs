//! What the server does on its own account, as the user sees it.

use crate::caller::Caller;
use crate::event::ServerEvent;
use crate::queue::EventReceiver;

/// The events of [`Client::server_events`](crate::Client::server_events).
///
/// # Slow consumers
///
/// Events wait in a queue of [`Options::events_max`](crate::Options::events_max). When it is full, what
/// comes is dropped; once half of the queue has been read, it goes on with what stands: the channels
/// that came and went, a [`Gap`](crate::SubscriptionEvent::Gap) for each channel of which something was
/// dropped, and the number of messages that were.
#[derive(Debug)]
pub struct ServerEvents {
    events: EventReceiver<ServerEvent>,
    /// Keeps the client going while there is somebody to listen.
    _client: Caller,
}

impl ServerEvents {
    pub(crate) fn new(events: EventReceiver<ServerEvent>, client: Caller) -> Self {
        Self { events, _client: client }
    }

    /// Waits for the next event.
    ///
    /// The last one is [`ServerEvent::Closed`]; after it comes `None`.
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe: no event is lost.
    pub async fn next(&mut self) -> Option<ServerEvent> {
        self.events.recv(ServerEvent::Closed).await
    }
}
