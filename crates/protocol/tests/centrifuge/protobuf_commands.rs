//! What clients write in Protobuf, and what strangers write in their place. The bytes of the table were written by the
//! Protobuf library of Python from the schema of centrifuge-python.

use crate::bytes::bytes;
use std::borrow::Cow;
use std::collections::BTreeMap;
use wavecast_protocol::centrifuge::{
    Command, ConnectRequest, DecodeError, Disconnect, ENTRIES_MAX, HistoryRequest, PresenceRequest,
    PresenceStatsRequest, PublishRequest, RefreshRequest, Request, RpcRequest, SendRequest, StreamPosition,
    SubRefreshRequest, SubscribeRequest, UnsubscribeRequest, protobuf,
};

fn one(frame: &[u8]) -> Result<Command<'_>, DecodeError> {
    let mut commands = protobuf::commands(frame);
    let command = commands.next().unwrap();
    assert!(commands.next().is_none(), "{frame:?}");
    command
}

/// A message behind its length, which must be less than 128.
fn delimited(message: &str) -> Vec<u8> {
    let message = bytes(message);
    [&[u8::try_from(message.len()).unwrap()], &*message].concat()
}

#[test]
fn every_command_of_the_table_is_read_and_written() {
    let channel = || Cow::Borrowed("news");
    let table = [
        (
            "2b080122270a0174120200ff1a0d0a01611208180132016538ac02220270792a013132060a01681201763801",
            1,
            Request::Connect(ConnectRequest {
                token: "t".into(),
                data: &[0, 0xFF],
                subs: BTreeMap::from([(
                    "a".into(),
                    SubscribeRequest { recover: true, epoch: "e".into(), offset: 300, ..Default::default() },
                )]),
                name: "py".into(),
                version: "1".into(),
                headers: BTreeMap::from([("h".into(), "v".into())]),
                flag: 1,
                ..ConnectRequest::default()
            }),
        ),
        (
            "3208022a2e0a046e6577731201741801320378797a38ffffffffffffffffff014201644801500158016206666f7373696c7003",
            2,
            Request::Subscribe(SubscribeRequest {
                channel: channel(),
                token: "t".into(),
                recover: true,
                epoch: "xyz".into(),
                offset: u64::MAX,
                data: b"d",
                positioned: true,
                recoverable: true,
                join_leave: true,
                delta: "fossil".into(),
                flag: 3,
                ..SubscribeRequest::default()
            }),
        ),
        ("0a080332060a046e657773", 3, Request::Unsubscribe(UnsubscribeRequest { channel: channel() })),
        (
            // Lengths above 127 take two bytes.
            concat!(
                "900108043a8b010a046e657773128201",
                "78787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878"
            ),
            4,
            Request::Publish(PublishRequest {
                channel: channel(),
                data: &[b'x'; 130],
                ..PublishRequest::default()
            }),
        ),
        ("0a080542060a046e657773", 5, Request::Presence(PresenceRequest { channel: channel() })),
        ("0a08064a060a046e657773", 6, Request::PresenceStats(PresenceStatsRequest { channel: channel() })),
        (
            "1e0807521a0a046e65777338ffffffffffffffffff01420508031201654801",
            7,
            Request::History(HistoryRequest {
                channel: channel(),
                limit: -1,
                since: Some(StreamPosition { offset: 3, epoch: "e".into() }),
                reverse: true,
            }),
        ),
        ("0408085a00", 8, Request::Ping),
        ("0662040a026869", 0, Request::Send(SendRequest { data: b"hi" })),
        (
            "1208ffffffff0f6a0a0a035b315d120373756d",
            u32::MAX,
            Request::Rpc(RpcRequest { data: b"[1]", method: "sum".into() }),
        ),
        ("07080a72030a0174", 10, Request::Refresh(RefreshRequest { token: "t".into() })),
        (
            "0d080b7a090a046e657773120174",
            11,
            Request::SubRefresh(SubRefreshRequest { channel: channel(), token: "t".into(), kind: 0 }),
        ),
        ("00", 0, Request::Pong),
    ];
    let (mut frame, mut expected) = (Vec::new(), Vec::new());
    for (hex, id, request) in table {
        let (bytes, command) = (bytes(hex), Command { id, request });
        assert_eq!(one(&bytes).as_ref(), Ok(&command), "{hex}");
        let mut out = b"before".to_vec();
        protobuf::encode_command(&command, &mut out);
        assert_eq!(out.strip_prefix(b"before"), Some(&*bytes), "{command:?}");
        frame.extend_from_slice(&bytes);
        expected.push(command);
    }
    assert_eq!(protobuf::commands(&frame).collect::<Result<Vec<_>, _>>(), Ok(expected));
}

#[test]
fn fields_that_the_python_client_does_not_have_are_read_and_written() {
    let requests = [
        // type, phase, cursor, limit, asc
        (
            "08 01 2a 0f 78 04 80 01 02 8a 01 01 63 90 01 05 98 01 01",
            Request::Subscribe(SubscribeRequest {
                kind: 4,
                phase: 2,
                cursor: "c".into(),
                limit: 5,
                asc: true,
                ..SubscribeRequest::default()
            }),
        ),
        // dict, profile
        (
            "08 01 22 06 42 01 64 4a 01 70",
            Request::Connect(ConnectRequest {
                dict: "d".into(),
                profile: "p".into(),
                ..ConnectRequest::default()
            }),
        ),
        // type, key, removed
        (
            "08 01 3a 07 18 01 22 01 6b 28 01",
            Request::Publish(PublishRequest {
                kind: 1,
                key: "k".into(),
                removed: true,
                ..PublishRequest::default()
            }),
        ),
        // type
        (
            "08 01 7a 02 18 01",
            Request::SubRefresh(SubRefreshRequest { kind: 1, ..SubRefreshRequest::default() }),
        ),
    ];
    for (hex, request) in requests {
        let (frame, command) = (delimited(hex), Command { id: 1, request });
        assert_eq!(one(&frame).as_ref(), Ok(&command), "{hex}");
        let mut out = Vec::new();
        protobuf::encode_command(&command, &mut out);
        assert_eq!(out, frame, "{command:?}");
    }
}

#[test]
fn ids_follow_their_rules() {
    for number in (4..=15).filter(|&number| number != 12) {
        assert_eq!(one(&[2, number << 3 | 2, 0]), Err(DecodeError::NoId), "{number}");
    }
    assert!(matches!(one(&[2, 12 << 3 | 2, 0]), Ok(Command { id: 0, request: Request::Send(_) })));
    assert_eq!(one(&delimited("08 00")), Ok(Command { id: 0, request: Request::Pong }));
    for hex in ["08 07", "08 07 82 01 00", "08 07 12 00"] {
        assert_eq!(one(&delimited(hex)), Err(DecodeError::NoContent { id: 7 }), "{hex}");
    }
}

#[test]
fn whatever_cannot_be_understood_is_a_bad_request() {
    for (hex, why) in [
        ("", DecodeError::Empty),
        ("01", DecodeError::Wire),
        ("80", DecodeError::Wire),
        ("05 08 01 22 00", DecodeError::Wire),
        ("ff ff ff ff ff ff ff ff ff 01", DecodeError::Wire),
        ("ff ff ff ff ff ff ff ff ff ff 01", DecodeError::Wire),
        // field 0; a field beyond 29 bits; a key alone
        ("02 00 00", DecodeError::Wire),
        ("06 80 80 80 80 10 00", DecodeError::Wire),
        ("01 08", DecodeError::Wire),
        // a group, its end, and wire types that are none
        ("02 23 24", DecodeError::Wire),
        ("01 24", DecodeError::Wire),
        ("01 26", DecodeError::Wire),
        ("01 27", DecodeError::Wire),
        // a field that is longer than its message
        ("04 08 01 22 01", DecodeError::Wire),
        ("06 08 01 22 02 0a 01", DecodeError::Wire),
        // unknown fields that are cut short
        ("05 81 01 00 00 00", DecodeError::Wire),
        ("04 85 01 00 00", DecodeError::Wire),
        // a varint of more than 64 bits
        ("0b 08 ff ff ff ff ff ff ff ff ff 02", DecodeError::Wire),
        // wrong wire types: of the id, of a request, of a text, of a number; fixed ones
        ("02 0a 00", DecodeError::FieldType { number: 1 }),
        ("04 08 01 20 00", DecodeError::FieldType { number: 4 }),
        ("06 08 01 2a 02 08 01", DecodeError::FieldType { number: 1 }),
        ("06 08 01 2a 02 3a 00", DecodeError::FieldType { number: 7 }),
        ("05 0d 01 00 00 00", DecodeError::FieldType { number: 1 }),
        // not UTF-8
        ("07 08 01 2a 03 0a 01 ff", DecodeError::FieldType { number: 1 }),
    ] {
        let frame = bytes(hex);
        assert_eq!(one(&frame), Err(why), "{hex}");
        assert_eq!(why.disconnect(), Disconnect::BAD_REQUEST);
    }
}

#[test]
fn nothing_follows_an_error() {
    assert_eq!(
        protobuf::commands(&bytes("00 01 24 00")).collect::<Vec<_>>(),
        [Ok(Command { id: 0, request: Request::Pong }), Err(DecodeError::Wire)]
    );
}

#[test]
fn what_is_unknown_is_passed_over() {
    // Of every wire type, before and behind what is known, outside and inside.
    let unknown = "80 7d 05 81 7d 00 00 00 00 00 00 00 00 82 7d 01 ff 85 7d 00 00 00 00";
    let frame = delimited(&format!("{unknown} 08 01 {unknown} 2a 1c 0a 03 61 62 63 {unknown}"));
    // The length is that of the channel, five bytes, and of the unknown, 23.
    assert_eq!(
        one(&frame),
        Ok(Command {
            id: 1,
            request: Request::Subscribe(SubscribeRequest {
                channel: "abc".into(),
                ..SubscribeRequest::default()
            })
        })
    );
}

#[test]
fn the_last_of_several_counts_and_messages_merge() {
    // The id twice; a subscribe in two parts, of which the second has the channel again.
    let frame = delimited("08 01 2a 05 0a 01 61 18 01 2a 03 0a 01 62 08 02");
    let request = SubscribeRequest { channel: "b".into(), recover: true, ..SubscribeRequest::default() };
    assert_eq!(one(&frame), Ok(Command { id: 2, request: Request::Subscribe(request) }));
    // The first request in the order of the schema counts, wherever it stands.
    let frame = delimited("08 01 5a 00 22 00");
    assert!(matches!(one(&frame), Ok(Command { request: Request::Connect(_), .. })));
    // A number of 32 bits takes the lowest of more, a flag is set by whatever is not zero.
    let frame = delimited("08 81 80 80 80 10 2a 03 18 80 01");
    assert!(matches!(
        one(&frame),
        Ok(Command { id: 1, request: Request::Subscribe(SubscribeRequest { recover: true, .. }) })
    ));
}

#[test]
fn map_entries_may_lack_key_and_value_and_the_last_counts() {
    let frame = delimited("08 01 22 15 1a 00 1a 05 0a 01 61 12 00 1a 0a 0a 01 61 12 05 18 01 32 01 65");
    let Ok(Command { request: Request::Connect(connect), .. }) = one(&frame) else {
        panic!("{:?}", one(&frame))
    };
    let a = SubscribeRequest { recover: true, epoch: "e".into(), ..SubscribeRequest::default() };
    assert_eq!(connect.subs, BTreeMap::from([("".into(), SubscribeRequest::default()), ("a".into(), a)]));
}

#[test]
fn maps_are_bounded() {
    let with_subs = |count: usize| {
        let channels = (0..count).map(|index| (index.to_string().into(), SubscribeRequest::default()));
        let connect = ConnectRequest { subs: channels.collect(), ..ConnectRequest::default() };
        let mut out = Vec::new();
        protobuf::encode_command(&Command { id: 1, request: Request::Connect(connect) }, &mut out);
        out
    };
    assert!(one(&with_subs(ENTRIES_MAX)).is_ok());
    assert_eq!(one(&with_subs(ENTRIES_MAX + 1)), Err(DecodeError::FieldSize { number: 3 }));
}

#[test]
fn text_and_payloads_are_borrowed() {
    let frame = bytes("0d 08 04 3a 09 0a 04 6e 65 77 73 12 01 31");
    let Ok(Command { request: Request::Publish(publish), .. }) = one(&frame) else { panic!() };
    assert!(matches!(publish.channel, Cow::Borrowed("news")));
    assert!(frame.as_ptr_range().contains(&publish.data.as_ptr()));
}
