//! Subscriptions that the server makes: by token, by the name of the user, by the connect hook, by the API.

use serde_json::{Value, json};
use wavecast_client::{Client, Encoding, GapCause, StreamPosition, SubscriptionEvent};
use wavecast_tests::api;
use wavecast_tests::back_end::BackEnd;
use wavecast_tests::program::Program;
use wavecast_tests::proxy::Proxy;
use wavecast_tests::token::SECRET;

use crate::person::{Listener, anybody, closed, connect, connected, json_of, somebody};

in_both_encodings!(
    the_channels_of_a_token_are_there_with_the_connection,
    the_subscriptions_of_a_token_have_info_data_and_options_of_their_own,
    the_connect_hook_names_channels,
    everybody_has_a_channel_of_his_own,
    the_api_subscribes_and_unsubscribes,
    the_api_subscribes_from_a_place_on,
    what_was_missed_is_recovered_without_asking,
    what_cannot_be_recovered_is_a_gap,
    a_token_that_names_an_unknown_channel_ends_the_client,
);

fn configuration() -> Value {
    json!({
        "client": { "token": { "hmac_secret_key": SECRET } },
        "http_api": { "insecure": true },
        "channel": { "namespaces": [
            {
                "name": "news", "history_size": 10, "history_ttl": "60s", "force_recovery": true,
                "presence": true,
            },
            { "name": "plain", "presence": true },
            { "name": "told", "presence": true, "join_leave": true, "force_push_join_leave": true },
        ] },
    })
}

fn publish(server: &Program, channel: &str, values: impl IntoIterator<Item = u64>) {
    for value in values {
        api::call(server.address(), "publish", &json!({ "channel": channel, "data": value }));
    }
}

/// What others see of all who are in a channel, by session.
fn present(server: &Program, channel: &str) -> Value {
    api::call(server.address(), "presence", &json!({ "channel": channel }))["presence"].take()
}

async fn person(server: &Program, encoding: Encoding, claims: &Value) -> (Client, String, Listener) {
    let client = connect(server.address(), somebody(encoding, claims));
    let listener = Listener::of(&client).await;
    let id = crate::person::session(&client).await.0;
    (client, id, listener)
}

async fn the_channels_of_a_token_are_there_with_the_connection(encoding: Encoding) {
    let server = Program::start(&configuration());
    publish(&server, "news:a", 1..=3);
    let claims = json!({ "sub": "ann", "channels": ["news:a", "plain:a"] });
    let (_client, _, mut events) = person(&server, encoding, &claims).await;
    let news = events.subscribed("news:a").await;
    assert!(!news.was_recovering && !news.recovered, "{news:?}");
    assert_eq!(news.position.map(|position| position.offset), Some(3));
    assert_eq!(events.subscribed("plain:a").await.position, None);
    publish(&server, "news:a", [4]);
    assert_eq!(events.values("news:a", 1).await, [4]);
    publish(&server, "plain:a", [5]);
    assert_eq!(events.values("plain:a", 1).await, [5]);
}

async fn the_subscriptions_of_a_token_have_info_data_and_options_of_their_own(encoding: Encoding) {
    let server = Program::start(&configuration());
    let hidden = json!({ "presence": { "value": false } });
    let subs = json!({
        "plain:a": { "info": { "seat": 1 }, "data": { "welcome": true } },
        "plain:b": { "override": hidden },
    });
    let (_client, id, mut events) = person(&server, encoding, &json!({ "sub": "ann", "subs": subs })).await;
    assert_eq!(json_of(events.subscribed("plain:a").await.data.as_ref()), json!({ "welcome": true }));
    assert_eq!(events.subscribed("plain:b").await.data, None);
    let expected = json!({ "user": "ann", "client": id, "chan_info": { "seat": 1 } });
    assert_eq!(present(&server, "plain:a")[&id], expected);
    assert_eq!(present(&server, "plain:b"), json!({}));
}

async fn the_connect_hook_names_channels(encoding: Encoding) {
    let back_end = BackEnd::start(|_, _| {
        let subs = json!({ "plain:b": { "data": { "d": 1 }, "info": { "role": "x" } } });
        json!({ "result": { "user": "ann", "channels": ["news:a"], "subs": subs } })
    });
    let mut configuration = configuration();
    configuration["client"]["proxy"]["connect"] =
        json!({ "enabled": true, "endpoint": back_end.url("connect"), "timeout": "20s" });
    let server = Program::start(&configuration);
    let client = connect(server.address(), anybody(encoding));
    let mut events = Listener::of(&client).await;
    assert_eq!(events.subscribed("news:a").await.position.map(|position| position.offset), Some(0));
    assert_eq!(json_of(events.subscribed("plain:b").await.data.as_ref()), json!({ "d": 1 }));
    let present = present(&server, "plain:b");
    let infos: Vec<_> = present.as_object().expect("clients").values().map(|one| &one["chan_info"]).collect();
    assert_eq!(infos, [&json!({ "role": "x" })]);
}

async fn everybody_has_a_channel_of_his_own(encoding: Encoding) {
    let mut configuration = configuration();
    configuration["client"]["subscribe_to_user_personal_channel"] =
        json!({ "enabled": true, "personal_channel_namespace": "plain" });
    let server = Program::start(&configuration);
    let (_ann, _, mut events) = person(&server, encoding, &json!({ "sub": "ann" })).await;
    let (_bob, _, mut of_bob) = person(&server, encoding, &json!({ "sub": "bob" })).await;
    events.subscribed("plain:#ann").await;
    of_bob.subscribed("plain:#bob").await;
    publish(&server, "plain:#ann", [1]);
    publish(&server, "plain:#bob", [2]);
    assert_eq!(events.values("plain:#ann", 1).await, [1]);
    assert_eq!(of_bob.values("plain:#bob", 1).await, [2]);
}

async fn the_api_subscribes_and_unsubscribes(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (_client, id, mut events) = person(&server, encoding, &json!({ "sub": "ann" })).await;
    let (_other, other_id, mut of_other) = person(&server, encoding, &json!({ "sub": "ann" })).await;
    let request = json!({
        "user": "ann", "channel": "plain:a", "client": id, "info": { "by": "api" }, "data": { "hello": "you" },
    });
    api::call(server.address(), "subscribe", &request);
    // Done means done: what is published next arrives.
    publish(&server, "plain:a", [1]);
    assert_eq!(json_of(events.subscribed("plain:a").await.data.as_ref()), json!({ "hello": "you" }));
    assert_eq!(events.values("plain:a", 1).await, [1]);
    assert_eq!(present(&server, "plain:a")[&id]["chan_info"], json!({ "by": "api" }));

    // All of a user's, with joins.
    api::call(server.address(), "subscribe", &json!({ "user": "ann", "channel": "told:a" }));
    for listener in [&mut events, &mut of_other] {
        let mut joined = Vec::new();
        let mut is_subscribed = false;
        while !is_subscribed || !joined.iter().any(|client| *client == other_id || *client == id) {
            match listener.next_of("told:a").await {
                SubscriptionEvent::Subscribed { .. } => is_subscribed = true,
                SubscriptionEvent::Join(info) => joined.push(info.client),
                other => panic!("{other:?}"),
            }
        }
    }
    api::call(server.address(), "unsubscribe", &json!({ "user": "ann", "channel": "plain:a" }));
    assert_eq!(present(&server, "plain:a"), json!({}));
    publish(&server, "plain:a", [2]);
    api::call(server.address(), "unsubscribe", &json!({ "user": "ann", "channel": "told:a" }));
    let mut ended = Vec::new();
    while ended.len() < 2 {
        match events.next().await {
            (channel, SubscriptionEvent::Unsubscribed(cause)) => {
                assert_eq!((cause.code, &*cause.reason), (2000, "server unsubscribe"));
                ended.push(channel);
            }
            (channel, SubscriptionEvent::Join(_) | SubscriptionEvent::Leave(_)) => {
                assert_eq!(channel, "told:a");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ended, ["plain:a", "told:a"]);
}

async fn the_api_subscribes_from_a_place_on(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (_client, _, mut events) = person(&server, encoding, &json!({ "sub": "ann" })).await;
    let place = api::call(server.address(), "publish", &json!({ "channel": "news:a", "data": 1 }));
    publish(&server, "news:a", [2]);
    let since = json!({ "offset": 1, "epoch": place["epoch"] });
    let request = json!({ "user": "ann", "channel": "news:a", "recover_since": since });
    api::call(server.address(), "subscribe", &request);
    publish(&server, "news:a", [3]);
    let epoch = place["epoch"].as_str().expect("an epoch").to_owned();
    assert_eq!(events.subscribed("news:a").await.position, Some(StreamPosition { offset: 1, epoch }));
    assert_eq!(events.values("news:a", 2).await, [2, 3]);
}

/// Ann, who is subscribed to news and to something plain, is cut off and comes back after `meanwhile`.
async fn across_a_cut(
    server: &Program,
    encoding: Encoding,
    meanwhile: impl FnOnce(),
) -> (Client, Listener, Proxy) {
    let proxy = Proxy::start(server.address());
    let claims = json!({ "sub": "ann", "channels": ["news:a", "plain:a"] });
    let client = connect(proxy.address(), somebody(encoding, &claims));
    let mut events = Listener::of(&client).await;
    events.subscribed("news:a").await;
    events.subscribed("plain:a").await;
    publish(server, "news:a", [1]);
    assert_eq!(events.values("news:a", 1).await, [1]);
    proxy.cut();
    let mut interrupted = Vec::new();
    while interrupted.len() < 2 {
        let (channel, event) = events.next().await;
        assert!(matches!(event, SubscriptionEvent::Interrupted(_)), "{channel}: {event:?}");
        interrupted.push(channel);
    }
    interrupted.sort();
    assert_eq!(interrupted, ["news:a", "plain:a"]);
    meanwhile();
    proxy.lead_to(server.address());
    (client, events, proxy)
}

/// The plain channel comes back: nobody knows what was missed.
async fn assert_plain_is_back(events: &mut Listener) {
    let plain = events.subscribed("plain:a").await;
    assert!(!plain.was_recovering && !plain.recovered, "{plain:?}");
    match events.next_of("plain:a").await {
        SubscriptionEvent::Gap(gap) => {
            assert_eq!((gap.cause, gap.from, gap.to), (GapCause::Interrupted, None, None));
        }
        other => panic!("{other:?}"),
    }
}

async fn what_was_missed_is_recovered_without_asking(encoding: Encoding) {
    let server = Program::start(&configuration());
    let meanwhile = || publish(&server, "news:a", [2, 3]);
    let (_client, mut events, _proxy) = across_a_cut(&server, encoding, meanwhile).await;
    let news = events.subscribed("news:a").await;
    assert!(news.was_recovering && news.recovered, "{news:?}");
    assert_eq!(events.values("news:a", 2).await, [2, 3]);
    assert_plain_is_back(&mut events).await;
    publish(&server, "news:a", [4]);
    assert_eq!(events.values("news:a", 1).await, [4]);
}

async fn what_cannot_be_recovered_is_a_gap(encoding: Encoding) {
    let server = Program::start(&configuration());
    let meanwhile = || publish(&server, "news:a", 2..=20);
    let (_client, mut events, _proxy) = across_a_cut(&server, encoding, meanwhile).await;
    let news = events.subscribed("news:a").await;
    assert!(news.was_recovering && !news.recovered, "{news:?}");
    match events.next_of("news:a").await {
        SubscriptionEvent::Gap(gap) => {
            let offsets = [gap.from, gap.to].map(|position| position.map(|position| position.offset));
            assert_eq!((gap.cause, offsets), (GapCause::Unrecovered, [Some(1), Some(20)]));
        }
        other => panic!("{other:?}"),
    }
    assert_plain_is_back(&mut events).await;
    publish(&server, "news:a", [21]);
    assert_eq!(events.values("news:a", 1).await, [21]);
}

async fn a_token_that_names_an_unknown_channel_ends_the_client(encoding: Encoding) {
    let server = Program::start(&configuration());
    let client =
        connect(server.address(), somebody(encoding, &json!({ "sub": "ann", "channels": ["nowhere:a"] })));
    assert_eq!(closed(&client).await.code, 102);
    connected(server.address(), somebody(encoding, &json!({ "sub": "ann", "channels": ["news:a"] }))).await;
}
