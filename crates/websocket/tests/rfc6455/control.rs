//! Pings, pongs, and the bound on answers (RFC 6455 §5.5.2, §5.5.3).

use crate::wire::{Got, KEY, masked, receive, receive_bytewise};
use wavecast_websocket::{Limits, Opcode, Pongs, Role};

#[test]
fn pings_and_pongs_bring_their_payload() {
    for len in [0, 1, 124, 125] {
        let payload = vec![0xfe; len]; // need not be UTF-8
        let bytes = [masked(true, Opcode::Ping, &payload), masked(true, Opcode::Pong, &payload)].concat();
        let expected = [Got::Ping(payload.clone()), Got::Pong(payload)];
        assert_eq!(receive(Role::Server, &bytes), expected);
        assert_eq!(receive_bytewise(Role::Server, &bytes), expected);
    }
}

fn pong(payload: &[u8]) -> Got {
    Got::Pong(payload.to_vec())
}

#[test]
fn each_ping_is_answered_with_its_payload() {
    let (mut pongs, mut out) = (Pongs::new(), Vec::new());
    assert!(pongs.answer(b"one", &Limits::DEFAULT, None, &mut out));
    assert!(pongs.answer(b"", &Limits::DEFAULT, None, &mut out));
    assert_eq!(receive(Role::Client, &out), [pong(b"one"), pong(b"")]);
    assert!(!pongs.flushed(None, &mut out));
    assert_eq!(pongs.pending(), 0);
}

#[test]
fn past_the_bound_only_the_latest_ping_is_answered() {
    let limits = Limits { pongs_pending_max: 2, ..Limits::DEFAULT };
    let (mut pongs, mut out) = (Pongs::new(), Vec::new());
    let answered: Vec<bool> = (0..5u8).map(|n| pongs.answer(&[n], &limits, Some(KEY), &mut out)).collect();
    assert_eq!(answered, [true, true, false, false, false]);
    assert_eq!(pongs.pending(), 2);
    assert!(pongs.flushed(Some(KEY), &mut out));
    assert_eq!(receive(Role::Server, &out), [pong(&[0]), pong(&[1]), pong(&[4])]);
    // The kept one counts as waiting in its turn.
    assert_eq!(pongs.pending(), 1);
    assert!(!pongs.flushed(Some(KEY), &mut out));
    assert!(pongs.answer(b"again", &limits, Some(KEY), &mut out));
}

#[test]
fn no_pongs_pending_allowed_still_answers_the_latest() {
    let limits = Limits { pongs_pending_max: 0, ..Limits::DEFAULT };
    let (mut pongs, mut out) = (Pongs::new(), Vec::new());
    assert!(!pongs.answer(b"a", &limits, None, &mut out));
    assert!(out.is_empty());
    assert!(pongs.flushed(None, &mut out));
    assert_eq!(receive(Role::Client, &out), [pong(b"a")]);
}
