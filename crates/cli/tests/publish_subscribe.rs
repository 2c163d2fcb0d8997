//! `wavecast publish` and `wavecast subscribe` as processes, against `wavecast serve`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// A process that does not outlive its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wavecast(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wavecast"));
    command.args(arguments).env_remove("WAVECAST_URL").env_remove("WAVECAST_TOKEN");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A server on a free port, and the address that clients connect to.
fn serve() -> (Process, String) {
    let mut server = Process(wavecast(&["serve", "--port", "0"]).stderr(Stdio::null()).spawn().unwrap());
    let out = BufReader::new(server.0.stdout.take().unwrap());
    let mut lines = out.lines().map(Result::unwrap);
    let address = lines.find_map(|line| line.split_once("ws://").map(|(_, address)| address.to_owned()));
    // Who stops reading must not stop the server.
    std::thread::spawn(move || lines.count());
    (server, format!("ws://{}", address.expect("the server names its address")))
}

struct Subscriber {
    process: Process,
    out: BufReader<ChildStdout>,
    errors: BufReader<ChildStderr>,
}

/// A subscriber whose subscriptions stand.
fn subscribe(url: &str, arguments: &[&str], channels: usize) -> Subscriber {
    let mut child = wavecast(&["subscribe", "--url", url]).args(arguments).spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    for _ in 0..channels {
        let mut line = String::new();
        errors.read_line(&mut line).unwrap();
        assert!(line.starts_with("wavecast: subscribed to "), "{line}");
    }
    Subscriber { process: Process(child), out, errors }
}

fn publish(url: &str, channel: &str, data: &str) -> Option<i32> {
    wavecast(&["publish", "--url", url, channel, data]).status().unwrap().code()
}

fn line(subscriber: &mut Subscriber) -> Value {
    let mut line = String::new();
    subscriber.out.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
}

#[test]
fn what_is_published_is_printed_one_line_each() {
    let (_server, url) = serve();
    let mut subscriber = subscribe(&url, &["news", "sport", "--count", "4"], 2);
    assert_eq!(publish(&url, "news", "hello"), Some(0));
    let printed = line(&mut subscriber);
    assert_eq!((&printed["channel"], &printed["data"]), (&json!("news"), &json!("hello")));
    assert_eq!(publish(&url, "sport", r#"{"score": [1, 0]}"#), Some(0));
    let printed = line(&mut subscriber);
    assert_eq!((&printed["channel"], &printed["data"]), (&json!("sport"), &json!({ "score": [1, 0] })));

    let mut lines = wavecast(&["publish", "--url", &url, "news", "-"]).spawn().unwrap();
    lines.stdin.take().unwrap().write_all(b"two words\n\n42\n").unwrap();
    assert_eq!(lines.wait().unwrap().code(), Some(0));
    assert_eq!(line(&mut subscriber)["data"], "two words");
    assert_eq!(line(&mut subscriber)["data"], 42);
    assert_eq!(subscriber.process.0.wait().unwrap().code(), Some(0), "after --count publications");
}

#[test]
fn a_reader_that_leaves_ends_the_subscriber_quietly() {
    let (_server, url) = serve();
    let mut subscriber = subscribe(&url, &["news"], 1);
    drop(subscriber.out);
    assert_eq!(publish(&url, "news", "unheard"), Some(0));
    assert_eq!(subscriber.process.0.wait().unwrap().code(), Some(0));
    let said: Vec<_> = subscriber.errors.lines().map(Result::unwrap).collect();
    assert!(said.is_empty(), "{said:?}");
}

#[test]
fn a_publication_without_a_server_fails_with_its_reason() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("ws://{free}/");
    let output = wavecast(&["publish", "--url", &url, "--timeout", "0.3", "news", "hello"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("wavecast: not published: ") && said.contains("refused"), "{said}");
}
