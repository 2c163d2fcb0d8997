//! From the hub's publications to bytes for the wire, each once per form.

use wavecast_hub as hub;
use wavecast_net::Frame;
use wavecast_protocol::centrifuge::{self, ClientInfo, Push, json};

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

/// Appends a publication's push as one WebSocket frame to `run`.
pub(crate) fn frame_publication(publication: &hub::Publication, scratch: &mut Vec<u8>, run: &mut Vec<u8>) {
    let push = Push::Publication {
        channel: (&*publication.channel).into(),
        publication: self::publication(publication),
    };
    scratch.clear();
    json::encode_push(&push, scratch);
    frame_text(scratch, run);
}

/// A push of its own.
pub(crate) fn push(push: &Push<'_>) -> Frame {
    let (mut text, mut frame) = (Vec::new(), Vec::new());
    json::encode_push(push, &mut text);
    frame_text(&text, &mut frame);
    Frame::new(&frame)
}

/// The ping of the protocol.
pub(crate) fn ping() -> Frame {
    let mut frame = Vec::new();
    frame_text(json::PING, &mut frame);
    Frame::new(&frame)
}

/// Appends encoded JSON as one text frame.
pub(crate) fn frame_text(json: &[u8], out: &mut Vec<u8>) {
    wavecast_net::websocket::frame::encode(wavecast_net::websocket::Opcode::Text, json, None, out);
}
