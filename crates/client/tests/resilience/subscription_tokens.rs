//! Tokens of subscriptions: fetched when they are needed, renewed when their time is up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use wavecast_client::{Client, SubscribeOptions, Subscription, SubscriptionToken, TokenError, Unauthorized};

use crate::fake_server::{Server, next};

/// A source that gives "channel 0", "channel 1" and so on, but for what `instead` says.
fn counting(instead: fn(usize) -> Option<TokenError>) -> SubscribeOptions {
    let fetched = Arc::new(AtomicUsize::new(0));
    let token = SubscriptionToken::fetched(move |channel| {
        let number = fetched.fetch_add(1, Ordering::SeqCst);
        async move { instead(number).map_or_else(|| Ok(format!("{channel} {number}")), Err) }
    });
    SubscribeOptions { token: Some(token), ..SubscribeOptions::default() }
}

async fn subscribe(client: &Client, options: SubscribeOptions) -> Subscription {
    client.subscribe_with("a", options).await.unwrap()
}

#[tokio::test]
async fn a_token_is_fetched_before_the_first_subscribe_and_when_it_has_expired() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        let subscribe = connection.expect("subscribe");
        assert_eq!(subscribe["subscribe"], json!({ "channel": "a", "token": "a 1" }));
        connection.refuse(&subscribe, 109, false);
        assert_eq!(connection.subscribed(json!({}))["token"], "a 2");
        connection.close(3001, "shutdown");
        // It serves until the server has something against it.
        let mut connection = door.welcome();
        assert_eq!(connection.subscribed(json!({}))["token"], "a 2");
        let invalidated = json!({ "code": 2502, "reason": "state invalidated" });
        connection.send(json!({ "push": { "channel": "a", "unsubscribe": invalidated } }));
        assert_eq!(connection.subscribed(json!({}))["token"], "a 3");
        connection.close(3014, "state invalidated");
        let mut connection = door.welcome();
        assert_eq!(connection.subscribed(json!({}))["token"], "a 4");
        connection.closed();
    });
    let client = server.client();
    let mut a = subscribe(&client, counting(|number| (number == 0).then(|| "asleep".into()))).await;
    for expected in [
        "retrying 1",
        "retrying 109",
        "subscribed",
        "interrupted 3001",
        "subscribed",
        "gap Interrupted None None",
        "interrupted 2502",
        "subscribed",
        "gap Interrupted None None",
        "interrupted 3014",
        "subscribed",
    ] {
        assert_eq!(next(&mut a).await, expected);
    }
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn a_subscription_goes_on_with_a_new_token_when_the_time_is_up() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        assert_eq!(connection.subscribed(json!({ "expires": true, "ttl": 1 }))["token"], "a 0");
        // The call-back fails once in between; then the server is busy, and then finds it too old.
        let refresh = connection.expect("sub_refresh");
        assert_eq!(refresh["sub_refresh"], json!({ "channel": "a", "token": "a 2" }));
        connection.refuse(&refresh, 100, true);
        let refresh = connection.expect("sub_refresh");
        connection.refuse(&refresh, 109, false);
        let refresh = connection.expect("sub_refresh");
        assert_eq!(refresh["sub_refresh"]["token"], "a 4");
        connection.reply(&refresh, json!({ "expires": true, "ttl": 1 }));
        let refresh = connection.expect("sub_refresh");
        assert_eq!(refresh["sub_refresh"]["token"], "a 5");
        connection.reply(&refresh, json!({}));
        connection.publish("a", 0, 1);
        connection.closed();
    });
    let client = server.client();
    let mut a = subscribe(&client, counting(|number| (number == 1).then(|| "asleep".into()))).await;
    for expected in ["subscribed", "0:1"] {
        assert_eq!(next(&mut a).await, expected);
    }
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn a_refused_refresh_ends_the_subscription() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        connection.subscribed(json!({ "expires": true, "ttl": 1 }));
        let refresh = connection.expect("sub_refresh");
        connection.refuse(&refresh, 103, false);
        connection.expect("unsubscribe");
        connection.closed();
    });
    let client = server.client();
    let mut a = subscribe(&client, counting(|_| None)).await;
    for expected in ["subscribed", "unsubscribed 103", "the end"] {
        assert_eq!(next(&mut a).await, expected);
    }
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn without_access_the_subscription_ends() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        connection.subscribed(json!({ "expires": true, "ttl": 1 }));
        connection.expect("unsubscribe");
        connection.closed();
    });
    let client = server.client();
    let mut never = subscribe(&client, counting(|_| Some(Unauthorized.into()))).await;
    assert_eq!(next(&mut never).await, "unsubscribed 101");
    let mut later = subscribe(&client, counting(|number| (number == 1).then(|| Unauthorized.into()))).await;
    assert_eq!(next(&mut later).await, "subscribed");
    assert_eq!(next(&mut later).await, "unsubscribed 101");
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn an_expired_fixed_token_ends_the_subscription() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        let subscribe = connection.expect("subscribe");
        assert_eq!(subscribe["subscribe"]["token"], "fixed");
        connection.refuse(&subscribe, 109, false);
        connection.closed();
    });
    let client = server.client();
    let token = Some(SubscriptionToken::fixed("fixed"));
    let mut a = subscribe(&client, SubscribeOptions { token, ..SubscribeOptions::default() }).await;
    assert_eq!(next(&mut a).await, "unsubscribed 109");
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn a_subscription_that_is_dropped_while_its_token_is_fetched_is_never_asked_for() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        let mut asked = connection.subscribed(json!({}));
        assert_eq!(asked["channel"], "other");
        asked = connection.subscribed(json!({}));
        assert_eq!(asked["token"], "second");
        connection.closed();
    });
    let client = server.client();
    let slow = SubscriptionToken::fetched(|_| async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok("first".to_owned())
    });
    drop(subscribe(&client, SubscribeOptions { token: Some(slow.clone()), ..Default::default() }).await);
    let mut other = client.subscribe("other").await.unwrap();
    assert_eq!(next(&mut other).await, "subscribed");
    let abandoned = subscribe(&client, SubscribeOptions { token: Some(slow), ..Default::default() }).await;
    drop(abandoned);
    let quick = SubscriptionToken::fetched(|_| async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        Ok("second".to_owned())
    });
    let mut a = subscribe(&client, SubscribeOptions { token: Some(quick), ..Default::default() }).await;
    assert_eq!(next(&mut a).await, "subscribed");
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn call_backs_are_made_sixteen_at_a_time() {
    const CHANNELS: usize = 100;
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        for _ in 0..CHANNELS {
            connection.subscribed(json!({}));
        }
        connection.closed();
    });
    let client = server.client();
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let token = SubscriptionToken::fetched({
        let (running, most) = (running.clone(), most.clone());
        move |channel| {
            let running = running.clone();
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                Ok(channel)
            }
        }
    });
    let mut subscriptions = Vec::new();
    for i in 0..CHANNELS {
        let options = SubscribeOptions { token: Some(token.clone()), ..SubscribeOptions::default() };
        subscriptions.push(client.subscribe_with(&i.to_string(), options).await.unwrap());
    }
    for subscription in &mut subscriptions {
        assert_eq!(next(subscription).await, "subscribed");
    }
    assert!((2..=16).contains(&most.load(Ordering::SeqCst)), "{most:?}");
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn an_unrecoverable_position_can_be_an_end() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        let subscribe = connection.expect("subscribe");
        assert_eq!(subscribe["subscribe"]["flag"], 2);
        connection.refuse(&subscribe, 112, false);
        connection.closed();
    });
    let client = server.client();
    let since = wavecast_client::StreamPosition { offset: 3, epoch: "e".into() };
    let options =
        SubscribeOptions { reject_unrecovered: true, since: Some(since), ..SubscribeOptions::default() };
    let mut a = subscribe(&client, options).await;
    assert_eq!(next(&mut a).await, "unsubscribed 112");
    client.close().await;
    server.done().await;
}
