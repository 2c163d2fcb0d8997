//! What servers write, to the byte, and how clients read it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use wavecast_protocol::centrifuge::{
    ClientInfo, ConnectResult, DataForm, Error, HistoryResult, PresenceResult, PresenceStatsResult,
    Publication, Push, RefreshResult, Reply, Res, RpcResult, ServerMessage, SubRefreshResult,
    SubscribeResult, Tags,
};
use wavecast_protocol::centrifuge::{DecodeError, json};

fn reply(id: u32, body: Result<Res<'_>, Error>) -> ServerMessage<'_> {
    ServerMessage::Reply(Reply { id, body })
}

/// The message is written as `line`, and read from it again.
fn stands_as(message: &ServerMessage<'_>, line: &str) {
    let mut out = b"before".to_vec();
    match message {
        ServerMessage::Reply(reply) => json::encode_reply(reply, &mut out),
        ServerMessage::Push(push) => json::encode_push(push, &mut out),
        ServerMessage::Ping => out.extend_from_slice(json::PING),
    }
    assert_eq!(std::str::from_utf8(&out).unwrap().strip_prefix("before"), Some(line));
    assert_eq!(json::messages(line).collect::<Vec<_>>(), [Ok(message.clone())]);
}

fn info() -> ClientInfo<'static> {
    ClientInfo { user: "42".into(), client: "c1".into(), conn_info: br#"{"name":"Ann"}"#, chan_info: b"" }
}

fn publication(offset: u64) -> Publication<'static> {
    Publication { data: br#"{"text":"hi"}"#, offset, ..Publication::default() }
}

#[test]
fn replies_stand_as_the_schema_has_them() {
    stands_as(
        &reply(
            1,
            Ok(Res::Connect(ConnectResult {
                client: "c1".into(),
                version: "0.1.0".into(),
                ping: 25,
                pong: true,
                subs: BTreeMap::from([(Cow::Borrowed("news"), SubscribeResult::default())]),
                ..ConnectResult::default()
            })),
        ),
        r#"{"id":1,"connect":{"client":"c1","version":"0.1.0","subs":{"news":{}},"ping":25,"pong":true}}"#,
    );
    stands_as(&reply(2, Ok(Res::Subscribe(SubscribeResult::default()))), r#"{"id":2,"subscribe":{}}"#);
    stands_as(
        &reply(
            3,
            Ok(Res::Subscribe(SubscribeResult {
                recoverable: true,
                positioned: true,
                epoch: "xyz".into(),
                offset: 8,
                was_recovering: true,
                recovered: true,
                publications: vec![publication(7), publication(8)],
                ..SubscribeResult::default()
            })),
        ),
        concat!(
            r#"{"id":3,"subscribe":{"recoverable":true,"epoch":"xyz","publications":["#,
            r#"{"data":{"text":"hi"},"offset":7},{"data":{"text":"hi"},"offset":8}],"#,
            r#""recovered":true,"offset":8,"positioned":true,"was_recovering":true}}"#,
        ),
    );
    stands_as(&reply(4, Ok(Res::Unsubscribe)), r#"{"id":4,"unsubscribe":{}}"#);
    stands_as(&reply(5, Ok(Res::Publish)), r#"{"id":5,"publish":{}}"#);
    stands_as(
        &reply(6, Ok(Res::Presence(PresenceResult { presence: BTreeMap::from([("c1".into(), info())]) }))),
        r#"{"id":6,"presence":{"presence":{"c1":{"user":"42","client":"c1","conn_info":{"name":"Ann"}}}}}"#,
    );
    stands_as(
        &reply(7, Ok(Res::PresenceStats(PresenceStatsResult { num_clients: 3, num_users: 2 }))),
        r#"{"id":7,"presence_stats":{"num_clients":3,"num_users":2}}"#,
    );
    stands_as(
        &reply(
            8,
            Ok(Res::History(HistoryResult {
                publications: vec![publication(1)],
                epoch: "e".into(),
                offset: 1,
            })),
        ),
        r#"{"id":8,"history":{"publications":[{"data":{"text":"hi"},"offset":1}],"epoch":"e","offset":1}}"#,
    );
    stands_as(&reply(9, Ok(Res::Ping)), r#"{"id":9,"ping":{}}"#);
    stands_as(&reply(10, Ok(Res::Rpc(RpcResult { data: b"5" }))), r#"{"id":10,"rpc":{"data":5}}"#);
    stands_as(
        &reply(11, Ok(Res::Refresh(RefreshResult { expires: true, ttl: 60, ..RefreshResult::default() }))),
        r#"{"id":11,"refresh":{"expires":true,"ttl":60}}"#,
    );
    stands_as(
        &reply(12, Ok(Res::SubRefresh(SubRefreshResult { expires: true, ttl: 60 }))),
        r#"{"id":12,"sub_refresh":{"expires":true,"ttl":60}}"#,
    );
}

#[test]
fn the_table_of_errors() {
    for (error, code, temporary) in [
        (Error::INTERNAL, 100, true),
        (Error::UNAUTHORIZED, 101, false),
        (Error::UNKNOWN_CHANNEL, 102, false),
        (Error::PERMISSION_DENIED, 103, false),
        (Error::METHOD_NOT_FOUND, 104, false),
        (Error::ALREADY_SUBSCRIBED, 105, false),
        (Error::LIMIT_EXCEEDED, 106, false),
        (Error::BAD_REQUEST, 107, false),
        (Error::NOT_AVAILABLE, 108, false),
        (Error::TOKEN_EXPIRED, 109, false),
        (Error::EXPIRED, 110, false),
        (Error::TOO_MANY_REQUESTS, 111, true),
        (Error::UNRECOVERABLE_POSITION, 112, false),
        (Error::CONCURRENT_PAGINATION, 113, true),
    ] {
        let flag = if temporary { r#","temporary":true"# } else { "" };
        let line = format!(r#"{{"id":1,"error":{{"code":{code},"message":"{}"{flag}}}}}"#, error.message);
        stands_as(&reply(1, Err(error)), &line);
    }
}

#[test]
fn pushes_stand_as_the_schema_has_them() {
    let channel = || Cow::Borrowed("news");
    stands_as(
        &ServerMessage::Push(Push::Publication { channel: channel(), publication: publication(0) }),
        r#"{"push":{"channel":"news","pub":{"data":{"text":"hi"}}}}"#,
    );
    let tags = Tags::from([("k\"".to_owned(), "v".to_owned())]);
    stands_as(
        &ServerMessage::Push(Push::Publication {
            channel: channel(),
            publication: Publication {
                info: Some(info()),
                tags: Cow::Borrowed(&tags),
                time: 1_700_000_000_000,
                delta: true,
                ..publication(7)
            },
        }),
        concat!(
            r#"{"push":{"channel":"news","pub":{"data":{"text":"hi"},"#,
            r#""info":{"user":"42","client":"c1","conn_info":{"name":"Ann"}},"offset":7,"#,
            r#""tags":{"k\"":"v"},"delta":true,"time":1700000000000}}}"#,
        ),
    );
    stands_as(
        &ServerMessage::Push(Push::Join { channel: channel(), info: info() }),
        r#"{"push":{"channel":"news","join":{"info":{"user":"42","client":"c1","conn_info":{"name":"Ann"}}}}}"#,
    );
    stands_as(
        &ServerMessage::Push(Push::Leave { channel: channel(), info: ClientInfo::default() }),
        r#"{"push":{"channel":"news","leave":{"info":{}}}}"#,
    );
    stands_as(
        &ServerMessage::Push(Push::Unsubscribe {
            channel: channel(),
            code: 2500,
            reason: "insufficient state".into(),
        }),
        r#"{"push":{"channel":"news","unsubscribe":{"code":2500,"reason":"insufficient state"}}}"#,
    );
    stands_as(&ServerMessage::Push(Push::Message { data: b"[1]" }), r#"{"push":{"message":{"data":[1]}}}"#);
    stands_as(
        &ServerMessage::Push(Push::Subscribe {
            channel: channel(),
            recoverable: true,
            epoch: "e".into(),
            offset: 3,
            positioned: true,
            data: b"",
        }),
        r#"{"push":{"channel":"news","subscribe":{"recoverable":true,"epoch":"e","offset":3,"positioned":true}}}"#,
    );
    stands_as(
        &ServerMessage::Push(Push::Connect(ConnectResult {
            client: "c1".into(),
            ..ConnectResult::default()
        })),
        r#"{"push":{"connect":{"client":"c1"}}}"#,
    );
    stands_as(
        &ServerMessage::Push(Push::Disconnect { code: 3001, reason: "shutdown".into(), reconnect: true }),
        r#"{"push":{"disconnect":{"code":3001,"reason":"shutdown","reconnect":true}}}"#,
    );
    stands_as(
        &ServerMessage::Push(Push::Refresh { expires: true, ttl: 60 }),
        r#"{"push":{"refresh":{"expires":true,"ttl":60}}}"#,
    );
    stands_as(&ServerMessage::Ping, "{}");
}

#[test]
fn data_is_written_in_its_form() {
    let written = |data: &[u8], form| {
        let publication = Publication { data, form, ..Publication::default() };
        let mut out = Vec::new();
        json::encode_push(&Push::Publication { channel: "a".into(), publication }, &mut out);
        String::from_utf8(out).unwrap()
    };
    let push = |data| format!(r#"{{"push":{{"channel":"a","pub":{{"data":{data}}}}}}}"#);
    let payload = "{\"a\":\"é\\n\"}";
    assert_eq!(written(payload.as_bytes(), DataForm::Raw), push(payload));
    let text = written(payload.as_bytes(), DataForm::Text);
    assert_eq!(text, push(r#""{\"a\":\"é\\n\"}""#));
    assert_eq!(written(b"K\nK:\x01;", DataForm::Text), push(r#""K\nK:\u0001;""#));
    assert_eq!(written(b"a\xff", DataForm::Text), push("\"a\u{fffd}\""));
    assert_eq!(written(b"a\xff", DataForm::Base64), push(r#""Yf8=""#));
    for form in [DataForm::Raw, DataForm::Text, DataForm::Base64] {
        assert_eq!(written(b"", form), r#"{"push":{"channel":"a","pub":{}}}"#, "{form:?}");
    }

    // A client reads the string as it stands, and takes the text out of it.
    let message = json::messages(&text).next().unwrap().unwrap();
    let ServerMessage::Push(Push::Publication { publication, .. }) = message else { panic!("{message:?}") };
    assert_eq!(publication.form, DataForm::Raw);
    assert_eq!(json::string_text(publication.data).as_deref(), Some(payload));
}

#[test]
fn a_publication_is_written_with_one_allocation() {
    let data = format!("\"{}\"", "x".repeat(1000));
    let publication =
        Publication { data: data.as_bytes(), offset: u64::MAX, time: i64::MIN, ..Publication::default() };
    let push = Push::Publication { channel: "news".into(), publication };
    let mut out = Vec::new();
    json::encode_push(&push, &mut out);
    let reserved = out.capacity();
    assert!(out.len() <= reserved && reserved <= out.len() + 128, "{} of {reserved}", out.len());
}

#[test]
fn what_a_client_does_not_know_is_told_apart() {
    let one = |line| json::messages(line).next().unwrap();
    assert_eq!(one(r#"{"id":3,"later":{}}"#), Err(DecodeError::NoContent { id: 3 }));
    assert_eq!(one(r#"{"push":{"channel":"a","later":{}}}"#), Err(DecodeError::NoContent { id: 0 }));
    assert!(matches!(one(r#"{"push":{"pub":[]}}"#), Err(DecodeError::Field { .. })));
    assert!(matches!(one("[]"), Err(DecodeError::Syntax { .. })));
    let frame = "{\"id\":1,\"publish\":{}}\n{}\n";
    let messages: Vec<_> = json::messages(frame).map(Result::unwrap).collect();
    assert_eq!(messages, [reply(1, Ok(Res::Publish)), ServerMessage::Ping]);
}
