//! Ten thousand connections that never speak, in a process of their own: all are shown out, and a pair of healthy clients
//! notices nothing.

use std::time::{Duration, Instant};

use serde_json::json;
use wavecast_tests::descriptors;
use wavecast_tests::program::Program;
use wavecast_tests::visitor::{Heard, Visitor};
use wavecast_tests::witness::Witness;

const CONNECTIONS: u64 = 10_000;
/// Descriptors for everything else in this process.
const SPARE: u64 = 100;
/// The last connection is open before the first is shown out.
const HANDSHAKE_MAX: Duration = Duration::from_secs(15);
/// Shown out this long after its time at the latest.
const GRACE: Duration = Duration::from_secs(15);
/// What the server may hold for one that has said nothing.
const BYTES_EACH_MAX: u64 = 4_096;

#[test]
fn ten_thousand_silent_connections_end_with_408() {
    let room = descriptors::raise_limit();
    assert!(
        room >= CONNECTIONS + SPARE,
        "this test needs {CONNECTIONS} descriptors, the hard limit is {room}"
    );
    let server = Program::start(&json!({
        "log": { "level": "info" },
        "http_server": { "handshake_timeout": format!("{}s", HANDSHAKE_MAX.as_secs()) },
        "client": { "insecure": true },
    }));
    let witness = Witness::start(server.address());
    let memory_before = server.resident_bytes();

    let start = Instant::now();
    let silent: Vec<Visitor> = (0..CONNECTIONS)
        .map(|number| {
            Visitor::connect(server.address()).unwrap_or_else(|e| panic!("connection {number}: {e}"))
        })
        .collect();
    let opened = start.elapsed();
    assert!(opened < HANDSHAKE_MAX, "opening took {opened:?}: too long for this test to mean anything");
    let memory = server.resident_bytes().saturating_sub(memory_before);
    println!("opened in {opened:?}; {} bytes each", memory / CONNECTIONS);
    assert!(
        memory <= CONNECTIONS * BYTES_EACH_MAX,
        "{} bytes for each silent connection",
        memory / CONNECTIONS
    );

    let end = start + opened + HANDSHAKE_MAX + GRACE;
    for (number, mut visitor) in silent.into_iter().enumerate() {
        let answer = visitor.response(end.saturating_duration_since(Instant::now()));
        assert!(answer.starts_with("HTTP/1.1 408 "), "connection {number}: {answer:?}");
        assert_eq!(visitor.ending(GRACE), Heard::End, "connection {number} is ended");
    }
    server.expect_log("408", 0, GRACE);
    let seen = witness.finish();
    println!("the others: {} publications, the slowest after {:?}", seen.publications, seen.delay_max);
}
