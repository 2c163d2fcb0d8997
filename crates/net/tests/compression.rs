//! Compressed messages on a shard: negotiated at the door, received and sent, and made once for many.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

mod simulation;

use std::time::Duration;

use simulation::{Echo, turn};
use wavecast_net::driver::simulated::{Network, Simulated};
use wavecast_net::shard::{
    Close, ConnectionId, Connections, Handler, Opening, Request, Shard, Upgrade, Verdict, encode,
};
use wavecast_net::websocket::deflate::{Agreement, Deflater, Inflater};
use wavecast_net::websocket::handshake::ClientRequest;
use wavecast_net::websocket::{Connection, Event, Input, Limits, Opcode, Role};
use wavecast_net::{Compression, Frame, Lane, MessageRef, Options};

const LEAN: Compression = Compression::DEFAULT;
const TAKEOVER: Compression =
    Compression { send_takeover: true, receive_takeover: true, ..Compression::DEFAULT };

/// A client that may compress.
struct Client {
    number: usize,
    agreement: Option<Agreement>,
    protocol: Connection,
    deflater: Deflater,
    context: Option<Box<wavecast_net::websocket::deflate::Context>>,
    /// Bytes on the wire, by message.
    received: Vec<(usize, String)>,
}

impl Client {
    fn connect(
        shard: &mut Shard<Simulated, Echo>,
        network: &Network,
        compression: Option<Compression>,
    ) -> Self {
        let number = network.connect();
        let target = format!("/{number}");
        let request = ClientRequest::new("h", &target, [7; 16]).compression(compression);
        let mut bytes = Vec::new();
        request.write(&mut bytes).unwrap();
        network.write(number, &bytes);
        turn(shard, network, 60);
        let answer = network.read(number);
        let (established, head_len) = request.verify(&answer, &Limits::DEFAULT).unwrap().unwrap();
        assert_eq!(head_len, answer.len());
        let agreement = established.compression;
        let protocol = Connection::new(Role::Client);
        Self {
            number,
            agreement,
            protocol: match agreement {
                Some(agreement) => protocol.with_deflate(agreement.receive),
                None => protocol,
            },
            deflater: Deflater::new(&compression.unwrap_or_default()),
            context: None,
            received: Vec::new(),
        }
    }

    fn say(&mut self, network: &Network, text: &str) {
        let (mut bytes, key) = (Vec::new(), Some([1, 2, 3, 4]));
        match self.agreement {
            Some(Agreement { send, .. }) => {
                self.deflater.encode(Opcode::Text, text.as_bytes(), send, &mut self.context, key, &mut bytes);
            }
            None => wavecast_net::websocket::frame::encode(Opcode::Text, text.as_bytes(), key, &mut bytes),
        }
        network.write(self.number, &bytes);
    }

    /// Reads what has come; each message is one frame.
    fn read(&mut self, network: &Network) {
        let mut bytes = network.read(self.number);
        let mut inflater = Inflater::new();
        let mut input = Input::new(&mut bytes);
        let mut before = input.remaining();
        while let Some(event) =
            self.protocol.receive_with(&mut input, &Limits::DEFAULT, &mut inflater).unwrap()
        {
            let Event::Text(text) = event else { panic!("{event:?}") };
            let text = text.to_owned();
            self.received.push((before - input.remaining(), text));
            before = input.remaining();
        }
    }
}

fn shard(compression: Option<Compression>) -> (Shard<Simulated, Echo>, Network) {
    let (driver, network) = Simulated::new(7);
    network.set_split_max(100);
    let (shard, _) = Shard::new(driver, Echo::default(), Options { compression, ..Options::default() }, 7);
    (shard, network)
}

fn text(number: u32) -> String {
    format!("{{\"temperature\":{number},\"unit\":\"degree Celsius\"}}").repeat(20)
}

#[test]
fn both_directions_are_compressed_if_both_sides_want_it() {
    for server in [None, Some(LEAN), Some(TAKEOVER)] {
        for client in [None, Some(LEAN), Some(TAKEOVER)] {
            let (mut shard, network) = shard(server);
            let mut peer = Client::connect(&mut shard, &network, client);
            assert_eq!(peer.agreement.is_some(), server.is_some() && client.is_some());
            let takes_over = server == Some(TAKEOVER) && client == Some(TAKEOVER);
            for number in 0..3 {
                peer.say(&network, &text(number));
                turn(&mut shard, &network, 60);
                peer.read(&network);
            }
            let texts: Vec<String> = peer.received.iter().map(|(_, text)| text.clone()).collect();
            assert_eq!(texts, [text(0), text(1), text(2)]);
            let [first, second, _] = [0, 1, 2].map(|at| peer.received[at].0);
            match peer.agreement {
                None => assert!(first > text(0).len()),
                Some(_) if takes_over => assert!(second < first / 2, "{first} {second}"),
                Some(_) => assert!(first < text(0).len() / 5 && second + 9 > first, "{first} {second}"),
            }
        }
    }
}

#[test]
fn short_messages_go_plain() {
    let (mut shard, network) = shard(Some(LEAN));
    let mut peer = Client::connect(&mut shard, &network, Some(LEAN));
    for text in ["a".repeat(127), "a".repeat(128)] {
        peer.say(&network, &text);
    }
    turn(&mut shard, &network, 60);
    peer.read(&network);
    assert_eq!(peer.received[0], (2 + 2 + 127, "a".repeat(127)));
    assert!(peer.received[1].0 < 20);
}

/// Whoever agreed gets the compressed form, whoever did not, or has a context of its own, the plain one.
#[test]
fn a_broadcast_is_compressed_once_and_each_gets_the_form_it_takes() {
    let (mut shard, network) = shard(Some(TAKEOVER));
    let narrow = Compression { receive_window_bits: 9, ..LEAN };
    let mut peers: Vec<Client> = [None, Some(LEAN), Some(narrow), Some(TAKEOVER)]
        .into_iter()
        .map(|wants| Client::connect(&mut shard, &network, wants))
        .collect();
    let targets: Vec<_> = peers.iter().map(|peer| shard.handler().open[&peer.number]).collect();
    // What a connection with a context of its own was told before, and is told after, is not disturbed.
    let greet = |connections: &mut Connections| {
        for id in &targets {
            connections.send(*id, MessageRef::Text(&text(1))).unwrap();
        }
    };
    greet(shard.connections());
    for message in [text(2), text(3)[..512].to_owned()] {
        let frame = Frame::message(MessageRef::Text(&message));
        let before = shard.connections().outbox_bytes().frames;
        shard.connections().fan_out(&targets, &frame);
        // Two forms are held, however many connections take each.
        let held = shard.connections().outbox_bytes().frames - before;
        assert!((frame.len() + 30..frame.len() * 3 / 2).contains(&held), "{held} of {}", frame.len());
    }
    greet(shard.connections());
    turn(&mut shard, &network, 200);
    let lens: Vec<Vec<usize>> = peers
        .iter_mut()
        .map(|peer| {
            peer.read(&network);
            let texts: Vec<&str> = peer.received.iter().map(|(_, text)| &text[..]).collect();
            assert_eq!(texts, [&text(1)[..], &text(2), &text(3)[..512], &text(1)]);
            peer.received.iter().map(|(len, _)| *len).collect()
        })
        .collect();
    let plain = lens[0].clone();
    assert!(lens[1][1] < plain[1] / 5 && lens[1][2] < plain[2] / 3, "{lens:?}");
    // 512 bytes refer back no further than a window of 9 bits; what is longer may.
    assert_eq!((lens[2][1], lens[2][2]), (plain[1], lens[1][2]));
    assert_eq!((lens[3][1], lens[3][2]), (plain[1], plain[2]));
    assert!(lens[3][3] < lens[3][0] / 2, "it still refers to what it was told first: {lens:?}");
}

/// Several messages in one piece of memory are compressed each by itself; in a lane, so is what takes another's place.
#[test]
fn a_run_of_messages_is_compressed_message_by_message() {
    let (mut shard, network) = shard(Some(LEAN));
    let mut peers = [Some(LEAN), None].map(|wants| Client::connect(&mut shard, &network, wants));
    let targets: Vec<_> = peers.iter().map(|peer| shard.handler().open[&peer.number]).collect();
    let messages = [text(1), "short".to_owned(), text(2)];
    let mut run = Vec::new();
    messages.iter().for_each(|text| encode(MessageRef::Text(text), &mut run));
    let key = || Some("key".into());
    for lane in
        [Lane { number: 1, key: None }, Lane { number: 2, key: key() }, Lane { number: 2, key: key() }]
    {
        let frame = Frame::in_lane(&run, lane, 3).deflatable();
        shard.connections().fan_out(&targets, &frame);
    }
    // What is not said to be deflatable goes out as it is.
    shard.connections().fan_out(&targets, &Frame::new(&run));
    turn(&mut shard, &network, 100);
    let [compressed, plain] = peers.each_mut().map(|peer| {
        peer.read(&network);
        let texts: Vec<&str> = peer.received.iter().map(|(_, text)| &text[..]).collect();
        assert_eq!(texts, messages.iter().chain(&messages).chain(&messages).collect::<Vec<_>>());
        peer.received.iter().map(|(len, _)| *len).collect::<Vec<_>>()
    });
    assert_eq!(compressed[6..], plain[6..]);
    for at in [0, 2, 3, 5] {
        assert!(compressed[at] < plain[at] / 5, "{compressed:?}");
    }
    assert_eq!(compressed[1], plain[1]);
}

/// Sends back what it gets, never compressed.
struct Plain;

impl Handler for Plain {
    type Event = ();

    fn request(&mut self, _: &Request<'_>) -> Verdict {
        Verdict::UpgradeWith(Upgrade { without_compression: true, ..Upgrade::default() })
    }

    fn open(&mut self, connections: &mut Connections, id: ConnectionId, _: &Opening<'_>) {
        assert_eq!(connections.window(id), None);
        connections.send(id, MessageRef::Text(&text(1))).unwrap();
    }

    fn message(&mut self, _: &mut Connections, _: ConnectionId, _: MessageRef<'_>) {}
    fn close(&mut self, _: &mut Connections, _: ConnectionId, _: &Close<'_>) {}
    fn event(&mut self, _: &mut Connections, (): ()) {}
}

#[test]
fn a_handler_switches_it_off_for_a_connection() {
    let (driver, network) = Simulated::new(9);
    let options = Options { compression: Some(LEAN), ..Options::default() };
    let (mut shard, _remote) = Shard::new(driver, Plain, options, 9);
    let number = network.connect();
    let mut bytes = Vec::new();
    ClientRequest::new("h", "/", [7; 16]).compression(Some(LEAN)).write(&mut bytes).unwrap();
    network.write(number, &bytes);
    for _ in 0..60 {
        shard.turn().unwrap();
        network.advance(Duration::from_millis(1));
    }
    let answer = String::from_utf8_lossy(&network.read(number)).into_owned();
    assert!(answer.starts_with("HTTP/1.1 101 ") && !answer.contains("Extensions"), "{answer}");
    assert!(answer.ends_with(&text(1)));
}

/// A message that did not fit the outbox was never sent: the next one must not refer to it.
#[test]
fn what_had_no_room_is_referred_to_by_nothing() {
    let (driver, network) = Simulated::new(3);
    let options = Options { compression: Some(TAKEOVER), outbox_bytes_max: 700, ..Options::default() };
    let handler = Echo { tolerant: true, ..Echo::default() };
    let (mut shard, _remote) = Shard::new(driver, handler, options, 3);
    let mut peer = Client::connect(&mut shard, &network, Some(TAKEOVER));
    let id = shard.handler().open[&peer.number];
    let noise: Vec<String> = (0..20u32)
        .map(|n| (0..60).map(|m| format!("{:x}", (n * 60 + m).wrapping_mul(2_654_435_761))).collect())
        .collect();
    let mut sent = Vec::new();
    let mut refused = 0;
    for text in noise.iter().chain(&noise) {
        match shard.connections().send(id, MessageRef::Text(text)) {
            Ok(()) => sent.push(text.clone()),
            Err(_) => refused += 1,
        }
        if refused % 3 == 2 {
            refused += 1;
            turn(&mut shard, &network, 30);
        }
    }
    turn(&mut shard, &network, 100);
    network.advance(Duration::from_millis(1));
    peer.read(&network);
    let texts: Vec<String> = peer.received.iter().map(|(_, text)| text.clone()).collect();
    assert!(refused > 3 && sent.len() > 5, "{refused} {}", sent.len());
    assert_eq!(texts, sent);
}

#[test]
fn a_bomb_ends_its_connection_and_no_other() {
    let (driver, network) = Simulated::new(5);
    let websocket = Limits { message_bytes_max: 100_000, ..Limits::DEFAULT };
    let options = Options { compression: Some(LEAN), websocket, ..Options::default() };
    let (mut shard, _remote) = Shard::new(driver, Echo::default(), options, 5);
    let mut bomber = Client::connect(&mut shard, &network, Some(LEAN));
    let mut other = Client::connect(&mut shard, &network, Some(LEAN));
    bomber.say(&network, &"0".repeat(100_001));
    other.say(&network, &text(1));
    turn(&mut shard, &network, 100);
    let bytes = network.read(bomber.number);
    assert_eq!(bytes[..4], [0x88, bytes.len() as u8 - 2, 0x03, 0xf1], "closed with 1009");
    assert_eq!(shard.handler().errors, ["a message may have at most 100000 bytes"]);
    other.read(&network);
    assert_eq!(other.received[0].1, text(1));
}
