//! Publications that come as changes to the one before, and filters, which are the other way to get less.

use serde_json::{Value, json};
use wavecast_client::{Delta, FilterError, SubscribeError, SubscribeOptions, TagsFilter};

use crate::fake_server::{Server, next};

const FIRST: &str = r#"{"price":100,"name":"a rather long name"}"#;

const SECOND: &str = r#"{"price":101,"name":"a rather long name"}"#;

fn with_delta() -> SubscribeOptions {
    SubscribeOptions { delta: Some(Delta::Fossil), ..SubscribeOptions::default() }
}

fn delta(base: &str, target: &str) -> Value {
    let delta = wavecast_hub::delta::create(base.as_bytes(), target.as_bytes(), 1_000).unwrap();
    String::from_utf8(delta).unwrap().into()
}

fn publication(offset: u64, data: Value, delta: bool) -> Value {
    json!({ "push": { "channel": "a", "pub": { "offset": offset, "data": data, "delta": delta } } })
}

fn stream(offset: u64) -> Value {
    json!({ "recoverable": true, "positioned": true, "epoch": "e", "offset": offset, "delta": true })
}

#[tokio::test]
async fn deltas_are_applied_across_a_recovery_that_begins_whole() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        assert_eq!(connection.subscribed(stream(0)), json!({ "channel": "a", "delta": "fossil" }));
        connection.send(publication(1, FIRST.into(), false));
        connection.send(publication(2, delta(FIRST, SECOND), true));
        connection.close(3001, "shutdown");
        let mut connection = door.welcome();
        let mut result = stream(4);
        result["recovered"] = true.into();
        result["publications"] = json!([
            { "offset": 3, "data": FIRST },
            { "offset": 4, "data": delta(FIRST, SECOND), "delta": true },
        ]);
        connection.subscribed(result);
        connection.send(publication(5, delta(SECOND, FIRST), true));
        connection.closed();
    });
    let client = server.client();
    let mut a = client.subscribe_with("a", with_delta()).await.unwrap();
    for expected in [
        "subscribed at e:0".to_owned(),
        format!("1:{FIRST}"),
        format!("2:{SECOND}"),
        "interrupted 3001".to_owned(),
        "recovered at e:4".to_owned(),
        format!("3:{FIRST}"),
        format!("4:{SECOND}"),
        format!("5:{FIRST}"),
    ] {
        assert_eq!(next(&mut a).await, expected);
    }
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn a_delta_that_does_not_fit_is_a_gap_and_a_new_beginning() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        connection.subscribed(stream(0));
        connection.send(publication(1, FIRST.into(), false));
        // Made from a payload that the client has never had.
        connection.send(publication(2, delta(&"x".repeat(100), &"x".repeat(101)), true));
        let unsubscribe = connection.expect("unsubscribe");
        connection.reply(&unsubscribe, json!({}));
        assert_eq!(connection.subscribed(stream(2))["recover"], Value::Null);
        connection.send(publication(3, SECOND.into(), false));
        connection.closed();
    });
    let client = server.client();
    let mut a = client.subscribe_with("a", with_delta()).await.unwrap();
    for expected in [
        "subscribed at e:0".to_owned(),
        format!("1:{FIRST}"),
        "interrupted 2500".to_owned(),
        "subscribed at e:2".to_owned(),
        "gap Undecodable Some(1) Some(2)".to_owned(),
        format!("3:{SECOND}"),
    ] {
        assert_eq!(next(&mut a).await, expected);
    }
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn a_server_without_deltas_sends_payloads_as_ever() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        connection.subscribed(json!({}));
        connection.publish("a", 0, "text");
        connection.closed();
    });
    let client = server.client();
    let mut a = client.subscribe_with("a", with_delta()).await.unwrap();
    assert_eq!(next(&mut a).await, "subscribed");
    assert_eq!(next(&mut a).await, "0:\"text\"");
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn offsets_that_a_filter_skips_are_no_loss() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        let asked = connection.subscribed(json!({ "recoverable": true, "epoch": "e", "offset": 0 }));
        let nodes =
            json!([{ "key": "k", "cmp": "in", "vals": ["a", "b"] }, { "key": "n", "cmp": "gt", "val": "5" }]);
        assert_eq!(asked["tf"], json!({ "op": "and", "nodes": nodes }));
        connection.publish("a", 3, 3);
        connection.publish("a", 9, 9);
        connection.closed();
    });
    let client = server.client();
    let filter = TagsFilter::all_of([TagsFilter::one_of("k", ["a", "b"]), TagsFilter::greater("n", "5")]);
    let options = SubscribeOptions { filter: Some(filter), ..SubscribeOptions::default() };
    let mut a = client.subscribe_with("a", options).await.unwrap();
    for expected in ["subscribed at e:0", "3:3", "9:9"] {
        assert_eq!(next(&mut a).await, expected);
    }
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn offsets_that_the_server_leaves_out_are_asked_for_once() {
    let stream = |offset: u64| json!({ "recoverable": true, "epoch": "e", "offset": offset });
    let server = Server::run(move |door| {
        let mut connection = door.welcome();
        connection.subscribed(stream(0));
        connection.publish("a", 2, 2);
        let unsubscribe = connection.expect("unsubscribe");
        connection.reply(&unsubscribe, json!({}));
        let mut result = stream(2);
        result["recovered"] = true.into();
        result["publications"] = json!([{ "offset": 2, "data": 2 }]);
        assert_eq!(connection.subscribed(result)["recover"], true);
        // Complete, and yet one is not there: it is not for this client.
        connection.publish("a", 4, 4);
        connection.publish("a", 7, 7);
        connection.closed();
    });
    let client = server.client();
    let mut a = client.subscribe("a").await.unwrap();
    for expected in ["subscribed at e:0", "interrupted 2500", "recovered at e:2", "2:2", "4:4", "7:7"] {
        assert_eq!(next(&mut a).await, expected);
    }
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn options_that_can_never_work_are_refused_at_once() {
    let server = Server::run(|door| door.welcome().closed());
    let client = server.client();
    let exists = || Some(TagsFilter::exists("k"));
    let both = SubscribeOptions { filter: exists(), ..with_delta() };
    assert_eq!(client.subscribe_with("a", both).await.unwrap_err(), SubscribeError::DeltaWithFilter);
    let empty = SubscribeOptions { filter: Some(TagsFilter::all_of([])), ..SubscribeOptions::default() };
    let wrong = SubscribeError::Filter(FilterError::WrongNodes);
    assert_eq!(client.subscribe_with("a", empty).await.unwrap_err(), wrong);
    let bytes = SubscribeOptions { data: Some(vec![0xff].into()), ..SubscribeOptions::default() };
    assert_eq!(client.subscribe_with("a", bytes).await.unwrap_err(), SubscribeError::Data);
    let states = client.states();
    let connected =
        |state: &wavecast_client::State| matches!(state, wavecast_client::State::Connected { .. });
    states.clone().wait_for(connected).await.unwrap();
    client.close().await;
    server.done().await;
}
