//! How far the end of a connection has come, and until when it may take.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::error::Closed;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// A close frame was queued or received; what is missing is the other one, or the end of TCP.
    Closing,
    /// As `Closing`, but the peer misbehaved and its answer does not matter any more.
    Failed,
    /// Nothing will be read or written any more.
    Ended,
}

#[derive(Debug)]
pub(super) struct Closing {
    phase: Phase,
    closed: Option<Closed>,
    /// When waiting for the peer to finish closing ends.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Closing {
    pub(super) fn not_begun() -> Self {
        Self { phase: Phase::Open, closed: None, deadline: None }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// How the connection was closed, as soon as either side has begun to.
    pub(super) fn closed(&self) -> Option<&Closed> {
        self.closed.as_ref()
    }

    /// Who closes first is remembered, and sets the time that the rest may take.
    pub(super) fn begin(&mut self, phase: Phase, closed: Closed, within: Duration) {
        self.phase = phase;
        self.closed.get_or_insert(closed);
        self.deadline.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + within)));
    }

    /// Ready when the peer has had its time to finish.
    pub(super) fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.deadline.as_mut().map_or(Poll::Pending, |deadline| deadline.as_mut().poll(cx))
    }

    /// The connection is over; without a close frame before, this is how.
    pub(super) fn end(&mut self, closed: Closed) {
        self.phase = Phase::Ended;
        self.deadline = None;
        self.closed.get_or_insert(closed);
    }
}
