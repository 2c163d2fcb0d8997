//! The Centrifuge client protocol, version 2.
//!
//! A client sends [`Command`]s and gets a [`Reply`] to each that has an id; the server sends [`Push`]es on its own
//! account, and an empty message as a ping that the client answers with an empty message. The messages are those of
//! the public schema `client.proto`, whose field names are kept (`type` is `kind` here). As in the schema, a field
//! that is zero or empty is the same as one that is absent.
//!
//! Payloads (`data`, `info`) are bytes that nobody on the way looks into: `&[u8]`, empty when absent. In JSON they are
//! a JSON value that stands in the message as it is.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`code`] | [`Error`], [`Disconnect`], [`Unsubscribed`]: the tables of codes |
//! | [`command`] | [`Command`] and the requests |
//! | [`filter`] | [`Filter`]: which publications a subscriber wants |
//! | [`publication`] | [`Publication`], [`DataForm`] and [`ClientInfo`] |
//! | [`reply`] | [`Reply`] and the results |
//! | [`push`] | [`Push`] |
//! | [`message`] | [`ServerMessage`]: either, or a ping |
//! | [`Emulation`] | commands in a request of their own, beside a stream |
//! | [`Encoding`] | which of the two a connection speaks, and the same calls for either |
//! | [`json`] | the JSON encoding of them all |
//! | [`protobuf`] | the Protobuf encoding of them all |
//!
//! (Private: `envelope`, the outermost shape of messages; `field`, how fields are read from JSON; `decode_error`, why what a peer
//! wrote cannot be understood.)

pub mod code;
pub mod command;
mod decode_error;
mod emulation;
mod encoding;
mod envelope;
mod field;
pub mod filter;
pub mod json;
pub mod message;
pub mod protobuf;
pub mod publication;
pub mod push;
pub mod reply;

pub use code::{Disconnect, Error, Unsubscribed};
pub use command::{
    Command, ConnectRequest, HistoryRequest, PresenceRequest, PresenceStatsRequest, PublishRequest,
    RefreshRequest, Request, RpcRequest, SendRequest, StreamPosition, SubRefreshRequest, SubscribeRequest,
    UnsubscribeRequest,
};
pub use decode_error::DecodeError;
pub use emulation::Emulation;
pub use encoding::{Encoding, Messages, SUBPROTOCOL_JSON, SUBPROTOCOL_PROTOBUF};
pub use field::ENTRIES_MAX;
pub use filter::{Filter, FilterError};
pub use message::ServerMessage;
pub use publication::{ClientInfo, DataForm, Publication, Tags};
pub use push::Push;
pub use reply::{
    ConnectResult, HistoryResult, PresenceResult, PresenceStatsResult, RefreshResult, Reply, Res, RpcResult,
    SubRefreshResult, SubscribeResult,
};
