//! What a server runs on, threads of shards and a runtime, and how they end: in order, or because nobody wants them any more.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Handle, Runtime};
use tracing::warn;
use wavecast_net::CloseCode;
use wavecast_net::shard::{Remote, Threads};
use wavecast_protocol::centrifuge::Disconnect;

use crate::node::Node;
use crate::shard_event::ShardEvent;

/// The longest that a shutdown waits for the back end to take what it is told.
const EVENTS_DRAIN_MAX: Duration = Duration::from_secs(10);
/// How long answers on their way may still go out.
const ANSWERS_DRAIN_MAX: Duration = Duration::from_secs(1);
/// How long connections have for their farewell where nobody waits for them.
const DROP_DRAIN_MAX: Duration = Duration::from_millis(100);

/// Threads and runtime of a server. Dropped, it ends both, also in an asynchronous context.
pub(crate) struct Works {
    node: Arc<Node>,
    remotes: Vec<Remote<ShardEvent>>,
    /// None before the shards start, and when they have ended.
    threads: Option<Threads>,
    /// Taken when the server ends.
    runtime: Option<Runtime>,
    /// Stays when the runtime has been taken.
    handle: Handle,
}

impl Works {
    pub(crate) fn new(node: Arc<Node>, remotes: Vec<Remote<ShardEvent>>, runtime: Runtime) -> Self {
        let handle = runtime.handle().clone();
        Self { node, remotes, threads: None, runtime: Some(runtime), handle }
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.handle
    }

    pub(crate) fn take_threads(&mut self, threads: Threads) {
        self.threads = Some(threads);
    }

    /// Waits until the shards have been drained. Blocks.
    ///
    /// # Errors
    /// When a shard ended in any other way.
    pub(crate) fn join(mut self) -> io::Result<()> {
        let ended = self.threads.take().map_or(Ok(()), Threads::join);
        let Some(runtime) = self.runtime.take() else { return ended };
        // Sessions have ended: the back end is told of the last ones, too.
        if let Some(events) = self.node.office().events() {
            runtime.block_on(events.drain(self.node.config().shutdown.timeout.min(EVENTS_DRAIN_MAX)));
        }
        self.node.close();
        runtime.shutdown_timeout(ANSWERS_DRAIN_MAX);
        ended
    }
}

impl Drop for Works {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            let told = self.remotes.iter().all(|remote| drain(remote, DROP_DRAIN_MAX));
            // One that could not be told would be waited for in vain.
            if told && let Err(error) = threads.join() {
                warn!(%error, "a shard failed");
            }
        }
        self.node.close();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Has a shard close its connections with 3001 and end, at the latest after this time. False where it takes no more orders.
pub(crate) fn drain(remote: &Remote<ShardEvent>, within: Duration) -> bool {
    let Disconnect { code, reason } = Disconnect::SHUTDOWN;
    let code = CloseCode::new(code).unwrap_or(CloseCode::GOING_AWAY);
    let told = remote.drain(code, &reason, within);
    if !told {
        warn!("a shard takes no more control messages and cannot be drained");
    }
    told
}
