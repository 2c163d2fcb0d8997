//! What can be had again after a cut: all of it, the last value, or the news that something is missing.

use serde_json::{Value, json};
use wavecast_client::{Encoding, Gap, GapCause, StreamPosition, SubscribeOptions, SubscriptionEvent};
use wavecast_tests::api;
use wavecast_tests::program::Program;
use wavecast_tests::proxy::Proxy;

use crate::person::{Reader, anybody, connected, subscription_refusal};

in_both_encodings!(
    what_was_missed_is_recovered,
    where_it_cannot_be_had_there_is_a_gap,
    a_gap_can_be_the_end,
    recovery_that_is_not_allowed_is_not_given,
    where_there_is_nothing_to_recover_nothing_is_missing,
    from_a_known_place_on,
    the_last_value_comes_back_once,
    the_last_value_is_there_for_who_knows_nothing,
    the_last_value_of_a_server_that_started_anew,
);

/// More than this at once is not recovered.
const RECOVERY_MAX: u64 = 4;

fn configuration() -> Value {
    let namespace = |name: &str, size: u64, more: &[(&str, Value)]| {
        let mut namespace = json!({ "name": name, "history_size": size, "history_ttl": "60s" });
        more.iter().for_each(|(key, value)| namespace[*key] = value.clone());
        for open in ["allow_subscribe_for", "allow_publish_for"] {
            namespace[format!("{open}_client")] = true.into();
            namespace[format!("{open}_anonymous")] = true.into();
        }
        namespace
    };
    let on = Value::Bool(true);
    let cache = [("force_recovery", on.clone()), ("force_recovery_mode", "cache".into())];
    let auto = [&cache[..], &[("auto_cache_recover", on.clone())]].concat();
    json!({
        "client": {
            "allow_anonymous_connect_without_token": true,
            "recovery_max_publication_limit": RECOVERY_MAX,
        },
        "http_api": { "insecure": true },
        "channel": { "namespaces": [
            namespace("forced", 10, &[("force_recovery", on.clone())]),
            namespace("allowed", 10, &[("allow_recovery", on.clone()), ("allow_positioning", on.clone())]),
            namespace("never", 10, &[]),
            namespace("placed", 10, &[("force_positioning", on.clone())]),
            namespace("cache", 1, &cache),
            namespace("auto", 1, &auto),
        ] },
    })
}

fn recoverable() -> SubscribeOptions {
    SubscribeOptions { recoverable: true, ..SubscribeOptions::default() }
}

fn publish(server: &Program, channel: &str, values: impl IntoIterator<Item = u64>) {
    for value in values {
        api::call(server.address(), "publish", &json!({ "channel": channel, "data": value }));
    }
}

/// Somebody who has heard the first publication of a channel, is cut off, and comes back after `meanwhile`, through this
/// proxy.
async fn across_a_cut(
    server: &Program,
    encoding: Encoding,
    channel: &str,
    options: SubscribeOptions,
    meanwhile: impl FnOnce(),
) -> (Reader, Proxy) {
    let proxy = Proxy::start(server.address());
    let (client, _) = connected(proxy.address(), anybody(encoding)).await;
    let (mut reader, first) = Reader::with(&client, channel, options).await;
    assert!(!first.was_recovering && !first.recovered, "{first:?}");
    publish(server, channel, [1]);
    assert_eq!(reader.values(1).await, [1], "{channel}");
    proxy.cut();
    reader.interrupted().await;
    meanwhile();
    proxy.lead_to(server.address());
    (reader, proxy)
}

async fn what_was_missed_is_recovered(encoding: Encoding) {
    let server = Program::start(&configuration());
    for (channel, options) in [("forced:a", SubscribeOptions::default()), ("allowed:a", recoverable())] {
        let meanwhile = || publish(&server, channel, 2..=4);
        let (mut reader, _proxy) = across_a_cut(&server, encoding, channel, options, meanwhile).await;
        let back = reader.subscribed().await;
        assert!(back.was_recovering && back.recovered, "{channel}: {back:?}");
        assert_eq!(back.position.map(|position| position.offset), Some(4));
        publish(&server, channel, [5]);
        let heard = reader.publications(4).await;
        let offsets: Vec<_> = heard.iter().map(|publication| publication.offset).collect();
        assert_eq!(
            (offsets, crate::person::values(&heard)),
            (vec![2, 3, 4, 5], vec![2.into(), 3.into(), 4.into(), 5.into()])
        );
    }
}

/// The gap that the subscription comes back with.
async fn gap(reader: &mut Reader) -> Gap {
    let back = reader.subscribed().await;
    assert!(!back.recovered, "{back:?}");
    match reader.next().await {
        SubscriptionEvent::Gap(gap) => gap,
        other => panic!("no gap, but {other:?}"),
    }
}

async fn where_it_cannot_be_had_there_is_a_gap(encoding: Encoding) {
    let server = Program::start(&configuration());
    let positioned = || SubscribeOptions { positioned: true, ..SubscribeOptions::default() };
    let missed = RECOVERY_MAX + 1;
    let table = [
        ("forced:far", SubscribeOptions::default(), missed, GapCause::Unrecovered, true),
        ("allowed:far", recoverable(), missed, GapCause::Unrecovered, true),
        ("placed:near", SubscribeOptions::default(), 2, GapCause::Interrupted, true),
        ("allowed:placed", positioned(), 2, GapCause::Interrupted, true),
        ("never:near", recoverable(), 2, GapCause::Interrupted, false),
    ];
    for (channel, options, missed, cause, has_positions) in table {
        let meanwhile = || publish(&server, channel, 2..2 + missed);
        let (mut reader, _proxy) = across_a_cut(&server, encoding, channel, options, meanwhile).await;
        let gap = gap(&mut reader).await;
        let offset = |position: Option<StreamPosition>| position.map(|position| position.offset);
        let expected = if has_positions { (Some(1), Some(1 + missed)) } else { (None, None) };
        assert_eq!(
            (gap.cause, offset(gap.from), offset(gap.to)),
            (cause, expected.0, expected.1),
            "{channel}"
        );
        publish(&server, channel, [100]);
        assert_eq!(reader.values(1).await, [100], "nothing of what is missing comes later: {channel}");
    }
}

async fn a_gap_can_be_the_end(encoding: Encoding) {
    let server = Program::start(&configuration());
    let strict = || SubscribeOptions { reject_unrecovered: true, ..SubscribeOptions::default() };
    let meanwhile = || publish(&server, "forced:strict", 2..=2 + RECOVERY_MAX);
    let (mut reader, _proxy) = across_a_cut(&server, encoding, "forced:strict", strict(), meanwhile).await;
    let cause = reader.end().await;
    assert_eq!((cause.code, &*cause.reason), (112, "unrecoverable position"));

    let (client, _) = connected(server.address(), anybody(encoding)).await;
    let since = Some(StreamPosition { offset: 1, epoch: "elsewhere".to_owned() });
    let lost = SubscribeOptions { since: since.clone(), ..strict() };
    assert_eq!(subscription_refusal(&client, "forced:strict", lost).await, Some(112));
    // Who does not insist is told of the gap.
    let options = SubscribeOptions { since, ..SubscribeOptions::default() };
    let mut reader = Reader::asking(&client, "forced:strict", options).await;
    let gap = gap(&mut reader).await;
    assert_eq!((gap.cause, gap.to.map(|to| to.offset)), (GapCause::Unrecovered, Some(2 + RECOVERY_MAX)));

    // What can be recovered is no reason to end.
    let meanwhile = || publish(&server, "forced:calm", 2..=3);
    let (mut reader, _proxy) = across_a_cut(&server, encoding, "forced:calm", strict(), meanwhile).await;
    assert!(reader.subscribed().await.recovered);
    assert_eq!(reader.values(2).await, [2, 3]);
}

async fn recovery_that_is_not_allowed_is_not_given(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (client, _) = connected(server.address(), anybody(encoding)).await;
    let options = SubscribeOptions { positioned: true, ..recoverable() };
    let (_reader, first) = Reader::with(&client, "never:a", options).await;
    assert_eq!(first.position, None);
    for (channel, options) in [
        ("placed:a", SubscribeOptions::default()),
        ("allowed:a", SubscribeOptions { positioned: true, ..SubscribeOptions::default() }),
        ("forced:a", SubscribeOptions::default()),
    ] {
        publish(&server, channel, [1]);
        let (_reader, first) = Reader::with(&client, channel, options).await;
        assert_eq!(first.position.map(|position| position.offset), Some(1), "{channel}");
    }
}

async fn where_there_is_nothing_to_recover_nothing_is_missing(encoding: Encoding) {
    let server = Program::start(&configuration());
    for (channel, recovered) in [("forced:calm", true), ("placed:calm", false)] {
        let (mut reader, _proxy) =
            across_a_cut(&server, encoding, channel, SubscribeOptions::default(), || ()).await;
        let back = reader.subscribed().await;
        assert_eq!((back.was_recovering, back.recovered), (recovered, recovered), "{channel}");
        publish(&server, channel, [2]);
        assert_eq!(reader.values(1).await, [2], "without a gap: {channel}");
    }
}

async fn from_a_known_place_on(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (client, _) = connected(server.address(), anybody(encoding)).await;
    let place = api::call(server.address(), "publish", &json!({ "channel": "forced:since", "data": 1 }));
    publish(&server, "forced:since", 2..=3);
    let epoch = place["epoch"].as_str().expect("an epoch").to_owned();
    let since = Some(StreamPosition { offset: 1, epoch });
    let options = SubscribeOptions { since, ..SubscribeOptions::default() };
    let (mut reader, first) = Reader::with(&client, "forced:since", options).await;
    assert!(first.was_recovering && first.recovered, "{first:?}");
    assert_eq!(reader.values(2).await, [2, 3]);
}

async fn the_last_value_comes_back_once(encoding: Encoding) {
    let server = Program::start(&configuration());
    let default = SubscribeOptions::default;
    let meanwhile = || publish(&server, "cache:cut", 2..=9);
    let (mut reader, _proxy) = across_a_cut(&server, encoding, "cache:cut", default(), meanwhile).await;
    let back = reader.subscribed().await;
    assert!(back.was_recovering && back.recovered, "{back:?}");
    publish(&server, "cache:cut", [10]);
    assert_eq!(reader.values(2).await, [9, 10], "the last of many, without a gap");

    let (mut reader, _proxy) = across_a_cut(&server, encoding, "cache:calm", default(), || ()).await;
    assert!(reader.subscribed().await.recovered);
    publish(&server, "cache:calm", [2]);
    assert_eq!(reader.values(1).await, [2], "what was heard before does not come again");
}

async fn the_last_value_is_there_for_who_knows_nothing(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (client, _) = connected(server.address(), anybody(encoding)).await;
    let nowhere = Some(StreamPosition { offset: 0, epoch: String::new() });
    let asking = SubscribeOptions { since: nowhere, ..SubscribeOptions::default() };
    for (channel, options) in [("cache:new", asking), ("auto:new", SubscribeOptions::default())] {
        publish(&server, channel, [1, 2]);
        let mut reader = Reader::with(&client, channel, options).await.0;
        publish(&server, channel, [3]);
        assert_eq!(reader.values(2).await, [2, 3], "{channel}");
    }
    let mut empty = Reader::of(&client, "auto:empty").await;
    publish(&server, "auto:empty", [1]);
    assert_eq!(empty.values(1).await, [1]);
}

async fn the_last_value_of_a_server_that_started_anew(encoding: Encoding) {
    let before = Program::start(&configuration());
    let default = SubscribeOptions::default;
    let (mut reader, proxy) = across_a_cut(&before, encoding, "cache:life", default(), || ()).await;
    reader.subscribed().await;
    publish(&before, "cache:life", 2..=5);
    assert_eq!(reader.values(4).await, [2, 3, 4, 5]);

    let after = Program::start(&configuration());
    publish(&after, "cache:life", [6]);
    proxy.cut();
    proxy.lead_to(after.address());
    reader.interrupted().await;
    assert!(reader.subscribed().await.recovered);
    let last = reader.publications(1).await.remove(0);
    assert_eq!((last.offset, last.json::<u64>().expect("a number")), (1, 6), "though its offset is lower");
    publish(&after, "cache:life", [7]);
    assert_eq!(reader.values(1).await, [7]);
}
