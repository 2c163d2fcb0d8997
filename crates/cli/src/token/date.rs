//! Points in time as people read them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second of the year 9999: later dates are not written out.
const LAST_S: u64 = 253_402_300_799;

/// Unix time in seconds.
pub(super) fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// A time in Unix seconds as a date, and how far it is from `now_s`.
pub(super) fn display(time_s: i64, now_s: i64) -> String {
    let distance_s = time_s.abs_diff(now_s);
    let distance =
        if time_s > now_s { format!("in {}", span(distance_s)) } else { format!("{} ago", span(distance_s)) };
    match u64::try_from(time_s) {
        Ok(time_s) if time_s <= LAST_S => {
            format!("{} ({distance})", httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(time_s)))
        }
        _ => format!("{time_s} s from 1970 on"),
    }
}

/// The two largest units: `1d 2h`, `59m 3s`.
fn span(seconds: u64) -> String {
    let parts =
        [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let shown: Vec<_> = parts
        .iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    if shown.is_empty() { "0s".into() } else { shown.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_distances() {
        for (time_s, now_s, shown) in [
            (0, 0, "Thu, 01 Jan 1970 00:00:00 GMT (0s ago)"),
            (3600, 57, "Thu, 01 Jan 1970 01:00:00 GMT (in 59m 3s)"),
            (0, 90_061, "Thu, 01 Jan 1970 00:00:00 GMT (1d 1h ago)"),
            (86_400, 0, "Fri, 02 Jan 1970 00:00:00 GMT (in 1d)"),
            (-5, 0, "-5 s from 1970 on"),
            (i64::MAX, 0, "9223372036854775807 s from 1970 on"),
        ] {
            assert_eq!(display(time_s, now_s), shown);
        }
    }
}
