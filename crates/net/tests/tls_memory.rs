//! What an idle TLS session takes in user space: the growth of the process by many of them.
//!
//! `cargo test -p wavecast-net --test tls_memory -- --nocapture` prints the figures.

#![cfg(all(feature = "tls", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod certificates;
mod in_memory;

use std::sync::Arc;
use std::time::Instant;

use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection};
use wavecast_net::tls::{Pem, ServerTls, ServerTlsOptions, Session};

use self::certificates::Authority;
use self::in_memory::shake_hands;

/// Resident bytes of the process: what C code takes (aws-lc) is seen there, too.
fn resident() -> isize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<isize>().unwrap() * 4096
}

/// Shakes hands; both sides say something once, so that what is made at first use is made.
fn converse(config: &Arc<ClientConfig>, tls: &ServerTls) -> Session {
    let mut client = ClientConnection::new(Arc::clone(config), "localhost".try_into().unwrap()).unwrap();
    let mut session = shake_hands(&mut client, tls);
    std::io::Write::write_all(&mut client.writer(), b"hello").unwrap();
    let (mut wire, mut plain, mut answer) = (Vec::new(), Vec::new(), Vec::new());
    client.write_tls(&mut wire).unwrap();
    session.receive(&mut wire, &mut plain, &mut answer).unwrap();
    session.encrypt(&plain, &mut answer).unwrap();
    assert_eq!((&plain[..], session.kept_bytes()), (&b"hello"[..], 0));
    session
}

#[test]
fn an_idle_session_is_small() {
    const SESSIONS: usize = 2000;
    let authority = Authority::new("memory");
    let certified = authority.server("localhost");
    let options = ServerTlsOptions::new(Pem::text(&certified.chain), Pem::text(&certified.key));
    let tls = ServerTls::new(options).unwrap();
    println!("of them in one piece: {} B", size_of::<Session>());
    let mut kept = Vec::new();
    for (version, name) in [(&TLS13, "TLS 1.3"), (&TLS12, "TLS 1.2")] {
        for resumed in [false, true] {
            let mut config = authority.trusting(None, &[version]);
            if !resumed {
                config.resumption = rustls::client::Resumption::disabled();
            }
            let config = Arc::new(config);
            // What is made once is made, and what the client keeps.
            (0..20).for_each(|_| drop(converse(&config, &tls)));
            let mut sessions = Vec::with_capacity(SESSIONS);
            let (before, began) = (resident(), Instant::now());
            sessions.extend((0..SESSIONS).map(|_| Box::new(converse(&config, &tls))));
            let each = (resident() - before) / SESSIONS as isize;
            let took = began.elapsed() / SESSIONS as u32;
            println!(
                "{name}, {}: {each} B; both sides of a handshake take {took:?}",
                if resumed { "resumed" } else { "whole" }
            );
            assert!(each < 8 * 1024, "{name}: {each} B");
            // What the next kind takes is not what this one leaves.
            kept.push(sessions);
        }
    }
}
