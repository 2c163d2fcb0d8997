//! Connections asked to leave over the simulated driver: at which pace, in which order, behind what, and who comes meanwhile.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

mod simulation;

use std::time::Duration;

use simulation::{Echo, FIELDS, Peer, one_open, shard, turn};
use wavecast_net::driver::simulated::{Network, Simulated};
use wavecast_net::shard::{Leave, Remote, Shard, Side, send_away};
use wavecast_net::{CloseCode, Options};

const WINDOW: Duration = Duration::from_secs(10);

fn goodbye() -> Leave {
    Leave::new(CloseCode::GOING_AWAY, "bye").over(WINDOW)
}

/// A shard with so many peers, all open.
fn crowd(seed: u64, count: usize) -> (Shard<Simulated, Echo>, Network, Remote<String>, Vec<Peer>) {
    // So that nobody at the door goes before its time.
    let options = Options { head_timeout: Duration::from_secs(60), ..Options::default() };
    let (mut shard, network, remote) = shard(seed, options);
    let mut peers: Vec<Peer> = (0..count).map(|_| Peer::connect(&network)).collect();
    for _ in 0..200 {
        turn(&mut shard, &network, 10);
        if shard.connections().open_count() == count {
            break;
        }
    }
    read(&network, &mut peers);
    (shard, network, remote, peers)
}

fn read(network: &Network, peers: &mut [Peer]) {
    peers.iter_mut().for_each(|peer| peer.read(network));
}

fn told(peers: &[Peer]) -> usize {
    peers.iter().filter(|peer| peer.close.is_some()).count()
}

#[test]
fn closes_are_spread_evenly_over_the_window() {
    let (mut shard, network, remote, mut peers) = crowd(1, 500);
    assert!(remote.drain_over(goodbye(), Duration::from_secs(30)));
    for second in 1..=10 {
        turn(&mut shard, &network, 1000);
        read(&network, &mut peers);
        let expected = 50 * second;
        assert!(told(&peers).abs_diff(expected) <= 4, "{} after {second} s", told(&peers));
        assert!(peers.iter().all(|peer| peer.close.is_none_or(|code| code == 1001)));
    }
    for _ in 0..100 {
        if !shard.turn().unwrap() {
            return assert_eq!(shard.handler().closed, vec![(1001, Side::Local); 500]);
        }
        network.advance(Duration::from_millis(1));
        read(&network, &mut peers);
    }
    panic!("the shard has ended when all have gone");
}

#[test]
fn who_came_first_is_not_the_first_to_go() {
    let (mut shard, network, remote, mut peers) = crowd(2, 200);
    assert!(remote.drain_over(goodbye(), Duration::from_secs(30)));
    turn(&mut shard, &network, 5000);
    read(&network, &mut peers);
    for quarter in peers.chunks(50) {
        assert!((12..38).contains(&told(quarter)), "{} of 50 after half of the time", told(quarter));
    }
}

#[test]
fn what_was_posted_before_comes_before_the_close() {
    let options = Options { events_per_turn: 1, ..Options::default() };
    let (mut shard, network, remote, mut peer, _) = one_open(3, options);
    for n in 0..20 {
        remote.try_push(n.to_string()).unwrap();
    }
    assert!(remote.drain(CloseCode::GOING_AWAY, "bye", Duration::from_secs(30)));
    remote.try_push("too late".to_owned()).unwrap();
    for _ in 0..100 {
        turn(&mut shard, &network, 1);
        peer.read(&network);
        if peer.close.is_some() {
            break;
        }
    }
    let posted: Vec<_> = (0..20).map(|n| n.to_string()).collect();
    assert_eq!((&peer.texts[..20], peer.close), (&posted[..], Some(1001)));
}

#[test]
fn a_shard_that_was_held_up_catches_up_at_twice_its_pace_at_most() {
    let (mut shard, network, remote, mut peers) = crowd(4, 1000);
    assert!(remote.drain_over(goodbye(), Duration::from_secs(60)));
    turn(&mut shard, &network, 1000);
    network.advance(Duration::from_secs(3));
    let mut before = 0;
    for tenth in 0..110 {
        turn(&mut shard, &network, 100);
        read(&network, &mut peers);
        let now = told(&peers);
        if tenth > 0 {
            assert!(now - before <= 24, "{} in 100 ms, and 10 are due", now - before);
        }
        before = now;
    }
    assert_eq!(before, 1000);
}

#[test]
fn a_request_on_its_way_is_heard_until_the_window_is_over() {
    let (mut shard, network, remote, mut peers) = crowd(5, 10);
    let (late, plain, half) = (network.connect(), network.connect(), network.connect());
    network.write(half, b"GET / HT");
    turn(&mut shard, &network, 60);
    assert!(remote.drain_over(goodbye(), Duration::from_secs(30)));
    turn(&mut shard, &network, 2000);
    network.write(late, format!("GET /77 HTTP/1.1\r\n{FIELDS}").as_bytes());
    network.write(plain, format!("GET /leave HTTP/1.1\r\n{FIELDS}").as_bytes());
    turn(&mut shard, &network, 60);
    let answer = String::from_utf8(network.read(late)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("going away"), "{answer}");
    assert!(network.is_gone(plain), "it has left through the side door");
    assert!(network.read(plain).is_empty() && !network.is_gone(half));
    read(&network, &mut peers);
    let mut over = 2060;
    while shard.turn().unwrap() {
        network.advance(Duration::from_millis(1));
        read(&network, &mut peers);
        over += 1;
    }
    assert!((9900..10_200).contains(&over), "{over} ms");
    assert!(network.is_gone(half));
}

#[test]
fn who_has_gone_by_himself_does_not_hold_up_the_end() {
    let (mut shard, network, remote, peers) = crowd(6, 20);
    assert!(remote.drain_over(goodbye(), Duration::from_secs(30)));
    peers.iter().for_each(|peer| network.reset(peer.number));
    for _ in 0..200 {
        if !shard.turn().unwrap() {
            return;
        }
        network.advance(Duration::from_millis(1));
    }
    panic!("nobody is left, and the shard waits");
}

#[test]
fn a_second_drain_may_be_in_a_hurry() {
    let (mut shard, network, remote, mut peers) = crowd(7, 100);
    assert!(remote.drain_over(goodbye(), Duration::from_secs(30)));
    turn(&mut shard, &network, 1000);
    assert!(remote.drain(CloseCode::POLICY_VIOLATION, "now", Duration::from_secs(1)));
    turn(&mut shard, &network, 100);
    read(&network, &mut peers);
    let hurried = peers.iter().filter(|peer| peer.close == Some(1008)).count();
    assert!((85..=92).contains(&hurried), "{hurried}");
    assert_eq!(told(&peers), 100);
}

#[test]
fn some_are_sent_away_and_the_shard_goes_on() {
    let (mut shard, network, remote, mut peers) = crowd(8, 100);
    assert_eq!(remote.open(), 100);
    assert_eq!(send_away(std::slice::from_ref(&remote), 0.25, &goodbye()), 25);
    turn(&mut shard, &network, 5000);
    read(&network, &mut peers);
    assert!(told(&peers).abs_diff(13) <= 2, "{}", told(&peers));
    assert_eq!(remote.open(), 100 - told(&peers));
    turn(&mut shard, &network, 7000);
    read(&network, &mut peers);
    assert_eq!(told(&peers), 25);
    let mut next = Peer::connect(&network);
    turn(&mut shard, &network, 60);
    next.read(&network);
    assert_eq!((next.close, remote.open()), (None, 76));
    assert!(String::from_utf8(next.head).unwrap().starts_with("HTTP/1.1 101 "));
}

#[test]
fn the_next_order_takes_the_place_of_one_under_way() {
    let (mut shard, network, remote, mut peers) = crowd(9, 100);
    assert!(remote.send_away(100, goodbye()));
    turn(&mut shard, &network, 1000);
    assert!(remote.send_away(0, goodbye()));
    turn(&mut shard, &network, 20_000);
    read(&network, &mut peers);
    assert!(told(&peers).abs_diff(10) <= 2, "{}", told(&peers));
    assert!(remote.drain(CloseCode::GOING_AWAY, "bye", Duration::from_secs(5)));
    assert!(remote.send_away(0, goodbye()), "taken, and in vain");
    turn(&mut shard, &network, 100);
    read(&network, &mut peers);
    assert_eq!(told(&peers), 100);
}

#[test]
fn a_handler_may_have_something_to_finish_first() {
    let (mut shard, network, remote, mut peer, _) = one_open(10, Options::default());
    shard.handler().on_leave =
        Some(Box::new(|connections, id| connections.set_timer(id, Duration::from_millis(300))));
    shard.handler().on_timer =
        Some(Box::new(|connections, id| connections.close(id, CloseCode::NORMAL, "finished")));
    assert!(remote.drain(CloseCode::GOING_AWAY, "bye", Duration::from_secs(5)));
    turn(&mut shard, &network, 280);
    peer.read(&network);
    assert_eq!(peer.close, None);
    turn(&mut shard, &network, 60);
    peer.read(&network);
    assert_eq!(peer.close, Some(1000));
}
