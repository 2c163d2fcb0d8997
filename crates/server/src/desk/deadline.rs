//! One timer for whatever a connection waits for at the moment.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// The first byte of a request.
    Request,
    /// The rest of its head.
    Head,
    /// Room to write.
    Write,
    /// The peer's end, after ours.
    End,
}

/// A timer that starts when a wait begins and runs until it ends. It is made when first needed.
#[derive(Debug, Default)]
pub(super) struct Deadline {
    timer: Option<Pin<Box<Sleep>>>,
    waiting: Option<Wait>,
}

impl Deadline {
    /// Ready when this wait has lasted too long. Begins it if it has not begun.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, wait: Wait, timeout: Duration) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(timeout)));
        if self.waiting != Some(wait) {
            self.waiting = Some(wait);
            timer.as_mut().reset(Instant::now() + timeout);
        }
        timer.as_mut().poll(context)
    }

    /// Ends this wait, if it is the one that runs.
    pub(super) fn end(&mut self, wait: Wait) {
        if self.waiting == Some(wait) {
            self.waiting = None;
        }
    }
}
