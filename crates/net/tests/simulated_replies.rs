//! What the messages of one read provoke, over the simulated driver: in whatever ways a handler answers, and however much
//! the kernel takes at once, the order is that in which it was said.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

mod simulation;

use proptest::prelude::*;
use simulation::{one_open, turn};
use wavecast_net::shard::{ConnectionId, Connections, encode};
use wavecast_net::websocket::Opcode;
use wavecast_net::{CloseCode, Frame, MessageRef, Options};

/// One way to say something to the connection whose message is being delivered.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// So many bytes beside the number.
    Send(usize),
    Frame,
    FanOut,
    Ping,
    /// A place is held, and filled by the next message.
    Hold,
}

fn ways() -> impl Strategy<Value = Vec<Way>> {
    let way = prop_oneof![
        6 => (0usize..400).prop_map(Way::Send),
        1 => Just(Way::Send(100_000)),
        2 => Just(Way::Frame),
        1 => Just(Way::FanOut),
        1 => Just(Way::Ping),
        1 => Just(Way::Hold),
    ];
    prop::collection::vec(way, 1..60)
}

fn frame(text: &str) -> Frame {
    let mut bytes = Vec::new();
    encode(MessageRef::Text(text), &mut bytes);
    Frame::new(&bytes)
}

/// Says the next numbers, each in its way, some of them for each message that comes.
fn speaker(ways: Vec<Way>, at_a_time: usize) -> impl FnMut(&mut Connections, ConnectionId) {
    let mut next = 0;
    let mut held = None;
    move |connections, id| {
        if let Some(number) = held.take() {
            connections.fill_place(id, &frame(&format!("{number}:"))).unwrap();
        }
        for _ in 0..at_a_time {
            let Some(way) = ways.get(next) else { return };
            let text = format!("{next}:");
            match way {
                Way::Send(bytes) => {
                    let text = text + &"x".repeat(*bytes);
                    connections.send(id, MessageRef::Text(&text)).unwrap();
                }
                Way::Frame => connections.send_frame(id, &frame(&text)).unwrap(),
                Way::FanOut => drop(connections.fan_out(&[id], &frame(&text))),
                Way::Ping => {
                    connections.ping(id, b"").unwrap();
                    connections.send(id, MessageRef::Text(&text)).unwrap();
                }
                Way::Hold if held.is_none() => {
                    connections.hold_place(id);
                    held = Some(next);
                }
                Way::Hold => connections.send(id, MessageRef::Text(&text)).unwrap(),
            }
            next += 1;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_said_is_heard_once_and_in_order(
        seed: u64,
        at_once in prop_oneof![Just(0usize), 1usize..2000],
        at_a_time in 1usize..8,
        window in prop_oneof![Just(1usize << 22), 100usize..5000],
        ways in ways(),
    ) {
        let options = Options { at_once_bytes: at_once, outbox_bytes_max: 1 << 24, ..Options::default() };
        let (mut shard, network, _, mut peer, _) = one_open(seed, options);
        network.set_split_max(10_000);
        network.set_window(peer.number, window);
        let said = ways.len();
        shard.handler().on_message = Some(Box::new(speaker(ways, at_a_time)));
        // One more fills the place that the last may hold.
        for _ in 0..=said / at_a_time + 1 {
            peer.say(&network, Opcode::Text, b"go on");
        }
        turn(&mut shard, &network, 200);
        peer.read(&network);
        network.set_window(peer.number, 1 << 24);
        // The driver carries a few bytes a turn.
        for _ in 0..1000 {
            turn(&mut shard, &network, 100);
            peer.read(&network);
            if peer.texts.len() == said {
                break;
            }
        }
        let heard: Vec<usize> =
            peer.texts.iter().map(|text| text.split(':').next().unwrap().parse().unwrap()).collect();
        prop_assert_eq!(heard, (0..said).collect::<Vec<_>>());
        prop_assert_eq!(shard.handler().overflows, 0);
        prop_assert_eq!(shard.connections().outbox_bytes().frames, 0, "no memory is counted any more");
    }
}

#[test]
fn a_close_stands_behind_what_was_said_before_it_and_a_cut_drops_it() {
    for (seed, cuts) in (0..40).zip([false, true].into_iter().cycle()) {
        let (mut shard, network, _, mut peer, _) = one_open(seed, Options::default());
        shard.handler().on_message = Some(Box::new(move |connections, id| {
            connections.send(id, MessageRef::Text("before")).unwrap();
            match cuts {
                true => connections.cut(id, CloseCode::NORMAL, "enough"),
                false => connections.close(id, CloseCode::NORMAL, "enough"),
            }
            assert!(connections.send(id, MessageRef::Text("after")).is_err());
        }));
        peer.say(&network, Opcode::Text, b"speak");
        turn(&mut shard, &network, 100);
        peer.read(&network);
        assert_eq!(peer.close, Some(1000));
        assert_eq!(peer.texts, if cuts { vec![] } else { vec!["before"] });
    }
}

#[test]
fn what_is_corked_counts_for_the_limit_of_the_outbox() {
    let options = Options { outbox_bytes_max: 1000, ..Options::default() };
    let (mut shard, network, _, mut peer, _) = one_open(5, options);
    shard.handler().tolerant = true;
    shard.handler().on_message = Some(Box::new(|connections, id| {
        let message = "x".repeat(400);
        let sent: Vec<bool> =
            (0..4).map(|_| connections.send(id, MessageRef::Text(&message)).is_ok()).collect();
        assert_eq!(sent, [true, true, false, false]);
        assert!((800..1000).contains(&connections.queued_bytes(id)), "{}", connections.queued_bytes(id));
        assert!(!connections.is_idle(id));
    }));
    peer.say(&network, Opcode::Text, b"speak");
    turn(&mut shard, &network, 100);
    peer.read(&network);
    assert_eq!(peer.texts.len(), 2);
    assert_eq!(shard.handler().overflows, 1);
}
