//! Pushes: a server encodes them, a client decodes them.

use super::line::DecodeError;
use super::shape::{client_info, connect_result, publication};
use super::write::Object;
use crate::centrifuge::field;
use crate::centrifuge::publication::{ClientInfo, Publication};
use crate::centrifuge::push::Push;
use crate::centrifuge::reply::ConnectResult;
use serde::Deserialize;
use std::borrow::Cow;

/// Bytes that a publication's push has around channel and data, at most, when there is neither info nor tags.
const PUBLICATION_FRAME_BYTES: usize = 128;

/// Writes a push. For a publication it allocates nothing but `out`, and that once.
pub fn encode_push(push: &Push<'_>, out: &mut Vec<u8>) {
    if let Push::Publication { channel, publication } = push {
        out.reserve(PUBLICATION_FRAME_BYTES + channel.len() + publication.data.len());
    }
    Object::write(out, |object| _ = object.object("push", |object| write_push(object, push)));
}

fn write_push(object: &mut Object<'_>, push: &Push<'_>) {
    match push {
        Push::Publication { channel, publication: content } => {
            object.text("channel", channel).object("pub", |object| publication(object, content))
        }
        Push::Join { channel, info } => object.text("channel", channel).object("join", |object| {
            object.object("info", |object| client_info(object, info));
        }),
        Push::Leave { channel, info } => object.text("channel", channel).object("leave", |object| {
            object.object("info", |object| client_info(object, info));
        }),
        Push::Unsubscribe { channel, code, reason } => {
            object.text("channel", channel).object("unsubscribe", |object| {
                object.number("code", *code).text("reason", reason);
            })
        }
        Push::Message { data } => object.object("message", |object| _ = object.raw("data", data)),
        Push::Subscribe { channel, recoverable, epoch, offset, positioned, data } => {
            object.text("channel", channel).object("subscribe", |object| {
                object
                    .flag("recoverable", *recoverable)
                    .text("epoch", epoch)
                    .number("offset", *offset)
                    .flag("positioned", *positioned)
                    .raw("data", data);
            })
        }
        Push::Connect(connect) => object.object("connect", |object| connect_result(object, connect)),
        Push::Disconnect { code, reason, reconnect } => object.object("disconnect", |object| {
            object.number("code", *code).text("reason", reason).flag("reconnect", *reconnect);
        }),
        Push::Refresh { expires, ttl } => {
            object.object("refresh", |object| _ = object.flag("expires", *expires).number("ttl", *ttl))
        }
    };
}

/// A push as it stands in the message.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WirePush<'a> {
    #[serde(borrow, deserialize_with = "field::text")]
    channel: Cow<'a, str>,
    #[serde(rename = "pub", borrow, deserialize_with = "field::object")]
    publication: Option<Publication<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    join: Option<WirePresence<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    leave: Option<WirePresence<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    unsubscribe: Option<WireEnd<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    message: Option<WireMessage<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    subscribe: Option<WireSubscribe<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    connect: Option<ConnectResult<'a>>,
    #[serde(borrow, deserialize_with = "field::object")]
    disconnect: Option<WireEnd<'a>>,
    #[serde(deserialize_with = "field::object")]
    refresh: Option<WireRefresh>,
}

/// Join and leave.
#[derive(Default, Deserialize)]
#[serde(default)]
struct WirePresence<'a> {
    #[serde(borrow, deserialize_with = "field::object")]
    info: Option<ClientInfo<'a>>,
}

/// Unsubscribe and disconnect.
#[derive(Default, Deserialize)]
#[serde(default)]
struct WireEnd<'a> {
    #[serde(deserialize_with = "field::or_zero")]
    code: u32,
    #[serde(borrow, deserialize_with = "field::text")]
    reason: Cow<'a, str>,
    #[serde(deserialize_with = "field::or_zero")]
    reconnect: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireMessage<'a> {
    #[serde(borrow, deserialize_with = "field::raw")]
    data: &'a [u8],
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireSubscribe<'a> {
    #[serde(deserialize_with = "field::or_zero")]
    recoverable: bool,
    #[serde(borrow, deserialize_with = "field::text")]
    epoch: Cow<'a, str>,
    #[serde(deserialize_with = "field::or_zero")]
    offset: u64,
    #[serde(deserialize_with = "field::or_zero")]
    positioned: bool,
    #[serde(borrow, deserialize_with = "field::raw")]
    data: &'a [u8],
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireRefresh {
    #[serde(deserialize_with = "field::or_zero")]
    expires: bool,
    #[serde(deserialize_with = "field::or_zero")]
    ttl: u32,
}

impl<'a> WirePush<'a> {
    /// The first content in the order of the schema counts.
    pub(super) fn push(self) -> Result<Push<'a>, DecodeError> {
        let channel = self.channel;
        let push = if let Some(publication) = self.publication {
            Push::Publication { channel, publication }
        } else if let Some(join) = self.join {
            Push::Join { channel, info: join.info.unwrap_or_default() }
        } else if let Some(leave) = self.leave {
            Push::Leave { channel, info: leave.info.unwrap_or_default() }
        } else if let Some(WireEnd { code, reason, .. }) = self.unsubscribe {
            Push::Unsubscribe { channel, code, reason }
        } else if let Some(WireMessage { data }) = self.message {
            Push::Message { data }
        } else if let Some(WireSubscribe { recoverable, epoch, offset, positioned, data }) = self.subscribe {
            Push::Subscribe { channel, recoverable, epoch, offset, positioned, data }
        } else if let Some(connect) = self.connect {
            Push::Connect(connect)
        } else if let Some(WireEnd { code, reason, reconnect }) = self.disconnect {
            Push::Disconnect { code, reason, reconnect }
        } else if let Some(WireRefresh { expires, ttl }) = self.refresh {
            Push::Refresh { expires, ttl }
        } else {
            return Err(DecodeError::NoContent { id: 0 });
        };
        Ok(push)
    }
}
