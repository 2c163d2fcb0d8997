//! What several messages hold: each is written and read, a line a field.

use super::read::{Entry, Field, Message};
use super::write::Fields;
use crate::centrifuge::decode_error::DecodeError;
use crate::centrifuge::publication::{ClientInfo, Publication};
use crate::centrifuge::reply::{ConnectResult, SubscribeResult};
use std::borrow::Cow;

pub(super) fn publication(fields: &mut Fields<'_>, publication: &Publication<'_>) {
    fields.bytes(4, publication.data);
    if let Some(info) = &publication.info {
        fields.message(5, |fields| client_info(fields, info));
    }
    fields
        .number(6, publication.offset)
        .text_map(7, publication.tags.iter())
        .flag(8, publication.delta)
        .number(9, publication.time)
        .text(10, &publication.channel);
}

impl<'a> Message<'a> for Publication<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            4 => field.bytes(&mut self.data),
            5 => field.message(&mut self.info),
            6 => field.varint(&mut self.offset),
            7 => {
                let Entry::<Cow<'_, str>> { key, value } = field.key_and_value()?;
                self.tags.to_mut().insert(key.into_owned(), value.into_owned());
                Ok(())
            }
            8 => field.varint(&mut self.delta),
            9 => field.varint(&mut self.time),
            10 => field.text(&mut self.channel),
            _ => Ok(()),
        }
    }
}

pub(super) fn client_info(fields: &mut Fields<'_>, info: &ClientInfo<'_>) {
    fields.text(1, &info.user).text(2, &info.client).bytes(3, info.conn_info).bytes(4, info.chan_info);
}

impl<'a> Message<'a> for ClientInfo<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.text(&mut self.user),
            2 => field.text(&mut self.client),
            3 => field.bytes(&mut self.conn_info),
            4 => field.bytes(&mut self.chan_info),
            _ => Ok(()),
        }
    }
}

pub(super) fn connect_result(fields: &mut Fields<'_>, connect: &ConnectResult<'_>) {
    fields
        .text(1, &connect.client)
        .text(2, &connect.version)
        .flag(3, connect.expires)
        .number(4, connect.ttl)
        .bytes(5, connect.data)
        .message_map(6, &connect.subs, subscribe_result)
        .number(7, connect.ping)
        .flag(8, connect.pong)
        .text(9, &connect.session)
        .text(10, &connect.node)
        .number(11, connect.time)
        .number(12, connect.flag);
}

impl<'a> Message<'a> for ConnectResult<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.text(&mut self.client),
            2 => field.text(&mut self.version),
            3 => field.varint(&mut self.expires),
            4 => field.varint(&mut self.ttl),
            5 => field.bytes(&mut self.data),
            6 => field.entry(&mut self.subs, usize::MAX),
            7 => field.varint(&mut self.ping),
            8 => field.varint(&mut self.pong),
            9 => field.text(&mut self.session),
            10 => field.text(&mut self.node),
            11 => field.varint(&mut self.time),
            12 => field.varint(&mut self.flag),
            _ => Ok(()),
        }
    }
}

pub(super) fn subscribe_result(fields: &mut Fields<'_>, subscribe: &SubscribeResult<'_>) {
    fields
        .flag(1, subscribe.expires)
        .number(2, subscribe.ttl)
        .flag(3, subscribe.recoverable)
        .text(6, &subscribe.epoch)
        .messages(7, &subscribe.publications, publication)
        .flag(8, subscribe.recovered)
        .number(9, subscribe.offset)
        .flag(10, subscribe.positioned)
        .bytes(11, subscribe.data)
        .flag(12, subscribe.was_recovering)
        .flag(13, subscribe.delta)
        .number(14, subscribe.id);
}

impl<'a> Message<'a> for SubscribeResult<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.varint(&mut self.expires),
            2 => field.varint(&mut self.ttl),
            3 => field.varint(&mut self.recoverable),
            6 => field.text(&mut self.epoch),
            7 => field.item(&mut self.publications),
            8 => field.varint(&mut self.recovered),
            9 => field.varint(&mut self.offset),
            10 => field.varint(&mut self.positioned),
            11 => field.bytes(&mut self.data),
            12 => field.varint(&mut self.was_recovering),
            13 => field.varint(&mut self.delta),
            14 => field.varint(&mut self.id),
            _ => Ok(()),
        }
    }
}
