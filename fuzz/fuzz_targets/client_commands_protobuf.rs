//! A stranger writes commands in Protobuf: whatever it is, it is read or refused, and what was read means the same when
//! it is written and read again.
//!
//! `cargo +nightly fuzz run client_commands_protobuf fuzz/corpus/client_commands_protobuf
//! fuzz/seeds/client_commands_protobuf`

#![no_main]

use libfuzzer_sys::fuzz_target;
use wavecast_protocol::centrifuge::{Disconnect, ServerMessage, protobuf};

fuzz_target!(|frame: &[u8]| {
    let mut refused = false;
    for command in protobuf::commands(frame) {
        assert!(!refused, "nothing follows an error");
        match command {
            Ok(command) => {
                let mut again = Vec::new();
                protobuf::encode_command(&command, &mut again);
                assert_eq!(protobuf::commands(&again).collect::<Vec<_>>(), [Ok(command)]);
            }
            Err(error) => {
                refused = true;
                assert!(
                    !Disconnect::reconnects(error.disconnect().code.into()) && !error.to_string().is_empty()
                );
            }
        }
    }
    // The other direction reads what a server wrote, which may be a stranger, too.
    for message in protobuf::messages(frame).map_while(Result::ok) {
        let mut again = Vec::new();
        match &message {
            ServerMessage::Reply(reply) => protobuf::encode_reply(reply, &mut again),
            ServerMessage::Push(push) => protobuf::encode_push(push, &mut again),
            ServerMessage::Ping => again.extend_from_slice(protobuf::PING),
        }
        assert_eq!(protobuf::messages(&again).collect::<Vec<_>>(), [Ok(message)]);
    }
});
