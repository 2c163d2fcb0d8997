//! The client against a server that does what a test tells it to, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::needless_pass_by_value, reason = "a script reads best with json!() written in place")]

mod deltas;
mod disconnects;
mod fake_server;
mod protobuf;
mod recovery;
mod requests;
mod server_subscriptions;
mod slow_consumer;
mod subscription_tokens;
#[cfg(feature = "tls")]
mod tls;
mod tokens;
