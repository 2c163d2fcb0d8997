//! Requests: answers, refusals, and what is known when there is no answer.

use std::time::Duration;

use serde_json::json;
use wavecast_client::{Data, HistoryQuery, Options, PresenceStats, RequestError, StreamPosition};

use crate::fake_server::Server;

#[tokio::test]
async fn a_publication_is_answered_or_refused() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        let publish = connection.expect("publish");
        assert_eq!(publish["publish"], json!({ "channel": "news", "data": { "text": "a\nb" } }));
        connection.reply(&publish, json!({}));
        let publish = connection.expect("publish");
        connection.refuse(&publish, 103, false);
        connection.closed();
    });
    let client = server.client();
    client.publish("news", &json!({ "text": "a\nb" })).await.unwrap();
    let error = client.publish("news", "no").await.unwrap_err();
    assert!(matches!(error, RequestError::Refused(error) if error.code == 103 && !error.temporary));
    client.close().await;
    assert!(matches!(client.publish("news", "late").await, Err(RequestError::Closed)));
    server.done().await;
}

#[tokio::test]
async fn raw_json_with_line_breaks_stays_one_command() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        let publish = connection.expect("publish");
        assert_eq!(publish["publish"]["data"], json!({ "a": 1 }));
        connection.reply(&publish, json!({}));
        connection.closed();
    });
    let client = server.client();
    let pretty: Box<serde_json::value::RawValue> = serde_json::from_str("{\r\n  \"a\": 1\n}").unwrap();
    client.publish("news", &pretty).await.unwrap();
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn history_is_asked_for_and_read() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        let history = connection.expect("history");
        let since = json!({ "offset": 3, "epoch": "e" });
        assert_eq!(history["history"], json!({ "channel": "news", "limit": 2, "since": since }));
        let publications = json!([
            { "offset": 4, "data": 4, "tags": { "k": "v" }, "info": { "user": "u", "client": "c" } },
            { "offset": 5, "data": [5] },
        ]);
        connection.reply(&history, json!({ "publications": publications, "epoch": "e", "offset": 5 }));
        connection.closed();
    });
    let client = server.client();
    let since = StreamPosition { offset: 3, epoch: "e".into() };
    let query = HistoryQuery { limit: 2, since: Some(since), ..HistoryQuery::default() };
    let page = client.history("news", query).await.unwrap();
    assert_eq!(page.position, StreamPosition { offset: 5, epoch: "e".into() });
    assert_eq!(page.publications.len(), 2);
    assert_eq!(page.publications[0].tags["k"], "v");
    assert_eq!(page.publications[0].info.as_ref().unwrap().user, "u");
    assert_eq!(page.publications[1].json::<Vec<u32>>().unwrap(), [5]);
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn the_back_end_is_called_and_sent_to() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        let rpc = connection.expect("rpc");
        assert_eq!(rpc["rpc"], json!({ "method": "sum", "data": [1, 2] }));
        connection.reply(&rpc, json!({ "data": { "sum": 3 } }));
        let rpc = connection.expect("rpc");
        assert_eq!(rpc["rpc"], json!({ "method": "no data", "data": null }));
        connection.reply(&rpc, json!({}));
        let rpc = connection.expect("rpc");
        connection.refuse(&rpc, 404, false);
        let send = connection.expect("send");
        assert_eq!(send, json!({ "send": { "data": { "seen": 7 } } }));
        connection.closed();
    });
    let client = server.client();
    let sum: serde_json::Value = client.rpc("sum", &[1, 2]).await.unwrap().parse().unwrap();
    assert_eq!(sum, json!({ "sum": 3 }));
    assert_eq!(client.rpc("no data", &()).await.unwrap(), Data::default());
    let error = client.rpc("unknown", &()).await.unwrap_err();
    assert!(matches!(error, RequestError::Refused(error) if error.code == 404));
    client.send(&json!({ "seen": 7 })).await.unwrap();
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn presence_is_asked_for_by_the_client_and_by_a_subscription() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        connection.subscribed(json!({}));
        let stats = connection.expect("presence_stats");
        assert_eq!(stats["presence_stats"], json!({ "channel": "room" }));
        connection.reply(&stats, json!({ "num_clients": 3, "num_users": 2 }));
        let presence = connection.expect("presence");
        assert_eq!(presence["presence"], json!({ "channel": "room" }));
        let ann = json!({ "user": "ann", "client": "s1", "conn_info": { "name": "Ann" } });
        connection.reply(&presence, json!({ "presence": { "s1": ann } }));
        let presence = connection.expect("presence");
        connection.refuse(&presence, 108, false);
        let history = connection.expect("history");
        assert_eq!(history["history"], json!({ "channel": "room", "limit": 1, "reverse": true }));
        connection.reply(&history, json!({ "epoch": "e", "offset": 9 }));
        let publish = connection.expect("publish");
        assert_eq!(publish["publish"], json!({ "channel": "room", "data": 1 }));
        connection.reply(&publish, json!({}));
        connection.closed();
    });
    let client = server.client();
    let room = client.subscribe("room").await.unwrap();
    assert_eq!(client.presence_stats("room").await.unwrap(), PresenceStats { clients: 3, users: 2 });
    let presence = room.presence().await.unwrap();
    let ann = &presence["s1"];
    assert_eq!((ann.user.as_str(), ann.client.as_str(), presence.len()), ("ann", "s1", 1));
    assert_eq!(ann.conn_info.as_ref().unwrap().to_string(), r#"{"name":"Ann"}"#);
    let error = client.presence("room").await.unwrap_err();
    assert!(matches!(error, RequestError::Refused(error) if error.code == 108));
    let query = HistoryQuery { limit: 1, reverse: true, ..HistoryQuery::default() };
    assert_eq!(room.history(query).await.unwrap().position.offset, 9);
    room.publish(&1).await.unwrap();
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn bytes_that_are_no_json_are_refused_before_they_are_sent() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        let publish = connection.expect("publish");
        assert_eq!(publish["publish"]["data"], json!([1]));
        connection.reply(&publish, json!({}));
        connection.closed();
    });
    let client = server.client();
    for bytes in [&b"hello"[..], b"", b"\xff", b"1\n2"] {
        assert!(matches!(client.publish_data("a", bytes).await, Err(RequestError::Data(_))));
        assert!(matches!(client.rpc_data("a", bytes).await, Err(RequestError::Data(_))));
        assert!(matches!(client.send_data(bytes).await, Err(RequestError::Data(_))));
    }
    client.publish_data("a", &b"[1\n]"[..]).await.unwrap();
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn an_answer_of_another_kind_ends_the_connection_and_not_the_client() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        let presence = connection.expect("presence");
        connection.send(json!({ "id": presence["id"], "rpc": {} }));
        connection.closed();
        let mut connection = door.welcome();
        let presence = connection.expect("presence");
        connection.reply(&presence, json!({}));
        // An answer to nothing is passed over.
        connection.send(json!({ "id": 4_000, "rpc": {} }));
        connection.closed();
    });
    let client = server.client();
    assert!(matches!(client.presence("a").await, Err(RequestError::ConnectionLost)));
    assert!(client.presence("a").await.unwrap().is_empty());
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_harms_nobody() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        let dropped = connection.expect("rpc");
        let rpc = connection.expect("rpc");
        connection.reply(&dropped, json!({ "data": "dropped" }));
        connection.reply(&rpc, json!({ "data": "awaited" }));
        connection.closed();
    });
    let client = server.client();
    let mut states = client.states();
    let connected =
        |state: &wavecast_client::State| matches!(state, wavecast_client::State::Connected { .. });
    states.wait_for(connected).await.unwrap();
    let dropped = tokio::time::timeout(Duration::from_millis(50), client.rpc("dropped", &())).await;
    assert!(dropped.is_err());
    assert_eq!(client.rpc("awaited", &()).await.unwrap().to_string(), "\"awaited\"");
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn without_an_answer_the_outcome_is_told_as_far_as_it_is_known() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        connection.expect("publish");
        drop(connection);
        let mut connection = door.welcome();
        connection.expect("publish");
        connection.closed();
    });
    let options = Options { request_timeout: Duration::from_secs(3), ..Options::default() };
    let client = server.client_with(options);
    assert!(matches!(client.publish("news", "1").await, Err(RequestError::ConnectionLost)));
    assert!(matches!(client.publish("news", "2").await, Err(RequestError::TimedOut)));
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn a_request_waits_for_the_connection_but_not_for_ever() {
    let server = Server::run(|door| {
        // The first two attempts do not even get through the handshake.
        for _ in 0..2 {
            drop(door.accept());
        }
        let mut connection = door.welcome();
        let publish = connection.expect("publish");
        connection.reply(&publish, json!({}));
        connection.closed();
    });
    let client = server.client();
    client.publish("news", "patient").await.unwrap();
    client.close().await;
    server.done().await;

    let (tell, came_again) = tokio::sync::oneshot::channel();
    let server = Server::run(|door| {
        door.accept().expect("connect");
        drop(door.accept());
        tell.send(()).unwrap();
    });
    let options = Options { request_timeout: Duration::from_secs(3), ..Options::default() };
    let client = server.client_with(options);
    assert!(matches!(client.publish("news", "1").await, Err(RequestError::NotSent)));
    // A client that is closed before would let the script wait for ever.
    came_again.await.unwrap();
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn concurrent_requests_beyond_the_limit_wait_their_turn() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        for _ in 0..300 {
            let publish = connection.expect("publish");
            connection.reply(&publish, json!({}));
        }
        connection.closed();
    });
    let client = server.client_with(Options { requests_max: 3, ..Options::default() });
    let mut publishers = Vec::new();
    for i in 0..300 {
        let client = client.clone();
        publishers.push(tokio::spawn(async move { client.publish("news", &i).await }));
    }
    for publisher in publishers {
        publisher.await.unwrap().unwrap();
    }
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn messages_to_a_server_that_does_not_read_are_bounded_and_not_said_to_be_sent() {
    const MESSAGES: usize = 256;
    let (over, told) = std::sync::mpsc::channel();
    let server = Server::run(move |door| {
        let connection = door.welcome();
        told.recv().unwrap();
        drop(connection);
        door.welcome().close(3500, "enough");
    });
    let options = Options { request_timeout: Duration::from_secs(3), requests_max: 64, ..Options::default() };
    let client = server.client_with(options);
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..MESSAGES {
        let client = client.clone();
        senders.spawn(async move { client.send(&"x".repeat(256 * 1_024)).await });
    }
    let outcomes = senders.join_all().await;
    let count =
        |wanted: fn(&Result<(), RequestError>) -> bool| outcomes.iter().filter(|it| wanted(it)).count();
    let sent = count(Result::is_ok);
    let waiting = count(|outcome| matches!(outcome, Err(RequestError::TimedOut)));
    let held_back = count(|outcome| matches!(outcome, Err(RequestError::NotSent)));
    assert_eq!(sent + waiting + held_back, MESSAGES, "{outcomes:?}");
    assert!(sent > 0 && held_back > 0, "{sent} sent, {waiting} waiting, {held_back} held back");
    assert!(waiting <= 64, "{waiting} were taken");
    over.send(()).unwrap();
    assert_eq!(client.closed().await.code, 3500);
    server.done().await;
}
