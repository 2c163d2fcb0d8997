//! Presence, and the joins and leaves that tell how it changes.

use serde_json::{Value, json};
use wavecast_client::{
    Client, ClientInfo, Encoding, PresenceStats, SubscribeOptions, SubscriptionEvent, SubscriptionToken,
};
use wavecast_tests::api;
use wavecast_tests::program::Program;
use wavecast_tests::token::{SECRET, sign};

use crate::person::{Reader, connected, json_of, somebody, within};

in_both_encodings!(
    presence_says_who_is_there,
    one_user_with_two_connections_is_two_clients_and_one_user,
    joins_and_leaves_are_told_whichever_way_one_goes,
    joins_and_leaves_are_told_to_who_asks_for_them_and_may_see_them,
);

fn configuration() -> Value {
    let seen = json!({ "presence": true, "allow_subscribe_for_client": true, "allow_presence_for_subscriber": true });
    let with = |name: &str, switches: &[&str]| {
        let mut namespace = seen.clone();
        namespace["name"] = name.into();
        switches.iter().for_each(|switch| namespace[*switch] = true.into());
        namespace
    };
    let mut shy = with("shy", &["join_leave"]);
    shy["allow_presence_for_subscriber"] = false.into();
    json!({
        "client": { "token": { "hmac_secret_key": SECRET } },
        "http_api": { "insecure": true },
        "channel": { "namespaces": [
            with("seen", &[]),
            with("told", &["join_leave", "force_push_join_leave"]),
            with("asked", &["join_leave"]),
            shy,
        ] },
    })
}

async fn person(server: &Program, encoding: Encoding, name: &str) -> (Client, String) {
    let claims = json!({ "sub": name, "info": { "name": name } });
    connected(server.address(), somebody(encoding, &claims)).await
}

fn assert_is(info: &ClientInfo, user: &str, client: &str) {
    assert_eq!((&*info.user, &*info.client), (user, client));
    assert_eq!(json_of(info.conn_info.as_ref()), json!({ "name": user }));
}

async fn presence_says_who_is_there(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (ann, ann_id) = person(&server, encoding, "ann").await;
    let (bob, bob_id) = person(&server, encoding, "bob").await;
    let room = Reader::of(&ann, "seen:room").await;
    let token = sign(&json!({ "sub": "bob", "channel": "seen:room", "info": { "seat": 1 } }));
    let token = Some(SubscriptionToken::fixed(token));
    let _seat =
        Reader::with(&bob, "seen:room", SubscribeOptions { token, ..SubscribeOptions::default() }).await;
    for present in [room.0.presence().await, ann.presence("seen:room").await] {
        let present = present.expect("a subscriber may see it");
        assert_eq!(present.len(), 2);
        assert_is(&present[&ann_id], "ann", &ann_id);
        assert_is(&present[&bob_id], "bob", &bob_id);
        assert_eq!(present[&ann_id].chan_info, None);
        assert_eq!(json_of(present[&bob_id].chan_info.as_ref()), json!({ "seat": 1 }));
    }
}

async fn one_user_with_two_connections_is_two_clients_and_one_user(encoding: Encoding) {
    let server = Program::start(&configuration());
    let mut rooms = Vec::new();
    for name in ["ann", "ann", "bob"] {
        let (client, _) = person(&server, encoding, name).await;
        rooms.push((Reader::of(&client, "seen:many").await, client));
    }
    let (room, _ann) = rooms.remove(0);
    let stats = async || room.0.presence_stats().await.expect("a subscriber may see it");
    assert_eq!(stats().await, PresenceStats { clients: 3, users: 2 });
    for (reader, client) in rooms {
        client.close().await;
        drop(reader);
    }
    // The server learns of an end a little after the client.
    within("the others are gone", async { while stats().await.clients > 1 {} }).await;
    assert_eq!(stats().await, PresenceStats { clients: 1, users: 1 });
}

/// The next join (true) or leave.
async fn change(reader: &mut Reader) -> (bool, ClientInfo) {
    match reader.next().await {
        SubscriptionEvent::Join(info) => (true, info),
        SubscriptionEvent::Leave(info) => (false, info),
        other => panic!("neither a join nor a leave: {other:?}"),
    }
}

async fn joins_and_leaves_are_told_whichever_way_one_goes(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (ann, ann_id) = person(&server, encoding, "ann").await;
    let (bob, bob_id) = person(&server, encoding, "bob").await;
    let (eve, eve_id) = person(&server, encoding, "eve").await;
    let mut room = Reader::of(&ann, "told:room").await;
    let theirs = Reader::of(&bob, "told:room").await;
    theirs.0.unsubscribe();
    let hers = Reader::of(&eve, "told:room").await;
    eve.close().await;
    let expected = [
        (true, "ann", &ann_id),
        (true, "bob", &bob_id),
        (false, "bob", &bob_id),
        (true, "eve", &eve_id),
        (false, "eve", &eve_id),
    ];
    // Bob's leave and Eve's join come over two connections, in either order.
    let mut changes = Vec::new();
    for _ in expected {
        let (joins, info) = change(&mut room).await;
        assert_is(&info, &info.user.clone(), &info.client.clone());
        changes.push((joins, info.user, info.client));
    }
    drop(hers);
    for (name, id) in [("ann", &ann_id), ("bob", &bob_id), ("eve", &eve_id)] {
        let of =
            |(joins, user, client): &(bool, String, String)| (user == name).then(|| (*joins, client.clone()));
        let found: Vec<_> = changes.iter().filter_map(of).collect();
        let wanted: Vec<_> = (expected.iter().filter(|(_, user, _)| *user == name))
            .map(|(joins, _, _)| (*joins, (*id).clone()))
            .collect();
        assert_eq!(found, wanted, "{name}");
    }
}

async fn joins_and_leaves_are_told_to_who_asks_for_them_and_may_see_them(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (ann, _) = person(&server, encoding, "ann").await;
    let (bob, _) = person(&server, encoding, "bob").await;
    let (eve, eve_id) = person(&server, encoding, "eve").await;
    let asking = SubscribeOptions { join_leave: true, ..SubscribeOptions::default() };
    for (channel, told) in [("asked:room", true), ("shy:room", false), ("seen:room", false)] {
        let (mut curious, _) = Reader::with(&ann, channel, asking.clone()).await;
        let mut silent = Reader::of(&bob, channel).await;
        let hers = Reader::of(&eve, channel).await;
        if told {
            // Ann herself may be told of as well.
            let joined = within("eve joins", async {
                loop {
                    let (joins, info) = change(&mut curious).await;
                    if info.user == "eve" {
                        return (joins, info);
                    }
                }
            });
            let (joins, info) = joined.await;
            assert!(joins);
            assert_is(&info, "eve", &eve_id);
        }
        // What the server says on a connection comes in the order of its doing: behind any join.
        api::call(server.address(), "publish", &json!({ "channel": channel, "data": "end" }));
        assert_eq!(silent.values(1).await, ["end"], "{channel}");
        assert_eq!(curious.values(1).await, ["end"], "{channel}");
        drop(hers);
    }
}
