//! The JSON encoding of the Centrifuge protocol: tables, round trips, and what strangers write.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod commands;
mod round_trip;
mod server_messages;
