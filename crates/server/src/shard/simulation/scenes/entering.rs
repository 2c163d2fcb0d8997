//! Connect commands that bring subscriptions, and those that the back end refuses late.

use std::time::Duration;

use serde_json::{Value, json};
use wavecast_net::Options;
use wavecast_protocol::centrifuge::Error;

use super::super::peer::Peer;
use super::super::world::World;
use super::{CONNECT, fill, hear, world};
use crate::hooks::{Answer, ConnectGrant};
use crate::office::Asked;
use crate::session::{Answered, Question};

/// A connect command that wants to recover channels from offset 0.
fn connect(world: &mut World, channels: &[&str]) -> String {
    let position = |channel: &str| {
        let state = world.node.history(channel, wavecast_hub::HistoryQuery::default()).unwrap().position;
        (channel.to_owned(), json!({ "recover": true, "offset": 0, "epoch": &*state.epoch }))
    };
    let subs: serde_json::Map<String, Value> = channels.iter().map(|channel| position(channel)).collect();
    json!({ "id": 1, "connect": { "subs": subs } }).to_string()
}

#[test]
fn a_connect_command_that_fails_takes_its_subscriptions_with_it() {
    // There is room for the hub's answer to one of them.
    let mut world = World::new(7, 1, &Options { events_max: 1, ..Options::default() }, |_| {});
    let command = connect(&mut world, &["long:a", "short:a"]);
    let mut peer = Peer::connect(&world.networks[0]);
    peer.say(&command);
    assert_eq!(hear(&mut world, &mut peer)[0]["error"]["code"], 111);
    fill(&mut world, "long:a", 1, 10);
    assert!(hear(&mut world, &mut peer).is_empty(), "who is not connected hears nothing");
    let info = world.node.info();
    assert_eq!((info.num_clients, info.num_subs), (0, 0));
    assert!(world.shard(0).handler().channels.is_empty());
}

#[test]
fn what_does_not_fit_the_connect_reply_is_not_recovered_and_the_client_comes_in() {
    let mut world = world(16 * 1024);
    for channel in ["long:a", "long:b", "short:a"] {
        fill(&mut world, channel, 5, 3000);
    }
    let command = connect(&mut world, &["long:a", "long:b", "short:a"]);
    let mut peer = Peer::connect(&world.networks[0]);
    peer.say(&command);
    let heard = hear(&mut world, &mut peer);
    let subs = &heard[0]["connect"]["subs"];
    let recovered = ["long:a", "long:b", "short:a"].map(|channel| subs[channel]["recovered"] == true);
    assert_eq!(
        recovered.iter().filter(|recovered| **recovered).count(),
        1,
        "one page always fits: {heard:?}"
    );
    fill(&mut world, "long:b", 1, 10);
    assert_eq!(hear(&mut world, &mut peer)[0]["push"]["pub"]["offset"], 6);
}

#[test]
fn who_is_refused_late_is_stale_all_the_same() {
    let mut world = World::asking(7, 1, &Options::default(), |_| {});
    let mut peer = Peer::connect(&world.networks[0]);
    peer.say(CONNECT);
    hear(&mut world, &mut peer);
    world.advance(Duration::from_secs(30));
    assert!(hear(&mut world, &mut peer).is_empty());
    assert_eq!(peer.closed, None, "who waits for the back end is not stale");
    let Some(Asked { question: Question::Connect { draft, .. }, answer }) = world.backend.take_question()
    else {
        panic!("it asks whether the client may come in");
    };
    answer(Answered::Connect(Answer::Error(Error::PERMISSION_DENIED), draft));
    assert_eq!(hear(&mut world, &mut peer)[0]["error"]["code"], 103);
    world.advance(Duration::from_secs(30));
    hear(&mut world, &mut peer);
    assert_eq!(peer.closed, Some(3502));
}

#[test]
fn who_cannot_even_be_asked_about_is_refused_for_now_and_stale_later() {
    let mut world = World::asking(7, 1, &Options { events_max: 1, ..Options::default() }, |_| {});
    assert!(world.remote(0).reserve(), "somebody else has the room");
    let mut peer = Peer::connect(&world.networks[0]);
    peer.say(CONNECT);
    let error = &hear(&mut world, &mut peer)[0]["error"];
    assert_eq!((&error["code"], &error["temporary"]), (&111.into(), &true.into()));
    world.remote(0).release();
    world.advance(Duration::from_secs(30));
    hear(&mut world, &mut peer);
    assert_eq!(peer.closed, Some(3502));
}

#[test]
fn a_connection_that_nobody_can_be_asked_about_lives_a_little_longer() {
    let mut world = World::asking(7, 1, &Options { events_max: 1, ..Options::default() }, |_| {});
    let mut peer = Peer::connect(&world.networks[0]);
    peer.say(CONNECT);
    hear(&mut world, &mut peer);
    let Some(Asked { question: Question::Connect { draft, .. }, answer }) = world.backend.take_question()
    else {
        panic!("it asks whether the client may come in");
    };
    let expire_at = (world.node.now_ms() / 1000 + 5) as i64;
    answer(Answered::Connect(Answer::Ok(ConnectGrant { expire_at, ..ConnectGrant::default() }), draft));
    hear(&mut world, &mut peer);
    assert!(world.remote(0).reserve(), "somebody else has the room");
    world.advance(Duration::from_secs(6));
    hear(&mut world, &mut peer);
    world.remote(0).release();
    assert!(world.backend.take_question().is_none());
    for _ in 0..4 {
        world.advance(Duration::from_secs(15));
        hear(&mut world, &mut peer);
    }
    assert_eq!(peer.closed, None, "a full inbox is no reason to end");
    assert!(matches!(world.backend.take_question(), Some(Asked { question: Question::Refresh { .. }, .. })));
}

/// The back end is asked whether somebody may come in, and answers.
fn decide(world: &mut World, answer_with: Answer<ConnectGrant>) {
    let Some(Asked { question: Question::Connect { draft, .. }, answer }) = world.backend.take_question()
    else {
        panic!("it asks whether the client may come in");
    };
    answer(Answered::Connect(answer_with, draft));
}

#[test]
fn what_a_client_wishes_for_is_its_own_to_have_where_no_hook_has_a_say() {
    let mut world = World::asking(7, 1, &Options::default(), |_| {});
    for is_handled in [false, true] {
        let mut peer = Peer::connect(&world.networks[0]);
        peer.say(r#"{"id":1,"connect":{"subs":{"long:a":{},"asked:a":{}}}}"#);
        hear(&mut world, &mut peer);
        let said = if is_handled { Answer::Ok(ConnectGrant::default()) } else { Answer::NotHandled };
        decide(&mut world, said);
        let heard = hear(&mut world, &mut peer);
        let subs = &heard[0]["connect"]["subs"];
        assert!(heard[0]["connect"].is_object() && subs["asked:a"].is_null(), "{heard:?}");
        assert_eq!(subs["long:a"].is_object(), !is_handled, "a hook that lets it in decides: {heard:?}");
    }
}

#[test]
fn whoever_is_the_only_connection_of_its_user_asks_no_shard_for_the_others() {
    let mut world = World::asking(7, 2, &Options::default(), |config| {
        config.client.subscribe_to_user_personal_channel.single_connection = true;
    });
    for (shard, user) in [(0, "u1"), (1, "u2"), (0, ""), (0, "")] {
        let mut peer = Peer::connect(&world.networks[shard]);
        peer.say(CONNECT);
        hear(&mut world, &mut peer);
        decide(&mut world, Answer::Ok(ConnectGrant { user: user.into(), ..ConnectGrant::default() }));
        // The witness takes no orders.
        assert!(hear(&mut world, &mut peer)[0]["connect"].is_object());
    }
}
