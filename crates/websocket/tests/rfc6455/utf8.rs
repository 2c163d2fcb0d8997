//! Text is UTF-8, and what is not fails at the byte that shows it (RFC 6455 §8.1; Autobahn 6.*).

use crate::wire::{Got, error_of, feed, masked, receive, receive_bytewise};
use proptest::prelude::*;
use wavecast_websocket::utf8::Text;
use wavecast_websocket::{CloseCode, Connection, Limits, Opcode, ProtocolError, Role};

const VALID: [&[u8]; 9] = [
    b"",
    "κόσμε".as_bytes(),
    b"\0",
    b"\x7f",
    b"\xc2\x80",
    b"\xdf\xbf\xe0\xa0\x80",
    b"\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", // around the surrogates; a non-character is allowed
    b"\xf0\x90\x80\x80",
    b"\xf4\x8f\xbf\xbf", // U+10FFFF
];

/// With the number of bytes after which no continuation can help.
const INVALID: [(&[u8], usize); 16] = [
    (b"\x80", 1),
    (b"\xbf", 1),
    (b"\xc0\x80", 1), // overlong
    (b"\xc1\xbf", 1),
    (b"\xe0\x80\x80", 2),
    (b"\xe0\x9f\xbf", 2),
    (b"\xf0\x80\x80\x80", 2),
    (b"\xf0\x8f\xbf\xbf", 2),
    (b"\xed\xa0\x80", 2), // surrogates
    (b"\xed\xbf\xbf", 2),
    (b"\xf4\x90\x80\x80", 2), // beyond U+10FFFF
    (b"\xf5\x80\x80\x80", 1),
    (b"\xfe", 1),
    (b"\xff", 1),
    (b"\xc2\x41", 2),
    (b"\xe2\x82\x41", 3),
];

#[test]
fn valid_text_is_received_however_it_is_cut() {
    for text in VALID {
        let expected = [Got::Text(String::from_utf8(text.to_vec()).unwrap())];
        let bytes = masked(true, Opcode::Text, text);
        assert_eq!(receive(Role::Server, &bytes), expected);
        assert_eq!(receive_bytewise(Role::Server, &bytes), expected);
        for cut in 0..text.len() {
            let fragments = [
                masked(false, Opcode::Text, &text[..cut]),
                masked(true, Opcode::Ping, b"\xff"),
                masked(true, Opcode::Continuation, &text[cut..]),
            ]
            .concat();
            assert_eq!(receive(Role::Server, &fragments)[1..], expected);
        }
    }
}

#[test]
fn invalid_text_fails_with_1007() {
    for (text, _) in INVALID {
        for (before, after) in
            [("", ""), ("some text first ", ""), ("", " and more after"), ("κόσμε", "κόσμε")]
        {
            let text = [before.as_bytes(), text, after.as_bytes()].concat();
            let error = error_of(Role::Server, &masked(true, Opcode::Text, &text));
            assert_eq!(error, ProtocolError::InvalidUtf8);
            assert_eq!(error.close_code(), CloseCode::INVALID_PAYLOAD);
        }
    }
}

#[test]
fn text_that_ends_within_a_character_fails() {
    for text in [&b"\xc2"[..], b"\xe2\x82", b"\xf0\x9f\x98", b"abc\xe2"] {
        assert_eq!(error_of(Role::Server, &masked(true, Opcode::Text, text)), ProtocolError::InvalidUtf8);
        let fragments = [masked(false, Opcode::Text, text), masked(true, Opcode::Continuation, b"")].concat();
        assert_eq!(error_of(Role::Server, &fragments), ProtocolError::InvalidUtf8);
    }
}

#[test]
fn invalid_text_fails_in_the_middle_of_its_frame() {
    // Autobahn 6.4.*: the rest of the frame need not come.
    for (text, enough) in INVALID {
        let text = [b"\xce\xba\xe1\xbd\xb9", text, b" and a rest that is never sent"].concat();
        let frame = masked(true, Opcode::Text, &text);
        let mut connection = Connection::new(Role::Server);
        let mut got = Vec::new();
        let header_len = 6;
        for byte in &frame[..header_len + 5 + enough - 1] {
            feed(&mut connection, &[*byte], &Limits::DEFAULT, &mut got);
        }
        assert_eq!(got, [], "{text:?} failed too early");
        feed(&mut connection, &frame[header_len + 5 + enough - 1..][..1], &Limits::DEFAULT, &mut got);
        assert_eq!(got, [Got::Error(ProtocolError::InvalidUtf8)], "{text:?} was not noticed");
    }
}

#[test]
fn binary_is_not_checked() {
    for (bytes, _) in INVALID {
        assert_eq!(receive(Role::Server, &masked(true, Opcode::Binary, bytes)), [Got::Binary(bytes.into())]);
    }
}

/// Pieces of text and of what is nearly text.
fn nearly_text() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => any::<char>().prop_map(|character| character.to_string().into_bytes()),
        4 => "[ -~]{0,80}".prop_map(String::into_bytes),
        1 => proptest::sample::select(INVALID.map(|(bytes, _)| bytes.to_vec()).to_vec()),
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn in_pieces_equals_std_on_the_whole(
        bytes in nearly_text(),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..8),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut text = Text::new();
        let pushed: Result<(), _> = cuts.windows(2).try_for_each(|cut| text.push(&bytes[cut[0]..cut[1]]));
        let result = pushed.and_then(|()| text.finish());
        prop_assert_eq!(result.ok(), std::str::from_utf8(&bytes).ok());
    }

    #[test]
    fn a_piece_fails_exactly_when_std_knows_that_no_end_helps(bytes in nearly_text()) {
        for end in 0..=bytes.len() {
            let mut text = Text::new();
            let failed = text.push(&bytes[..end]).is_err();
            let hopeless = std::str::from_utf8(&bytes[..end]).is_err_and(|error| error.error_len().is_some());
            prop_assert_eq!(failed, hopeless);
            if !failed {
                prop_assert_eq!(text.len(), end);
            }
        }
    }
}
