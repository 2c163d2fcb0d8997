//! The Protobuf encoding.
//!
//! A binary frame holds one or more messages, each behind its length as a varint; the empty message is a zero byte.
//! [`commands`] and [`messages`] read such frames, whoever wrote them: any bytes give messages or one
//! [`DecodeError`](super::DecodeError), in time and memory proportional to their length. Text and payloads are
//! borrowed. The `encode_` functions append one message with its length.
//!
//! Reading follows the rules of Protobuf: fields may come in any order, the last of several counts, messages that are
//! there twice are merged, and what is unknown is passed over. Payloads are any bytes, not only JSON.
//!
//! The schema is written out by hand, a line a field, over varints and lengths of our own: generated code would copy
//! each payload and string into a value of its own, and the schema needs none of Protobuf's rarer parts.
//!
//! `frame` finds the messages, `command`, `emulation`, `reply` and `push` are their shapes, `shape` and `filter` what several of them hold;
//! `read`, `write` and `varint` are the format itself.

mod command;
mod emulation;
mod filter;
mod frame;
mod push;
mod read;
mod reply;
mod shape;
mod varint;
mod write;

pub(crate) use command::command_reader;
pub use command::{commands, encode_command};
pub(super) use emulation::{emulation, encode_emulation};
pub(crate) use frame::Delimited;
pub use push::encode_push;
pub(crate) use reply::message_reader;
pub use reply::{encode_reply, messages};

/// A ping, and the pong that answers it: the empty message.
pub const PING: &[u8] = &[0];
