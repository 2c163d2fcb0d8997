//! Commands: a client encodes them, a server decodes them.

use super::line::{DecodeError, Lines, object};
use super::write::{Object, string};
use crate::centrifuge::command::{
    Command, ConnectRequest, HistoryRequest, PresenceRequest, PresenceStatsRequest, PublishRequest,
    RefreshRequest, Request, RpcRequest, SendRequest, SubRefreshRequest, SubscribeRequest,
    UnsubscribeRequest,
};
use crate::centrifuge::field;
use serde::Deserialize;

/// Reads the commands of a text frame. After an error nothing follows.
///
/// ```
/// use wavecast_protocol::centrifuge::{Request, json};
///
/// let frame = "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"news\"}}";
/// let commands: Vec<_> = json::commands(frame).collect::<Result<_, _>>()?;
/// assert_eq!(commands[1].id, 2);
/// assert!(matches!(&commands[1].request, Request::Subscribe(subscribe) if subscribe.channel == "news"));
/// # Ok::<(), json::DecodeError>(())
/// ```
pub fn commands(frame: &str) -> impl Iterator<Item = Result<Command<'_>, DecodeError>> {
    Lines::new(frame, |line| object::<Wire<'_>>(line)?.command())
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

/// A command as it stands on the line: at most one request of several that are possible.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wire<'a> {
    #[serde(deserialize_with = "field::or_zero")]
    id: u32,
    #[serde(borrow, deserialize_with = "field::object")]
    connect: Option<ConnectRequest<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    subscribe: Option<SubscribeRequest<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    unsubscribe: Option<UnsubscribeRequest<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    publish: Option<PublishRequest<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    presence: Option<PresenceRequest<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    presence_stats: Option<PresenceStatsRequest<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    history: Option<HistoryRequest<'a>>,
    #[serde(deserialize_with = "field::object")]
    ping: Option<Ping>,
    #[serde(borrow, deserialize_with = "field::object")]
    send: Option<SendRequest<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    rpc: Option<RpcRequest<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    refresh: Option<RefreshRequest<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    sub_refresh: Option<SubRefreshRequest<'a>>,
}

/// The request of ping, which has no fields.
#[derive(Deserialize)]
struct Ping {}

impl<'a> Wire<'a> {
    /// The first request in the order of the schema counts, as in Centrifuge.
    fn command(self) -> Result<Command<'a>, DecodeError> {
        let id = self.id;
        let request = (self.connect.map(Request::Connect))
            .or_else(|| self.subscribe.map(Request::Subscribe))
            .or_else(|| self.unsubscribe.map(Request::Unsubscribe))
            .or_else(|| self.publish.map(Request::Publish))
            .or_else(|| self.presence.map(Request::Presence))
            .or_else(|| self.presence_stats.map(Request::PresenceStats))
            .or_else(|| self.history.map(Request::History))
            .or_else(|| self.ping.map(|Ping {}| Request::Ping))
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
        .text("delta", &subscribe.delta)
        .raw("tf", subscribe.tf)
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
