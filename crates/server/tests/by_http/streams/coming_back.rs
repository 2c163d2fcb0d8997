//! What a client that goes one way gets when it comes back, and what must not keep it out.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use wavecast_server::PushServer;
use wavecast_server::hooks::{Answer, Handlers, Hook, SubscribeCall, SubscribeGrant, Wants};

use super::ON;
use super::reader::{Event, Reader};
use crate::served::{loaded, publish, token, with_server};

/// The events up to the first that a question is true of, which is the last of them.
async fn until(reader: &mut Reader, is_last: impl Fn(&Value) -> bool) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let event = reader.event().await;
        let ends = event.data.as_ref().is_some_and(&is_last);
        events.push(event);
        if ends {
            return events;
        }
    }
}

fn subscribed_to<'e>(events: &'e [Event], channel: &str) -> &'e Value {
    let mut all = events.iter().filter_map(|event| event.data.as_ref());
    &all.find(|data| data["channel"] == channel && data["subscribe"].is_object()).unwrap()["subscribe"]
}

#[test]
fn a_page_longer_than_half_of_the_queue_is_recovered() {
    with_server(ON, async |server| {
        let target = "/connection/uni_sse?channels=news";
        let mut reader = Reader::get(server, target, "").await;
        let id = until(&mut reader, |data| data["subscribe"].is_object()).await.pop().unwrap().id.unwrap();
        drop(reader);
        let text = "x".repeat(3_000);
        for number in 1..=300 {
            publish(server.node(), "news", json!([number, text])).await;
        }
        let mut reader = Reader::get(server, target, &format!("Last-Event-ID: {id}\r\n")).await;
        assert_eq!(reader.status(), 200);
        let events = until(&mut reader, |data| data["pub"]["data"][0] == 300).await;
        assert_eq!(subscribed_to(&events, "news")["recovered"], true);
        let numbers = events.iter().filter_map(|event| event.data.as_ref()?["pub"]["data"][0].as_u64());
        assert!(numbers.eq(1..=300));
    });
}

#[test]
fn what_finds_no_room_is_a_gap_and_the_others_are_recovered() {
    with_server(&[ON, &[("client.queue_max_size", "65536")]].concat(), async |server| {
        let target = "/connection/uni_sse?channels=one,other";
        let mut reader = Reader::get(server, target, "").await;
        let is_there = |data: &Value| data["channel"] == "other" && data["subscribe"].is_object();
        let id = until(&mut reader, is_there).await.pop().unwrap().id.unwrap();
        drop(reader);
        for number in 1..=12 {
            for channel in ["one", "other"] {
                publish(server.node(), channel, json!([number, "x".repeat(2_000)])).await;
            }
        }
        let mut reader = Reader::get(server, target, &format!("Last-Event-ID: {id}\r\n")).await;
        assert_eq!(reader.status(), 200, "{}", reader.head);
        let events = until(&mut reader, is_there).await;
        let told = ["one", "other"].map(|channel| &subscribed_to(&events, channel)["recovered"]);
        assert_eq!(told, [&json!(true), &Value::Null]);
        // From here on nothing is missing.
        publish(server.node(), "other", "next").await;
        let last = reader.event().await;
        assert_eq!(last.data.unwrap()["pub"]["data"], "next");
        let id = last.id.unwrap();
        drop(reader);
        let mut reader = Reader::get(server, target, &format!("Last-Event-ID: {id}\r\n")).await;
        let events = until(&mut reader, is_there).await;
        let told = ["one", "other"].map(|channel| &subscribed_to(&events, channel)["recovered"]);
        assert_eq!(told, [&json!(true); 2]);
    });
}

#[test]
fn a_channel_may_be_given_and_asked_for() {
    with_server(ON, async |server| {
        let token = token(&json!({ "sub": "ann", "channels": ["news"] }));
        let target = format!("/connection/uni_sse?channels=news,small:a&token={token}");
        let mut reader = Reader::get(server, &target, "").await;
        assert_eq!(reader.status(), 200, "{}", reader.head);
        let is_there = |data: &Value| data["channel"] == "small:a" && data["subscribe"].is_object();
        let events = until(&mut reader, is_there).await;
        assert!(events[0].data.as_ref().unwrap()["connect"]["subs"]["news"].is_object());
        let id = events.last().unwrap().id.clone().unwrap();
        drop(reader);
        publish(server.node(), "news", 1).await;
        let mut reader = Reader::get(server, &target, &format!("Last-Event-ID: {id}\r\n")).await;
        let events = until(&mut reader, is_there).await;
        let news = &events[0].data.as_ref().unwrap()["connect"]["subs"]["news"];
        assert_eq!((&news["recovered"], &news["publications"][0]["data"]), (&json!(true), &json!(1)));
        let mut lines = Reader::get(server, &target.replace("uni_sse", "uni_http_stream"), "").await;
        assert!(lines.line().await["connect"]["subs"]["news"].is_object());
    });
}

#[test]
fn the_rate_of_commands_is_not_that_of_channels() {
    with_server(&[ON, &[("client.command_rate_limit", "2")]].concat(), async |server| {
        let target = "/connection/uni_sse?channels=a,b,c,d,e,f";
        let mut reader = Reader::get(server, target, "").await;
        assert_eq!(reader.status(), 200, "{}", reader.head);
        until(&mut reader, |data| data["channel"] == "f").await;
    });
}

#[test]
fn a_position_in_what_is_no_more_keeps_nobody_out() {
    with_server(ON, async |server| {
        let fields = "Last-Event-ID: gone:x:7:epoch\r\n";
        let mut reader = Reader::get(server, "/connection/uni_sse?channels=news", fields).await;
        assert_eq!(reader.status(), 200, "{}", reader.head);
        until(&mut reader, |data| data["channel"] == "news").await;
    });
}

#[test]
fn what_the_browser_is_to_forget_is_said() {
    with_server(ON, async |server| {
        let mut channels = String::new();
        for number in 0..100 {
            write!(channels, "{}{}{number:03}", if number > 0 { "," } else { "" }, "n".repeat(60)).unwrap();
        }
        let last = format!("{}099", "n".repeat(60));
        let target = format!("/connection/uni_sse?channels={channels}");
        let mut reader = Reader::get(server, &target, "").await;
        let events = until(&mut reader, |data| data["channel"] == *last).await;
        assert!(events[1].id.as_ref().unwrap().starts_with("nnn"));
        assert_eq!(events.last().unwrap().id.as_deref(), Some(""));
    });
}

#[test]
fn what_takes_an_older_ones_place_says_no_position() {
    let namespace = json!([{
        "name": "prices", "slow_consumer": "latest", "history_size": 10, "history_ttl": "60s",
        "allow_subscribe_for_client": true, "allow_subscribe_for_anonymous": true,
    }]);
    with_server(&[ON, &[("channel.namespaces", &namespace.to_string())]].concat(), async |server| {
        let mut reader = Reader::get(server, "/connection/uni_sse?channels=prices:a,news", "").await;
        until(&mut reader, |data| data["channel"] == "news").await;
        publish(server.node(), "news", 1).await;
        assert!(reader.event().await.id.unwrap().contains("news:1:"));
        publish(server.node(), "prices:a", 2).await;
        assert_eq!(reader.event().await.id, None);
    });
}

/// A back end that never answers.
struct Silent;

impl Handlers for Silent {
    fn wants(&self) -> Wants {
        Wants::NOTHING.and(Hook::Subscribe)
    }

    async fn subscribe(&self, _: SubscribeCall) -> Answer<SubscribeGrant> {
        std::future::pending().await
    }
}

#[test]
fn a_request_does_not_wait_for_hooks_for_ever() {
    let more = [ON, &[("client.stale_close_delay", "1s"), ("channel.proxy.subscribe.endpoint", "handler:")]];
    let mut loaded = loaded(&more.concat());
    let mut hooked = loaded.config.channel.namespaces[0].clone();
    hooked.name = "hooked".into();
    hooked.settings.subscribe_proxy_enabled = true;
    loaded.config.channel.proxy.subscribe.timeout = Duration::from_secs(60);
    loaded.config.channel.namespaces.push(hooked);
    let server = PushServer::start_with(loaded, |_| Arc::new(Silent)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let reader = Reader::get(&server, "/connection/uni_sse?channels=hooked:a", "").await;
        assert_eq!(reader.status(), 408, "{}", reader.head);
        let told: Value = serde_json::from_str(&reader.until_the_end().await).unwrap();
        assert_eq!(told["disconnect"]["code"], 3502);
    });
    drop(runtime);
    server.drain_handle().drain();
    server.join().unwrap();
}
