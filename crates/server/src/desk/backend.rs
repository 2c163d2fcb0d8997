//! What the front desk asks of the server behind it.

use std::future::Future;

use wavecast_hub::{HistoryPage, HistoryQuery, Publish, StreamPosition};
use wavecast_protocol::centrifuge::Error;

/// The server as the front desk sees it. The node is one; a test may be another.
pub trait Backend: Send + Sync + 'static {
    /// Publishes into a channel, waiting for room where a shard's inbox is full.
    ///
    /// The front desk gives up after `http_api.timeout` by dropping the future: what was not published by then must
    /// not be published later.
    ///
    /// # Errors
    /// The protocol's: 102 for a namespace that does not exist, 107 for a name that is not allowed, 111 without room…
    fn publish(
        &self,
        channel: &str,
        publish: Publish,
    ) -> impl Future<Output = Result<StreamPosition, Error>> + Send;

    /// Reads a part of a channel's history.
    ///
    /// # Errors
    /// The protocol's: 102, 107, 108 for a channel without history, 112 for a position that is not held any more.
    fn history(&self, channel: &str, query: HistoryQuery<'_>) -> Result<HistoryPage, Error>;

    /// What this node is and holds at the moment.
    fn info(&self) -> NodeInfo;
}

/// What a node says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeInfo {
    /// Its id, new with each start.
    pub uid: String,
    /// Its name: `node.name`, or `wavecast_` and the configured port.
    pub name: String,
    /// The version of the program.
    pub version: String,
    /// Sessions at the moment.
    pub num_clients: usize,
    /// Different users among them.
    pub num_users: usize,
    /// Subscriptions of all sessions.
    pub num_subs: usize,
    /// Channels with subscribers.
    pub num_channels: usize,
    /// Seconds since the start.
    pub uptime_s: u64,
}
