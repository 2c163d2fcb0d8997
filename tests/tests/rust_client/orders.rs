//! What the back end orders by the API: unsubscribe, disconnect, refresh, and who may not come back.

use serde_json::{Value, json};
use wavecast_client::{Client, Encoding, Options, State, SubscribeOptions, Token};
use wavecast_tests::api;
use wavecast_tests::program::Program;
use wavecast_tests::token::{SECRET, seconds, sign};

use crate::person::{
    Reader, anybody, closed, connect, connected, session, somebody, subscription_refusal, within,
};

in_both_encodings!(
    who_is_unsubscribed_stays_away,
    who_is_disconnected_stays_away_or_comes_back_as_the_code_says,
    a_forced_reconnect_loses_nothing,
    a_connection_that_the_api_lets_expire_comes_back,
    a_revoked_token_lets_nobody_in_again,
    a_blocked_user_stays_out_until_unblocked,
    older_tokens_of_a_user_do_not_hold_any_more,
);

fn configuration() -> Value {
    json!({
        "client": { "token": { "hmac_secret_key": SECRET } },
        "http_api": { "insecure": true },
        "channel": {
            "without_namespace": {
                "history_size": 100, "history_ttl": "60s", "force_recovery": true,
                "allow_subscribe_for_client": true,
            },
        },
    })
}

async fn person(server: &Program, encoding: Encoding, user: &str) -> (Client, String) {
    connected(server.address(), somebody(encoding, &json!({ "sub": user }))).await
}

async fn who_is_unsubscribed_stays_away(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (client, id) = person(&server, encoding, "ann").await;
    let (other, _) = person(&server, encoding, "ann").await;
    let mut one = Reader::of(&client, "one").await;
    let mut two = Reader::of(&client, "two").await;
    let mut theirs = Reader::of(&other, "one").await;
    api::call(server.address(), "unsubscribe", &json!({ "user": "ann", "channel": "one", "client": id }));
    let cause = one.end().await;
    assert_eq!((cause.code, &*cause.reason), (2000, "server unsubscribe"));
    api::call(server.address(), "broadcast", &json!({ "channels": ["one", "two"], "data": 1 }));
    assert_eq!(two.values(1).await, [1]);
    assert_eq!(theirs.values(1).await, [1], "another connection of the same user");
    assert!(one.0.next().await.is_none());
    // It may be asked for again.
    assert_eq!(subscription_refusal(&client, "one", SubscribeOptions::default()).await, None);
    assert_eq!(session(&client).await.0, id);
}

async fn who_is_disconnected_stays_away_or_comes_back_as_the_code_says(encoding: Encoding) {
    let server = Program::start(&configuration());
    let mut people = Vec::new();
    for _ in 0..3 {
        let (client, id) = person(&server, encoding, "ann").await;
        people.push((Reader::of(&client, "news").await, client, id));
    }
    let [(first, client, id), (second, ..), (third, staying, its_id)] = &mut people[..] else {
        panic!("three have come")
    };
    api::call(server.address(), "disconnect", &json!({ "user": "ann", "client": id }));
    let cause = closed(client).await;
    assert_eq!((cause.code, &*cause.reason), (3503, "force disconnect"));
    assert_eq!(first.end().await, cause);

    let tired = json!({ "code": 4600, "reason": "tired" });
    api::call(
        server.address(),
        "disconnect",
        &json!({ "user": "ann", "whitelist": [its_id], "disconnect": tired }),
    );
    let cause = second.end().await;
    assert_eq!((cause.code, &*cause.reason), (4600, "tired"));

    let again = json!({ "code": 4200, "reason": "come back" });
    api::call(server.address(), "disconnect", &json!({ "user": "ann", "disconnect": again }));
    let cause = third.interrupted().await;
    assert_eq!((cause.code, &*cause.reason), (4200, "come back"));
    third.subscribed().await;
    assert_ne!(session(staying).await.0, *its_id);
}

async fn a_forced_reconnect_loses_nothing(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (client, _) = person(&server, encoding, "ann").await;
    let mut reader = Reader::of(&client, "news").await;
    let mut heard = Vec::new();
    for round in 0..5 {
        let publish = |number: u64| {
            api::call(server.address(), "publish", &json!({ "channel": "news", "data": number }));
        };
        publish(3 * round);
        let order = json!({ "user": "ann", "disconnect": { "code": 4100, "reason": "move" } });
        api::call(server.address(), "disconnect", &order);
        publish(3 * round + 1);
        publish(3 * round + 2);
        // Before the cut, or by the recovery.
        let before = reader.publications(1).await;
        assert_eq!(reader.interrupted().await.code, 4100);
        assert!(reader.subscribed().await.recovered);
        heard.extend(before);
        heard.extend(reader.publications(2).await);
    }
    let offsets: Vec<_> = heard.iter().map(|publication| publication.offset).collect();
    assert_eq!(offsets, (1..=15).collect::<Vec<_>>());
}

async fn a_connection_that_the_api_lets_expire_comes_back(encoding: Encoding) {
    let server = Program::start(&configuration());
    let token = sign(&json!({ "sub": "ann", "exp": seconds(600) }));
    let (client, id) =
        connected(server.address(), Options { token: Some(Token::fixed(token)), ..anybody(encoding) }).await;
    let mut reader = Reader::of(&client, "news").await;
    api::call(server.address(), "refresh", &json!({ "user": "ann", "expire_at": seconds(6_000) }));
    api::call(server.address(), "publish", &json!({ "channel": "news", "data": 1 }));
    assert_eq!(reader.values(1).await, [1], "a refresh interrupts nothing");
    api::call(server.address(), "refresh", &json!({ "user": "ann", "client": id, "expired": true }));
    let cause = reader.interrupted().await;
    assert_eq!((cause.code, &*cause.reason), (3005, "connection expired"));
    assert!(reader.subscribed().await.recovered);
    assert_ne!(session(&client).await.0, id);
}

/// Somebody of these claims is in, ends by the order, and does not get in again; somebody else stays.
async fn assert_stays_out(encoding: Encoding, method: &str, order: Value, claims: Value) -> Program {
    let server = Program::start(&configuration());
    let (other, _) = person(&server, encoding, "bob").await;
    let (client, _) = connected(server.address(), somebody(encoding, &claims)).await;
    let mut reader = Reader::of(&client, "news").await;
    let mut of_other = Reader::of(&other, "news").await;
    api::call(server.address(), method, &order);
    let cause = closed(&client).await;
    assert_eq!((cause.code, &*cause.reason), (3500, "invalid token"), "{method}");
    assert_eq!(reader.end().await, cause);
    let again = connect(server.address(), somebody(encoding, &claims));
    assert_eq!(closed(&again).await, cause, "{method}");
    api::call(server.address(), "publish", &json!({ "channel": "news", "data": 1 }));
    assert_eq!(of_other.values(1).await, [1], "{method}");
    server
}

async fn a_revoked_token_lets_nobody_in_again(encoding: Encoding) {
    let claims = json!({ "sub": "ann", "jti": "one", "exp": seconds(600) });
    let server = assert_stays_out(encoding, "revoke_token", json!({ "uid": "one" }), claims).await;
    // Ann herself may come in with another one.
    let claims = json!({ "sub": "ann", "jti": "two", "exp": seconds(600) });
    connected(server.address(), somebody(encoding, &claims)).await;
}

async fn a_blocked_user_stays_out_until_unblocked(encoding: Encoding) {
    let claims = json!({ "sub": "ann" });
    let server = assert_stays_out(encoding, "block_user", json!({ "user": "ann" }), claims.clone()).await;
    api::call(server.address(), "unblock_user", &json!({ "user": "ann" }));
    connected(server.address(), somebody(encoding, &claims)).await;
}

async fn older_tokens_of_a_user_do_not_hold_any_more(encoding: Encoding) {
    let claims = json!({ "sub": "ann", "iat": seconds(-100) });
    let order = json!({ "user": "ann", "issued_before": seconds(-50) });
    let server = assert_stays_out(encoding, "invalidate_user_tokens", order, claims).await;
    let (client, _) =
        connected(server.address(), somebody(encoding, &json!({ "sub": "ann", "iat": seconds(0) }))).await;
    let mut states = client.states();
    let state = within("a state", states.wait_for(|_| true)).await.expect("a state").clone();
    assert!(matches!(state, State::Connected { .. }), "{state:?}");
}
