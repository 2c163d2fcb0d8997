//! After a reconnect: everything that was missed, or a gap that says so.

use serde_json::{Value, json};
use wavecast_client::{StreamPosition, SubscribeOptions};

use crate::fake_server::{Server, next};

/// The position of a channel that can be recovered.
fn stream(offset: u64) -> Value {
    json!({ "recoverable": true, "positioned": true, "epoch": "e", "offset": offset })
}

#[tokio::test]
async fn what_was_missed_comes_after_the_reconnect_in_order_and_once() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        assert_eq!(connection.subscribed(stream(5)), json!({ "channel": "news" }));
        connection.publish("news", 6, "six");
        connection.publish("news", 7, "seven");
        drop(connection);

        let mut connection = door.welcome();
        let recovery = json!({ "channel": "news", "recover": true, "offset": 7, "epoch": "e" });
        let missed = json!([{ "offset": 8, "data": "eight" }, { "offset": 9, "data": "nine" }]);
        let mut result = stream(9);
        result["was_recovering"] = true.into();
        result["recovered"] = true.into();
        result["publications"] = missed;
        assert_eq!(connection.subscribed(result), recovery);
        // Twice from the server, once to the subscriber.
        connection.publish("news", 9, "nine");
        connection.publish("news", 10, "ten");
        connection.closed();
    });
    let client = server.client();
    let mut news = client.subscribe("news").await.unwrap();
    for expected in [
        "subscribed at e:5",
        "6:\"six\"",
        "7:\"seven\"",
        "interrupted 1",
        "recovered at e:9",
        "8:\"eight\"",
        "9:\"nine\"",
        "10:\"ten\"",
    ] {
        assert_eq!(next(&mut news).await, expected);
    }
    client.close().await;
    assert_eq!(next(&mut news).await, "unsubscribed 0");
    assert_eq!(next(&mut news).await, "the end");
    server.done().await;
}

#[tokio::test]
async fn a_recovery_may_be_told_from_where_it_starts() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        connection.subscribed(stream(5));
        drop(connection);

        let mut connection = door.welcome();
        let mut result = stream(5);
        result["was_recovering"] = true.into();
        result["recovered"] = true.into();
        result["publications"] = json!([{ "offset": 6, "data": "six" }, { "offset": 7, "data": "seven" }]);
        connection.subscribed(result);
        connection.publish("news", 8, "eight");
        connection.closed();
    });
    let client = server.client();
    let mut news = client.subscribe("news").await.unwrap();
    for expected in
        ["subscribed at e:5", "interrupted 1", "recovered at e:7", "6:\"six\"", "7:\"seven\"", "8:\"eight\""]
    {
        assert_eq!(next(&mut news).await, expected);
    }
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn what_the_server_no_longer_has_is_a_gap() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        connection.subscribed(stream(5));
        drop(connection);
        let mut connection = door.welcome();
        let mut result = stream(900);
        result["was_recovering"] = true.into();
        connection.subscribed(result);
        connection.publish("news", 901, 1);
        connection.closed();
    });
    let client = server.client();
    let mut news = client.subscribe("news").await.unwrap();
    for expected in [
        "subscribed at e:5",
        "interrupted 1",
        "not recovered at e:900",
        "gap Unrecovered Some(5) Some(900)",
        "901:1",
    ] {
        assert_eq!(next(&mut news).await, expected);
    }
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn a_channel_without_history_has_a_gap_after_every_interruption() {
    let server = Server::run(|door| {
        for i in 0..2 {
            let mut connection = door.welcome();
            assert_eq!(connection.subscribed(json!({})), json!({ "channel": "news" }));
            connection.publish("news", 0, i);
            // Without positions equal publications are two publications.
            connection.publish("news", 0, i);
            if i == 1 {
                connection.closed();
            }
        }
    });
    let client = server.client();
    let mut news = client.subscribe("news").await.unwrap();
    for expected in
        ["subscribed", "0:0", "0:0", "interrupted 1", "subscribed", "gap Interrupted None None", "0:1", "0:1"]
    {
        assert_eq!(next(&mut news).await, expected);
    }
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn a_stream_that_stood_still_has_no_gap_even_without_recovery() {
    let position = || json!({ "positioned": true, "epoch": "e", "offset": 5 });
    let server = Server::run(move |door| {
        let mut connection = door.welcome();
        connection.subscribed(position());
        drop(connection);
        let mut connection = door.welcome();
        assert_eq!(connection.subscribed(position()), json!({ "channel": "news" }));
        connection.publish("news", 6, 6);
        connection.closed();
    });
    let client = server.client();
    let mut news = client.subscribe("news").await.unwrap();
    for expected in ["subscribed at e:5", "interrupted 1", "subscribed at e:5", "6:6"] {
        assert_eq!(next(&mut news).await, expected);
    }
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn an_offset_that_jumps_is_recovered_on_the_same_connection() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        connection.subscribed(stream(5));
        connection.publish("news", 8, "eight");
        let unsubscribe = connection.expect("unsubscribe");
        connection.reply(&unsubscribe, json!({}));
        let mut result = stream(8);
        result["recovered"] = true.into();
        result["publications"] =
            json!([{ "offset": 6, "data": 6 }, { "offset": 7, "data": 7 }, { "offset": 8, "data": 8 }]);
        assert_eq!(connection.subscribed(result)["offset"], 5);
        connection.closed();
    });
    let client = server.client();
    let mut news = client.subscribe("news").await.unwrap();
    for expected in ["subscribed at e:5", "interrupted 2500", "recovered at e:8", "6:6", "7:7", "8:8"] {
        assert_eq!(next(&mut news).await, expected);
    }
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn a_subscription_may_begin_in_the_past() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        let mut result = stream(3);
        result["recovered"] = true.into();
        result["publications"] = json!([{ "offset": 3, "data": 3 }]);
        let asked = connection.subscribed(result);
        assert_eq!(asked, json!({ "channel": "news", "recover": true, "offset": 2, "epoch": "e" }));
        connection.closed();
    });
    let client = server.client();
    let since = Some(StreamPosition { offset: 2, epoch: "e".into() });
    let options = SubscribeOptions { since, ..SubscribeOptions::default() };
    let mut news = client.subscribe_with("news", options).await.unwrap();
    assert_eq!(next(&mut news).await, "recovered at e:3");
    assert_eq!(next(&mut news).await, "3:3");
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn an_invalidated_state_is_forgotten() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        connection.subscribed(stream(5));
        connection.close(3014, "state invalidated");
        let mut connection = door.welcome();
        assert_eq!(connection.subscribed(stream(7)), json!({ "channel": "news" }), "no recovery");
        connection
            .send(json!({ "push": { "channel": "news", "unsubscribe": { "code": 2502, "reason": "" } } }));
        assert_eq!(connection.subscribed(stream(8)), json!({ "channel": "news" }), "no recovery");
        connection.closed();
    });
    let client = server.client();
    let mut news = client.subscribe("news").await.unwrap();
    for expected in [
        "subscribed at e:5",
        "interrupted 3014",
        "subscribed at e:7",
        "gap Interrupted None Some(7)",
        "interrupted 2502",
        "subscribed at e:8",
        "gap Interrupted None Some(8)",
    ] {
        assert_eq!(next(&mut news).await, expected);
    }
    client.close().await;
    server.done().await;
}

/// What a channel that keeps the last value answers, with that value.
fn last_value(epoch: &str, offset: u64, data: &str) -> Value {
    json!({
        "recoverable": true, "positioned": true, "epoch": epoch, "offset": offset, "recovered": true,
        "publications": [{ "offset": offset, "data": data }],
    })
}

#[tokio::test]
async fn the_last_value_may_come_without_being_asked_for() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        assert_eq!(connection.subscribed(last_value("e", 7, "seven")), json!({ "channel": "news" }));
        connection.publish("news", 8, "eight");
        connection.closed();
    });
    let client = server.client();
    let mut news = client.subscribe("news").await.unwrap();
    for expected in ["given at e:7", "7:\"seven\"", "8:\"eight\""] {
        assert_eq!(next(&mut news).await, expected);
    }
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn the_last_value_of_a_stream_that_began_anew_has_a_lower_offset() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        connection.subscribed(stream(50));
        drop(connection);

        let mut connection = door.welcome();
        let recovery = json!({ "channel": "news", "recover": true, "offset": 50, "epoch": "e" });
        let mut result = last_value("f", 3, "three");
        // Where the client stands, and not where the stream does.
        result["offset"] = 50.into();
        assert_eq!(connection.subscribed(result), recovery);
        connection.publish("news", 4, "four");
        connection.closed();
    });
    let client = server.client();
    let mut news = client.subscribe("news").await.unwrap();
    for expected in ["subscribed at e:50", "interrupted 1", "recovered at f:3", "3:\"three\"", "4:\"four\""] {
        assert_eq!(next(&mut news).await, expected);
    }
    client.close().await;
    server.done().await;
}
