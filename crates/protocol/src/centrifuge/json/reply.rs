//! Replies: a server encodes them, a client decodes them, among the server's other messages.

use super::line::{DecodeError, Lines, object};
use super::push::WirePush;
use super::shape::{client_info, connect_result, publication, subscribe_result};
use super::write::Object;
use crate::centrifuge::code::Error;
use crate::centrifuge::field;
use crate::centrifuge::message::ServerMessage;
use crate::centrifuge::reply::{
    ConnectResult, HistoryResult, PresenceResult, PresenceStatsResult, RefreshResult, Reply, Res, RpcResult,
    SubRefreshResult, SubscribeResult,
};

use serde::Deserialize;
use std::borrow::Cow;

/// Reads the messages of a server's text frame. After an error nothing follows.
pub fn messages(frame: &str) -> impl Iterator<Item = Result<ServerMessage<'_>, DecodeError>> {
    Lines::new(frame, |line| object::<Wire<'_>>(line)?.message())
}

/// Writes a reply.
pub fn encode_reply(reply: &Reply<'_>, out: &mut Vec<u8>) {
    Object::write(out, |object| {
        object.number("id", reply.id);
        match &reply.body {
            Ok(result) => write_result(object, result),
            Err(error) => _ = object.object("error", |object| write_error(object, error)),
        }
    });
}

fn write_error(object: &mut Object<'_>, error: &Error) {
    object.number("code", error.code).text("message", &error.message).flag("temporary", error.temporary);
}

fn write_result(object: &mut Object<'_>, result: &Res<'_>) {
    match result {
        Res::Connect(connect) => object.object("connect", |object| connect_result(object, connect)),
        Res::Subscribe(subscribe) => object.object("subscribe", |object| subscribe_result(object, subscribe)),
        Res::Unsubscribe => object.object("unsubscribe", |_| {}),
        Res::Publish => object.object("publish", |_| {}),
        Res::Presence(presence) => object.object("presence", |object| {
            object.map("presence", &presence.presence, |out, info| {
                Object::write(out, |object| client_info(object, info));
            });
        }),
        Res::PresenceStats(stats) => object.object("presence_stats", |object| {
            object.number("num_clients", stats.num_clients).number("num_users", stats.num_users);
        }),
        Res::History(history) => object.object("history", |object| {
            object
                .objects("publications", &history.publications, publication)
                .text("epoch", &history.epoch)
                .number("offset", history.offset);
        }),
        Res::Ping => object.object("ping", |_| {}),
        Res::Rpc(rpc) => object.object("rpc", |object| _ = object.raw("data", rpc.data)),
        Res::Refresh(refresh) => object.object("refresh", |object| {
            object
                .text("client", &refresh.client)
                .text("version", &refresh.version)
                .flag("expires", refresh.expires)
                .number("ttl", refresh.ttl);
        }),
        Res::SubRefresh(refresh) => object.object("sub_refresh", |object| {
            object.flag("expires", refresh.expires).number("ttl", refresh.ttl);
        }),
    };
}

/// A server's message as it stands on the line.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wire<'a> {
    #[serde(deserialize_with = "field::or_zero")]
    id: u32,
    #[serde(borrow, deserialize_with = "field::object")]
    error: Option<WireError<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    push: Option<WirePush<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    connect: Option<ConnectResult<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    subscribe: Option<SubscribeResult<'a>>,
    #[serde(deserialize_with = "field::object")]
    unsubscribe: Option<NoFields>,
    #[serde(deserialize_with = "field::object")]
    publish: Option<NoFields>,
    #[serde(borrow, deserialize_with = "field::object")]
    presence: Option<PresenceResult<'a>>,
    #[serde(deserialize_with = "field::object")]
    presence_stats: Option<PresenceStatsResult>,
    #[serde(borrow, deserialize_with = "field::object")]
    history: Option<HistoryResult<'a>>,
    #[serde(deserialize_with = "field::object")]
    ping: Option<NoFields>,
    #[serde(borrow, deserialize_with = "field::object")]
    rpc: Option<RpcResult<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    refresh: Option<RefreshResult<'a>>,
    #[serde(deserialize_with = "field::object")]
    sub_refresh: Option<SubRefreshResult>,
}

/// A result without fields.
#[derive(Deserialize)]
struct NoFields {}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireError<'a> {
    #[serde(deserialize_with = "field::or_zero")]
    code: u32,
    #[serde(borrow, deserialize_with = "field::text")]
    message: Cow<'a, str>,
    #[serde(deserialize_with = "field::or_zero")]
    temporary: bool,
}

impl<'a> Wire<'a> {
    fn message(self) -> Result<ServerMessage<'a>, DecodeError> {
        let id = self.id;
        if let Some(push) = self.push {
            return push.push().map(ServerMessage::Push);
        }
        if let Some(WireError { code, message, temporary }) = self.error {
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
