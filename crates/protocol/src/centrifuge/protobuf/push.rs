//! Pushes: a server encodes them; a client decodes them among the server's other messages.

use super::read::{Field, Message};
use super::shape::{client_info, publication, subscribe_result};
use super::write::Fields;
use crate::centrifuge::decode_error::DecodeError;
use crate::centrifuge::envelope::{
    EndFields, MessageFields, PresenceFields, PushEnvelope, RefreshFields, SubscribeFields,
};
use crate::centrifuge::push::Push;
use crate::centrifuge::reply::ConnectResult;

/// Bytes that a publication's push has around channel and data, at most, when there is neither info nor tags.
const PUBLICATION_FRAME_BYTES: usize = 96;

/// Appends a push. For a publication it allocates nothing but `out`, and that once.
pub fn encode_push(push: &Push<'_>, out: &mut Vec<u8>) {
    if let Push::Publication { channel, publication } = push {
        out.reserve(PUBLICATION_FRAME_BYTES + channel.len() + publication.data.len());
    }
    Fields::write(out, |fields| _ = fields.message(4, |fields| write_push(fields, push)));
}

fn write_push(fields: &mut Fields<'_>, push: &Push<'_>) {
    match push {
        Push::Publication { channel, publication: content } => {
            fields.text(2, channel).message(4, |fields| publication(fields, content))
        }
        Push::Join { channel, info } => fields.text(2, channel).message(5, |fields| {
            fields.message(1, |fields| client_info(fields, info));
        }),
        Push::Leave { channel, info } => fields.text(2, channel).message(6, |fields| {
            fields.message(1, |fields| client_info(fields, info));
        }),
        Push::Unsubscribe { channel, code, reason } => fields.text(2, channel).message(7, |fields| {
            fields.number(2, *code).text(3, reason);
        }),
        Push::Message { data } => fields.message(8, |fields| _ = fields.bytes(1, data)),
        Push::Subscribe { channel, recoverable, epoch, offset, positioned, data } => {
            fields.text(2, channel).message(9, |fields| {
                fields
                    .flag(1, *recoverable)
                    .text(4, epoch)
                    .number(5, *offset)
                    .flag(6, *positioned)
                    .bytes(7, data);
            })
        }
        Push::Connect(connect) => fields.message(10, |fields| write_connect(fields, connect)),
        Push::Disconnect { code, reason, reconnect } => fields.message(11, |fields| {
            fields.number(1, *code).text(2, reason).flag(3, *reconnect);
        }),
        Push::Refresh { expires, ttl } => {
            fields.message(12, |fields| _ = fields.flag(1, *expires).number(2, *ttl))
        }
    };
}

impl<'a> Message<'a> for PushEnvelope<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            2 => field.text(&mut self.channel),
            4 => field.message(&mut self.publication),
            5 => field.message(&mut self.join),
            6 => field.message(&mut self.leave),
            7 => {
                let end = self.unsubscribe.get_or_insert_default();
                field.fields(|field| read_unsubscribe(end, field))
            }
            8 => field.message(&mut self.message),
            9 => field.message(&mut self.subscribe),
            10 => {
                let connect = self.connect.get_or_insert_default();
                field.fields(|field| read_connect(connect, field))
            }
            11 => {
                let end = self.disconnect.get_or_insert_default();
                field.fields(|field| read_disconnect(end, field))
            }
            12 => field.message(&mut self.refresh),
            _ => Ok(()),
        }
    }
}

/// A connect result, whose fields have other numbers here than in a reply.
fn write_connect(fields: &mut Fields<'_>, connect: &ConnectResult<'_>) {
    fields
        .text(1, &connect.client)
        .text(2, &connect.version)
        .bytes(3, connect.data)
        .message_map(4, &connect.subs, subscribe_result)
        .flag(5, connect.expires)
        .number(6, connect.ttl)
        .number(7, connect.ping)
        .flag(8, connect.pong)
        .text(9, &connect.session)
        .text(10, &connect.node)
        .number(11, connect.time);
}

fn read_connect<'a>(connect: &mut ConnectResult<'a>, field: Field<'a>) -> Result<(), DecodeError> {
    match field.number {
        1 => field.text(&mut connect.client),
        2 => field.text(&mut connect.version),
        3 => field.bytes(&mut connect.data),
        4 => field.entry(&mut connect.subs, usize::MAX),
        5 => field.varint(&mut connect.expires),
        6 => field.varint(&mut connect.ttl),
        7 => field.varint(&mut connect.ping),
        8 => field.varint(&mut connect.pong),
        9 => field.text(&mut connect.session),
        10 => field.text(&mut connect.node),
        11 => field.varint(&mut connect.time),
        _ => Ok(()),
    }
}

fn read_unsubscribe<'a>(end: &mut EndFields<'a>, field: Field<'a>) -> Result<(), DecodeError> {
    match field.number {
        2 => field.varint(&mut end.code),
        3 => field.text(&mut end.reason),
        _ => Ok(()),
    }
}

fn read_disconnect<'a>(end: &mut EndFields<'a>, field: Field<'a>) -> Result<(), DecodeError> {
    match field.number {
        1 => field.varint(&mut end.code),
        2 => field.text(&mut end.reason),
        3 => field.varint(&mut end.reconnect),
        _ => Ok(()),
    }
}

impl<'a> Message<'a> for PresenceFields<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.message(&mut self.info),
            _ => Ok(()),
        }
    }
}

impl<'a> Message<'a> for MessageFields<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.bytes(&mut self.data),
            _ => Ok(()),
        }
    }
}

impl<'a> Message<'a> for SubscribeFields<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.varint(&mut self.recoverable),
            4 => field.text(&mut self.epoch),
            5 => field.varint(&mut self.offset),
            6 => field.varint(&mut self.positioned),
            7 => field.bytes(&mut self.data),
            _ => Ok(()),
        }
    }
}

impl<'a> Message<'a> for RefreshFields {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.varint(&mut self.expires),
            2 => field.varint(&mut self.ttl),
            _ => Ok(()),
        }
    }
}
