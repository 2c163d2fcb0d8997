//! From the hub's publications to bytes for the wire, each once per form.

use std::sync::Arc;

use wavecast_hub::{self as hub, Filter};
use wavecast_net::Frame;
use wavecast_net::websocket::{self, Opcode};
use wavecast_protocol::centrifuge::{self, ClientInfo, DataForm, Encoding, Push};

/// What the fields of a client's description take in a message beside their own bytes.
const INFO_OVERHEAD_BYTES: usize = 64;

/// A publication as replies and pushes carry it.
fn publication<'p>(publication: &'p hub::Publication, data: Data<'p>) -> centrifuge::Publication<'p> {
    let (data, form, delta) = match data {
        Data::Delta(delta) => (delta, DataForm::Text, true),
        _ if !publication.is_json => (&*publication.data, DataForm::Base64, false),
        Data::Plain => (&*publication.data, DataForm::Raw, false),
        Data::Whole => (&*publication.data, DataForm::Text, false),
    };
    centrifuge::Publication {
        data,
        form,
        delta,
        info: publication.info.as_deref().map(client_info),
        offset: publication.offset,
        tags: publication.tags.as_deref().map(std::borrow::Cow::Borrowed).unwrap_or_default(),
        time: publication.time_ms,
        ..Default::default()
    }
}

/// Publications in a row, as a reply carries them: those that pass the filter and, for who takes deltas, the first whole
/// and the others as deltas to the one before.
pub(crate) fn publications<'p>(
    publications: &'p [Arc<hub::Publication>],
    encoding: Encoding,
    deltas: bool,
    filter: Option<&Filter>,
) -> Vec<centrifuge::Publication<'p>> {
    let passes = |publication: &&Arc<hub::Publication>| {
        filter.is_none_or(|filter| filter.matches(publication.tags.as_deref()))
    };
    let mut base = None;
    let mut shape = |publication: &'p Arc<hub::Publication>| {
        let before = base.replace(publication);
        let data = match before.and_then(|before| delta(encoding, publication, before)) {
            _ if !deltas => Data::Plain,
            Some(delta) => Data::Delta(delta),
            None => Data::Whole,
        };
        self::publication(publication, data)
    };
    publications.iter().filter(passes).map(&mut shape).collect()
}

/// A client as replies and pushes describe it.
pub(crate) fn client_info(info: &hub::ClientInfo) -> ClientInfo<'_> {
    ClientInfo {
        user: (&*info.user).into(),
        client: (&*info.client).into(),
        conn_info: info.conn_info.as_deref().unwrap_or_default(),
        chan_info: info.chan_info.as_deref().unwrap_or_default(),
    }
}

/// What the description of a client takes in a reply, about.
pub(crate) fn info_bytes(info: &hub::ClientInfo) -> usize {
    let given = [&info.conn_info, &info.chan_info].map(|given| given.as_ref().map_or(0, |bytes| bytes.len()));
    2 * info.client.len() + info.user.len() + given.iter().sum::<usize>() + INFO_OVERHEAD_BYTES
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

/// The difference of a publication from the one before, if there is one that this encoding can carry: JSON carries text
/// alone, and knows payloads that are no JSON in another form.
pub(crate) fn delta<'p>(
    encoding: Encoding,
    publication: &'p hub::Publication,
    base: &Arc<hub::Publication>,
) -> Option<&'p [u8]> {
    let is_text = |delta: &&[u8]| {
        encoding == Encoding::Protobuf
            || (publication.is_json && base.is_json && std::str::from_utf8(delta).is_ok())
    };
    publication.delta_from(base).filter(is_text)
}

/// Appends a publication's push, encoded and not framed.
pub(crate) fn encode_publication(
    encoding: Encoding,
    publication: &hub::Publication,
    data: Data<'_>,
    out: &mut Vec<u8>,
) {
    let push = Push::Publication {
        channel: (&*publication.channel).into(),
        publication: self::publication(publication, data),
    };
    encoding.encode_push(&push, out);
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
    encoding.encode_push(&push, out);
}

/// A push of its own.
pub(crate) fn push(encoding: Encoding, push: &Push<'_>) -> Frame {
    let (mut message, mut framed) = (Vec::new(), Vec::new());
    encoding.encode_push(push, &mut message);
    frame(encoding, &message, &mut framed);
    Frame::new(&framed)
}

/// Appends an encoded message as one WebSocket frame.
pub(crate) fn frame(encoding: Encoding, message: &[u8], out: &mut Vec<u8>) {
    let opcode = if encoding.is_binary() { Opcode::Binary } else { Opcode::Text };
    websocket::frame::encode(opcode, message, None, out);
}

/// The ping of the protocol.
pub(crate) fn ping(encoding: Encoding) -> Frame {
    let mut framed = Vec::new();
    frame(encoding, encoding.ping(), &mut framed);
    Frame::new(&framed)
}
