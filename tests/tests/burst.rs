//! Ten thousand people come at once and go at once, with tokens, presence and hooks: every count is exact while they are
//! there, and nothing is left when they have gone.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wavecast_tests::api;
use wavecast_tests::back_end::BackEnd;
use wavecast_tests::descriptors;
use wavecast_tests::program::Program;
use wavecast_tests::token::{self, SECRET};
use wavecast_tests::visitor::{Heard, Visitor};

const PEOPLE: usize = 10_000;
const ROOMS: usize = 100;
const EACH: usize = PEOPLE / ROOMS;
/// Threads that the people come from.
const DOORS: usize = 8;
/// Descriptors for everything else in this process.
const SPARE: u64 = 200;
/// Any one answer, on a machine that is busy with all the others.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// All of them are gone, and every hook has been told, within this time.
const CLEARING_MAX: Duration = Duration::from_secs(120);

fn configuration(back_end: &BackEnd) -> Value {
    let hook = |name| json!({ "endpoint": back_end.url(name), "timeout": "60s", "concurrency": 64 });
    let enabled = |name| json!({ "endpoint": back_end.url(name), "timeout": "60s", "enabled": true });
    json!({
        "client": {
            "token": { "hmac_secret_key": SECRET },
            "proxy": { "connect": enabled("connect"), "disconnected": enabled("disconnected") },
            "stale_close_delay": "60s",
        },
        "http_api": { "insecure": true },
        // Two events of each, all at once.
        "events": { "queue_size": 4 * PEOPLE, "queue_max_size": 256 * 1024 * 1024 },
        "channel": {
            "proxy": { "subscribe": hook("subscribe"), "unsubscribed": hook("unsubscribed"), "state": hook("state") },
            "namespaces": [{
                "name": "room",
                "presence": true,
                "join_leave": true,
                "subscribe_proxy_enabled": true,
                "unsubscribed_proxy_enabled": true,
                "state_proxy_enabled": true,
            }],
        },
    })
}

/// Whoever has no token is named by the back end; everybody may subscribe.
fn answer(path: &str, posted: &Value) -> Value {
    match path {
        "/connect" => json!({ "result": { "user": posted["data"]["user"] } }),
        "/subscribe" => json!({ "result": {} }),
        _ => json!({}),
    }
}

#[test]
fn ten_thousand_come_and_go_and_nothing_is_left() {
    let room = descriptors::raise_limit();
    assert!(room >= PEOPLE as u64 + SPARE, "this test needs {PEOPLE} descriptors, the hard limit is {room}");
    let back_end = BackEnd::start(answer);
    let server = Program::start(&configuration(&back_end));
    let people = at_every_door(|person| enter(server.address(), person));

    let info = &api::call(server.address(), "info", &json!({}))["nodes"][0];
    let counted = ["num_clients", "num_users", "num_channels", "num_subs"].map(|name| info[name].as_u64());
    assert_eq!(counted, [PEOPLE, PEOPLE, ROOMS, PEOPLE].map(|count| Some(count as u64)), "{info}");
    for number in 0..ROOMS {
        let stats = api::call(server.address(), "presence_stats", &json!({ "channel": name(number) }));
        assert_eq!(stats, json!({ "num_clients": EACH, "num_users": EACH }), "{}", name(number));
    }
    let present = api::call(server.address(), "presence", &json!({ "channel": name(7) }));
    let users: BTreeSet<_> = (present["presence"].as_object().expect("clients").values())
        .map(|client| client["user"].as_str().expect("a user").to_owned())
        .collect();
    assert_eq!(users, (0..EACH).map(|number| user(number * ROOMS + 7)).collect());
    assert_eq!(back_end.calls("connect").len(), PEOPLE / 2);
    assert_eq!(back_end.calls("subscribe").len(), PEOPLE);

    let clients: BTreeSet<_> = people.iter().map(|person| person.client.clone()).collect();
    assert_eq!(clients.len(), PEOPLE, "every session has its own id");
    all_leave(people);

    let told = || [back_end.events("disconnected").len(), back_end.events("unsubscribed").len()];
    let vacated = || back_end.events("state").iter().filter(|event| event["type"] == "vacated").count();
    let end = Instant::now() + CLEARING_MAX;
    while told() != [PEOPLE, PEOPLE] || vacated() != ROOMS {
        assert!(Instant::now() < end, "{:?} events of {PEOPLE}, {} vacated", told(), vacated());
        thread::sleep(Duration::from_millis(100));
    }
    let info = &api::call(server.address(), "info", &json!({}))["nodes"][0];
    let counted = ["num_clients", "num_users", "num_channels", "num_subs"].map(|name| info[name].as_u64());
    assert_eq!(counted, [Some(0); 4], "{info}");
    for number in 0..ROOMS {
        let present = api::call(server.address(), "presence", &json!({ "channel": name(number) }));
        assert_eq!(present, json!({ "presence": {} }), "{}", name(number));
    }
    assert_told_in_order(&back_end, &clients);
}

/// Each session's two ends once, the subscription's before the connection's; each room occupied once, then vacated.
fn assert_told_in_order(back_end: &BackEnd, clients: &BTreeSet<String>) {
    for (hook, sequence) in [("unsubscribed", 1), ("disconnected", 2)] {
        let mut seen = BTreeSet::new();
        for event in back_end.events(hook) {
            assert_eq!((&event["type"], &event["sequence"]), (&json!(hook), &json!(sequence)), "{event}");
            assert!(seen.insert(event["client"].as_str().expect("a client").to_owned()), "twice: {event}");
        }
        assert_eq!(seen, *clients, "{hook}");
    }
    let mut rooms: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for event in back_end.events("state") {
        let channel = event["channel"].as_str().expect("a channel").to_owned();
        rooms.entry(channel).or_default().push(event["type"].clone());
    }
    assert_eq!(rooms.len(), ROOMS);
    for (channel, types) in rooms {
        assert_eq!(types, ["occupied", "vacated"], "{channel}");
    }
}

struct Person {
    visitor: Visitor,
    client: String,
}

/// Everybody enters, through several doors at once.
fn at_every_door(enter: impl Fn(usize) -> Person + Sync) -> Vec<Person> {
    thread::scope(|scope| {
        let doors: Vec<_> = (0..DOORS)
            .map(|door| {
                let enter = &enter;
                scope.spawn(move || (door..PEOPLE).step_by(DOORS).map(enter).collect::<Vec<_>>())
            })
            .collect();
        doors.into_iter().flat_map(|door| door.join().expect("everybody gets in")).collect()
    })
}

/// With a token or without one, turn about.
fn enter(server: SocketAddr, number: usize) -> Person {
    let mut visitor = Visitor::upgraded(server);
    let user = user(number);
    let connect = match (number / ROOMS) % 2 {
        0 => json!({ "token": token::sign(&json!({ "sub": user })) }),
        _ => json!({ "data": { "user": user } }),
    };
    visitor.send_text(&json!({ "id": 1, "connect": connect }).to_string());
    let reply = visitor.reply(1, ANSWER_MAX);
    let client = reply["connect"]["client"].as_str().unwrap_or_else(|| panic!("{user}: {reply}")).to_owned();
    visitor.send_text(&json!({ "id": 2, "subscribe": { "channel": name(number % ROOMS) } }).to_string());
    let reply = visitor.reply(2, ANSWER_MAX);
    assert!(reply["subscribe"].is_object(), "{user}: {reply}");
    Person { visitor, client }
}

fn all_leave(mut people: Vec<Person>) {
    thread::scope(|scope| {
        while !people.is_empty() {
            let leaving = people.split_off(people.len().saturating_sub(PEOPLE / DOORS));
            scope
                .spawn(|| leaving.into_iter().enumerate().for_each(|(number, person)| leave(person, number)));
        }
    });
}

/// A closing handshake, the end of the stream, or a reset.
fn leave(Person { mut visitor, .. }: Person, number: usize) {
    match number % 3 {
        0 => {
            visitor.send_close(1000);
            let heard = visitor.ending(ANSWER_MAX);
            assert!(matches!(heard, Heard::Close(Some(1000), _)), "{heard:?}");
        }
        1 => {
            visitor.finish();
            let heard = visitor.ending(ANSWER_MAX);
            assert!(matches!(heard, Heard::End), "{heard:?}");
        }
        _ => visitor.reset(),
    }
}

fn user(number: usize) -> String {
    format!("user-{number}")
}

fn name(room: usize) -> String {
    format!("room:{room}")
}
