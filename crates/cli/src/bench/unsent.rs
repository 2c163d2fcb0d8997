//! What waits for a socket that takes no more for now.

use std::io::{ErrorKind, Write};

/// Hands over what the kernel takes; the rest waits for the socket to become writable. Whoever fills `unsent` bounds it.
pub(super) fn flush(unsent: &mut Vec<u8>, stream: &mut impl Write) -> Result<(), String> {
    let mut written = 0;
    while written < unsent.len() {
        match stream.write(&unsent[written..]) {
            Ok(0) => return Err("the socket takes nothing more".into()),
            Ok(bytes) => written += bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    unsent.drain(..written);
    Ok(())
}
