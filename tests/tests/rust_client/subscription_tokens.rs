//! Subscription tokens: what they open, what ends with them, and how they are renewed.

use serde_json::{Value, json};
use tokio::sync::mpsc;
use wavecast_client::{
    Client, Encoding, SubscribeOptions, SubscriptionEvent, SubscriptionToken, TokenError, Unauthorized,
};
use wavecast_tests::api;
use wavecast_tests::program::Program;
use wavecast_tests::token::{SECRET, seconds, sign, sign_with};

use crate::person::{Reader, closed, connected, somebody, subscription_refusal, within};

in_both_encodings!(
    a_token_opens_what_is_closed_and_says_what_others_see,
    a_token_that_does_not_hold_is_refused,
    a_token_that_was_not_made_for_it_ends_the_client,
    a_token_that_is_over_is_fetched_anew,
    a_subscription_is_refreshed_and_stays_the_same,
    a_subscription_that_is_not_renewed_ends,
    a_fixed_token_that_runs_out_ends_the_subscription,
);

fn configuration() -> Value {
    json!({
        "client": { "token": { "hmac_secret_key": SECRET }, "expired_sub_close_delay": "0s" },
        "http_api": { "insecure": true },
        "channel": {
            "without_namespace": { "presence": true, "history_size": 10, "history_ttl": "60s" },
            "namespaces": [{ "name": "closed", "presence": true }],
        },
    })
}

/// A server where subscriptions have a while to be renewed.
fn patient() -> Value {
    let mut configuration = configuration();
    configuration["client"]["expired_sub_close_delay"] = "20s".into();
    configuration
}

async fn ann(server: &Program, encoding: Encoding) -> (Client, String) {
    connected(server.address(), somebody(encoding, &json!({ "sub": "ann" }))).await
}

/// Ann's token for a channel, with more claims.
fn signed(channel: &str, more: Value) -> String {
    let mut claims = json!({ "sub": "ann", "channel": channel });
    let Value::Object(more) = more else { panic!("claims are an object") };
    claims.as_object_mut().expect("an object").extend(more);
    sign(&claims)
}

fn fixed(token: impl Into<String>) -> SubscribeOptions {
    SubscribeOptions { token: Some(SubscriptionToken::fixed(token)), ..SubscribeOptions::default() }
}

type Answers = Vec<Result<Value, fn() -> TokenError>>;

/// A source that is asked for one token after the other (their claims), and tells each time for which channel.
fn fetched(answers: Answers) -> (SubscribeOptions, mpsc::UnboundedReceiver<String>) {
    let (asks, asked) = mpsc::unbounded_channel();
    let answers = std::sync::Mutex::new(answers.into_iter());
    let token = SubscriptionToken::fetched(move |channel: String| {
        let answer = answers.lock().expect("nobody panicked").next().expect("no more is asked for");
        let token = answer.map(|claims| signed(&channel, claims)).map_err(|error| error());
        asks.send(channel).expect("the test goes on");
        async move { token }
    });
    (SubscribeOptions { token: Some(token), ..SubscribeOptions::default() }, asked)
}

async fn a_token_opens_what_is_closed_and_says_what_others_see(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (client, id) = ann(&server, encoding).await;
    for channel in ["closed:by-token", "$by-token", "by-token"] {
        assert_eq!(subscription_refusal(&client, channel, SubscribeOptions::default()).await, Some(103));
        let token = signed(channel, json!({ "exp": seconds(60), "info": { "seat": 12 } }));
        let _reader = Reader::with(&client, channel, fixed(token)).await;
        let present = api::call(server.address(), "presence", &json!({ "channel": channel }));
        let expected = json!({ "user": "ann", "client": id, "chan_info": { "seat": 12 } });
        assert_eq!(present["presence"][&id], expected, "{channel}");
    }
}

async fn a_token_that_does_not_hold_is_refused(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (client, _) = ann(&server, encoding).await;
    let table = [
        ("nonsense", "nonsense".to_owned(), 103),
        ("of another secret", sign_with("guess", &json!({ "sub": "ann", "channel": "$x" })), 103),
        ("a connection token", sign(&json!({ "sub": "ann" })), 103),
        ("over", signed("$x", json!({ "exp": seconds(-5) })), 109),
    ];
    for (what, token, code) in table {
        assert_eq!(subscription_refusal(&client, "$x", fixed(token)).await, Some(code), "{what}");
    }
    // The connection has not suffered.
    Reader::with(&client, "$x", fixed(signed("$x", json!({})))).await;
}

async fn a_token_that_was_not_made_for_it_ends_the_client(encoding: Encoding) {
    let server = Program::start(&configuration());
    let table = [
        ("another channel", signed("$mine", json!({}))),
        ("another user", sign(&json!({ "sub": "bob", "channel": "$x" }))),
        ("another client", signed("$x", json!({ "client": "another" }))),
    ];
    for (what, token) in table {
        let (client, _) = ann(&server, encoding).await;
        let mut reader = Reader::asking(&client, "$x", fixed(token)).await;
        assert_eq!(reader.end().await.code, 3500, "{what}");
        assert_eq!(closed(&client).await.code, 3500, "{what}");
    }
}

async fn a_token_that_is_over_is_fetched_anew(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (client, _) = ann(&server, encoding).await;
    let away: fn() -> TokenError = || "away".into();
    let (options, mut asked) =
        fetched(vec![Err(away), Ok(json!({ "exp": seconds(-5) })), Ok(json!({ "exp": seconds(60) }))]);
    let mut reader = Reader::asking(&client, "$asked", options).await;
    let mut codes = Vec::new();
    let _position = loop {
        match reader.next().await {
            SubscriptionEvent::Retrying(cause) => codes.push(cause.code),
            SubscriptionEvent::Subscribed { position, .. } => break position,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(codes, [wavecast_client::Cause::TRANSPORT, 109]);
    for _ in 0..3 {
        assert_eq!(asked.recv().await.as_deref(), Some("$asked"));
    }
}

async fn a_subscription_is_refreshed_and_stays_the_same(encoding: Encoding) {
    let server = Program::start(&patient());
    let (client, _) = ann(&server, encoding).await;
    // The second one runs out as well: that there is a third call says that the server took the second.
    let (options, mut asked) = fetched(vec![
        Ok(json!({ "exp": seconds(1) })),
        Ok(json!({ "exp": seconds(3) })),
        Ok(json!({ "exp": seconds(600) })),
    ]);
    let (mut reader, _) = Reader::with(&client, "$refreshed", options).await;
    for _ in 0..3 {
        assert_eq!(within("the source is asked", asked.recv()).await.as_deref(), Some("$refreshed"));
    }
    api::call(server.address(), "publish", &json!({ "channel": "$refreshed", "data": "still here" }));
    assert_eq!(reader.values(1).await, ["still here"], "nothing was interrupted");
}

async fn a_subscription_that_is_not_renewed_ends(encoding: Encoding) {
    let server = Program::start(&patient());
    let (client, _) = ann(&server, encoding).await;
    let refused: fn() -> TokenError = || Unauthorized.into();
    let (options, _asked) = fetched(vec![Ok(json!({ "exp": seconds(4) })), Err(refused)]);
    let (mut reader, _) = Reader::with(&client, "$revoked", options).await;
    assert_eq!(reader.end().await.code, 101);
    // The server has been told.
    within("nobody is there", async {
        loop {
            let stats = api::call(server.address(), "presence_stats", &json!({ "channel": "$revoked" }));
            if stats["num_clients"] == 0 {
                return;
            }
            // A round trip behind the client's unsubscribe.
            let _ = client.presence("$revoked").await;
        }
    })
    .await;
}

async fn a_fixed_token_that_runs_out_ends_the_subscription(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (client, _) = ann(&server, encoding).await;
    let token = signed("$brief", json!({ "exp": seconds(4) }));
    let (mut reader, _) = Reader::with(&client, "$brief", fixed(token)).await;
    let cause = reader.interrupted().await;
    assert_eq!((cause.code, &*cause.reason), (2501, "subscription expired"));
    assert_eq!(reader.end().await.code, 109, "of the next attempt");
}
