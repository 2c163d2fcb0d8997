//! A shard that is stuck, in a process of its own: somebody has stopped to read the log, which is written where things happen.
//! Readiness and liveness say so, and by which shard, and that it is over when it is.

#![cfg(target_os = "linux")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wavecast_tests::program::Program;

const PATIENCE: Duration = Duration::from_secs(60);

/// Asks over a connection that was opened while all was well: a stuck shard accepts none.
fn ask(desk: &mut TcpStream, path: &str) -> (u16, Value) {
    desk.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).expect("the desk is there");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        desk.read_exact(&mut byte).expect("the desk answers");
        head.extend(byte);
    }
    let head = String::from_utf8(head).expect("a head is text").to_ascii_lowercase();
    let length =
        head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()).expect("a length");
    let mut body = vec![0; length.parse().expect("a number")];
    desk.read_exact(&mut body).expect("the desk answers");
    (head[9..12].parse().expect("a status"), serde_json::from_slice(&body).expect("JSON"))
}

fn until(desk: &mut TcpStream, path: &str, status: u16) -> Value {
    let given_up = Instant::now() + PATIENCE;
    loop {
        let (found, said) = ask(desk, path);
        if found == status {
            return said;
        }
        assert!(Instant::now() < given_up, "{path}: {found} {said}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_shard_that_is_stuck_is_named_until_it_turns_again() {
    let server = Program::start(&json!({
        "shard": { "count": 2 },
        "http_api": { "disabled": true },
        "health": { "canary_interval": "100ms", "canary_timeout": "500ms", "live_timeout": "1s" },
    }));
    let address = server.address();
    let mut desk = TcpStream::connect(address).expect("somebody accepts");
    desk.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    until(&mut desk, "/health/ready", 200);
    until(&mut desk, "/health/live", 200);

    server.pause_log(true);
    // Each leaves a line in the log, until a shard waits for room in the pipe.
    let given_up = Instant::now() + PATIENCE;
    while ask(&mut desk, "/health/live").0 != 503 {
        for _ in 0..100 {
            // A stuck shard may have as many waiting as the kernel lets it.
            let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) else {
                break;
            };
            drop(stream.write_all(b"no request\r\n\r\n"));
        }
        assert!(Instant::now() < given_up, "no shard is stuck");
    }
    let ready = until(&mut desk, "/health/ready", 503);
    assert_eq!(ready["ready"], false, "{ready}");
    // A machine that was held up may have more to tell.
    let failing = ready["failing"].as_array().expect("a list");
    let failing = failing.iter().find(|failing| failing["what"] == "canary_not_returned");
    let failing = failing.unwrap_or_else(|| panic!("all come back: {ready}"));
    assert!(failing["shard"].as_u64().is_some_and(|shard| shard < 2), "{ready}");
    assert!(failing["for_ms"].as_f64().is_some_and(|ms| ms > 500.0), "{ready}");
    let live = until(&mut desk, "/health/live", 503);
    assert_eq!(live["failing"][0]["what"], "shard_not_turning", "{live}");
    assert_eq!(ask(&mut desk, "/health").0, 200, "it does not drain");

    server.pause_log(false);
    until(&mut desk, "/health/live", 200);
    until(&mut desk, "/health/ready", 200);
}
