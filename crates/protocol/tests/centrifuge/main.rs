//! The Centrifuge protocol in both encodings: tables, round trips, and what strangers write.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod any_message;
mod bytes;
mod filters;
mod json_commands;
mod json_server_messages;
mod protobuf_commands;
mod protobuf_server_messages;
mod round_trip;
