//! Channels against a model: whatever comes in whichever order, each subscriber gets what its form, its filter and its
//! exclusions say, in order, and its deltas lead to the payloads.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::wire_form::WireForm;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use proptest::prelude::*;
use wavecast_hub::{ChannelOptions, ClientInfo, Comparison, Filter, Publication, SlowConsumer, Tags, delta};
use wavecast_net::Frame;
use wavecast_net::shard::ConnectionId;
use wavecast_net::websocket::{self, Event, Input, Limits, Role};
use wavecast_protocol::centrifuge::{Encoding, Push, ServerMessage};

use super::channel::RUN_BYTES_MAX;
use super::{Appended, ChannelNumber, Channels, Listener, Outlet, Seat};

/// What a subscriber is to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    Payload(Vec<u8>),
    Joined(String),
    Left(String),
}

/// What waits to be sent.
#[derive(Clone, Debug)]
struct Waiting {
    heard: Heard,
    is_json: bool,
    key: Option<String>,
    wanted: Option<Tags>,
    excluded: Vec<ConnectionId>,
}

struct Subscriber {
    connection: ConnectionId,
    seat: Seat,
    listener: Listener,
    /// With the key of which, with `latest`, the newest counts.
    expected: Vec<(Option<String>, Heard)>,
    heard: Vec<(Option<String>, Heard)>,
    /// What waits up to here is lost to it.
    skips: usize,
    protocol: websocket::Connection,
    /// The payload before, as the client has it.
    base: Option<Vec<u8>>,
    is_idle: bool,
}

struct World {
    channels: Channels,
    number: ChannelNumber,
    options: Arc<ChannelOptions>,
    subscribers: Vec<Subscriber>,
    waiting: Vec<Waiting>,
    last: Option<Arc<Publication>>,
    connections: u32,
    published: u32,
}

/// Takes everything.
#[derive(Default)]
struct Taken {
    frames: Vec<(ConnectionId, Frame)>,
    idle: Vec<ConnectionId>,
}

impl Outlet for Taken {
    fn one(&mut self, target: ConnectionId, frame: &Frame) {
        self.frames.push((target, frame.clone()));
    }

    fn is_idle(&self, target: ConnectionId) -> bool {
        self.idle.contains(&target)
    }
}

impl World {
    fn new(slow_consumer: SlowConsumer) -> Self {
        let options = Arc::new(ChannelOptions { slow_consumer, ..ChannelOptions::default() });
        let mut channels = Channels::default();
        let number = channels.enter("c", &options);
        Self {
            channels,
            number,
            options,
            subscribers: Vec::new(),
            waiting: Vec::new(),
            last: None,
            connections: 0,
            published: 0,
        }
    }

    fn subscribe(&mut self, form: usize, is_idle: bool) {
        self.send();
        let filter = Filter::tag("t", Comparison::equal("1")).unwrap();
        let encoding = if form & 1 == 0 { Encoding::Json } else { Encoding::Protobuf };
        let filter = (form & 4 != 0).then(|| Rc::new(filter));
        let delta = form & 8 != 0 && filter.is_none();
        let base = self.last.clone().filter(|_| form & 16 != 0 && delta);
        let listener =
            Listener { wire: WireForm::web_socket(encoding), delta, join_leave: form & 2 != 0, filter, base };
        let connection = ConnectionId::for_tests(self.connections, 0);
        self.connections += 1;
        let seat = self.channels.add(self.number, connection, listener.clone());
        // What it was given when it subscribed.
        let base = listener.base.as_ref().map(|base| payload(&base.data, base.is_json, encoding));
        self.subscribers.push(Subscriber {
            connection,
            seat,
            listener,
            expected: Vec::new(),
            heard: Vec::new(),
            skips: 0,
            protocol: websocket::Connection::new(Role::Client),
            base,
            is_idle,
        });
    }

    fn unsubscribe(&mut self, who: usize) {
        if self.subscribers.is_empty() {
            return;
        }
        let who = self.subscribers.swap_remove(who % self.subscribers.len());
        let moved = self.channels.remove(self.number, who.seat);
        self.seat(moved.into_iter().flatten());
        who.check();
    }

    fn publish(&mut self, data: &[u8], is_json: bool, tag: usize, excluded: usize, key: usize) {
        self.published += 1;
        let mut tags = Tags::new();
        tags.insert("t".to_owned(), (tag % 2).to_string());
        if key > 0 {
            tags.insert("key".to_owned(), key.to_string());
        }
        let publication = Arc::new(Publication {
            channel: Arc::from("c"),
            data: data.into(),
            is_json,
            tags: Some(Box::new(tags.clone())),
            delta: tag < 6,
            ..Publication::default()
        });
        // Nobody, one, or every third.
        let excluded: Vec<(ConnectionId, Seat)> = self
            .subscribers
            .iter()
            .enumerate()
            .filter(|(n, _)| excluded > 0 && (*n == excluded || (excluded > 8 && n % 3 == 0)))
            .map(|(_, subscriber)| (subscriber.connection, subscriber.seat))
            .collect();
        assert_eq!(self.channels.append(&publication, &excluded), Appended::Taken);
        let is_latest = self.options.slow_consumer == SlowConsumer::Latest;
        let waiting = Waiting {
            heard: Heard::Payload(data.to_vec()),
            is_json,
            key: is_latest.then(|| if key > 0 { key.to_string() } else { String::new() }),
            wanted: Some(tags),
            excluded: excluded.into_iter().map(|(connection, _)| connection).collect(),
        };
        self.waiting.push(waiting);
        self.last = Some(publication);
    }

    fn join_or_leave(&mut self, joined: bool, name: usize) {
        let client = name.to_string();
        let info = ClientInfo { client: client.as_str().into(), ..ClientInfo::default() };
        self.channels.append_membership("c", &info, joined);
        let heard = if joined { Heard::Joined(client) } else { Heard::Left(client) };
        let waiting = Waiting { heard, is_json: true, key: None, wanted: None, excluded: Vec::new() };
        self.waiting.push(waiting);
    }

    /// Something on its way to a subscriber is dropped.
    fn lose(&mut self, who: usize) {
        if self.subscribers.is_empty() {
            return;
        }
        let who = who % self.subscribers.len();
        let waiting = self.waiting.clone();
        let is_latest = self.options.slow_consumer == SlowConsumer::Latest;
        let subscriber = &mut self.subscribers[who];
        let seat = subscriber.seat;
        let mut waits = 0;
        if subscriber.listener.delta && !is_latest {
            waits = waiting[subscriber.skips..].iter().filter(|waiting| subscriber.wants(waiting)).count();
            subscriber.skips = waiting.len();
            subscriber.base = None;
        }
        let (moved, lost) = self.channels.unsettle(self.number, seat);
        assert_eq!(lost as usize, waits);
        self.seat(moved.into_iter().flatten());
    }

    fn send(&mut self) {
        let idle = self.subscribers.iter().filter(|s| s.is_idle).map(|s| s.connection).collect();
        let mut taken = Taken { idle, ..Taken::default() };
        let mut moved = Vec::new();
        self.channels.send(self.number, &mut taken, |connection, seat| moved.push((connection, seat)));
        self.seat(moved);
        let waiting = std::mem::take(&mut self.waiting);
        for subscriber in &mut self.subscribers {
            let skips = std::mem::take(&mut subscriber.skips);
            for waiting in &waiting[skips..] {
                if subscriber.wants(waiting) {
                    subscriber.expect(waiting);
                }
            }
        }
        let is_latest = self.options.slow_consumer == SlowConsumer::Latest;
        for (connection, frame) in taken.frames {
            let to = self.subscribers.iter_mut().find(|s| s.connection == connection);
            to.expect("frames go to subscribers").hear(&frame, is_latest);
        }
        self.subscribers.iter().for_each(Subscriber::check);
        assert!(!self.channels.is_pending(self.number));
    }

    fn seat(&mut self, moved: impl IntoIterator<Item = (ConnectionId, Seat)>) {
        for (connection, seat) in moved {
            let subscriber = self.subscribers.iter_mut().find(|s| s.connection == connection).unwrap();
            subscriber.seat = seat;
        }
        let groups = &self.channels.table[0].groups;
        for subscriber in &self.subscribers {
            let Seat { group, place } = subscriber.seat;
            assert_eq!(groups[usize::from(group)].members()[place as usize], subscriber.connection);
        }
        let members: usize = groups.iter().map(|group| group.members().len()).sum();
        assert_eq!(members, self.subscribers.len());
        assert!(groups.len() <= 12);
    }
}

impl Subscriber {
    fn wants(&self, waiting: &Waiting) -> bool {
        match &waiting.wanted {
            None => self.listener.join_leave,
            Some(tags) => {
                let filter = self.listener.filter.as_ref();
                filter.is_none_or(|filter| filter.matches(Some(tags)))
                    && !waiting.excluded.contains(&self.connection)
            }
        }
    }

    fn expect(&mut self, waiting: &Waiting) {
        let heard = match &waiting.heard {
            Heard::Payload(data) => {
                Heard::Payload(payload(data, waiting.is_json, self.listener.wire.encoding()))
            }
            other => other.clone(),
        };
        self.expected.push((waiting.key.clone(), heard));
    }

    fn hear(&mut self, frame: &Frame, is_latest: bool) {
        let mut bytes = frame.to_vec();
        let mut input = Input::new(&mut bytes);
        while let Some(event) = self.protocol.receive(&mut input, &Limits::default()).unwrap() {
            let messages = match (event, self.listener.wire.encoding()) {
                (Event::Text(text), Encoding::Json) => text.as_bytes().to_vec(),
                (Event::Binary(bytes), Encoding::Protobuf) => bytes.to_vec(),
                (event, encoding) => panic!("{event:?} to a client in {encoding:?}"),
            };
            for message in self.listener.wire.encoding().messages(&messages) {
                let ServerMessage::Push(push) = message.unwrap() else { panic!("only pushes") };
                let mut key = None;
                let heard = match push {
                    Push::Join { info, .. } => Heard::Joined(info.client.into_owned()),
                    Push::Leave { info, .. } => Heard::Left(info.client.into_owned()),
                    Push::Publication { publication, .. } => {
                        key = is_latest.then(|| publication.tags.get("key").cloned().unwrap_or_default());
                        let (data, is_delta) = (publication.data, publication.delta);
                        Heard::Payload(read(&self.listener, &mut self.base, data, is_delta))
                    }
                    other => panic!("{other:?}"),
                };
                self.heard.push((key, heard));
            }
        }
    }

    fn check(&self) {
        if self.expected.iter().all(|(key, _)| key.is_none()) {
            return assert_eq!(self.heard, self.expected, "{:?}", self.listener);
        }
        // What is older of a key may be left out, and what is newer take its place.
        assert_eq!(newest(&self.heard), newest(&self.expected), "{:?}", self.listener);
        assert!(self.heard.iter().all(|heard| self.expected.contains(heard)), "{:?}", self.listener);
    }
}

/// Of each key the newest, and all that has none.
fn newest(all: &[(Option<String>, Heard)]) -> (BTreeMap<&str, &Heard>, Vec<&Heard>) {
    let keyed = all.iter().filter_map(|(key, heard)| Some((key.as_deref()?, heard))).collect();
    (keyed, all.iter().filter(|(key, _)| key.is_none()).map(|(_, heard)| heard).collect())
}

/// A payload as a client has it in the end.
fn payload(data: &[u8], is_json: bool, encoding: Encoding) -> Vec<u8> {
    if is_json || encoding == Encoding::Protobuf {
        return data.to_vec();
    }
    format!("\"{}\"", BASE64.encode(data)).into_bytes()
}

/// Reads a payload as the clients do.
fn read(listener: &Listener, base: &mut Option<Vec<u8>>, data: &[u8], is_delta: bool) -> Vec<u8> {
    if !listener.delta {
        assert!(!is_delta);
        return data.to_vec();
    }
    let data = match listener.wire.encoding() {
        Encoding::Json => serde_json::from_slice::<String>(data).expect("text").into_bytes(),
        Encoding::Protobuf => data.to_vec(),
    };
    let data = if is_delta {
        let before = base.as_ref().expect("a delta needs the publication before");
        delta::apply(before, &data, 1 << 20).unwrap()
    } else {
        data
    };
    base.insert(data).clone()
}

fn run(slow_consumer: SlowConsumer, steps: &[(u8, usize, usize)]) {
    let mut world = World::new(slow_consumer);
    for &(step, a, b) in steps {
        match step {
            0..=2 => world.subscribe(a, b % 2 == 0),
            3 => world.unsubscribe(a),
            4..=9 => {
                let text = format!(
                    "{{\"n\":{},\"text\":\"{}\"}}",
                    world.published,
                    "words of some length ".repeat(b % 4 + 1)
                );
                world.publish(text.as_bytes(), true, a % 8, b % 12, a % 3);
            }
            10 => {
                let bytes: Vec<u8> = (0..100).map(|n| (n * 7 + b % 3) as u8 | 0x80).collect();
                world.publish(&bytes, false, a % 8, b % 4, a % 3);
            }
            11 => world.join_or_leave(b % 2 == 0, a),
            12 => world.lose(a),
            _ => world.send(),
        }
    }
    world.send();
    let (number, counts) = (world.number, world.subscribers.len());
    let gone: BTreeMap<_, _> = world
        .channels
        .remove_all(number)
        .into_iter()
        .flat_map(|(e, ids)| ids.into_iter().map(move |id| (id, e as u8)))
        .collect();
    assert_eq!(gone.len(), counts);
    for subscriber in &world.subscribers {
        assert_eq!(gone[&subscriber.connection], subscriber.listener.wire as u8);
    }
    assert_eq!(world.channels.release(number).as_deref(), Some("c"));
    assert!(world.channels.is_empty());
}

proptest! {
    #[test]
    fn everybody_gets_what_is_for_it(
        policy in 0usize..4,
        steps in prop::collection::vec((0u8..15, 0usize..32, 0usize..24), 1..120),
    ) {
        let policies =
            [SlowConsumer::Disconnect, SlowConsumer::DropOldest, SlowConsumer::DropNewest, SlowConsumer::Latest];
        run(policies[policy], &steps);
    }
}

#[test]
fn a_delta_is_made_from_the_first_publication_on_that_somebody_has() {
    let mut world = World::new(SlowConsumer::Disconnect);
    world.subscribe(8, true);
    let (long, longer) = ("a".repeat(500), "a".repeat(500) + "b");
    world.publish(format!("\"{long}\"").as_bytes(), true, 0, 0, 0);
    world.publish(format!("\"{longer}\"").as_bytes(), true, 0, 0, 0);
    let mut taken = Taken::default();
    world.channels.send(world.number, &mut taken, |_, _| {});
    let [(_, frame)] = &taken.frames[..] else { panic!("one frame") };
    assert!(frame.len() < 700, "whole, then a delta, in one run: {}", frame.len());
}

#[test]
fn a_run_without_exclusions_is_one_frame_for_all_and_full_at_its_limit() {
    let mut world = World::new(SlowConsumer::Disconnect);
    for _ in 0..100 {
        world.subscribe(0, true);
    }
    let mut published = 0;
    while !world.channels.is_full() {
        world.publish(&[b'1'; 1000], true, 0, 0, 0);
        published += 1;
    }
    assert!((published - 1) * 1000 < RUN_BYTES_MAX);
    let mut taken = Taken::default();
    world.channels.send(world.number, &mut taken, |_, _| {});
    assert_eq!(taken.frames.len(), 100);
    let first = taken.frames[0].1.as_ptr();
    assert!(taken.frames.iter().all(|(_, frame)| frame.as_ptr() == first), "shared, not copied");
}

#[test]
fn a_seat_is_small() {
    assert_eq!(size_of::<Seat>(), 8);
}
