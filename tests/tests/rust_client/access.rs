//! Who may subscribe, publish, and see presence and history: by namespace, by name, by token; and with which error
//! otherwise.

use serde_json::{Value, json};
use wavecast_client::{Client, Encoding, HistoryQuery, SubscribeOptions};
use wavecast_tests::program::Program;
use wavecast_tests::token::SECRET;

use crate::person::{Reader, anybody, closed, connected, refusal, session, somebody, subscription_refusal};

in_both_encodings!(
    who_may_subscribe,
    who_may_publish,
    who_may_see_presence_and_history,
    what_a_token_allows_in_many_channels,
    what_nobody_offers_is_not_available,
    a_message_that_nobody_takes_ends_the_client,
    so_many_channels_and_no_more,
);

const UNKNOWN_CHANNEL: Option<u32> = Some(102);
const PERMISSION_DENIED: Option<u32> = Some(103);
const LIMIT_EXCEEDED: Option<u32> = Some(106);
const BAD_REQUEST: Option<u32> = Some(107);
const NOT_AVAILABLE: Option<u32> = Some(108);

/// Options with these switched on.
fn options<'o>(switches: impl IntoIterator<Item = &'o str>) -> Value {
    switches.into_iter().map(|switch| (switch.to_owned(), Value::Bool(true))).collect()
}

fn namespace(name: &str, anyone: bool, switches: &[&str]) -> Value {
    let open = ["allow_subscribe_for_client", "allow_subscribe_for_anonymous"];
    let mut namespace = options(open.iter().filter(|_| anyone).chain(switches).copied());
    namespace["name"] = name.into();
    if name != "nothing" {
        namespace["history_size"] = 10.into();
        namespace["history_ttl"] = "60s".into();
        namespace["presence"] = true.into();
    }
    namespace
}

fn configuration() -> Value {
    let mut numbers = namespace("numbers", true, &[]);
    numbers["channel_regex"] = "^[0-9]+$".into();
    json!({
        "client": {
            "token": { "hmac_secret_key": SECRET },
            "allow_anonymous_connect_without_token": true,
            "channel_limit": 3,
        },
        "channel": { "namespaces": [
            namespace("users", false, &["allow_subscribe_for_client"]),
            namespace("all", true, &[]),
            namespace("half", false, &["allow_subscribe_for_anonymous"]),
            namespace("closed", false, &[]),
            numbers,
            namespace("private", false, &["allow_user_limited_channels"]),
            namespace("pub-client", true, &["allow_publish_for_client"]),
            namespace("pub-all", true, &["allow_publish_for_client", "allow_publish_for_anonymous"]),
            namespace("pub-subscriber", true, &["allow_publish_for_subscriber"]),
            namespace("see-client", true, &["allow_presence_for_client", "allow_history_for_client"]),
            namespace("see-subscriber", true, &["allow_presence_for_subscriber", "allow_history_for_subscriber"]),
            namespace("see-all", true, &[
                "allow_presence_for_client", "allow_presence_for_anonymous",
                "allow_history_for_client", "allow_history_for_anonymous",
            ]),
            namespace("nothing", true, &["allow_presence_for_client", "allow_history_for_client"]),
        ] },
    })
}

/// Ann, who has a token, and nobody, who has none.
async fn people(server: &Program, encoding: Encoding) -> [(&'static str, Client); 2] {
    let (ann, _) = connected(server.address(), somebody(encoding, &json!({ "sub": "ann" }))).await;
    let (nobody, _) = connected(server.address(), anybody(encoding)).await;
    [("ann", ann), ("nobody", nobody)]
}

async fn who_may_subscribe(encoding: Encoding) {
    let server = Program::start(&configuration());
    let people = people(&server, encoding).await;
    let (long, too_long) = (format!("all:{}", "x".repeat(251)), format!("all:{}", "x".repeat(252)));
    let table = [
        ("users:a", None, PERMISSION_DENIED),
        ("all:a", None, None),
        ("half:a", PERMISSION_DENIED, PERMISSION_DENIED),
        ("closed:a", PERMISSION_DENIED, PERMISSION_DENIED),
        ("without", PERMISSION_DENIED, PERMISSION_DENIED),
        ("nowhere:a", UNKNOWN_CHANNEL, UNKNOWN_CHANNEL),
        ("numbers:12", None, None),
        ("numbers:1x", BAD_REQUEST, BAD_REQUEST),
        ("all:größe", BAD_REQUEST, BAD_REQUEST),
        (&long, None, None),
        (&too_long, BAD_REQUEST, BAD_REQUEST),
        ("$all:a", PERMISSION_DENIED, PERMISSION_DENIED),
        ("$nowhere:a", UNKNOWN_CHANNEL, UNKNOWN_CHANNEL),
        ("private:#ann", None, PERMISSION_DENIED),
        ("private:#bob,ann", None, PERMISSION_DENIED),
        ("private:#bob", PERMISSION_DENIED, PERMISSION_DENIED),
        ("private:room", PERMISSION_DENIED, PERMISSION_DENIED),
    ];
    for (channel, for_ann, for_nobody) in table {
        for ((name, client), expected) in people.iter().zip([for_ann, for_nobody]) {
            let refused = subscription_refusal(client, channel, SubscribeOptions::default()).await;
            assert_eq!(refused, expected, "{channel} for {name}");
        }
    }
}

async fn who_may_publish(encoding: Encoding) {
    let server = Program::start(&configuration());
    let people = people(&server, encoding).await;
    let table = [
        ("pub-client:a", None, PERMISSION_DENIED),
        ("pub-all:a", None, None),
        ("pub-subscriber:a", PERMISSION_DENIED, PERMISSION_DENIED),
        ("all:a", PERMISSION_DENIED, PERMISSION_DENIED),
        ("nowhere:a", UNKNOWN_CHANNEL, UNKNOWN_CHANNEL),
    ];
    for (channel, for_ann, for_nobody) in table {
        for ((name, client), expected) in people.iter().zip([for_ann, for_nobody]) {
            assert_eq!(refusal(client.publish(channel, &1).await), expected, "{channel} for {name}");
        }
    }
    for ((name, client), expected) in people.iter().zip([None, PERMISSION_DENIED]) {
        let mut reader = Reader::of(client, "pub-subscriber:b").await;
        assert_eq!(refusal(reader.0.publish(name).await), expected, "a subscriber, {name}");
        if expected.is_none() {
            assert_eq!(reader.values(1).await, [*name]);
        }
    }
}

/// What three questions about a channel are refused with.
async fn questions(client: &Client, channel: &str) -> [Option<u32>; 3] {
    let query = HistoryQuery { limit: 1, ..HistoryQuery::default() };
    [
        refusal(client.presence(channel).await),
        refusal(client.presence_stats(channel).await),
        refusal(client.history(channel, query).await),
    ]
}

async fn who_may_see_presence_and_history(encoding: Encoding) {
    let server = Program::start(&configuration());
    let people = people(&server, encoding).await;
    let table = [
        ("see-client:a", None, PERMISSION_DENIED),
        ("see-all:a", None, None),
        ("see-subscriber:a", PERMISSION_DENIED, PERMISSION_DENIED),
        ("all:a", PERMISSION_DENIED, PERMISSION_DENIED),
        ("nothing:a", NOT_AVAILABLE, NOT_AVAILABLE),
        ("nowhere:a", UNKNOWN_CHANNEL, UNKNOWN_CHANNEL),
    ];
    for (channel, for_ann, for_nobody) in table {
        for ((name, client), expected) in people.iter().zip([for_ann, for_nobody]) {
            assert_eq!(questions(client, channel).await, [expected; 3], "{channel} for {name}");
        }
    }
    for ((name, client), expected) in people.iter().zip([None, PERMISSION_DENIED]) {
        let _reader = Reader::of(client, "see-subscriber:b").await;
        assert_eq!(questions(client, "see-subscriber:b").await, [expected; 3], "a subscriber, {name}");
    }
}

async fn what_a_token_allows_in_many_channels(encoding: Encoding) {
    let server = Program::start(&configuration());
    let caps = json!([
        { "channels": ["closed:mute"], "allow": ["sub"] },
        { "channels": ["closed:*"], "match": "wildcard", "allow": ["sub", "pub", "prs", "hst"] },
        { "channels": ["users:[a-c]+"], "match": "regex", "allow": ["pub"] },
    ]);
    let (client, _) =
        connected(server.address(), somebody(encoding, &json!({ "sub": "ann", "caps": caps }))).await;
    let table = [
        ("closed:mute", None, PERMISSION_DENIED, PERMISSION_DENIED),
        ("closed:other", None, None, None),
        ("users:abc", None, None, PERMISSION_DENIED),
        ("users:abd", None, PERMISSION_DENIED, PERMISSION_DENIED),
        ("half:a", PERMISSION_DENIED, PERMISSION_DENIED, PERMISSION_DENIED),
    ];
    for (channel, subscribe, publish, see) in table {
        let subscribed = subscription_refusal(&client, channel, SubscribeOptions::default()).await;
        let published = refusal(client.publish(channel, &1).await);
        let seen = questions(&client, channel).await;
        assert_eq!((subscribed, published, seen), (subscribe, publish, [see; 3]), "{channel}");
    }
}

async fn what_nobody_offers_is_not_available(encoding: Encoding) {
    let server = Program::start(&configuration());
    let people = people(&server, encoding).await;
    for (name, client) in &people {
        assert_eq!(refusal(client.rpc("anything", &json!({})).await), NOT_AVAILABLE, "{name}");
        // An error leaves the connection as it was.
        assert_eq!(subscription_refusal(client, "all:a", SubscribeOptions::default()).await, None);
    }
}

async fn a_message_that_nobody_takes_ends_the_client(encoding: Encoding) {
    let server = Program::start(&configuration());
    let [(_, client), _] = people(&server, encoding).await;
    let mut reader = Reader::of(&client, "all:a").await;
    client.send(&json!({ "hello": 1 })).await.expect("it is sent");
    let cause = closed(&client).await;
    assert_eq!((cause.code, &*cause.reason), (3508, "not available"));
    assert_eq!(reader.end().await.code, 3508);
}

async fn so_many_channels_and_no_more(encoding: Encoding) {
    let server = Program::start(&configuration());
    let [(_, client), _] = people(&server, encoding).await;
    let id = session(&client).await.0;
    let mut readers = Vec::new();
    for channel in ["all:1", "all:2", "all:3"] {
        readers.push(Reader::of(&client, channel).await);
    }
    let default = SubscribeOptions::default;
    assert_eq!(subscription_refusal(&client, "all:4", default()).await, LIMIT_EXCEEDED);
    readers.pop();
    assert_eq!(subscription_refusal(&client, "all:4", default()).await, None, "there is room again");
    assert_eq!(session(&client).await.0, id, "on the same connection");
}
