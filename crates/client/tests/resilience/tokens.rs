//! Connection tokens: fixed ones, and ones that are fetched when they are needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::Notify;
use wavecast_client::{
    Data, Options, State, SubscribeOptions, SubscriptionToken, Token, TokenError, Unauthorized,
};

use crate::fake_server::Server;

/// A source that gives "token 0", "token 1" and so on, but for what `instead` says.
fn counting(instead: fn(u32) -> Option<TokenError>) -> Token {
    let fetched = Arc::new(AtomicU32::new(0));
    Token::fetched(move || {
        let number = fetched.fetch_add(1, Ordering::SeqCst);
        async move { instead(number).map_or_else(|| Ok(format!("token {number}")), Err) }
    })
}

fn with(token: Token) -> Options {
    Options { token: Some(token), ..Options::default() }
}

#[tokio::test]
async fn an_expired_token_is_fetched_anew() {
    let server = Server::run(|door| {
        let mut connection = door.accept();
        let connect = connection.expect("connect");
        assert_eq!(connect["connect"]["token"], "token 0");
        connection.refuse(&connect, 109, false);
        connection.closed();
        for _ in 0..2 {
            // The same token serves until the server has something against it.
            let mut connection = door.accept();
            let connect = connection.expect("connect");
            assert_eq!(connect["connect"]["token"], "token 2");
            connection.reply(&connect, json!({ "client": "c" }));
            connection.close(3005, "connection expired");
        }
        door.accept().close(3500, "invalid token");
    });
    let asleep = |number| (number == 1).then(|| "the back end is asleep".into());
    let client = server.client_with(with(counting(asleep)));
    assert_eq!(client.closed().await.code, 3500);
    server.done().await;
}

#[tokio::test]
async fn an_expired_fixed_token_ends_the_client() {
    let server = Server::run(|door| {
        let mut connection = door.accept();
        let connect = connection.expect("connect");
        connection.refuse(&connect, 109, false);
        connection.closed();
    });
    let client = server.client_with(Options { token: Some(Token::fixed("old")), ..Options::default() });
    assert_eq!(client.closed().await.code, 109);
    assert!(matches!(&*client.states().borrow(), State::Closed(_)));
    server.done().await;
}

#[tokio::test]
async fn a_token_is_renewed_when_its_time_is_up_and_the_connection_goes_on() {
    let server = Server::run(|door| {
        let granted = Instant::now();
        let (mut connection, connect) = door.welcome_with(json!({ "expires": true, "ttl": 1 }));
        assert_eq!(connect["token"], "token 0");
        // The call-back fails once in between; then the server is busy, and then finds it too old.
        let refresh = connection.expect("refresh");
        assert!(granted.elapsed() >= Duration::from_millis(900), "{:?}", granted.elapsed());
        assert_eq!(refresh["refresh"]["token"], "token 2");
        connection.refuse(&refresh, 100, true);
        let refresh = connection.expect("refresh");
        assert_eq!(refresh["refresh"]["token"], "token 3");
        connection.refuse(&refresh, 109, false);
        let refresh = connection.expect("refresh");
        assert_eq!(refresh["refresh"]["token"], "token 4");
        connection.reply(&refresh, json!({ "client": "session-1", "expires": true, "ttl": 1 }));
        let refresh = connection.expect("refresh");
        assert_eq!(refresh["refresh"]["token"], "token 5");
        connection.reply(&refresh, json!({ "client": "session-1" }));
        connection.close(3001, "shutdown");
        // The next connection begins with the latest.
        let (connection, connect) = door.welcome_with(json!({}));
        assert_eq!(connect["token"], "token 5");
        connection.close(3500, "enough");
    });
    let client = server.client_with(with(counting(|number| (number == 1).then(|| "asleep".into()))));
    assert_eq!(client.closed().await.code, 3500);
    server.done().await;
}

#[tokio::test]
async fn a_refresh_without_an_answer_is_asked_again() {
    let server = Server::run(|door| {
        let (mut connection, _) = door.welcome_with(json!({ "expires": true, "ttl": 1 }));
        connection.expect("refresh");
        let refresh = connection.expect("refresh");
        assert_eq!(refresh["refresh"]["token"], "token 2");
        connection.reply(&refresh, json!({}));
        connection.close(3500, "enough");
    });
    let options = Options { request_timeout: Duration::from_millis(200), ..with(counting(|_| None)) };
    let client = server.client_with(options);
    assert_eq!(client.closed().await.code, 3500);
    server.done().await;
}

#[tokio::test]
async fn a_refused_refresh_ends_the_client() {
    let server = Server::run(|door| {
        let (mut connection, _) = door.welcome_with(json!({ "expires": true, "ttl": 1 }));
        let refresh = connection.expect("refresh");
        connection.refuse(&refresh, 103, false);
        connection.closed();
    });
    let client = server.client_with(with(counting(|_| None)));
    assert_eq!(client.closed().await.code, 103);
    server.done().await;
}

#[tokio::test]
async fn without_access_there_is_nothing_to_wait_for() {
    let server = Server::run(|door| {
        let (connection, _) = door.welcome_with(json!({ "expires": true, "ttl": 1 }));
        connection.closed();
    });
    let later = counting(|number| (number == 1).then(|| Unauthorized.into()));
    assert_eq!(server.client_with(with(later)).closed().await.code, 101);
    // From the start: there is not even a connection.
    assert_eq!(server.client_with(with(counting(|_| Some(Unauthorized.into())))).closed().await.code, 101);
    server.done().await;
}

#[tokio::test]
async fn a_fixed_token_is_not_renewed() {
    let server = Server::run(|door| {
        let (mut connection, _) = door.welcome_with(json!({ "expires": true, "ttl": 1 }));
        let publish = connection.expect("publish");
        connection.reply(&publish, json!({}));
        connection.close(3005, "connection expired");
        let mut connection = door.accept();
        let connect = connection.expect("connect");
        connection.refuse(&connect, 109, false);
        connection.closed();
    });
    let client = server.client_with(with(Token::fixed("only")));
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    client.publish("a", &1).await.unwrap();
    assert_eq!(client.closed().await.code, 109);
    server.done().await;
}

#[tokio::test]
async fn an_invalidated_state_asks_for_another_token() {
    let server = Server::run(|door| {
        door.welcome().close(3014, "state invalidated");
        let (connection, connect) = door.welcome_with(json!({}));
        assert_eq!(connect["token"], "token 1");
        connection.close(3500, "enough");
    });
    assert_eq!(server.client_with(with(counting(|_| None))).closed().await.code, 3500);
    server.done().await;
}

#[tokio::test]
async fn closing_does_not_wait_for_a_call_back() {
    let server = Server::run(|door| {
        let (connection, _) = door.welcome_with(json!({ "expires": true, "ttl": 1 }));
        connection.closed();
    });
    let calls = AtomicU32::new(0);
    let hanging = Arc::new(Notify::new());
    let token = Token::fetched({
        let hanging = hanging.clone();
        move || {
            let (is_first, hanging) = (calls.fetch_add(1, Ordering::SeqCst) == 0, hanging.clone());
            async move {
                if is_first {
                    return Ok("first".to_owned());
                }
                hanging.notify_one();
                std::future::pending().await
            }
        }
    });
    let client = server.client_with(with(token));
    hanging.notified().await;
    tokio::time::timeout(Duration::from_secs(2), client.close()).await.expect("closed at once");
    server.done().await;
}

#[tokio::test]
async fn tokens_stay_out_of_logs() {
    let options = Options {
        headers: vec![("Authorization".into(), "Bearer secret".into())],
        data: Some(Data::json("secret").unwrap()),
        ..with(Token::fixed("secret"))
    };
    let told = format!("{options:?}");
    assert!(told.contains("Authorization") && !told.contains("secret"), "{told}");
    let options = SubscribeOptions {
        token: Some(SubscriptionToken::fixed("secret")),
        data: Some(Data::json("secret").unwrap()),
        ..SubscribeOptions::default()
    };
    assert!(!format!("{options:?}").contains("secret"));
}

#[tokio::test]
async fn a_token_outlives_a_connection_that_does_not_come_about() {
    let server = Server::run(|door| {
        for _ in 0..3 {
            drop(door.stream());
        }
        let (connection, connect) = door.welcome_with(json!({}));
        assert_eq!(connect["token"], "token 0");
        connection.close(3500, "enough");
    });
    assert_eq!(server.client_with(with(counting(|_| None))).closed().await.code, 3500);
    server.done().await;
}
