//! How connections and subscriptions end, and what the client makes of it.

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;
use wavecast_client::{Client, ConnectError, Options, State, SubscribeError, UrlError};

use crate::fake_server::{Server, next};

#[tokio::test]
async fn reconnect_codes_reconnect_and_terminal_codes_end_the_client() {
    let server = Server::run(|door| {
        for code in [3001, 3008, 3010, 3012, 1001, 4000] {
            door.welcome().close(code, "again");
        }
        door.welcome().close(3503, "force disconnect");
    });
    let client = server.client();
    let mut news = client.subscribe("news").await.unwrap();
    let cause = client.closed().await;
    assert_eq!((cause.code, cause.reason.as_str()), (3503, "force disconnect"));
    while !next(&mut news).await.starts_with("unsubscribed 3503") {}
    assert_eq!(next(&mut news).await, "the end");
    assert_eq!(client.subscribe("more").await.unwrap_err(), SubscribeError::Closed);
    server.done().await;
}

#[tokio::test]
async fn a_message_that_is_too_big_is_not_sent_again_and_again() {
    let server = Server::run(|door| door.welcome().close(1009, ""));
    assert_eq!(server.client().closed().await.code, 1009);
    server.done().await;
}

#[tokio::test]
async fn a_refused_connect_ends_the_client_unless_it_is_temporary() {
    let server = Server::run(|door| {
        let mut connection = door.accept();
        let connect = connection.expect("connect");
        connection.refuse(&connect, 100, true);
        connection.closed();
        let mut connection = door.accept();
        let connect = connection.expect("connect");
        connection.refuse(&connect, 101, false);
        connection.closed();
    });
    assert_eq!(server.client().closed().await.code, 101);
    server.done().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_yet_is_found_later() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let options = Options {
        reconnect_delay_min: Duration::from_millis(5),
        reconnect_delay_max: Duration::from_millis(20),
        ..Options::default()
    };
    let client = Client::connect(&format!("ws://{address}/"), options).unwrap();
    let mut states = client.states();
    let failed = |state: &State| matches!(state, State::Connecting { failures: 3.., cause: Some(_) });
    timeout(Duration::from_secs(10), states.wait_for(failed)).await.unwrap().unwrap();
    client.close().await;
    assert!(matches!(&*states.borrow(), State::Closed(cause) if cause.code == 0));
}

#[tokio::test]
async fn a_silent_server_is_given_up_and_a_pinging_one_is_answered() {
    let (answer, answered) = tokio::sync::oneshot::channel();
    let server = Server::run(|door| {
        let mut connection = door.accept();
        let connect = connection.expect("connect");
        connection.reply(&connect, json!({ "client": "a", "ping": 1, "pong": true }));
        let begin = std::time::Instant::now();
        connection.send(json!({}));
        connection.closed();
        let silence = begin.elapsed();
        assert!(silence >= Duration::from_millis(1_050), "not before its time: {silence:?}");
        let mut connection = door.accept();
        let connect = connection.expect("connect");
        connection.reply(&connect, json!({ "client": "b", "ping": 25, "pong": true }));
        connection.send(json!({}));
        assert_eq!(connection.expect_pong(), json!({}));
        answer.send(()).unwrap();
        connection.closed();
    });
    let options = Options { ping_delay_max: Duration::from_millis(100), ..Options::default() };
    let client = server.client_with(options);
    let mut states = client.states();
    states.wait_for(|state| matches!(state, State::Connected { client, .. } if client == "b")).await.unwrap();
    answered.await.unwrap();
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn a_refused_subscription_ends_unless_it_is_temporary() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        let subscribe = connection.expect("subscribe");
        connection.refuse(&subscribe, 111, true);
        let subscribe = connection.expect("subscribe");
        connection.refuse(&subscribe, 103, false);
        connection.closed();
    });
    let client = server.client();
    let mut secret = client.subscribe("secret").await.unwrap();
    assert_eq!(next(&mut secret).await, "retrying 111");
    assert_eq!(next(&mut secret).await, "unsubscribed 103");
    assert_eq!(next(&mut secret).await, "the end");
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn an_unsubscribe_of_the_server_ends_the_subscription_below_2500() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        connection.subscribed(json!({}));
        connection
            .send(json!({ "push": { "channel": "a", "unsubscribe": { "code": 2500, "reason": "x" } } }));
        connection.subscribed(json!({}));
        connection
            .send(json!({ "push": { "channel": "a", "unsubscribe": { "code": 2000, "reason": "y" } } }));
        connection.closed();
    });
    let client = server.client();
    let mut a = client.subscribe("a").await.unwrap();
    for expected in [
        "subscribed",
        "interrupted 2500",
        "subscribed",
        "gap Interrupted None None",
        "unsubscribed 2000",
        "the end",
    ] {
        assert_eq!(next(&mut a).await, expected);
    }
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn a_subscribe_without_an_answer_makes_a_new_connection() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        connection.expect("subscribe");
        connection.closed();
        let mut connection = door.welcome();
        connection.subscribed(json!({}));
        connection.closed();
    });
    let options = Options { request_timeout: Duration::from_secs(3), ..Options::default() };
    let client = server.client_with(options);
    let mut a = client.subscribe("a").await.unwrap();
    assert_eq!(next(&mut a).await, "subscribed");
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn dropping_a_subscription_unsubscribes_and_lets_subscribe_again() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        connection.subscribed(json!({}));
        let unsubscribe = connection.expect("unsubscribe");
        connection.reply(&unsubscribe, json!({}));
        connection.subscribed(json!({}));
        connection.closed();
    });
    let client = server.client();
    let mut a = client.subscribe("a").await.unwrap();
    assert_eq!(next(&mut a).await, "subscribed");
    assert_eq!(client.subscribe("a").await.unwrap_err(), SubscribeError::AlreadySubscribed);
    drop(a);
    let mut a = client.subscribe("a").await.unwrap();
    assert_eq!(next(&mut a).await, "subscribed");
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn subscriptions_keep_the_client_going_and_the_last_handle_ends_it() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        connection.subscribed(json!({}));
        connection.publish("a", 0, 1);
        connection.closed();
    });
    let client = server.client();
    let mut a = client.subscribe("a").await.unwrap();
    drop(client);
    assert_eq!(next(&mut a).await, "subscribed");
    assert_eq!(next(&mut a).await, "0:1");
    drop(a);
    server.done().await;
}

#[tokio::test]
async fn many_subscriptions_fit_into_the_frames_that_servers_take() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        for _ in 0..500 {
            connection.subscribed(json!({}));
        }
        connection.closed();
    });
    let client = server.client();
    let mut subscriptions = Vec::new();
    for i in 0..500 {
        subscriptions.push(client.subscribe(&format!("{i}:{}", "x".repeat(200))).await.unwrap());
    }
    for subscription in &mut subscriptions {
        assert_eq!(next(subscription).await, "subscribed");
    }
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn urls_that_can_never_work_are_refused_at_once() {
    let connect = |url: &str| Client::connect(url, Options::default()).unwrap_err();
    assert_eq!(connect("http://example.com/"), ConnectError::Url(UrlError::Scheme));
}
