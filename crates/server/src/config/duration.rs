//! Durations as Centrifugo writes them: `"25s"`, `"1m30s"`, `"720h"`, `"1.5h"`, a bare `"0"`.

use std::fmt::Write as _;
use std::time::Duration;

/// What a duration looks like, for error messages.
pub(super) const FORM: &str = "a duration such as \"25s\", \"1m30s\" or \"720h\" (units: h, m, s, ms, us)";

const UNITS: &[(&str, f64)] =
    &[("ms", 1e-3), ("us", 1e-6), ("µs", 1e-6), ("ns", 1e-9), ("h", 3600.0), ("m", 60.0), ("s", 1.0)];

/// Reads a duration; `None` when the text is not one. No sign, no spaces; a number without unit only when it is 0.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, scale) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        seconds += number * scale;
    }
    if text.is_empty() {
        return None;
    }
    // Rounded to nanoseconds' thousandth: "0.1s" is a tenth, whatever binary fractions make of it.
    Duration::try_from_secs_f64((seconds * 1e6).round() / 1e6).ok()
}

/// Reads a duration as a configuration has it: `"25s"`, `"1m30s"`, `"720h"`, a bare `"0"`.
///
/// # Errors
/// For any other text, with what a duration looks like.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    parse(text).ok_or_else(|| format!("{text:?} is not {FORM}"))
}

/// Writes a duration in the same form, shortest first: `1m30s`, `250ms`, `0s`.
pub(super) fn display(duration: Duration) -> String {
    let mut out = String::new();
    let seconds = duration.as_secs();
    for (count, unit) in [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")] {
        if count > 0 {
            let _ = write!(out, "{count}{unit}");
        }
    }
    if duration.subsec_millis() > 0 {
        let _ = write!(out, "{}ms", duration.subsec_millis());
    }
    if out.is_empty() { "0s".into() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_centrifugo_writes() {
        for (text, ms) in [
            ("25s", 25_000),
            ("720h0m0s", 2_592_000_000),
            ("1m30s", 90_000),
            ("1.5h", 5_400_000),
            ("0.1s", 100),
            ("250ms", 250),
            ("0s", 0),
            ("0", 0),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_duration() {
        for text in ["", "25", "s", "-1s", "1 s", "1d", "1s2", "..s", "1e99h", "99999999999999999999h"] {
            assert!(parse_duration(text).unwrap_err().contains("duration"), "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for text in ["0s", "25s", "1m30s", "720h", "250ms", "1h1m1s1ms"] {
            assert_eq!(display(parse(text).unwrap()), text);
        }
    }
}
