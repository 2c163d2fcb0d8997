//! Hooks: over HTTP against a real server, as Rust functions, and the queue of events.
//!
//! | room | what it is for |
//! | --- | --- |
//! | `backend`, `calls` | a back end that says what it is told to; hooks at it, and what they are called with |
//! | `requests`, `answers`, `failures`, `turns` | hooks over HTTP |
//! | `handlers` | hooks as Rust functions, asked as a shard asks |
//! | `recorder`, `events`, `queue` | the queue of events |

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

mod answers;
mod backend;
mod calls;
mod events;
mod failures;
mod handlers;
mod queue;
mod recorder;
mod requests;
mod turns;
