//! Calls of token sources under way, beside whatever the task is doing.

use std::future::{Future, pending};
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::token::NoToken;

/// Calls at a time for subscriptions; one more for the connection.
const CALLS_MAX: usize = 16;

/// Whose token it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    Connection,
    /// `serial` tells apart subscriptions to the same channel, one after the other.
    Channel {
        channel: Arc<str>,
        serial: u64,
    },
}

/// Dropping it cancels the calls.
#[derive(Debug, Default)]
pub(crate) struct Fetches {
    running: JoinSet<(Owner, Result<String, NoToken>)>,
    connection: bool,
}

impl Fetches {
    /// Whether another call for a subscription may begin.
    pub(crate) fn has_room(&self) -> bool {
        self.running.len() - usize::from(self.connection) < CALLS_MAX
    }

    /// Begins a call for a subscription.
    pub(crate) fn channel(
        &mut self,
        channel: Arc<str>,
        serial: u64,
        call: impl Future<Output = Result<String, NoToken>> + Send + 'static,
    ) {
        self.running.spawn(async move { (Owner::Channel { channel, serial }, call.await) });
    }

    /// Begins a call for the connection, if none is under way.
    pub(crate) fn connection(
        &mut self,
        call: impl Future<Output = Result<String, NoToken>> + Send + 'static,
    ) {
        if !std::mem::replace(&mut self.connection, true) {
            self.running.spawn(async move { (Owner::Connection, call.await) });
        }
    }

    /// Waits for the end of a call; for ever, if there is none. Cancel-safe.
    pub(crate) async fn next(&mut self) -> (Owner, Result<String, NoToken>) {
        // A call neither panics nor is it cancelled, so there is no error but "none".
        let Some(Ok((owner, token))) = self.running.join_next().await else { return pending().await };
        self.connection &= owner != Owner::Connection;
        (owner, token)
    }
}
