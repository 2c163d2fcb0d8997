//! The program reads its configuration again: what holds then, for whom, and that nobody loses a connection for it.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

use std::net::SocketAddr;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use wavecast_tests::back_end::BackEnd;
use wavecast_tests::program::Program;
use wavecast_tests::token::{self, SECRET};
use wavecast_tests::visitor::{Heard, Visitor};

const WAIT: Duration = Duration::from_secs(20);

fn configuration() -> Value {
    json!({
        "client": { "token": { "hmac_secret_key": SECRET }, "allow_anonymous_connect_without_token": true },
        "channel": {
            "namespaces": [{
                "name": "chat", "allow_subscribe_for_client": true, "allow_subscribe_for_anonymous": true,
            }],
        },
        "http_api": { "key": "one" },
        "http_server": { "idle_timeout": "30s" },
    })
}

fn reload(program: &Program, config: &Value) {
    let before = program.count_log("reloaded");
    program.configure(&config.to_string());
    program.signal(Signal::HUP);
    program.expect_log("reloaded", before, WAIT);
}

fn subscribe(visitor: &mut Visitor, id: u64, channel: &str) -> Value {
    visitor.send_text(&format!(r#"{{"id":{id},"subscribe":{{"channel":"{channel}"}}}}"#));
    visitor.reply(id, WAIT)
}

/// The status of a publication with this key.
fn publish(server: SocketAddr, key: &str, channel: &str) -> String {
    let body = json!({ "channel": channel, "data": "hello" }).to_string();
    let mut caller = Visitor::connect(server).unwrap();
    let head = format!(
        "POST /api/publish HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    caller.send((head + &body).as_bytes()).unwrap();
    caller.response(WAIT).split(' ').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn namespaces_keys_and_limits_change_under_a_session_that_stays() {
    let mut config = configuration();
    let program = Program::start(&config);
    let address = program.address();
    let mut visitor = Visitor::session(address);
    assert!(subscribe(&mut visitor, 2, "chat:a")["subscribe"].is_object());
    assert_eq!(subscribe(&mut visitor, 3, "news:a")["error"]["code"], 102);
    let namespaces = config["channel"]["namespaces"].as_array_mut().unwrap();
    namespaces[0]["allow_subscribe_for_client"] = json!(false);
    namespaces.push(json!({
        "name": "news", "allow_subscribe_for_client": true, "allow_subscribe_for_anonymous": true,
    }));
    config["http_api"]["key"] = json!("two");
    config["client"]["channel_limit"] = json!(3);
    reload(&program, &config);
    assert_eq!(
        (publish(address, "one", "chat:a"), publish(address, "two", "chat:a")),
        ("401".into(), "200".into())
    );
    assert!(
        matches!(visitor.next(WAIT), Heard::Text(text) if text.contains("hello")),
        "it is subscribed still"
    );
    assert!(subscribe(&mut visitor, 4, "news:a")["subscribe"].is_object());
    assert_eq!(subscribe(&mut visitor, 5, "chat:b")["error"]["code"], 103, "permission denied from now on");
    assert!(subscribe(&mut visitor, 6, "news:b")["subscribe"].is_object());
    assert_eq!(subscribe(&mut visitor, 7, "news:c")["error"]["code"], 106, "more than the limit");
    // The session has never been away, and nothing more has been said to it.
    assert_eq!(visitor.next(Duration::from_millis(100)), Heard::Silence);
}

#[test]
fn tokens_are_verified_with_the_new_key_and_who_was_let_in_stays() {
    let mut config = configuration();
    let program = Program::start(&config);
    let connect = |token: &str| {
        let mut visitor = Visitor::upgraded(program.address());
        visitor.send_text(&format!(r#"{{"id":1,"connect":{{"token":"{token}"}}}}"#));
        visitor
    };
    let token = token::sign(&json!({ "sub": "ann" }));
    let mut early = connect(&token);
    assert!(early.reply(1, WAIT)["connect"].is_object());
    config["client"]["token"]["hmac_secret_key"] = json!("another secret, which signs nothing here");
    reload(&program, &config);
    assert!(matches!(connect(&token).ending(WAIT), Heard::Close(Some(3500), _)));
    assert!(subscribe(&mut early, 2, "chat:a")["subscribe"].is_object());
}

#[test]
fn a_hook_may_come_move_and_go() {
    let back_end = BackEnd::start(|_, _| json!({ "result": { "data": 7 } }));
    let mut config = configuration();
    let program = Program::start(&config);
    let mut visitor = Visitor::session(program.address());
    config["rpc"] = json!({ "proxy": { "endpoint": back_end.url("rpc"), "timeout": "20s" },
        "without_namespace": { "proxy_enabled": true } });
    let call = |visitor: &mut Visitor, id: u64| {
        visitor.send_text(&format!(r#"{{"id":{id},"rpc":{{"method":"m","data":1}}}}"#));
        visitor.reply(id, WAIT)
    };
    assert_eq!(call(&mut visitor, 2)["error"]["code"], 108);
    reload(&program, &config);
    assert_eq!(call(&mut visitor, 3)["rpc"]["data"], 7);
    config["rpc"] = json!({});
    reload(&program, &config);
    assert_eq!(call(&mut visitor, 4)["error"]["code"], 108);
}

#[test]
fn what_cannot_change_is_named_and_what_is_wrong_changes_nothing() {
    let mut config = configuration();
    let program = Program::start(&config);
    config["http_server"]["handshake_timeout"] = json!("5s");
    config["client"]["ping_interval"] = json!("50s");
    config["log"] = json!({ "level": "debug" });
    reload(&program, &config);
    for key in ["handshake", "interval"] {
        assert_eq!(program.count_log(key), 1, "{key}");
    }
    assert_eq!(publish(program.address(), "one", "chat:a"), "200");
    program.expect_log("DEBUG", 0, WAIT);
    for wrong in ["{", r#"{"client": {"ping_interval": "x"}}"#, r#"{"client": {"pong_timeout": "40s"}}"#] {
        let (before, refused) = (program.count_log("reloaded"), program.count_log("everything"));
        program.configure(wrong);
        program.signal(Signal::HUP);
        program.expect_log("everything", refused, WAIT);
        assert!(program.count_log("reloaded") > before, "not reloaded: {wrong}");
        assert_eq!(publish(program.address(), "one", "chat:a"), "200", "{wrong}");
    }
}
