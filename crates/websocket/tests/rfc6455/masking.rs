//! Clients mask, servers do not, and each side insists on it (RFC 6455 §5.1, §5.3).

use crate::wire::{Got, error_of, masked, plain, receive, receive_bytewise};
use wavecast_websocket::{CloseCode, Connection, Opcode, ProtocolError, Role, frame};

const ALL: [Opcode; 5] = [Opcode::Text, Opcode::Binary, Opcode::Close, Opcode::Ping, Opcode::Pong];

#[test]
fn a_server_refuses_an_unmasked_frame() {
    for opcode in ALL {
        for payload in [&b""[..], b"\x03\xe8"] {
            let error = error_of(Role::Server, &plain(true, opcode, payload));
            assert_eq!(error, ProtocolError::MissingMask);
            assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
        }
    }
}

#[test]
fn a_client_refuses_a_masked_frame() {
    for opcode in ALL {
        for payload in [&b""[..], b"\x03\xe8"] {
            let error = error_of(Role::Client, &masked(true, opcode, payload));
            assert_eq!(error, ProtocolError::UnexpectedMask);
        }
    }
}

#[test]
fn a_key_of_zeros_is_a_key() {
    let mut bytes = Vec::new();
    frame::encode(Opcode::Text, b"plain on the wire", Some([0; 4]), &mut bytes);
    assert_eq!(receive(Role::Server, &bytes), [Got::Text("plain on the wire".into())]);
}

#[test]
fn every_length_up_to_300_is_unmasked_whole_and_in_pieces() {
    for len in 0..300 {
        let payload: Vec<u8> = (0..len).map(|n| n as u8).collect();
        let bytes = masked(true, Opcode::Binary, &payload);
        assert_eq!(receive(Role::Server, &bytes), [Got::Binary(payload.clone())]);
        assert_eq!(receive_bytewise(Role::Server, &bytes), [Got::Binary(payload)]);
    }
}

#[test]
fn a_connection_is_at_most_40_bytes() {
    assert!(size_of::<Connection>() <= 40);
}
