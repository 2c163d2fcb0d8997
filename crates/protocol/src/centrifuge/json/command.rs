//! Commands: a client encodes them, a server decodes them.

use super::filter::write_filter;
use super::line::{Lines, object};
use super::write::{Object, string};
use crate::centrifuge::command::{
    Command, ConnectRequest, HistoryRequest, PublishRequest, Request, SubscribeRequest,
};
use crate::centrifuge::decode_error::DecodeError;
use crate::centrifuge::envelope::CommandEnvelope;

/// Reads the commands of a text frame. After an error nothing follows.
///
/// ```
/// use wavecast_protocol::centrifuge::{Request, json};
///
/// let frame = "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"news\"}}";
/// let commands: Vec<_> = json::commands(frame).collect::<Result<_, _>>()?;
/// assert_eq!(commands[1].id, 2);
/// assert!(matches!(&commands[1].request, Request::Subscribe(subscribe) if subscribe.channel == "news"));
/// # Ok::<(), wavecast_protocol::centrifuge::DecodeError>(())
/// ```
pub fn commands(frame: &str) -> impl Iterator<Item = Result<Command<'_>, DecodeError>> {
    command_reader(frame)
}

/// The same, as a reader that says what it has not read yet.
pub(crate) fn command_reader(frame: &str) -> Lines<'_, Command<'_>> {
    Lines::new(frame, |line| object::<CommandEnvelope<'_>>(line)?.command())
}

/// Writes a command.
pub fn encode_command(command: &Command<'_>, out: &mut Vec<u8>) {
    Object::write(out, |object| {
        object.number("id", command.id);
        match &command.request {
            Request::Connect(connect) => object.object("connect", |object| write_connect(object, connect)),
            Request::Subscribe(subscribe) => {
                object.object("subscribe", |object| write_subscribe(object, subscribe))
            }
            Request::Unsubscribe(unsubscribe) => {
                object.object("unsubscribe", |object| _ = object.text("channel", &unsubscribe.channel))
            }
            Request::Publish(publish) => object.object("publish", |object| write_publish(object, publish)),
            Request::Presence(presence) => {
                object.object("presence", |object| _ = object.text("channel", &presence.channel))
            }
            Request::PresenceStats(stats) => {
                object.object("presence_stats", |object| _ = object.text("channel", &stats.channel))
            }
            Request::History(history) => object.object("history", |object| write_history(object, history)),
            Request::Ping => object.object("ping", |_| {}),
            Request::Send(send) => object.object("send", |object| _ = object.raw("data", send.data)),
            Request::Rpc(rpc) => {
                object.object("rpc", |object| _ = object.raw("data", rpc.data).text("method", &rpc.method))
            }
            Request::Refresh(refresh) => {
                object.object("refresh", |object| _ = object.text("token", &refresh.token))
            }
            Request::SubRefresh(refresh) => object.object("sub_refresh", |object| {
                object
                    .text("channel", &refresh.channel)
                    .text("token", &refresh.token)
                    .number("type", refresh.kind);
            }),
            Request::Pong => object,
        };
    });
}

fn write_connect(object: &mut Object<'_>, connect: &ConnectRequest<'_>) {
    object
        .text("token", &connect.token)
        .raw("data", connect.data)
        .map("subs", &connect.subs, |out, subscribe| {
            Object::write(out, |object| write_subscribe(object, subscribe));
        })
        .text("name", &connect.name)
        .text("version", &connect.version)
        .map("headers", &connect.headers, |out, value| string(value, out))
        .number("flag", connect.flag)
        .text("dict", &connect.dict)
        .text("profile", &connect.profile);
}

fn write_subscribe(object: &mut Object<'_>, subscribe: &SubscribeRequest<'_>) {
    object
        .text("channel", &subscribe.channel)
        .text("token", &subscribe.token)
        .flag("recover", subscribe.recover)
        .text("epoch", &subscribe.epoch)
        .number("offset", subscribe.offset)
        .raw("data", subscribe.data)
        .flag("positioned", subscribe.positioned)
        .flag("recoverable", subscribe.recoverable)
        .flag("join_leave", subscribe.join_leave)
        .text("delta", &subscribe.delta);
    if let Some(filter) = &subscribe.tf {
        object.object("tf", |object| write_filter(object, filter));
    }
    object
        .number("flag", subscribe.flag)
        .number("type", subscribe.kind)
        .number("phase", subscribe.phase)
        .text("cursor", &subscribe.cursor)
        .number("limit", subscribe.limit)
        .flag("asc", subscribe.asc);
}

fn write_publish(object: &mut Object<'_>, publish: &PublishRequest<'_>) {
    object
        .text("channel", &publish.channel)
        .raw("data", publish.data)
        .number("type", publish.kind)
        .text("key", &publish.key)
        .flag("removed", publish.removed);
}

fn write_history(object: &mut Object<'_>, history: &HistoryRequest<'_>) {
    object.text("channel", &history.channel).number("limit", history.limit);
    if let Some(since) = &history.since {
        object
            .object("since", |object| _ = object.number("offset", since.offset).text("epoch", &since.epoch));
    }
    object.flag("reverse", history.reverse);
}
