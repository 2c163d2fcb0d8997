//! How a server leaves: readiness off, then nobody new, then its connections at a pace, then what is still to be answered.
//!
//! Who is told to go comes back at once, to the server that takes the place: with its handshake, its token and all of its
//! subscriptions. So `shutdown.drain` spreads the closes, and the new server's load is known beforehand. Two things come
//! before: for `shutdown.delay` this server goes on in everything, while its health says that it will not, so that a load
//! balancer sends nobody any more; and what was accepted before is delivered.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tracing::{info, warn};
use wavecast_net::CloseCode;
use wavecast_net::shard::{Leave, Remote};
use wavecast_protocol::centrifuge::Disconnect;

use crate::desk::Desk;
use crate::node::Node;
use crate::shard_event::ShardEvent;

/// However long the window is, so many connections a second are asked to leave at least: a server with three of them is not kept
/// from its end.
const PACE_MIN: usize = 10;

/// Ends a [`PushServer`](crate::PushServer).
#[derive(Clone, Debug)]
pub struct DrainHandle {
    node: Arc<Node>,
    desk: Arc<Desk<Node>>,
    /// Of the internal port, where there is one.
    internal: Option<Arc<Desk<Node>>>,
    runtime: Handle,
}

impl DrainHandle {
    pub(crate) fn new(
        node: Arc<Node>,
        desk: Arc<Desk<Node>>,
        internal: Option<Arc<Desk<Node>>>,
        runtime: Handle,
    ) -> Self {
        Self { node, desk, internal, runtime }
    }

    /// Makes health say that this server goes, after `shutdown.delay` stops to listen, and over `shutdown.drain` closes every
    /// session with 3001 (shutdown), upon which clients reconnect elsewhere. Sessions end in an order of chance, evenly, and at
    /// least ten a second.
    ///
    /// Before a session ends it gets what was published until now, and the answer to what it has asked and a hook is
    /// asked about. HTTP connections are answered as ever, and each ends with its next answer.
    /// [`PushServer::join`](crate::PushServer::join) returns when all have gone, or when `shutdown.timeout` has passed since
    /// now; what is left is cut off. Only the first call counts.
    pub fn drain(&self) {
        let shutdown = &self.node.config().shutdown;
        if !self.node.departure().begin(shutdown.timeout) {
            return;
        }
        if shutdown.delay.is_zero() {
            return self.leave();
        }
        info!(delay = ?shutdown.delay, "not ready any more: connections are still taken for shutdown.delay");
        let (this, delay) = (self.clone(), shutdown.delay);
        self.runtime.spawn(async move {
            tokio::time::sleep(delay).await;
            this.leave();
        });
    }

    /// Nobody new, and all others at a pace.
    fn leave(&self) {
        self.desk.drain();
        if let Some(internal) = &self.internal {
            internal.drain();
        }
        let node = &self.node;
        let shutdown = &node.config().shutdown;
        let open: usize = node.remotes.iter().map(Remote::open).sum();
        let at_least = Duration::from_secs_f64(open as f64 / PACE_MIN as f64);
        let window = shutdown.drain.min(at_least);
        info!(connections = open, over = ?window, "leaving: clients are told to reconnect");
        let leave = farewell(Disconnect::SHUTDOWN).over(window);
        for remote in &node.remotes {
            tell(remote.drain_over(leave.clone(), node.departure().left(shutdown.timeout)));
        }
    }
}

/// Has a shard close its connections with 3001 at once and end, at the latest after this time. False where it takes no more
/// orders.
pub(crate) fn drop_all(remote: &Remote<ShardEvent>, within: Duration) -> bool {
    tell(remote.drain_over(farewell(Disconnect::SHUTDOWN), within))
}

/// What is said to who is asked to leave.
pub(crate) fn farewell(Disconnect { code, reason }: Disconnect) -> Leave {
    Leave::new(CloseCode::new(code).unwrap_or(CloseCode::GOING_AWAY), &reason)
}

fn tell(told: bool) -> bool {
    if !told {
        warn!("a shard takes no more control messages and cannot be drained");
    }
    told
}
