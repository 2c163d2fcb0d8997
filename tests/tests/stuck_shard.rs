//! A shard that is stuck, in a process of its own: somebody has stopped to read the log, which is written where things happen.
//! Readiness and liveness say so, and by which shard, and that it is over when it is.

#![cfg(target_os = "linux")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{fs, thread};

use serde_json::{Value, json};
use wavecast_tests::program;

const PATIENCE: Duration = Duration::from_secs(60);

static READS_LOG: AtomicBool = AtomicBool::new(true);

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn start() -> (Server, SocketAddr) {
    let config = json!({
        "shard": { "count": 2 },
        "http_api": { "disabled": true },
        "health": { "canary_interval": "100ms", "canary_timeout": "500ms", "live_timeout": "1s" },
    });
    let path = std::env::temp_dir().join(format!("wavecast-stuck-{}.json", std::process::id()));
    fs::write(&path, config.to_string()).expect("a configuration file can be written");
    let mut child = Command::new(program::executable())
        .args(["serve", "--address", "127.0.0.1", "--port", "0", "--config"])
        .arg(&path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("wavecast can be started");
    let (said, lines) = mpsc::channel();
    let (stdout, stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let also = said.clone();
    thread::spawn(move || {
        BufReader::new(stdout).lines().map_while(Result::ok).for_each(|line| drop(also.send(line)));
    });
    thread::spawn(move || {
        // Byte by byte as far as the pipe is concerned: what is not read stays there.
        let mut lines = BufReader::with_capacity(256, stderr).lines();
        while let Some(Ok(line)) = lines.next() {
            drop(said.send(line));
            while !READS_LOG.load(Relaxed) {
                thread::sleep(Duration::from_millis(5));
            }
        }
    });
    let server = Server(child);
    let given_up = Instant::now() + PATIENCE;
    let address = loop {
        let left = given_up.saturating_duration_since(Instant::now());
        let line = lines.recv_timeout(left).expect("it says where it listens");
        if let Some((_, address)) = line.split_once("listening on http://") {
            break address.split_whitespace().next().and_then(|text| text.parse().ok()).expect("an address");
        }
    };
    drop(fs::remove_file(path));
    (server, address)
}

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
    let (_server, address) = start();
    let mut desk = TcpStream::connect(address).expect("somebody accepts");
    desk.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    until(&mut desk, "/health/ready", 200);
    assert_eq!(ask(&mut desk, "/health/live").0, 200);

    READS_LOG.store(false, Relaxed);
    // Each leaves a line in the log, until a shard waits for room in the pipe.
    let given_up = Instant::now() + PATIENCE;
    while ask(&mut desk, "/health/ready").0 == 200 {
        for _ in 0..100 {
            // A stuck shard may have as many waiting as the kernel lets it.
            if let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
                drop(stream.write_all(b"no request\r\n\r\n"));
            }
        }
        assert!(Instant::now() < given_up, "no shard is stuck");
    }
    let ready = until(&mut desk, "/health/ready", 503);
    let failing = &ready["failing"][0];
    assert_eq!(
        (&ready["ready"], &failing["what"]),
        (&json!(false), &json!("canary_not_returned")),
        "{ready}"
    );
    assert!(failing["shard"].as_u64().is_some_and(|shard| shard < 2), "{ready}");
    assert!(failing["for_ms"].as_f64().is_some_and(|ms| ms > 500.0), "{ready}");
    let live = until(&mut desk, "/health/live", 503);
    assert_eq!(live["failing"][0]["what"], "shard_not_turning", "{live}");
    assert_eq!(ask(&mut desk, "/health").0, 200, "it does not drain");

    READS_LOG.store(true, Relaxed);
    until(&mut desk, "/health/live", 200);
    until(&mut desk, "/health/ready", 200);
}
