//! Waits below a millisecond, which is what a poll's own time-out is rounded up to.

use std::io;
use std::time::Duration;

use mio::{Registry, Token};

/// A timer that wakes a poll; where the system has none, waits are rounded up.
pub(super) struct ShortTimer {
    #[cfg(target_os = "linux")]
    timer: std::os::fd::OwnedFd,
}

#[cfg(target_os = "linux")]
impl ShortTimer {
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        use std::os::fd::AsRawFd as _;

        use mio::{Interest, unix::SourceFd};
        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};

        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        // Edge-triggered: setting it anew makes a new edge, and nobody has to read it.
        registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Self { timer })
    }

    /// Wakes the poll after a wait above zero. Says how long the poll itself may wait meanwhile.
    pub(super) fn set(&self, wait: Duration) -> io::Result<Option<Duration>> {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};

        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let value = Timespec { tv_sec: wait.as_secs().cast_signed(), tv_nsec: wait.subsec_nanos().into() };
        timerfd_settime(
            &self.timer,
            TimerfdTimerFlags::empty(),
            &Itimerspec { it_interval: zero, it_value: value },
        )?;
        Ok(None)
    }
}

#[cfg(not(target_os = "linux"))]
impl ShortTimer {
    pub(super) fn new(_: &Registry, _: Token) -> io::Result<Self> {
        Ok(Self {})
    }

    pub(super) fn set(&self, wait: Duration) -> io::Result<Option<Duration>> {
        Ok(Some(wait))
    }
}
