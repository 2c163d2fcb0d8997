//! A subscriber that does not keep up: the others do not notice, and it is told what it missed.

use serde_json::json;
use wavecast_client::Options;

use crate::fake_server::{Server, next};

#[tokio::test]
async fn a_slow_subscriber_recovers_what_did_not_fit() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        let top = |offset| json!({ "recoverable": true, "positioned": true, "epoch": "e", "offset": offset });
        // In whichever order the client asks.
        for _ in 0..2 {
            let subscribe = connection.expect("subscribe");
            let is_slow = subscribe["subscribe"]["channel"] == "slow";
            connection.reply(&subscribe, if is_slow { top(0) } else { json!({}) });
        }
        for offset in 1..=12 {
            connection.publish("slow", offset, offset);
        }
        connection.publish("other", 0, "goes on");
        let unsubscribe = connection.expect("unsubscribe");
        assert_eq!(unsubscribe["unsubscribe"]["channel"], "slow");
        connection.reply(&unsubscribe, json!({}));
        let subscribe = connection.expect("subscribe");
        // "Subscribed" and seven publications fitted into a queue of eight.
        assert_eq!(subscribe["subscribe"]["offset"], 7);
        let mut result = top(12);
        result["recovered"] = true.into();
        result["publications"] = (8..=12).map(|offset| json!({ "offset": offset, "data": offset })).collect();
        connection.reply(&subscribe, result);
        connection.closed();
    });
    let client = server.client_with(Options { events_max: 8, ..Options::default() });
    let mut slow = client.subscribe("slow").await.unwrap();
    let mut other = client.subscribe("other").await.unwrap();
    assert_eq!(next(&mut other).await, "subscribed");
    assert_eq!(next(&mut other).await, "0:\"goes on\"");
    assert_eq!(next(&mut slow).await, "subscribed at e:0");
    for offset in 1..=7 {
        assert_eq!(next(&mut slow).await, format!("{offset}:{offset}"));
    }
    assert_eq!(next(&mut slow).await, "recovered at e:12");
    for offset in 8..=12 {
        assert_eq!(next(&mut slow).await, format!("{offset}:{offset}"));
    }
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn a_recovery_that_does_not_fit_goes_on_where_it_stopped() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        let mut asked = connection
            .subscribed(json!({ "recoverable": true, "positioned": true, "epoch": "e", "offset": 0 }));
        connection.close(3001, "shutdown");
        let mut connection = door.welcome();
        loop {
            let subscribe = connection.expect("subscribe");
            let since = subscribe["subscribe"]["offset"].as_u64().unwrap_or(0);
            assert!(since >= asked["offset"].as_u64().unwrap_or(0));
            asked = subscribe["subscribe"].clone();
            let missed: Vec<_> =
                (since + 1..=50).map(|offset| json!({ "offset": offset, "data": 0 })).collect();
            connection.reply(
                &subscribe,
                json!({ "recoverable": true, "positioned": true, "epoch": "e", "offset": 50,
                        "recovered": true, "publications": missed }),
            );
            if since >= 43 {
                break;
            }
            let unsubscribe = connection.expect("unsubscribe");
            connection.reply(&unsubscribe, json!({}));
        }
        connection.closed();
    });
    let client = server.client_with(Options { events_max: 8, ..Options::default() });
    let mut news = client.subscribe("news").await.unwrap();
    let mut offset = 0;
    while offset < 50 {
        let event = next(&mut news).await;
        assert!(!event.starts_with("gap"), "{event}");
        if let Some((number, _)) = event.split_once(":0") {
            let number = number.rsplit(' ').next().unwrap();
            if let Ok(number) = number.parse::<u64>() {
                offset += 1;
                assert_eq!(number, offset);
            }
        }
    }
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn without_recovery_a_slow_subscriber_is_told_of_the_gap() {
    let (overflow, overflowed) = tokio::sync::oneshot::channel();
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        connection.subscribed(json!({}));
        for i in 0..20 {
            connection.publish("slow", 0, i);
        }
        let unsubscribe = connection.expect("unsubscribe");
        overflow.send(()).unwrap();
        connection.reply(&unsubscribe, json!({}));
        connection.subscribed(json!({}));
        connection.publish("slow", 0, 99);
        connection.closed();
    });
    let client = server.client_with(Options { events_max: 8, ..Options::default() });
    let mut slow = client.subscribe("slow").await.unwrap();
    // Reading begins when the queue has overflowed.
    overflowed.await.unwrap();
    assert_eq!(next(&mut slow).await, "subscribed");
    for i in 0..7 {
        assert_eq!(next(&mut slow).await, format!("0:{i}"));
    }
    assert_eq!(next(&mut slow).await, "subscribed");
    assert_eq!(next(&mut slow).await, "gap SlowConsumer None None");
    assert_eq!(next(&mut slow).await, "0:99");
    client.close().await;
    server.done().await;
}
