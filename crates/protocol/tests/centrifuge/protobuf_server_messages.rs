//! What servers write in Protobuf, to the byte, and how clients read it. The bytes were written by the Protobuf library
//! of Python from the schema of centrifuge-python.

use crate::bytes::bytes;
use std::borrow::Cow;
use std::collections::BTreeMap;
use wavecast_protocol::centrifuge::{
    ClientInfo, ConnectResult, DataForm, DecodeError, Error, HistoryResult, PresenceResult,
    PresenceStatsResult, Publication, Push, RefreshResult, Reply, Res, RpcResult, ServerMessage,
    SubRefreshResult, SubscribeResult, Tags, protobuf,
};

/// The message is written as these bytes, and read from them again.
fn stands_as(message: &ServerMessage<'_>, hex: &str) {
    let bytes = bytes(hex);
    let mut out = b"before".to_vec();
    match message {
        ServerMessage::Reply(reply) => protobuf::encode_reply(reply, &mut out),
        ServerMessage::Push(push) => protobuf::encode_push(push, &mut out),
        ServerMessage::Ping => out.extend_from_slice(protobuf::PING),
    }
    assert_eq!(out.strip_prefix(b"before"), Some(&*bytes), "{message:?}");
    assert_eq!(protobuf::messages(&bytes).collect::<Vec<_>>(), [Ok(message.clone())]);
}

fn reply(id: u32, body: Result<Res<'_>, Error>) -> ServerMessage<'_> {
    ServerMessage::Reply(Reply { id, body })
}

fn info() -> ClientInfo<'static> {
    ClientInfo { user: "42".into(), client: "c1".into(), conn_info: b"{}", chan_info: b"1" }
}

/// With everything that a publication can have.
fn publication() -> Publication<'static> {
    Publication {
        data: b"hi",
        info: Some(info()),
        offset: 7,
        tags: Cow::Owned(Tags::from([("k".to_owned(), "v".to_owned())])),
        delta: true,
        time: -1,
        channel: "c".into(),
        // Of no account in Protobuf, and not read.
        form: DataForm::Raw,
    }
}

#[test]
fn replies_stand_as_the_schema_has_them() {
    stands_as(
        &reply(1, Err(Error::INTERNAL)),
        "1f0801121b08641215696e7465726e616c20736572766572206572726f721801",
    );
    stands_as(
        &reply(
            1,
            Ok(Res::Connect(ConnectResult {
                client: "c1".into(),
                version: "0.1.0".into(),
                expires: true,
                ttl: 600,
                data: b"d",
                subs: BTreeMap::from([("news".into(), SubscribeResult::default())]),
                ping: 25,
                pong: true,
                session: "s".into(),
                node: "n".into(),
                time: 1_700_000_000_000,
                ..ConnectResult::default()
            })),
        ),
        "3208012a2e0a0263311205302e312e30180120d8042a016432080a046e6577731200381940014a017352016e5880d095ffbc31",
    );
    stands_as(
        &reply(
            2,
            Ok(Res::Subscribe(SubscribeResult {
                expires: true,
                ttl: 60,
                recoverable: true,
                epoch: "xyz".into(),
                publications: vec![publication(), Publication { data: b"2", ..Publication::default() }],
                recovered: true,
                offset: 8,
                positioned: true,
                data: b"d",
                was_recovering: true,
                delta: true,
                id: -5,
            })),
        ),
        "5d080232590801103c1801320378797a3a2f220268692a0f0a023432120263311a027b7d22013130073a060a016b120176400148ffffffffffffffffff015201633a032201324001480850015a01646001680170fbffffffffffffffff01",
    );
    stands_as(&reply(3, Ok(Res::Unsubscribe)), "0408033a00");
    stands_as(&reply(4, Ok(Res::Publish)), "0408044200");
    stands_as(
        &reply(5, Ok(Res::Presence(PresenceResult { presence: BTreeMap::from([("c1".into(), info())]) }))),
        "1b08054a170a150a026331120f0a023432120263311a027b7d220131",
    );
    stands_as(
        &reply(6, Ok(Res::PresenceStats(PresenceStatsResult { num_clients: 3, num_users: 2 }))),
        "080806520408031002",
    );
    stands_as(
        &reply(
            7,
            Ok(Res::History(HistoryResult {
                publications: vec![Publication { data: b"1", offset: 1, ..Publication::default() }],
                epoch: "e".into(),
                offset: 1,
            })),
        ),
        "1008075a0c0a0522013130011201651801",
    );
    stands_as(&reply(8, Ok(Res::Ping)), "0408086200");
    stands_as(&reply(9, Ok(Res::Rpc(RpcResult { data: b"5" }))), "0708096a030a0135");
    stands_as(
        &reply(
            10,
            Ok(Res::Refresh(RefreshResult {
                client: "c1".into(),
                version: "v".into(),
                expires: true,
                ttl: 60,
            })),
        ),
        "0f080a720b0a0263311201761801203c",
    );
    stands_as(
        &reply(11, Ok(Res::SubRefresh(SubRefreshResult { expires: true, ttl: 60 }))),
        "08080b7a040801103c",
    );
}

#[test]
fn pushes_stand_as_the_schema_has_them() {
    let channel = || Cow::Borrowed("news");
    let stands_as = |push, hex| stands_as(&ServerMessage::Push(push), hex);
    stands_as(
        Push::Publication { channel: channel(), publication: publication() },
        "39223712046e657773222f220268692a0f0a023432120263311a027b7d22013130073a060a016b120176400148ffffffffffffffffff01520163",
    );
    stands_as(
        Push::Join { channel: channel(), info: info() },
        "1b221912046e6577732a110a0f0a023432120263311a027b7d220131",
    );
    stands_as(Push::Leave { channel: channel(), info: ClientInfo::default() }, "0c220a12046e65777332020a00");
    stands_as(
        Push::Unsubscribe { channel: channel(), code: 2500, reason: "insufficient state".into() },
        "21221f12046e6577733a1710c4131a12696e73756666696369656e74207374617465",
    );
    stands_as(Push::Message { data: b"m" }, "07220542030a016d");
    stands_as(
        Push::Subscribe {
            channel: channel(),
            recoverable: true,
            epoch: "e".into(),
            offset: 3,
            positioned: true,
            data: b"d",
        },
        "16221412046e6577734a0c0801220165280330013a0164",
    );
    stands_as(
        Push::Connect(ConnectResult {
            client: "c1".into(),
            version: "v".into(),
            data: b"d",
            subs: BTreeMap::from([(
                "news".into(),
                SubscribeResult { recovered: true, ..Default::default() },
            )]),
            expires: true,
            ttl: 60,
            ping: 25,
            pong: true,
            session: "s".into(),
            node: "n".into(),
            time: 5,
            ..ConnectResult::default()
        }),
        "2a222852260a0263311201761a0164220a0a046e657773120240012801303c381940014a017352016e5805",
    );
    stands_as(
        Push::Disconnect { code: 3001, reason: "shutdown".into(), reconnect: true },
        "1322115a0f08b917120873687574646f776e1801",
    );
    stands_as(Push::Refresh { expires: true, ttl: 60 }, "08220662040801103c");
}

#[test]
fn data_is_any_bytes_whatever_its_form() {
    for form in [DataForm::Raw, DataForm::Text, DataForm::Base64] {
        let mut out = Vec::new();
        let publication = Publication { data: b"\xff\0", form, ..Publication::default() };
        protobuf::encode_push(&Push::Publication { channel: "a".into(), publication }, &mut out);
        assert_eq!(out, bytes("0b 22 09 12 01 61 22 04 22 02 ff 00"), "{form:?}");
    }
}

#[test]
fn a_ping_is_a_zero_byte() {
    stands_as(&ServerMessage::Ping, "00");
}

#[test]
fn a_publication_is_written_with_one_allocation() {
    let data = "x".repeat(100_000);
    let publication =
        Publication { data: data.as_bytes(), offset: u64::MAX, time: i64::MIN, ..Publication::default() };
    let push = Push::Publication { channel: "news".into(), publication };
    let mut out = Vec::new();
    protobuf::encode_push(&push, &mut out);
    let reserved = out.capacity();
    assert!(out.len() <= reserved && reserved <= out.len() + 96, "{} of {reserved}", out.len());
}

#[test]
fn what_a_map_or_a_later_version_adds_is_passed_over() {
    // Of a publication: key, removed, score, epoch, version. Of a push: its id.
    let bytes = bytes("19 22 17 08 05 22 13 22 01 31 5a 01 6b 60 01 68 03 72 01 65 7a 01 70 80 01 02");
    let expected = Push::Publication {
        channel: "".into(),
        publication: Publication { data: b"1", ..Publication::default() },
    };
    assert_eq!(protobuf::messages(&bytes).collect::<Vec<_>>(), [Ok(ServerMessage::Push(expected))]);
}

#[test]
fn what_a_client_does_not_know_is_told_apart() {
    let one = |hex| protobuf::messages(&bytes(hex)).map(|message| message.map(drop)).next().unwrap();
    assert_eq!(one("05 08 03 82 01 00"), Err(DecodeError::NoContent { id: 3 }));
    assert_eq!(one("05 22 03 12 01 61"), Err(DecodeError::NoContent { id: 0 }));
    assert_eq!(one("04 22 02 20 01"), Err(DecodeError::FieldType { number: 4 }));
    assert_eq!(one(""), Err(DecodeError::Empty));
}
