//! What one end compresses the other receives, whatever was agreed on.

use crate::wire::{Got, KEY, receive_pieces};
use proptest::prelude::*;
use wavecast_websocket::deflate::{Compression, Deflater, Window};
use wavecast_websocket::frame::{Header, Reserved};
use wavecast_websocket::{Connection, Limits, Opcode, Role};

/// What compresses well, in part, and not at all.
fn messages() -> Vec<String> {
    let json: String = (0..400).map(|n| format!("{{\"id\":{n},\"name\":\"sensor {}\"}},", n % 7)).collect();
    let mut noise = 0x2545_f491_u64;
    let noise = (0..40_000).map(|_| {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        char::from(b' ' + (noise % 95) as u8)
    });
    let noise: String = noise.collect();
    vec![
        String::new(),
        "x".into(),
        json[..200].into(),
        json.clone(),
        json,
        noise[..300].into(),
        noise,
        "ab".repeat(60_000),
        "κόσμε ".repeat(100),
        String::new(),
        "ab".repeat(60_000),
    ]
}

fn round_trip(options: &Compression, window: Window, role: Role, messages: &[String]) {
    let mut deflater = Deflater::new(options);
    let (mut context, mut bytes) = (None, Vec::new());
    let key = (role == Role::Server).then_some(KEY);
    let mut compressed = 0;
    for message in messages {
        let start = bytes.len();
        let is = deflater.encode(Opcode::Text, message.as_bytes(), window, &mut context, key, &mut bytes);
        let (header, _) = Header::decode(&bytes[start..]).unwrap().unwrap();
        assert_eq!(header.reserved == Reserved::RSV1, is);
        assert!(message.len() >= options.bytes_min || !is);
        assert!(!is || window.takeover() || header.len < message.len() as u64);
        compressed += usize::from(is);
    }
    assert_eq!(context.is_some(), window.takeover());
    assert!(compressed >= 4 || window.bits() == 8);
    let connection = Connection::new(role).with_deflate(window);
    let got = receive_pieces(connection, &Limits::DEFAULT, bytes.chunks(60_000));
    let expected: Vec<Got> = messages.iter().map(|message| Got::Text(message.clone())).collect();
    assert!(got == expected, "{options:?} {window:?}");
}

#[test]
fn with_all_parameters() {
    let messages = messages();
    for bits in 8..=15 {
        for takeover in [false, true] {
            for level in [1, 2, 3, 6, 9] {
                for memory_level in [1, 8, 9] {
                    let options = Compression { level, memory_level, bytes_min: 0, ..Compression::DEFAULT };
                    let role = if bits % 2 == 0 { Role::Server } else { Role::Client };
                    round_trip(&options, Window::new(bits, takeover), role, &messages);
                }
            }
        }
    }
}

#[test]
fn with_eight_bits_long_messages_go_plain() {
    let mut deflater = Deflater::new(&Compression::DEFAULT);
    for (len, is_compressed) in [(256, true), (257, false)] {
        let mut out = Vec::new();
        let message = vec![b'x'; len];
        assert_eq!(
            deflater.encode(Opcode::Text, &message, Window::new(8, true), &mut None, None, &mut out),
            is_compressed
        );
    }
}

/// The distances of what a compressor writes stay within the window that was agreed on: a block of noise repeats at a
/// distance just beyond it, and nothing may be won by that.
#[test]
fn nothing_refers_back_further_than_the_window() {
    for bits in 9..=14u8 {
        let window = 1usize << bits;
        let mut noise = 0x9e37_79b9_u64;
        let block: Vec<u8> = (0..window + 200)
            .map(|_| {
                noise ^= noise << 13;
                noise ^= noise >> 7;
                noise ^= noise << 17;
                noise as u8
            })
            .collect();
        let message = [&block[..], &block[..]].concat();
        let len = |bits| {
            let mut out = Vec::new();
            Deflater::new(&Compression { level: 9, ..Compression::DEFAULT }).encode_fresh(
                Opcode::Binary,
                &message,
                bits,
                None,
                &mut out,
            );
            out.len()
        };
        assert!(len(bits) >= message.len(), "{bits}");
        assert!(len(bits + 1) < message.len(), "{bits}");
    }
}

/// A compressor that was passed over begins anew: what it writes refers to nothing before.
#[test]
fn a_context_that_was_passed_over_begins_anew() {
    let mut deflater = Deflater::new(&Compression { bytes_min: 0, ..Compression::DEFAULT });
    let window = Window::new(15, true);
    let (mut context, mut bytes) = (None, Vec::new());
    let text = "what was said before ".repeat(20);
    let mut say = |context: &mut Option<_>, bytes: &mut Vec<u8>| {
        deflater.encode(Opcode::Text, text.as_bytes(), window, context, None, bytes);
    };
    say(&mut context, &mut bytes);
    let first = bytes.len();
    say(&mut context, &mut bytes);
    assert!(bytes.len() - first < first / 2, "the second refers to the first");
    context.as_mut().unwrap().passed_over();
    // A message for many, which this compressor has not seen, and then two of its own.
    let mut shared = Vec::new();
    let other = "something else ".repeat(30);
    Deflater::new(&Compression::DEFAULT).encode_fresh(Opcode::Text, other.as_bytes(), 15, None, &mut shared);
    bytes.extend_from_slice(&shared);
    say(&mut context, &mut bytes);
    say(&mut context, &mut bytes);
    let connection = Connection::new(Role::Client).with_deflate(window);
    let text = Got::Text(text.clone());
    let expected = [text.clone(), text.clone(), Got::Text(other), text.clone(), text];
    assert_eq!(receive_pieces(connection, &Limits::DEFAULT, [&bytes[..]]), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn with_any_messages(
        texts in proptest::collection::vec("[a-e]{0,300}|.{0,60}", 0..12),
        bits in 8u8..=15,
        takeover: bool,
        level in 1u8..=9,
        bytes_min in 0usize..100,
    ) {
        let options = Compression { level, bytes_min, ..Compression::DEFAULT };
        let window = Window::new(bits, takeover);
        let mut deflater = Deflater::new(&options);
        let (mut context, mut bytes) = (None, Vec::new());
        for text in &texts {
            deflater.encode(Opcode::Text, text.as_bytes(), window, &mut context, Some(KEY), &mut bytes);
        }
        let connection = Connection::new(Role::Server).with_deflate(window);
        let got = receive_pieces(connection, &Limits::DEFAULT, bytes.chunks(50));
        let expected: Vec<Got> = texts.into_iter().map(Got::Text).collect();
        prop_assert_eq!(got, expected);
    }
}
