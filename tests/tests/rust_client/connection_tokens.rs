//! Who one is: by a connection token, which may be refused, over, or fetched anew, by a header, or nobody.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wavecast_client::{Client, Encoding, Options, Token, TokenError, Unauthorized};
use wavecast_tests::api;
use wavecast_tests::program::Program;
use wavecast_tests::token::{SECRET, seconds, sign, sign_with};

use crate::person::{Reader, anybody, closed, connect, connected, session, somebody, within};

in_both_encodings!(
    a_token_says_who_one_is,
    a_token_that_does_not_hold_ends_the_client,
    without_a_token_one_is_let_in_as_nobody_or_not_at_all,
    a_header_that_a_proxy_in_front_has_set_says_who_one_is,
    a_fixed_token_that_is_over_ends_the_client,
    a_fixed_token_that_runs_out_ends_the_client,
    a_token_that_is_over_is_fetched_anew,
    a_connection_is_refreshed_and_stays_the_same,
    a_refresh_with_the_token_of_somebody_else_ends_the_client,
    who_gets_no_token_any_more_ends,
    a_source_that_fails_is_asked_again,
);

fn configuration() -> Value {
    json!({
        "client": { "token": { "hmac_secret_key": SECRET } },
        "http_api": { "insecure": true },
        "channel": { "without_namespace": {
            "presence": true, "allow_subscribe_for_client": true, "allow_subscribe_for_anonymous": true,
        } },
    })
}

/// What others see of this client.
async fn seen(server: &Program, client: &Client, channel: &str) -> Value {
    let reader = Reader::of(client, channel).await;
    let mut presence = api::call(server.address(), "presence", &json!({ "channel": channel }));
    drop(reader);
    presence["presence"][session(client).await.0].take()
}

/// A source that gives one token after the other, and then the last one again.
fn one_after_the_other(tokens: Vec<String>) -> (Token, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let source = Token::fetched(move || {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        let token = tokens[number.min(tokens.len() - 1)].clone();
        async move { Ok(token) }
    });
    (source, asked)
}

fn fetching(encoding: Encoding, token: Token) -> Options {
    Options { token: Some(token), ..anybody(encoding) }
}

async fn a_token_says_who_one_is(encoding: Encoding) {
    let server = Program::start(&configuration());
    let claims = json!({ "sub": "ann", "exp": seconds(60), "info": { "name": "Änn", "admin": false } });
    let (fixed, id) = connected(server.address(), somebody(encoding, &claims)).await;
    let expected = json!({ "user": "ann", "client": id, "conn_info": { "name": "Änn", "admin": false } });
    assert_eq!(seen(&server, &fixed, "who").await, expected);

    let (token, asked) = one_after_the_other(vec![sign(&json!({ "sub": "bob" }))]);
    let (fetched, _) = connected(server.address(), fetching(encoding, token)).await;
    assert_eq!(seen(&server, &fetched, "who").await["user"], "bob");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    fixed.close().await;
    assert_eq!(closed(&fixed).await.code, wavecast_client::Cause::LOCAL);
}

async fn a_token_that_does_not_hold_ends_the_client(encoding: Encoding) {
    let server = Program::start(&configuration());
    let good = sign(&json!({ "sub": "ann" }));
    let table = [
        ("no token at all", "nonsense".to_owned()),
        ("another secret", sign_with("guess", &json!({ "sub": "ann" }))),
        ("a signature that is cut", good[..good.len() - 4].to_owned()),
        ("claims of the wrong type", sign(&json!({ "sub": 12 }))),
        ("a token for a subscription", sign(&json!({ "sub": "ann", "channel": "who" }))),
    ];
    for (what, token) in table {
        let cause = closed(&connect(server.address(), fetching(encoding, Token::fixed(token)))).await;
        assert_eq!((cause.code, &*cause.reason), (3500, "invalid token"), "{what}");
    }
}

async fn without_a_token_one_is_let_in_as_nobody_or_not_at_all(encoding: Encoding) {
    let server = Program::start(&configuration());
    assert_eq!(closed(&connect(server.address(), anybody(encoding))).await.code, 3501);
    let (client, _) = connected(server.address(), somebody(encoding, &json!({ "sub": "" }))).await;
    assert_eq!(seen(&server, &client, "who").await["user"], "");

    let mut open = configuration();
    open["client"]["allow_anonymous_connect_without_token"] = true.into();
    open["client"]["disallow_anonymous_connection_tokens"] = true.into();
    let server = Program::start(&open);
    let (client, id) = connected(server.address(), anybody(encoding)).await;
    assert_eq!(seen(&server, &client, "who").await, json!({ "user": "", "client": id }));
    let refused = connect(server.address(), somebody(encoding, &json!({ "sub": "" })));
    assert_eq!(closed(&refused).await.code, 3507);
}

async fn a_header_that_a_proxy_in_front_has_set_says_who_one_is(encoding: Encoding) {
    let mut configuration = configuration();
    configuration["client"]["user_id_http_header"] = "X-User-Id".into();
    let server = Program::start(&configuration);
    let headers = vec![("X-User-Id".to_owned(), "ann".to_owned())];
    let (client, _) = connected(server.address(), Options { headers, ..anybody(encoding) }).await;
    assert_eq!(seen(&server, &client, "who").await["user"], "ann");
}

async fn a_fixed_token_that_is_over_ends_the_client(encoding: Encoding) {
    let server = Program::start(&configuration());
    for claims in [json!({ "sub": "ann", "exp": seconds(-10) }), json!({ "sub": "ann", "nbf": seconds(600) })]
    {
        let cause = closed(&connect(server.address(), somebody(encoding, &claims))).await;
        assert_eq!((cause.code, &*cause.reason), (109, "token expired"), "{claims}");
    }
}

async fn a_fixed_token_that_runs_out_ends_the_client(encoding: Encoding) {
    let mut configuration = configuration();
    configuration["client"]["expired_close_delay"] = "0s".into();
    let server = Program::start(&configuration);
    let (client, _) =
        connected(server.address(), somebody(encoding, &json!({ "sub": "ann", "exp": seconds(4) }))).await;
    let mut reader = Reader::of(&client, "who").await;
    let cause = reader.interrupted().await;
    assert_eq!((cause.code, &*cause.reason), (3005, "connection expired"));
    assert_eq!(reader.end().await.code, 109, "of the next attempt");
    assert_eq!(closed(&client).await.code, 109);
}

async fn a_token_that_is_over_is_fetched_anew(encoding: Encoding) {
    let server = Program::start(&configuration());
    let token = |later| sign(&json!({ "sub": "ann", "exp": seconds(later) }));
    let (source, asked) = one_after_the_other(vec![token(-10), token(60)]);
    let (client, _) = connected(server.address(), fetching(encoding, source)).await;
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(seen(&server, &client, "who").await["user"], "ann");
}

async fn a_connection_is_refreshed_and_stays_the_same(encoding: Encoding) {
    let server = Program::start(&configuration());
    let token = |later, fresh: bool| {
        sign(&json!({ "sub": "ann", "exp": seconds(later), "info": { "fresh": fresh } }))
    };
    let (source, asked) = one_after_the_other(vec![token(4, false), token(600, true)]);
    let (client, id) = connected(server.address(), fetching(encoding, source)).await;
    let mut before = Reader::of(&client, "before").await;
    // What others see is settled when one subscribes, and nobody is told when the refresh has been done.
    within("the fresh info", async {
        for number in 0.. {
            let info = seen(&server, &client, &format!("room-{number}")).await["conn_info"].take();
            if info == json!({ "fresh": true }) {
                return;
            }
        }
    })
    .await;
    assert_eq!((asked.load(Ordering::SeqCst), session(&client).await.0), (2, id));
    api::call(server.address(), "publish", &json!({ "channel": "before", "data": "still here" }));
    assert_eq!(before.values(1).await, ["still here"], "nothing was interrupted");
}

async fn a_refresh_with_the_token_of_somebody_else_ends_the_client(encoding: Encoding) {
    let server = Program::start(&configuration());
    let token = |user, later| sign(&json!({ "sub": user, "exp": seconds(later) }));
    let (source, _) = one_after_the_other(vec![token("ann", 4), token("bob", 600)]);
    let (client, _) = connected(server.address(), fetching(encoding, source)).await;
    assert_eq!(closed(&client).await.code, 3500);
}

/// A source whose first answer is `first`, and that has none after it.
fn once(first: String) -> Token {
    let first = Mutex::new(Some(first));
    Token::fetched(move || {
        let token = first.lock().expect("nobody panicked").take();
        async move { token.ok_or_else(|| Unauthorized.into()) }
    })
}

async fn who_gets_no_token_any_more_ends(encoding: Encoding) {
    let server = Program::start(&configuration());
    for later in [-10, 2] {
        let token = once(sign(&json!({ "sub": "ann", "exp": seconds(later) })));
        let client = connect(server.address(), fetching(encoding, token));
        assert_eq!(closed(&client).await.code, 101, "a token that is over in {later} s");
    }
}

async fn a_source_that_fails_is_asked_again(encoding: Encoding) {
    let server = Program::start(&configuration());
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let token = Token::fetched(move || {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            match number {
                0 => Err(TokenError::from("away")),
                1 => panic!("a back end in trouble"),
                _ => Ok(sign(&json!({ "sub": "ann" }))),
            }
        }
    });
    let (client, _) = connected(server.address(), fetching(encoding, token)).await;
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    assert_eq!(seen(&server, &client, "who").await["user"], "ann");
}
