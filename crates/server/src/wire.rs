//! From the hub's publications to bytes for the wire, each once per form.

use wavecast_hub as hub;
use wavecast_net::Frame;
use wavecast_net::websocket::{self, Opcode};
use wavecast_protocol::centrifuge::{self, ClientInfo, Encoding, Push, json};

/// A publication as replies and pushes carry it.
pub(crate) fn publication(publication: &hub::Publication) -> centrifuge::Publication<'_> {
    centrifuge::Publication {
        data: &publication.data,
        info: publication.info.as_deref().map(client_info),
        offset: publication.offset,
        tags: publication.tags.as_deref().map(std::borrow::Cow::Borrowed).unwrap_or_default(),
        time: publication.time_ms,
        ..Default::default()
    }
}

fn client_info(info: &hub::ClientInfo) -> ClientInfo<'_> {
    ClientInfo {
        user: (&*info.user).into(),
        client: (&*info.client).into(),
        conn_info: info.conn_info.as_deref().unwrap_or_default(),
        chan_info: info.chan_info.as_deref().unwrap_or_default(),
    }
}

/// The payload of a publication as it is to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Data<'d> {
    /// As it is; to a client in JSON, what is no JSON as base64 text.
    Plain,
    /// Whole, to somebody who takes deltas: in JSON that is a string, whatever it holds.
    Whole,
    /// The difference from the publication before.
    Delta(&'d [u8]),
}

/// The difference of a publication from the one before, if there is one that this encoding can carry.
pub(crate) fn delta<'p>(
    _encoding: Encoding,
    _publication: &'p hub::Publication,
    _base: &hub::Publication,
) -> Option<&'p [u8]> {
    None
}

/// Appends a publication's push, encoded and not framed.
pub(crate) fn encode_publication(
    encoding: Encoding,
    publication: &hub::Publication,
    _data: Data<'_>,
    out: &mut Vec<u8>,
) {
    let push = Push::Publication {
        channel: (&*publication.channel).into(),
        publication: self::publication(publication),
    };
    encode_push(encoding, &push, out);
}

/// Appends the push that tells of a join or leave, encoded and not framed.
pub(crate) fn encode_membership(
    encoding: Encoding,
    channel: &str,
    info: &hub::ClientInfo,
    joined: bool,
    out: &mut Vec<u8>,
) {
    let (channel, info) = (channel.into(), client_info(info));
    let push = if joined { Push::Join { channel, info } } else { Push::Leave { channel, info } };
    encode_push(encoding, &push, out);
}

/// A push of its own.
pub(crate) fn push(encoding: Encoding, push: &Push<'_>) -> Frame {
    let (mut message, mut framed) = (Vec::new(), Vec::new());
    encode_push(encoding, push, &mut message);
    frame(encoding, &message, &mut framed);
    Frame::new(&framed)
}

fn encode_push(encoding: Encoding, push: &Push<'_>, out: &mut Vec<u8>) {
    match encoding {
        Encoding::Json | Encoding::Protobuf => json::encode_push(push, out),
    }
}

/// Appends an encoded message as one WebSocket frame.
pub(crate) fn frame(encoding: Encoding, message: &[u8], out: &mut Vec<u8>) {
    let opcode = match encoding {
        Encoding::Json => Opcode::Text,
        Encoding::Protobuf => Opcode::Binary,
    };
    websocket::frame::encode(opcode, message, None, out);
}

/// The ping of the protocol.
pub(crate) fn ping() -> Frame {
    let mut frame = Vec::new();
    frame_text(json::PING, &mut frame);
    Frame::new(&frame)
}

/// Appends encoded JSON as one text frame.
pub(crate) fn frame_text(json: &[u8], out: &mut Vec<u8>) {
    frame(Encoding::Json, json, out);
}
