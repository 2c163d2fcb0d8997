//! Polls and long-polls through the whole server, over sockets.

#![allow(clippy::unwrap_used, reason = "tests, and their helpers, fail loudly")]

mod asking;
mod cut;
mod entering;
mod served;
mod waiting;
