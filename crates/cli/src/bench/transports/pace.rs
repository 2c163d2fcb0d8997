//! Publications at fixed times, from a thread of their own.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::super::error::BenchError;
use super::super::publisher::Publisher;
use super::super::stamp::{self, Stamp};

/// A number of publications under way.
#[derive(Debug)]
pub(super) struct Pace {
    publishing: JoinHandle<Result<Publisher, String>>,
}

impl Pace {
    /// Publishes `count` times, the first at `first_ns`, with the numbers from `sequence` on.
    pub(super) fn start(
        mut publisher: Publisher,
        sequence: u32,
        count: u32,
        first_ns: u64,
        interval: Duration,
    ) -> Self {
        let interval_ns = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
        let publishing = thread::spawn(move || {
            for (sequence, number) in (sequence..).zip(0..count) {
                let due_ns = first_ns + interval_ns * u64::from(number);
                thread::sleep(Duration::from_nanos(due_ns.saturating_sub(stamp::now_ns())));
                publisher.wake()?;
                publisher.publish(Stamp { sent_ns: stamp::now_ns(), sequence })?;
            }
            Ok(publisher)
        });
        Self { publishing }
    }

    /// Waits until all is published.
    pub(super) fn end(self) -> Result<Publisher, BenchError> {
        let ended =
            self.publishing.join().map_err(|_| BenchError::Worker("the publisher panicked".into()))?;
        ended.map_err(BenchError::Server)
    }
}
