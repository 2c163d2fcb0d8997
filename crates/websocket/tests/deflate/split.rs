//! Where the input is cut makes no difference: the same bytes give the same events, and the same error.

use crate::wire::{Got, KEY, masked, receive_pieces, server};
use proptest::prelude::*;
use proptest::sample::Index;
use wavecast_websocket::deflate::{Compression, Deflater, Window};
use wavecast_websocket::{Limits, Opcode};

/// Compressed and plain messages, whole and in fragments, and what may stand between them.
fn a_bit_of_everything(takeover: bool) -> Vec<u8> {
    let mut deflater = Deflater::new(&Compression { bytes_min: 0, ..Compression::DEFAULT });
    let mut bytes = Vec::new();
    let mut context = None;
    let window = Window::new(15, takeover);
    let mut say = |text: &str, bytes: &mut Vec<u8>| {
        deflater.encode(Opcode::Text, text.as_bytes(), window, &mut context, Some(KEY), bytes);
    };
    say(&"κόσμε".repeat(30), &mut bytes);
    bytes.extend(masked(true, false, Opcode::Ping, b"ping"));
    say(&"κόσμε".repeat(31), &mut bytes);
    bytes.extend(masked(false, true, Opcode::Binary, &[0xf2, 0x48, 0xcd]));
    bytes.extend(masked(true, false, Opcode::Pong, b""));
    bytes.extend(masked(true, false, Opcode::Continuation, &[0xc9, 0xc9, 0x07, 0x00]));
    bytes.extend(masked(true, true, Opcode::Binary, &[0x00]));
    bytes.extend(masked(true, false, Opcode::Text, b"plain"));
    bytes.extend(masked(true, true, Opcode::Text, b"\xff"));
    bytes
}

#[test]
fn at_every_two_places() {
    for takeover in [false, true] {
        let bytes = a_bit_of_everything(takeover);
        let whole = receive_pieces(server(takeover), &Limits::DEFAULT, [&bytes[..]]);
        assert_eq!(whole.len(), 8);
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                let got = receive_pieces(server(takeover), &Limits::DEFAULT, pieces);
                assert_eq!(got, whole, "{first} {second}");
            }
        }
    }
}

/// Frames in an order that is often wrong, with payloads that are often no DEFLATE data, and bytes of them changed.
fn hostile_stream() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        Just(vec![0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]),
        Just(vec![0xf2, 0x00, 0x11, 0x00, 0x00]),
        Just(vec![0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]),
        Just(vec![0x00]),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    let opcode =
        proptest::sample::select(vec![Opcode::Continuation, Opcode::Text, Opcode::Binary, Opcode::Ping]);
    let frames = proptest::collection::vec((any::<bool>(), any::<bool>(), opcode, payload), 0..8);
    let changes = proptest::collection::vec((any::<Index>(), any::<u8>()), 0..2);
    (frames, changes).prop_map(|(frames, changes)| {
        let frame = |(fin, rsv1, opcode, payload): (bool, bool, Opcode, Vec<u8>)| {
            let first = matches!(opcode, Opcode::Text | Opcode::Binary);
            masked(fin || opcode == Opcode::Ping, rsv1 && first, opcode, &payload)
        };
        let mut bytes: Vec<u8> = frames.into_iter().flat_map(frame).collect();
        for (at, byte) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn at_any_places(bytes in hostile_stream(), piece_len in 1usize..50, takeover: bool) {
        let limits =
            Limits { frame_bytes_max: 100, message_bytes_max: 60, fragments_max: 6, ..Limits::DEFAULT };
        let whole = receive_pieces(server(takeover), &limits, [&bytes[..]]);
        let ends = whole.iter().filter(|got| matches!(got, Got::Error(_) | Got::Close)).count();
        prop_assert!(ends <= 1, "{:?}", whole);
        prop_assert_eq!(receive_pieces(server(takeover), &limits, bytes.chunks(piece_len)), whole.clone());
        prop_assert_eq!(receive_pieces(server(takeover), &limits, bytes.chunks(1)), whole);
    }
}
