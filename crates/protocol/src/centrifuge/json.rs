//! The JSON encoding.
//!
//! A text frame holds one or more messages, each a JSON object on a line of its own; the last line may end with a
//! newline. [`commands`] and [`messages`] read such frames, whoever wrote them: any text gives messages or one
//! [`DecodeError`](super::DecodeError), in time and memory proportional to its length, and without recursion on what the peer nests.
//! The `encode_` functions write one message without the newline.
//!
//! Payloads are put into messages as they are. [`compact`] makes sure, once, when a payload enters, that it is one JSON
//! value and holds no line break. What is no JSON stands in a message as a string of its Base64, and on subscriptions
//! with deltas every payload is a string: see [`DataForm`](super::DataForm).
//!
//! `line` finds the messages of a frame, `command`, `emulation`, `reply` and `push` are their shapes, `shape` and `filter` what several of them
//! hold; `data` is payloads, `write` writes objects.

mod command;
mod data;
mod emulation;
mod filter;
mod line;
mod push;
mod reply;
mod shape;
mod write;

pub(crate) use command::command_reader;
pub use command::{commands, encode_command};
pub use data::{DATA_DEPTH_MAX, DataError, compact, encode_base64, string_text};
pub(super) use emulation::encode_emulation;
pub use filter::filter;
pub(super) use filter::of_request as filter_of_request;
pub(crate) use line::Lines;
pub(super) use line::object;
pub use push::{encode_bare_push, encode_bare_subscribed, encode_push};
pub(crate) use reply::message_reader;
pub use reply::{encode_reply, messages};
pub use shape::encode_publication;

/// A ping, and the pong that answers it: the empty message.
pub const PING: &[u8] = b"{}";
