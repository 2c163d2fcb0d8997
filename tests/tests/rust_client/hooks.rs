//! Hooks: what the back end is asked, and what its answers do to the client.

use std::sync::Mutex;

use serde_json::{Value, json};
use wavecast_client::{Data, Encoding, HistoryQuery, Options, SubscribeOptions};
use wavecast_tests::api;
use wavecast_tests::back_end::BackEnd;
use wavecast_tests::program::Program;
use wavecast_tests::token::seconds;

use crate::person::{
    Reader, anybody, closed, connect, connected, json_of, refusal, session, subscription_refusal, within,
};

in_both_encodings!(
    connect_is_asked_with_data_and_answered_with_data,
    connect_may_refuse,
    connect_is_asked_again_where_the_back_end_is_in_trouble,
    refresh_is_asked_when_the_time_is_up,
    subscribe_is_asked_with_data_and_answered_with_data,
    sub_refresh_is_asked_and_ends_the_subscription,
    publish_is_asked_and_may_change_or_refuse,
    rpc_is_answered_with_data_or_an_error,
    many_calls_are_answered_each_with_its_own,
    bytes_go_through_as_bytes,
);

/// A server whose every hook is answered by `answer`.
fn hooked(answer: impl Fn(&str, &Value) -> Value + Send + Sync + 'static) -> (BackEnd, Program) {
    let back_end = BackEnd::start(answer);
    let hook = |name| json!({ "endpoint": back_end.url(name), "timeout": "20s" });
    let enabled = |name| json!({ "endpoint": back_end.url(name), "timeout": "20s", "enabled": true });
    let server = Program::start(&json!({
        "client": {
            "proxy": { "connect": enabled("connect"), "refresh": enabled("refresh") },
            "expired_close_delay": "20s",
            "expired_sub_close_delay": "20s",
        },
        "http_api": { "insecure": true },
        "channel": {
            "proxy": {
                "subscribe": hook("subscribe"), "publish": hook("publish"), "sub_refresh": hook("sub_refresh"),
            },
            "without_namespace": { "allow_subscribe_for_client": true, "presence": true },
            "namespaces": [{
                "name": "hooked", "presence": true, "history_size": 10, "history_ttl": "60s",
                "allow_history_for_client": true,
                "subscribe_proxy_enabled": true, "publish_proxy_enabled": true,
                "sub_refresh_proxy_enabled": true,
            }, {
                "name": "binary",
                "subscribe_proxy_enabled": true, "subscribe_proxy_name": "bytes",
                "publish_proxy_enabled": true, "publish_proxy_name": "bytes",
            }],
        },
        "rpc": {
            "proxy": hook("rpc"),
            "without_namespace": { "proxy_enabled": true },
            "namespaces": [{ "name": "closed" }, { "name": "binary", "proxy_enabled": true, "proxy_name": "bytes" }],
        },
        "proxies": [{
            "name": "bytes", "endpoint": back_end.url("bytes"), "timeout": "20s", "binary_encoding": true,
        }],
    }));
    (back_end, server)
}

/// Everybody is ann, and may do everything.
fn yes(path: &str) -> Value {
    match path {
        "/connect" => json!({ "result": { "user": "ann" } }),
        _ => json!({ "result": {} }),
    }
}

/// What a hook is told of a client.
fn asked(encoding: Encoding, client: &str, more: Value) -> Value {
    let protocol = if encoding == Encoding::Json { "json" } else { "protobuf" };
    let mut asked =
        json!({ "client": client, "transport": "websocket", "protocol": protocol, "encoding": "json" });
    let Value::Object(more) = more else { panic!("an object") };
    asked.as_object_mut().expect("an object").extend(more);
    asked
}

fn with_data(data: &Value) -> SubscribeOptions {
    SubscribeOptions::default().with_data(data).expect("JSON")
}

async fn connect_is_asked_with_data_and_answered_with_data(encoding: Encoding) {
    let (back_end, server) = hooked(
        |_, _| json!({ "result": { "user": "ann", "info": { "seat": 1 }, "data": { "motd": "hello" } } }),
    );
    let options = Options {
        name: "tests".to_owned(),
        version: "1.2".to_owned(),
        data: Some(Data::json(&json!({ "key": "k" })).expect("JSON")),
        ..anybody(encoding)
    };
    let (client, id) = connected(server.address(), options).await;
    let more = json!({ "name": "tests", "version": "1.2", "data": { "key": "k" } });
    assert_eq!(back_end.calls("connect"), [asked(encoding, &id, more)]);
    assert_eq!(json_of(session(&client).await.1.as_ref()), json!({ "motd": "hello" }));
    let _reader = Reader::of(&client, "who").await;
    let present = api::call(server.address(), "presence", &json!({ "channel": "who" }));
    let expected = json!({ "user": "ann", "client": id, "conn_info": { "seat": 1 } });
    assert_eq!(present["presence"][&id], expected);
}

async fn connect_may_refuse(encoding: Encoding) {
    let (_back_end, server) = hooked(|_, posted| match posted["name"].as_str() {
        Some("error") => json!({ "error": { "code": 1001, "message": "closed on Mondays" } }),
        Some("disconnect") => json!({ "disconnect": { "code": 4501, "reason": "go away" } }),
        _ => json!({}),
    });
    let table = [
        ("error", 1001, "closed on Mondays"),
        ("disconnect", 4501, "go away"),
        ("nothing", 3501, "bad request"),
    ];
    for (name, code, reason) in table {
        let options = Options { name: name.to_owned(), ..anybody(encoding) };
        let cause = closed(&connect(server.address(), options)).await;
        assert_eq!((cause.code, &*cause.reason), (code, reason), "{name}");
    }
}

async fn connect_is_asked_again_where_the_back_end_is_in_trouble(encoding: Encoding) {
    let answers = Mutex::new(vec![
        json!({ "result": { "user": "ann" } }),
        json!("nonsense"),
        json!({ "error": { "code": 1005, "message": "later", "temporary": true } }),
    ]);
    let (back_end, server) =
        hooked(move |_, _| answers.lock().expect("nobody panicked").pop().expect("asked once more"));
    connected(server.address(), anybody(encoding)).await;
    assert_eq!(back_end.calls("connect").len(), 3);
}

async fn refresh_is_asked_when_the_time_is_up(encoding: Encoding) {
    let (back_end, server) = hooked(|path, posted| match path {
        "/connect" => json!({ "result": { "user": posted["name"], "expire_at": seconds(1) } }),
        "/refresh" if posted["user"] == "ann" => json!({ "result": { "expire_at": seconds(2) } }),
        "/refresh" => json!({ "result": { "expired": true } }),
        _ => yes(path),
    });
    let named = |name: &str| Options { name: name.to_owned(), ..anybody(encoding) };
    let (ann, id) = connected(server.address(), named("ann")).await;
    let (bob, _) = connected(server.address(), named("bob")).await;
    let mut of_bob = Reader::of(&bob, "who").await;
    let cause = of_bob.interrupted().await;
    assert_eq!((cause.code, &*cause.reason), (3005, "connection expired"));
    bob.close().await;
    let expected = asked(encoding, &id, json!({ "user": "ann" }));
    within("the second refresh of ann", async {
        while back_end.calls("refresh").iter().filter(|call| **call == expected).count() < 2 {
            // A round trip, so that others get on.
            let _ = ann.presence("who").await;
        }
    })
    .await;
    assert_eq!(session(&ann).await.0, id, "it has gone on");
}

async fn subscribe_is_asked_with_data_and_answered_with_data(encoding: Encoding) {
    let (back_end, server) = hooked(|path, posted| match posted["channel"].as_str() {
        Some("hooked:room") => json!({ "result": { "info": { "role": "guest" }, "data": { "topic": "x" } } }),
        Some("hooked:override") => json!({ "result": { "override": {
            "force_recovery": { "value": true }, "presence": { "value": false },
        } } }),
        Some("hooked:full") => json!({ "error": { "code": 1002, "message": "full" } }),
        Some("hooked:nothing") => json!({}),
        Some("hooked:out") => json!({ "disconnect": { "code": 4502, "reason": "out" } }),
        _ => yes(path),
    });
    let (client, id) = connected(server.address(), anybody(encoding)).await;
    let (_room, first) = Reader::with(&client, "hooked:room", with_data(&json!({ "want": "in" }))).await;
    let more = json!({ "user": "ann", "channel": "hooked:room", "data": { "want": "in" } });
    assert_eq!(back_end.calls("subscribe"), [asked(encoding, &id, more)]);
    assert_eq!(json_of(first.data.as_ref()), json!({ "topic": "x" }));
    let present = |channel| api::call(server.address(), "presence", &json!({ "channel": channel }));
    assert_eq!(present("hooked:room")["presence"][&id]["chan_info"], json!({ "role": "guest" }));

    let (_other, first) = Reader::with(&client, "hooked:override", SubscribeOptions::default()).await;
    assert_eq!(first.position.map(|position| position.offset), Some(0));
    assert_eq!(present("hooked:override")["presence"], json!({}));
    for (channel, code) in [("hooked:full", Some(1002)), ("hooked:nothing", None)] {
        let refused = subscription_refusal(&client, channel, SubscribeOptions::default()).await;
        assert_eq!(refused, code, "{channel}");
    }
    let mut out = Reader::asking(&client, "hooked:out", SubscribeOptions::default()).await;
    let cause = out.end().await;
    assert_eq!((cause.code, &*cause.reason), (4502, "out"));
    assert_eq!(closed(&client).await, cause);
}

async fn sub_refresh_is_asked_and_ends_the_subscription(encoding: Encoding) {
    let lives = Mutex::new(0);
    let checks = Mutex::new(0);
    let next = |counter: &Mutex<u32>| {
        let mut count = counter.lock().expect("nobody panicked");
        *count += 1;
        *count
    };
    let (back_end, server) = hooked(move |path, _| match path {
        "/subscribe" if next(&lives) == 1 => json!({ "result": { "expire_at": seconds(1) } }),
        "/sub_refresh" if next(&checks) == 1 => json!({ "result": { "expire_at": seconds(1) } }),
        "/sub_refresh" => json!({ "result": { "expired": true } }),
        _ => yes(path),
    });
    let (client, id) = connected(server.address(), anybody(encoding)).await;
    let mut reader = Reader::of(&client, "hooked:brief").await;
    let cause = reader.interrupted().await;
    assert_eq!((cause.code, &*cause.reason), (2501, "subscription expired"));
    reader.subscribed().await;
    let expected = asked(encoding, &id, json!({ "user": "ann", "channel": "hooked:brief" }));
    assert_eq!(back_end.calls("sub_refresh"), [expected.clone(), expected]);
}

async fn publish_is_asked_and_may_change_or_refuse(encoding: Encoding) {
    let (back_end, server) = hooked(|path, posted| match (path, posted["data"].as_str()) {
        ("/publish", Some("raw")) => json!({ "result": { "data": "changed", "tags": { "by": "hook" } } }),
        ("/publish", Some("passing")) => json!({ "result": { "skip_history": true } }),
        ("/publish", Some("bad")) => json!({ "error": { "code": 1003, "message": "language" } }),
        ("/publish", Some("worse")) => json!({ "disconnect": { "code": 4503, "reason": "enough" } }),
        _ => yes(path),
    });
    let (client, id) = connected(server.address(), anybody(encoding)).await;
    let mut reader = Reader::of(&client, "hooked:talk").await;
    client.publish("hooked:talk", "as it is").await.expect("the hook allows it");
    let more = json!({ "user": "ann", "channel": "hooked:talk", "data": "as it is" });
    assert_eq!(back_end.calls("publish"), [asked(encoding, &id, more)]);
    for data in ["raw", "passing"] {
        client.publish("hooked:talk", data).await.expect("the hook allows it");
    }
    assert_eq!(refusal(client.publish("hooked:talk", "bad").await), Some(1003));
    let heard = reader.publications(3).await;
    assert_eq!(crate::person::values(&heard), ["as it is", "changed", "passing"]);
    assert_eq!(json!(heard[1].tags), json!({ "by": "hook" }));
    assert_eq!(heard[0].info.as_ref().map(|info| &*info.client), Some(&*id));
    let page = client.history("hooked:talk", HistoryQuery::default()).await.expect("clients may read it");
    assert_eq!(crate::person::values(&page.publications), ["as it is", "changed"]);
    client.publish("hooked:talk", "worse").await.expect_err("the connection ends first");
    assert_eq!(closed(&client).await.code, 4503);
}

async fn rpc_is_answered_with_data_or_an_error(encoding: Encoding) {
    let (back_end, server) = hooked(|path, posted| match (path, posted["method"].as_str()) {
        ("/rpc", Some("add")) => {
            let sum = posted["data"]["a"].as_i64().zip(posted["data"]["b"].as_i64()).map(|(a, b)| a + b);
            json!({ "result": { "data": { "sum": sum } } })
        }
        ("/rpc", Some("no")) => json!({ "error": { "code": 1004, "message": "no", "temporary": true } }),
        ("/rpc", Some("nonsense")) => json!("nonsense"),
        ("/rpc", Some("rude")) => json!({ "disconnect": { "code": 4504, "reason": "rude" } }),
        _ => yes(path),
    });
    let (client, id) = connected(server.address(), anybody(encoding)).await;
    let sum = client.rpc("add", &json!({ "a": 1, "b": 2 })).await.expect("an answer");
    assert_eq!(json_of(Some(&sum)), json!({ "sum": 3 }));
    let more = json!({ "user": "ann", "method": "add", "data": { "a": 1, "b": 2 } });
    assert_eq!(back_end.calls("rpc"), [asked(encoding, &id, more)]);
    let table = [("no", 1004), ("nonsense", 100), ("closed:add", 108), ("nowhere:add", 104)];
    for (method, code) in table {
        assert_eq!(refusal(client.rpc(method, &json!({})).await), Some(code), "{method}");
    }
    client.rpc("rude", &json!({})).await.expect_err("the connection ends first");
    assert_eq!(closed(&client).await.code, 4504);
}

async fn many_calls_are_answered_each_with_its_own(encoding: Encoding) {
    let (_back_end, server) = hooked(|path, posted| match path {
        "/rpc" => json!({ "result": { "data": posted["data"].as_u64().map(|number| 2 * number) } }),
        _ => yes(path),
    });
    let (client, _) = connected(server.address(), anybody(encoding)).await;
    let calls: Vec<_> = (0..30_u64)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(
                async move { client.rpc("double", &number).await.expect("an answer").parse::<u64>() },
            )
        })
        .collect();
    for (number, call) in (0..).zip(calls) {
        assert_eq!(call.await.expect("it ends").expect("a number"), 2 * number);
    }
}

async fn bytes_go_through_as_bytes(encoding: Encoding) {
    // With JSON the bytes are JSON.
    let (sent, b64sent) = match encoding {
        Encoding::Json => (Data::json(&[1]).expect("JSON"), "WzFd"),
        Encoding::Protobuf => (Data::from(vec![0xfe, 0, 0xff]), "/gD/"),
    };
    let (back_end, server) = hooked(|path, posted| match path {
        "/bytes" => json!({ "result": { "b64data": posted["b64data"] } }),
        _ => yes(path),
    });
    let (client, _) = connected(server.address(), anybody(encoding)).await;
    assert_eq!(client.rpc_data("binary:echo", sent.clone()).await.expect("an answer"), sent);
    let options = SubscribeOptions { data: Some(sent.clone()), ..SubscribeOptions::default() };
    let (mut reader, first) = Reader::with(&client, "binary:a", options).await;
    assert_eq!(first.data.as_ref(), Some(&sent));
    client.publish_data("binary:a", sent.clone()).await.expect("the hook allows it");
    assert_eq!(reader.publications(1).await[0].data, sent);
    let payloads: Vec<_> = back_end.calls("bytes").iter().map(|call| call["b64data"].clone()).collect();
    assert_eq!(payloads, [b64sent; 3]);
}
