//! The driver alone, on real sockets: what an edge-triggered poll makes easy to lose.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};

use super::*;
use crate::frame::Frame;

/// What a turn reported, in short.
#[derive(Debug, PartialEq)]
enum Seen {
    Received(u32, Vec<u8>),
    Ended(u32),
    Sent(u32),
    Failed(u32),
    Closed(u32),
}

fn pair(driver: &mut Readiness) -> (u32, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    peer.set_nodelay(true).unwrap();
    (driver.adopt(listener.accept().unwrap().0.into()).unwrap(), peer)
}

fn turn(driver: &mut Readiness) -> Vec<Seen> {
    driver.wait(Some(Duration::from_millis(50))).unwrap();
    let mut seen = Vec::new();
    while let Some(completion) = driver.next() {
        seen.push(match completion {
            Completion::Received { slot, bytes } => Seen::Received(slot, bytes.to_vec()),
            Completion::Ended { slot } => Seen::Ended(slot),
            Completion::Sent { slot } => Seen::Sent(slot),
            Completion::Failed { slot, .. } => Seen::Failed(slot),
            Completion::Closed { slot } => Seen::Closed(slot),
            other => panic!("{other:?}"),
        });
    }
    seen
}

/// Turns until something is seen.
fn next(driver: &mut Readiness) -> Vec<Seen> {
    (0..600).map(|_| turn(driver)).find(|seen| !seen.is_empty()).expect("something within half a minute")
}

fn received(slot: u32, bytes: &[u8]) -> Vec<Seen> {
    vec![Seen::Received(slot, bytes.to_vec())]
}

#[test]
fn what_comes_while_paused_is_received_after_the_pause() {
    let mut driver = Readiness::new(&Options::default()).unwrap();
    let (slot, mut peer) = pair(&mut driver);
    peer.write_all(b"one").unwrap();
    assert_eq!(next(&mut driver), received(slot, b"one"));
    driver.pause(slot, true);
    peer.write_all(b"two").unwrap();
    assert_eq!(turn(&mut driver), []);
    // The edge was seen and let go; nothing new comes.
    driver.pause(slot, false);
    assert_eq!(next(&mut driver), received(slot, b"two"));
    driver.pause(slot, true);
    peer.write_all(b"three").unwrap();
    drop(peer);
    assert_eq!(turn(&mut driver), []);
    driver.pause(slot, false);
    assert_eq!(next(&mut driver), received(slot, b"three"));
    assert_eq!(next(&mut driver), [Seen::Ended(slot)]);
}

#[test]
fn a_pause_between_readiness_and_read_loses_nothing() {
    let mut driver = Readiness::new(&Options::default()).unwrap();
    let (slot, mut peer) = pair(&mut driver);
    peer.write_all(b"one").unwrap();
    driver.wait(Some(Duration::from_secs(5))).unwrap();
    driver.pause(slot, true);
    assert!(driver.next().is_none());
    driver.pause(slot, false);
    driver.pause(slot, true);
    driver.pause(slot, false);
    assert_eq!(next(&mut driver), received(slot, b"one"));
}

#[test]
fn a_peer_that_has_ended_is_no_reason_to_spin() {
    let mut driver = Readiness::new(&Options::default()).unwrap();
    let (slot, peer) = pair(&mut driver);
    peer.shutdown(Shutdown::Write).unwrap();
    assert_eq!(next(&mut driver), [Seen::Ended(slot)]);
    assert!(driver.turns.is_empty() && driver.done.is_empty());
    let began = Instant::now();
    assert_eq!(turn(&mut driver), []);
    assert!(began.elapsed() >= Duration::from_millis(45));
}

#[test]
fn a_socket_is_read_once_a_turn_however_much_it_has() {
    let mut driver = Readiness::new(&Options::default()).unwrap();
    let (slot, mut peer) = pair(&mut driver);
    let writing = std::thread::spawn(move || {
        peer.write_all(&vec![7; 1 << 20]).unwrap();
        peer
    });
    let mut total = 0;
    while total < 1 << 20 {
        let seen = next(&mut driver);
        let [Seen::Received(from, bytes)] = &seen[..] else { panic!("{seen:?}") };
        assert_eq!(*from, slot);
        total += bytes.len();
    }
    drop(writing.join().unwrap());
    assert_eq!(next(&mut driver), [Seen::Ended(slot)]);
}

#[test]
fn a_slot_that_is_used_again_stands_once_on_the_ready_list() {
    let mut driver = Readiness::new(&Options::default()).unwrap();
    let mut peers = Vec::new();
    for round in 0..50 {
        let (slot, mut peer) = pair(&mut driver);
        assert_eq!(slot, 0);
        peer.write_all(b"much").unwrap();
        // Ready, and closed before it is read.
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(1));
            driver.wait(Some(Duration::from_millis(50))).unwrap();
        }
        assert_eq!(driver.turns.readable(), [slot], "round {round}");
        driver.close(slot);
        // Not a read: the next one takes the slot while the list still names it.
        assert!(matches!(driver.next(), Some(Completion::Closed { slot: 0 })));
        peers.push(peer);
    }
    let (slot, mut peer) = pair(&mut driver);
    peer.write_all(b"last").unwrap();
    assert_eq!(next(&mut driver), received(slot, b"last"));
    peer.write_all(b"more").unwrap();
    assert_eq!(next(&mut driver), received(slot, b"more"));
}

/// More than the kernel holds for both ends of a connection: its buffers grow as they are used, to some 40 MiB here.
const MORE_THAN_BUFFERED: usize = 80 << 20;

#[test]
fn a_refused_send_goes_on_when_the_peer_reads_and_again_after_that() {
    let mut driver = Readiness::new(&Options::default()).unwrap();
    let (slot, mut peer) = pair(&mut driver);
    for round in 1..4u8 {
        let mut batch = Batch::default();
        batch.push(Frame::new(&vec![round; MORE_THAN_BUFFERED]));
        batch.push(Frame::new(&[round; 100]));
        assert!(matches!(driver.send(slot, &mut batch), Submission::InFlight));
        assert!(!driver.take_progress(slot));
        let reading = std::thread::spawn(move || {
            let mut bytes = vec![0; MORE_THAN_BUFFERED + 100];
            peer.read_exact(&mut bytes).unwrap();
            assert!(bytes.iter().all(|byte| *byte == round));
            peer
        });
        assert_eq!(next(&mut driver), [Seen::Sent(slot)]);
        assert!(driver.take_progress(slot) && !driver.take_progress(slot));
        peer = reading.join().unwrap();
    }
}

#[test]
fn a_reset_with_a_send_in_flight_fails_and_closes_once() {
    let mut driver = Readiness::new(&Options::default()).unwrap();
    let (slot, mut peer) = pair(&mut driver);
    let mut batch = Batch::default();
    batch.push(Frame::new(&vec![1; MORE_THAN_BUFFERED]));
    assert!(matches!(driver.send(slot, &mut batch), Submission::InFlight));
    // Closed with bytes unread: the kernel resets.
    peer.read_exact(&mut [0; 10]).unwrap();
    drop(peer);
    let seen = next(&mut driver);
    // The error is told once; a read finds the end behind it.
    assert!(seen == [Seen::Failed(slot)] || seen == [Seen::Failed(slot), Seen::Ended(slot)], "{seen:?}");
    driver.close(slot);
    assert_eq!(next(&mut driver), [Seen::Closed(slot)]);
    assert_eq!(turn(&mut driver), []);
}

#[test]
fn who_stops_to_listen_may_listen_again() {
    let mut driver = Readiness::new(&Options::default()).unwrap();
    for _ in 0..3 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        driver.listen(listener.into()).unwrap();
        let peer = TcpStream::connect(address).unwrap();
        let accepted = (0..100).find_map(|_| {
            driver.wait(Some(Duration::from_millis(50))).unwrap();
            match driver.next() {
                Some(Completion::Accepted { slot, peer: from, .. }) => Some((slot, from)),
                _ => None,
            }
        });
        let (slot, from) = accepted.unwrap();
        assert_eq!(from, peer.local_addr().unwrap());
        let waiting = TcpStream::connect(address);
        driver.stop_listening();
        assert!(TcpStream::connect(address).is_err());
        drop(waiting);
        driver.close(slot);
        assert_eq!(next(&mut driver), [Seen::Closed(slot)]);
    }
}

/// Five hundred clients come at once, as when a network returns: each turn shakes a few hands, in the order of their coming,
/// and who was there before is read in every one of them.
#[cfg(feature = "tls")]
#[test]
fn a_storm_of_handshakes_keeps_nobody_waiting_who_was_there_before() {
    const CLIENTS: usize = 500;
    const BUDGET: usize = 4;
    crate::descriptors::raise_limit();
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (chain, key) = (certified.cert.pem(), certified.signing_key.serialize_pem());
    let tls = crate::tls::ServerTls::new(crate::tls::ServerTlsOptions::new(
        crate::tls::Pem::text(&chain),
        crate::tls::Pem::text(&key),
    ));
    let mut driver = Readiness::new(&Options { handshakes_per_turn: BUDGET, ..Options::default() }).unwrap();
    let any = || crate::listener::Listener::tcp("127.0.0.1:0".parse().unwrap());
    let bound = [any(), any().tls(tls.unwrap())].map(|listener| listener.bind(1).unwrap());
    let [plain, secure] = [&bound[0], &bound[1]].map(|bound| bound.address().unwrap());
    bound
        .into_iter()
        .flat_map(crate::listener::Bound::into_doors)
        .for_each(|door| driver.listen(door).unwrap());
    let mut established = TcpStream::connect(plain).unwrap();
    let mut slot = None;
    while slot.is_none() {
        driver.wait(Some(Duration::from_millis(50))).unwrap();
        slot = driver.next().map(|completion| match completion {
            Completion::Accepted { slot, .. } => slot,
            other => panic!("{other:?}"),
        });
    }
    let hello = client_hello();
    let mut answered = vec![false; CLIENTS];
    let clients: Vec<TcpStream> = (0..CLIENTS)
        .map(|_| {
            let mut client = TcpStream::connect(secure).unwrap();
            client.write_all(&hello).unwrap();
            client.set_nonblocking(true).unwrap();
            client
        })
        .collect();
    let (mut turns, mut accepted) = (0, 0);
    while answered.contains(&false) {
        turns += 1;
        assert!(turns <= CLIENTS.div_ceil(BUDGET) + 50, "{answered:?}");
        established.write_all(b"x").unwrap();
        driver.wait(Some(Duration::from_secs(1))).unwrap();
        let mut heard = 0;
        while let Some(completion) = driver.next() {
            match completion {
                Completion::Received { slot: from, .. } if Some(from) == slot => heard += 1,
                Completion::Accepted { .. } => accepted += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(heard, 1, "turn {turns}");
        let before = answered.iter().filter(|answered| **answered).count();
        for (client, answered) in clients.iter().zip(&mut answered) {
            *answered = *answered || client.peek(&mut [0]).is_ok();
        }
        let after = answered.iter().filter(|answered| **answered).count();
        assert!(after - before <= BUDGET, "turn {turns} shook {} hands", after - before);
        assert!(answered[..after].iter().all(|answered| *answered), "in the order of their coming");
    }
    assert_eq!(accepted, CLIENTS);
}

#[cfg(feature = "tls")]
fn client_hello() -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let mut hello = Vec::new();
    rustls::ClientConnection::new(Arc::new(config), name).unwrap().write_tls(&mut hello).unwrap();
    hello
}

#[test]
fn what_a_peer_said_before_it_broke_is_received_before_the_break_is_told() {
    let mut driver = Readiness::new(&Options::default()).unwrap();
    for in_flight in [true, false] {
        let (slot, mut peer) = pair(&mut driver);
        let mut batch = Batch::default();
        if in_flight {
            batch.push(Frame::new(&vec![7; 32 << 20]));
            assert!(matches!(driver.send(slot, &mut batch), Submission::InFlight));
        } else {
            assert_eq!(driver.send_now(slot, b"unread").unwrap(), 6);
        }
        peer.write_all(b"last").unwrap();
        // With bytes that it has not read: a reset.
        drop(peer);
        std::thread::sleep(Duration::from_millis(20));
        if !in_flight {
            batch.push(Frame::new(b"more"));
            assert!(matches!(driver.send(slot, &mut batch), Submission::InFlight));
        }
        let mut seen = Vec::new();
        while !seen.contains(&Seen::Failed(slot)) {
            seen.extend(next(&mut driver));
        }
        assert_eq!(seen, [Seen::Received(slot, b"last".to_vec()), Seen::Failed(slot)]);
        driver.close(slot);
        assert_eq!(next(&mut driver), [Seen::Closed(slot)]);
    }
}
