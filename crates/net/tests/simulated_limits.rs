//! What waits for a peer, and what does not read, or asks for too much: limits over the simulated driver.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

mod simulation;

use std::time::Duration;

use simulation::{Peer, one_open, shard, turn};
use wavecast_net::MessageRef;
use wavecast_net::shard::Side;
use wavecast_net::websocket::Opcode;
use wavecast_net::{CloseCode, Options};

#[test]
fn a_peer_that_does_not_read_is_cut_off_and_the_others_notice_nothing() {
    let (mut shard, network, remote) = shard(5, Options { outbox_bytes_max: 4096, ..Options::default() });
    let (mut slow, mut quick) = (Peer::connect(&network), Peer::connect(&network));
    turn(&mut shard, &network, 60);
    slow.read(&network);
    network.set_window(slow.number, 0);
    for n in 0..300 {
        remote.try_push(format!("post {n:04} {}", "x".repeat(100))).unwrap();
        turn(&mut shard, &network, 5);
        quick.read(&network);
    }
    turn(&mut shard, &network, 100);
    quick.read(&network);
    assert_eq!(quick.texts.len(), 300);
    assert_eq!(shard.handler().overflows, 1);
    // It cannot be told while it does not read: the close time-out ends it.
    network.advance(Duration::from_secs(6));
    turn(&mut shard, &network, 100);
    assert!(network.is_gone(slow.number));
    assert_eq!(shard.handler().closed, vec![(1013, Side::Local)]);
}

#[test]
fn a_flood_of_pings_to_a_peer_that_does_not_read_stays_small() {
    let (mut shard, network, _) = shard(11, Options::default());
    let mut peer = Peer::connect(&network);
    turn(&mut shard, &network, 60);
    peer.read(&network);
    network.set_window(peer.number, 0);
    for _ in 0..10_000 {
        peer.say(&network, Opcode::Ping, &[7; 125]);
    }
    network.set_split_max(10_000);
    turn(&mut shard, &network, 3_000);
    let id = shard.handler().open[&peer.number];
    let queued = shard.connections().queued_bytes(id);
    assert!(queued <= 17 * (127 + 32), "{queued} bytes of pongs wait");
}

#[test]
fn pings_to_a_peer_that_does_not_read_have_a_bound_and_are_no_overflow() {
    let (mut shard, network, _, peer, id) =
        one_open(19, Options { outbox_bytes_max: 10_000, ..Options::default() });
    network.set_window(peer.number, 0);
    let mut refused = 0;
    for _ in 0..100 {
        for _ in 0..100 {
            refused += u32::from(shard.connections().ping(id, &[1; 125]).is_err());
        }
        turn(&mut shard, &network, 1);
    }
    assert!(refused > 5000);
    assert!(shard.connections().queued_bytes(id) < 10_000 + 200);
    assert_eq!((shard.handler().overflows, shard.connections().open_count()), (0, 1));
}

#[test]
fn a_full_shard_refuses_and_takes_again() {
    let (mut shard, network, _) = shard(20, Options { connections_max: 2, ..Options::default() });
    let peers = [Peer::connect(&network), Peer::connect(&network)];
    turn(&mut shard, &network, 80);
    let late = Peer::connect(&network);
    turn(&mut shard, &network, 80);
    assert!(network.is_gone(late.number));
    assert_eq!(shard.connections().open_count(), 2);
    network.reset(peers[0].number);
    turn(&mut shard, &network, 80);
    let later = Peer::connect(&network);
    turn(&mut shard, &network, 80);
    assert!(shard.handler().open.contains_key(&later.number));
}

#[test]
fn who_sends_without_reading_is_held_back_and_not_cut_off() {
    let (mut shard, network, _, mut peer, id) =
        one_open(25, Options { outbox_bytes_max: 20_000, ..Options::default() });
    network.set_window(peer.number, 0);
    for n in 0..1000 {
        peer.say(&network, Opcode::Text, format!("{n} {}", "x".repeat(90)).as_bytes());
    }
    turn(&mut shard, &network, 2000);
    let waits = shard.connections().queued_bytes(id);
    assert!((10_000..12_000).contains(&waits), "{waits}");
    network.set_window(peer.number, 1 << 20);
    for _ in 0..100 {
        turn(&mut shard, &network, 50);
        peer.read(&network);
    }
    assert_eq!((peer.texts.len(), shard.handler().overflows), (1000, 0));
}

#[test]
fn who_is_held_back_is_heard_again_when_the_handler_closes() {
    let options = Options { outbox_bytes_max: 20_000, ..Options::default() };
    let (mut shard, network, _, mut peer, id) = one_open(27, options);
    network.set_window(peer.number, 0);
    for _ in 0..1000 {
        peer.say(&network, Opcode::Text, &[b'x'; 90]);
    }
    turn(&mut shard, &network, 2000);
    shard.connections().close(id, CloseCode::NORMAL, "enough");
    network.set_window(peer.number, 1 << 20);
    for _ in 0..100 {
        turn(&mut shard, &network, 20);
        peer.read(&network);
    }
    assert_eq!(peer.close, Some(1000));
    assert_eq!(shard.handler().closed, vec![(1000, Side::Local)]);
    assert!(network.is_gone(peer.number));
}

#[test]
fn every_ping_of_a_peer_that_reads_is_answered() {
    let (mut shard, network, _, mut peer, _) = one_open(31, Options::default());
    let mut expected = Vec::new();
    for n in 0..100u8 {
        peer.say(&network, Opcode::Ping, &[n; 3]);
        expected.push(vec![n; 3]);
        turn(&mut shard, &network, 12);
        peer.read(&network);
    }
    assert_eq!(peer.pongs, expected);
}

#[test]
fn after_a_flood_of_pings_the_last_one_is_answered() {
    let (mut shard, network, _, mut peer, _) = one_open(32, Options::default());
    network.set_window(peer.number, 0);
    for n in 0..200u8 {
        peer.say(&network, Opcode::Ping, &[n]);
    }
    turn(&mut shard, &network, 200);
    network.set_window(peer.number, 1 << 20);
    turn(&mut shard, &network, 60);
    peer.read(&network);
    assert!(peer.pongs.len() <= 18, "{}", peer.pongs.len());
    assert_eq!(peer.pongs.last(), Some(&vec![199]));
}

#[test]
fn a_cut_drops_what_waits_and_keeps_the_send_in_flight_whole() {
    for seed in 0..20 {
        let (mut shard, network, _, mut peer, id) = one_open(seed, Options::default());
        network.set_window(peer.number, 5);
        shard.connections().send(id, MessageRef::Text("in flight")).unwrap();
        turn(&mut shard, &network, 5);
        for _ in 0..20 {
            shard.connections().send(id, MessageRef::Text("waits")).unwrap();
        }
        shard.connections().cut(id, CloseCode::TRY_AGAIN_LATER, "slow");
        assert!(shard.connections().send(id, MessageRef::Text("too late")).is_err());
        network.set_window(peer.number, 1 << 20);
        for _ in 0..60 {
            turn(&mut shard, &network, 2);
            peer.read(&network);
        }
        assert_eq!((&peer.texts[..], peer.close), (&["in flight".to_owned()][..], Some(1013)));
        assert!(network.is_gone(peer.number));
    }
}

#[test]
fn a_handler_that_tolerates_an_overflow_is_asked_again() {
    let (mut shard, network, _, peer, id) =
        one_open(33, Options { outbox_bytes_max: 1000, ..Options::default() });
    shard.handler().tolerant = true;
    network.set_window(peer.number, 0);
    for round in 0..5 {
        let mut refused = 0;
        for _ in 0..20 {
            refused += u32::from(shard.connections().send(id, MessageRef::Text(&"x".repeat(100))).is_err());
        }
        assert!(refused > 1);
        assert_eq!(shard.handler().overflows, round);
        turn(&mut shard, &network, 1);
        assert_eq!(shard.handler().overflows, round + 1, "once a turn, however much did not fit");
    }
    assert_eq!(shard.connections().open_count(), 1);
}

#[test]
fn a_message_longer_than_the_outbox_goes_when_nothing_waits_and_leaves_the_others_their_room() {
    let (mut shard, network, _, mut peer, id) =
        one_open(34, Options { outbox_bytes_max: 1000, ..Options::default() });
    let long = "x".repeat(5000);
    shard.connections().send(id, MessageRef::Text(&long)).unwrap();
    assert!(shard.connections().send(id, MessageRef::Text(&long)).is_err(), "one of them");
    let mut sent = 1;
    while shard.connections().send(id, MessageRef::Text(&"y".repeat(100))).is_ok() {
        sent += 1;
    }
    assert_eq!(sent, 1 + 1000 / (102 + 32));
    shard.handler().tolerant = true;
    turn(&mut shard, &network, 100);
    peer.read(&network);
    assert_eq!(peer.texts.len(), sent);
}

#[test]
fn what_is_sent_behind_a_kept_place_waits_for_it_and_comes_after_it() {
    for closes in [false, true] {
        let (mut shard, network, _, mut peer, id) = one_open(40, Options::default());
        shard.connections().send(id, MessageRef::Text("before")).unwrap();
        shard.connections().hold_place(id);
        for text in ["second", "third"] {
            shard.connections().send(id, MessageRef::Text(text)).unwrap();
            turn(&mut shard, &network, 20);
        }
        peer.read(&network);
        assert_eq!(peer.texts, ["before"]);
        let mut bytes = Vec::new();
        wavecast_net::shard::encode(MessageRef::Text("first"), &mut bytes);
        if closes {
            shard.connections().close(id, CloseCode::NORMAL, "no place any more");
            assert!(shard.connections().fill_place(id, &wavecast_net::Frame::new(&bytes)).is_err());
        } else {
            shard.connections().fill_place(id, &wavecast_net::Frame::new(&bytes)).unwrap();
        }
        turn(&mut shard, &network, 50);
        peer.read(&network);
        let expected: &[&str] =
            if closes { &["before", "second", "third"] } else { &["before", "first", "second", "third"] };
        assert_eq!(peer.texts, expected);
        assert_eq!(shard.connections().queued_bytes(id), 0);
    }
}

#[test]
fn there_is_one_kept_place_at_a_time_and_it_may_be_given_up() {
    for first in ["first", ""] {
        let (mut shard, network, _, mut peer, id) = one_open(41, Options::default());
        let mut bytes = Vec::new();
        if !first.is_empty() {
            wavecast_net::shard::encode(MessageRef::Text(first), &mut bytes);
        }
        let connections = shard.connections();
        connections.hold_place(id);
        connections.send(id, MessageRef::Text("second")).unwrap();
        connections.hold_place(id);
        connections.send(id, MessageRef::Text("third")).unwrap();
        connections.fill_place(id, &wavecast_net::Frame::new(&bytes)).unwrap();
        assert!(connections.fill_place(id, &wavecast_net::Frame::new(&bytes)).is_err());
        turn(&mut shard, &network, 50);
        peer.read(&network);
        let expected: &[&str] =
            if first.is_empty() { &["second", "third"] } else { &["first", "second", "third"] };
        assert_eq!(peer.texts, expected);
        assert_eq!(shard.connections().queued_bytes(id), 0);
    }
}
