//! What is sent: calls and events to the byte, and whose headers go along.

use std::sync::Arc;

use wavecast_protocol::centrifuge::{Encoding, Error};
use wavecast_server::hooks::{
    Answer, Caller, ConnectCall, Disconnected, Event, HeaderNames, Hook, HookSettings, Hooks as _, HttpHooks,
    HttpSettings, PassedHeaders, PublishCall, RpcCall, SubscribeCall, Unsubscribed,
};

use crate::backend::Backend;
use crate::calls::{
    OK, bytes, caller, connect_call, hooks, hooks_with, publish_call, refresh_call, rpc_call,
    sub_refresh_call, subscribe_call,
};

#[tokio::test]
async fn every_call_says_what_centrifugo_says() {
    let backend = Backend::saying(200, OK).await;
    let hooks = hooks(&backend);
    hooks.connect(connect_call()).await;
    hooks
        .connect(ConnectCall { caller: Caller { user: "".into(), ..caller() }, ..ConnectCall::default() })
        .await;
    hooks.refresh(refresh_call()).await;
    hooks.subscribe(subscribe_call()).await;
    hooks.subscribe(SubscribeCall { data: None, token: "t".into(), ..subscribe_call() }).await;
    hooks.sub_refresh(sub_refresh_call()).await;
    hooks.publish(publish_call()).await;
    hooks.rpc(rpc_call()).await;
    let anonymous = Caller { user: "".into(), encoding: Encoding::Protobuf, ..caller() };
    hooks.rpc(RpcCall { caller: anonymous, data: None, ..rpc_call() }).await;
    let table = [
        (
            "/connect",
            r#"{"client":"c-1","transport":"websocket","protocol":"json","encoding":"json","data":{"a":1},"name":"js","version":"5","channels":["news"]}"#,
        ),
        ("/connect", r#"{"client":"c-1","transport":"websocket","protocol":"json","encoding":"json"}"#),
        (
            "/refresh",
            r#"{"client":"c-1","transport":"websocket","protocol":"json","encoding":"json","user":"42"}"#,
        ),
        (
            "/subscribe",
            r#"{"client":"c-1","transport":"websocket","protocol":"json","encoding":"json","user":"42","channel":"chat:index","data":{"a":1}}"#,
        ),
        (
            "/subscribe",
            r#"{"client":"c-1","transport":"websocket","protocol":"json","encoding":"json","user":"42","channel":"chat:index","token":"t"}"#,
        ),
        (
            "/sub_refresh",
            r#"{"client":"c-1","transport":"websocket","protocol":"json","encoding":"json","user":"42","channel":"chat:index"}"#,
        ),
        (
            "/publish",
            r#"{"client":"c-1","transport":"websocket","protocol":"json","encoding":"json","user":"42","channel":"chat:index","data":{"input":"hello"}}"#,
        ),
        (
            "/rpc",
            r#"{"client":"c-1","transport":"websocket","protocol":"json","encoding":"json","user":"42","method":"getUser","data":[1]}"#,
        ),
        (
            "/rpc",
            r#"{"client":"c-1","transport":"websocket","protocol":"protobuf","encoding":"json","user":"","method":"getUser"}"#,
        ),
    ];
    let asked = backend.asked();
    let sent: Vec<_> = asked.iter().map(|asked| (&*asked.path, &*asked.body)).collect();
    assert_eq!(sent, table);
    for asked in &asked {
        assert_eq!((&*asked.method, asked.header("content-type")), ("POST", vec!["application/json"]));
    }
    assert_eq!(backend.connections(), 6, "calls of a hook, one after the other, share a connection");
}

#[tokio::test]
async fn binary_encoding_and_meta_go_out_where_they_are_asked_for() {
    let backend = Backend::saying(200, OK).await;
    let hooks = hooks_with(&backend, |settings| {
        settings.binary_encoding = true;
        settings.include_connection_meta = true;
    });
    let data: Box<[u8]> = [0xff, 0].into();
    hooks.connect(ConnectCall { data: Some(data.clone()), ..connect_call() }).await;
    hooks.subscribe(SubscribeCall { data: Some(data.clone()), ..subscribe_call() }).await;
    hooks.publish(PublishCall { data: data.clone(), ..publish_call() }).await;
    hooks.rpc(RpcCall { data: Some(data), ..rpc_call() }).await;
    hooks.refresh(refresh_call()).await;
    hooks.sub_refresh(sub_refresh_call()).await;
    for asked in backend.asked() {
        let json = asked.json();
        assert_eq!(json["encoding"], "binary", "{}", asked.path);
        assert_eq!(json.get("data"), None);
        let has_data = !asked.path.contains("refresh");
        assert_eq!(json.get("b64data").is_some_and(|data| data == "/wA="), has_data, "{}", asked.path);
        // Before it is connected a client has none.
        assert_eq!(json.get("meta").is_some_and(|meta| meta["m"] == 1), asked.path != "/connect");
    }
}

#[tokio::test]
async fn a_payload_that_is_no_json_needs_binary_encoding() {
    let backend = Backend::saying(200, OK).await;
    let hooks = hooks(&backend);
    let data: Box<[u8]> = [0xff, 0].into();
    assert_eq!(
        hooks.publish(PublishCall { data: data.clone(), ..publish_call() }).await,
        Answer::Error(Error::BAD_REQUEST)
    );
    let injected = Some(bytes(r#"{}},"user":"admin""#));
    assert_eq!(hooks.rpc(RpcCall { data: injected, ..rpc_call() }).await, Answer::Error(Error::BAD_REQUEST));
    assert!(backend.asked().is_empty());
}

#[tokio::test]
async fn headers_go_out_by_their_rank_and_only_those_allowed() {
    let backend = Backend::saying(200, OK).await;
    let hooks = hooks_with(&backend, |settings| {
        settings.http_headers = vec!["Cookie".into(), "X-Both".into(), "Host".into(), "Content-Type".into()];
        settings.emulated_headers = vec!["X-Both".into(), "X-Emulated".into(), "X-Static".into()];
        settings.static_headers = [("X-Static", "s"), ("X-Key", "k"), ("X-Both", "s")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
    });
    let names = hooks.headers();
    let mut passed = PassedHeaders::default();
    for (name, value) in
        [("Cookie", "a=1"), ("Cookie", "b=2"), ("X-Both", "h"), ("X-Other", "h"), ("Host", "evil")]
    {
        passed.keep_of_handshake(&names, name, value.as_bytes());
    }
    for (name, value) in
        [("x-both", "e"), ("x-emulated", "e"), ("x-static", "e"), ("cookie", "e"), ("content-type", "e")]
    {
        passed.keep_emulated(&names, name, value);
    }
    let headers = Some(Arc::new(passed));
    hooks.subscribe(SubscribeCall { caller: Caller { headers, ..caller() }, ..subscribe_call() }).await;
    let asked = backend.only();
    let table: [(&str, &[&str]); 7] = [
        ("cookie", &["a=1", "b=2"]),
        ("x-both", &["h"]),
        ("x-emulated", &["e"]),
        ("x-static", &["e"]),
        ("x-key", &["k"]),
        ("x-other", &[]),
        ("content-type", &["application/json"]),
    ];
    for (name, values) in table {
        assert_eq!(asked.header(name), values, "{name}");
    }
    assert_eq!(asked.header("host"), [backend.address.to_string()]);
}

#[tokio::test]
async fn a_hook_sees_only_headers_of_its_own_list() {
    let backend = Backend::saying(200, OK).await;
    let allowing = |path: &str, name: &str| HookSettings {
        http_headers: vec![name.to_owned()],
        ..backend.settings(path)
    };
    let own = [(Hook::Connect, allowing("/connect", "cookie")), (Hook::Rpc, allowing("/rpc", "x-rpc"))];
    let settings = HttpSettings { own: own.into(), ..HttpSettings::default() };
    let hooks = HttpHooks::new(&settings).unwrap();
    assert_eq!(hooks.headers(), HeaderNames::new(["cookie", "x-rpc"], []));
    let mut passed = PassedHeaders::default();
    passed.keep_of_handshake(&hooks.headers(), "Cookie", b"c");
    passed.keep_of_handshake(&hooks.headers(), "X-Rpc", b"r");
    let with_headers = Caller { headers: Some(Arc::new(passed)), ..caller() };
    hooks.rpc(RpcCall { caller: with_headers, ..rpc_call() }).await;
    let asked = backend.only();
    assert_eq!((asked.header("cookie"), asked.header("x-rpc")), (vec![], vec!["r"]));
}

#[tokio::test]
async fn events_are_told_as_a_list() {
    let backend = Backend::saying(200, OK).await;
    let hooks = hooks_with(&backend, |settings| settings.include_connection_meta = true);
    let disconnected = Disconnected {
        client: "c-1".into(),
        user: "42".into(),
        code: 3000,
        reason: "connection closed".into(),
        meta: Some(Arc::from(&b"{}"[..])),
    };
    let unsubscribed = Unsubscribed {
        client: "c-1".into(),
        user: "42".into(),
        channel: "news".into(),
        code: 0,
        reason: "client unsubscribed".into(),
        meta: None,
    };
    hooks.deliver(&[Event { attempt: 2, ..Event::disconnected(7, 1000, disconnected) }]).await.unwrap();
    hooks.deliver(&[Event { attempt: 1, ..Event::unsubscribed(6, 999, unsubscribed) }]).await.unwrap();
    let state = [Event::occupied("a".into(), 1), Event::vacated("a".into(), 2)];
    hooks.deliver(&state).await.unwrap();
    let sent: Vec<_> = backend.asked().into_iter().map(|asked| (asked.path, asked.body)).collect();
    let table = [
        (
            "/disconnected",
            r#"{"events":[{"time_ms":1000,"type":"disconnected","sequence":7,"attempt":2,"client":"c-1","user":"42","code":3000,"reason":"connection closed","meta":{}}]}"#,
        ),
        (
            "/unsubscribed",
            r#"{"events":[{"time_ms":999,"channel":"news","type":"unsubscribed","sequence":6,"attempt":1,"client":"c-1","user":"42","code":0,"reason":"client unsubscribed"}]}"#,
        ),
        (
            "/state",
            r#"{"events":[{"time_ms":1,"channel":"a","type":"occupied","sequence":0,"attempt":0},{"time_ms":2,"channel":"a","type":"vacated","sequence":0,"attempt":0}]}"#,
        ),
    ];
    assert_eq!(sent, table.map(|(path, body)| (path.to_owned(), body.to_owned())));
}
