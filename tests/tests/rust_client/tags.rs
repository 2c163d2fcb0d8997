//! Tags of publications, and subscriptions that want only some of them.

use serde_json::{Value, json};
use wavecast_client::{Encoding, HistoryQuery, SubscribeError, SubscribeOptions, TagsFilter};
use wavecast_tests::api;
use wavecast_tests::program::Program;
use wavecast_tests::proxy::Proxy;

use crate::person::{Reader, anybody, connected, subscription_refusal, values};

in_both_encodings!(
    tags_come_with_publications_live_and_from_history,
    each_filter_lets_through_what_it_says,
    a_recovery_is_filtered_and_counts_as_whole,
    a_filter_is_refused_where_none_is_allowed_or_when_it_is_not_one,
);

fn configuration() -> Value {
    json!({
        "client": { "insecure": true },
        "http_api": { "insecure": true },
        "channel": { "namespaces": [
            {
                "name": "kept", "allow_tags_filter": true,
                "history_size": 50, "history_ttl": "60s", "force_recovery": true,
            },
            { "name": "live", "allow_tags_filter": true },
            { "name": "closed" },
        ] },
    })
}

fn filtered(filter: TagsFilter) -> SubscribeOptions {
    SubscribeOptions { filter: Some(filter), ..SubscribeOptions::default() }
}

fn publish(server: &Program, channel: &str, data: u64, tags: &Value) {
    let mut publication = json!({ "channel": channel, "data": data });
    if !tags.is_null() {
        publication["tags"] = tags.clone();
    }
    api::call(server.address(), "publish", &publication);
}

async fn tags_come_with_publications_live_and_from_history(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (client, _) = connected(server.address(), anybody(encoding)).await;
    let mut reader = Reader::of(&client, "kept:tags").await;
    publish(&server, "kept:tags", 1, &json!({ "größe": "12 \"m\"", "leer": "" }));
    publish(&server, "kept:tags", 2, &Value::Null);
    let live = reader.publications(2).await;
    let page = client.history("kept:tags", HistoryQuery::default()).await.expect("everybody may read it");
    for publications in [live, page.publications] {
        let tags: Vec<_> = publications.iter().map(|publication| json!(publication.tags)).collect();
        assert_eq!(tags, [json!({ "größe": "12 \"m\"", "leer": "" }), json!({})]);
    }
}

/// A filter, and which of the [`publications`] pass it.
fn filters() -> Vec<(&'static str, TagsFilter, Vec<u64>)> {
    use TagsFilter as Tag;
    vec![
        ("equal", Tag::equal("kind", "a"), vec![1, 4]),
        ("not equal", Tag::not_equal("kind", "a"), vec![2, 3, 5, 6]),
        ("one of", Tag::one_of("kind", ["a", "b"]), vec![1, 2, 4]),
        ("none of", Tag::none_of("kind", ["a", "b"]), vec![3, 5, 6]),
        ("there", Tag::exists("price"), vec![1, 2, 3, 4]),
        ("not there", Tag::absent("price"), vec![5, 6]),
        ("begins with", Tag::starts_with("name", "al"), vec![1, 2]),
        ("ends with", Tag::ends_with("name", "ta"), vec![2, 3]),
        ("contains", Tag::contains("name", "pha"), vec![1, 2]),
        ("less", Tag::less("price", "10"), vec![1, 4]),
        ("at most", Tag::at_most("price", "10"), vec![1, 2, 4]),
        ("greater, as numbers", Tag::greater("price", "9.5"), vec![2, 3]),
        ("at least", Tag::at_least("price", "10.00"), vec![2, 3]),
        ("all of", Tag::all_of([Tag::equal("kind", "a"), Tag::less("price", "5")]), vec![1]),
        ("any of", Tag::any_of([Tag::equal("kind", "b"), Tag::greater("price", "100")]), vec![2, 3]),
        ("not", !Tag::equal("kind", "a"), vec![2, 3, 5, 6]),
        ("nested", Tag::all_of([Tag::exists("price"), !Tag::one_of("kind", ["a", "b"])]), vec![3]),
        ("nothing", Tag::equal("kind", "z"), vec![]),
    ]
}

fn publications() -> [Value; 6] {
    [
        json!({ "kind": "a", "price": "3", "name": "alpha" }),
        json!({ "kind": "b", "price": "10", "name": "alphabeta" }),
        json!({ "kind": "c", "price": "1000", "name": "zeta" }),
        json!({ "kind": "a", "price": "9.5" }),
        json!({ "other": "x" }),
        Value::Null,
    ]
}

async fn each_filter_lets_through_what_it_says(encoding: Encoding) {
    let server = Program::start(&configuration());
    for channel in ["kept:filters", "live:filters"] {
        let mut rooms = Vec::new();
        for (name, filter, expected) in filters() {
            // A client each: a client has only one subscription to a channel.
            let (client, _) = connected(server.address(), anybody(encoding)).await;
            let (reader, _) = Reader::with(&client, channel, filtered(filter)).await;
            rooms.push((name, reader, expected));
        }
        for (number, tags) in (1..).zip(&publications()) {
            publish(&server, channel, number, tags);
        }
        for (name, mut reader, expected) in rooms {
            assert_eq!(reader.values(expected.len()).await, expected, "{name}");
        }
    }
}

async fn a_recovery_is_filtered_and_counts_as_whole(encoding: Encoding) {
    let server = Program::start(&configuration());
    let proxy = Proxy::start(server.address());
    let (client, _) = connected(proxy.address(), anybody(encoding)).await;
    let kind = |number, kind: &str| publish(&server, "kept:cut", number, &json!({ "kind": kind }));
    let (mut reader, _) = Reader::with(&client, "kept:cut", filtered(TagsFilter::equal("kind", "a"))).await;
    kind(1, "a");
    kind(2, "b");
    let mut heard = reader.publications(1).await;
    proxy.cut();
    reader.interrupted().await;
    kind(3, "b");
    kind(4, "a");
    kind(5, "b");
    proxy.lead_to(server.address());
    let back = reader.subscribed().await;
    assert!(back.was_recovering && back.recovered, "{back:?}");
    kind(6, "b");
    kind(7, "a");
    heard.extend(reader.publications(2).await);
    assert_eq!(values(&heard), [1, 4, 7]);
}

async fn a_filter_is_refused_where_none_is_allowed_or_when_it_is_not_one(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (client, _) = connected(server.address(), anybody(encoding)).await;
    let good = filtered(TagsFilter::equal("kind", "a"));
    assert_eq!(subscription_refusal(&client, "closed:a", good).await, Some(107));
    // The client knows by itself what is none.
    let deep = (0..20).fold(TagsFilter::exists("kind"), |filter, _| !filter);
    for bad in [TagsFilter::all_of([]), deep] {
        let refused = client.subscribe_with("live:bad", filtered(bad.clone())).await;
        assert!(matches!(refused, Err(SubscribeError::Filter(_))), "{bad:?}: {refused:?}");
    }
}
