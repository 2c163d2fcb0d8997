//! From the hub's publications to bytes for the wire, each once per form.

use std::borrow::Cow;
use std::sync::Arc;

use wavecast_hub::{self as hub, Filter};
use wavecast_net::Frame;
use wavecast_net::websocket::{self, Opcode};
use wavecast_protocol::centrifuge::{self, ClientInfo, DataForm, Encoding, Push};

use crate::wire_form::{Dialect, WireForm};

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

/// A publication as replies and pushes carry it.
pub(crate) fn publication<'p>(
    publication: &'p hub::Publication,
    data: Data<'p>,
) -> centrifuge::Publication<'p> {
    let (payload, form) = match (data, publication.is_json) {
        (Data::Plain, true) => (&*publication.data, DataForm::Raw),
        (Data::Plain, false) => (&*publication.data, DataForm::Base64),
        (Data::Whole, true) => (&*publication.data, DataForm::Text),
        (Data::Whole, false) => (&*publication.data, DataForm::TextOfBase64),
        (Data::Delta(delta), _) => (delta, DataForm::Text),
    };
    centrifuge::Publication {
        data: payload,
        form,
        delta: matches!(data, Data::Delta(_)),
        info: publication.info.as_deref().map(client_info),
        offset: publication.offset,
        tags: publication.tags.as_deref().map(Cow::Borrowed).unwrap_or_default(),
        time: publication.time_ms,
        ..Default::default()
    }
}

/// Publications that follow each other in their channel, as a reply carries them: those that `filter` matches. For
/// somebody who takes deltas the first is whole and the others lead on from it.
pub(crate) fn publications<'p>(
    publications: &'p [Arc<hub::Publication>],
    takes_deltas: bool,
    filter: Option<&Filter>,
) -> Vec<centrifuge::Publication<'p>> {
    let wanted = |p: &&Arc<hub::Publication>| filter.is_none_or(|filter| filter.matches(p.tags.as_deref()));
    let mut before = None::<&Arc<hub::Publication>>;
    let one = |p: &'p Arc<hub::Publication>| {
        // What is fit for JSON is fit for both encodings.
        let delta =
            before.replace(p).filter(|_| takes_deltas).and_then(|before| delta(Encoding::Json, p, before));
        let data = match delta {
            _ if !takes_deltas => Data::Plain,
            Some(delta) => Data::Delta(delta),
            None => Data::Whole,
        };
        publication(p, data)
    };
    publications.iter().filter(wanted).map(one).collect()
}

/// The delta that leads from one publication to the next, if there is one that this encoding can carry.
pub(crate) fn delta<'p>(
    encoding: Encoding,
    publication: &'p hub::Publication,
    base: &Arc<hub::Publication>,
) -> Option<&'p [u8]> {
    // A client in JSON has the base64 text of what is no JSON: nothing that a delta could lead to or from.
    let is_fit = encoding == Encoding::Protobuf || (publication.is_json && base.is_json);
    is_fit.then(|| publication.delta_from(base))?
}

/// A client as others see it.
pub(crate) fn client_info(info: &hub::ClientInfo) -> ClientInfo<'_> {
    ClientInfo {
        user: (&*info.user).into(),
        client: client_name(info),
        conn_info: info.conn_info.as_deref().unwrap_or_default(),
        chan_info: info.chan_info.as_deref().unwrap_or_default(),
    }
}

/// The id under which a client is listed.
pub(crate) fn client_name(info: &hub::ClientInfo) -> Cow<'_, str> {
    (&*info.client).into()
}

/// What a client takes in a list of those who are present, about and generous: bytes.
pub(crate) fn info_bytes(info: &hub::ClientInfo) -> usize {
    let given = [&info.conn_info, &info.chan_info].map(|given| given.as_deref().map_or(0, <[u8]>::len));
    // Its id stands there twice, and fields have names.
    info.user.len() + 2 * info.client.len() + given.iter().sum::<usize>() + 64
}

/// Appends a publication's push, encoded and not framed.
pub(crate) fn encode_publication(
    dialect: Dialect,
    publication: &hub::Publication,
    data: Data<'_>,
    out: &mut Vec<u8>,
) {
    let channel = (&*publication.channel).into();
    let publication = self::publication(publication, data);
    dialect.encode_push(&Push::Publication { channel, publication }, out);
}

/// Appends the push that tells of a join or leave, encoded and not framed.
pub(crate) fn encode_membership(
    dialect: Dialect,
    channel: &str,
    info: &hub::ClientInfo,
    joined: bool,
    out: &mut Vec<u8>,
) {
    let (channel, info) = (channel.into(), client_info(info));
    let push = if joined { Push::Join { channel, info } } else { Push::Leave { channel, info } };
    dialect.encode_push(&push, out);
}

/// A push of its own.
pub(crate) fn push(form: WireForm, push: &Push<'_>) -> Frame {
    framed(form, &encoded(form, push))
}

/// The same as bytes, where the push is the last.
pub(crate) fn last_push(form: WireForm, push: &Push<'_>) -> Vec<u8> {
    let mut framed = Vec::new();
    form.frame(&encoded(form, push), &mut framed);
    framed
}

fn encoded(form: WireForm, push: &Push<'_>) -> Vec<u8> {
    let mut message = Vec::new();
    form.dialect().encode_push(push, &mut message);
    message
}

/// The ping of the protocol. On a WebSocket that goes one way it is for the page, and one of the WebSocket's own comes with it
/// for the browser, which answers that.
pub(crate) fn ping(form: WireForm) -> Frame {
    let mut framed = Vec::new();
    form.frame(form.encoding().ping(), &mut framed);
    if form == WireForm::UniWebSocket {
        websocket::frame::encode(Opcode::Ping, b"", None, &mut framed);
    }
    framed.into_boxed_slice().into()
}

/// One encoded message or more, framed together; compressed, for those clients that agreed on that.
pub(crate) fn framed(form: WireForm, messages: &[u8]) -> Frame {
    let mut framed = Vec::new();
    form.frame(messages, &mut framed);
    Frame::from(framed.into_boxed_slice()).deflatable()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ping_of_a_web_socket_that_goes_one_way_has_one_in_it_that_the_browser_answers() {
        for form in WireForm::ALL {
            let is_answered_below = ping(form).ends_with(&[0x89, 0]);
            assert_eq!(is_answered_below, form == WireForm::UniWebSocket, "{form:?}");
        }
        assert!(ping(WireForm::UniWebSocket).starts_with(b"\x81\x02{}"));
    }
}
