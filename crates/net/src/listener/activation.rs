//! Socket activation: the service manager listens, starts the program at the first connection, and hands its listeners
//! over (`LISTEN_FDS`, sd_listen_fds(3)).

use std::io;

use listenfd::ListenFd;

use super::Listener;

/// The listeners that the service manager has handed to this process, in its order; none when it handed over none.
///
/// # Errors
/// When one of them is neither a TCP nor a Unix listener.
pub fn activated() -> io::Result<Vec<Listener>> {
    let mut given = ListenFd::from_env();
    (0..given.len()).filter_map(|index| take(&mut given, index).transpose()).collect()
}

fn take(given: &mut ListenFd, index: usize) -> io::Result<Option<Listener>> {
    // Asked for the wrong kind, the descriptor stays where it is.
    match given.take_tcp_listener(index) {
        Ok(listener) => Ok(listener.map(Into::into)),
        Err(_) => Ok(given.take_unix_listener(index)?.map(Into::into)),
    }
}
