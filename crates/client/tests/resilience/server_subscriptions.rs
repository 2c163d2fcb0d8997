//! Subscriptions that the server makes by itself, and what it sends to this client alone.

use serde_json::{Value, json};
use wavecast_client::{Client, Options};

use crate::fake_server::{Connection, Server, next, next_of_server};

/// The position of a channel that can be recovered.
fn stream(offset: u64) -> Value {
    json!({ "recoverable": true, "positioned": true, "epoch": "e", "offset": offset })
}

fn recovered(offset: u64, publications: Value) -> Value {
    let mut result = stream(offset);
    result["was_recovering"] = true.into();
    result["recovered"] = true.into();
    result["publications"] = publications;
    result
}

fn push(connection: &mut Connection, channel: &str, kind: &str, body: Value) {
    connection.send(json!({ "push": { "channel": channel, kind: body } }));
}

/// A server that goes on when the client has its listener: its first request says so.
async fn listening(client: &Client) -> wavecast_client::ServerEvents {
    let events = client.server_events().await.unwrap();
    client.presence_stats("ready").await.unwrap();
    events
}

fn wait_for_listener(connection: &mut Connection) {
    let ready = connection.expect("presence_stats");
    connection.reply(&ready, json!({}));
}

#[tokio::test]
async fn they_are_told_and_recovered_after_a_reconnect() {
    let server = Server::run(|door| {
        let subs = json!({ "kept": stream(5), "lost": stream(7), "gone": {}, "plain": { "data": 1 } });
        let (mut connection, connect) = door.welcome_with(json!({ "subs": subs }));
        assert_eq!(connect.get("subs"), None);
        wait_for_listener(&mut connection);
        connection.publish("kept", 6, "six");
        push(&mut connection, "plain", "join", json!({ "info": { "user": "u", "client": "c" } }));
        push(&mut connection, "plain", "leave", json!({ "info": { "user": "u", "client": "c" } }));
        connection.publish("of nobody", 1, 1);
        push(&mut connection, "plain", "unsubscribe", json!({ "code": 2000, "reason": "" }));
        connection.publish("plain", 1, 1);
        push(&mut connection, "late", "subscribe", json!({ "recoverable": true, "epoch": "l", "offset": 1 }));
        connection.publish("late", 2, "two");
        connection.close(3001, "shutdown");

        let missed = json!([{ "offset": 7, "data": "seven" }]);
        let mut late = recovered(2, json!([]));
        late["epoch"] = "l".into();
        let subs = json!({ "kept": recovered(7, missed), "lost": stream(900), "late": late });
        let (mut connection, connect) = door.welcome_with(json!({ "subs": subs }));
        let expected = json!({
            "kept": { "recover": true, "epoch": "e", "offset": 6 },
            "lost": { "recover": true, "epoch": "e", "offset": 7 },
            "late": { "recover": true, "epoch": "l", "offset": 2 },
        });
        assert_eq!(connect["subs"], expected);
        connection.publish("kept", 7, "twice");
        connection.publish("kept", 8, "eight");
        connection.closed();
    });
    let client = server.client();
    let mut events = listening(&client).await;
    let mut told = Vec::new();
    while told.last().is_none_or(|event| event != "kept: 8:\"eight\"") {
        told.push(next_of_server(&mut events).await);
    }
    let of = |channel: &str| -> Vec<&str> {
        let prefix = format!("{channel}: ");
        told.iter().filter_map(|event| event.strip_prefix(&prefix)).collect()
    };
    let kept = [
        "subscribed at e:5",
        "6:\"six\"",
        "interrupted 3001",
        "recovered at e:7",
        "7:\"seven\"",
        "8:\"eight\"",
    ];
    assert_eq!(of("kept"), kept);
    let lost = ["subscribed at e:7", "interrupted 3001", "not recovered at e:900"];
    assert_eq!(of("lost"), [&lost[..], &["gap Unrecovered Some(7) Some(900)"]].concat());
    assert_eq!(of("gone"), ["subscribed", "interrupted 3001", "unsubscribed 2000"]);
    let begin = of("plain")[0];
    assert!(begin == "subscribed with 1" || begin == "subscribed", "{begin}");
    assert_eq!(of("plain")[1..], ["join u", "leave u", "unsubscribed 2000"]);
    assert_eq!(of("late"), ["subscribed at l:1", "2:\"two\"", "interrupted 3001", "recovered at l:2"]);
    client.close().await;
    assert_eq!(next_of_server(&mut events).await, "closed 0");
    assert_eq!(next_of_server(&mut events).await, "the end");
    server.done().await;
}

#[tokio::test]
async fn the_last_who_listens_gets_the_events() {
    let server = Server::run(|door| {
        let (mut connection, _) = door.welcome_with(json!({ "subs": { "a": stream(1) } }));
        wait_for_listener(&mut connection);
        connection.publish("a", 2, 2);
        connection.send(json!({ "push": { "message": { "data": { "hello": 1 } } } }));
        wait_for_listener(&mut connection);
        connection.publish("a", 3, 3);
        connection.closed();
    });
    let client = server.client();
    let mut first = listening(&client).await;
    for expected in ["a: subscribed at e:1", "a: 2:2", "message {\"hello\":1}"] {
        assert_eq!(next_of_server(&mut first).await, expected);
    }
    let mut second = listening(&client).await;
    assert_eq!(next_of_server(&mut first).await, "closed 0");
    assert_eq!(next_of_server(&mut second).await, "a: subscribed at e:2");
    assert_eq!(next_of_server(&mut second).await, "a: 3:3");
    // Who only listens keeps the client going.
    drop((client, first));
    assert!(tokio::time::timeout(std::time::Duration::from_millis(50), second.next()).await.is_err());
    drop(second);
    server.done().await;
}

#[tokio::test]
async fn a_listener_that_falls_behind_is_told_what_it_missed() {
    let server = Server::run(|door| {
        let subs = json!({ "a": stream(0), "b": {} });
        let (mut connection, _) = door.welcome_with(json!({ "subs": subs }));
        wait_for_listener(&mut connection);
        for offset in 1..=20 {
            connection.publish("a", offset, offset);
        }
        for i in 0..3 {
            connection.send(json!({ "push": { "message": { "data": i } } }));
        }
        push(&mut connection, "b", "unsubscribe", json!({ "code": 2000, "reason": "" }));
        push(&mut connection, "c", "subscribe", json!({}));
        push(&mut connection, "d", "subscribe", json!({}));
        push(&mut connection, "d", "unsubscribe", json!({ "code": 2000, "reason": "" }));
        wait_for_listener(&mut connection);
        wait_for_listener(&mut connection);
        connection.publish("a", 21, 21);
        connection.closed();
    });
    let client = server.client_with(Options { events_max: 8, ..Options::default() });
    let mut events = listening(&client).await;
    client.presence_stats("all has been sent").await.unwrap();
    let mut told = Vec::new();
    for _ in 0..8 {
        told.push(next_of_server(&mut events).await);
    }
    told.sort();
    let mut expected = vec!["a: subscribed at e:0".to_owned(), "b: subscribed".to_owned()];
    expected.splice(0..0, (1..=6).map(|offset| format!("a: {offset}:{offset}")));
    assert_eq!(told, expected);
    client.presence_stats("go on").await.unwrap();
    assert_eq!(next_of_server(&mut events).await, "3 messages dropped");
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(next_of_server(&mut events).await);
    }
    told.sort();
    assert_eq!(told, ["a: gap SlowConsumer Some(6) Some(20)", "b: unsubscribed 2000", "c: subscribed"]);
    assert_eq!(next_of_server(&mut events).await, "a: 21:21");
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn a_server_that_makes_too_many_ends_the_client() {
    let server = Server::run(|door| {
        let subs = json!({ "a": {}, "b": {} });
        let (mut connection, _) = door.welcome_with(json!({ "subs": subs }));
        push(&mut connection, "c", "subscribe", json!({}));
        connection.closed();
    });
    let client = server.client_with(Options { subscriptions_max: 2, ..Options::default() });
    let cause = client.closed().await;
    assert!(cause.code == 0 && cause.reason.contains("subscriptions"), "{cause}");
    server.done().await;
}

#[tokio::test]
async fn what_the_server_left_out_is_a_gap_of_its_channel() {
    let marker = |channel: &str, dropped: u64| {
        let gap = json!({ "gap": { "channel": channel, "dropped": dropped } });
        json!({ "push": { "message": { "data": gap } } })
    };
    let server = Server::run(move |door| {
        let (mut connection, _) = door.welcome_with(json!({ "subs": { "theirs": {} } }));
        connection.subscribed(json!({}));
        wait_for_listener(&mut connection);
        connection.publish("ours", 0, 1);
        connection.send(marker("ours", 12));
        connection.publish("ours", 0, 14);
        connection.send(marker("theirs", 3));
        connection.send(marker("unknown", 1));
        connection.closed();
    });
    let client = server.client();
    let mut ours = client.subscribe("ours").await.unwrap();
    let mut events = listening(&client).await;
    for expected in ["subscribed", "0:1", "gap Dropped(12) None None", "0:14"] {
        assert_eq!(next(&mut ours).await, expected);
    }
    for expected in [
        "theirs: subscribed",
        "theirs: gap Dropped(3) None None",
        "message {\"gap\":{\"channel\":\"unknown\",\"dropped\":1}}",
    ] {
        assert_eq!(next_of_server(&mut events).await, expected);
    }
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn a_dropped_future_of_listening_harms_nobody() {
    let server = Server::run(|door| {
        let (mut connection, _) = door.welcome_with(json!({ "subs": { "a": {} } }));
        wait_for_listener(&mut connection);
        connection.publish("a", 0, 1);
        connection.closed();
    });
    let client = server.client();
    for _ in 0..3 {
        let listen = client.server_events();
        tokio::select! {
            biased;
            () = std::future::ready(()) => {}
            _ = listen => {}
        }
        let _ = tokio::time::timeout(std::time::Duration::ZERO, client.server_events()).await;
    }
    let mut events = listening(&client).await;
    assert_eq!(next_of_server(&mut events).await, "a: subscribed");
    assert_eq!(next_of_server(&mut events).await, "a: 0:1");
    client.close().await;
    server.done().await;
}
