//! History: forwards, backwards, from a place on, and only what the namespace keeps.

use serde_json::{Value, json};
use wavecast_client::{Client, Encoding, HistoryPage, HistoryQuery, StreamPosition};
use wavecast_tests::api;
use wavecast_tests::program::Program;

use crate::person::{Reader, anybody, connected, refusal, values};

in_both_encodings!(
    what_is_asked_for_is_what_comes,
    pages_follow_one_another,
    a_place_in_another_stream_is_refused,
    the_history_is_bounded_and_keeps_the_newest,
    what_was_removed_is_gone,
);

const SIZE: u64 = 20;

fn configuration() -> Value {
    json!({
        "client": { "insecure": true, "history_max_publication_limit": 15 },
        "http_api": { "insecure": true },
        "channel": { "without_namespace": { "history_size": SIZE, "history_ttl": "60s" } },
    })
}

fn publish(server: &Program, channel: &str, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        api::call(server.address(), "publish", &json!({ "channel": channel, "data": number }));
    }
}

async fn page(client: &Client, channel: &str, query: HistoryQuery) -> HistoryPage {
    client.history(channel, query).await.expect("everybody may read it")
}

async fn what_is_asked_for_is_what_comes(encoding: Encoding) {
    let server = Program::start(&configuration());
    publish(&server, "past", 1..=10);
    let (client, _) = connected(server.address(), anybody(encoding)).await;
    let reader = Reader::of(&client, "past").await;
    let top = page(&client, "past", HistoryQuery { limit: 0, ..HistoryQuery::default() }).await;
    assert_eq!((top.publications.len(), top.position.offset), (0, 10));
    let epoch = top.position.epoch;
    let table: [(i32, Option<u64>, bool, &[u64]); 10] = [
        (-1, None, false, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (3, None, false, &[1, 2, 3]),
        (3, None, true, &[10, 9, 8]),
        (-1, None, true, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        (3, Some(2), false, &[3, 4, 5]),
        (2, Some(4), true, &[3, 2]),
        (5, Some(8), false, &[9, 10]),
        (5, Some(3), true, &[2, 1]),
        (5, Some(10), false, &[]),
        (5, Some(1), true, &[]),
    ];
    for (limit, since, reverse, expected) in table {
        let since = since.map(|offset| StreamPosition { offset, epoch: epoch.clone() });
        let query = HistoryQuery { limit, since, reverse };
        for page in [
            page(&client, "past", query.clone()).await,
            reader.0.history(query.clone()).await.expect("everybody may read it"),
        ] {
            assert_eq!(values(&page.publications), expected, "{query:?}");
            let offsets: Vec<_> = page.publications.iter().map(|publication| publication.offset).collect();
            assert_eq!(offsets, expected, "{query:?}");
            assert_eq!(page.position, StreamPosition { offset: 10, epoch: epoch.clone() });
        }
    }
}

async fn pages_follow_one_another(encoding: Encoding) {
    let server = Program::start(&configuration());
    publish(&server, "past", 1..=10);
    let (client, _) = connected(server.address(), anybody(encoding)).await;
    let (mut since, mut seen) = (None, Vec::new());
    loop {
        let query = HistoryQuery { limit: 4, since: since.clone(), reverse: false };
        let page = page(&client, "past", query).await;
        let Some(last) = page.publications.last() else { break };
        since = Some(StreamPosition { offset: last.offset, epoch: page.position.epoch.clone() });
        seen.extend(values(&page.publications));
    }
    assert_eq!(seen, (1..=10).collect::<Vec<_>>());
}

async fn a_place_in_another_stream_is_refused(encoding: Encoding) {
    let server = Program::start(&configuration());
    publish(&server, "past", 1..=3);
    let (client, _) = connected(server.address(), anybody(encoding)).await;
    let since = Some(StreamPosition { offset: 1, epoch: "elsewhere".to_owned() });
    let query = HistoryQuery { since, ..HistoryQuery::default() };
    assert_eq!(refusal(client.history("past", query).await), Some(112));
}

async fn the_history_is_bounded_and_keeps_the_newest(encoding: Encoding) {
    let server = Program::start(&configuration());
    publish(&server, "busy", 1..=SIZE + 10);
    let (client, _) = connected(server.address(), anybody(encoding)).await;
    let page = page(&client, "busy", HistoryQuery::default()).await;
    assert_eq!(page.position.offset, SIZE + 10);
    // As many as one answer may have, of what is kept.
    assert_eq!(values(&page.publications), (11..=25).collect::<Vec<_>>());
}

async fn what_was_removed_is_gone(encoding: Encoding) {
    let server = Program::start(&configuration());
    publish(&server, "past", 1..=3);
    let (client, _) = connected(server.address(), anybody(encoding)).await;
    api::call(server.address(), "history_remove", &json!({ "channel": "past" }));
    let before = page(&client, "past", HistoryQuery::default()).await;
    assert_eq!(before.publications, []);
    publish(&server, "past", 4..=4);
    let after = page(&client, "past", HistoryQuery::default()).await;
    assert_eq!(values(&after.publications), [4]);
    assert!(after.position.offset > before.position.offset || after.position.epoch != before.position.epoch);
}
