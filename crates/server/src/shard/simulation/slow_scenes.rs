//! Scenes of slow consumers: what each policy drops, what it tells, and that the others notice nothing.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use wavecast_hub::{Publish, SlowConsumer, Tags, delta};
use wavecast_net::Options;

use super::peer::Peer;
use super::scenes::{enter, hear, subscribe};
use super::world::World;
use crate::config::{ChannelSettings, Config, Namespace};
use crate::orders::{Order, Target};
use crate::session::Done;
use crate::shard_event::ShardEvent;

/// What may wait for one connection, bytes.
const OUTBOX: usize = 16 * 1024;

fn world(settings: ChannelSettings) -> World {
    let settings = ChannelSettings {
        allow_subscribe_for_client: true,
        allow_subscribe_for_anonymous: true,
        allow_history_for_client: true,
        allow_history_for_anonymous: true,
        ..settings
    };
    let namespace = Namespace { name: "slow".into(), settings };
    let change = |config: &mut Config| config.channel.namespaces.push(namespace);
    let world = World::new(7, 1, &Options { outbox_bytes_max: OUTBOX, ..Options::default() }, change);
    world.networks.iter().for_each(|network| network.set_split_max(4096));
    world
}

fn policy(slow_consumer: &str) -> ChannelSettings {
    ChannelSettings { slow_consumer: slow_consumer.into(), ..ChannelSettings::default() }
}

/// Publishes numbers, each with some weight; every `keys`-th has the same tag `key`.
fn publish(world: &mut World, numbers: std::ops::Range<usize>, keys: usize) {
    for n in numbers {
        let options = Arc::clone(world.node.rules().options("slow:a").unwrap());
        let data = format!("{{\"n\":{n},\"text\":\"{}\"}}", "x".repeat(200));
        let tags = (keys > 0).then(|| Tags::from([("key".to_owned(), (n % keys).to_string())]));
        let publish = Publish {
            data: data.into_bytes().into(),
            is_json: true,
            tags: tags.map(Box::new),
            delta: true,
            ..Publish::default()
        };
        world.node.try_publish("slow:a", publish, &options).unwrap();
        world.turn(5);
    }
}

/// A slow reader and a quick one; the slow one has read nothing of `0..200`, of which the quick one has everything.
fn slow_and_quick(world: &mut World, commands: &str, keys: usize) -> (Peer, Peer) {
    let mut slow = enter(world, 0, commands);
    let mut quick = enter(world, 0, &subscribe(2, "slow:a"));
    hear(world, &mut slow);
    slow.set_reading(false);
    let mut heard = Vec::new();
    for from in (0..200).step_by(20) {
        publish(world, from..from + 20, keys);
        heard.extend(quick.read());
    }
    heard.extend(hear(world, &mut quick).iter().map(Value::to_string));
    // One that waits for a moment is replaced, too.
    let is_ticker = world.node.rules().options("slow:a").unwrap().slow_consumer == SlowConsumer::Latest;
    assert!(heard.len() == 200 || (is_ticker && heard.len() > 150), "the quick one gets {}", heard.len());
    assert_eq!((slow.closed, quick.closed), (None, None));
    let shard = world.shard(0).connections();
    assert!(shard.outbox_bytes().waiting as usize <= OUTBOX + 200, "{:?}", shard.outbox_bytes());
    (slow, quick)
}

fn numbers(heard: &[Value]) -> Vec<u64> {
    heard.iter().filter_map(|message| message["push"]["pub"]["data"]["n"].as_u64()).collect()
}

fn gaps(heard: &[Value]) -> Vec<u64> {
    let gap = |message: &Value| {
        let gap = &message["push"]["message"]["data"]["gap"];
        assert!(gap.is_null() || gap["channel"] == "slow:a");
        gap["dropped"].as_u64()
    };
    heard.iter().filter_map(gap).collect()
}

#[test]
fn the_oldest_are_dropped_and_what_is_lost_is_told() {
    let mut world = world(policy("drop_oldest"));
    let (mut slow, _quick) = slow_and_quick(&mut world, &subscribe(2, "slow:a"), 0);
    slow.set_reading(true);
    let heard = hear(&mut world, &mut slow);
    let (numbers, gaps) = (numbers(&heard), gaps(&heard));
    assert!(numbers.is_sorted() && numbers.last() == Some(&199), "{numbers:?}");
    assert_eq!(numbers.len() as u64 + gaps.iter().sum::<u64>(), 200, "{gaps:?}");
    assert!(numbers.len() > 30, "the outbox is used: {}", numbers.len());
    assert_eq!(numbers.windows(2).filter(|two| two[1] != two[0] + 1).count(), 1, "one hole: {numbers:?}");
    // Its subscription lives on.
    publish(&mut world, 200..201, 0);
    assert_eq!(self::numbers(&hear(&mut world, &mut slow)), [200]);
    slow.cut();
    world.turn(100);
}

#[test]
fn the_newest_are_dropped_and_what_is_lost_is_told() {
    let mut world = world(policy("drop_newest"));
    let (mut slow, _quick) = slow_and_quick(&mut world, &subscribe(2, "slow:a"), 0);
    slow.set_reading(true);
    let heard = hear(&mut world, &mut slow);
    let (numbers, gaps) = (numbers(&heard), gaps(&heard));
    let first: Vec<u64> = (0..numbers.len() as u64).collect();
    assert_eq!(numbers, first);
    assert_eq!(numbers.len() as u64 + gaps.iter().sum::<u64>(), 200, "{gaps:?}");
}

#[test]
fn of_a_ticker_the_newest_of_each_key_is_kept_and_nothing_is_told() {
    for keys in [0, 5] {
        let mut world = world(policy("latest"));
        let (mut slow, _quick) = slow_and_quick(&mut world, &subscribe(2, "slow:a"), keys);
        let waiting = world.shard(0).connections().outbox_bytes().waiting;
        assert!(waiting < 3000, "one frame a key: {waiting}");
        slow.set_reading(true);
        let heard = hear(&mut world, &mut slow);
        let numbers = numbers(&heard);
        assert!(gaps(&heard).is_empty());
        let newest: Vec<u64> = (200 - keys.max(1) as u64..200).collect();
        let mut last = numbers[numbers.len() - newest.len()..].to_vec();
        last.sort_unstable();
        assert_eq!(last, newest, "{numbers:?}");
        assert!(numbers.len() < newest.len() + 5, "{numbers:?}");
    }
}

#[test]
fn a_ticker_never_loses_the_newest_of_a_key_and_stays() {
    // More keys than have room; and so many that the replies that the client asks for have none.
    for (keys, pings) in [(200, 0), (50, 200), (50, 0)] {
        let mut world = world(policy("latest"));
        let mut slow = enter(&mut world, 0, &subscribe(2, "slow:a"));
        slow.set_reading(false);
        publish(&mut world, 0..200, keys);
        for n in 0..pings {
            slow.say(&format!(r#"{{"id":{},"ping":{{}}}}"#, n + 10));
            world.turn(2);
        }
        slow.set_reading(true);
        let heard = hear(&mut world, &mut slow);
        if keys == 50 && pings == 0 {
            let numbers = numbers(&heard);
            assert!((150..200).all(|newest| numbers.contains(&newest)), "{numbers:?}");
            assert_eq!(slow.closed, None);
        } else {
            assert_eq!(slow.closed, Some(3008), "{keys} keys, {pings} replies");
        }
    }
}

#[test]
fn who_can_recover_is_told_at_the_first_drop_to_come_back_and_loses_nothing() {
    for slow_consumer in ["drop_oldest", "drop_newest"] {
        let history = ChannelSettings {
            history_size: 300,
            history_ttl: Duration::from_secs(3600),
            force_recovery: true,
            ..policy(slow_consumer)
        };
        let mut world = world(history);
        let (mut slow, _quick) = slow_and_quick(&mut world, &subscribe(2, "slow:a"), 0);
        assert_eq!(world.node.info().num_subs, 1, "the slow one is no subscriber any more");
        let waiting = world.shard(0).connections().outbox_bytes().waiting;
        assert!(waiting < 400, "what waited has been discarded: {waiting}");
        slow.set_reading(true);
        let heard = hear(&mut world, &mut slow);
        let numbers = numbers(&heard);
        let first: Vec<u64> = (0..numbers.len() as u64).collect();
        assert_eq!((&numbers, gaps(&heard)), (&first, vec![]));
        assert_eq!(heard.last().unwrap()["push"]["unsubscribe"]["code"], 2500);
        let mut offset = numbers.len();
        while offset < 200 {
            slow.say(&format!(
                r#"{{"id":9,"subscribe":{{"channel":"slow:a","recover":true,"offset":{offset}}}}}"#
            ));
            let heard = hear(&mut world, &mut slow);
            if heard[0]["error"]["code"] == 112 || heard[0]["subscribe"]["recovered"] != true {
                // More is missed than one recovery may bring.
                assert!(200 - offset > 100, "{heard:?}");
                break;
            }
            offset += heard[0]["subscribe"]["publications"].as_array().unwrap().len();
        }
    }
}

#[test]
fn after_a_drop_a_subscriber_with_deltas_first_gets_a_whole_publication() {
    for slow_consumer in ["drop_oldest", "drop_newest"] {
        let settings =
            ChannelSettings { allowed_delta_types: vec!["fossil".into()], ..policy(slow_consumer) };
        let mut world = world(settings);
        let wish = r#"{"id":2,"subscribe":{"channel":"slow:a","delta":"fossil"}}"#;
        let mut slow = enter(&mut world, 0, wish);
        let mut heard = Vec::new();
        for round in 0..6 {
            slow.set_reading(round % 2 == 0);
            publish(&mut world, round * 400..round * 400 + 400, 0);
            if round % 2 == 0 {
                heard.extend(hear(&mut world, &mut slow));
            }
        }
        slow.set_reading(true);
        heard.extend(hear(&mut world, &mut slow));
        assert_eq!(slow.closed, None);
        let (mut base, mut numbers, mut deltas) = (Vec::new(), Vec::new(), 0);
        for publication in heard.iter().map(|message| &message["push"]["pub"]).filter(|p| !p.is_null()) {
            let data = publication["data"].as_str().expect("text, always").as_bytes();
            base = match publication["delta"] == true {
                true => delta::apply(&base, data, 1 << 20).unwrap(),
                false => data.to_vec(),
            };
            deltas += usize::from(publication["delta"] == true);
            let data: Value = serde_json::from_slice(&base).unwrap();
            numbers.push(data["n"].as_u64().unwrap());
        }
        let dropped = gaps(&heard).iter().sum::<u64>();
        assert!(numbers.is_sorted_by(|a, b| a < b));
        assert_eq!(numbers.len() as u64 + dropped, 2400, "{slow_consumer}");
        assert!(dropped > 0 && deltas * 10 > numbers.len() * 9, "{deltas} of {}", numbers.len());
    }
}

#[test]
fn a_slow_reader_that_never_catches_up_lives_and_is_answered() {
    let mut world = world(policy("drop_oldest"));
    let mut slow = enter(&mut world, 0, &subscribe(2, "slow:a"));
    let (mut heard, mut pings) = (Vec::new(), 0);
    for second in 0..120 {
        // A hundred publications a second, of which it takes ten.
        publish(&mut world, second * 100..second * 100 + 100, 0);
        world.advance(Duration::from_millis(500));
        slow.trickle(3000);
        if second % 10 == 0 {
            slow.say(r#"{"id":7,"ping":{}}"#);
        }
        for line in slow.read().iter().flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()) {
            match line.as_str() {
                "{}" => {
                    pings += 1;
                    slow.say("{}");
                }
                line => heard.push(serde_json::from_str::<Value>(line).unwrap()),
            }
        }
        assert_eq!(slow.closed, None, "second {second}");
    }
    assert!(pings >= 3, "{pings} pings have come");
    let markers = gaps(&heard).len();
    assert!((1..=120).contains(&markers), "{markers}");
    slow.set_reading(true);
    heard.extend(hear(&mut world, &mut slow));
    assert_eq!(heard.iter().filter(|message| message["id"] == 7).count(), 12, "each command has its reply");
    let dropped = gaps(&heard).iter().sum::<u64>();
    assert_eq!(numbers(&heard).len() as u64 + dropped, 12_000);
}

#[test]
fn markers_come_once_a_second_and_one_waits_at_most() {
    let mut world = world(policy("drop_newest"));
    let mut slow = enter(&mut world, 0, &subscribe(2, "slow:a"));
    slow.set_reading(false);
    publish(&mut world, 0..100, 0);
    let before = world.shard(0).connections().outbox_bytes().waiting;
    // A quarter of a minute, in which it loses something all the time and reads nothing.
    publish(&mut world, 100..3000, 0);
    let after = world.shard(0).connections().outbox_bytes().waiting;
    assert!(after <= before + 150, "{before} {after}");
    slow.set_reading(true);
    let heard = hear(&mut world, &mut slow);
    let gaps = gaps(&heard);
    assert!(gaps.len() <= 3, "{gaps:?}");
    assert_eq!(numbers(&heard).len() as u64 + gaps.iter().sum::<u64>(), 3000);
}

#[test]
fn a_thousand_that_do_not_read_cost_what_is_stated_and_the_others_nothing() {
    for slow_consumer in ["disconnect", "drop_oldest", "drop_newest", "latest"] {
        let mut world = world(policy(slow_consumer));
        let connect = format!("{}\n{}", r#"{"id":1,"connect":{}}"#, subscribe(2, "slow:a"));
        let mut slow: Vec<Peer> = (0..1020).map(|_| Peer::connect(&world.networks[0])).collect();
        slow.iter().for_each(|peer| peer.say(&connect));
        world.turn(1500);
        assert_eq!(world.node.info().num_subs, 1020);
        let mut quick = slow.split_off(1000);
        quick.iter_mut().for_each(|peer| assert!(!peer.read().is_empty()));
        slow.iter().for_each(|peer| peer.set_reading(false));
        let mut heard = vec![Vec::new(); quick.len()];
        for from in 0..20 {
            publish(&mut world, from * 10..from * 10 + 10, 3);
            world.turn(20);
            let bytes = world.shard(0).connections().outbox_bytes();
            assert!(bytes.waiting <= 1020 * (OUTBOX as u64 + 200), "{bytes:?}");
            // They wait for the same frames: what one outbox holds, and what was in flight or is told to each.
            assert!(bytes.frames <= 3 * OUTBOX + 1020 * 200, "{bytes:?}");
            for (peer, heard) in quick.iter_mut().zip(&mut heard) {
                heard.extend(peer.read().iter().map(|text| serde_json::from_str::<Value>(text).unwrap()));
            }
        }
        world.turn(1500);
        for (peer, heard) in quick.iter_mut().zip(&mut heard) {
            heard.extend(peer.read().iter().map(|text| serde_json::from_str::<Value>(text).unwrap()));
            let numbers = numbers(heard);
            if slow_consumer == "latest" {
                // Of each key in order, up to the newest.
                let of_key = |key| numbers.iter().copied().filter(move |n| n % 3 == key);
                assert!((0..3).all(|key| of_key(key).is_sorted()), "{numbers:?}");
                assert!((197..200).all(|newest| numbers.contains(&newest)), "{numbers:?}");
            } else {
                assert_eq!(numbers, (0..200).collect::<Vec<u64>>(), "{slow_consumer}");
            }
            assert_eq!((gaps(heard), peer.closed), (vec![], None));
        }
        let left = if slow_consumer == "disconnect" { 20 } else { 1020 };
        assert_eq!(world.node.info().num_subs, left, "{slow_consumer}");
    }
}

#[test]
fn who_is_not_behind_gets_what_was_published_before_the_end() {
    for slow_consumer in ["drop_oldest", "drop_newest", "latest"] {
        let mut world = world(policy(slow_consumer));
        let mut reader = enter(&mut world, 0, &subscribe(2, "slow:a"));
        hear(&mut world, &mut reader);
        publish(&mut world, 0..1, 1);
        let (done, _) = Done::new();
        let order = Order::Unsubscribe { target: Target::default(), channel: None, done };
        assert!(world.remote(0).try_push(ShardEvent::Order(Box::new(order))).is_ok());
        let heard = hear(&mut world, &mut reader);
        assert_eq!(heard.len(), 2, "{slow_consumer}: {heard:?}");
        assert!(
            heard[0]["push"]["pub"].is_object() && heard[1]["push"]["unsubscribe"].is_object(),
            "{heard:?}"
        );
    }
}
