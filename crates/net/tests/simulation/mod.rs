//! What the tests of a shard over the simulated driver share: a handler that does as it is told, and peers that check what
//! they get.

#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

use std::collections::BTreeMap;
use std::time::Duration;

use wavecast_net::MessageRef;
use wavecast_net::driver::simulated::{Network, Simulated};
use wavecast_net::shard::{
    Close, ConnectionError, ConnectionId, Connections, Handler, Leave, Opening, Remote, Request, Shard, Side,
    Verdict, WaveId, encode,
};
use wavecast_net::websocket::{Event, Input, Limits, Opcode, Role, frame};
use wavecast_net::{CloseCode, Frame, Options};

/// A head without its first line.
pub const FIELDS: &str = "Host: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// What a test has a handler do at some moment.
pub type Act = Box<dyn FnMut(&mut Connections, ConnectionId)>;

/// Sends back what it gets, and everything posted to everybody.
#[derive(Default)]
pub struct Echo {
    /// Open connections by the number of their peer.
    pub open: BTreeMap<usize, ConnectionId>,
    pub opened: u32,
    pub closed: Vec<(u16, Side)>,
    pub errors: Vec<String>,
    pub overflows: u32,
    pub timers: Vec<ConnectionId>,
    pub wave: Option<WaveId>,
    pub busy: bool,
    /// Overflows are counted, and nobody is cut off.
    pub tolerant: bool,
    /// Does this with a message, instead of sending it back.
    pub on_message: Option<Act>,
    pub on_close: Option<Act>,
    pub on_timer: Option<Act>,
    /// Does this with who is asked to leave, instead of closing.
    pub on_leave: Option<Act>,
}

impl Echo {
    fn act(act: &mut Option<Act>, connections: &mut Connections, id: ConnectionId) {
        if let Some(act) = act {
            act(connections, id);
        }
    }
}

impl Handler for Echo {
    type Event = String;

    fn request(&mut self, &Request { head, .. }: &Request<'_>) -> Verdict {
        match head.path() {
            Some("/refuse") => Verdict::Refuse { status: 403, reason: "not you".to_owned() },
            Some("/leave") => Verdict::SideDoor,
            _ => Verdict::Upgrade,
        }
    }

    fn open(&mut self, _: &mut Connections, id: ConnectionId, opening: &Opening<'_>) {
        self.opened += 1;
        let peer = opening.head.target().trim_start_matches('/').parse().expect("the number of a peer");
        assert!(self.open.insert(peer, id).is_none());
    }

    fn message(&mut self, connections: &mut Connections, id: ConnectionId, message: MessageRef<'_>) {
        assert!(self.open.values().any(|open| *open == id), "a message of a connection that is not open");
        assert!(connections.is_open(id), "a message of a connection that closes");
        if message == MessageRef::Text("close me") {
            connections.close(id, CloseCode::NORMAL, "as you wish");
        }
        if self.on_message.is_some() {
            return Self::act(&mut self.on_message, connections, id);
        }
        connections.send(id, message).ok();
    }

    fn close(&mut self, connections: &mut Connections, id: ConnectionId, close: &Close<'_>) {
        assert!(!connections.is_open(id));
        let before = self.open.len();
        self.open.retain(|_, open| *open != id);
        assert_eq!(self.open.len() + 1, before, "closed once, after open");
        self.closed.push((close.code, close.by));
        Self::act(&mut self.on_close, connections, id);
    }

    fn error(&mut self, _: &mut Connections, id: ConnectionId, error: &ConnectionError) {
        assert!(self.open.values().any(|open| *open == id), "an error comes before the close");
        self.errors.push(error.to_string());
    }

    fn event(&mut self, connections: &mut Connections, text: String) {
        assert!(!self.busy, "no event while the handler takes none");
        let mut bytes = Vec::new();
        encode(MessageRef::Text(&text), &mut bytes);
        let targets: Vec<ConnectionId> = self.open.values().copied().collect();
        self.wave = connections.fan_out(&targets, &Frame::new(&bytes)).or(self.wave);
    }

    fn ready(&self) -> bool {
        !self.busy
    }

    fn timer(&mut self, connections: &mut Connections, id: ConnectionId) {
        self.timers.push(id);
        Self::act(&mut self.on_timer, connections, id);
    }

    fn leave(&mut self, connections: &mut Connections, id: ConnectionId, leave: &Leave) {
        if self.on_leave.is_some() {
            return Self::act(&mut self.on_leave, connections, id);
        }
        connections.close(id, leave.code, &leave.reason);
    }

    fn overflow(&mut self, connections: &mut Connections, id: ConnectionId) {
        self.overflows += 1;
        if self.tolerant {
            return;
        }
        connections.cut(id, CloseCode::TRY_AGAIN_LATER, "slow");
    }
}

/// A peer that checks what it gets.
pub struct Peer {
    pub number: usize,
    pub head: Vec<u8>,
    protocol: wavecast_net::websocket::Connection,
    pub texts: Vec<String>,
    pub pings: u32,
    pub pongs: Vec<Vec<u8>>,
    pub close: Option<u16>,
    /// Answers a close frame, as it must (RFC 6455 §5.5.1).
    pub answers: bool,
}

impl Peer {
    pub fn connect(network: &Network) -> Self {
        let number = network.connect();
        network.write(number, format!("GET /{number} HTTP/1.1\r\n{FIELDS}").as_bytes());
        let protocol = wavecast_net::websocket::Connection::new(Role::Client);
        Self {
            number,
            head: Vec::new(),
            protocol,
            texts: Vec::new(),
            pings: 0,
            pongs: Vec::new(),
            close: None,
            answers: true,
        }
    }

    pub fn say(&mut self, network: &Network, opcode: Opcode, payload: &[u8]) {
        let mut bytes = Vec::new();
        frame::encode(opcode, payload, Some([1, 2, 3, 4]), &mut bytes);
        network.write(self.number, &bytes);
        self.answers &= opcode != Opcode::Close;
    }

    pub fn read(&mut self, network: &Network) {
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
                Event::Ping(_) => self.pings += 1,
                Event::Pong(payload) => self.pongs.push(payload.to_vec()),
                Event::Binary(_) => {}
            }
        }
        if self.close.is_some() && self.answers {
            self.say(network, Opcode::Close, &[0x03, 0xe8]);
        }
    }
}

pub fn shard(seed: u64, options: Options) -> (Shard<Simulated, Echo>, Network, Remote<String>) {
    let (driver, network) = Simulated::new(seed);
    let (shard, remote) = Shard::new(driver, Echo::default(), options, seed);
    (shard, network, remote)
}

pub fn turn(shard: &mut Shard<Simulated, Echo>, network: &Network, turns: u32) {
    for _ in 0..turns {
        shard.turn().unwrap();
        network.advance(Duration::from_millis(1));
    }
}

/// A shard with one peer, open.
pub fn one_open(
    seed: u64,
    options: Options,
) -> (Shard<Simulated, Echo>, Network, Remote<String>, Peer, ConnectionId) {
    let (mut shard, network, remote) = shard(seed, options);
    let mut peer = Peer::connect(&network);
    turn(&mut shard, &network, 60);
    peer.read(&network);
    let id = shard.handler().open[&peer.number];
    (shard, network, remote, peer, id)
}
