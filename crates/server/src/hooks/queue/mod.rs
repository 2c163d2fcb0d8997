//! The queue of events: in order for each session and channel, tried again until they are told or too old.
//!
//! `lanes` decides what is delivered when, without a task and a clock of its own; `dispatch` does it on the runtime;
//! `backoff` says how long a lane rests after a failure.

mod backoff;
mod dispatch;
mod lanes;

pub use self::dispatch::{EventCounts, EventQueue};
pub use self::lanes::QueueFull;
