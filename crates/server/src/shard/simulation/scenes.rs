//! Scenes: what the simulation meets by chance, or hardly ever, played once on purpose.
//!
//! - `entering`: connect commands with subscriptions, and the back end that decides; `leaving`: what is left of a subscription
//! - `draining`: a node that ends; `keys`: tokens whose keys have to be fetched first
//! - `terms`: what is particular about a subscription, and concerns nobody else

mod draining;
mod entering;
mod keys;
mod leaving;
mod terms;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use wavecast_hub::{Event, JoinQuery, Publication, ShardId};
use wavecast_net::Options;

use super::kind::CHANNELS;
use super::peer::Peer;
use super::world::World;
use crate::hooks::{Answer, SubscribeGrant};
use crate::office::Asked;
use crate::orders::{Order, Target};
use crate::session::{Answered, Question, ServerSubscription};
use crate::shard_event::ShardEvent;

const CONNECT: &str = r#"{"id":1,"connect":{}}"#;
/// Turns in which everything arrives that is under way in a scene.
const ARRIVE: usize = 4000;

fn world(outbox_bytes_max: usize) -> World {
    let world = World::new(7, 2, &Options { outbox_bytes_max, ..Options::default() }, |_| {});
    world.networks.iter().for_each(|network| network.set_split_max(4096));
    world
}

/// Connects to a shard and says more in the same frame.
pub(super) fn enter(world: &mut World, shard: usize, commands: &str) -> Peer {
    let mut peer = Peer::connect(&world.networks[shard]);
    peer.say(format!("{CONNECT}\n{commands}").trim_end());
    let heard = hear(world, &mut peer);
    assert!(heard[0]["connect"]["client"].is_string(), "{heard:?}");
    peer
}

/// What a peer hears until all is quiet, a message each; pings are answered.
pub(super) fn hear(world: &mut World, peer: &mut Peer) -> Vec<Value> {
    let mut heard = Vec::new();
    for _ in 0..ARRIVE / 10 {
        world.turn(10);
        for line in peer.read().iter().flat_map(|text| text.lines()) {
            match line {
                "{}" => peer.say("{}"),
                message => heard.push(serde_json::from_str(message).unwrap()),
            }
        }
    }
    heard
}

/// The back end is asked whether somebody may subscribe, and allows it with what is returned.
fn may_subscribe(world: &mut World) -> impl FnOnce(SubscribeGrant) + use<> {
    let Some(Asked { question: Question::Subscribe { draft, .. }, answer }) = world.backend.take_question()
    else {
        panic!("may it subscribe?");
    };
    move |grant| answer(Answered::Subscribe(Answer::Ok(grant), draft))
}

pub(super) fn subscribe(id: usize, channel: &str) -> String {
    format!(r#"{{"id":{id},"subscribe":{{"channel":"{channel}"}}}}"#)
}

fn fill(world: &mut World, channel: &str, count: usize, bytes: usize) {
    for _ in 0..count {
        world.publish(channel, &format!("\"{}\"", "x".repeat(bytes))).unwrap();
    }
}

#[test]
fn who_misses_the_last_publication_is_told_when_positions_are_checked() {
    let mut world = world(1 << 20);
    let mut peer = enter(&mut world, 0, &subscribe(2, "short:a"));
    hear(&mut world, &mut peer);
    fill(&mut world, "short:a", 1, 1);
    assert_eq!(hear(&mut world, &mut peer).len(), 1);
    // Behind the shard's back: what is published now does not reach it.
    let (node, now_ms) = (Arc::clone(&world.node), world.node.now_ms());
    node.hub().leave("short:a", ShardId(0), now_ms);
    fill(&mut world, "short:a", 1, 1);
    let rules = node.rules();
    let options = rules.options("short:a").unwrap();
    node.hub().join("short:a", ShardId(0), JoinQuery::default(), options, now_ms, |_| {}).unwrap();
    let delay = node.rules().position_check_delay;
    // Nothing shows that it is missing, until it is the channel's turn.
    world.advance(delay);
    let heard = hear(&mut world, &mut peer);
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(heard[0]["push"]["unsubscribe"]["code"], 2500);
    // Who has everything is left in peace.
    peer.say(&subscribe(3, "short:a"));
    hear(&mut world, &mut peer);
    world.advance(delay);
    world.advance(delay);
    assert_eq!(hear(&mut world, &mut peer), [] as [Value; 0]);
}

#[test]
fn who_misses_a_publication_is_told_to_subscribe_again_and_gets_it() {
    let mut world = world(1 << 20);
    let mut near = enter(&mut world, 0, &subscribe(2, "short:a"));
    let mut far = enter(&mut world, 1, &subscribe(2, "short:a"));
    fill(&mut world, "short:a", 3, 1);
    assert_eq!(hear(&mut world, &mut near).len(), 3);
    // The third reaches the first shard twice; then the fifth, before the fourth.
    for offset in [3, 5] {
        assert!(world.remote(0).try_push(publication("short:a", offset)).is_ok());
    }
    let heard = hear(&mut world, &mut near);
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(heard[0]["push"]["unsubscribe"]["code"], 2500, "{heard:?}");
    assert_eq!(world.node.info().num_subs, 1, "the other shard has missed nothing");
    assert!(world.shard(0).handler().channels.is_empty());

    fill(&mut world, "short:a", 2, 1);
    near.say(&recover(3, "short:a", 3));
    let heard = hear(&mut world, &mut near);
    assert_eq!(heard[0]["subscribe"]["recovered"], true, "{heard:?}");
    assert_eq!(heard[0]["subscribe"]["publications"].as_array().unwrap().len(), 2);
    fill(&mut world, "short:a", 1, 1);
    assert_eq!(hear(&mut world, &mut near)[0]["push"]["pub"]["offset"], 6);
    let offsets: Vec<_> = hear(&mut world, &mut far)
        .iter()
        .map(|push| push["push"]["pub"]["offset"].as_u64().unwrap())
        .collect();
    assert_eq!(offsets, [1, 2, 3, 4, 5, 6]);
}

/// As another broker might deliver it.
fn publication(channel: &str, offset: u64) -> ShardEvent {
    let data = (*b"0").into();
    let publication =
        Publication { channel: channel.into(), offset, data, is_json: true, ..Publication::default() };
    ShardEvent::Channel(Event::Publication(Arc::new(publication)))
}

fn recover(id: usize, channel: &str, offset: u64) -> String {
    format!(r#"{{"id":{id},"subscribe":{{"channel":"{channel}","recover":true,"offset":{offset}}}}}"#)
}

#[test]
fn a_message_full_of_history_commands_is_answered_within_the_outbox() {
    let outbox = 256 * 1024;
    let mut world = world(outbox);
    fill(&mut world, "long:a", 200, 200);
    let mut greedy = enter(&mut world, 0, "");
    let ask = |id| format!(r#"{{"id":{id},"history":{{"channel":"long:a","limit":-1}}}}"#);
    let flood: Vec<String> = (10..1000).map(ask).collect();
    greedy.say(&flood.join("\n"));
    let heard = hear(&mut world, &mut greedy);
    assert_eq!(heard.len(), 990, "each command has its reply");
    let (pages, refused): (Vec<_>, Vec<_>) = heard.iter().partition(|reply| reply["history"].is_object());
    assert!(refused.iter().all(|reply| reply["error"]["code"] == 111), "{:?}", refused[0]);
    let bytes: usize = pages.iter().map(|page| page.to_string().len()).sum();
    assert!(!pages.is_empty() && bytes < outbox, "{} pages, {bytes} bytes", pages.len());
    assert_eq!(greedy.closed, None);
    greedy.say(&ask(1000));
    assert!(hear(&mut world, &mut greedy)[0]["history"].is_object(), "and may ask again");
}

#[test]
fn a_page_longer_than_the_outbox_is_given_when_nothing_else_waits() {
    let mut world = world(4 * 1024);
    fill(&mut world, "long:a", 200, 200);
    let mut reader = enter(&mut world, 0, "");
    reader.say(r#"{"id":2,"history":{"channel":"long:a","limit":-1}}"#);
    let heard = hear(&mut world, &mut reader);
    assert_eq!(heard[0]["history"]["publications"].as_array().unwrap().len(), 200);
}

#[test]
fn what_comes_behind_a_page_longer_than_the_outbox_has_its_room() {
    let mut world = world(4 * 1024);
    fill(&mut world, "long:a", 80, 200);
    let mut reader = enter(&mut world, 0, "");
    let commands =
        [recover(2, "long:a", 0), subscribe(3, "short:a"), r#"{"id":4,"rpc":{"method":"none"}}"#.into()];
    reader.say(&commands.join("\n"));
    // In the same turn, as far as the network lets it.
    fill(&mut world, "long:a", 1, 200);
    let heard = hear(&mut world, &mut reader);
    assert_eq!(reader.closed, None);
    assert_eq!(heard[0]["subscribe"]["publications"].as_array().unwrap().len(), 81, "{heard:?}");
    assert_eq!(heard.iter().filter(|message| message["id"].is_u64()).count(), 3, "{heard:?}");
}

#[test]
fn what_a_subscription_of_the_back_end_has_missed_is_one_page() {
    let mut world = world(4 * 1024);
    fill(&mut world, "long:a", 80, 200);
    let mut reader = enter(&mut world, 0, "");
    let position = world.node.history("long:a", wavecast_hub::HistoryQuery::default()).unwrap().position;
    let since = Some((0, (&*position.epoch).into()));
    world.order(None, |done| Order::Subscribe {
        target: Target::default(),
        subscription: ServerSubscription::to("long:a"),
        since: since.clone(),
        done,
    });
    let heard = hear(&mut world, &mut reader);
    assert_eq!((reader.closed, heard.len()), (None, 81), "{heard:?}");
}

#[test]
fn a_client_that_recovers_many_channels_at_once_gets_them_one_after_the_other() {
    let mut world = world(64 * 1024);
    let channels: Vec<String> = (0..12).map(|n| format!("long:{n}")).collect();
    channels.iter().for_each(|channel| fill(&mut world, channel, 90, 200));
    let mut client = enter(&mut world, 0, "");
    let mut left: Vec<usize> = (0..channels.len()).collect();
    for attempt in 0.. {
        assert!(attempt < channels.len(), "{left:?} are never recovered");
        let ask: Vec<_> = left.iter().map(|&n| recover(1000 * (attempt + 1) + n, &channels[n], 0)).collect();
        client.say(&ask.join("\n"));
        for reply in hear(&mut world, &mut client) {
            let n = reply["id"].as_u64().unwrap() as usize % 1000;
            if reply["error"].is_object() {
                assert_eq!(
                    (&reply["error"]["code"], &reply["error"]["temporary"]),
                    (&111.into(), &true.into())
                );
            } else {
                assert_eq!(reply["subscribe"]["publications"].as_array().unwrap().len(), 90);
                left.retain(|&still| still != n);
            }
        }
        assert_eq!(client.closed, None, "it reads, so it is not slow");
        if left.is_empty() {
            break;
        }
    }
    assert_eq!(world.node.info().num_subs, channels.len());
}

#[test]
fn who_does_not_read_is_slow_and_the_others_notice_nothing() {
    let mut world = world(16 * 1024);
    let mut slow = enter(&mut world, 0, &subscribe(2, "plain:a"));
    let mut quick = enter(&mut world, 0, &subscribe(2, "plain:a"));
    hear(&mut world, &mut slow);
    slow.set_reading(false);
    let mut heard = 0;
    for _ in 0..40 {
        fill(&mut world, "plain:a", 5, 200);
        heard += hear(&mut world, &mut quick).len();
    }
    assert_eq!((heard, quick.closed), (200, None));
    assert_eq!(world.node.info().num_clients, 1, "the slow one is forgotten");
    assert!(slow.is_dropped(), "and that when the time for its close is up");
}

#[test]
fn who_asks_and_does_not_read_is_not_listened_to_and_ends_for_its_silence() {
    let mut world = world(16 * 1024);
    let mut greedy = enter(&mut world, 0, "");
    greedy.set_reading(false);
    let asked = 2_000;
    let pings: Vec<String> = (0..asked).map(|id| format!(r#"{{"id":{},"ping":{{}}}}"#, id + 2)).collect();
    for _ in 0..10 {
        greedy.say(&pings.join("\n"));
        world.turn(ARRIVE / 10);
    }
    assert_eq!(world.node.info().num_clients, 1);
    // Neither does it answer the ping.
    for _ in 0..2 {
        world.advance(Duration::from_secs(25));
        world.turn(100);
    }
    assert_eq!(world.node.info().num_clients, 0);
    greedy.set_reading(true);
    let replies = hear(&mut world, &mut greedy).len();
    assert!(replies <= 2 * asked, "{replies} replies were made ready");
}

#[test]
fn who_misses_nothing_may_subscribe_however_much_waits() {
    let mut world = world(16 * 1024);
    let mut reader = enter(&mut world, 0, &subscribe(2, "plain:a"));
    hear(&mut world, &mut reader);
    reader.set_reading(false);
    for _ in 0..13 {
        fill(&mut world, "plain:a", 1, 1000);
        world.turn(10);
    }
    reader.say(&subscribe(3, "plain:b"));
    world.turn(ARRIVE / 10);
    reader.set_reading(true);
    let heard = hear(&mut world, &mut reader);
    assert_eq!(heard.len(), 14, "nothing is lost: {heard:?}");
    assert!(heard.iter().any(|reply| reply["id"] == 3 && reply["error"].is_null()), "{heard:?}");
}

#[test]
fn a_publication_longer_than_the_outbox_arrives() {
    let mut world = world(4 * 1024);
    let mut reader = enter(&mut world, 0, &subscribe(2, "plain:a"));
    hear(&mut world, &mut reader);
    fill(&mut world, "plain:a", 2, 10_000);
    assert_eq!(hear(&mut world, &mut reader).len(), 2);
    assert_eq!(reader.closed, None);
}

#[test]
fn a_batch_ends_where_it_breaks_the_protocol() {
    let mut world = world(1 << 20);
    let publish = r#"{"id":3,"publish":{"channel":"plain:a","data":1}}"#;
    let mut client = Peer::connect(&world.networks[0]);
    client.say(&[CONNECT, &subscribe(2, "plain:a"), r#"{"ping":{}}"#, publish].join("\n"));
    let heard = hear(&mut world, &mut client);
    assert_eq!(heard.len(), 2, "connect and subscribe have their replies: {heard:?}");
    assert_eq!(client.closed, Some(3501));
    assert!(world.record().of("plain:a").is_empty(), "what follows is not carried out");
    let info = world.node.info();
    assert_eq!((info.num_clients, info.num_subs), (0, 0));
    assert!(world.shard(0).handler().channels.is_empty(), "nobody is left in it");
}

#[test]
fn who_is_refused_for_the_limit_takes_nobodys_place() {
    let mut world = World::new(7, 1, &Options::default(), |config| config.client.connection_limit = 1);
    let mut first = enter(&mut world, 0, "");
    for _ in 0..3 {
        let mut other = Peer::connect(&world.networks[0]);
        other.say(CONNECT);
        assert!(hear(&mut world, &mut other).is_empty());
        assert_eq!(
            (&*other.status(), world.node.info().num_clients),
            ("HTTP/1.1 503 Service Unavailable", 1)
        );
    }
    first.close();
    hear(&mut world, &mut first);
    enter(&mut world, 0, "");
    assert_eq!(world.node.info().num_clients, 1);
}

#[test]
fn a_channel_too_many_is_refused_and_leaves_nothing() {
    let channels = CHANNELS.len();
    let mut world =
        World::new(7, 1, &Options::default(), |config| config.engine.memory.channel_limit = channels);
    let mut client = enter(&mut world, 0, "");
    client.say(&subscribe(2, "plain:one-more"));
    assert_eq!(hear(&mut world, &mut client)[0]["error"]["code"], 106);
    client.cut();
    world.turn(ARRIVE);
    world.expect_nothing_left();
}

#[test]
fn pings_come_as_announced_and_silence_ends_the_session() {
    let mut world = World::new(7, 1, &Options::default(), |config| {
        config.client.ping_interval = Duration::from_millis(400);
        config.client.pong_timeout = Duration::from_millis(200);
    });
    let mut alive = enter(&mut world, 0, "");
    for _ in 0..10 {
        hear(&mut world, &mut alive);
        assert_eq!(alive.closed, None, "who answers stays");
    }
    // It stops to answer.
    let mut pings = 0;
    for _ in 0..100 {
        world.turn(10);
        pings += alive.read().iter().filter(|text| *text == "{}").count();
    }
    assert_eq!((alive.closed, pings), (Some(3012), 1));
}

#[test]
fn who_never_says_connect_is_stale() {
    let mut world = world(1 << 20);
    let mut silent = Peer::connect(&world.networks[0]);
    hear(&mut world, &mut silent);
    world.advance(Duration::from_secs(11));
    hear(&mut world, &mut silent);
    assert_eq!(silent.closed, Some(3502));
}
