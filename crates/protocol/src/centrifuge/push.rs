//! What a server says on its own account.

use super::publication::{ClientInfo, Publication};
use super::reply::ConnectResult;
use std::borrow::Cow;

/// One message that is no answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Push<'a> {
    /// Somebody published in the channel.
    Publication {
        /// The channel.
        channel: Cow<'a, str>,
        /// What was published.
        publication: Publication<'a>,
    },
    /// Somebody joined the channel.
    Join {
        /// The channel.
        channel: Cow<'a, str>,
        /// Who it was.
        info: ClientInfo<'a>,
    },
    /// Somebody left the channel.
    Leave {
        /// The channel.
        channel: Cow<'a, str>,
        /// Who it was.
        info: ClientInfo<'a>,
    },
    /// The server ended the subscription.
    Unsubscribe {
        /// The channel.
        channel: Cow<'a, str>,
        /// See [`Unsubscribed`](super::Unsubscribed): from 2500 on the client subscribes again.
        code: u32,
        /// The text people read.
        reason: Cow<'a, str>,
    },
    /// A message of the back end to this client alone.
    Message {
        /// The payload.
        data: &'a [u8],
    },
    /// The server subscribed the client.
    Subscribe {
        /// The channel.
        channel: Cow<'a, str>,
        /// The client can recover later from `offset` of `epoch`.
        recoverable: bool,
        /// The life of the stream in which offsets count.
        epoch: Cow<'a, str>,
        /// The top of the stream.
        offset: u64,
        /// The server watches over the position.
        positioned: bool,
        /// A payload of the back end.
        data: &'a [u8],
    },
    /// The connection stands, on a unidirectional transport.
    Connect(ConnectResult<'a>),
    /// The connection ends, on a transport without a close frame.
    Disconnect {
        /// See [`Disconnect`](super::Disconnect).
        code: u32,
        /// The text people read.
        reason: Cow<'a, str>,
        /// The client should connect again. Clients of version 2 go by the code.
        reconnect: bool,
    },
    /// The connection was refreshed by the back end, on a unidirectional transport.
    Refresh {
        /// The connection expires again in `ttl` seconds.
        expires: bool,
        /// Seconds until the connection expires.
        ttl: u32,
    },
}
