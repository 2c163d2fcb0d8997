//! The ways to a client beside WebSocket, through the whole server, over sockets.

#![allow(clippy::unwrap_used, reason = "tests, and their helpers, fail loudly")]

mod polls;
mod served;
mod streams;
