//! A stranger writes commands: whatever it is, it is read or refused, and what was read means the same when it is
//! written and read again.
//!
//! `cargo +nightly fuzz run client_commands fuzz/corpus/client_commands fuzz/seeds/client_commands`

#![no_main]

use libfuzzer_sys::fuzz_target;
use wavecast_protocol::centrifuge::{Command, Disconnect, Request, json};

fuzz_target!(|frame: &str| {
    let mut refused = false;
    for command in json::commands(frame) {
        assert!(!refused, "nothing follows an error");
        match command {
            Ok(command) => {
                reads_the_same_again(&command);
                compacts(&command.request);
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
    json::messages(frame).for_each(drop);
});

fn reads_the_same_again(command: &Command<'_>) {
    let mut line = Vec::new();
    json::encode_command(command, &mut line);
    let line = std::str::from_utf8(&line).expect("JSON is UTF-8");
    assert!(!line.contains('\n'), "a message is one line: {line}");
    let again: Vec<_> = json::commands(line).collect();
    assert_eq!(again, [Ok(command.clone())]);
}

/// A payload that was read is a payload that may be sent on, unless it is nested too deep.
fn compacts(request: &Request<'_>) {
    let Request::Publish(publish) = request else { return };
    if publish.data.is_empty() {
        return;
    }
    match json::compact(publish.data) {
        Ok(data) => {
            assert!(!data.contains(&b'\n') && !data.contains(&b'\r'));
            assert_eq!(json::compact(&data).as_deref(), Ok(&*data));
        }
        Err(error) => assert_eq!(error, json::DataError::TooDeep),
    }
}
