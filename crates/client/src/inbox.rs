//! How handles reach the task.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::{Notify, oneshot};

use crate::error::SubscribeError;
use crate::event::{ServerEvent, SubscriptionEvent};
use crate::options::SubscribeOptions;
use crate::queue::EventReceiver;
use crate::request::Request;

/// What handles ask the task for.
#[derive(Debug)]
pub(crate) enum Command {
    Subscribe {
        channel: Arc<str>,
        options: SubscribeOptions,
        reply: oneshot::Sender<Result<EventReceiver<SubscriptionEvent>, SubscribeError>>,
    },
    Listen {
        reply: oneshot::Sender<EventReceiver<ServerEvent>>,
    },
    Request(Request),
}

/// What is told to the task beside the queue of commands, since it must not wait behind them.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    /// Something below has changed, or a subscription has been dropped or read from.
    pub(crate) attention: Arc<Notify>,
    pub(crate) closing: AtomicBool,
}
