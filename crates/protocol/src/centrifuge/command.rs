//! What a client asks for.

use super::field;
use super::filter::Filter;
use super::json::filter_of_request;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// One message of a client.
#[derive(Debug, Clone, PartialEq)]
pub struct Command<'a> {
    /// Chosen by the client and given back in the reply; 0 for [`Request::Pong`], and for [`Request::Send`] where
    /// it is allowed, since these have no reply.
    pub id: u32,
    /// What is asked for.
    pub request: Request<'a>,
}

/// What a command asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Request<'a> {
    /// Authenticate; the first command of every connection.
    Connect(ConnectRequest<'a>),
    /// Get what is published in a channel.
    Subscribe(SubscribeRequest<'a>),
    /// Stop that.
    Unsubscribe(UnsubscribeRequest<'a>),
    /// Publish into a channel.
    Publish(PublishRequest<'a>),
    /// Who is in the channel?
    Presence(PresenceRequest<'a>),
    /// How many are in the channel?
    PresenceStats(PresenceStatsRequest<'a>),
    /// What was published in the channel?
    History(HistoryRequest<'a>),
    /// Are you there? (Not the answer to the server's ping: that is [`Request::Pong`].)
    Ping,
    /// A message for the back end that wants no answer.
    Send(SendRequest<'a>),
    /// A call of the back end.
    Rpc(RpcRequest<'a>),
    /// A new token for the connection.
    Refresh(RefreshRequest<'a>),
    /// A new token for a subscription.
    SubRefresh(SubRefreshRequest<'a>),
    /// The answer to the server's ping: an empty message.
    Pong,
}

/// Authenticates a connection.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct ConnectRequest<'a> {
    /// The connection token; empty for none.
    #[serde(borrow, deserialize_with = "field::text")]
    pub token: Cow<'a, str>,
    /// A payload for the connect hook.
    #[serde(borrow, deserialize_with = "field::raw")]
    pub data: &'a [u8],
    /// Where to recover the server's own subscriptions from, by channel: up to [`ENTRIES_MAX`](super::ENTRIES_MAX).
    #[serde(borrow, deserialize_with = "field::bounded_object_map")]
    pub subs: BTreeMap<Cow<'a, str>, SubscribeRequest<'a>>,
    /// The name of the client's library or application.
    #[serde(borrow, deserialize_with = "field::text")]
    pub name: Cow<'a, str>,
    /// The version of the client's library or application.
    #[serde(borrow, deserialize_with = "field::text")]
    pub version: Cow<'a, str>,
    /// Headers that the client could not send by HTTP: up to [`ENTRIES_MAX`](super::ENTRIES_MAX).
    #[serde(borrow, deserialize_with = "field::bounded_text_map")]
    pub headers: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    /// Bit 0: the client knows dictionary compression.
    #[serde(deserialize_with = "field::or_zero")]
    pub flag: i64,
    /// The id of the dictionary that the client has.
    #[serde(borrow, deserialize_with = "field::text")]
    pub dict: Cow<'a, str>,
    /// The profile of settings that the client asks for.
    #[serde(borrow, deserialize_with = "field::text")]
    pub profile: Cow<'a, str>,
}

/// Subscribes to a channel.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct SubscribeRequest<'a> {
    /// The channel; empty in [`ConnectRequest::subs`], where it is the key.
    #[serde(borrow, deserialize_with = "field::text")]
    pub channel: Cow<'a, str>,
    /// The subscription token; empty for none.
    #[serde(borrow, deserialize_with = "field::text")]
    pub token: Cow<'a, str>,
    /// Recover what was published after `offset` of `epoch`.
    #[serde(deserialize_with = "field::or_zero")]
    pub recover: bool,
    /// The epoch of the last publication seen.
    #[serde(borrow, deserialize_with = "field::text")]
    pub epoch: Cow<'a, str>,
    /// The offset of the last publication seen.
    #[serde(deserialize_with = "field::or_zero")]
    pub offset: u64,
    /// A payload for the subscribe hook.
    #[serde(borrow, deserialize_with = "field::raw")]
    pub data: &'a [u8],
    /// Asks the server to watch the position.
    #[serde(deserialize_with = "field::or_zero")]
    pub positioned: bool,
    /// Asks for recovery on later reconnects.
    #[serde(deserialize_with = "field::or_zero")]
    pub recoverable: bool,
    /// Asks for join and leave messages.
    #[serde(deserialize_with = "field::or_zero")]
    pub join_leave: bool,
    /// The kind of delta that the client can apply; empty for none.
    #[serde(borrow, deserialize_with = "field::text")]
    pub delta: Cow<'a, str>,
    /// The publications that are wanted, by their tags; `None` for all. Unchecked: see [`Filter::check`].
    #[serde(borrow, deserialize_with = "filter_of_request")]
    pub tf: Option<Filter<'a>>,
    /// Bit 0: the client knows numeric channel ids. Bit 1: answer an unrecoverable position with an error.
    #[serde(deserialize_with = "field::or_zero")]
    pub flag: i64,
    /// The type of subscription; 0 for a stream.
    #[serde(rename = "type", deserialize_with = "field::or_zero")]
    pub kind: i32,
    /// Where in loading a map the client is.
    #[serde(deserialize_with = "field::or_zero")]
    pub phase: i32,
    /// Where the next page of a map begins.
    #[serde(borrow, deserialize_with = "field::text")]
    pub cursor: Cow<'a, str>,
    /// The size of a page of a map.
    #[serde(deserialize_with = "field::or_zero")]
    pub limit: i32,
    /// The order of a map's pages.
    #[serde(deserialize_with = "field::or_zero")]
    pub asc: bool,
}

/// Ends a subscription.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct UnsubscribeRequest<'a> {
    /// The channel.
    #[serde(borrow, deserialize_with = "field::text")]
    pub channel: Cow<'a, str>,
}

/// Publishes into a channel.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct PublishRequest<'a> {
    /// The channel.
    #[serde(borrow, deserialize_with = "field::text")]
    pub channel: Cow<'a, str>,
    /// The payload.
    #[serde(borrow, deserialize_with = "field::raw")]
    pub data: &'a [u8],
    /// 0 for a publication, 1 for a change of a map.
    #[serde(rename = "type", deserialize_with = "field::or_zero")]
    pub kind: i32,
    /// The key of the map.
    #[serde(borrow, deserialize_with = "field::text")]
    pub key: Cow<'a, str>,
    /// The key is removed.
    #[serde(deserialize_with = "field::or_zero")]
    pub removed: bool,
}

/// Asks who is in a channel.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct PresenceRequest<'a> {
    /// The channel.
    #[serde(borrow, deserialize_with = "field::text")]
    pub channel: Cow<'a, str>,
}

/// Asks how many are in a channel.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct PresenceStatsRequest<'a> {
    /// The channel.
    #[serde(borrow, deserialize_with = "field::text")]
    pub channel: Cow<'a, str>,
}

/// A place in a channel's stream.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct StreamPosition<'a> {
    /// The offset.
    #[serde(deserialize_with = "field::or_zero")]
    pub offset: u64,
    /// The life of the stream in which the offset counts.
    #[serde(borrow, deserialize_with = "field::text")]
    pub epoch: Cow<'a, str>,
}

/// Asks for a part of a channel's history.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct HistoryRequest<'a> {
    /// The channel.
    #[serde(borrow, deserialize_with = "field::text")]
    pub channel: Cow<'a, str>,
    /// 0 asks for the position alone, a negative number for all publications up to the server's limit.
    #[serde(deserialize_with = "field::or_zero")]
    pub limit: i32,
    /// Start behind this position.
    #[serde(borrow, deserialize_with = "field::object")]
    pub since: Option<StreamPosition<'a>>,
    /// From the newest to the oldest.
    #[serde(deserialize_with = "field::or_zero")]
    pub reverse: bool,
}

/// A message for the back end.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct SendRequest<'a> {
    /// The payload.
    #[serde(borrow, deserialize_with = "field::raw")]
    pub data: &'a [u8],
}

/// A call of the back end.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct RpcRequest<'a> {
    /// The payload.
    #[serde(borrow, deserialize_with = "field::raw")]
    pub data: &'a [u8],
    /// What is called.
    #[serde(borrow, deserialize_with = "field::text")]
    pub method: Cow<'a, str>,
}

/// A new token for the connection.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct RefreshRequest<'a> {
    /// The token.
    #[serde(borrow, deserialize_with = "field::text")]
    pub token: Cow<'a, str>,
}

/// A new token for a subscription.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct SubRefreshRequest<'a> {
    /// The channel.
    #[serde(borrow, deserialize_with = "field::text")]
    pub channel: Cow<'a, str>,
    /// The token.
    #[serde(borrow, deserialize_with = "field::text")]
    pub token: Cow<'a, str>,
    /// 0 to refresh; the other values belong to shared polls.
    #[serde(rename = "type", deserialize_with = "field::or_zero")]
    pub kind: i32,
}
