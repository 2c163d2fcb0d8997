//! Replies: a server encodes them, a client decodes them, among the server's other messages.

use super::frame::{Delimited, message};
use super::read::{Field, Message};
use super::shape::{client_info, connect_result, publication, subscribe_result};
use super::write::Fields;
use crate::centrifuge::decode_error::DecodeError;
use crate::centrifuge::envelope::{ErrorFields, ServerEnvelope};
use crate::centrifuge::message::ServerMessage;
use crate::centrifuge::reply::{
    HistoryResult, PresenceResult, PresenceStatsResult, RefreshResult, Reply, Res, RpcResult,
    SubRefreshResult,
};

/// Reads the messages of a server's binary frame. After an error nothing follows.
pub fn messages(frame: &[u8]) -> impl Iterator<Item = Result<ServerMessage<'_>, DecodeError>> {
    message_reader(frame)
}

/// The same, as a reader that says what it has not read yet.
pub(crate) fn message_reader(frame: &[u8]) -> Delimited<'_, ServerMessage<'_>> {
    Delimited::new(frame, |bytes| message::<ServerEnvelope<'_>>(bytes)?.message())
}

/// Appends a reply.
pub fn encode_reply(reply: &Reply<'_>, out: &mut Vec<u8>) {
    Fields::write(out, |fields| {
        fields.number(1, reply.id);
        match &reply.body {
            Ok(result) => write_result(fields, result),
            Err(error) => {
                fields.message(2, |fields| {
                    fields.number(1, error.code).text(2, &error.message).flag(3, error.temporary);
                });
            }
        }
    });
}

fn write_result(fields: &mut Fields<'_>, result: &Res<'_>) {
    match result {
        Res::Connect(connect) => fields.message(5, |fields| connect_result(fields, connect)),
        Res::Subscribe(subscribe) => fields.message(6, |fields| subscribe_result(fields, subscribe)),
        Res::Unsubscribe => fields.message(7, |_| {}),
        Res::Publish => fields.message(8, |_| {}),
        Res::Presence(presence) => {
            fields.message(9, |fields| _ = fields.message_map(1, &presence.presence, client_info))
        }
        Res::PresenceStats(stats) => fields.message(10, |fields| {
            fields.number(1, stats.num_clients).number(2, stats.num_users);
        }),
        Res::History(history) => fields.message(11, |fields| {
            fields
                .messages(1, &history.publications, publication)
                .text(2, &history.epoch)
                .number(3, history.offset);
        }),
        Res::Ping => fields.message(12, |_| {}),
        Res::Rpc(rpc) => fields.message(13, |fields| _ = fields.bytes(1, rpc.data)),
        Res::Refresh(refresh) => fields.message(14, |fields| {
            fields
                .text(1, &refresh.client)
                .text(2, &refresh.version)
                .flag(3, refresh.expires)
                .number(4, refresh.ttl);
        }),
        Res::SubRefresh(refresh) => fields.message(15, |fields| {
            fields.flag(1, refresh.expires).number(2, refresh.ttl);
        }),
    };
}

impl<'a> Message<'a> for ServerEnvelope<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.varint(&mut self.id),
            2 => field.message(&mut self.error),
            4 => field.message(&mut self.push),
            5 => field.message(&mut self.connect),
            6 => field.message(&mut self.subscribe),
            7 => field.message(&mut self.unsubscribe),
            8 => field.message(&mut self.publish),
            9 => field.message(&mut self.presence),
            10 => field.message(&mut self.presence_stats),
            11 => field.message(&mut self.history),
            12 => field.message(&mut self.ping),
            13 => field.message(&mut self.rpc),
            14 => field.message(&mut self.refresh),
            15 => field.message(&mut self.sub_refresh),
            _ => Ok(()),
        }
    }
}

impl<'a> Message<'a> for ErrorFields<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.varint(&mut self.code),
            2 => field.text(&mut self.message),
            3 => field.varint(&mut self.temporary),
            _ => Ok(()),
        }
    }
}

impl<'a> Message<'a> for PresenceResult<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.entry(&mut self.presence, usize::MAX),
            _ => Ok(()),
        }
    }
}

impl<'a> Message<'a> for PresenceStatsResult {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.varint(&mut self.num_clients),
            2 => field.varint(&mut self.num_users),
            _ => Ok(()),
        }
    }
}

impl<'a> Message<'a> for HistoryResult<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.item(&mut self.publications),
            2 => field.text(&mut self.epoch),
            3 => field.varint(&mut self.offset),
            _ => Ok(()),
        }
    }
}

impl<'a> Message<'a> for RpcResult<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.bytes(&mut self.data),
            _ => Ok(()),
        }
    }
}

impl<'a> Message<'a> for RefreshResult<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.text(&mut self.client),
            2 => field.text(&mut self.version),
            3 => field.varint(&mut self.expires),
            4 => field.varint(&mut self.ttl),
            _ => Ok(()),
        }
    }
}

impl<'a> Message<'a> for SubRefreshResult {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.varint(&mut self.expires),
            2 => field.varint(&mut self.ttl),
            _ => Ok(()),
        }
    }
}
