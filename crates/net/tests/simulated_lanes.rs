//! Frames that may be dropped while they wait, over the simulated driver: who makes room for whom, and what never goes.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

mod simulation;

use std::time::Duration;

use proptest::prelude::*;
use simulation::{Peer, one_open, shard, turn};
use wavecast_net::shard::{ConnectionId, Connections, OutboxBytes, SendError, Shed, encode};
use wavecast_net::websocket::Opcode;
use wavecast_net::{Bundle, Frame, Lane, MessageRef, Options};

/// What a frame counts beside its bytes.
const OVERHEAD: usize = 32;

fn framed(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(MessageRef::Text(text), &mut bytes);
    bytes
}

fn plain(text: &str) -> Frame {
    Frame::new(&framed(text))
}

fn laned(number: u32, text: &str) -> Frame {
    Frame::in_lane(&framed(text), Lane { number, key: None }, 1)
}

fn keyed(key: &str, text: &str) -> Frame {
    Frame::in_lane(&framed(text), Lane { number: 1, key: Some(key.into()) }, 1)
}

/// Queues until there is no room; says how many fitted.
fn fill(connections: &mut Connections, id: ConnectionId, frame: impl Fn(usize) -> Frame) -> usize {
    (0..).take_while(|&n| connections.send_frame(id, &frame(n)).is_ok()).count()
}

fn tight() -> Options {
    Options { outbox_bytes_max: 1000, ..Options::default() }
}

#[test]
fn a_frame_in_a_lane_that_does_not_fit_is_given_back_and_no_overflow() {
    let (mut shard, network, _, mut peer, id) = one_open(50, tight());
    network.set_window(peer.number, 0);
    let fitted = fill(shard.connections(), id, |n| laned(1, &format!("{n:0100}")));
    assert_eq!(shard.connections().send_frame(id, &laned(1, &"x".repeat(100))), Err(SendError::Full));
    turn(&mut shard, &network, 5);
    assert_eq!((shard.handler().overflows, shard.connections().open_count()), (0, 1));
    network.set_window(peer.number, 1 << 20);
    turn(&mut shard, &network, 50);
    peer.read(&network);
    assert_eq!(peer.texts.len(), fitted);
    assert!(shard.connections().take_shed().is_empty());
}

#[test]
fn what_has_no_lane_takes_the_room_of_the_oldest_that_has_one() {
    let (mut shard, network, _, mut peer, id) = one_open(51, tight());
    // Something is partly sent, and never dropped.
    network.set_window(peer.number, 7);
    shard.connections().send_frame(id, &laned(1, "in flight")).unwrap();
    turn(&mut shard, &network, 2);
    let connections = shard.connections();
    connections.send_frame(id, &plain("reply 0")).unwrap();
    let fitted = fill(connections, id, |n| laned(1 + n as u32 % 2, &format!("{n} {}", "x".repeat(100))));
    assert!(fitted >= 5);
    connections.send_frame(id, &plain(&format!("reply 1 {}", "y".repeat(200)))).unwrap();
    let shed = connections.take_shed();
    let of = |lane, messages| Shed { connection: id, lane, messages };
    assert_eq!(shed, [of(1, 1), of(2, 1)], "no more than is needed");
    assert!(connections.queued_bytes(id) <= 1000);
    turn(&mut shard, &network, 5);
    network.set_window(peer.number, 1 << 20);
    turn(&mut shard, &network, 50);
    peer.read(&network);
    let texts: Vec<&str> = peer.texts.iter().map(|text| text.split(" x").next().unwrap()).collect();
    let rest: Vec<String> = (2..fitted).map(|n| n.to_string()).collect();
    assert_eq!(texts[..2], ["in flight", "reply 0"]);
    assert_eq!(texts[2..texts.len() - 1], rest);
    assert!(texts[texts.len() - 1].starts_with("reply 1"));
    assert_eq!(shard.handler().overflows, 0);
}

#[test]
fn who_has_no_room_even_without_lanes_overflows_and_nothing_is_dropped_for_it() {
    let (mut shard, network, _, peer, id) = one_open(52, tight());
    network.set_window(peer.number, 0);
    shard.handler().tolerant = true;
    let connections = shard.connections();
    connections.send_frame(id, &plain(&"r".repeat(500))).unwrap();
    fill(connections, id, |_| laned(1, &"x".repeat(100)));
    let waits = connections.queued_bytes(id);
    assert_eq!(connections.send_frame(id, &plain(&"r".repeat(500))), Err(SendError::Full));
    assert_eq!((connections.queued_bytes(id), connections.take_shed()), (waits, vec![]));
    turn(&mut shard, &network, 1);
    assert_eq!(shard.handler().overflows, 1);
}

#[test]
fn a_lane_is_dropped_from_its_oldest_frame_on_or_as_a_whole() {
    let (mut shard, network, _, mut peer, id) = one_open(53, tight());
    network.set_window(peer.number, 0);
    let connections = shard.connections();
    let fitted = fill(connections, id, |n| laned(1 + n as u32 % 2, &format!("{n:0100}")));
    assert_eq!(connections.drop_oldest(id, 1, 100), 1, "room for one more");
    assert_eq!(connections.drop_oldest(id, 1, 100), 0, "there is room");
    assert_eq!(connections.discard(id, 2), fitted as u32 / 2);
    assert_eq!(connections.discard(id, 2), 0);
    network.set_window(peer.number, 1 << 20);
    connections.send_frame(id, &plain("end")).unwrap();
    turn(&mut shard, &network, 50);
    peer.read(&network);
    let expected: Vec<String> = (2..fitted).step_by(2).map(|n| format!("{n:0100}")).collect();
    assert_eq!(peer.texts[..peer.texts.len() - 1], expected);
    assert_eq!(peer.texts.last().unwrap(), "end");
}

#[test]
fn a_newer_frame_takes_the_place_of_the_one_that_waits_with_its_key() {
    let (mut shard, network, _, mut peer, id) = one_open(54, tight());
    network.set_window(peer.number, 7);
    shard.connections().send_frame(id, &keyed("a", "a in flight")).unwrap();
    turn(&mut shard, &network, 2);
    for n in 0..1000 {
        for key in ["a", "b"] {
            shard.connections().send_frame(id, &keyed(key, &format!("{key} {n}"))).unwrap();
        }
        if n % 100 == 0 {
            shard.connections().send_frame(id, &plain(&n.to_string())).unwrap();
        }
    }
    network.set_window(peer.number, 1 << 20);
    turn(&mut shard, &network, 50);
    peer.read(&network);
    let expected =
        ["a in flight", "a 999", "b 999", "0", "100", "200", "300", "400", "500", "600", "700", "800", "900"];
    assert_eq!(peer.texts, expected);
}

#[test]
fn a_ping_goes_before_what_waits() {
    let (mut shard, network, _, mut peer, id) = one_open(55, tight());
    network.set_window(peer.number, 7);
    shard.connections().send_frame(id, &plain("in flight")).unwrap();
    turn(&mut shard, &network, 2);
    let connections = shard.connections();
    fill(connections, id, |_| laned(1, &"x".repeat(50)));
    connections.send_first(id, &plain("ping")).unwrap();
    connections.send_anyway(id, &plain("marker")).unwrap();
    network.set_window(peer.number, 1 << 20);
    turn(&mut shard, &network, 50);
    peer.read(&network);
    assert_eq!(peer.texts[..2], ["in flight", "ping"]);
    assert_eq!(peer.texts.last().unwrap(), "marker");
}

#[test]
fn who_never_catches_up_with_what_may_be_dropped_is_still_heard() {
    let (mut shard, network, _, mut peer, id) =
        one_open(56, Options { outbox_bytes_max: 2000, ..Options::default() });
    network.set_split_max(50);
    for n in 0..200 {
        network.set_window(peer.number, 40);
        let connections = shard.connections();
        while connections.send_frame(id, &laned(1, &"x".repeat(60))).is_ok() {}
        if n % 10 == 0 {
            // It is answered with itself.
            peer.say(&network, Opcode::Text, format!("said {n} {}", "r".repeat(300)).as_bytes());
        }
        turn(&mut shard, &network, 4);
        peer.read(&network);
    }
    network.set_window(peer.number, 1 << 20);
    turn(&mut shard, &network, 200);
    peer.read(&network);
    let answered = peer.texts.iter().filter(|text| text.starts_with("said")).count();
    assert_eq!((answered, shard.handler().overflows), (20, 0));
}

#[test]
fn a_thousand_that_do_not_read_hold_the_bytes_once_and_no_more_than_their_limit() {
    let options = Options { outbox_bytes_max: 10_000, ..Options::default() };
    let (mut shard, network, _) = shard(57, options);
    let peers: Vec<Peer> = (0..1000).map(|_| Peer::connect(&network)).collect();
    let mut quick = Peer::connect(&network);
    turn(&mut shard, &network, 600);
    let ids: Vec<ConnectionId> = shard.handler().open.values().copied().collect();
    assert_eq!(ids.len(), 1001);
    for peer in &peers {
        assert!(!network.read(peer.number).is_empty());
        network.set_window(peer.number, 0);
    }
    let (length, before) = (framed(&"x".repeat(500)).len(), OutboxBytes { waiting: 0, frames: 0 });
    assert_eq!(shard.connections().outbox_bytes(), before);
    for n in 0..200 {
        let frame = laned(3, &format!("{n:0500}"));
        let connections = shard.connections();
        let mut fan_out = connections.begin(ids.len());
        let mut full = Vec::new();
        for &id in &ids {
            if connections.add(&mut fan_out, id, &frame) == Err(SendError::Full) {
                full.push(id);
            }
        }
        connections.launch(fan_out);
        for id in full {
            assert!(connections.drop_oldest(id, 3, frame.len()) > 0);
            connections.send_frame(id, &frame).unwrap();
        }
        turn(&mut shard, &network, 30);
        quick.read(&network);
        let OutboxBytes { waiting, frames } = shard.connections().outbox_bytes();
        assert!(waiting <= 1000 * 10_000, "{waiting}");
        // Beside what waits: what was in flight when the reading stopped, one frame for all.
        assert!(frames <= 10_000 + 2 * length, "{frames}");
    }
    assert_eq!(quick.texts.len(), 200);
    assert_eq!(
        shard.connections().outbox_bytes().waiting as usize / 1000 / (length + OVERHEAD),
        10_000 / (length + OVERHEAD)
    );
    peers.iter().for_each(|peer| network.reset(peer.number));
    turn(&mut shard, &network, 400);
    network.advance(Duration::from_secs(10));
    turn(&mut shard, &network, 100);
    assert_eq!(shard.connections().outbox_bytes(), before);
}

#[test]
fn the_newest_of_a_key_makes_room_for_nobody_and_overflows_when_there_is_none_for_it() {
    let (mut shard, network, _, mut peer, id) = one_open(58, tight());
    network.set_window(peer.number, 7);
    shard.connections().send_frame(id, &plain("in flight")).unwrap();
    turn(&mut shard, &network, 2);
    shard.handler().tolerant = true;
    let connections = shard.connections();
    for key in ["a", "b"] {
        connections.send_frame(id, &keyed(key, &format!("{key} {}", "k".repeat(100)))).unwrap();
    }
    let others = fill(connections, id, |n| laned(2, &format!("{n} {}", "x".repeat(100))));
    // It takes the room of what gives way, as a frame without a lane does: for another key, and to be longer.
    connections.send_frame(id, &keyed("c", &format!("c {}", "k".repeat(100)))).unwrap();
    connections.send_frame(id, &keyed("b", &format!("b {}", "k".repeat(300)))).unwrap();
    connections.send_frame(id, &plain(&format!("reply {}", "r".repeat(150)))).unwrap();
    let lost: u32 = connections.take_shed().iter().map(|shed| shed.messages).sum();
    assert!(0 < lost && lost <= others as u32);
    assert_eq!(connections.drop_oldest(id, 1, 900), 0, "what has a key stays");
    // Where all that waits stays, there is no room: neither for a longer one nor for another key.
    let waits = connections.staying_bytes(id);
    for frame in [keyed("a", &"k".repeat(900)), keyed("d", &"k".repeat(400)), plain(&"r".repeat(400))] {
        assert_eq!(connections.send_frame(id, &frame), Err(SendError::Full));
    }
    assert_eq!((connections.staying_bytes(id), connections.take_shed()), (waits, vec![]));
    turn(&mut shard, &network, 1);
    assert_eq!(shard.handler().overflows, 1);
    network.set_window(peer.number, 1 << 20);
    turn(&mut shard, &network, 50);
    peer.read(&network);
    let firsts: Vec<&str> =
        peer.texts.iter().map(|text| &text[..1]).filter(|first| "abcr".contains(first)).collect();
    assert_eq!(firsts, ["a", "b", "c", "r"]);
}

#[test]
fn a_frame_without_bytes_is_passed_over() {
    let (mut shard, network, _, mut peer, id) = one_open(59, tight());
    let empty = [
        Frame::new(&[]),
        Frame::in_lane(&[], Lane { number: 1, key: None }, 1),
        Frame::in_lane(&[], Lane { number: 1, key: Some("a".into()) }, 1),
    ];
    let connections = shard.connections();
    for waits in ["", "a"] {
        if !waits.is_empty() {
            connections.send_frame(id, &keyed(waits, "waits")).unwrap();
        }
        for frame in &empty {
            connections.send_frame(id, frame).unwrap();
            connections.send_first(id, frame).unwrap();
            connections.send_anyway(id, frame).unwrap();
            let mut fan_out = connections.begin(1);
            let bundle = Bundle::from(vec![frame.clone(), frame.clone()]);
            connections.add_some(&mut fan_out, id, &bundle, |_| true).unwrap();
            connections.launch(fan_out);
        }
    }
    connections.send_frame(id, &plain("last")).unwrap();
    turn(&mut shard, &network, 50);
    peer.read(&network);
    assert_eq!(peer.texts, ["waits", "last"]);
    assert_eq!(shard.connections().queued_bytes(id), 0);
}

/// What is done to two connections alike.
#[derive(Clone, Debug)]
enum Act {
    /// A fan-out of so many frames, named by lane, key and length, of which those are wanted.
    FanOut(Vec<(u32, Option<u8>, usize, bool)>),
    Plain(usize),
    Discard(u32),
    /// So much can be sent.
    Reads(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let frame =
        (0u32..3, proptest::option::weighted(0.7, 0u8..6), 1usize..120, proptest::bool::weighted(0.8));
    prop_oneof![
        6 => proptest::collection::vec(frame, 1..12).prop_map(Act::FanOut),
        2 => (1usize..200).prop_map(Act::Plain),
        1 => (0u32..3).prop_map(Act::Discard),
        2 => (1usize..600).prop_map(Act::Reads),
    ]
}

/// What is dropped for one frame of a bundle may change where the next has to go.
#[test]
fn a_bundle_finds_what_has_come_to_be_the_head_meanwhile() {
    let (mut shard, network, _, mut peer, id) = one_open(61, tight());
    network.set_window(peer.number, 7);
    shard.connections().send_frame(id, &plain("in flight")).unwrap();
    turn(&mut shard, &network, 2);
    let connections = shard.connections();
    connections.send_frame(id, &laned(2, &"x".repeat(300))).unwrap();
    connections.send_frame(id, &keyed("a", &"a".repeat(500))).unwrap();
    let bundle = Bundle::from(vec![
        keyed("b", &"b".repeat(300)),
        keyed("c", "c"),
        keyed("a", &format!("A{}", "a".repeat(520))),
        keyed("b", &"b".repeat(310)),
    ]);
    let mut fan_out = connections.begin(1);
    connections.add_some(&mut fan_out, id, &bundle, |_| true).unwrap();
    connections.launch(fan_out);
    assert_eq!(connections.take_shed(), [Shed { connection: id, lane: 2, messages: 1 }]);
    network.set_window(peer.number, 1 << 20);
    turn(&mut shard, &network, 50);
    peer.read(&network);
    let texts: Vec<(&str, usize)> = peer.texts.iter().map(|text| (&text[..1], text.len())).collect();
    assert_eq!(texts, [("i", 9), ("A", 521), ("b", 310), ("c", 1)]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 256, ..ProptestConfig::default() })]

    /// A bundle is what its frames are one by one: the same order, the same counts, the same is dropped and refused.
    #[test]
    fn a_bundle_is_what_its_frames_are_one_by_one(acts in proptest::collection::vec(act(), 1..40)) {
        // Of two shards with one seed whatever comes by chance is the same.
        let mut worlds = [0, 1].map(|_| one_open(60, tight()));
        for (shard, network, _, peer, _) in &mut worlds {
            shard.handler().tolerant = true;
            network.set_window(peer.number, 0);
        }
        for (n, act) in acts.into_iter().enumerate() {
            let is_bundled = [false, true].into_iter();
            let outcomes: Vec<_> = worlds.iter_mut().zip(is_bundled).map(|((shard, network, _, peer, id), is_bundled)| {
                let connections = shard.connections();
                let outcome = match &act {
                    Act::FanOut(frames) => format!("{:?}", fan_out(connections, *id, n, frames, is_bundled)),
                    Act::Plain(length) => {
                        let frame = plain(&format!("{n} {}", "x".repeat(*length)));
                        format!("{:?}", connections.send_frame(*id, &frame))
                    }
                    Act::Discard(lane) => connections.discard(*id, *lane).to_string(),
                    Act::Reads(window) => {
                        network.set_window(peer.number, *window);
                        String::new()
                    }
                };
                turn(shard, network, 4);
                let connections = shard.connections();
                let bytes =
                    [connections.queued_bytes(*id), connections.firm_bytes(*id), connections.staying_bytes(*id)];
                (outcome, bytes, connections.take_shed(), connections.outbox_bytes())
            }).collect();
            prop_assert_eq!(&outcomes[0], &outcomes[1]);
        }
        let texts = worlds.map(|(mut shard, network, _, mut peer, _)| {
            network.set_window(peer.number, 1 << 20);
            turn(&mut shard, &network, 100);
            peer.read(&network);
            peer.texts
        });
        prop_assert_eq!(&texts[0], &texts[1]);
    }
}

/// Fans out to one connection, frame by frame or in a bundle.
fn fan_out(
    connections: &mut Connections,
    id: ConnectionId,
    n: usize,
    named: &[(u32, Option<u8>, usize, bool)],
    is_bundled: bool,
) -> Result<(), (usize, SendError)> {
    let frame = |(at, (number, key, length, _)): (usize, &(u32, Option<u8>, usize, bool))| {
        let text = format!("{n}.{at} {}", "x".repeat(*length));
        let key = key.map(|key| key.to_string().into());
        if *number == 0 {
            plain(&text)
        } else {
            Frame::in_lane(&framed(&text), Lane { number: *number, key }, 1)
        }
    };
    let frames: Vec<Frame> = named.iter().enumerate().map(frame).collect();
    let mut fan_out = connections.begin(1);
    let result = if is_bundled {
        connections.add_some(&mut fan_out, id, &Bundle::from(frames), |at| named[at].3)
    } else {
        let mut wanted = frames.iter().enumerate().filter(|(at, _)| named[*at].3);
        wanted
            .try_for_each(|(at, frame)| connections.add(&mut fan_out, id, frame).map_err(|error| (at, error)))
    };
    connections.launch(fan_out);
    result
}
