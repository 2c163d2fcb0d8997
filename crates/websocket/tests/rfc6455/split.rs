//! Where the input is cut makes no difference: the same bytes give the same events, in the same order, and the same
//! error.

use crate::wire::{Got, frame_to, receive_pieces};
use proptest::prelude::*;
use proptest::sample::Index;
use wavecast_websocket::{Limits, Opcode, Role};

/// One of everything, with headers of each length.
fn a_bit_of_everything(role: Role) -> Vec<u8> {
    [
        frame_to(role, true, Opcode::Text, "κόσμε".as_bytes()),
        frame_to(role, false, Opcode::Text, &"κόσμε".as_bytes()[..3]),
        frame_to(role, true, Opcode::Ping, b"ping"),
        frame_to(role, false, Opcode::Continuation, &"κόσμε".as_bytes()[3..4]),
        frame_to(role, true, Opcode::Pong, b""),
        frame_to(role, true, Opcode::Continuation, &"κόσμε".as_bytes()[4..]),
        frame_to(role, true, Opcode::Binary, &[1; 126]),
        frame_to(role, true, Opcode::Binary, b""),
        frame_to(role, true, Opcode::Close, b"\x03\xe8bye"),
        vec![0xff; 5],
    ]
    .concat()
}

#[test]
fn at_every_two_places() {
    for role in [Role::Server, Role::Client] {
        let bytes = a_bit_of_everything(role);
        let whole = receive_pieces(role, &Limits::DEFAULT, [&bytes[..]]);
        assert_eq!(whole.len(), 7);
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(receive_pieces(role, &Limits::DEFAULT, pieces), whole, "{first} {second}");
            }
        }
    }
}

fn pieces<'b>(bytes: &'b [u8], cuts: &[Index]) -> Vec<&'b [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect()
}

fn small_limits() -> Limits {
    Limits { frame_bytes_max: 300, message_bytes_max: 500, fragments_max: 6, ..Limits::DEFAULT }
}

fn any_role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Server), Just(Role::Client)]
}

fn any_opcode() -> impl Strategy<Value = Opcode> {
    prop_oneof![
        3 => Just(Opcode::Continuation),
        2 => Just(Opcode::Text),
        2 => Just(Opcode::Binary),
        1 => Just(Opcode::Ping),
        1 => Just(Opcode::Pong),
    ]
}

/// Frames in an order that is often wrong, and bytes of them changed.
fn hostile_stream() -> impl Strategy<Value = (Role, Vec<u8>)> {
    let payload =
        prop_oneof![".{0,40}".prop_map(String::into_bytes), proptest::collection::vec(any::<u8>(), 0..125)];
    let frames = proptest::collection::vec((any::<bool>(), any_opcode(), payload), 0..8);
    let changes = proptest::collection::vec((any::<Index>(), any::<u8>()), 0..2);
    (any_role(), frames, changes).prop_map(|(role, frames, changes)| {
        let mut bytes: Vec<u8> = frames
            .into_iter()
            .flat_map(|(fin, opcode, payload)| frame_to(role, fin || opcode.is_control(), opcode, &payload))
            .collect();
        for (at, byte) in changes.into_iter().filter(|_| !bytes.is_empty()).collect::<Vec<_>>() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        (role, bytes)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn at_any_places((role, bytes) in hostile_stream(), cuts in proptest::collection::vec(any::<Index>(), 0..10)) {
        let limits = small_limits();
        let whole = receive_pieces(role, &limits, [&bytes[..]]);
        prop_assert_eq!(receive_pieces(role, &limits, pieces(&bytes, &cuts)), whole.clone());
        prop_assert_eq!(receive_pieces(role, &limits, bytes.chunks(1)), whole);
    }

    #[test]
    fn of_noise(role in any_role(), bytes in proptest::collection::vec(any::<u8>(), 0..400), cuts in proptest::collection::vec(any::<Index>(), 0..10)) {
        let whole = receive_pieces(role, &small_limits(), [&bytes[..]]);
        prop_assert!(whole.iter().filter(|got| matches!(got, Got::Error(_) | Got::Close(..))).count() <= 1);
        prop_assert_eq!(receive_pieces(role, &small_limits(), pieces(&bytes, &cuts)), whole);
    }
}
