//! A server under attack, its polite clients, and what it holds.

use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use wavecast_net::server::{Close, Connection, Events, Opening, Running, Server};
use wavecast_net::{MessageRef, Options};

use crate::raw::{FIN, From, Raw, SOON, TEXT, Told, frame};

/// A polite client is answered within this, whatever the others do.
const SERVED_MAX: Duration = Duration::from_secs(5);

/// An echo server of one shard, so that whoever is starved is starved by the attacker.
pub(crate) struct Besieged {
    running: Running,
    open: Arc<AtomicIsize>,
    ends: Receiver<u16>,
}

struct Echo {
    open: Arc<AtomicIsize>,
    ends: Sender<u16>,
}

impl Events for Echo {
    fn open(&self, _: &mut Connection<'_>, _: &Opening<'_>) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
        connection.send(message).ok();
    }

    fn close(&self, _: &mut Connection<'_>, close: &Close<'_>) {
        self.ends.send(close.code).ok();
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Besieged {
    pub(crate) fn start(options: Options) -> Self {
        let open = Arc::<AtomicIsize>::default();
        let (tell, ends) = mpsc::channel();
        let server = Server::bind_with("127.0.0.1:0", 1).unwrap().options(options);
        let running = server.start(Echo { open: Arc::clone(&open), ends: tell }).unwrap();
        Self { running, open, ends }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address()
    }

    pub(crate) fn attacker(&self) -> Raw {
        Raw::upgraded(self.address())
    }

    pub(crate) fn polite(&self) -> Polite {
        Polite { raw: Raw::upgraded(self.address()), said: 0 }
    }

    /// The code of the next connection that ends.
    pub(crate) fn end(&self) -> u16 {
        self.ends.recv_timeout(SOON).unwrap()
    }

    /// Waits until so many connections are open, no more and no less: nothing is left of the others.
    pub(crate) fn expect_open(&self, connections: isize) {
        let end = Instant::now() + SOON;
        while self.open.load(Ordering::Relaxed) != connections {
            assert!(Instant::now() < end, "{} connections are open", self.open.load(Ordering::Relaxed));
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Besieged {
    fn drop(&mut self) {
        self.running.drain(Duration::ZERO);
    }
}

/// A client that wants its echo.
pub(crate) struct Polite {
    raw: Raw,
    said: u32,
}

impl Polite {
    /// One message and its echo, in time.
    pub(crate) fn is_served(&mut self) {
        self.said += 1;
        let text = format!("message {}", self.said).into_bytes();
        let began = Instant::now();
        assert!(self.raw.send(&frame(From::Client, FIN | TEXT, &text)));
        assert_eq!(self.raw.frame().unwrap(), (TEXT, text));
        assert!(began.elapsed() < SERVED_MAX, "served after {:?}", began.elapsed());
    }
}

/// The attack is answered with this, polite clients are served before and after, and nothing is left of the attacker.
pub(crate) fn attack(server: &Besieged, what: &str, bytes: &[u8], told: &Told) {
    let mut polite = server.polite();
    polite.is_served();
    let mut attacker = server.attacker();
    attacker.send(bytes);
    assert_eq!(attacker.told(), *told, "{what}");
    polite.is_served();
    if let Told::Close(code) = told {
        assert_eq!(server.end(), *code, "{what}: what the close event says");
    }
    server.expect_open(1);
    drop(polite);
    server.end();
    server.expect_open(0);
}

/// Held by each test that measures the memory of this process, or takes more than a megabyte of it: tests run side by side.
pub(crate) struct Alone {
    _guard: MutexGuard<'static, ()>,
}

/// Waits for the others of this kind.
#[must_use]
pub(crate) fn alone() -> Alone {
    static TURN: Mutex<()> = Mutex::new(());
    Alone { _guard: TURN.lock().unwrap_or_else(PoisonError::into_inner) }
}

/// Memory of this process that is in use, in bytes, as the kernel counts it.
pub(crate) fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}
