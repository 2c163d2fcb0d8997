//! The outermost shape of messages: each has a field for everything it may carry, and one of them is set.
//!
//! Both encodings read into these, so that which field counts and which id is allowed is said once.

use super::code::Error;
use super::command::{
    Command, ConnectRequest, HistoryRequest, PresenceRequest, PresenceStatsRequest, PublishRequest,
    RefreshRequest, Request, RpcRequest, SendRequest, SubRefreshRequest, SubscribeRequest,
    UnsubscribeRequest,
};
use super::decode_error::DecodeError;
use super::field;
use super::message::ServerMessage;
use super::publication::{ClientInfo, Publication};
use super::push::Push;
use super::reply::{
    ConnectResult, HistoryResult, PresenceResult, PresenceStatsResult, RefreshResult, Reply, Res, RpcResult,
    SubRefreshResult, SubscribeResult,
};
use serde::Deserialize;
use std::borrow::Cow;

/// A command: one request of those that are possible.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct CommandEnvelope<'a> {
    #[serde(deserialize_with = "field::or_zero")]
    pub(super) id: u32,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) connect: Option<ConnectRequest<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) subscribe: Option<SubscribeRequest<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) unsubscribe: Option<UnsubscribeRequest<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) publish: Option<PublishRequest<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) presence: Option<PresenceRequest<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) presence_stats: Option<PresenceStatsRequest<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) history: Option<HistoryRequest<'a>>,
    #[serde(deserialize_with = "field::object")]
    pub(super) ping: Option<NoFields>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) send: Option<SendRequest<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) rpc: Option<RpcRequest<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) refresh: Option<RefreshRequest<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) sub_refresh: Option<SubRefreshRequest<'a>>,
}

impl<'a> CommandEnvelope<'a> {
    /// The first request in the order of the schema counts, as in Centrifuge.
    pub(super) fn command(self) -> Result<Command<'a>, DecodeError> {
        let id = self.id;
        let request = (self.connect.map(Request::Connect))
            .or_else(|| self.subscribe.map(Request::Subscribe))
            .or_else(|| self.unsubscribe.map(Request::Unsubscribe))
            .or_else(|| self.publish.map(Request::Publish))
            .or_else(|| self.presence.map(Request::Presence))
            .or_else(|| self.presence_stats.map(Request::PresenceStats))
            .or_else(|| self.history.map(Request::History))
            .or_else(|| self.ping.map(|NoFields {}| Request::Ping))
            .or_else(|| self.send.map(Request::Send))
            .or_else(|| self.rpc.map(Request::Rpc))
            .or_else(|| self.refresh.map(Request::Refresh))
            .or_else(|| self.sub_refresh.map(Request::SubRefresh));
        match request {
            Some(request @ Request::Send(_)) => Ok(Command { id, request }),
            Some(_) if id == 0 => Err(DecodeError::NoId),
            Some(request) => Ok(Command { id, request }),
            None if id == 0 => Ok(Command { id, request: Request::Pong }),
            None => Err(DecodeError::NoContent { id }),
        }
    }
}

/// A server's message: a push, an error, or the result of a command.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ServerEnvelope<'a> {
    #[serde(deserialize_with = "field::or_zero")]
    pub(super) id: u32,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) error: Option<ErrorFields<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) push: Option<PushEnvelope<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) connect: Option<ConnectResult<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) subscribe: Option<SubscribeResult<'a>>,
    #[serde(deserialize_with = "field::object")]
    pub(super) unsubscribe: Option<NoFields>,
    #[serde(deserialize_with = "field::object")]
    pub(super) publish: Option<NoFields>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) presence: Option<PresenceResult<'a>>,
    #[serde(deserialize_with = "field::object")]
    pub(super) presence_stats: Option<PresenceStatsResult>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) history: Option<HistoryResult<'a>>,
    #[serde(deserialize_with = "field::object")]
    pub(super) ping: Option<NoFields>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) rpc: Option<RpcResult<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) refresh: Option<RefreshResult<'a>>,
    #[serde(deserialize_with = "field::object")]
    pub(super) sub_refresh: Option<SubRefreshResult>,
}

/// A request or result without fields.
#[derive(Default, Deserialize)]
pub(super) struct NoFields {}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorFields<'a> {
    #[serde(deserialize_with = "field::or_zero")]
    pub(super) code: u32,
    #[serde(borrow, deserialize_with = "field::text")]
    pub(super) message: Cow<'a, str>,
    #[serde(deserialize_with = "field::or_zero")]
    pub(super) temporary: bool,
}

impl<'a> ServerEnvelope<'a> {
    pub(super) fn message(self) -> Result<ServerMessage<'a>, DecodeError> {
        let id = self.id;
        if let Some(push) = self.push {
            return push.push().map(ServerMessage::Push);
        }
        if let Some(ErrorFields { code, message, temporary }) = self.error {
            let error = Error { code, message: message.into_owned().into(), temporary };
            return Ok(ServerMessage::Reply(Reply { id, body: Err(error) }));
        }
        let result = (self.connect.map(Res::Connect))
            .or_else(|| self.subscribe.map(Res::Subscribe))
            .or_else(|| self.unsubscribe.map(|NoFields {}| Res::Unsubscribe))
            .or_else(|| self.publish.map(|NoFields {}| Res::Publish))
            .or_else(|| self.presence.map(Res::Presence))
            .or_else(|| self.presence_stats.map(Res::PresenceStats))
            .or_else(|| self.history.map(Res::History))
            .or_else(|| self.ping.map(|NoFields {}| Res::Ping))
            .or_else(|| self.rpc.map(Res::Rpc))
            .or_else(|| self.refresh.map(Res::Refresh))
            .or_else(|| self.sub_refresh.map(Res::SubRefresh));
        match result {
            Some(result) => Ok(ServerMessage::Reply(Reply { id, body: Ok(result) })),
            None if id == 0 => Ok(ServerMessage::Ping),
            None => Err(DecodeError::NoContent { id }),
        }
    }
}
/// A push: one content of those that are possible.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PushEnvelope<'a> {
    #[serde(borrow, deserialize_with = "field::text")]
    pub(super) channel: Cow<'a, str>,
    #[serde(rename = "pub", borrow, deserialize_with = "field::object")]
    pub(super) publication: Option<Publication<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) join: Option<PresenceFields<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) leave: Option<PresenceFields<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) unsubscribe: Option<EndFields<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) message: Option<MessageFields<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) subscribe: Option<SubscribeFields<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) connect: Option<ConnectResult<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) disconnect: Option<EndFields<'a>>,
    #[serde(deserialize_with = "field::object")]
    pub(super) refresh: Option<RefreshFields>,
}

/// Join and leave.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PresenceFields<'a> {
    #[serde(borrow, deserialize_with = "field::object")]
    pub(super) info: Option<ClientInfo<'a>>,
}

/// Unsubscribe and disconnect.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct EndFields<'a> {
    #[serde(deserialize_with = "field::or_zero")]
    pub(super) code: u32,
    #[serde(borrow, deserialize_with = "field::text")]
    pub(super) reason: Cow<'a, str>,
    #[serde(deserialize_with = "field::or_zero")]
    pub(super) reconnect: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct MessageFields<'a> {
    #[serde(borrow, deserialize_with = "field::raw")]
    pub(super) data: &'a [u8],
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SubscribeFields<'a> {
    #[serde(deserialize_with = "field::or_zero")]
    pub(super) recoverable: bool,
    #[serde(borrow, deserialize_with = "field::text")]
    pub(super) epoch: Cow<'a, str>,
    #[serde(deserialize_with = "field::or_zero")]
    pub(super) offset: u64,
    #[serde(deserialize_with = "field::or_zero")]
    pub(super) positioned: bool,
    #[serde(borrow, deserialize_with = "field::raw")]
    pub(super) data: &'a [u8],
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RefreshFields {
    #[serde(deserialize_with = "field::or_zero")]
    pub(super) expires: bool,
    #[serde(deserialize_with = "field::or_zero")]
    pub(super) ttl: u32,
}

impl<'a> PushEnvelope<'a> {
    /// The first content in the order of the schema counts.
    fn push(self) -> Result<Push<'a>, DecodeError> {
        let channel = self.channel;
        let push = if let Some(publication) = self.publication {
            Push::Publication { channel, publication }
        } else if let Some(join) = self.join {
            Push::Join { channel, info: join.info.unwrap_or_default() }
        } else if let Some(leave) = self.leave {
            Push::Leave { channel, info: leave.info.unwrap_or_default() }
        } else if let Some(EndFields { code, reason, .. }) = self.unsubscribe {
            Push::Unsubscribe { channel, code, reason }
        } else if let Some(MessageFields { data }) = self.message {
            Push::Message { data }
        } else if let Some(SubscribeFields { recoverable, epoch, offset, positioned, data }) = self.subscribe
        {
            Push::Subscribe { channel, recoverable, epoch, offset, positioned, data }
        } else if let Some(connect) = self.connect {
            Push::Connect(connect)
        } else if let Some(EndFields { code, reason, reconnect }) = self.disconnect {
            Push::Disconnect { code, reason, reconnect }
        } else if let Some(RefreshFields { expires, ttl }) = self.refresh {
            Push::Refresh { expires, ttl }
        } else {
            return Err(DecodeError::NoContent { id: 0 });
        };
        Ok(push)
    }
}
