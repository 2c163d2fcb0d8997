//! What a server runs on, threads of shards and a runtime, and how they end: in order, or because nobody wants them any more.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Handle, Runtime};
use tracing::warn;
use wavecast_net::shard::{Remote, Threads};

use crate::desk::Desk;
use crate::leaving::drop_all;
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

    /// Waits until the shards have been drained, and what is under way at the desks has been answered. Blocks.
    ///
    /// # Errors
    /// When a shard ended in any other way.
    pub(crate) fn join(mut self, desks: &[&Desk<Node>]) -> io::Result<()> {
        let ended = self.threads.take().map_or(Ok(()), Threads::join);
        let Some(runtime) = self.runtime.take() else { return ended };
        let timeout = self.node.config().shutdown.timeout;
        // A server that has lost a shard had better end soon.
        let all = if ended.is_ok() { timeout } else { ANSWERS_DRAIN_MAX };
        let left = || self.node.departure().left(all);
        runtime.block_on(async {
            let end = async {
                for desk in desks {
                    desk.end().await;
                }
            };
            if tokio::time::timeout(left(), end).await.is_err() {
                let connections: usize = desks.iter().map(|desk| desk.connections()).sum();
                warn!(connections, "shutdown.timeout is over: requests are cut off");
            }
            // Sessions have ended: the back end is told of the last ones, too.
            if let Some(events) = self.node.office().events() {
                events.drain(left().clamp(ANSWERS_DRAIN_MAX, EVENTS_DRAIN_MAX)).await;
            }
        });
        self.node.close();
        runtime.shutdown_timeout(ANSWERS_DRAIN_MAX);
        ended
    }
}

impl Drop for Works {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            let told = self.remotes.iter().all(|remote| drop_all(remote, DROP_DRAIN_MAX));
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
