//! How long a certificate is good, and when to look again.

use std::time::Duration;

use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

/// The least time between two orders of one name that both succeed.
const PAUSE_MIN: Duration = Duration::from_secs(10);
/// How long is waited after the first failure.
const WAIT_MIN: Duration = Duration::from_secs(60);
/// Each failure has the next one wait so many times as long: so that an authority that allows five failures an hour is not
/// asked more often.
const WAIT_FACTOR: u32 = 3;
/// And no longer than this.
const WAIT_MAX: Duration = Duration::from_secs(3600);

/// From when to when, in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) begin: u64,
    pub(super) end: u64,
}

impl Validity {
    /// Reads a certificate (DER).
    pub(super) fn of(certificate: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let validity = certificate.validity();
        let seconds = |at: i64| u64::try_from(at).unwrap_or(0);
        Some(Self {
            begin: seconds(validity.not_before.timestamp()),
            end: seconds(validity.not_after.timestamp()),
        })
    }

    /// When two thirds of it are over: a month before the end of the usual ninety days, and as much sooner as they get shorter.
    pub(super) fn renewal(self) -> u64 {
        self.begin.saturating_add(self.end.saturating_sub(self.begin) / 3 * 2)
    }

    /// The same for one that came just now: an authority whose certificates are over soon, or were when they came, is not
    /// asked again at once.
    pub(super) fn renewal_of_fresh(self, now: u64) -> u64 {
        let pause = (self.end.saturating_sub(now) / 3).max(PAUSE_MIN.as_secs());
        self.renewal().max(now.saturating_add(pause))
    }
}

/// How long is waited after one more failure.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience(Option<Duration>);

impl Patience {
    pub(super) fn next(&mut self) -> Duration {
        let wait = self.0.map_or(WAIT_MIN, |before| (before * WAIT_FACTOR).min(WAIT_MAX));
        self.0 = Some(wait);
        // Nodes that failed together need not ask together.
        wait.mul_f64(0.9 + 0.2 * fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_when_two_thirds_of_its_time_are_over() {
        let day = 24 * 3600;
        for (begin, end, renewal) in [(0, 90 * day, 60 * day), (1000, 1015, 1010), (7, 7, 7), (9, 5, 9)] {
            assert_eq!(Validity { begin, end }.renewal(), renewal);
        }
        for (begin, end, now, renewal) in [(100, 190, 100, 160), (0, 120, 90, 100), (0, 10, 50, 60)] {
            assert_eq!(Validity { begin, end }.renewal_of_fresh(now), renewal);
        }
        let made = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
        let validity = Validity::of(made.cert.der()).unwrap();
        assert!(validity.begin < validity.renewal() && validity.renewal() < validity.end, "{validity:?}");
        assert_eq!(Validity::of(b"no certificate"), None);
    }

    #[test]
    fn an_authority_that_fails_is_asked_less_and_less_often() {
        let mut patience = Patience::default();
        let waits: Vec<f64> = (0..7).map(|_| patience.next().as_secs_f64() / 60.0).collect();
        for (wait, minutes) in waits.iter().zip([1.0, 3.0, 9.0, 27.0, 60.0, 60.0, 60.0]) {
            assert!((0.89 * minutes..1.11 * minutes).contains(wait), "{waits:?}");
        }
        let in_the_first_hour = 1 + (1..7).filter(|&n| waits[..n].iter().sum::<f64>() < 60.0).count();
        assert!(in_the_first_hour <= 5, "{waits:?}");
    }
}
