//! RFC 6455 and RFC 7692 (permessage-deflate) for both roles, without I/O.
//!
//! Bytes, time and randomness come in as arguments; events and bytes to send go out. The crate knows no socket, no
//! task, no clock and no source of randomness, so it runs under any event loop and the same input always gives the
//! same events. Extensions other than permessage-deflate are parsed from the handshake, and none is accepted.
//!
//! | room | what it holds |
//! | --- | --- |
//! | [`handshake`] | the opening handshake: request heads, [`accept`](handshake::accept) and refuse, [`ClientRequest`](handshake::ClientRequest) |
//! | `connection` | [`Connection`]: input to events, closing handshake |
//! | `input`, `event` | the bytes that came in, as the caller lends them; what is made of them |
//! | `assembly`, `message` | what waits for bytes that have not arrived |
//! | `pieces` | [`Part`], [`Piece`]: messages that are handed on piece by piece |
//! | `rules` | [`Role`], and whether a well-formed frame may come now |
//! | [`deflate`] | compressed messages: offers and answers, [`Deflater`](deflate::Deflater), [`Inflater`](deflate::Inflater) |
//! | [`frame`] | header codec, whole frames, [`Opcode`] |
//! | [`mask`], [`utf8`] | the two loops over every byte |
//! | `close_code`, `close` | [`CloseCode`], [`CloseFrame`] |
//! | `pong`, [`keepalive`] | bounded answers to pings, and pings of ours |
//! | `limits`, `protocol_error` | [`Limits`], [`ProtocolError`] |

mod assembly;
mod close;
mod close_code;
mod connection;
pub mod deflate;
mod event;
pub mod frame;
pub mod handshake;
mod input;
pub mod keepalive;
mod limits;
pub mod mask;
mod message;
mod pieces;
mod pong;
mod protocol_error;
mod rules;
pub mod utf8;

pub use close::{CloseFrame, REASON_BYTES_MAX};
pub use close_code::CloseCode;
pub use connection::Connection;
pub use event::Event;
pub use frame::Opcode;
pub use input::Input;
pub use limits::Limits;
pub use pieces::{Part, Piece};
pub use pong::Pongs;
pub use protocol_error::ProtocolError;
pub use rules::Role;
