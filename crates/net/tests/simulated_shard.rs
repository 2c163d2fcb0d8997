//! A shard over the simulated driver: whatever the seed does to bytes, sends and closes, every message arrives once and in
//! order, and every connection that opened is closed once.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use wavecast_net::driver::simulated::{Network, Simulated};
use wavecast_net::shard::{
    Close, ConnectionId, Connections, Handler, Message, Opening, Remote, Shard, Side, encode,
};
use wavecast_net::websocket::{Event, Input, Limits, Opcode, Role, frame};
use wavecast_net::{CloseCode, Frame, Options};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// Sends back what it gets, and everything posted to everybody.
#[derive(Default)]
struct Echo {
    open: Vec<ConnectionId>,
    opened: u32,
    closed: Vec<(u16, Side)>,
    overflows: u32,
}

impl Handler for Echo {
    type Event = String;

    fn open(&mut self, _: &mut Connections, id: ConnectionId, _: &Opening<'_>) {
        self.opened += 1;
        self.open.push(id);
    }

    fn message(&mut self, connections: &mut Connections, id: ConnectionId, message: Message<'_>) {
        assert!(self.open.contains(&id), "a message of a connection that is not open");
        if message == Message::Text("close me") {
            connections.close(id, CloseCode::NORMAL, "as you wish");
        }
        connections.send(id, message).ok();
    }

    fn close(&mut self, _: &mut Connections, id: ConnectionId, close: &Close<'_>) {
        let place = self.open.iter().position(|open| *open == id).expect("closed once, after open");
        self.open.remove(place);
        self.closed.push((close.code, close.by));
    }

    fn event(&mut self, connections: &mut Connections, text: String) {
        let mut bytes = Vec::new();
        encode(Message::Text(&text), &mut bytes);
        connections.fan_out(&self.open, &Frame::new(&bytes));
    }

    fn overflow(&mut self, connections: &mut Connections, id: ConnectionId) {
        self.overflows += 1;
        connections.cut(id, CloseCode::TRY_AGAIN_LATER, "slow");
    }
}

/// A peer that checks what it gets.
struct Peer {
    number: usize,
    head: Vec<u8>,
    protocol: wavecast_net::websocket::Connection,
    texts: Vec<String>,
    close: Option<u16>,
}

impl Peer {
    fn connect(network: &Network) -> Self {
        let number = network.connect();
        network.write(number, REQUEST);
        let protocol = wavecast_net::websocket::Connection::new(Role::Client);
        Self { number, head: Vec::new(), protocol, texts: Vec::new(), close: None }
    }

    fn say(&self, network: &Network, opcode: Opcode, payload: &[u8]) {
        let mut bytes = Vec::new();
        frame::encode(opcode, payload, Some([1, 2, 3, 4]), &mut bytes);
        network.write(self.number, &bytes);
    }

    fn read(&mut self, network: &Network) {
        let mut bytes = network.read(self.number);
        if !self.head.ends_with(b"\r\n\r\n") {
            let end =
                (0..=bytes.len()).find(|&n| [&self.head[..], &bytes[..n]].concat().ends_with(b"\r\n\r\n"));
            let rest = bytes.split_off(end.unwrap_or(bytes.len()));
            self.head.extend(bytes);
            bytes = rest;
        }
        let mut input = Input::new(&mut bytes);
        while let Some(event) = self.protocol.receive(&mut input, &Limits::default()).unwrap() {
            match event {
                Event::Text(text) => self.texts.push(text.to_owned()),
                Event::Close(frame) => self.close = Some(frame.code.map_or(1005, CloseCode::get)),
                Event::Binary(_) | Event::Ping(_) | Event::Pong(_) => {}
            }
        }
    }
}

fn shard(seed: u64, options: Options) -> (Shard<Simulated, Echo>, Network, Remote<String>) {
    let (driver, network) = Simulated::new(seed);
    let (shard, remote) = Shard::new(driver, Echo::default(), options, seed);
    (shard, network, remote)
}

fn turn(shard: &mut Shard<Simulated, Echo>, network: &Network, turns: u32) {
    for _ in 0..turns {
        shard.turn().unwrap();
        network.advance(Duration::from_millis(1));
    }
}

#[derive(Clone, Debug)]
enum Action {
    Connect,
    Say(usize, usize),
    Post,
    CloseMe(usize),
    Close(usize),
    Reset(usize),
    Shut(usize),
    Reopen(usize),
    Turns(u32),
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let peer = 0usize..8;
    prop::collection::vec(
        prop_oneof![
            3 => Just(Action::Connect),
            6 => (peer.clone(), 0usize..700).prop_map(|(p, n)| Action::Say(p, n)),
            4 => Just(Action::Post),
            1 => peer.clone().prop_map(Action::CloseMe),
            1 => peer.clone().prop_map(Action::Close),
            1 => peer.clone().prop_map(Action::Reset),
            1 => peer.clone().prop_map(Action::Shut),
            1 => peer.prop_map(Action::Reopen),
            5 => (1u32..20).prop_map(Action::Turns),
        ],
        1..60,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_message_once_and_in_order(seed: u64, split in 1usize..200, slice in 1usize..4, actions in actions()) {
        let (mut shard, network, remote) = shard(seed, Options { flush_slice: slice, ..Options::default() });
        network.set_split_max(split);
        let mut peers: Vec<Peer> = Vec::new();
        // What each peer has said and not closed since; what has been posted, with the peers that were open then.
        let mut said: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let mut ended: Vec<usize> = Vec::new();
        let mut posted = 0u32;
        for action in actions {
            let alive = |p: usize| (p < peers.len() && !ended.contains(&p)).then_some(p);
            match action {
                Action::Connect if peers.len() < 8 => peers.push(Peer::connect(&network)),
                Action::Connect => {}
                Action::Say(p, length) => if let Some(p) = alive(p) {
                    let text = format!("{}:{}", said.entry(p).or_default().len(), "x".repeat(length));
                    peers[p].say(&network, Opcode::Text, text.as_bytes());
                    said.entry(p).or_default().push(text);
                },
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
                Action::Reset(p) => if let Some(p) = alive(p) {
                    network.reset(peers[p].number);
                    ended.push(p);
                },
                Action::Shut(p) => if let Some(p) = alive(p) { network.set_window(peers[p].number, 0); },
                Action::Reopen(p) => if let Some(p) = alive(p) { network.set_window(peers[p].number, 1 << 20); },
                Action::Turns(n) => turn(&mut shard, &network, n),
            }
            for peer in &mut peers { peer.read(&network); }
        }
        for peer in &peers { network.set_window(peer.number, 1 << 20); }
        for _ in 0..60 {
            turn(&mut shard, &network, 30);
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
        }
        // Everybody goes: nothing is left behind.
        for peer in &peers { network.reset(peer.number); }
        turn(&mut shard, &network, 200);
        network.advance(Duration::from_secs(20));
        turn(&mut shard, &network, 200);
        prop_assert!(peers.iter().all(|peer| network.is_gone(peer.number)));
        prop_assert_eq!(shard.connections().open_count(), 0);
        let echo = shard.handler();
        prop_assert_eq!(echo.opened as usize, echo.closed.len(), "closed once for each opened");
        prop_assert_eq!(echo.overflows, 0);
    }
}

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
fn a_head_that_comes_too_slowly_is_answered_408() {
    let (mut shard, network, _) = shard(9, Options::default());
    let peer = network.connect();
    for byte in &REQUEST[..12] {
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
    let id = shard.handler().open[0];
    let queued = shard.connections().queued_bytes(id);
    assert!(queued <= 17 * (127 + 32), "{queued} bytes of pongs wait");
}

#[test]
fn a_drain_closes_who_is_open_and_lets_go_who_is_not() {
    let (mut shard, network, remote) = shard(13, Options::default());
    let mut open = Peer::connect(&network);
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
