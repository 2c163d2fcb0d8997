//! Five thousand readers of streams that stop to read, on a server in a process of its own: what each takes while it reads, that
//! all of them are let go when too much waits for them, that memory stays within a bound, and that nobody else is disturbed.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;
use wavecast_tests::api::call;
use wavecast_tests::descriptors;
use wavecast_tests::program::Program;
use wavecast_tests::witness::Witness;

const READERS: u64 = 5_000;
/// Descriptors for everything else in this process.
const SPARE: u64 = 100;
const SOON: Duration = Duration::from_secs(60);
/// What the server may hold for one that reads and has nothing to read, with its connection and its session.
const IDLE_BYTES_MAX: u64 = 4 * 1024;
/// What may wait for one client (`client.queue_max_size`). What is published is held once for all of them.
const QUEUE_BYTES: usize = 256 * 1024;
/// What the server may hold while nobody reads, beyond what it holds for idle ones: what waits, once for each form and shard,
/// and what the allocator keeps of it.
const STALLED_BYTES_MAX: u64 = 48 * 1024 * 1024;
const PUBLICATION_BYTES: usize = 16 * 1024;

fn open(address: SocketAddr, endpoint: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(SOON)).expect("a time-out can be set");
    let request = format!("GET /connection/{endpoint}?channels=news HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request can be sent");
    stream
}

/// Reads up to the push that says that the client is subscribed.
fn until_subscribed(stream: &mut TcpStream) {
    let (mut bytes, mut piece) = (Vec::new(), [0; 1024]);
    while !String::from_utf8_lossy(&bytes).contains("\"subscribe\"") {
        let count = stream.read(&mut piece).expect("an answer in time");
        assert!(count > 0, "the stream ends: {:?}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&piece[..count]);
    }
}

fn clients(address: SocketAddr) -> u64 {
    call(address, "info", &json!({}))["nodes"][0]["num_clients"].as_u64().expect("a number")
}

#[test]
#[ignore = "takes half a minute"]
fn five_thousand_who_do_not_read_harm_nobody() {
    let room = descriptors::raise_limit();
    assert!(room >= READERS + SPARE, "this test needs {READERS} descriptors, the hard limit is {room}");
    let server = Program::start(&json!({
        "http_api": { "insecure": true },
        "client": { "insecure": true, "queue_max_size": QUEUE_BYTES, "unsent_max_size": 16384 },
        "uni_sse": { "enabled": true },
        "uni_http_stream": { "enabled": true },
    }));
    let address = server.address();
    until_subscribed(&mut open(address, "uni_sse"));
    let witness = Witness::start(address);
    sleep(Duration::from_millis(500));
    let (before, there) = (server.resident_bytes(), clients(address));

    let endpoint = |n: u64| if n.is_multiple_of(2) { "uni_sse" } else { "uni_http_stream" };
    let mut readers: Vec<TcpStream> = (0..READERS).map(|n| open(address, endpoint(n))).collect();
    readers.iter_mut().for_each(until_subscribed);
    let idle = server.resident_bytes().saturating_sub(before);
    println!("{} bytes for each that waits for something to read", idle / READERS);
    assert!(idle / READERS <= IDLE_BYTES_MAX, "{} bytes for each", idle / READERS);

    // Nobody reads from here on.
    let data = "x".repeat(PUBLICATION_BYTES);
    let (begun, mut most) = (Instant::now(), 0);
    while clients(address) > there {
        assert!(begun.elapsed() < SOON, "{} are still there", clients(address) - there);
        call(address, "publish", &json!({ "channel": "news", "data": data }));
        most = most.max(server.resident_bytes().saturating_sub(before + idle));
        sleep(Duration::from_millis(20));
    }
    println!("all let go within {:?}; at most {most} bytes held meanwhile", begun.elapsed());
    assert!(most <= STALLED_BYTES_MAX, "{most} bytes");
    let seen = witness.finish();
    println!("the others: {} publications, the slowest after {:?}", seen.publications, seen.delay_max);
}
