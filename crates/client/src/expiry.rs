//! When a token is to be renewed.

use std::time::Duration;

use tokio::time::Instant;
use wavecast_net::client::Backoff;

/// A server that grants no time at all is not asked more often than this.
const TTL_MIN: Duration = Duration::from_secs(1);

/// The end of the time that the server granted for a token.
///
/// Renewal begins when the time is up and not before: servers leave a period of grace after it (25 s
/// is usual) for exactly this, and back ends that keep their tokens until they expire then give a new
/// one.
#[derive(Debug, Default)]
pub(crate) struct Expiry {
    at: Option<Instant>,
    failures: u32,
}

impl Expiry {
    /// The server grants time, or an unlimited one.
    pub(crate) fn granted(&mut self, expires: bool, ttl: u32, now: Instant) {
        let ttl = Duration::from_secs(ttl.into()).max(TTL_MIN);
        *self = Self { at: expires.then(|| now + ttl), failures: 0 };
    }

    /// Renewing did not work for now.
    pub(crate) fn failed(&mut self, backoff: &mut Backoff, now: Instant) {
        self.at = Some(now + backoff.delay(self.failures));
        self.failures = self.failures.saturating_add(1);
    }

    /// When [`is_due`](Self::is_due) will be true.
    pub(crate) fn at(&self) -> Option<Instant> {
        self.at
    }

    /// Whether it is time to renew: true once, until time is granted or renewing has failed.
    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        self.at.take_if(|at| *at <= now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_once_when_the_time_is_up_and_again_after_a_failure() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let mut backoff = Backoff::new(second, second, second, 1);
        let mut expiry = Expiry::default();
        assert_eq!(expiry.at(), None);
        expiry.granted(true, 5, now);
        assert!(!expiry.is_due(now + 4 * second));
        assert!(expiry.is_due(now + 5 * second) && !expiry.is_due(now + 5 * second));
        expiry.failed(&mut backoff, now);
        assert_eq!(expiry.at(), Some(now + second));
        expiry.granted(true, 0, now);
        assert_eq!(expiry.at(), Some(now + TTL_MIN));
        expiry.granted(false, 5, now);
        assert_eq!(expiry.at(), None);
    }
}
