//! Pushes: a server encodes them; a client decodes them among the server's other messages.

use super::shape::{client_info, connect_result, publication, subscribe_result};
use super::write::Object;
use crate::centrifuge::publication::DataForm;
use crate::centrifuge::push::Push;
use crate::centrifuge::reply::SubscribeResult;

/// Bytes that a publication's push has around channel and data, at most, when there is neither info nor tags.
const PUBLICATION_FRAME_BYTES: usize = 128;

/// Writes a push. For a publication whose data stands as it is, it allocates nothing but `out`,
/// and that once.
pub fn encode_push(push: &Push<'_>, out: &mut Vec<u8>) {
    if let Push::Publication { channel, publication } = push {
        let data = publication.data.len();
        let data = match publication.form {
            DataForm::Raw => data,
            // Base64 takes a third more; so do, about, the escapes of most texts.
            DataForm::Text | DataForm::Base64 | DataForm::TextOfBase64 => data + data / 3,
        };
        out.reserve(PUBLICATION_FRAME_BYTES + channel.len() + data);
    }
    Object::write(out, |object| _ = object.object("push", |object| write_push(object, push)));
}

/// Writes a push as clients get it that nothing else is said to: without the message around it.
pub fn encode_bare_push(push: &Push<'_>, out: &mut Vec<u8>) {
    Object::write(out, |object| write_push(object, push));
}

/// Writes to such a client that it is subscribed: what would stand in the reply to a subscribe command, without its
/// publications, which follow as pushes.
pub fn encode_bare_subscribed(channel: &str, result: &SubscribeResult<'_>, out: &mut Vec<u8>) {
    debug_assert!(result.publications.is_empty(), "publications follow as pushes");
    Object::write(out, |object| {
        object.text("channel", channel).object("subscribe", |object| subscribe_result(object, result));
    });
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
