//! Publish and history: answers, refusals, and what is known when there is none.

use std::time::Duration;

use serde_json::json;
use wavecast_client::{HistoryQuery, Options, RequestError, StreamPosition};

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
async fn without_an_answer_the_outcome_is_told_as_far_as_it_is_known() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        connection.expect("publish");
        drop(connection);
        let mut connection = door.welcome();
        connection.expect("publish");
        connection.closed();
    });
    let options = Options { request_timeout: Duration::from_millis(500), ..Options::default() };
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

    let server = Server::run(|door| {
        door.accept().expect("connect");
        drop(door.accept());
    });
    let options = Options { request_timeout: Duration::from_millis(200), ..Options::default() };
    let client = server.client_with(options);
    assert!(matches!(client.publish("news", "1").await, Err(RequestError::NotSent)));
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
