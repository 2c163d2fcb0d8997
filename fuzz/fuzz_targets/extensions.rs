//! A stranger's offers, and a stranger's answer to ours: no panic, and what both ends make of an agreement is the same.
//!
//! The first byte chooses what we want; the rest is the value of `Sec-WebSocket-Extensions`.
//!
//! `cargo +nightly fuzz run extensions fuzz/corpus/extensions fuzz/seeds/extensions`

#![no_main]

use libfuzzer_sys::fuzz_target;
use wavecast_websocket::deflate::{Agreement, Compression};
use wavecast_websocket::handshake::parse_extensions;

fuzz_target!(|bytes: &[u8]| {
    let [choice, value @ ..] = bytes else { return };
    let ours = Compression {
        send_takeover: choice & 1 != 0,
        receive_takeover: choice & 2 != 0,
        send_window_bits: 9 + (choice >> 2) % 7,
        receive_window_bits: 9 + (choice >> 5) % 7,
        ..Compression::DEFAULT
    };
    let mut extensions = Vec::new();
    if parse_extensions(value, &mut extensions).is_err() {
        return;
    }
    if let Some((agreement, answer)) = ours.answer(&extensions) {
        keeps_to(&ours, agreement);
        let mut answered = Vec::new();
        parse_extensions(answer.as_bytes(), &mut answered).expect("we read what we write");
        assert_eq!(answered.len(), 1);
        // A client that wants anything understands it, unless it is given more than it asked for.
        let generous = Compression { send_takeover: true, receive_takeover: true, ..Compression::DEFAULT };
        let theirs = generous.agreed(&answered).expect("our answers are right").expect("it is an agreement");
        assert_eq!((theirs.send, theirs.receive), (agreement.receive, agreement.send));
    }
    if let Some(Some(agreement)) = ours.agreed(&extensions) {
        assert!(agreement.send.bits() <= ours.send_window_bits);
        assert!(agreement.receive.bits() <= ours.receive_window_bits);
        assert!(ours.receive_takeover || !agreement.receive.takeover());
        assert!(ours.send_takeover || !agreement.send.takeover());
    }
});

fn keeps_to(ours: &Compression, agreement: Agreement) {
    assert!(agreement.send.bits() <= ours.send_window_bits);
    assert!(agreement.receive.bits() <= ours.receive_window_bits);
    assert!(ours.send_takeover || !agreement.send.takeover());
    assert!(ours.receive_takeover || !agreement.receive.takeover());
}
