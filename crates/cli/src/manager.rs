//! What the service manager is told, where one listens (sd_notify(3)): systemd, or what speaks like it.

use std::time::Duration;

#[cfg(unix)]
use sd_notify::{NotifyState, notify, watchdog_enabled};

/// The server takes connections, or does so again.
#[cfg(unix)]
pub(crate) fn tell_ready() {
    tell(&[NotifyState::Ready]);
}

/// The configuration is read anew.
#[cfg(unix)]
pub(crate) fn tell_reloading() {
    // Since when, so that the manager can tell this answer from an earlier one.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "the clock cannot be read"),
    }
}

/// The server ends, and may take so long.
#[cfg(unix)]
pub(crate) fn tell_stopping(timeout: Duration) {
    let usec = u32::try_from(timeout.as_micros()).unwrap_or(u32::MAX);
    tell(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(usec)]);
}

/// All is well; wanted each [`watchdog`].
#[cfg(unix)]
pub(crate) fn tell_alive() {
    tell(&[NotifyState::Watchdog]);
}

/// How often the manager wants to hear that all is well: twice as often as it has to, as it advises.
#[cfg(unix)]
pub(crate) fn watchdog() -> Option<Duration> {
    watchdog_enabled().map(|interval| interval / 2)
}

/// Without a manager that listens there is nobody to tell.
#[cfg(unix)]
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = notify(state) {
        tracing::warn!(%error, "the service manager cannot be told how far we are (NOTIFY_SOCKET)");
    }
}

#[cfg(not(unix))]
pub(crate) fn tell_ready() {}

#[cfg(not(unix))]
pub(crate) fn tell_reloading() {}

#[cfg(not(unix))]
pub(crate) fn tell_stopping(_: Duration) {}

#[cfg(not(unix))]
pub(crate) fn tell_alive() {}

#[cfg(not(unix))]
pub(crate) fn watchdog() -> Option<Duration> {
    None
}
