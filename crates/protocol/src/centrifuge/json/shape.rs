//! The fields of what several messages hold.

use super::write::{Object, string};
use crate::centrifuge::publication::{ClientInfo, DataForm, Publication};
use crate::centrifuge::reply::{ConnectResult, SubscribeResult};

/// Writes a publication as an object of its own, for answers that are no messages of the protocol.
pub fn encode_publication(content: &Publication<'_>, out: &mut Vec<u8>) {
    Object::write(out, |object| publication(object, content));
}

pub(super) fn publication(object: &mut Object<'_>, publication: &Publication<'_>) {
    match publication.form {
        DataForm::Raw => object.raw("data", publication.data),
        DataForm::Text => object.text("data", &String::from_utf8_lossy(publication.data)),
        DataForm::Base64 => object.base64("data", publication.data),
        DataForm::TextOfBase64 => object.text_of_base64("data", publication.data),
    };
    if let Some(info) = &publication.info {
        object.object("info", |object| client_info(object, info));
    }
    object
        .number("offset", publication.offset)
        .map("tags", publication.tags.iter(), |out, value| string(value, out))
        .flag("delta", publication.delta)
        .number("time", publication.time)
        .text("channel", &publication.channel);
}

pub(super) fn client_info(object: &mut Object<'_>, info: &ClientInfo<'_>) {
    object
        .text("user", &info.user)
        .text("client", &info.client)
        .raw("conn_info", info.conn_info)
        .raw("chan_info", info.chan_info);
}

pub(super) fn connect_result(object: &mut Object<'_>, connect: &ConnectResult<'_>) {
    object
        .text("client", &connect.client)
        .text("version", &connect.version)
        .flag("expires", connect.expires)
        .number("ttl", connect.ttl)
        .raw("data", connect.data)
        .map("subs", &connect.subs, |out, subscribe| {
            Object::write(out, |object| subscribe_result(object, subscribe));
        })
        .number("ping", connect.ping)
        .flag("pong", connect.pong)
        .text("session", &connect.session)
        .text("node", &connect.node)
        .number("time", connect.time)
        .number("flag", connect.flag);
}

pub(super) fn subscribe_result(object: &mut Object<'_>, subscribe: &SubscribeResult<'_>) {
    object
        .flag("expires", subscribe.expires)
        .number("ttl", subscribe.ttl)
        .flag("recoverable", subscribe.recoverable)
        .text("epoch", &subscribe.epoch)
        .objects("publications", &subscribe.publications, publication)
        .flag("recovered", subscribe.recovered)
        .number("offset", subscribe.offset)
        .flag("positioned", subscribe.positioned)
        .raw("data", subscribe.data)
        .flag("was_recovering", subscribe.was_recovering)
        .flag("delta", subscribe.delta)
        .number("id", subscribe.id);
}
