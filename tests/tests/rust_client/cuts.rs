//! A link that fails while publications go on, and a reader that does: nothing is lost, or a gap says what.

use serde_json::{Value, json};
use wavecast_client::{Client, Encoding, GapCause, Options, Publication, SubscriptionEvent};
use wavecast_tests::program::Program;
use wavecast_tests::proxy::Proxy;

use crate::person::{Reader, anybody, connect};

in_both_encodings!(
    a_link_that_is_cut_again_and_again_loses_nothing,
    more_than_the_history_holds_is_a_gap,
    a_server_that_starts_anew_has_forgotten_and_says_so,
    a_subscriber_that_falls_behind_catches_up_without_a_gap,
);

fn configuration() -> Value {
    json!({
        "client": { "insecure": true },
        "channel": {
            "without_namespace": { "history_size": 100, "history_ttl": "300s", "force_recovery": true },
        },
    })
}

async fn publish(client: &Client, channel: &str, numbers: std::ops::Range<u64>) {
    for number in numbers {
        client.publish(channel, &number).await.expect("the server takes it");
    }
}

/// The next `count` publications, and how often the subscription recovered in between. No gap may come.
async fn publications(reader: &mut Reader, count: usize) -> (Vec<Publication>, usize) {
    let (mut publications, mut recoveries) = (Vec::new(), 0);
    while publications.len() < count {
        match reader.next().await {
            SubscriptionEvent::Publication(publication) => publications.push(publication),
            SubscriptionEvent::Subscribed { was_recovering, recovered, .. } => {
                assert_eq!(was_recovering, recovered, "what was missed is still held");
                recoveries += usize::from(recovered);
            }
            SubscriptionEvent::Interrupted(_) => {}
            other => panic!("after {} publications: {other:?}", publications.len()),
        }
    }
    (publications, recoveries)
}

/// Publication *n* has the data *n* and the offset *n* + 1.
fn assert_each_once_in_order(publications: &[Publication], first: u64) {
    let heard: Vec<(u64, u64)> = (publications.iter())
        .map(|publication| (publication.offset, publication.json().expect("a number")))
        .collect();
    let expected: Vec<(u64, u64)> =
        (first..first + heard.len() as u64).map(|number| (number + 1, number)).collect();
    assert_eq!(heard, expected);
}

async fn a_link_that_is_cut_again_and_again_loses_nothing(encoding: Encoding) {
    let server = Program::start(&configuration());
    let proxy = Proxy::start(server.address());
    let publisher = connect(server.address(), anybody(encoding));
    let mut reader = Reader::of(&connect(proxy.address(), anybody(encoding)), "news").await;
    for round in 0..5 {
        let first = round * 40;
        publish(&publisher, "news", first..first + 10).await;
        let (heard, _) = publications(&mut reader, 10).await;
        assert_each_once_in_order(&heard, first);
        proxy.cut();
        publish(&publisher, "news", first + 10..first + 30).await;
        proxy.lead_to(server.address());
        publish(&publisher, "news", first + 30..first + 40).await;
        let (heard, recoveries) = publications(&mut reader, 30).await;
        assert_each_once_in_order(&heard, first + 10);
        assert_eq!(recoveries, 1, "round {round}");
    }
}

async fn more_than_the_history_holds_is_a_gap(encoding: Encoding) {
    let server = Program::start(&configuration());
    let proxy = Proxy::start(server.address());
    let publisher = connect(server.address(), anybody(encoding));
    let mut reader = Reader::of(&connect(proxy.address(), anybody(encoding)), "news").await;
    publish(&publisher, "news", 0..5).await;
    publications(&mut reader, 5).await;
    proxy.cut();
    publish(&publisher, "news", 5..200).await;
    proxy.lead_to(server.address());
    expect_gap(&mut reader, Some(5), Some(200)).await;
    publish(&publisher, "news", 200..203).await;
    let (heard, _) = publications(&mut reader, 3).await;
    assert_each_once_in_order(&heard, 200);
}

async fn a_server_that_starts_anew_has_forgotten_and_says_so(encoding: Encoding) {
    let before = Program::start(&configuration());
    let proxy = Proxy::start(before.address());
    let client = connect(proxy.address(), anybody(encoding));
    let mut reader = Reader::of(&client, "news").await;
    publish(&client, "news", 0..7).await;
    let (heard, _) = publications(&mut reader, 7).await;
    assert_each_once_in_order(&heard, 0);

    drop(before);
    let after = Program::start(&configuration());
    proxy.lead_to(after.address());
    expect_gap(&mut reader, Some(7), Some(0)).await;
    publish(&client, "news", 0..3).await;
    let (heard, _) = publications(&mut reader, 3).await;
    assert_each_once_in_order(&heard, 0);
}

/// The subscription comes back without all that it missed, and says between which offsets.
async fn expect_gap(reader: &mut Reader, from: Option<u64>, to: Option<u64>) {
    loop {
        match reader.next().await {
            SubscriptionEvent::Interrupted(_) => {}
            SubscriptionEvent::Subscribed { was_recovering, recovered, .. } => {
                assert!(was_recovering && !recovered);
            }
            SubscriptionEvent::Gap(gap) => {
                assert_eq!(gap.cause, GapCause::Unrecovered);
                assert_eq!(
                    (gap.from.map(|from| from.offset), gap.to.map(|to| to.offset)),
                    (from, to),
                    "the positions of the gap"
                );
                return;
            }
            other => panic!("no gap, but {other:?}"),
        }
    }
}

async fn a_subscriber_that_falls_behind_catches_up_without_a_gap(encoding: Encoding) {
    let server = Program::start(&configuration());
    let publisher = connect(server.address(), anybody(encoding));
    let client = connect(server.address(), Options { events_max: 16, ..anybody(encoding) });
    let mut slow = Reader::of(&client, "slow").await;
    let mut other = Reader::of(&client, "other").await;
    publish(&publisher, "slow", 0..90).await;
    // Who reads goes on meanwhile, on the same connection.
    for number in 0..5 {
        publish(&publisher, "other", number..number + 1).await;
        let (heard, _) = publications(&mut other, 1).await;
        assert_each_once_in_order(&heard, number);
    }
    let (heard, recoveries) = publications(&mut slow, 90).await;
    assert_each_once_in_order(&heard, 0);
    assert!(recoveries > 0, "it did fall behind");
    publish(&publisher, "slow", 90..95).await;
    let (heard, _) = publications(&mut slow, 5).await;
    assert_each_once_in_order(&heard, 90);
}
