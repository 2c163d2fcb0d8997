//! What the back end is asked, and what its yes may bring.
//!
//! Everything is owned, since a call crosses from a shard to the runtime and its outcome crosses back. Payloads (`data`,
//! `info`) are bytes, JSON or not, as the client or the back end sent them; `meta` is JSON. Times are Unix seconds.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wavecast_hub::Tags;
use wavecast_protocol::centrifuge::{Encoding, Error};

use super::headers::PassedHeaders;
use crate::payload;

/// The name of the hook that is meant when none is named.
pub const DEFAULT_NAME: &str = "default";

/// On whose behalf a call is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// The id of the session.
    pub client: Box<str>,
    /// The user's id; empty for an anonymous user, and before the connection is accepted.
    pub user: Box<str>,
    /// How the client is connected: `websocket`.
    pub transport: &'static str,
    /// In which encoding the client speaks.
    pub encoding: Encoding,
    /// What the connection's token or connect hook attached to it and the client never sees; JSON.
    pub meta: Option<Arc<[u8]>>,
    /// Headers of the client that hooks are to see, as [`HeaderNames`](super::HeaderNames) picked them.
    pub headers: Option<Arc<PassedHeaders>>,
}

/// May this client connect, and as whom? Asked where the client showed no token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectCall {
    /// Who asks; the user is not known yet.
    pub caller: Caller,
    /// What the client sent along.
    pub data: Option<Box<[u8]>>,
    /// The name of the client's library.
    pub name: Box<str>,
    /// The version of it.
    pub version: Box<str>,
    /// Channels that the client would like to be subscribed to by the server.
    pub channels: Vec<String>,
}

impl ConnectCall {
    /// What the client sent along, as a value of your own. Nothing at all counts as `null`: `Option<T>` takes it.
    ///
    /// # Errors
    /// [`Error::BAD_REQUEST`] (107), with what is wrong in its words, if it is no such value.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        payload::read(self.data.as_deref())
    }
}

/// The client may connect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectGrant {
    /// Who it is; empty for an anonymous user.
    pub user: Box<str>,
    /// When the connection expires; 0: never.
    pub expire_at: i64,
    /// What others may know of the user: in presence, joins and publications.
    pub info: Option<Box<[u8]>>,
    /// For the client, in the answer to its connect command.
    pub data: Option<Box<[u8]>>,
    /// Channels that the client is subscribed to, with the options of their namespaces.
    pub channels: Vec<String>,
    /// The same with options of their own.
    pub subs: BTreeMap<String, SubscribeGrant>,
    /// Stays with the connection and is passed to later hooks; JSON.
    pub meta: Option<Arc<[u8]>>,
    /// What the user may do in which channels.
    pub caps: Vec<Capability>,
}

/// What may be done in some channels. Not checked here: the session compiles them as it does those of a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capability {
    /// Names or patterns.
    pub channels: Vec<String>,
    /// How `channels` are meant: `""` for names, `wildcard` or `regex`.
    pub matching: String,
    /// `sub`, `pub`, `prs`, `hst`.
    pub allow: Vec<String>,
}

/// The connection is about to expire: is it still good?
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefreshCall {
    /// Whose connection it is.
    pub caller: Caller,
}

/// What became of the connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefreshGrant {
    /// It is not good any more, and ends with 3005. The other fields do not count then.
    pub expired: bool,
    /// When it expires next; 0: never.
    pub expire_at: i64,
    /// In place of what others knew of the user; `None` leaves it.
    pub info: Option<Box<[u8]>>,
    /// In place of the meta; `None` leaves it.
    pub meta: Option<Arc<[u8]>>,
    /// In place of what the user may do; `None` leaves it.
    pub caps: Option<Vec<Capability>>,
}

/// May this client subscribe?
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubscribeCall {
    /// Who asks.
    pub caller: Caller,
    /// The name of the hook: `default`, or one of `proxies`.
    pub hook: Arc<str>,
    /// The channel.
    pub channel: Box<str>,
    /// The subscription token, where the client gave one.
    pub token: Box<str>,
    /// What the client sent along.
    pub data: Option<Box<[u8]>>,
}

impl SubscribeCall {
    /// What the client sent along, as a value of your own. Nothing at all counts as `null`: `Option<T>` takes it.
    ///
    /// # Errors
    /// [`Error::BAD_REQUEST`] (107), with what is wrong in its words, if it is no such value.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        payload::read(self.data.as_deref())
    }
}

/// The client may subscribe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubscribeGrant {
    /// When the subscription expires; 0: never.
    pub expire_at: i64,
    /// What others may know of the user in this channel.
    pub info: Option<Box<[u8]>>,
    /// For the client, in the answer to its subscribe command.
    pub data: Option<Box<[u8]>>,
    /// Options that differ from those of the channel's namespace.
    pub overrides: Overrides,
    /// What the client may do in this channel beside what its namespace allows: `pub`, `prs`, `hst`.
    pub allow: Vec<String>,
    /// A filter over tags that the client cannot widen, as the JSON of a filter node.
    pub tags_filter: Option<Box<[u8]>>,
    /// A server-side subscription gets the latest publication at once, where the channel's recovery is that of a cache.
    /// Only in [`ConnectGrant::subs`].
    pub cache_recover: bool,
}

/// Options of a namespace that a subscription has its own way; `None` leaves them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The client is in the channel's presence.
    pub presence: Option<bool>,
    /// Its coming and going is published.
    pub join_leave: Option<bool>,
    /// The subscription is recoverable.
    pub force_recovery: Option<bool>,
    /// The subscription has a position.
    pub force_positioning: Option<bool>,
    /// The client is told who comes and goes.
    pub force_push_join_leave: Option<bool>,
}

/// The subscription is about to expire: is it still good?
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubRefreshCall {
    /// Whose subscription it is.
    pub caller: Caller,
    /// The name of the hook.
    pub hook: Arc<str>,
    /// The channel.
    pub channel: Box<str>,
}

/// What became of the subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubRefreshGrant {
    /// It is not good any more, and ends. The other fields do not count then.
    pub expired: bool,
    /// When it expires next; 0: never.
    pub expire_at: i64,
    /// In place of what others knew of the user in this channel; `None` leaves it.
    pub info: Option<Box<[u8]>>,
}

/// May this client publish this?
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublishCall {
    /// Who asks.
    pub caller: Caller,
    /// The name of the hook.
    pub hook: Arc<str>,
    /// The channel.
    pub channel: Box<str>,
    /// The payload.
    pub data: Box<[u8]>,
}

impl PublishCall {
    /// The payload, as a value of your own.
    ///
    /// # Errors
    /// [`Error::BAD_REQUEST`] (107), with what is wrong in its words, if it is no such value.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        payload::read(Some(&self.data))
    }
}

/// The client may publish.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublishGrant {
    /// Published in place of what the client sent; `None`: what the client sent.
    pub data: Option<Box<[u8]>>,
    /// The publication stays out of the history.
    pub skip_history: bool,
    /// Tags of the publication.
    pub tags: Option<Box<Tags>>,
    /// A publication with the same key happens once; empty: none.
    pub idempotency_key: Box<str>,
    /// Subscribers that take deltas may get one.
    pub delta: bool,
    /// The version of the state that it carries; 0: none.
    pub version: u64,
    /// The name of this life of versions.
    pub version_epoch: Box<str>,
}

impl PublishGrant {
    /// A yes with this value, as JSON, published in place of what the client sent. What else it grants is for you to say:
    /// `PublishGrant { skip_history: true, ..PublishGrant::json(&value)? }`.
    ///
    /// # Errors
    /// [`Error::INTERNAL`] (100) for a value that cannot be JSON (a map whose keys are no texts, say); the log says why.
    pub fn json(value: &(impl Serialize + ?Sized)) -> Result<Self, Error> {
        let data = Some(payload::written(value)?.into());
        Ok(Self { data, ..Self::default() })
    }
}

/// The client calls a method of the back end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RpcCall {
    /// Who asks.
    pub caller: Caller,
    /// The name of the hook.
    pub hook: Arc<str>,
    /// The method.
    pub method: Box<str>,
    /// Its arguments.
    pub data: Option<Box<[u8]>>,
}

impl RpcCall {
    /// The arguments, as a value of your own. Nothing at all counts as `null`: `Option<T>` takes it.
    ///
    /// # Errors
    /// [`Error::BAD_REQUEST`] (107), with what is wrong in its words, if it is no such value.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        payload::read(self.data.as_deref())
    }
}

/// What the method returned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RpcGrant {
    /// For the client.
    pub data: Option<Box<[u8]>>,
}

impl RpcGrant {
    /// A yes with this value, as JSON, for the client:
    ///
    /// ```
    /// use wavecast_server::hooks::{Answer, RpcCall, RpcGrant};
    /// use wavecast_server::protocol::centrifuge::Error;
    ///
    /// fn sum(call: &RpcCall) -> Result<RpcGrant, Error> {
    ///     let numbers: Vec<f64> = call.json()?;
    ///     RpcGrant::json(&numbers.iter().sum::<f64>())
    /// }
    ///
    /// let call = RpcCall { data: Some((*b"[1, 2]").into()), ..RpcCall::default() };
    /// let answer: Answer<RpcGrant> = sum(&call).into();
    /// assert_eq!(answer, Answer::Ok(RpcGrant { data: Some((*b"3.0").into()) }));
    /// ```
    ///
    /// # Errors
    /// [`Error::INTERNAL`] (100) for a value that cannot be JSON (a map whose keys are no texts, say); the log says why.
    pub fn json(value: &(impl Serialize + ?Sized)) -> Result<Self, Error> {
        let data = Some(payload::written(value)?.into());
        Ok(Self { data })
    }
}
