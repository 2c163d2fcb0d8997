//! Fossil deltas: who asks for differences sees the same as everybody else.

use serde_json::{Value, json};
use wavecast_client::{Client, Delta, Encoding, StreamPosition, SubscribeOptions};
use wavecast_tests::api;
use wavecast_tests::program::Program;
use wavecast_tests::proxy::Proxy;

use crate::person::{Reader, anybody, connected};

in_both_encodings!(
    who_takes_deltas_sees_what_everybody_sees,
    after_a_cut_deltas_go_on_from_what_was_recovered,
    the_last_value_of_a_cache_and_deltas_from_it,
);

fn configuration() -> Value {
    json!({
        "client": { "insecure": true },
        "http_api": { "insecure": true },
        "channel": { "namespaces": [
            {
                "name": "kept", "allowed_delta_types": ["fossil"],
                "history_size": 20, "history_ttl": "60s", "force_recovery": true,
            },
            { "name": "live", "allowed_delta_types": ["fossil"] },
            {
                "name": "always", "allowed_delta_types": ["fossil"], "delta_publish": true,
                "history_size": 20, "history_ttl": "60s", "force_recovery": true,
            },
            {
                "name": "cache", "allowed_delta_types": ["fossil"],
                "history_size": 1, "history_ttl": "60s", "force_recovery": true, "force_recovery_mode": "cache",
            },
            { "name": "whole", "history_size": 20, "history_ttl": "60s", "force_recovery": true },
        ] },
    })
}

/// Alike but for a number, and with what JSON has to escape.
fn version(number: u64) -> Value {
    let filler = "a text that does not change from one publication to the next, ".repeat(5);
    json!({ "number": number, "filler": filler, "note": "größe \"✓\"\n\u{1F600}" })
}

fn publish(server: &Program, channel: &str, data: &Value) {
    api::call(server.address(), "publish", &json!({ "channel": channel, "data": data, "delta": true }));
}

fn with_deltas() -> SubscribeOptions {
    SubscribeOptions { delta: Some(Delta::Fossil), ..SubscribeOptions::default() }
}

async fn taking_deltas(client: &Client, channel: &str) -> Reader {
    Reader::with(client, channel, with_deltas()).await.0
}

async fn who_takes_deltas_sees_what_everybody_sees(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (asking, _) = connected(server.address(), anybody(encoding)).await;
    let (silent, _) = connected(server.address(), anybody(encoding)).await;
    let mut sent: Vec<_> = (1..=5).map(version).collect();
    // Small ones, quite other ones, and the same again.
    sent.extend([
        json!("x"),
        json!(1),
        json!({ "short": version(1)["filler"] }),
        version(6),
        json!([]),
        version(7),
        version(7),
    ]);
    for channel in ["kept:a", "live:a", "always:a", "whole:a"] {
        let mut deltas = taking_deltas(&asking, channel).await;
        let mut plain = Reader::of(&silent, channel).await;
        for (index, value) in sent.iter().enumerate() {
            match index % 3 {
                0 => publish(&server, channel, value),
                1 => silent.publish(channel, value).await.expect("everybody may publish"),
                _ => {
                    api::call(server.address(), "publish", &json!({ "channel": channel, "data": value }));
                }
            }
        }
        let (deltas, plain) = (deltas.publications(sent.len()).await, plain.publications(sent.len()).await);
        assert_eq!(deltas, plain, "{channel}");
        assert_eq!(crate::person::values(&deltas), sent, "{channel}");
    }
}

async fn after_a_cut_deltas_go_on_from_what_was_recovered(encoding: Encoding) {
    let server = Program::start(&configuration());
    let proxy = Proxy::start(server.address());
    let (client, _) = connected(proxy.address(), anybody(encoding)).await;
    let mut reader = taking_deltas(&client, "kept:cut").await;
    let publish_all = |numbers: std::ops::RangeInclusive<u64>| {
        numbers.for_each(|number| publish(&server, "kept:cut", &version(number)));
    };
    publish_all(1..=3);
    let mut heard = reader.values(3).await;
    proxy.cut();
    reader.interrupted().await;
    publish_all(4..=6);
    proxy.lead_to(server.address());
    let back = reader.subscribed().await;
    assert!(back.was_recovering && back.recovered, "{back:?}");
    publish_all(7..=9);
    heard.extend(reader.values(6).await);
    assert_eq!(heard, (1..=9).map(version).collect::<Vec<_>>());
}

async fn the_last_value_of_a_cache_and_deltas_from_it(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (client, _) = connected(server.address(), anybody(encoding)).await;
    publish(&server, "cache:last", &version(1));
    publish(&server, "cache:last", &version(2));
    let since = Some(StreamPosition { offset: 0, epoch: String::new() });
    let (mut reader, first) =
        Reader::with(&client, "cache:last", SubscribeOptions { since, ..with_deltas() }).await;
    assert!(first.recovered, "{first:?}");
    publish(&server, "cache:last", &version(3));
    publish(&server, "cache:last", &version(4));
    assert_eq!(reader.values(3).await, (2..=4).map(version).collect::<Vec<_>>());
}
