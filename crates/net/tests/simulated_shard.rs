//! A shard over the simulated driver: whatever the seed does to bytes, sends and closes, every message arrives once and in
//! order, and every connection that opened is closed once.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

mod simulation;

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use simulation::{Peer, shard, turn};
use wavecast_net::shard::Side;
use wavecast_net::websocket::Opcode;
use wavecast_net::{CloseCode, Options};

#[derive(Clone, Debug)]
enum Action {
    Connect,
    Say(usize, usize),
    Ping(usize),
    Post,
    CloseMe(usize),
    Close(usize),
    End(usize),
    Reset(usize),
    HandlerCloses(usize),
    HandlerTerminates(usize),
    Pause(usize, bool),
    Shut(usize),
    Reopen(usize),
    Turns(u32),
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let peer = 0usize..1000;
    prop::collection::vec(
        prop_oneof![
            3 => Just(Action::Connect),
            8 => (peer.clone(), 0usize..700).prop_map(|(p, n)| Action::Say(p, n)),
            1 => peer.clone().prop_map(Action::Ping),
            5 => Just(Action::Post),
            1 => peer.clone().prop_map(Action::CloseMe),
            1 => peer.clone().prop_map(Action::Close),
            1 => peer.clone().prop_map(Action::End),
            1 => peer.clone().prop_map(Action::Reset),
            1 => peer.clone().prop_map(Action::HandlerCloses),
            1 => peer.clone().prop_map(Action::HandlerTerminates),
            2 => (peer.clone(), any::<bool>()).prop_map(|(p, paused)| Action::Pause(p, paused)),
            1 => peer.clone().prop_map(Action::Shut),
            1 => peer.prop_map(Action::Reopen),
            6 => (1u32..20).prop_map(Action::Turns),
        ],
        1..80,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Few peers, or a crowd whose fan-outs are waves of many slices.
    #[test]
    fn every_message_once_and_in_order(
        seed: u64,
        split in 1usize..200,
        slice in 1usize..40,
        at_once in prop_oneof![Just(0usize), 1usize..2000],
        crowd in prop_oneof![3 => Just(0usize), 1 => 65usize..120],
        actions in actions(),
    ) {
        let (mut shard, network, remote) = shard(
            seed,
            Options { flush_slice: slice, at_once_bytes: at_once, ..Options::default() },
        );
        network.set_split_max(200);
        let mut peers: Vec<Peer> = (0..crowd).map(|_| Peer::connect(&network)).collect();
        turn(&mut shard, &network, crowd as u32 * 4);
        prop_assert_eq!(shard.connections().open_count(), crowd);
        network.set_split_max(split);
        // What each peer has said while it was there, and who has gone.
        let mut said: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let mut ended: Vec<usize> = Vec::new();
        let mut posted = 0u32;
        for action in actions {
            let alive = |n: usize| n.checked_rem(peers.len()).filter(|p| !ended.contains(p));
            match action {
                Action::Connect if peers.len() < crowd + 8 => peers.push(Peer::connect(&network)),
                Action::Connect => {}
                Action::Say(p, length) => if let Some(p) = alive(p) {
                    let text = format!("{}:{}", said.entry(p).or_default().len(), "x".repeat(length));
                    peers[p].say(&network, Opcode::Text, text.as_bytes());
                    said.entry(p).or_default().push(text);
                },
                Action::Ping(p) => if let Some(p) = alive(p) { peers[p].say(&network, Opcode::Ping, b"?"); },
                Action::Post => {
                    remote.try_push(format!("post {posted}")).unwrap();
                    posted += 1;
                }
                Action::CloseMe(p) => if let Some(p) = alive(p) {
                    peers[p].say(&network, Opcode::Text, b"close me");
                    ended.push(p);
                },
                Action::Close(p) => if let Some(p) = alive(p) {
                    peers[p].say(&network, Opcode::Close, &[0x03, 0xe8]);
                    ended.push(p);
                },
                Action::End(p) => if let Some(p) = alive(p) {
                    network.end(peers[p].number);
                    ended.push(p);
                },
                Action::Reset(p) => if let Some(p) = alive(p) {
                    network.reset(peers[p].number);
                    ended.push(p);
                },
                Action::HandlerCloses(p) => if let Some(p) = alive(p)
                    && let Some(&id) = shard.handler().open.get(&p)
                {
                    shard.connections().close(id, CloseCode::NORMAL, "enough");
                    ended.push(p);
                },
                Action::HandlerTerminates(p) => if let Some(p) = alive(p)
                    && let Some(&id) = shard.handler().open.get(&p)
                {
                    shard.connections().terminate(id);
                    ended.push(p);
                },
                Action::Pause(p, paused) => if let Some(p) = alive(p)
                    && let Some(&id) = shard.handler().open.get(&p)
                {
                    shard.connections().pause(id, paused);
                },
                Action::Shut(p) => if let Some(p) = alive(p) { network.set_window(peers[p].number, 0); },
                Action::Reopen(p) => if let Some(p) = alive(p) { network.set_window(peers[p].number, 1 << 20); },
                Action::Turns(n) => turn(&mut shard, &network, n),
            }
            for peer in &mut peers { peer.read(&network); }
        }
        for peer in &peers { network.set_window(peer.number, 1 << 20); }
        for id in shard.handler().open.clone().into_values() { shard.connections().pause(id, false); }
        for _ in 0..60 {
            turn(&mut shard, &network, 30 + crowd as u32 / 2);
            for peer in &mut peers { peer.read(&network); }
        }
        for (p, peer) in peers.iter().enumerate() {
            let echoes: Vec<&String> = peer.texts.iter().filter(|t| !t.starts_with("post")).collect();
            let said = said.remove(&p).unwrap_or_default();
            if !ended.contains(&p) {
                prop_assert_eq!(&echoes, &said.iter().collect::<Vec<_>>(), "each echo once and in order");
            } else {
                prop_assert!(said.iter().collect::<Vec<_>>().starts_with(&echoes), "a prefix, in order");
            }
            let posts: Vec<u32> = peer.texts.iter().filter_map(|t| t.strip_prefix("post ")?.parse().ok()).collect();
            prop_assert!(posts.windows(2).all(|w| w[1] == w[0] + 1), "posts without a gap: {posts:?}");
            if !ended.contains(&p) && let Some(last) = posts.last() {
                prop_assert_eq!(*last, posted - 1, "up to the last");
            }
            if p < crowd && !ended.contains(&p) {
                prop_assert_eq!(posts.len(), posted as usize, "and from the first");
            }
        }
        let echo = shard.handler();
        prop_assert_eq!(echo.open.len(), peers.len() - ended.len(), "who stays is open, who goes is told of");
        let wave = echo.wave;
        prop_assert!(wave.is_none_or(|wave| !shard.connections().is_under_way(wave)));
        // Everybody goes: nothing is left behind.
        for peer in &peers { network.reset(peer.number); }
        turn(&mut shard, &network, 200 + 4 * crowd as u32);
        network.advance(Duration::from_secs(20));
        turn(&mut shard, &network, 200 + 4 * crowd as u32);
        prop_assert!(peers.iter().all(|peer| network.is_gone(peer.number)));
        prop_assert_eq!(shard.connections().open_count(), 0);
        let echo = shard.handler();
        prop_assert_eq!(echo.opened as usize, echo.closed.len(), "closed once for each opened");
        prop_assert_eq!(echo.overflows, 0);
    }
}

#[test]
fn a_head_that_comes_too_slowly_is_answered_408() {
    let (mut shard, network, _) = shard(9, Options::default());
    let peer = network.connect();
    for byte in &b"GET / HTTP/1"[..] {
        network.write(peer, &[*byte]);
        turn(&mut shard, &network, 5);
        network.advance(Duration::from_secs(1));
    }
    turn(&mut shard, &network, 50);
    let answer = network.read(peer);
    assert!(answer.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answer));
    network.advance(Duration::from_secs(10));
    turn(&mut shard, &network, 50);
    assert!(network.is_gone(peer), "and it does not stay, although it never ends its side");
}

#[test]
fn a_drain_closes_who_is_open_and_lets_go_who_is_not() {
    let (mut shard, network, remote) = shard(13, Options::default());
    let mut open = Peer::connect(&network);
    open.answers = false;
    let half = network.connect();
    network.write(half, b"GET / HT");
    turn(&mut shard, &network, 80);
    assert!(remote.drain(CloseCode::GOING_AWAY, "bye", Duration::from_secs(30)));
    turn(&mut shard, &network, 80);
    open.read(&network);
    assert_eq!(open.close, Some(1001));
    open.say(&network, Opcode::Close, &[0x03, 0xe9]);
    let mut turns = 0;
    while shard.turn().unwrap() {
        turns += 1;
        assert!(turns < 500, "the drain comes to its end");
    }
    assert!(network.is_gone(half));
    assert_eq!(shard.handler().closed, vec![(1001, Side::Local)]);
}
