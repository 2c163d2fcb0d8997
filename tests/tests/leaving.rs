//! The program is told to go, by signals and by its service manager: what still works, who hears of it, and when.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use wavecast_tests::api;
use wavecast_tests::program::Program;
use wavecast_tests::visitor::{Heard, Visitor};

const WAIT: Duration = Duration::from_secs(20);

fn configuration(shutdown: &Value) -> Value {
    json!({
        "client": { "insecure": true },
        "http_api": { "insecure": true },
        "shutdown": shutdown,
        "http_server": { "address": "127.0.0.1" },
        "uni_http_stream": { "enabled": true },
        "log": { "level": "debug" },
    })
}

fn audience(server: SocketAddr, count: usize) -> Vec<Visitor> {
    let come_in = |_| {
        let mut visitor = Visitor::session(server);
        visitor.send_text(r#"{"id":2,"subscribe":{"channel":"news"}}"#);
        assert!(visitor.reply(2, WAIT)["subscribe"].is_object());
        visitor
    };
    (0..count).map(come_in).collect()
}

/// What is published until the close, and the code.
fn farewell(visitor: &mut Visitor, within: Duration) -> (Vec<String>, Option<u16>) {
    let end = Instant::now() + within;
    let mut heard = Vec::new();
    loop {
        match visitor.next(end.saturating_duration_since(Instant::now())) {
            Heard::Text(text) => {
                let messages = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
                heard.extend(
                    messages.filter_map(|message| message["push"]["pub"]["data"].as_str().map(str::to_owned)),
                );
            }
            Heard::Close(code, _) => return (heard, code),
            Heard::Frame(..) => {}
            Heard::End | Heard::Silence => return (heard, None),
        }
    }
}

fn get(visitor: &mut Visitor, path: &str) -> String {
    visitor.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
    visitor.response(WAIT)
}

#[test]
fn who_is_there_is_served_to_the_end_while_another_server_has_the_port() {
    let shutdown = json!({ "drain": "6s" });
    let mut first = Program::start(&configuration(&shutdown));
    let address = first.address();
    let mut visitors = audience(address, 40);
    let mut kept_alive = Visitor::connect(address).unwrap();
    assert!(get(&mut kept_alive, "/health").starts_with("HTTP/1.1 200 "));
    let published: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    for data in &published {
        api::call(address, "publish", &json!({ "channel": "news", "data": data }));
    }
    first.signal(Signal::TERM);
    let begun = Instant::now();
    first.expect_log("leaving", 0, WAIT);
    let second = (0..200).find_map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        TcpListener::bind(address).ok()
    });
    assert!(second.is_some() && begun.elapsed() < Duration::from_secs(4), "the port is free at once");
    drop(second);
    let second = Program::start_at(address, &configuration(&shutdown));
    let answer = get(&mut kept_alive, "/health");
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("draining"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    assert_eq!(kept_alive.next(WAIT), Heard::End);
    let mut closed = Vec::new();
    for visitor in &mut visitors {
        let (heard, code) = farewell(visitor, WAIT);
        assert_eq!((&heard, code), (&published, Some(3001)));
        closed.push(begun.elapsed());
    }
    let last = closed.iter().max().unwrap();
    // Ten a second leave at least, however long the window is.
    assert!((Duration::from_secs(3)..Duration::from_secs(20)).contains(last), "{last:?}");
    assert!(first.expect_end(WAIT).success());
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    drop(Visitor::session(second.address()));
}

#[test]
fn nobody_is_waited_for_where_nobody_is() {
    let mut program = Program::start(&configuration(&json!({ "drain": "20s" })));
    let _waits = TcpStream::connect(program.address()).unwrap();
    let _silent = audience(program.address(), 1);
    program.signal(Signal::INT);
    let begun = Instant::now();
    assert!(program.expect_end(WAIT).success());
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut program = Program::start(&configuration(&json!({ "drain": "20s", "delay": "5s" })));
    let mut visitors = audience(program.address(), 3);
    program.signal(Signal::TERM);
    program.expect_log("ready", 0, WAIT);
    assert_eq!(visitors[0].next(Duration::from_millis(200)), Heard::Silence);
    program.signal(Signal::TERM);
    let begun = Instant::now();
    assert_eq!(program.expect_end(WAIT).code(), Some(1));
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert_eq!(visitors[0].next(WAIT), Heard::End);
}

#[test]
fn a_load_balancer_is_told_before_the_port_is_closed() {
    let mut program = Program::start(&configuration(&json!({ "drain": "1s", "delay": "2s" })));
    let address = program.address();
    program.signal(Signal::TERM);
    program.expect_log("ready", 0, WAIT);
    let mut asks = Visitor::connect(address).unwrap();
    assert!(get(&mut asks, "/health").starts_with("HTTP/1.1 503 "), "it is ready no more");
    let mut late = audience(address, 1).remove(0);
    let mut stream = read_news(address);
    api::call(address, "publish", &json!({ "channel": "news", "data": "late" }));
    let said = read_to_the_end(&mut stream);
    assert!(
        said.contains("\"late\"") && said.contains("3001"),
        "streams come in, and are told to go: {said}"
    );
    assert_eq!(farewell(&mut late, WAIT), (vec!["late".to_owned()], Some(3001)), "and serves as ever");
    assert!(program.expect_end(WAIT).success());
}

#[test]
fn who_comes_in_behind_a_drain_is_told_to_go_as_well() {
    let mut program = Program::start(&configuration(&json!({ "drain": "2s", "timeout": "120s" })));
    let address = program.address();
    let crowd = audience(address, 20);
    let mut late = TcpStream::connect(address).unwrap();
    late.set_read_timeout(Some(WAIT)).unwrap();
    let head = "POST /connection/uni_http_stream HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    late.write_all(head.as_bytes()).unwrap();
    let mut more = [0; 25];
    late.read_exact(&mut more).unwrap();
    assert!(more.starts_with(b"HTTP/1.1 100 "), "the desk waits for the request's body");
    program.signal(Signal::TERM);
    program.expect_log("leaving", 0, WAIT);
    late.write_all(b"{}").unwrap();
    let said = read_to_the_end(&mut late);
    assert!(said.contains("3001") || said.starts_with("HTTP/1.1 503 "), "{said}");
    assert!(program.expect_end(WAIT).success(), "and nobody is waited for until the time is over");
    drop(crowd);
}

fn read_news(server: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    stream.write_all(b"GET /connection/uni_http_stream?channels=news HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut first = [0; 15];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    stream
}

fn read_to_the_end(stream: &mut TcpStream) -> String {
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

#[test]
fn a_share_is_told_to_come_back_and_the_others_stay() {
    let program = Program::start(&configuration(&json!({})));
    let mut visitors = audience(program.address(), 40);
    let answer = api::call(program.address(), "drain", &json!({ "share": 0.25, "window": "0s" }));
    assert_eq!(answer, json!({ "connections": 10 }));
    let given_up = Instant::now() + WAIT;
    let mut gone = [false; 40];
    while gone.iter().filter(|gone| **gone).count() < 10 {
        assert!(Instant::now() < given_up, "only those have gone: {gone:?}");
        for (visitor, gone) in visitors.iter_mut().zip(&mut gone).filter(|(_, gone)| !**gone) {
            match visitor.next(Duration::from_millis(5)) {
                Heard::Silence => {}
                heard => {
                    assert_eq!(heard, Heard::Close(Some(3011), "force reconnect".into()));
                    *gone = true;
                }
            }
        }
    }
    for (visitor, _) in visitors.iter_mut().zip(gone).filter(|(_, gone)| !gone) {
        assert_eq!(visitor.next(Duration::from_millis(100)), Heard::Silence);
    }
    // A slow one is stopped by the next.
    let answer = api::call(program.address(), "drain", &json!({ "share": 1, "window": "1h" }));
    assert_eq!(answer, json!({ "connections": 30 }));
    assert_eq!(api::call(program.address(), "drain", &json!({ "share": 0 })), json!({ "connections": 0 }));
    api::call(program.address(), "publish", &json!({ "channel": "news", "data": "still here" }));
    let heard = visitors.iter_mut().map(|visitor| visitor.next(WAIT));
    let left = heard.filter(|heard| matches!(heard, Heard::Text(_))).count();
    assert!((28..=30).contains(&left), "{left}");
}

/// Where a service manager listens; the file is removed when dropped.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Manager {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("wavecast-{}-{name}.notify", std::process::id()));
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(WAIT)).unwrap();
        Self { socket, path }
    }

    /// The next news, without those of the watchdog.
    fn hears(&self) -> String {
        loop {
            let news = self.hears_anything();
            if news != "WATCHDOG=1" {
                return news;
            }
        }
    }

    fn hears_anything(&self) -> String {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).expect("news within the time");
        String::from_utf8_lossy(&buffer[..length]).trim_end().to_owned()
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}

#[test]
fn a_service_manager_listens_for_it_and_hears_how_far_it_is() {
    let manager = Manager::new("service");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Somebody comes before the program is there: the manager's listener keeps the place.
    let early = TcpStream::connect(address).unwrap();
    let kept = OwnedFd::from(listener.try_clone().unwrap());
    let variables = [("WATCHDOG_USEC", "400000")];
    let mut program = Program::start_as_a_service(
        &configuration(&json!({ "drain": "1s" })),
        OwnedFd::from(listener),
        &manager.path,
        &variables,
    );
    assert_eq!(program.address(), address);
    assert_eq!(manager.hears(), "READY=1");
    drop(early);
    let mut visitors = audience(address, 2);
    assert_eq!(manager.hears_anything(), "WATCHDOG=1");
    assert_eq!(manager.hears_anything(), "WATCHDOG=1");
    program.signal(Signal::HUP);
    let news = manager.hears();
    assert!(news.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{news}");
    assert_eq!(manager.hears(), "READY=1");
    program.signal(Signal::TERM);
    let news = manager.hears();
    assert!(news.starts_with("STOPPING=1\nEXTEND_TIMEOUT_USEC="), "{news}");
    assert_eq!(farewell(&mut visitors[0], WAIT).1, Some(3001));
    assert!(program.expect_end(WAIT).success());
    // Who comes now waits for the next start.
    TcpStream::connect(address).unwrap();
    drop(kept);
}

/// What `systemd-analyze` finds wrong with the unit files, once the program lies where it is.
#[test]
fn the_unit_files_are_right() {
    let deploy = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy"));
    let folder = std::env::temp_dir().join(format!("wavecast-units-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let units = ["wavecast.service", "wavecast.socket"].map(|name| {
        let text = std::fs::read_to_string(deploy.join(name)).unwrap();
        let wanted = if name.ends_with("socket") {
            "\nListenStream=8000\n"
        } else {
            "\nType=notify\nExecStart=/usr/local/bin/wavecast serve "
        };
        assert!(text.contains(wanted), "{name}");
        let unit = folder.join(name);
        std::fs::write(&unit, text.replace("/usr/local/bin/wavecast", "/bin/true")).unwrap();
        unit
    });
    let verified = std::process::Command::new("systemd-analyze").arg("verify").args(&units).output();
    drop(std::fs::remove_dir_all(&folder));
    match verified {
        Ok(verified) => {
            let said = String::from_utf8_lossy(&verified.stderr).into_owned();
            assert!(verified.status.success() && !said.contains("wavecast."), "{said}");
        }
        Err(error) => eprintln!("not verified: systemd-analyze cannot be started ({error})"),
    }
}
