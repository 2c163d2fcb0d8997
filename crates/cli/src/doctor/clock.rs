//! The clock: tokens are judged by it, to the second.

use std::time::{Duration, Instant, SystemTime};

use super::finding::Finding;

const SUBJECT: &str = "clock";
const REMEDY: &str = "let it be set by NTP (timedatectl set-ntp true)";
/// When this program was written, in Unix seconds: no clock is earlier.
const WRITTEN_S: u64 = 1_750_000_000;
/// A difference of this may be the network's and the second's.
const UNNOTICED: Duration = Duration::from_secs(3);
/// A difference of this refuses tokens that are good, and takes those that are not.
const HARMFUL: Duration = Duration::from_secs(60);

/// Both clocks of the machine, as they were at the beginning.
pub(super) struct Clock {
    wall: SystemTime,
    monotonic: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { wall: SystemTime::now(), monotonic: Instant::now() }
    }

    /// Whether it shows a time that can be.
    pub(super) fn examine(&self) -> Finding {
        let since = self.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let shown = httpdate::fmt_http_date(self.wall);
        if since.as_secs() < WRITTEN_S {
            Finding::problem(
                SUBJECT,
                &format!("it shows {shown}: every token seems to be of the future"),
                REMEDY,
            )
        } else {
            Finding::ok(SUBJECT, &shown)
        }
    }

    /// Whether it has been set while the doctor was looking: then tokens expire at moments that nobody foresees.
    pub(super) fn stayed_steady(&self) -> Vec<Finding> {
        let now = SystemTime::now();
        let expected = self.wall + self.monotonic.elapsed();
        let step = distance(now, expected);
        let moved = format!("it was set by {} ms just now", step.as_millis());
        (step > Duration::from_secs(1))
            .then(|| Finding::warning(SUBJECT, &moved, REMEDY))
            .into_iter()
            .collect()
    }

    /// Compares with the field `Date` of somebody's answer that has just come; `None` when it is close, or no date.
    pub(super) fn compare(&self, whose: &str, date: Option<&str>) -> Option<Finding> {
        let theirs = httpdate::parse_http_date(date?).ok()?;
        judge(whose, self.wall + self.monotonic.elapsed(), theirs)
    }
}

fn judge(whose: &str, ours: SystemTime, theirs: SystemTime) -> Option<Finding> {
    let apart = distance(ours, theirs);
    if apart <= UNNOTICED {
        return None;
    }
    let direction = if ours > theirs { "ahead of" } else { "behind" };
    let text = format!("{} s {direction} that of {whose}: tokens are judged by this one", apart.as_secs());
    Some(if apart < HARMFUL {
        Finding::warning(SUBJECT, &text, REMEDY)
    } else {
        Finding::problem(SUBJECT, &text, REMEDY)
    })
}

fn distance(a: SystemTime, b: SystemTime) -> Duration {
    a.duration_since(b).unwrap_or_else(|error| error.duration())
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn clocks_that_differ_are_told_apart_by_how_much() {
        let now = SystemTime::now();
        for (ahead_s, level) in [(0, None), (3, None), (10, Some(Level::Warning)), (90, Some(Level::Problem))]
        {
            let theirs = now + Duration::from_secs(ahead_s);
            assert_eq!(judge("x", now, theirs).map(|finding| finding.level), level);
            assert_eq!(judge("x", theirs, now).map(|finding| finding.level), level);
        }
        assert!(judge("x", now + HARMFUL, now).unwrap().text.contains("ahead"));
        assert_eq!(Clock::start().compare("x", Some("no date")), None);
        assert!(Clock::start().compare("x", Some("Thu, 01 Jan 1970 00:00:00 GMT")).is_some());
    }

    #[test]
    fn a_clock_from_before_is_a_problem() {
        let reset = Clock { wall: SystemTime::UNIX_EPOCH, monotonic: Instant::now() };
        assert_eq!(reset.examine().level, Level::Problem);
        assert_eq!(reset.stayed_steady().len(), 1);
        assert_eq!(Clock::start().examine().level, Level::Ok);
        assert!(Clock::start().stayed_steady().is_empty());
    }
}
