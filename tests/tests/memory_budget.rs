//! A client that names a million channels: what the server holds stays within `memory.max`, in the documented order of
//! refusals, and whoever was there before goes on.

use std::time::Duration;

use serde_json::{Value, json};
use wavecast_tests::program::Program;
use wavecast_tests::visitor::{Heard, Visitor, upgrade_request};

const CHANNELS: u64 = 1_000_000;
/// Commands in one frame.
const BATCH: u64 = 200;
const MAX: u64 = 64 * 1024 * 1024;
/// Of the process beyond what is accounted: the allocator's rounding and what it has not given back, and what grows between
/// two looks (docs/limits.md).
const BESIDE: u64 = 3 * MAX / 4;
const ANSWER_MAX: Duration = Duration::from_secs(30);

#[test]
#[ignore = "takes a minute"]
fn a_client_that_names_a_million_channels_stays_within_the_budget() {
    let server = Program::start(&json!({
        "client": { "insecure": true },
        "memory": { "max": MAX },
        "engine": { "memory": { "channel_limit": 2 * CHANNELS } },
        "channel": { "without_namespace": {
            "history_size": 10, "history_ttl": "1h", "force_recovery": true, "presence": true,
        } },
    }));
    let before = server.resident_bytes();
    let mut other = Visitor::session(server.address());
    other.send_text(r#"{"id":2,"subscribe":{"channel":"other"}}"#);
    assert!(other.reply(2, ANSWER_MAX)["subscribe"].is_object());

    let mut greedy = Visitor::session(server.address());
    let (mut taken, mut refused, mut peak) = (0, 0, 0);
    for first in (0..CHANNELS).step_by(usize::try_from(BATCH).expect("small")) {
        let batch: Vec<String> = (first..first + BATCH)
            .map(|number| {
                let id = number + 2;
                format!(r#"{{"id":{id},"publish":{{"channel":"channel-{number}","data":{number}}}}}"#)
            })
            .collect();
        greedy.send_text(&batch.join("\n"));
        for outcome in outcomes(&mut greedy, batch.len()) {
            match outcome {
                None => taken += 1,
                Some(111) => refused += 1,
                Some(code) => panic!("error {code}"),
            }
        }
        if first % (BATCH * 50) == 0 {
            peak = peak.max(server.resident_bytes());
        }
    }
    let grown = peak.max(server.resident_bytes()).saturating_sub(before);
    println!("{taken} taken, {refused} refused, grown by {grown} of {MAX} bytes");
    assert!(grown <= MAX + BESIDE, "{grown} bytes");
    assert!(taken > 10_000 && refused > 10_000, "{taken} taken, {refused} refused");

    // Nobody else comes in, and whoever is there goes on.
    let mut late = Visitor::connect(server.address()).expect("the port is open");
    late.send(&upgrade_request(server.address(), "")).expect("a request can be sent");
    let answer = late.response(ANSWER_MAX);
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    other.send_text(r#"{"id":3,"presence":{"channel":"other"}}"#);
    assert_eq!(
        other.reply(3, ANSWER_MAX)["presence"]["presence"].as_object().map(serde_json::Map::len),
        Some(1)
    );
    server.expect_log("pressure", 0, ANSWER_MAX);
}

/// The code of each reply's error, in order.
fn outcomes(visitor: &mut Visitor, count: usize) -> Vec<Option<u64>> {
    let mut outcomes = Vec::with_capacity(count);
    while outcomes.len() < count {
        match visitor.next(ANSWER_MAX) {
            Heard::Text(text) if text.trim() == "{}" => visitor.send_text("{}"),
            Heard::Text(text) => outcomes.extend(text.lines().map(|line| {
                let reply: Value = serde_json::from_str(line).expect("a reply is JSON");
                reply["error"]["code"].as_u64()
            })),
            Heard::Frame(..) => {}
            ended => panic!("after {} replies of {count}: {ended:?}", outcomes.len()),
        }
    }
    outcomes
}
