//! Every way a connection ends, over the simulated driver: what was asked for, what the peer still gets, what the handler
//! is told, and that nothing is left.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

mod simulation;

use std::time::Duration;

use simulation::{FIELDS, Peer, one_open, shard, turn};
use wavecast_net::MessageRef;
use wavecast_net::shard::Side;
use wavecast_net::websocket::Opcode;
use wavecast_net::websocket::keepalive::Intervals;
use wavecast_net::{CloseCode, Options};

fn with_keep_alive(ping_interval_ms: u32, pong_timeout_ms: u32) -> Options {
    Options { keep_alive: Intervals { ping_interval_ms, pong_timeout_ms }, ..Options::default() }
}

#[test]
fn keep_alive_due_in_the_turn_of_a_close_does_not_swallow_the_close_frame() {
    let (mut shard, network, _, mut peer, id) = one_open(1, with_keep_alive(1000, 500));
    shard.connections().close(id, CloseCode::NORMAL, "enough");
    network.advance(Duration::from_secs(3));
    turn(&mut shard, &network, 60);
    peer.read(&network);
    assert_eq!(peer.close, Some(1000));
    turn(&mut shard, &network, 60);
    assert_eq!(shard.handler().closed, vec![(1000, Side::Local)]);
    assert!(network.is_gone(peer.number));
}

#[test]
fn a_timer_cancelled_by_anothers_in_the_same_turn_does_not_fire() {
    let (mut shard, network, _) = shard(2, Options::default());
    let peers = [Peer::connect(&network), Peer::connect(&network)];
    turn(&mut shard, &network, 80);
    let ids = peers.map(|peer| shard.handler().open[&peer.number]);
    for id in ids {
        shard.connections().set_timer(id, Duration::from_millis(20));
    }
    shard.handler().on_timer = Some(Box::new(move |connections, id| {
        let other = if id == ids[0] { ids[1] } else { ids[0] };
        connections.cancel_timer(other);
    }));
    turn(&mut shard, &network, 80);
    assert_eq!(shard.handler().timers.len(), 1);
}

#[test]
fn a_timer_set_anew_by_anothers_in_the_same_turn_fires_at_its_new_time() {
    let (mut shard, network, _) = shard(3, Options::default());
    let peers = [Peer::connect(&network), Peer::connect(&network)];
    turn(&mut shard, &network, 80);
    let ids = peers.map(|peer| shard.handler().open[&peer.number]);
    for id in ids {
        shard.connections().set_timer(id, Duration::from_millis(20));
    }
    shard.handler().on_timer = Some(Box::new(move |connections, id| {
        let other = if id == ids[0] { ids[1] } else { ids[0] };
        connections.set_timer(other, Duration::from_millis(300));
    }));
    turn(&mut shard, &network, 250);
    assert_eq!(shard.handler().timers.len(), 1);
    turn(&mut shard, &network, 120);
    assert_eq!(shard.handler().timers.len(), 2);
}

#[test]
fn a_timer_may_be_set_as_far_away_as_time_goes() {
    let (mut shard, network, _, _, id) = one_open(4, Options::default());
    shard.connections().set_timer(id, Duration::MAX);
    turn(&mut shard, &network, 50);
    assert!(shard.handler().timers.is_empty());
}

#[test]
fn a_peer_that_closes_and_ends_its_side_at_once_gets_what_waits_and_the_answer() {
    let (mut shard, network, _, mut peer, _) = one_open(5, Options::default());
    network.set_window(peer.number, 0);
    for n in 0..20 {
        peer.say(&network, Opcode::Text, format!("{n} {}", "x".repeat(500)).as_bytes());
    }
    peer.say(&network, Opcode::Close, &[0x0f, 0xa1]);
    network.end(peer.number);
    network.set_split_max(20_000);
    turn(&mut shard, &network, 60);
    assert!(!network.is_gone(peer.number));
    network.set_window(peer.number, 1 << 20);
    turn(&mut shard, &network, 300);
    peer.read(&network);
    assert_eq!((peer.texts.len(), peer.close), (20, Some(4001)));
    assert!(network.is_gone(peer.number), "long before any time-out");
    assert_eq!(shard.handler().closed, vec![(4001, Side::Peer)]);
}

#[test]
fn a_refusal_reaches_a_peer_that_has_ended_its_side() {
    let (mut shard, network, _) = shard(6, Options::default());
    let peer = network.connect();
    network.set_window(peer, 0);
    network.write(peer, format!("GET /refuse HTTP/1.1\r\n{FIELDS}").as_bytes());
    network.end(peer);
    turn(&mut shard, &network, 100);
    network.set_window(peer, 1 << 20);
    turn(&mut shard, &network, 100);
    let answer = String::from_utf8(network.read(peer)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("not you"), "{answer}");
    assert!(network.is_gone(peer));
}

#[test]
fn who_half_closes_and_never_reads_is_closed_in_time() {
    let (mut shard, network, _, mut peer, _) = one_open(7, Options::default());
    network.set_window(peer.number, 0);
    peer.say(&network, Opcode::Text, &[b'x'; 500]);
    peer.say(&network, Opcode::Close, &[0x03, 0xe8]);
    network.end(peer.number);
    turn(&mut shard, &network, 100);
    assert!(!network.is_gone(peer.number));
    network.advance(Duration::from_secs(5));
    turn(&mut shard, &network, 50);
    assert!(network.is_gone(peer.number));
}

#[test]
fn a_paused_connection_hears_the_answer_to_its_close() {
    let (mut shard, network, _, mut peer, id) = one_open(8, Options::default());
    shard.connections().pause(id, true);
    turn(&mut shard, &network, 20);
    peer.say(&network, Opcode::Text, b"unheard");
    shard.connections().close(id, CloseCode::NORMAL, "enough");
    // In vain: nobody is paused while it closes.
    shard.connections().pause(id, true);
    for _ in 0..60 {
        turn(&mut shard, &network, 5);
        peer.read(&network);
    }
    assert_eq!((peer.close, peer.texts.len()), (Some(1000), 0));
    assert!(network.is_gone(peer.number), "no time-out was needed");
    assert_eq!(shard.handler().closed, vec![(1000, Side::Local)]);
}

#[test]
fn a_paused_peer_is_not_declared_dead_and_a_silent_one_is_afterwards() {
    let (mut shard, network, _, mut peer, id) = one_open(9, with_keep_alive(100, 100));
    shard.connections().pause(id, true);
    turn(&mut shard, &network, 3000);
    peer.read(&network);
    assert!(peer.pings > 5, "pinged all the same, so that the kernel finds out who has vanished");
    assert_eq!(shard.connections().open_count(), 1);
    shard.connections().pause(id, false);
    turn(&mut shard, &network, 90);
    assert_eq!(shard.connections().open_count(), 1, "silence counts from now on");
    turn(&mut shard, &network, 300);
    assert_eq!(shard.handler().closed, vec![(1006, Side::Failure)]);
}

#[test]
fn a_slow_peer_that_takes_a_long_message_is_not_declared_dead_until_it_stops() {
    let (mut shard, network, _, mut peer, id) = one_open(10, with_keep_alive(100, 100));
    network.set_window(peer.number, 150);
    shard.connections().send(id, MessageRef::Text(&"x".repeat(100_000))).unwrap();
    let mut turns = 0;
    while peer.texts.is_empty() {
        turn(&mut shard, &network, 1);
        peer.read(&network);
        turns += 1;
        assert_eq!(shard.connections().open_count(), 1, "after {turns} ms");
    }
    assert!(turns > 400, "{turns} ms is too quick to prove anything");
    network.set_window(peer.number, 0);
    shard.connections().send(id, MessageRef::Text(&"x".repeat(100_000))).unwrap();
    turn(&mut shard, &network, 600);
    assert_eq!(shard.handler().closed, vec![(1006, Side::Failure)]);
}

#[test]
fn a_shard_that_was_held_up_does_not_declare_dead_who_has_answered() {
    let (mut shard, network, _) = shard(11, with_keep_alive(1000, 10_000));
    let mut peers: Vec<Peer> = (0..200).map(|_| Peer::connect(&network)).collect();
    turn(&mut shard, &network, 800);
    assert_eq!(shard.connections().open_count(), 200);
    turn(&mut shard, &network, 1200);
    for peer in &mut peers {
        peer.read(&network);
        assert!(peer.pings > 0);
        peer.say(&network, Opcode::Pong, b"");
    }
    network.advance(Duration::from_secs(60));
    turn(&mut shard, &network, 200);
    assert_eq!(shard.connections().open_count(), 200, "{:?}", shard.handler().errors);
}

#[test]
fn a_drain_that_runs_out_of_time_tells_the_handler() {
    let (mut shard, network, remote, peer, _) = one_open(12, Options::default());
    network.set_window(peer.number, 0);
    assert!(remote.drain(CloseCode::GOING_AWAY, "bye", Duration::from_millis(100)));
    let mut turns = 0;
    while shard.turn().unwrap() {
        network.advance(Duration::from_millis(1));
        turns += 1;
    }
    assert!((90..200).contains(&turns), "{turns}");
    assert_eq!(shard.handler().closed, vec![(1001, Side::Local)]);
}

#[test]
fn a_full_control_lane_does_not_keep_a_drain_away() {
    let (mut shard, network, remote) = shard(13, Options { control_max: 1, ..Options::default() });
    assert_eq!(remote.push_control("first".to_owned()), Ok(()));
    assert!(remote.push_control("too many".to_owned()).is_err());
    assert!(remote.drain(CloseCode::GOING_AWAY, "bye", Duration::from_secs(1)));
    assert!(!shard.turn().unwrap());
    drop(network);
}

#[test]
fn who_is_terminated_gets_nothing_any_more() {
    let (mut shard, network, _, mut peer, id) = one_open(14, Options::default());
    shard.connections().send(id, MessageRef::Text("never")).unwrap();
    shard.connections().terminate(id);
    shard.connections().close(id, CloseCode::NORMAL, "too late");
    turn(&mut shard, &network, 50);
    peer.read(&network);
    assert_eq!((peer.texts.len(), peer.close), (0, None));
    assert!(network.is_gone(peer.number));
    assert_eq!(shard.handler().closed, vec![(1006, Side::Local)]);
}

#[test]
fn a_close_event_may_close_all_others() {
    let (mut shard, network, _) = shard(15, Options::default());
    let mut peers: Vec<Peer> = (0..10).map(|_| Peer::connect(&network)).collect();
    turn(&mut shard, &network, 200);
    let ids: Vec<_> = shard.handler().open.values().copied().collect();
    let everybody = ids.clone();
    shard.handler().on_close = Some(Box::new(move |connections, _| {
        for id in &everybody {
            connections.close(*id, CloseCode::GOING_AWAY, "all of you");
        }
    }));
    network.reset(peers[0].number);
    for _ in 0..100 {
        turn(&mut shard, &network, 5);
        peers.iter_mut().for_each(|peer| peer.read(&network));
    }
    assert!(peers[1..].iter().all(|peer| peer.close == Some(1001)));
    assert!(peers.iter().all(|peer| network.is_gone(peer.number)));
    assert_eq!(shard.handler().closed.len(), 10);
}

#[test]
fn who_breaks_the_protocol_and_goes_on_sending_is_told_how_and_let_go() {
    let (mut shard, network, _, mut peer, _) = one_open(16, Options::default());
    peer.answers = false;
    network.write(peer.number, b"\x81\x02hi");
    let mut gone_after = 0;
    while !network.is_gone(peer.number) {
        network.write(peer.number, &[0; 50]);
        turn(&mut shard, &network, 1);
        peer.read(&network);
        gone_after += 1;
        assert!(gone_after < 8000);
    }
    assert_eq!(peer.close, Some(1002));
    assert!(gone_after > 1900, "the peer has its time to read: {gone_after} ms");
    assert_eq!(shard.handler().closed, vec![(1002, Side::Failure)]);
}

#[test]
fn who_answers_the_close_of_a_failure_by_ending_is_let_go_at_once() {
    let (mut shard, network, _, mut peer, _) = one_open(17, Options::default());
    network.write(peer.number, b"\x81\x02hi");
    turn(&mut shard, &network, 40);
    peer.read(&network);
    assert_eq!(peer.close, Some(1002));
    assert!(network.is_ended(peer.number), "our side ends behind the close frame");
    network.end(peer.number);
    turn(&mut shard, &network, 40);
    assert!(network.is_gone(peer.number));
}

#[test]
fn a_close_while_a_send_is_in_flight_comes_after_it() {
    let (mut shard, network, _, mut peer, id) = one_open(18, Options::default());
    network.set_window(peer.number, 100);
    for n in 0..50 {
        shard.connections().send(id, MessageRef::Text(&format!("{n} {}", "x".repeat(90)))).unwrap();
        turn(&mut shard, &network, 1);
    }
    shard.connections().close(id, CloseCode::NORMAL, "enough");
    assert!(shard.connections().send(id, MessageRef::Text("too late")).is_err());
    network.set_window(peer.number, 1 << 20);
    for _ in 0..100 {
        turn(&mut shard, &network, 3);
        peer.read(&network);
    }
    assert_eq!((peer.texts.len(), peer.close), (50, Some(1000)));
    assert!(network.is_gone(peer.number));
}

#[test]
fn a_head_without_end_is_cut_off_however_it_comes() {
    for split in [1, 7, 30_000] {
        let (mut shard, network, _) = shard(21, Options::default());
        network.set_split_max(split);
        let peer = network.connect();
        network.write(peer, b"GET /");
        network.write(peer, &vec![b'a'; 20_000]);
        turn(&mut shard, &network, 1500);
        let answer = network.read(peer);
        assert!(answer.starts_with(b"HTTP/1.1 431 "), "{}", String::from_utf8_lossy(&answer));
    }
}

#[test]
fn who_speaks_another_protocol_need_not_be_waited_for() {
    let (mut shard, network, _) = shard(22, Options::default());
    network.set_split_max(3);
    let peer = network.connect();
    network.write(peer, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    turn(&mut shard, &network, 60);
    assert!(network.read(peer).starts_with(b"HTTP/1.1 400 "));
}

#[test]
fn a_connection_that_leaves_is_no_ones_business_any_more() {
    let (mut shard, network, remote) = shard(23, Options::default());
    let peer = network.connect();
    network.write(peer, format!("GET /leave HTTP/1.1\r\n{FIELDS}").as_bytes());
    network.end(peer);
    turn(&mut shard, &network, 60);
    assert!(network.is_gone(peer));
    let next = Peer::connect(&network);
    turn(&mut shard, &network, 60);
    assert!(shard.handler().open.contains_key(&next.number), "in the slot that became free");
    network.advance(Duration::from_secs(11));
    turn(&mut shard, &network, 20);
    assert_eq!(shard.connections().open_count(), 1, "no timer of the one that left fires for the next");
    assert!(remote.drain(CloseCode::GOING_AWAY, "bye", Duration::from_secs(1)));
}

#[test]
fn a_handler_that_takes_no_events_does_not_keep_the_shard_spinning() {
    let (mut shard, network, remote, mut peer, _) = one_open(24, Options::default());
    turn(&mut shard, &network, 20);
    shard.handler().busy = true;
    remote.try_push("post".to_owned()).unwrap();
    turn(&mut shard, &network, 3);
    assert_ne!(network.last_wait(), Some(Duration::ZERO));
    shard.handler().busy = false;
    turn(&mut shard, &network, 20);
    peer.read(&network);
    assert_eq!(peer.texts, ["post"]);
}

#[test]
fn who_is_held_back_and_reads_nothing_is_declared_dead() {
    let options = Options { outbox_bytes_max: 20_000, ..with_keep_alive(100, 100) };
    let (mut shard, network, _, mut peer, _) = one_open(26, options);
    network.set_window(peer.number, 0);
    for _ in 0..1000 {
        peer.say(&network, Opcode::Text, &[b'x'; 90]);
    }
    turn(&mut shard, &network, 2000);
    assert_eq!(shard.handler().closed, vec![(1006, Side::Failure)]);
    assert!(network.is_gone(peer.number));
}

#[test]
fn closes_that_cross_wait_for_the_send_in_flight() {
    for seed in 0..20 {
        let (mut shard, network, _, mut peer, id) = one_open(seed, Options::default());
        network.set_window(peer.number, 0);
        shard.connections().send(id, MessageRef::Text("in flight")).unwrap();
        shard.connections().close(id, CloseCode::NORMAL, "enough");
        turn(&mut shard, &network, 5);
        peer.say(&network, Opcode::Close, &[0x0f, 0xa1]);
        turn(&mut shard, &network, 40);
        assert_eq!(shard.handler().closed, vec![(1000, Side::Local)]);
        assert!(!network.is_gone(peer.number));
        network.set_window(peer.number, 1 << 20);
        turn(&mut shard, &network, 40);
        peer.read(&network);
        assert_eq!((peer.texts.len(), peer.close), (1, Some(1000)));
        assert!(network.is_gone(peer.number));
    }
}

#[test]
fn a_timer_set_in_the_close_event_does_not_come_for_the_next_in_the_slot() {
    let (mut shard, network, _, peer, id) = one_open(28, Options::default());
    shard.handler().on_close = Some(Box::new(|connections, id| {
        connections.set_timer(id, Duration::from_millis(200));
    }));
    network.reset(peer.number);
    turn(&mut shard, &network, 40);
    let next = Peer::connect(&network);
    turn(&mut shard, &network, 40);
    assert_eq!(shard.handler().open[&next.number].slot(), id.slot());
    turn(&mut shard, &network, 400);
    assert!(shard.handler().timers.is_empty());
}

#[test]
fn a_drain_forgets_the_timer_of_a_head_that_is_let_go() {
    for seed in 0..40 {
        let (mut shard, network, remote) = shard(seed, Options::default());
        let half = network.connect();
        network.write(half, b"GET / HT");
        turn(&mut shard, &network, 20);
        assert!(remote.drain(CloseCode::GOING_AWAY, "bye", Duration::from_secs(60)));
        let mut is_left = shard.turn().unwrap();
        network.advance(Duration::from_secs(11));
        while is_left {
            is_left = shard.turn().unwrap();
        }
        assert!(network.is_gone(half) && network.read(half).is_empty());
    }
}
