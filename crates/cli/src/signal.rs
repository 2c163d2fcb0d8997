//! Signals that ask the program to end.

use std::io;

/// Waits for SIGTERM or Ctrl-C.
///
/// # Errors
/// What the system says when signals cannot be received.
pub(crate) async fn to_end() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = terminate.recv() => Ok(()),
            interrupted = tokio::signal::ctrl_c() => interrupted,
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
