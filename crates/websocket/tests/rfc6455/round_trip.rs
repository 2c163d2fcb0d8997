//! What one side encodes the other decodes: messages in any fragments, with pings anywhere, in pieces of any size.

use crate::wire::{Got, frame_to, receive_pieces};
use proptest::prelude::*;
use proptest::sample::Index;
use wavecast_websocket::frame::{Header, Reserved};
use wavecast_websocket::{Limits, Opcode, Role, frame};

/// A message, where it is cut into fragments, and whether a ping precedes each fragment but the first.
type Sent = (Got, Vec<Index>, bool);

fn any_message() -> impl Strategy<Value = Got> {
    prop_oneof![
        ".{0,200}".prop_map(Got::Text),
        proptest::collection::vec(any::<u8>(), 0..70_000).prop_map(Got::Binary),
    ]
}

fn any_sent() -> impl Strategy<Value = Vec<Sent>> {
    let sent = (any_message(), proptest::collection::vec(any::<Index>(), 0..5), any::<bool>());
    proptest::collection::vec(sent, 0..6)
}

/// The bytes on the wire and what must come of them.
fn encode(to: Role, sent: &[Sent]) -> (Vec<u8>, Vec<Got>) {
    let (mut bytes, mut expected) = (Vec::new(), Vec::new());
    for (message, cuts, with_pings) in sent {
        let (opcode, payload) = match message {
            Got::Text(text) => (Opcode::Text, text.as_bytes()),
            Got::Binary(payload) => (Opcode::Binary, &payload[..]),
            _ => unreachable!("only messages are generated"),
        };
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
        cuts.extend([0, payload.len()]);
        cuts.sort_unstable();
        let last = cuts.len() - 2;
        for (n, cut) in cuts.windows(2).enumerate() {
            if n > 0 && *with_pings {
                bytes.extend(frame_to(to, true, Opcode::Ping, &[n as u8]));
                expected.push(Got::Ping(vec![n as u8]));
            }
            let opcode = if n == 0 { opcode } else { Opcode::Continuation };
            bytes.extend(frame_to(to, n == last, opcode, &payload[cut[0]..cut[1]]));
        }
        expected.push(message.clone());
    }
    (bytes, expected)
}

proptest! {
    #[test]
    fn messages_arrive_as_they_were_sent(
        sent in any_sent(),
        to in prop_oneof![Just(Role::Server), Just(Role::Client)],
        piece_len in 1usize..40_000,
    ) {
        let (bytes, expected) = encode(to, &sent);
        prop_assert_eq!(receive_pieces(to, &Limits::DEFAULT, bytes.chunks(piece_len)), expected);
    }

    #[test]
    fn a_whole_frame_is_its_header_and_its_payload(
        payload in proptest::collection::vec(any::<u8>(), 0..70_000),
        key in any::<Option<[u8; 4]>>(),
    ) {
        let mut out = b"before".to_vec();
        frame::encode(Opcode::Binary, &payload, key, &mut out);
        let frame = &out[6..];
        let header = Header { fin: true, reserved: Reserved::NONE, opcode: Opcode::Binary, len: payload.len() as u64, key };
        let (decoded, header_len) = Header::decode(frame).unwrap().unwrap();
        prop_assert_eq!(decoded, header);
        let key = key.unwrap_or_default();
        let unmasked: Vec<u8> = frame[header_len..].iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        prop_assert_eq!(unmasked, payload);
    }
}
