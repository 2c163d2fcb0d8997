//! Connection tokens: fixed ones, and ones that are fetched when they are needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use wavecast_client::{Options, State, Token};

use crate::fake_server::Server;

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
    let fetched = Arc::new(AtomicU32::new(0));
    let token = Token::fetched(move || {
        let number = fetched.fetch_add(1, Ordering::SeqCst);
        async move {
            if number == 1 { Err("the back end is asleep".into()) } else { Ok(format!("token {number}")) }
        }
    });
    let client = server.client_with(Options { token: Some(token), ..Options::default() });
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
async fn tokens_stay_out_of_logs() {
    let options = Options { token: Some(Token::fixed("secret")), ..Options::default() };
    assert!(!format!("{options:?}").contains("secret"));
}
