//! Five thousand polls that wait, in a process of their own: what each takes, that all of them are answered, that those who do
//! not read their answers harm nobody, and that nothing is left of them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;
use wavecast_tests::descriptors;
use wavecast_tests::program::Program;
use wavecast_tests::witness::Witness;

const POLLS: u64 = 5_000;
/// Descriptors for everything else in this process.
const SPARE: u64 = 100;
const SOON: Duration = Duration::from_secs(60);
/// What the server may hold for one that waits, with its connection.
const BYTES_EACH_MAX: u64 = 32 * 1024;
/// Of an answer that nobody reads, which the server holds once for all of them.
const ANSWER_BYTES: usize = 200_000;

fn ask(address: SocketAddr, target: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(SOON)).expect("a time-out can be set");
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request can be sent");
    stream
}

/// Reads one answer to its end.
fn answer(stream: &mut TcpStream) -> String {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if length.and_then(|length| length.parse().ok()) == Some(body.len()) {
                return text.into_owned();
            }
        }
        let count = stream.read(&mut piece).expect("an answer in time");
        assert!(count > 0, "the connection ends before its answer: {text:?}");
        bytes.extend_from_slice(&piece[..count]);
    }
}

/// Waits until a metric of the server has a value.
fn until(address: SocketAddr, metric: &str, value: u64) {
    let begun = Instant::now();
    let wanted = format!("\n{metric} {value}\n");
    loop {
        let page = answer(&mut ask(address, "/metrics"));
        if page.contains(&wanted) {
            return;
        }
        let line = page.lines().find(|line| line.starts_with(metric));
        assert!(begun.elapsed() < SOON, "{metric} should be {value}: {line:?}");
        sleep(Duration::from_millis(50));
    }
}

fn publish(address: SocketAddr, channel: &str, data: &str) -> Duration {
    let body = json!({ "channel": channel, "data": data }).to_string();
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(SOON)).expect("a time-out can be set");
    let length = body.len();
    let request =
        format!("POST /api/publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}");
    let begun = Instant::now();
    stream.write_all(request.as_bytes()).expect("a request can be sent");
    assert!(answer(&mut stream).contains("\"offset\""));
    begun.elapsed()
}

#[test]
fn five_thousand_wait_within_the_stated_memory() {
    let room = descriptors::raise_limit();
    assert!(room >= POLLS + SPARE, "this test needs {POLLS} descriptors, the hard limit is {room}");
    let server = Program::start(&json!({
        "http_api": { "insecure": true },
        "client": { "insecure": true },
        "poll": { "enabled": true, "wait_max": "10m" },
        "http_server": { "write_timeout": "5s" },
        "channel": { "without_namespace": { "history_size": 10, "history_ttl": "10m", "allow_recovery": true } },
    }));
    let address = server.address();
    answer(&mut ask(address, "/connection/poll?channels=news"));
    let witness = Witness::start(address);
    let before = server.resident_bytes();

    let target = "/connection/poll?channels=news&wait=600";
    let mut polls: Vec<TcpStream> = (0..POLLS).map(|_| ask(address, target)).collect();
    until(address, "wavecast_polls_waiting", POLLS);
    let each = server.resident_bytes().saturating_sub(before) / POLLS;
    println!("{each} bytes for each poll that waits");
    assert!(each <= BYTES_EACH_MAX, "{each} bytes for each poll that waits");

    let publishing = publish(address, "news", "hello");
    let begun = Instant::now();
    for poll in &mut polls {
        assert!(answer(poll).contains("\"hello\""));
    }
    println!("published in {publishing:?}, all answered {:?} later", begun.elapsed());

    // The same connections once more; nobody reads.
    for poll in &mut polls {
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        poll.write_all(request.as_bytes()).expect("the connection is kept");
    }
    until(address, "wavecast_polls_waiting", POLLS);
    publish(address, "news", &"x".repeat(ANSWER_BYTES));
    until(address, r#"wavecast_polls_total{outcome="publications"}"#, 2 * POLLS);
    let stalled = server.resident_bytes().saturating_sub(before) / POLLS;
    println!("{stalled} bytes for each that does not read {ANSWER_BYTES} bytes");
    assert!(stalled <= BYTES_EACH_MAX, "{stalled} bytes for each that does not read");
    assert!(answer(&mut ask(address, "/connection/poll?channels=news")).contains("\"next\""));
    let seen = witness.finish();
    println!("the others: {} publications, the slowest after {:?}", seen.publications, seen.delay_max);
}
