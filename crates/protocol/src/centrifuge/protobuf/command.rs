//! Commands: a client encodes them, a server decodes them.

use super::filter::{read_filter, write_filter};
use super::frame::{Delimited, message};
use super::read::{Field, Message};
use super::write::Fields;
use crate::centrifuge::command::{
    Command, ConnectRequest, HistoryRequest, PresenceRequest, PresenceStatsRequest, PublishRequest,
    RefreshRequest, Request, RpcRequest, SendRequest, StreamPosition, SubRefreshRequest, SubscribeRequest,
    UnsubscribeRequest,
};
use crate::centrifuge::decode_error::DecodeError;
use crate::centrifuge::envelope::{CommandEnvelope, NoFields};
use crate::centrifuge::field::ENTRIES_MAX;

/// Reads the commands of a binary frame. After an error nothing follows.
///
/// ```
/// use wavecast_protocol::centrifuge::{DecodeError, Request, protobuf};
///
/// let frame = b"\x04\x08\x01\x22\x00\x0a\x08\x02\x2a\x06\x0a\x04news";
/// let commands: Vec<_> = protobuf::commands(frame).collect::<Result<_, _>>()?;
/// assert_eq!(commands[1].id, 2);
/// assert!(matches!(&commands[1].request, Request::Subscribe(subscribe) if subscribe.channel == "news"));
/// # Ok::<(), DecodeError>(())
/// ```
pub fn commands(frame: &[u8]) -> impl Iterator<Item = Result<Command<'_>, DecodeError>> {
    command_reader(frame)
}

/// The same, as a reader that says what it has not read yet.
pub(crate) fn command_reader(frame: &[u8]) -> Delimited<'_, Command<'_>> {
    Delimited::new(frame, |bytes| message::<CommandEnvelope<'_>>(bytes)?.command())
}

/// Appends a command.
pub fn encode_command(command: &Command<'_>, out: &mut Vec<u8>) {
    Fields::write(out, |fields| {
        fields.number(1, command.id);
        match &command.request {
            Request::Connect(connect) => fields.message(4, |fields| write_connect(fields, connect)),
            Request::Subscribe(subscribe) => fields.message(5, |fields| write_subscribe(fields, subscribe)),
            Request::Unsubscribe(unsubscribe) => {
                fields.message(6, |fields| _ = fields.text(1, &unsubscribe.channel))
            }
            Request::Publish(publish) => fields.message(7, |fields| write_publish(fields, publish)),
            Request::Presence(presence) => fields.message(8, |fields| _ = fields.text(1, &presence.channel)),
            Request::PresenceStats(stats) => fields.message(9, |fields| _ = fields.text(1, &stats.channel)),
            Request::History(history) => fields.message(10, |fields| write_history(fields, history)),
            Request::Ping => fields.message(11, |_| {}),
            Request::Send(send) => fields.message(12, |fields| _ = fields.bytes(1, send.data)),
            Request::Rpc(rpc) => {
                fields.message(13, |fields| _ = fields.bytes(1, rpc.data).text(2, &rpc.method))
            }
            Request::Refresh(refresh) => fields.message(14, |fields| _ = fields.text(1, &refresh.token)),
            Request::SubRefresh(refresh) => fields.message(15, |fields| {
                fields.text(1, &refresh.channel).text(2, &refresh.token).number(3, refresh.kind);
            }),
            Request::Pong => fields,
        };
    });
}

impl<'a> Message<'a> for CommandEnvelope<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.varint(&mut self.id),
            4 => field.message(&mut self.connect),
            5 => field.message(&mut self.subscribe),
            6 => field.message(&mut self.unsubscribe),
            7 => field.message(&mut self.publish),
            8 => field.message(&mut self.presence),
            9 => field.message(&mut self.presence_stats),
            10 => field.message(&mut self.history),
            11 => field.message(&mut self.ping),
            12 => field.message(&mut self.send),
            13 => field.message(&mut self.rpc),
            14 => field.message(&mut self.refresh),
            15 => field.message(&mut self.sub_refresh),
            _ => Ok(()),
        }
    }
}

impl<'a> Message<'a> for NoFields {
    fn field(&mut self, _: Field<'a>) -> Result<(), DecodeError> {
        Ok(())
    }
}

fn write_connect(fields: &mut Fields<'_>, connect: &ConnectRequest<'_>) {
    fields
        .text(1, &connect.token)
        .bytes(2, connect.data)
        .message_map(3, &connect.subs, write_subscribe)
        .text(4, &connect.name)
        .text(5, &connect.version)
        .text_map(6, &connect.headers)
        .number(7, connect.flag)
        .text(8, &connect.dict)
        .text(9, &connect.profile);
}

impl<'a> Message<'a> for ConnectRequest<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.text(&mut self.token),
            2 => field.bytes(&mut self.data),
            3 => field.entry(&mut self.subs, ENTRIES_MAX),
            4 => field.text(&mut self.name),
            5 => field.text(&mut self.version),
            6 => field.entry(&mut self.headers, ENTRIES_MAX),
            7 => field.varint(&mut self.flag),
            8 => field.text(&mut self.dict),
            9 => field.text(&mut self.profile),
            _ => Ok(()),
        }
    }
}

fn write_subscribe(fields: &mut Fields<'_>, subscribe: &SubscribeRequest<'_>) {
    fields
        .text(1, &subscribe.channel)
        .text(2, &subscribe.token)
        .flag(3, subscribe.recover)
        .text(6, &subscribe.epoch)
        .number(7, subscribe.offset)
        .bytes(8, subscribe.data)
        .flag(9, subscribe.positioned)
        .flag(10, subscribe.recoverable)
        .flag(11, subscribe.join_leave)
        .text(12, &subscribe.delta);
    if let Some(filter) = &subscribe.tf {
        fields.message(13, |fields| write_filter(fields, filter));
    }
    fields
        .number(14, subscribe.flag)
        .number(15, subscribe.kind)
        .number(16, subscribe.phase)
        .text(17, &subscribe.cursor)
        .number(18, subscribe.limit)
        .flag(19, subscribe.asc);
}

impl<'a> Message<'a> for SubscribeRequest<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.text(&mut self.channel),
            2 => field.text(&mut self.token),
            3 => field.varint(&mut self.recover),
            6 => field.text(&mut self.epoch),
            7 => field.varint(&mut self.offset),
            8 => field.bytes(&mut self.data),
            9 => field.varint(&mut self.positioned),
            10 => field.varint(&mut self.recoverable),
            11 => field.varint(&mut self.join_leave),
            12 => field.text(&mut self.delta),
            13 => read_filter(&mut self.tf, field),
            14 => field.varint(&mut self.flag),
            15 => field.varint(&mut self.kind),
            16 => field.varint(&mut self.phase),
            17 => field.text(&mut self.cursor),
            18 => field.varint(&mut self.limit),
            19 => field.varint(&mut self.asc),
            _ => Ok(()),
        }
    }
}

fn write_publish(fields: &mut Fields<'_>, publish: &PublishRequest<'_>) {
    fields
        .text(1, &publish.channel)
        .bytes(2, publish.data)
        .number(3, publish.kind)
        .text(4, &publish.key)
        .flag(5, publish.removed);
}

impl<'a> Message<'a> for PublishRequest<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.text(&mut self.channel),
            2 => field.bytes(&mut self.data),
            3 => field.varint(&mut self.kind),
            4 => field.text(&mut self.key),
            5 => field.varint(&mut self.removed),
            _ => Ok(()),
        }
    }
}

fn write_history(fields: &mut Fields<'_>, history: &HistoryRequest<'_>) {
    fields.text(1, &history.channel).number(7, history.limit);
    if let Some(since) = &history.since {
        fields.message(8, |fields| _ = fields.number(1, since.offset).text(2, &since.epoch));
    }
    fields.flag(9, history.reverse);
}

impl<'a> Message<'a> for HistoryRequest<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.text(&mut self.channel),
            7 => field.varint(&mut self.limit),
            8 => field.message(&mut self.since),
            9 => field.varint(&mut self.reverse),
            _ => Ok(()),
        }
    }
}

impl<'a> Message<'a> for StreamPosition<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.varint(&mut self.offset),
            2 => field.text(&mut self.epoch),
            _ => Ok(()),
        }
    }
}

impl<'a> Message<'a> for UnsubscribeRequest<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.text(&mut self.channel),
            _ => Ok(()),
        }
    }
}

impl<'a> Message<'a> for PresenceRequest<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.text(&mut self.channel),
            _ => Ok(()),
        }
    }
}

impl<'a> Message<'a> for PresenceStatsRequest<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.text(&mut self.channel),
            _ => Ok(()),
        }
    }
}

impl<'a> Message<'a> for SendRequest<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.bytes(&mut self.data),
            _ => Ok(()),
        }
    }
}

impl<'a> Message<'a> for RpcRequest<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.bytes(&mut self.data),
            2 => field.text(&mut self.method),
            _ => Ok(()),
        }
    }
}

impl<'a> Message<'a> for RefreshRequest<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.text(&mut self.token),
            _ => Ok(()),
        }
    }
}

impl<'a> Message<'a> for SubRefreshRequest<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.text(&mut self.channel),
            2 => field.text(&mut self.token),
            3 => field.varint(&mut self.kind),
            _ => Ok(()),
        }
    }
}
