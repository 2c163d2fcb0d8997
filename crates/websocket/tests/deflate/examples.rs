//! The examples of RFC 7692 §7.2.3, byte for byte, and payloads that stand near them.

use crate::wire::{Got, masked, receive, text};
use wavecast_websocket::deflate::{Compression, Deflater, Window};
use wavecast_websocket::{Opcode, ProtocolError};

fn hello() -> Got {
    Got::Text("Hello".into())
}

#[test]
fn one_compressed_block() {
    // §7.2.3.1
    let payload = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    assert_eq!(receive(false, &text(&payload)), [hello()]);
    let fragments = [
        masked(false, true, Opcode::Text, &payload[..3]),
        masked(true, false, Opcode::Continuation, &payload[3..]),
    ];
    assert_eq!(receive(false, &fragments.concat()), [hello()]);
}

#[test]
fn the_window_is_taken_over() {
    // §7.2.3.2: the second message refers to the first.
    let first = text(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
    let second = text(&[0xf2, 0x00, 0x11, 0x00, 0x00]);
    assert_eq!(receive(true, &[first.clone(), second.clone()].concat()), [hello(), hello()]);
    let without = receive(false, &[first, second].concat());
    assert_eq!(without, [hello(), Got::Error(ProtocolError::InvalidDeflate)]);
}

#[test]
fn a_block_without_compression() {
    // §7.2.3.3
    let payload = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
    assert_eq!(receive(false, &text(&payload)), [hello()]);
}

#[test]
fn a_block_that_says_it_is_the_last() {
    // §7.2.3.4
    let payload = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    for takeover in [false, true] {
        let twice = [text(&payload), text(&payload)].concat();
        assert_eq!(receive(takeover, &twice), [hello(), hello()]);
        // Without the empty block behind it: who decodes DEFLATE stops at the last block and needs no tail.
        let twice = [text(&payload[..7]), text(&payload[..7])].concat();
        assert_eq!(receive(takeover, &twice), [hello(), hello()]);
    }
}

#[test]
fn two_blocks() {
    // §7.2.3.5
    let payload = [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
    assert_eq!(receive(false, &text(&payload)), [hello()]);
}

#[test]
fn an_empty_message() {
    // §7.2.3.6
    for payload in [&[0x00][..], &[]] {
        let bytes = [text(payload), text(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00])].concat();
        for takeover in [false, true] {
            assert_eq!(receive(takeover, &bytes), [Got::Text(String::new()), hello()]);
        }
    }
}

#[test]
fn we_write_the_examples() {
    let options = Compression { bytes_min: 0, ..Compression::DEFAULT };
    let hello_payload = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    for takeover in [false, true] {
        let mut deflater = Deflater::new(&options);
        let (mut context, mut out) = (None, Vec::new());
        let window = Window::new(15, takeover);
        assert!(!deflater.encode(Opcode::Text, b"", Window::new(15, false), &mut context, None, &mut out));
        assert_eq!(out, [0x81, 0x00], "nothing is shorter than nothing");
        out.clear();
        deflater.encode(Opcode::Text, b"Hello", window, &mut context, None, &mut out);
        if takeover {
            assert_eq!(out, [0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
            out.clear();
            deflater.encode(Opcode::Text, b"Hello", window, &mut context, None, &mut out);
            assert_eq!(out, [0xc1, 0x04, 0x02, 0x13, 0x00, 0x00], "a byte less than the RFC");
            assert_eq!(
                receive(true, &[&text(&hello_payload)[..], &text(&out[2..])].concat()),
                [hello(), hello()]
            );
            out.clear();
            deflater.encode(Opcode::Text, b"", window, &mut context, None, &mut out);
            assert_eq!(out, [0xc1, 0x01, 0x00]);
        } else {
            assert_eq!(out, [0x81, 0x05, b'H', b'e', b'l', b'l', b'o'], "compressed it would be longer");
        }
    }
}

#[test]
fn what_is_no_deflate_data_fails_with_1007() {
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let behind = |bytes: &[u8]| [&hello[..], bytes].concat();
    for (payload, why) in [
        (vec![0xff], "a block type that does not exist"),
        (hello[..5].to_vec(), "cut off within a block"),
        (hello[..6].to_vec(), "the empty block is missing"),
        (behind(&[0x00, 0x00, 0xff, 0xff]), "the tail was not removed"),
        (behind(&[0x00, 0x00, 0xff, 0xff, 0xff]), "garbage behind it"),
        (vec![0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0xff], "garbage behind the last block"),
        (vec![0x00, 0x05, 0x00, 0xfa, 0xfe, 0x48], "a length that does not match its complement"),
        (vec![0x00, 0x05, 0x00, 0xfa, 0xff, 0x48], "less than was announced"),
    ] {
        for takeover in [false, true] {
            let error = ProtocolError::InvalidDeflate;
            assert_eq!(receive(takeover, &text(&payload)), [Got::Error(error)], "{why}");
            assert_eq!(error.close_code().get(), 1007);
        }
    }
}
