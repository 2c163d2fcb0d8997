//! What a server answers.

use super::code::Error;
use super::field;
use super::publication::{ClientInfo, Publication};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The answer to one command.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply<'a> {
    /// The id of the command.
    pub id: u32,
    /// The result, or why there is none.
    pub body: Result<Res<'a>, Error>,
}

/// The result of a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Res<'a> {
    /// Of connect.
    Connect(ConnectResult<'a>),
    /// Of subscribe.
    Subscribe(SubscribeResult<'a>),
    /// Of unsubscribe.
    Unsubscribe,
    /// Of publish.
    Publish,
    /// Of presence.
    Presence(PresenceResult<'a>),
    /// Of presence_stats.
    PresenceStats(PresenceStatsResult),
    /// Of history.
    History(HistoryResult<'a>),
    /// Of ping.
    Ping,
    /// Of rpc.
    Rpc(RpcResult<'a>),
    /// Of refresh.
    Refresh(RefreshResult<'a>),
    /// Of sub_refresh.
    SubRefresh(SubRefreshResult),
}

/// The connection is authenticated. The connect push of unidirectional transports has the same fields.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct ConnectResult<'a> {
    /// The id of the session.
    #[serde(borrow, deserialize_with = "field::text")]
    pub client: Cow<'a, str>,
    /// The server's version.
    #[serde(borrow, deserialize_with = "field::text")]
    pub version: Cow<'a, str>,
    /// The connection expires in `ttl` seconds unless it is refreshed.
    #[serde(deserialize_with = "field::or_zero")]
    pub expires: bool,
    /// Seconds until the connection expires.
    #[serde(deserialize_with = "field::or_zero")]
    pub ttl: u32,
    /// A payload from the connect hook.
    #[serde(borrow, deserialize_with = "field::raw")]
    pub data: &'a [u8],
    /// The server's own subscriptions for this client, by channel.
    #[serde(borrow, deserialize_with = "field::object_map")]
    pub subs: BTreeMap<Cow<'a, str>, SubscribeResult<'a>>,
    /// Seconds between the server's pings; 0 for none.
    #[serde(deserialize_with = "field::or_zero")]
    pub ping: u32,
    /// The server expects an answer to its pings.
    #[serde(deserialize_with = "field::or_zero")]
    pub pong: bool,
    /// A secret that names the session, for transports that send commands beside the stream.
    #[serde(borrow, deserialize_with = "field::text")]
    pub session: Cow<'a, str>,
    /// The node that holds the session, for the same transports.
    #[serde(borrow, deserialize_with = "field::text")]
    pub node: Cow<'a, str>,
    /// The server's Unix time in milliseconds; 0 when it does not say.
    #[serde(deserialize_with = "field::or_zero")]
    pub time: i64,
    /// What the server agreed to of the request's flag.
    #[serde(deserialize_with = "field::or_zero")]
    pub flag: i64,
}

/// The subscription stands.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct SubscribeResult<'a> {
    /// The subscription expires in `ttl` seconds unless it is refreshed.
    #[serde(deserialize_with = "field::or_zero")]
    pub expires: bool,
    /// Seconds until the subscription expires.
    #[serde(deserialize_with = "field::or_zero")]
    pub ttl: u32,
    /// The client can recover later from `offset` of `epoch`.
    #[serde(deserialize_with = "field::or_zero")]
    pub recoverable: bool,
    /// The life of the stream in which offsets count.
    #[serde(borrow, deserialize_with = "field::text")]
    pub epoch: Cow<'a, str>,
    /// What was missed, in order.
    #[serde(borrow, deserialize_with = "field::objects")]
    pub publications: Vec<Publication<'a>>,
    /// `publications` are all that was missed.
    #[serde(deserialize_with = "field::or_zero")]
    pub recovered: bool,
    /// The top of the stream.
    #[serde(deserialize_with = "field::or_zero")]
    pub offset: u64,
    /// The server watches over the position.
    #[serde(deserialize_with = "field::or_zero")]
    pub positioned: bool,
    /// A payload from the subscribe hook.
    #[serde(borrow, deserialize_with = "field::raw")]
    pub data: &'a [u8],
    /// The client asked to recover.
    #[serde(deserialize_with = "field::or_zero")]
    pub was_recovering: bool,
    /// The payloads of publications may be deltas.
    #[serde(deserialize_with = "field::or_zero")]
    pub delta: bool,
    /// The number that stands for the channel in pushes; 0 for none.
    #[serde(deserialize_with = "field::or_zero")]
    pub id: i64,
}

/// Who is in a channel.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct PresenceResult<'a> {
    /// The clients by the id of their session.
    #[serde(borrow, deserialize_with = "field::object_map")]
    pub presence: BTreeMap<Cow<'a, str>, ClientInfo<'a>>,
}

/// How many are in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct PresenceStatsResult {
    /// Sessions.
    #[serde(deserialize_with = "field::or_zero")]
    pub num_clients: u32,
    /// Different users.
    #[serde(deserialize_with = "field::or_zero")]
    pub num_users: u32,
}

/// A part of a channel's history.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct HistoryResult<'a> {
    /// The publications in the order that was asked for.
    #[serde(borrow, deserialize_with = "field::objects")]
    pub publications: Vec<Publication<'a>>,
    /// The life of the stream in which offsets count.
    #[serde(borrow, deserialize_with = "field::text")]
    pub epoch: Cow<'a, str>,
    /// The top of the stream.
    #[serde(deserialize_with = "field::or_zero")]
    pub offset: u64,
}

/// What the back end answered.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct RpcResult<'a> {
    /// The payload.
    #[serde(borrow, deserialize_with = "field::raw")]
    pub data: &'a [u8],
}

/// The connection lives on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct RefreshResult<'a> {
    /// The id of the session.
    #[serde(borrow, deserialize_with = "field::text")]
    pub client: Cow<'a, str>,
    /// The server's version.
    #[serde(borrow, deserialize_with = "field::text")]
    pub version: Cow<'a, str>,
    /// The connection expires again in `ttl` seconds.
    #[serde(deserialize_with = "field::or_zero")]
    pub expires: bool,
    /// Seconds until the connection expires.
    #[serde(deserialize_with = "field::or_zero")]
    pub ttl: u32,
}

/// The subscription lives on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct SubRefreshResult {
    /// The subscription expires again in `ttl` seconds.
    #[serde(deserialize_with = "field::or_zero")]
    pub expires: bool,
    /// Seconds until the subscription expires.
    #[serde(deserialize_with = "field::or_zero")]
    pub ttl: u32,
}
