//! Whether the server is still there: pings of ours, and the end of patience.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};
use wavecast_websocket::keepalive::{Action, Intervals, KeepAlive};

#[derive(Debug)]
pub(super) struct Heartbeat {
    intervals: Intervals,
    alive: KeepAlive,
    begun: Instant,
    /// Put off only when it fires: what is heard meanwhile costs no timer.
    timer: Pin<Box<Sleep>>,
}

pub(super) enum Beat {
    Ping,
    Dead,
}

impl Heartbeat {
    pub(super) fn new(intervals: Intervals) -> Self {
        let begun = Instant::now();
        Self { intervals, alive: KeepAlive::new(0), begun, timer: Box::pin(sleep_until(begun)) }
    }

    /// Bytes came in.
    pub(super) fn heard(&mut self) {
        self.alive.heard(self.now_ms());
    }

    /// Ready when there is something to do. To be asked when all has been read that is there: silence that nobody
    /// listened to is not held against the server.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Beat> {
        loop {
            match self.alive.poll(&self.intervals, self.now_ms()) {
                Action::SendPing => return Poll::Ready(Beat::Ping),
                Action::PeerDead => return Poll::Ready(Beat::Dead),
                Action::Wait { until_ms: None } => return Poll::Pending,
                Action::Wait { until_ms: Some(until_ms) } => {
                    let until = self.begun + Duration::from_millis(until_ms);
                    if self.timer.is_elapsed() || until < self.timer.deadline() {
                        self.timer.as_mut().reset(until);
                    }
                    ready!(self.timer.as_mut().poll(cx));
                }
            }
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
