//! Sessions that go one way.

use serde_json::json;
use wavecast_net::Message;
use wavecast_net::client::{ConnectOptions, WebSocket};
use wavecast_server::PushServer;

use super::ON;
use super::reader::Reader;
use crate::served::{publish, token, with_server};

#[test]
fn what_is_published_comes_as_bare_pushes() {
    with_server(ON, async |server| {
        let mut events = Reader::get(server, "/connection/uni_sse?channels=news", "").await;
        let head = events.head.to_ascii_lowercase();
        for field in [
            "content-type: text/event-stream\r\n",
            "cache-control: no-store, no-transform\r\n",
            "x-accel-buffering: no\r\n",
        ] {
            assert!(head.contains(field), "{head}");
        }
        let mut lines = Reader::post(server, "/connection/uni_http_stream?channels=news", "").await;
        for push in [events.event().await.data.unwrap(), lines.line().await] {
            assert!(push["connect"]["client"].is_string(), "{push}");
            assert_eq!(push["connect"]["session"], json!(null), "nobody can speak to it");
            assert_eq!(push["connect"]["pong"], json!(null), "no answer is wanted to pings");
        }
        for push in [events.event().await.data.unwrap(), lines.line().await] {
            assert_eq!(push["channel"], "news");
            assert_eq!(push["subscribe"]["recoverable"], true);
        }
        publish(server.node(), "news", json!({"text": "a\r\nb"})).await;
        let event = events.event().await;
        for push in [event.data.unwrap(), lines.line().await] {
            assert_eq!((&push["channel"], &push["pub"]["data"]["text"]), (&"news".into(), &"a\r\nb".into()));
        }
        assert!(event.id.unwrap().starts_with("news:1:"));
    });
}

#[test]
fn an_event_source_is_told_when_to_come_back_and_is_pinged() {
    with_server(
        &[ON, &[("client.ping_interval", "1s"), ("client.pong_timeout", "500ms")]].concat(),
        async |server| {
            let mut reader = Reader::get(server, "/connection/uni_sse?channels=news", "").await;
            let first = reader.event().await;
            assert!(first.data.unwrap()["connect"]["ping"] == 1);
            reader.event().await;
            assert_eq!(reader.event().await.data, Some(json!({})), "a ping");
        },
    );
}

#[test]
fn a_token_says_who_comes_and_to_what() {
    with_server(ON, async |server| {
        let token = token(&json!({ "sub": "ann", "channels": ["news"] }));
        // The protocol's own form: a connect request.
        let request =
            json!({ "token": token, "subs": { "news": { "recover": true, "offset": 0, "epoch": "x" } } });
        let mut reader = Reader::post(server, "/connection/uni_http_stream", &request.to_string()).await;
        let connect = reader.line().await;
        assert_eq!(connect["connect"]["subs"]["news"]["was_recovering"], true);
        publish(server.node(), "news", 1).await;
        assert_eq!(reader.line().await["pub"]["data"], 1);
        // The same as an EventSource, whose browser remembers where it stood.
        let target = format!("/connection/uni_sse?cf_connect=%7B%22token%22:%22{token}%22%7D");
        let mut reader = Reader::get(server, &target, "").await;
        let id = reader.event().await.id.unwrap();
        assert!(id.starts_with("news:1:"), "{id}");
        publish(server.node(), "news", 2).await;
        assert!(reader.event().await.id.unwrap().starts_with("news:2:"));
        let mut again = Reader::get(server, &target, &format!("Last-Event-ID: {id}\r\n")).await;
        let subs = &again.event().await.data.unwrap()["connect"]["subs"];
        assert_eq!(
            (&subs["news"]["recovered"], &subs["news"]["publications"][0]["data"]),
            (&true.into(), &2.into())
        );
    });
}

#[test]
fn the_end_is_the_last_push() {
    with_server(ON, async |server| {
        let token = token(&json!({ "sub": "ann" }));
        let target = format!("/connection/uni_http_stream?channels=news&token={token}");
        let mut reader = Reader::get(server, &target, "").await;
        reader.line().await;
        reader.line().await;
        let mut call = Reader::post(server, "/api/disconnect", r#"{"user":"ann"}"#).await;
        call.stream.set_zero_linger().ok();
        call.rest.clear();
        let rest = reader.until_the_end().await;
        assert_eq!(rest, "{\"disconnect\":{\"code\":3503,\"reason\":\"force disconnect\"}}\n");
    });
}

#[test]
fn a_web_socket_may_go_one_way() {
    with_server(ON, async |server| {
        let url = |query: &str| format!("ws://{}/connection/uni_websocket{query}", server.address());
        let next = async |socket: &mut WebSocket| match socket.recv().await.unwrap() {
            Some(Message::Text(text)) => serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            other => panic!("{other:?}"),
        };
        // In the address.
        let mut socket = ConnectOptions::default().connect(&url("?channels=news,small:a")).await.unwrap();
        assert!(next(&mut socket).await["connect"].is_object());
        assert_eq!(next(&mut socket).await["channel"], "news");
        assert_eq!(next(&mut socket).await["channel"], "small:a");
        publish(server.node(), "news", 1).await;
        assert_eq!(next(&mut socket).await["pub"]["data"], 1);
        // What it says is passed over.
        socket.send(wavecast_net::MessageRef::Text("{}")).await.unwrap();
        publish(server.node(), "small:a", 2).await;
        assert_eq!(next(&mut socket).await["pub"]["data"], 2);
        // In the first message.
        let mut socket = ConnectOptions::default().connect(&url("")).await.unwrap();
        let token = token(&json!({ "sub": "ann", "channels": ["news"] }));
        let request = json!({ "token": token }).to_string();
        socket.send(wavecast_net::MessageRef::Text(&request)).await.unwrap();
        assert!(next(&mut socket).await["connect"]["subs"]["news"].is_object());
        // What may not be: the push says it, and the close frame.
        let mut socket = ConnectOptions::default().connect(&url("?channels=closed:a")).await.unwrap();
        assert!(next(&mut socket).await["connect"].is_object());
        assert_eq!(next(&mut socket).await["disconnect"]["code"], 3507);
        assert!(socket.recv().await.unwrap().is_none());
        assert_eq!(socket.closed().unwrap().code.get(), 3507);
        refused_at_the_door(server).await;
    });
}

async fn refused_at_the_door(server: &PushServer) {
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (query, problem) in [
        ("?channels=", "names one channel or more"),
        ("?channels=a,a", "twice"),
        ("?channels=a&since=x", "channel:offset:epoch"),
        ("?cf_connect=%7B", "JSON object"),
    ] {
        let target = format!("/connection/uni_websocket{query}");
        let reader = Reader::get(server, &target, upgrade).await;
        assert_eq!(reader.status(), 400, "{query}");
        assert!(reader.until_the_end().await.contains(problem), "{query}");
    }
}
