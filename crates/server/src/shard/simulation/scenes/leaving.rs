//! What is left of a subscription when it is over: frames that wait, numbers that are used again, answers that come late.

use std::time::Duration;

use serde_json::Value;
use wavecast_hub::{Publish, Tags};
use wavecast_net::Options;

use super::super::listening::{COLOR, KEY};
use super::super::peer::Peer;
use super::super::world::World;
use super::{ARRIVE, CONNECT, enter, fill, hear, may_subscribe, publication, recover, subscribe, world};
use crate::hooks::{Answer, ConnectGrant, SubRefreshGrant, SubscribeGrant};
use crate::office::Asked;
use crate::orders::{Order, Target};
use crate::session::{Answered, Done, Question, ServerSubscription};
use crate::shard_event::ShardEvent;

fn unsubscribe(id: usize, channel: &str) -> String {
    format!(r#"{{"id":{id},"unsubscribe":{{"channel":"{channel}"}}}}"#)
}

/// The kinds of what was heard, and of publications their data's first characters.
fn kinds(heard: &[Value]) -> Vec<String> {
    let kind = |message: &Value| {
        let message = if message["push"].is_object() { &message["push"] } else { message };
        let kinds = ["subscribe", "unsubscribe", "pub", "message", "error"];
        kinds
            .iter()
            .find(|kind| message[**kind].is_object())
            .map_or_else(|| message.to_string(), |k| (*k).to_owned())
    };
    heard.iter().map(kind).collect()
}

/// As many publications as do not fit what the network takes and half of the outbox.
fn jam(world: &mut World, peer: &mut Peer, channel: &str) {
    peer.set_reading(false);
    for _ in 0..10 {
        fill(world, channel, 1, 1000);
        world.turn(20);
    }
}

#[test]
fn what_a_channel_has_lost_is_not_the_next_ones_with_its_number() {
    let mut world = world(16 * 1024);
    let mut reader = enter(&mut world, 0, &subscribe(2, "oldest:a"));
    hear(&mut world, &mut reader);
    jam(&mut world, &mut reader, "oldest:a");
    let user = Target::default();
    world.order(None, |done| Order::Unsubscribe { target: user.clone(), channel: None, done });
    world.turn(20);
    // It gets the number of the channel before, whose frames still wait and have to make room.
    reader.say(&subscribe(3, "counted:a"));
    world.turn(20);
    for _ in 0..20 {
        fill(&mut world, "counted:a", 1, 500);
        world.turn(20);
    }
    reader.set_reading(true);
    let heard = kinds(&hear(&mut world, &mut reader));
    assert_eq!(heard.iter().filter(|kind| *kind == "unsubscribe").count(), 1, "{heard:?}");
    assert_eq!(reader.closed, None);
}

#[test]
fn a_subscription_that_the_server_ends_leaves_no_hole() {
    let mut world = world(16 * 1024);
    let mut reader = enter(&mut world, 0, &subscribe(2, "brief:a"));
    hear(&mut world, &mut reader);
    jam(&mut world, &mut reader, "brief:a");
    world.order(None, |done| Order::Unsubscribe { target: Target::default(), channel: None, done });
    world.turn(20);
    // What may not be dropped needs the room of what may.
    reader.say(&subscribe(3, "counted:a"));
    for _ in 0..20 {
        fill(&mut world, "counted:a", 1, 500);
        world.turn(20);
    }
    reader.set_reading(true);
    let heard = hear(&mut world, &mut reader);
    let mut last = 0;
    for push in heard.iter().filter(|message| message["push"]["channel"] == "brief:a") {
        if let Some(offset) = push["push"]["pub"]["offset"].as_u64() {
            assert_eq!(offset, last + 1, "who goes on from here never hears what is missing");
            last = offset;
        }
    }
    assert!(kinds(&heard).iter().any(|kind| kind == "unsubscribe"), "{heard:?}");
}

#[test]
fn who_loses_something_of_what_the_server_made_connects_again() {
    let mut world = world(16 * 1024);
    let mut reader = Peer::connect(&world.networks[0]);
    reader.say(r#"{"id":1,"connect":{"subs":{"brief:a":{}}}}"#);
    let heard = hear(&mut world, &mut reader);
    assert!(heard[0]["connect"]["subs"]["brief:a"].is_object(), "{heard:?}");
    jam(&mut world, &mut reader, "brief:a");
    jam(&mut world, &mut reader, "brief:a");
    reader.set_reading(true);
    let heard = hear(&mut world, &mut reader);
    assert!(kinds(&heard).iter().all(|kind| kind == "pub"), "{heard:?}");
    assert_eq!((reader.closed, world.node.info().num_subs), (Some(3010), 0));
}

#[test]
fn who_is_subscribed_while_the_hook_is_asked_is_not_subscribed_twice() {
    let mut world = World::asking(7, 1, &Options::default(), |_| {});
    let mut peer = Peer::connect(&world.networks[0]);
    come_in(&mut world, &mut peer, &subscribe(2, "asked:a"));
    let answer = may_subscribe(&mut world);
    world.order(None, |done| Order::Subscribe {
        target: Target::default(),
        subscription: ServerSubscription::to("asked:a"),
        since: None,
        done,
    });
    assert_eq!(hear(&mut world, &mut peer)[0]["push"]["channel"], "asked:a");
    answer(SubscribeGrant::default());
    assert_eq!(hear(&mut world, &mut peer)[0]["error"]["code"], 105);
    fill(&mut world, "asked:a", 1, 10);
    assert_eq!(hear(&mut world, &mut peer).len(), 1, "it hears everything once");
}

/// Connects, with the back end's leave, and says more in the same frame.
pub(super) fn come_in(world: &mut World, peer: &mut Peer, commands: &str) {
    peer.say(&[CONNECT, commands].join("\n"));
    hear(world, peer);
    let Some(Asked { question: Question::Connect { draft, .. }, answer }) = world.backend.take_question()
    else {
        panic!("may it come in?");
    };
    answer(Answered::Connect(Answer::Ok(ConnectGrant::default()), draft));
    hear(world, peer);
}

#[test]
fn a_subscription_anew_hears_nothing_before_its_reply() {
    let mut world = world(64 * 1024);
    let mut reader = enter(&mut world, 0, &subscribe(2, "latest:a"));
    let mut other = enter(&mut world, 0, &subscribe(2, "latest:a"));
    hear(&mut world, &mut reader);
    jam(&mut world, &mut reader, "latest:a");
    reader.say(&[unsubscribe(3, "latest:a"), subscribe(4, "latest:a")].join("\n"));
    world.turn(100);
    fill(&mut world, "latest:a", 1, 10);
    world.turn(100);
    reader.set_reading(true);
    let heard = kinds(&hear(&mut world, &mut reader));
    assert_eq!(heard.last().map(String::as_str), Some("pub"), "the newest comes last: {heard:?}");
    assert_eq!(hear(&mut world, &mut other).len(), 11);
}

#[test]
fn the_newest_that_a_filter_wants_arrives() {
    let mut world = world(64 * 1024);
    let filtered =
        r#"{"id":2,"subscribe":{"channel":"latest:a","tf":{"key":"color","cmp":"eq","val":"red"}}}"#;
    let mut reader = enter(&mut world, 0, filtered);
    hear(&mut world, &mut reader);
    for color in ["red", "green"] {
        let tags = [(COLOR, color), (KEY, "a")].map(|(tag, value)| (tag.to_owned(), value.to_owned()));
        let publish = Publish {
            data: (*b"1").into(),
            is_json: true,
            tags: Some(Box::new(Tags::from(tags))),
            ..Publish::default()
        };
        world.publish_as("latest:a", publish).unwrap();
    }
    assert_eq!(kinds(&hear(&mut world, &mut reader)), ["pub"]);
}

#[test]
fn an_answer_about_a_subscription_that_is_over_means_no_other() {
    let mut world = World::asking(7, 1, &Options::default(), |_| {});
    let mut peer = Peer::connect(&world.networks[0]);
    come_in(&mut world, &mut peer, &subscribe(2, "asked:a"));
    let answer = may_subscribe(&mut world);
    let expire_at = (world.node.now_ms() / 1000 + 5) as i64;
    answer(SubscribeGrant { expire_at, ..SubscribeGrant::default() });
    world.turn(ARRIVE / 10);
    world.advance(Duration::from_secs(6));
    world.turn(ARRIVE / 10);
    let Some(Asked { question: Question::SubRefresh { call }, answer }) = world.backend.take_question()
    else {
        panic!("is it still good?");
    };
    // The next channel gets its number.
    peer.say(&[unsubscribe(3, "asked:a"), subscribe(4, "plain:a")].join("\n"));
    hear(&mut world, &mut peer);
    let expired = SubRefreshGrant { expired: true, ..SubRefreshGrant::default() };
    answer(Answered::SubRefresh(Answer::Ok(expired), call.channel));
    let heard = hear(&mut world, &mut peer);
    assert!(heard.is_empty(), "{heard:?}");
    assert_eq!(world.node.info().num_subs, 1);
}

/// Turns and stops before the one in which somebody comes into a channel. What is ordered now is carried out in that turn, after
/// the hub has been asked and before it has answered.
fn until_joining(begin: impl Fn(&mut World) -> Peer) -> (World, Peer) {
    let turn = |world: &mut World| {
        world.turn_one(0);
        world.advance(Duration::from_millis(1));
    };
    let mut played = world(64 * 1024);
    let _client = begin(&mut played);
    let turns = (0..).find(|_| {
        turn(&mut played);
        played.node.info().num_subs > 0
    });
    let mut again = world(64 * 1024);
    let client = begin(&mut again);
    (0..turns.unwrap()).for_each(|_| turn(&mut again));
    (again, client)
}

fn order_out(world: &mut World, channel: Option<&str>) {
    world.order(channel, |done| Order::Unsubscribe {
        target: Target::default(),
        channel: channel.map(Box::from),
        done,
    });
}

#[test]
fn what_the_back_end_ends_while_it_is_joining_is_ended() {
    for channel in [Some("plain:a"), None] {
        let (mut world, mut client) = until_joining(|world| {
            let client = enter(world, 0, "");
            client.say(&subscribe(2, "plain:a"));
            client
        });
        order_out(&mut world, channel);
        let heard = hear(&mut world, &mut client);
        assert_eq!(kinds(&heard), ["subscribe", "unsubscribe"]);
        assert_eq!(heard[1]["push"]["unsubscribe"]["code"], 2000);
        assert_eq!(world.node.info().num_subs, 0);
        assert!(world.shard(0).handler().channels.is_empty());
        world.backend.expect_orders_done();
        client.say(&subscribe(3, "plain:a"));
        assert_eq!(kinds(&hear(&mut world, &mut client)), ["subscribe"], "it may subscribe again");
    }
}

#[test]
fn what_the_back_end_ends_while_the_hook_is_asked_is_not_made() {
    for (channel, is_ended) in [(Some("asked:a"), true), (None, true), (Some("plain:a"), false)] {
        let mut world = World::asking(7, 1, &Options::default(), |_| {});
        let mut client = Peer::connect(&world.networks[0]);
        come_in(&mut world, &mut client, &recover(2, "asked:a", 0));
        let answer = may_subscribe(&mut world);
        order_out(&mut world, channel);
        world.turn(20);
        // It may be the back end's own hook that gives the order.
        world.backend.expect_orders_done();
        fill(&mut world, "asked:a", 1, 1);
        answer(SubscribeGrant::default());
        let heard = hear(&mut world, &mut client);
        let expected: &[_] = if is_ended { &["subscribe", "unsubscribe"] } else { &["subscribe"] };
        assert_eq!(kinds(&heard), expected, "{channel:?}");
        assert_eq!(heard[0]["subscribe"]["publications"].is_null(), is_ended, "{heard:?}");
        assert_eq!(world.node.info().num_subs, usize::from(!is_ended));
        fill(&mut world, "asked:a", 1, 1);
        assert_eq!(hear(&mut world, &mut client).len(), usize::from(!is_ended));
        client.say(&subscribe(3, "asked:a"));
        let heard = hear(&mut world, &mut client);
        assert_eq!(
            (heard.is_empty(), world.backend.has_questions()),
            (is_ended, is_ended),
            "it may ask again"
        );
    }
}

#[test]
fn what_the_back_end_ends_while_it_comes_with_a_connection_is_not_told_of() {
    for channel in [Some("plain:a"), None] {
        let (mut world, mut client) = until_joining(|world| {
            let client = Peer::connect(&world.networks[0]);
            client.say(r#"{"id":1,"connect":{"subs":{"plain:a":{},"plain:b":{}}}}"#);
            client
        });
        order_out(&mut world, channel);
        let heard = hear(&mut world, &mut client);
        assert!(heard.len() == 1 && heard[0]["connect"].is_object(), "{heard:?}");
        let subs = &heard[0]["connect"]["subs"];
        let is_left = channel.is_some();
        assert!(subs["plain:a"].is_null() && subs["plain:b"].is_object() == is_left, "{heard:?}");
        assert_eq!(world.node.info().num_subs, usize::from(is_left));
        world.backend.expect_orders_done();
        client.say(&subscribe(2, "plain:a"));
        assert_eq!(kinds(&hear(&mut world, &mut client)), ["subscribe"], "and goes on");
    }
}

#[test]
fn what_the_back_end_makes_and_ends_at_once_has_never_been() {
    let mut world = world(64 * 1024);
    let mut client = enter(&mut world, 0, "");
    world.order(None, |done| Order::Subscribe {
        target: Target::default(),
        subscription: ServerSubscription::to("plain:a"),
        since: None,
        done,
    });
    order_out(&mut world, Some("plain:a"));
    assert!(hear(&mut world, &mut client).is_empty());
    assert_eq!(world.node.info().num_subs, 0);
    world.backend.expect_orders_done();
}

#[test]
fn who_has_lost_something_where_a_publication_is_missing_is_told_once() {
    let mut world = world(16 * 1024);
    let mut by_server = Peer::connect(&world.networks[0]);
    by_server.say(r#"{"id":1,"connect":{"subs":{"brief:a":{}}}}"#);
    hear(&mut world, &mut by_server);
    // Another form: they do not stand together.
    let delta = r#"{"id":2,"subscribe":{"channel":"brief:a","delta":"fossil"}}"#;
    let mut by_itself = enter(&mut world, 0, &[delta, &subscribe(3, "plain:a")].join("\n"));
    hear(&mut world, &mut by_itself);
    jam(&mut world, &mut by_itself, "brief:a");
    hear(&mut world, &mut by_server);
    // Something that may not be dropped takes the room, and in the same turn a publication is missing.
    fill(&mut world, "plain:a", 1, 16_000);
    let (done, _end) = Done::new();
    let order = Order::Unsubscribe { target: Target::default(), channel: Some("plain:a".into()), done };
    for event in [ShardEvent::Order(Box::new(order)), publication("brief:a", 99)] {
        assert!(world.remote(0).try_push(event).is_ok());
    }
    assert!(hear(&mut world, &mut by_server).is_empty());
    assert_eq!(by_server.closed, Some(3010));
    by_itself.set_reading(true);
    let heard = hear(&mut world, &mut by_itself);
    let ended = heard.iter().filter(|message| message["push"]["unsubscribe"]["code"] == 2500).count();
    assert_eq!((ended, by_itself.closed), (1, None), "{heard:?}");
}
