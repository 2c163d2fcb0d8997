//! What was published is what arrives: its data, its place, who it was, and nothing to whom it is not for.

use serde_json::{Value, json};
use wavecast_client::{Data, Encoding, RequestError, SubscriptionEvent};
use wavecast_tests::api;
use wavecast_tests::program::Program;
use wavecast_tests::token::SECRET;

use crate::person::{Reader, connected, json_of, refusal, somebody, within};

in_both_encodings!(
    any_json_value_is_a_publication,
    a_publication_of_a_client_says_who_it_was,
    bytes_arrive_as_bytes_or_as_base64,
    json_needs_json,
    what_is_of_the_wrong_kind_is_refused,
    a_broadcast_reaches_every_channel_once,
    whom_a_publication_is_not_for,
    what_is_not_for_the_sender_does_not_come_by_recovery,
    what_is_published_twice_with_one_key_comes_once,
    a_thousand_publications_keep_their_order,
    who_has_left_hears_nothing_more_and_may_come_back,
);

fn configuration() -> Value {
    let open = json!({
        "allow_subscribe_for_client": true, "allow_publish_for_client": true, "allow_history_for_client": true,
    });
    let with = |more: Value| {
        let (Value::Object(mut open), Value::Object(more)) = (open.clone(), more) else { panic!("objects") };
        open.extend(more);
        Value::Object(open)
    };
    json!({
        "client": { "token": { "hmac_secret_key": SECRET } },
        "http_api": { "insecure": true },
        "channel": { "namespaces": [
            with(json!({ "name": "kept", "history_size": 2000, "history_ttl": "60s" })),
            with(json!({ "name": "live" })),
            with(json!({ "name": "polite", "exclude_publisher": true })),
            with(json!({
                "name": "politely-kept", "exclude_publisher": true,
                "history_size": 100, "history_ttl": "60s", "force_recovery": true,
            })),
            with(json!({ "name": "objects", "publication_data_format": "json_object" })),
        ] },
    })
}

async fn any_json_value_is_a_publication(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (client, _) = connected(server.address(), somebody(encoding, &json!({ "sub": "ann" }))).await;
    let sent = [
        json!("line\nbreak"),
        json!(0),
        json!(-1.5e300),
        json!(false),
        json!([]),
        json!({}),
        json!("x".repeat(30_000)),
        json!({ "grüße": { "deeper": [{ "✓": "\u{1F600}\u{0}" }] } }),
    ];
    for channel in ["kept:values", "live:values"] {
        let mut reader = Reader::of(&client, channel).await;
        for value in &sent {
            api::call(server.address(), "publish", &json!({ "channel": channel, "data": value }));
            client.publish(channel, value).await.expect("clients may publish");
        }
        let heard = reader.values(2 * sent.len()).await;
        let expected: Vec<_> = sent.iter().flat_map(|value| [value.clone(), value.clone()]).collect();
        assert_eq!(heard, expected, "{channel}");
    }
}

async fn a_publication_of_a_client_says_who_it_was(encoding: Encoding) {
    let server = Program::start(&configuration());
    let claims = json!({ "sub": "ann", "info": { "name": "Ann" } });
    let (ann, id) = connected(server.address(), somebody(encoding, &claims)).await;
    let (bob, _) = connected(server.address(), somebody(encoding, &json!({ "sub": "bob" }))).await;
    let mut reader = Reader::of(&bob, "kept:who").await;
    ann.publish("kept:who", &1).await.expect("clients may publish");
    api::call(server.address(), "publish", &json!({ "channel": "kept:who", "data": 2 }));
    let [by_ann, by_api] = &reader.publications(2).await[..] else { panic!("two were published") };
    let info = by_ann.info.as_ref().expect("a client");
    assert_eq!((&*info.user, &*info.client), ("ann", &*id));
    assert_eq!(json_of(info.conn_info.as_ref()), json!({ "name": "Ann" }));
    assert_eq!((by_ann.offset, by_api.offset, by_api.info.as_ref()), (1, 2, None));
    assert_eq!(&*by_api.channel, "kept:who");
}

async fn bytes_arrive_as_bytes_or_as_base64(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (binary, _) =
        connected(server.address(), somebody(Encoding::Protobuf, &json!({ "sub": "ann" }))).await;
    let (client, _) = connected(server.address(), somebody(encoding, &json!({ "sub": "bob" }))).await;
    let bytes = Data::from(vec![0xff, 0, b'\n', 0xfe]);
    for channel in ["kept:bytes", "live:bytes"] {
        let mut reader = Reader::of(&client, channel).await;
        binary.publish_data(channel, bytes.clone()).await.expect("any bytes may be published");
        api::call(server.address(), "publish", &json!({ "channel": channel, "b64data": "/wAK/g==" }));
        binary.publish(channel, &json!({ "now": "JSON" })).await.expect("and JSON too");
        let heard = reader.publications(3).await;
        for publication in &heard[..2] {
            match encoding {
                Encoding::Protobuf => assert_eq!(publication.data, bytes),
                Encoding::Json => assert_eq!(publication.json::<Value>().expect("JSON"), "/wAK/g=="),
            }
        }
        assert_eq!(heard[2].json::<Value>().expect("JSON"), json!({ "now": "JSON" }));
    }
}

async fn json_needs_json(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (client, _) = connected(server.address(), somebody(encoding, &json!({ "sub": "ann" }))).await;
    let published = client.publish_data("live:bytes", &b"no JSON"[..]).await;
    match encoding {
        Encoding::Protobuf => published.expect("any bytes may be published"),
        Encoding::Json => assert!(matches!(published, Err(RequestError::Data(_))), "{published:?}"),
    }
    client.publish_data("live:bytes", &b"{\n\"on\": [\"two lines\"]\r\n}"[..]).await.expect("this is JSON");
}

async fn what_is_of_the_wrong_kind_is_refused(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (client, _) = connected(server.address(), somebody(encoding, &json!({ "sub": "ann" }))).await;
    let table =
        [(json!({}), None), (json!({ "a": [] }), None), (json!([]), Some(107)), (json!("text"), Some(107))];
    for (data, code) in table {
        assert_eq!(refusal(client.publish("objects:a", &data).await), code, "{data}");
    }
}

async fn a_broadcast_reaches_every_channel_once(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (client, _) = connected(server.address(), somebody(encoding, &json!({ "sub": "ann" }))).await;
    let channels = ["kept:one", "kept:two", "live:three"];
    let mut readers = Vec::new();
    for channel in channels {
        readers.push(Reader::of(&client, channel).await);
    }
    for data in ["all", "and again"] {
        api::call(server.address(), "broadcast", &json!({ "channels": channels, "data": data }));
    }
    for reader in &mut readers {
        assert_eq!(reader.values(2).await, ["all", "and again"], "{}", reader.0.channel());
    }
}

async fn whom_a_publication_is_not_for(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (ann, id) = connected(server.address(), somebody(encoding, &json!({ "sub": "ann" }))).await;
    let (bob, _) = connected(server.address(), somebody(encoding, &json!({ "sub": "bob" }))).await;
    for (channel, positions) in [("kept:not-for-ann", true), ("live:not-for-ann", false)] {
        let (mut for_ann, mut for_bob) = (Reader::of(&ann, channel).await, Reader::of(&bob, channel).await);
        let secret = json!({ "channel": channel, "data": "secret", "exclude_clients": [id] });
        api::call(server.address(), "publish", &secret);
        api::call(server.address(), "publish", &json!({ "channel": channel, "data": "open" }));
        assert_eq!(for_bob.values(2).await, ["secret", "open"]);
        let heard = for_ann.publications(1).await.remove(0);
        assert_eq!(heard.json::<String>().expect("text"), "open");
        assert_eq!(heard.offset, if positions { 2 } else { 0 });
    }
    let (mut for_ann, mut for_bob) = (Reader::of(&ann, "polite:a").await, Reader::of(&bob, "polite:a").await);
    ann.publish("polite:a", "ann's").await.expect("clients may publish");
    bob.publish("polite:a", "bob's").await.expect("clients may publish");
    assert_eq!(for_ann.values(1).await, ["bob's"]);
    assert_eq!(for_bob.values(1).await, ["ann's"]);
}

/// The reader counts offsets: it takes the first of what is not for it for lost, and learns from the recovery that it is not.
async fn what_is_not_for_the_sender_does_not_come_by_recovery(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (ann, _) = connected(server.address(), somebody(encoding, &json!({ "sub": "ann" }))).await;
    let channel = "politely-kept:a";
    let mut reader = Reader::of(&ann, channel).await;
    for round in 0..5 {
        ann.publish(channel, "ann's").await.expect("clients may publish");
        api::call(server.address(), "publish", &json!({ "channel": channel, "data": round }));
    }
    let (mut heard, mut interruptions) = (Vec::new(), 0);
    while heard.len() < 5 {
        match within("an event", reader.0.next()).await {
            Some(SubscriptionEvent::Publication(publication)) => {
                heard.push(publication.json::<u32>().expect("what the back end has published"));
            }
            Some(SubscriptionEvent::Interrupted(_)) => interruptions += 1,
            Some(SubscriptionEvent::Subscribed { recovered: true, .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((heard, interruptions), (vec![0, 1, 2, 3, 4], 1));
}

async fn what_is_published_twice_with_one_key_comes_once(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (client, _) = connected(server.address(), somebody(encoding, &json!({ "sub": "ann" }))).await;
    let mut reader = Reader::of(&client, "kept:key").await;
    for _ in 0..3 {
        let once = json!({ "channel": "kept:key", "data": "once", "idempotency_key": "k" });
        let place = api::call(server.address(), "publish", &once);
        assert_eq!(place["offset"], 1);
    }
    api::call(server.address(), "publish", &json!({ "channel": "kept:key", "data": "end" }));
    assert_eq!(reader.values(2).await, ["once", "end"]);
}

async fn a_thousand_publications_keep_their_order(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (client, _) = connected(server.address(), somebody(encoding, &json!({ "sub": "ann" }))).await;
    let mut reader = Reader::of(&client, "kept:order").await;
    let publishing = async {
        for number in 0..1_000_u32 {
            client.publish("kept:order", &number).await.expect("clients may publish");
        }
    };
    let ((), heard) = tokio::join!(publishing, reader.publications(1_000));
    let heard: Vec<(u64, u64)> =
        heard.iter().map(|one| (one.offset, one.json().expect("a number"))).collect();
    assert_eq!(heard, (0..1_000).map(|number| (number + 1, number)).collect::<Vec<_>>());
}

async fn who_has_left_hears_nothing_more_and_may_come_back(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (client, _) = connected(server.address(), somebody(encoding, &json!({ "sub": "ann" }))).await;
    let reader = Reader::of(&client, "live:left").await;
    reader.0.unsubscribe();
    // A round trip behind the unsubscribe.
    let _ = client.presence("live:left").await;
    let info = api::call(server.address(), "info", &json!({}));
    assert_eq!(info["nodes"][0]["num_subs"], 0, "{info}");
    api::call(server.address(), "publish", &json!({ "channel": "live:left", "data": "unheard" }));
    let mut again = Reader::of(&client, "live:left").await;
    api::call(server.address(), "publish", &json!({ "channel": "live:left", "data": "heard" }));
    assert_eq!(again.values(1).await, ["heard"]);
}
