//! The hub from outside: what it promises, random sequences against a naive model, and real threads.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod attendance;
mod behaviour;
mod cache_and_versions;
mod deltas;
mod filters;
mod inboxes;
mod internal;
mod model;
mod model_channel;
mod polling;
mod threads;
mod trimming;
