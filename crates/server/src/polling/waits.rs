//! Where a poll waits, and what wakes it.

use std::sync::Arc;
use std::task::Wake;

use tokio::sync::Notify;
use wavecast_hub::WaitTicket;

use crate::node::Node;

/// Rings once, however often it is rung before somebody hears it.
#[derive(Debug, Default)]
pub(super) struct Bell(Notify);

impl Bell {
    /// Waits until it rings. Cancel-safe: what nobody has heard is heard the next time.
    pub(super) async fn rings(&self) {
        self.0.notified().await;
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.notify_one();
    }
}

/// Where a poll waits. It does so no longer when this is dropped, whatever became of it.
pub(super) struct Waits<'n> {
    node: &'n Node,
    tickets: Vec<(Box<str>, WaitTicket)>,
}

impl<'n> Waits<'n> {
    pub(super) fn of(node: &'n Node) -> Self {
        Self { node, tickets: Vec::new() }
    }

    pub(super) fn push(&mut self, channel: Box<str>, ticket: WaitTicket) {
        self.tickets.push((channel, ticket));
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        for (channel, ticket) in &self.tickets {
            self.node.hub().stop_waiting(channel, *ticket);
        }
    }
}
