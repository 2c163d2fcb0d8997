//! Reads values that are one thing, or a list of words.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde_json::Value;

use crate::config::duration;

/// The words of a list: a list in a file; in a variable or a flag, words separated by spaces.
pub(in crate::config) fn list(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        Value::String(words) => Some(words.split_whitespace().map(str::to_owned).collect()),
        _ => None,
    }
}

/// The words are those that Go's own parser takes, since variables were written for it.
pub(super) fn switch(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(switch) => Some(*switch),
        Value::String(text) => match text.as_str() {
            "true" | "True" | "TRUE" | "t" | "T" | "1" => Some(true),
            "false" | "False" | "FALSE" | "f" | "F" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn number(value: &Value) -> Option<usize> {
    match value {
        Value::Number(number) => usize::try_from(number.as_u64()?).ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// What a size looks like, for error messages.
pub(super) const SIZE_FORM: &str = "a number of bytes, which may have a unit, such as \"512MiB\" (units: B, KiB, MiB, \
    GiB, TiB, and KB, MB, GB, TB for thousands); 0 = no limit";

const UNITS: [(&str, usize); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

pub(super) fn size(value: &Value) -> Option<usize> {
    let Value::String(text) = value else { return number(value) };
    let (digits, scale) = UNITS
        .iter()
        .find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, *scale)))
        .unwrap_or((text.as_str(), 1));
    digits.trim_end().parse::<usize>().ok()?.checked_mul(scale)
}

/// A number has no unit, so only zero is a duration.
pub(super) fn time(value: &Value) -> Option<Duration> {
    match value {
        Value::Number(number) if number.as_u64() == Some(0) => Some(Duration::ZERO),
        Value::String(text) => duration::parse(text),
        _ => None,
    }
}

pub(super) fn address(value: &Value) -> Option<Option<IpAddr>> {
    match value.as_str()? {
        "" => Some(None),
        "localhost" => Some(Some(IpAddr::V4(Ipv4Addr::LOCALHOST))),
        text => text.trim_matches(['[', ']']).parse().ok().map(Some),
    }
}

/// Centrifugo has this port as text, empty for none.
pub(super) fn some_port(value: &Value) -> Option<Option<u16>> {
    match value.as_str() {
        Some("") => Some(None),
        _ => number(value).and_then(|number| u16::try_from(number).ok()).map(Some),
    }
}

/// Only text: a file's number is decimal, and who writes 660 there means something else.
pub(super) fn mode(value: &Value) -> Option<u32> {
    let digits = value.as_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o777)
}

/// A number where text belongs is what an unquoted key looks like in YAML and TOML.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A name of DNS that a certificate can be for.
pub(super) fn is_host(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(is_label) && name.bytes().any(|byte| byte.is_ascii_alphabetic())
}

pub(super) fn is_path(path: &str) -> bool {
    path.len() > 1
        && path.starts_with('/')
        && !path.ends_with('/')
        && path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#%".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_or_none() {
        for (text, bytes) in [
            ("0", Some(0)),
            ("1024", Some(1024)),
            ("512MiB", Some(512 << 20)),
            ("2 GiB", Some(2 << 30)),
            ("1KB", Some(1000)),
            ("7B", Some(7)),
            ("", None),
            ("MiB", None),
            ("-1", None),
            ("1.5GiB", None),
            ("1mib", None),
            ("99999999999999TiB", None),
        ] {
            assert_eq!(size(&Value::from(text)), bytes, "{text}");
        }
        assert_eq!(size(&Value::from(4096)), Some(4096));
        assert_eq!(size(&Value::from(1.5)), None);
    }

    #[test]
    fn a_port_may_be_left_out() {
        for (value, port) in [
            (Value::from(""), Some(None)),
            (Value::from("9001"), Some(Some(9001))),
            (Value::from(9001), Some(Some(9001))),
            (Value::from(0), Some(Some(0))),
            (Value::from(65_536), None),
            (Value::from("http"), None),
        ] {
            assert_eq!(some_port(&value), port, "{value}");
        }
    }

    #[test]
    fn permissions_are_octal_text() {
        for (value, bits) in [
            (Value::from("0660"), Some(0o660)),
            (Value::from("777"), Some(0o777)),
            (Value::from("1777"), None),
            (Value::from("0o660"), None),
            (Value::from("668"), None),
            (Value::from("+660"), None),
            (Value::from(""), None),
            (Value::from(660), None),
        ] {
            assert_eq!(mode(&value), bits, "{value}");
        }
    }

    #[test]
    fn hosts_have_names() {
        for (name, is_one) in [
            ("push.example.com", true),
            ("localhost", true),
            ("xn--bcher-kva.example", true),
            ("*.example.com", false),
            ("push.example.com:443", false),
            ("push.example.com.", false),
            ("192.0.2.1", false),
            ("-a.example", false),
            ("../etc", false),
            ("", false),
        ] {
            assert_eq!(is_host(name), is_one, "{name}");
        }
    }
}
