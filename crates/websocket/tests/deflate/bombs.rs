//! A small payload that becomes a large message stops at the limit.

use crate::wire::{Got, masked, receive_pieces, server, text};
use wavecast_websocket::deflate::{Compression, Deflater, InflateError, Inflater};
use wavecast_websocket::frame::Header;
use wavecast_websocket::{Limits, Opcode, ProtocolError};

/// The payload of a compressed frame.
fn deflated(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut deflater = Deflater::new(&Compression { level: 9, ..Compression::DEFAULT });
    assert!(deflater.encode_fresh(Opcode::Binary, message, 15, None, &mut out));
    let (_, header_len) = Header::decode(&out).unwrap().unwrap();
    out.split_off(header_len)
}

#[test]
fn the_limit_is_to_the_byte() {
    let limits = Limits { message_bytes_max: 5_000, ..Limits::DEFAULT };
    for (len, fits) in [(4_999, true), (5_000, true), (5_001, false), (100_000, false)] {
        let payload = deflated(&vec![b'x'; len]);
        let expected = match fits {
            true => Got::Text("x".repeat(len)),
            false => Got::Error(ProtocolError::MessageTooBig { bytes_max: 5_000 }),
        };
        for takeover in [false, true] {
            let whole = receive_pieces(server(takeover), &limits, [&text(&payload)[..]]);
            assert_eq!(whole, std::slice::from_ref(&expected), "{len}");
            let fragments = [
                masked(false, true, Opcode::Text, &payload[..9]),
                masked(true, false, Opcode::Continuation, &payload[9..]),
            ]
            .concat();
            let cut = receive_pieces(server(takeover), &limits, fragments.chunks(7));
            assert_eq!(cut, whole, "{len}");
        }
    }
}

#[test]
fn a_shorter_limit_counts_after_a_longer_message() {
    let mut inflater = Inflater::new();
    let payload = deflated(&[b'x'; 9_000]);
    assert_eq!(inflater.message(&payload, false, 10_000).map(<[u8]>::len), Ok(9_000));
    assert_eq!(inflater.message(&payload, false, 8_999), Err(InflateError::TooLong));
    assert_eq!(inflater.message(&payload, false, 0), Err(InflateError::TooLong));
    assert_eq!(inflater.message(&[0x00], false, 0).map(<[u8]>::len), Ok(0));
    assert_eq!(inflater.message(&payload, false, usize::MAX).map(<[u8]>::len), Ok(9_000));
}

#[test]
fn a_bomb_is_answered_with_1009() {
    // A thousand to one, as good as DEFLATE gets.
    let bomb = deflated(&vec![0; 64 << 20]);
    assert!(bomb.len() < 70_000);
    let bytes = masked(true, true, Opcode::Binary, &bomb);
    let got = receive_pieces(server(false), &Limits::DEFAULT, [&bytes[..]]);
    let [Got::Error(error)] = got[..] else { panic!("{got:?}") };
    assert_eq!(error, ProtocolError::MessageTooBig { bytes_max: 16 << 20 });
    assert_eq!(error.close_code().get(), 1009);
}

/// What cannot be compressed may be sent compressed all the same, and be longer than the message.
#[test]
fn a_message_at_the_limit_may_come_in_a_longer_payload() {
    // Blocks without compression, one byte in each: six bytes of payload for a byte.
    let stored = |byte: u8| [0x00, 0x01, 0x00, 0xfe, 0xff, byte];
    let bytes_max = 16;
    let limits = Limits { message_bytes_max: bytes_max, ..Limits::DEFAULT };
    let payload: Vec<u8> = b"0123456789".iter().flat_map(|byte| stored(*byte)).chain([0x00]).collect();
    assert!(payload.len() > bytes_max);
    let got = receive_pieces(server(false), &limits, [&text(&payload)[..]]);
    assert_eq!(got, [Got::Text("0123456789".into())]);
    // More than any compressor needs is not collected.
    let longer = vec![0; bytes_max + bytes_max / 8 + 65];
    let error = ProtocolError::MessageTooBig { bytes_max };
    assert_eq!(receive_pieces(server(false), &limits, [&text(&longer)[..]]), [Got::Error(error)]);
}
