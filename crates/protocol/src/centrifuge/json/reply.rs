//! Replies: a server encodes them, a client decodes them, among the server's other messages.

use super::line::{Lines, object};
use super::shape::{client_info, connect_result, publication, subscribe_result};
use super::write::Object;
use crate::centrifuge::code::Error;
use crate::centrifuge::decode_error::DecodeError;
use crate::centrifuge::envelope::ServerEnvelope;
use crate::centrifuge::message::ServerMessage;
use crate::centrifuge::reply::{Reply, Res};

/// Reads the messages of a server's text frame. After an error nothing follows.
pub fn messages(frame: &str) -> impl Iterator<Item = Result<ServerMessage<'_>, DecodeError>> {
    message_reader(frame)
}

/// The same, as a reader that says what it has not read yet.
pub(crate) fn message_reader(frame: &str) -> Lines<'_, ServerMessage<'_>> {
    Lines::new(frame, |line| object::<ServerEnvelope<'_>>(line)?.message())
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
