//! Hooks over HTTP against a real server: what is sent to the byte, and what becomes of every answer.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

mod backend;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use backend::Backend;
use wavecast_protocol::centrifuge::{Disconnect, Encoding, Error};
use wavecast_server::hooks::{
    ANSWER_BYTES_MAX, Answer, Caller, Capability, ConnectCall, ConnectGrant, Disconnected, Event,
    HeaderNames, Hook, HookSettings, Hooks as _, HttpHooks, HttpSettings, Meaning, Overrides, PassedHeaders,
    PublishCall, PublishGrant, RefreshCall, RefreshGrant, RpcCall, RpcGrant, StatusTransform, SubRefreshCall,
    SubRefreshGrant, SubscribeCall, SubscribeGrant, Unsubscribed, Wants,
};

/// Every hook at this back end, each at a path of its name; `two` is a named one.
fn hooks_with(backend: &Backend, change: impl Fn(&mut HookSettings)) -> HttpHooks {
    let at = |path: &str| {
        let mut settings = backend.settings(path);
        change(&mut settings);
        settings
    };
    let own = Hook::ALL.map(|kind| (kind, at(&format!("/{}", kind.name())))).into();
    HttpHooks::new(&HttpSettings { own, named: [("two".to_owned(), at("/two"))].into() }).unwrap()
}

fn hooks(backend: &Backend) -> HttpHooks {
    hooks_with(backend, |_| {})
}

fn caller() -> Caller {
    Caller {
        client: "c-1".into(),
        user: "42".into(),
        transport: "websocket",
        encoding: Encoding::Json,
        meta: Some(Arc::from(&br#"{"m":1}"#[..])),
        headers: None,
    }
}

fn bytes(text: &str) -> Box<[u8]> {
    text.as_bytes().into()
}

fn connect_call() -> ConnectCall {
    ConnectCall {
        caller: Caller { user: "".into(), ..caller() },
        data: Some(bytes(r#"{"a":1}"#)),
        name: "js".into(),
        version: "5".into(),
        channels: vec!["news".into()],
    }
}

fn subscribe_call() -> SubscribeCall {
    SubscribeCall {
        caller: caller(),
        hook: "default".into(),
        channel: "chat:index".into(),
        data: Some(bytes(r#"{"a":1}"#)),
        ..SubscribeCall::default()
    }
}

fn publish_call() -> PublishCall {
    PublishCall {
        caller: caller(),
        hook: "default".into(),
        channel: "chat:index".into(),
        data: bytes(r#"{"input":"hello"}"#),
    }
}

fn rpc_call() -> RpcCall {
    RpcCall {
        caller: caller(),
        hook: "default".into(),
        method: "getUser".into(),
        data: Some(bytes(r#"[1]"#)),
    }
}

fn refresh_call() -> RefreshCall {
    RefreshCall { caller: caller() }
}

fn sub_refresh_call() -> SubRefreshCall {
    SubRefreshCall { caller: caller(), hook: "default".into(), channel: "chat:index".into() }
}

const OK: &str = r#"{"result":{}}"#;

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
async fn a_connect_grant_is_read_whole() {
    let backend = Backend::saying(
        200,
        r#"{"result":{"user":"56","expire_at":1565436268,"info":{"n":
            1},"b64data":"AAE=","channels":["a"],"meta":{"k":true},"unknown":[1],
            "subs":{"b":{"info":[1],"b64info":"","data":"x","override":{"presence":{"value":true},"join_leave":{},"force_recovery":null},
                "server_tags_filter":{"key":"k","cmp":"eq","val":"v"},"cache_recover":true},"c":{},"d":null},
            "caps":[{"channels":["x:*"],"match":"wildcard","allow":["sub","pub"]}]}}"#,
    )
    .await;
    let subs = BTreeMap::from([
        (
            "b".to_owned(),
            SubscribeGrant {
                info: Some(bytes("[1]")),
                data: Some(bytes(r#""x""#)),
                overrides: Overrides {
                    presence: Some(true),
                    join_leave: Some(false),
                    ..Overrides::default()
                },
                tags_filter: Some(bytes(r#"{"key":"k","cmp":"eq","val":"v"}"#)),
                cache_recover: true,
                ..SubscribeGrant::default()
            },
        ),
        ("c".to_owned(), SubscribeGrant::default()),
        ("d".to_owned(), SubscribeGrant::default()),
    ]);
    let capability = Capability {
        channels: vec!["x:*".into()],
        matching: "wildcard".into(),
        allow: vec!["sub".into(), "pub".into()],
    };
    let Answer::Ok(grant) = hooks(&backend).connect(connect_call()).await else { panic!() };
    let info = grant.info.clone().unwrap();
    assert!(!info.contains(&b'\n'), "{info:?}");
    assert_eq!(
        grant,
        ConnectGrant {
            user: "56".into(),
            expire_at: 1_565_436_268,
            info: Some(info),
            data: Some([0, 1].into()),
            channels: vec!["a".into()],
            subs,
            meta: Some(Arc::from(&br#"{"k":true}"#[..])),
            caps: vec![capability],
        }
    );
}

#[tokio::test]
async fn the_other_grants_are_read_whole() {
    let backend = Backend::saying(
        200,
        r#"{"result":{"expired":false,"expire_at":7,"b64info":"AAE","info":{"not":"this"},"meta":1,"caps":[],
            "data":null,"allow":["hst"],"tags_filter":{"op":""},"skip_history":true,"tags":{"k":"v"},
            "idempotency_key":"i","delta":true,"version":18446744073709551615,"version_epoch":"e"}}"#,
    )
    .await;
    let hooks = hooks(&backend);
    let (info, null) = (Some([0, 1].into()), Some(bytes("null")));
    let refreshed = RefreshGrant {
        expired: false,
        expire_at: 7,
        info: info.clone(),
        meta: Some(Arc::from(&b"1"[..])),
        caps: Some(vec![]),
    };
    assert_eq!(hooks.refresh(refresh_call()).await, Answer::Ok(refreshed));
    let refreshed = SubRefreshGrant { expired: false, expire_at: 7, info: info.clone() };
    assert_eq!(hooks.sub_refresh(sub_refresh_call()).await, Answer::Ok(refreshed));
    let subscribed = SubscribeGrant {
        expire_at: 7,
        info,
        data: null.clone(),
        allow: vec!["hst".into()],
        tags_filter: Some(bytes(r#"{"op":""}"#)),
        ..SubscribeGrant::default()
    };
    assert_eq!(hooks.subscribe(subscribe_call()).await, Answer::Ok(subscribed));
    let published = PublishGrant {
        data: null.clone(),
        skip_history: true,
        tags: Some(Box::new(BTreeMap::from([("k".to_owned(), "v".to_owned())]))),
        idempotency_key: "i".into(),
        delta: true,
        version: u64::MAX,
        version_epoch: "e".into(),
    };
    assert_eq!(hooks.publish(publish_call()).await, Answer::Ok(published));
    assert_eq!(hooks.rpc(rpc_call()).await, Answer::Ok(RpcGrant { data: null }));
}

#[tokio::test]
async fn an_answer_without_a_result_means_what_it_means_for_each_hook() {
    for body in ["{}", "null", r#"{"result":null,"error":null,"disconnect":null}"#] {
        let backend = Backend::saying(200, body).await;
        let hooks = hooks(&backend);
        assert_eq!(hooks.connect(connect_call()).await, Answer::NotHandled, "{body}");
        assert_eq!(hooks.subscribe(subscribe_call()).await, Answer::Ok(SubscribeGrant::default()));
        assert_eq!(hooks.publish(publish_call()).await, Answer::Ok(PublishGrant::default()));
        assert_eq!(hooks.rpc(rpc_call()).await, Answer::Ok(RpcGrant::default()));
        assert!(matches!(hooks.refresh(refresh_call()).await, Answer::Ok(grant) if grant.expired));
        assert!(matches!(hooks.sub_refresh(sub_refresh_call()).await, Answer::Ok(grant) if grant.expired));
    }
}

#[tokio::test]
async fn errors_and_disconnects_of_the_back_end_reach_the_client() {
    let error = Error { code: 1000, message: "no".into(), temporary: true };
    let disconnect = Disconnect { code: 4501, reason: "out".into() };
    let table = [
        (r#"{"error":{"code":1000,"message":"no","temporary":true}}"#, Answer::Error(error.clone())),
        (r#"{"disconnect":{"code":4501,"reason":"out"}}"#, Answer::Disconnect(disconnect.clone())),
        (r#"{"result":{},"error":{"code":1000,"message":"no","temporary":true}}"#, Answer::Error(error)),
        (r#"{"error":{"code":1},"disconnect":{"code":4501,"reason":"out"}}"#, Answer::Disconnect(disconnect)),
    ];
    for (body, answer) in table {
        let backend = Backend::saying(200, body).await;
        let hooks = hooks(&backend);
        assert_eq!(hooks.connect(connect_call()).await.map(drop), answer, "{body}");
        assert_eq!(hooks.subscribe(subscribe_call()).await.map(drop), answer, "{body}");
        assert_eq!(hooks.publish(publish_call()).await.map(drop), answer, "{body}");
        assert_eq!(hooks.rpc(rpc_call()).await.map(drop), answer, "{body}");
        assert!(matches!(hooks.refresh(refresh_call()).await, Answer::Ok(grant) if grant.expired));
        assert!(matches!(hooks.sub_refresh(sub_refresh_call()).await, Answer::Ok(grant) if grant.expired));
    }
}

#[tokio::test]
async fn a_reason_fits_a_close_frame() {
    let body = format!(r#"{{"disconnect":{{"code":4000,"reason":"{}é"}}}}"#, "x".repeat(122));
    let backend = Backend::saying(200, &body).await;
    let Answer::Disconnect(disconnect) = hooks(&backend).connect(connect_call()).await else { panic!() };
    assert_eq!(disconnect.reason, "x".repeat(122));
}

/// All that can go wrong looks the same from the client's side.
async fn assert_fails(hooks: &HttpHooks, what: &str) {
    let internal = Answer::Error(Error::INTERNAL);
    assert_eq!(hooks.connect(connect_call()).await.map(drop), internal, "{what}");
    assert_eq!(hooks.subscribe(subscribe_call()).await.map(drop), internal, "{what}");
    assert_eq!(hooks.publish(publish_call()).await.map(drop), internal, "{what}");
    assert_eq!(hooks.rpc(rpc_call()).await.map(drop), internal, "{what}");
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let soon = now + 55..=now + 65;
    assert!(
        matches!(hooks.refresh(refresh_call()).await, Answer::Ok(grant) if !grant.expired && soon.contains(&grant.expire_at)),
        "{what}"
    );
    assert!(
        matches!(hooks.sub_refresh(sub_refresh_call()).await, Answer::Ok(grant) if !grant.expired && soon.contains(&grant.expire_at)),
        "{what}"
    );
    let event = Event::disconnected(1, 1, Disconnected::default());
    assert!(hooks.deliver(&[event]).await.is_err(), "{what}");
}

#[tokio::test]
async fn answers_that_are_wrong_are_error_100() {
    let large = format!(r#"{{"result":{{"user":"{}"}}}}"#, "x".repeat(ANSWER_BYTES_MAX));
    let table = [
        "{",
        "[]",
        "1",
        r#""result""#,
        r#"{"result":[]}"#,
        r#"{"result":["56"]}"#,
        r#"{"result":"ok"}"#,
        r#"{"error":"no"}"#,
        r#"{"error":{}}"#,
        r#"{"error":{"code":-1}}"#,
        r#"{"error":{"code":4294967296}}"#,
        r#"{"disconnect":{}}"#,
        r#"{"disconnect":{"code":1000}}"#,
        r#"{"disconnect":{"code":5000}}"#,
        r#"{"disconnect":{"code":70000}}"#,
        r#"{"result":{}} trailing"#,
        &large,
    ];
    for body in table {
        let backend = Backend::saying(200, body).await;
        let hooks = hooks(&backend);
        let what = &body[..body.len().min(40)];
        if matches!(body, r#"{"result":[]}"# | r#"{"result":["56"]}"# | r#"{"result":"ok"}"#) {
            // Whether an event was taken does not hang on what the result is.
            let internal = Answer::Error(Error::INTERNAL);
            assert_eq!(hooks.connect(connect_call()).await, internal, "{what}");
            continue;
        }
        assert_fails(&hooks, what).await;
    }
    let backend = Backend::saying(200, "").await;
    assert_eq!(hooks(&backend).connect(connect_call()).await, Answer::Error(Error::INTERNAL), "empty");
}

#[tokio::test]
async fn fields_of_a_wrong_type_are_error_100() {
    let table = [
        r#""user":56"#,
        r#""expire_at":"1""#,
        r#""expire_at":1.5"#,
        r#""channels":"a""#,
        r#""channels":[1]"#,
        r#""subs":[]"#,
        r#""subs":{"a":[1]}"#,
        r#""subs":{"a":{"override":[true]}}"#,
        r#""subs":{"a":{"override":{"presence":true}}}"#,
        r#""caps":{}"#,
        r#""caps":[["a"]]"#,
        r#""caps":[null]"#,
        r#""b64info":"?""#,
        r#""b64data":{}"#,
    ];
    for field in table {
        let backend = Backend::saying(200, &format!(r#"{{"result":{{{field}}}}}"#)).await;
        let answer = hooks(&backend).connect(connect_call()).await;
        assert_eq!(answer, Answer::Error(Error::INTERNAL), "{field}");
    }
    for field in
        [r#""skip_history":1"#, r#""tags":{"a":1}"#, r#""tags":[]"#, r#""version":-1"#, r#""b64data":"%""#]
    {
        let backend = Backend::saying(200, &format!(r#"{{"result":{{{field}}}}}"#)).await;
        let answer = hooks(&backend).publish(publish_call()).await;
        assert_eq!(answer, Answer::Error(Error::INTERNAL), "{field}");
    }
}

#[tokio::test]
async fn another_status_a_slow_back_end_and_none_at_all_are_error_100() {
    for status in [201, 204, 301, 400, 403, 404, 429, 500, 503] {
        let backend = Backend::saying(status, OK).await;
        if status < 300 {
            let answer = hooks(&backend).connect(connect_call()).await;
            assert_eq!(answer, Answer::Error(Error::INTERNAL), "{status}");
            continue;
        }
        assert_fails(&hooks(&backend), &status.to_string()).await;
        assert_eq!(backend.asked().len(), 7, "nobody asks twice");
    }
    let backend = Backend::slow(Duration::from_secs(60), OK).await;
    let slow = hooks_with(&backend, |settings| settings.timeout = Duration::from_millis(50));
    assert_fails(&slow, "slow").await;
    let down = hooks_with(&backend, |settings| settings.endpoint = "http://127.0.0.1:1/".into());
    assert_fails(&down, "down").await;
}

#[tokio::test]
async fn a_status_means_what_the_settings_say() {
    let error = Error { code: 404, message: "not found".into(), temporary: false };
    let disconnect = Disconnect { code: 4403, reason: "out".into() };
    let transforms = vec![
        StatusTransform { status_code: 404, to: Meaning::Error(error.clone()) },
        StatusTransform { status_code: 403, to: Meaning::Disconnect(disconnect.clone()) },
    ];
    let table = [
        (404, Answer::Error(error)),
        (403, Answer::Disconnect(disconnect)),
        (500, Answer::Error(Error::INTERNAL)),
    ];
    for (status, answer) in table {
        let backend = Backend::saying(status, "").await;
        let hooks = hooks_with(&backend, |settings| settings.status_to_code_transforms = transforms.clone());
        assert_eq!(hooks.connect(connect_call()).await.map(drop), answer, "{status}");
        assert_eq!(hooks.rpc(rpc_call()).await.map(drop), answer, "{status}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Backend::saying(200, OK).await;
    let target = elsewhere.url("/");
    let backend = Backend::saying(307, &target).await;
    assert_eq!(hooks(&backend).connect(connect_call()).await, Answer::Error(Error::INTERNAL));
    assert!(elsewhere.asked().is_empty());
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
async fn hooks_are_chosen_by_name() {
    let backend = Backend::saying(200, OK).await;
    let hooks = hooks(&backend);
    hooks.subscribe(SubscribeCall { hook: "two".into(), ..subscribe_call() }).await;
    hooks.publish(PublishCall { hook: "two".into(), ..publish_call() }).await;
    hooks.rpc(RpcCall { hook: "two".into(), ..rpc_call() }).await;
    hooks.sub_refresh(SubRefreshCall { hook: "two".into(), ..sub_refresh_call() }).await;
    assert!(backend.asked().iter().all(|asked| asked.path == "/two"));
    let missing = hooks.rpc(RpcCall { hook: "three".into(), ..rpc_call() }).await;
    assert_eq!(missing, Answer::Error(Error::NOT_AVAILABLE));
    assert_eq!(hooks.wants(), Hook::ALL.into_iter().collect());
    let none = HttpHooks::new(&HttpSettings::default()).unwrap();
    assert_eq!(none.wants(), Wants::NOTHING);
    assert_eq!(none.connect(connect_call()).await, Answer::NotHandled);
}

#[tokio::test]
async fn so_many_calls_at_once_and_no_more() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, peak) = (Arc::clone(&now), Arc::clone(&most));
    let backend = Backend::start(move |_| {
        let (now, most) = (Arc::clone(&count), Arc::clone(&peak));
        Box::pin(async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            (200, OK.to_owned())
        })
    })
    .await;
    let hooks = Arc::new(hooks_with(&backend, |settings| settings.concurrency = 3));
    let calls: Vec<_> = (0..30)
        .map(|_| {
            let hooks = Arc::clone(&hooks);
            tokio::spawn(async move { hooks.rpc(rpc_call()).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), Answer::Ok(RpcGrant::default()));
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert!(backend.connections() <= 3, "{}", backend.connections());
    // One entry of `proxies` is one back end, whatever it is asked.
    most.store(0, Ordering::SeqCst);
    let calls: Vec<_> = (0..30)
        .map(|n| {
            let hooks = Arc::clone(&hooks);
            tokio::spawn(async move {
                let hook = "two".into();
                match n % 4 {
                    0 => hooks.rpc(RpcCall { hook, ..rpc_call() }).await.map(drop),
                    1 => hooks.publish(PublishCall { hook, ..publish_call() }).await.map(drop),
                    2 => hooks.subscribe(SubscribeCall { hook, ..subscribe_call() }).await.map(drop),
                    _ => hooks.sub_refresh(SubRefreshCall { hook, ..sub_refresh_call() }).await.map(drop),
                }
            })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), Answer::Ok(()));
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn waiting_for_a_turn_is_part_of_the_time() {
    let backend = Backend::slow(Duration::from_secs(60), OK).await;
    let hooks = Arc::new(hooks_with(&backend, |settings| {
        settings.concurrency = 1;
        settings.timeout = Duration::from_millis(200);
    }));
    let began = Instant::now();
    let calls: Vec<_> = (0..5)
        .map(|_| {
            let hooks = Arc::clone(&hooks);
            tokio::spawn(async move { hooks.publish(publish_call()).await })
        })
        .collect();
    let mut codes = Vec::new();
    for call in calls {
        let Answer::Error(error) = call.await.unwrap() else { panic!() };
        codes.push(error.code);
    }
    assert!(began.elapsed() < Duration::from_secs(5));
    // The first gives its turn up when its time is over, and the second may still get it.
    assert!(codes[0] == 100 && codes[2..] == [111; 3], "{codes:?}");
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

#[tokio::test]
async fn events_are_taken_by_any_success_without_an_error() {
    let event = Event::occupied("a".into(), 1);
    for (status, body, taken) in [
        (200, "", true),
        (204, "", true),
        (202, "{}", true),
        (200, "null", true),
        (200, r#"{"result":{}}"#, true),
        (200, r#"{"error":{"code":1,"message":"later"}}"#, false),
        (200, "<html>", false),
        (302, "", false),
        (500, "", false),
    ] {
        let backend = Backend::saying(status, body).await;
        let delivered = hooks(&backend).deliver(std::slice::from_ref(&event)).await;
        assert_eq!(delivered.is_ok(), taken, "{status} {body}");
    }
}

#[test]
fn hooks_do_not_show_their_secrets() {
    let settings = HookSettings {
        endpoint: "http://me:s3cret@127.0.0.1:1/s3cret?key=s3cret".into(),
        static_headers: [("X-Key".to_owned(), "s3cret".to_owned())].into(),
        ..HookSettings::default()
    };
    let all = HttpSettings { own: [(Hook::Connect, settings.clone())].into(), ..HttpSettings::default() };
    let hooks = HttpHooks::new(&all).unwrap();
    let shown = format!("{settings:?} {all:?} {hooks:?}");
    assert!(!shown.contains("s3cret"), "{shown}");
    for (name, value) in [("X-Key", "s3cret\n"), ("X Key s3cret", "v")] {
        let static_headers = [(name.to_owned(), value.to_owned())].into();
        let wrong = HookSettings { static_headers, ..settings.clone() };
        let wrong = HttpSettings { own: [(Hook::Rpc, wrong)].into(), ..HttpSettings::default() };
        let error = HttpHooks::new(&wrong).unwrap_err();
        assert_eq!((error.hook, &*error.name, &*error.key), (Hook::Rpc, "default", "http.static_headers"));
        assert!(!error.to_string().contains("s3cret"));
    }
}
