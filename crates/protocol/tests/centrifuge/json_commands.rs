//! What clients write, and what strangers write in their place.

use std::borrow::Cow;
use wavecast_protocol::centrifuge::{
    Command, ConnectRequest, Disconnect, HistoryRequest, PresenceRequest, PresenceStatsRequest,
    PublishRequest, RefreshRequest, Request, RpcRequest, SendRequest, StreamPosition, SubRefreshRequest,
    SubscribeRequest, UnsubscribeRequest,
};
use wavecast_protocol::centrifuge::{DecodeError, ENTRIES_MAX, json};

fn one(line: &str) -> Result<Command<'_>, DecodeError> {
    let mut commands = json::commands(line);
    let command = commands.next().unwrap();
    assert!(commands.next().is_none(), "{line}");
    command
}

fn request(line: &str) -> Request<'_> {
    one(line).unwrap_or_else(|error| panic!("{line}: {error}")).request
}

#[test]
fn every_command_of_the_table_is_read() {
    let table = [
        (r#"{"id":1,"connect":{}}"#, Request::Connect(ConnectRequest::default())),
        (
            r#"{"id":1,"subscribe":{"channel":"news","flag":1,"recover":true,"epoch":"xyz","offset":7}}"#,
            Request::Subscribe(SubscribeRequest {
                channel: "news".into(),
                flag: 1,
                recover: true,
                epoch: "xyz".into(),
                offset: 7,
                ..SubscribeRequest::default()
            }),
        ),
        (
            r#"{"id":1,"unsubscribe":{"channel":"news"}}"#,
            Request::Unsubscribe(UnsubscribeRequest { channel: "news".into() }),
        ),
        (
            r#"{"id":1,"publish":{"channel":"news","data":{"a": [1]}}}"#,
            Request::Publish(PublishRequest {
                channel: "news".into(),
                data: br#"{"a": [1]}"#,
                ..PublishRequest::default()
            }),
        ),
        (
            r#"{"id":1,"presence":{"channel":"news"}}"#,
            Request::Presence(PresenceRequest { channel: "news".into() }),
        ),
        (
            r#"{"id":1,"presence_stats":{"channel":"news"}}"#,
            Request::PresenceStats(PresenceStatsRequest { channel: "news".into() }),
        ),
        (
            r#"{"id":1,"history":{"channel":"news","limit":-1,"since":{"offset":3,"epoch":"e"},"reverse":true}}"#,
            Request::History(HistoryRequest {
                channel: "news".into(),
                limit: -1,
                since: Some(StreamPosition { offset: 3, epoch: "e".into() }),
                reverse: true,
            }),
        ),
        (r#"{"id":1,"ping":{}}"#, Request::Ping),
        (r#"{"id":1,"send":{"data":"hi"}}"#, Request::Send(SendRequest { data: br#""hi""# })),
        (r#"{"id":1,"rpc":{"method":"sum"}}"#, Request::Rpc(RpcRequest { data: b"", method: "sum".into() })),
        (r#"{"id":1,"refresh":{"token":"t"}}"#, Request::Refresh(RefreshRequest { token: "t".into() })),
        (
            r#"{"id":1,"sub_refresh":{"channel":"news","token":"t"}}"#,
            Request::SubRefresh(SubRefreshRequest { channel: "news".into(), token: "t".into(), kind: 0 }),
        ),
    ];
    for (line, expected) in table {
        assert_eq!(one(line), Ok(Command { id: 1, request: expected }), "{line}");
    }
}

#[test]
fn the_first_frame_of_the_javascript_client_is_read() {
    let frame = concat!(
        r#"{"connect":{"token":"eyJ.x.y","name":"js","data":{"page":1}},"id":1}"#,
        "\n",
        r#"{"subscribe":{"channel":"news","flag":1},"id":2}"#,
    );
    let commands: Vec<_> = json::commands(frame).map(Result::unwrap).collect();
    let [
        Command { id: 1, request: Request::Connect(connect) },
        Command { id: 2, request: Request::Subscribe(_) },
    ] = &commands[..]
    else {
        panic!("{commands:?}")
    };
    assert_eq!(
        (&*connect.token, &*connect.name, connect.data),
        ("eyJ.x.y", "js", br#"{"page":1}"#.as_slice())
    );
}

#[test]
fn a_frame_may_end_with_one_newline() {
    let count = |frame| json::commands(frame).collect::<Vec<_>>();
    assert_eq!(count("{}").len(), 1);
    assert_eq!(count("{}\n").len(), 1);
    assert_eq!(count("{}\n{}\n").len(), 2);
    for frame in ["", "\n", " ", "\r", "{}\n\n", "\n{}", "{}\n\n{}"] {
        assert_eq!(count(frame).last(), Some(&Err(DecodeError::Empty)), "{frame:?}");
    }
    assert_eq!(count("{}\n\n{}").len(), 2, "nothing follows an error");
}

#[test]
fn ids_follow_their_rules() {
    assert_eq!(one("{}"), Ok(Command { id: 0, request: Request::Pong }));
    assert_eq!(one(r#"{"id":0}"#), Ok(Command { id: 0, request: Request::Pong }));
    assert!(matches!(one(r#"{"send":{}}"#), Ok(Command { id: 0, request: Request::Send(_) })));
    assert!(matches!(one(r#"{"id":4294967295,"ping":{}}"#), Ok(Command { id: u32::MAX, .. })));
    for command in ["connect", "subscribe", "publish", "ping", "rpc", "refresh", "history"] {
        assert_eq!(one(&format!(r#"{{"{command}":{{}}}}"#)), Err(DecodeError::NoId), "{command}");
    }
    for line in [r#"{"id":7}"#, r#"{"id":7,"unheard":{}}"#, r#"{"id":7,"connect":null}"#] {
        assert_eq!(one(line), Err(DecodeError::NoContent { id: 7 }), "{line}");
    }
    for id in ["-1", "4294967296", "1.5", "1e2", "\"1\"", "true", "[1]", "{}"] {
        let line = format!(r#"{{"id":{id},"ping":{{}}}}"#);
        assert!(matches!(one(&line), Err(DecodeError::Field { .. })), "{line}");
    }
}

#[test]
fn whatever_cannot_be_understood_is_a_bad_request() {
    for line in [
        "null",
        "1",
        "\"{}\"",
        "[]",
        "[1,{}]",
        "{",
        "}",
        "{}}",
        "{}{}",
        "{} {}",
        "{}x",
        "{,}",
        "{\"id\"}",
        "{\"id\":1,}",
        "{'id':1}",
        "{id:1}",
        "\u{feff}{}",
        "{\"id\":01}",
        "{\"id\":1,\"ping\":{}",
        "\0",
    ] {
        assert!(matches!(one(line), Err(DecodeError::Syntax { .. })), "{line:?}: {:?}", one(line));
    }
    for line in [
        r#"{"id":1,"id":1,"ping":{}}"#,
        r#"{"id":1,"ping":{},"ping":{}}"#,
        r#"{"id":1,"subscribe":{"channel":"a","channel":"b"}}"#,
        r#"{"id":1,"connect":[]}"#,
        r#"{"id":1,"connect":"x"}"#,
        r#"{"id":1,"connect":true}"#,
        r#"{"id":1,"connect":{"subs":[]}}"#,
        r#"{"id":1,"connect":{"subs":{"a":[]}}}"#,
        r#"{"id":1,"connect":{"subs":{"a":null}}}"#,
        r#"{"id":1,"connect":{"headers":{"a":1}}}"#,
        r#"{"id":1,"subscribe":["news"]}"#,
        r#"{"id":1,"subscribe":{"channel":1}}"#,
        r#"{"id":1,"subscribe":{"channel":"a","offset":-1}}"#,
        r#"{"id":1,"subscribe":{"channel":"a","offset":18446744073709551616}}"#,
        r#"{"id":1,"subscribe":{"channel":"a","recover":1}}"#,
        r#"{"id":1,"history":{"since":[1,"e"]}}"#,
        r#"{"id":1,"ping":[]}"#,
    ] {
        let error = one(line).unwrap_err();
        assert!(matches!(error, DecodeError::Field { .. }), "{line}: {error:?}");
        assert_eq!(error.disconnect(), Disconnect::BAD_REQUEST);
    }
}

#[test]
fn null_is_zero_and_a_null_payload_is_a_payload() {
    assert_eq!(
        request(r#"{"id":1,"connect":{"token":null,"subs":null,"headers":null,"flag":null}}"#),
        Request::Connect(ConnectRequest::default())
    );
    let Request::Publish(publish) = request(r#"{"id":1,"publish":{"channel":"a","data":null}}"#) else {
        panic!()
    };
    assert_eq!(publish.data, b"null");
    let Request::Publish(publish) = request(r#"{"id":1,"publish":{"channel":"a"}}"#) else { panic!() };
    assert_eq!(publish.data, b"");
}

#[test]
fn what_is_unknown_is_passed_over() {
    let line =
        r#"{"id":1,"later":[{"deep":[null,{}]}],"subscribe":{"channel":"a","later":{"x":"y"}},"x":"\ud800"}"#;
    assert!(matches!(request(line), Request::Subscribe(subscribe) if subscribe.channel == "a"));
    // The first request in the order of the schema counts.
    assert!(matches!(request(r#"{"id":1,"ping":{},"connect":{}}"#), Request::Connect(_)));
}

#[test]
fn strings_are_borrowed_unless_they_hold_escapes() {
    let Request::Subscribe(plain) = request(r#"{"id":1,"subscribe":{"channel":"é"}}"#) else { panic!() };
    assert!(matches!(plain.channel, Cow::Borrowed("é")));
    let Request::Subscribe(escaped) =
        request(r#"{"\u0069d":1,"subscribe":{"channel":"\u00e9\n\ud83d\ude00"}}"#)
    else {
        panic!()
    };
    assert_eq!(escaped.channel, "é\n😀");
    assert!(matches!(one(r#"{"id":1,"subscribe":{"channel":"\ud800"}}"#), Err(DecodeError::Syntax { .. })));
}

#[test]
fn nesting_does_not_recurse() {
    // Far beyond any stack, were a frame of it spent on each level.
    let levels = 2_000_000;
    let nested = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for line in [
        format!(r#"{{"id":1,"publish":{{"data":{nested}}}}}"#),
        format!(r#"{{"id":1,"ping":{{}},"unheard":{nested}}}"#),
        format!(r#"{{"id":1,"ping":{{"unheard":{nested}}}}}"#),
    ] {
        assert!(one(&line).is_ok());
    }
    assert!(one(&"[".repeat(levels)).is_err());
    assert!(one(&r#"{"id":"#.repeat(levels / 10)).is_err());
    assert!(one(&r#"{"a":"#.repeat(levels / 10)).is_err());
}

#[test]
fn maps_are_bounded() {
    let entries = |count: usize, value: &str| {
        (0..count).map(|n| format!(r#""{n}":{value}"#)).collect::<Vec<_>>().join(",")
    };
    for (field, value) in [("subs", "{}"), ("headers", r#""v""#)] {
        let line = |count| format!(r#"{{"id":1,"connect":{{"{field}":{{{}}}}}}}"#, entries(count, value));
        let full = line(ENTRIES_MAX);
        let Request::Connect(connect) = request(&full) else { panic!() };
        assert_eq!(connect.subs.len().max(connect.headers.len()), ENTRIES_MAX);
        let beyond = line(ENTRIES_MAX + 1);
        let error = one(&beyond).unwrap_err();
        assert!(matches!(error, DecodeError::Field { .. }), "{error:?}");
        assert!(error.to_string().contains("too many entries"), "{error}");
        assert_eq!(error.disconnect(), Disconnect::BAD_REQUEST);
    }
}
