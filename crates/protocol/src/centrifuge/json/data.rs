//! Payloads: what is put into messages as it is must be one JSON value, on one line; other bytes stand in a string.

use crate::centrifuge::field;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::{memchr2, memchr2_iter};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// How deep arrays and objects of a payload may lie in each other. The server does not mind, but parsers in clients
/// recurse, and one hostile payload would reach them all.
pub const DATA_DEPTH_MAX: usize = 512;

/// Why bytes are no payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataError {
    /// The bytes are not one JSON value in UTF-8.
    Malformed {
        /// The line on which it was noticed, from 1.
        line: usize,
        /// How many bytes of that line were read.
        column: usize,
    },
    /// Arrays and objects lie deeper in each other than [`DATA_DEPTH_MAX`].
    TooDeep,
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { line, column } => {
                write!(f, "data must be one JSON value in UTF-8; it is not at line {line}, column {column}")
            }
            Self::TooDeep => write!(f, "data may be nested {DATA_DEPTH_MAX} levels deep at most"),
        }
    }
}

impl std::error::Error for DataError {}

/// Checks a payload and gives it back without line breaks, fit to be put into a message.
///
/// White space around the value goes. Where there are line breaks all white space between tokens goes; otherwise the
/// value is borrowed as it is. Carriage returns count as line breaks: in an event stream they end a line, too.
///
/// # Errors
/// The bytes are not one JSON value, or it is nested too deep.
pub fn compact(data: &[u8]) -> Result<Cow<'_, [u8]>, DataError> {
    let value: &RawValue = serde_json::from_slice(data)
        .map_err(|error| DataError::Malformed { line: error.line(), column: error.column() })?;
    let value = value.get().as_bytes();
    if is_too_deep(value) {
        return Err(DataError::TooDeep);
    }
    match memchr2(b'\n', b'\r', value) {
        None => Ok(Cow::Borrowed(value)),
        Some(_) => Ok(Cow::Owned(without_white_space(value))),
    }
}

/// Appends bytes that are no JSON as a JSON string of their Base64 (RFC 4648 §4, with padding).
pub fn encode_base64(data: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(STANDARD.encode(data).as_bytes());
    out.push(b'"');
}

/// The text of a payload that is a JSON string, such as a publication's on a subscription with deltas; `None` if it
/// is anything else. It is borrowed where nothing is escaped.
pub fn string_text(data: &[u8]) -> Option<Cow<'_, str>> {
    if data.first() != Some(&b'"') {
        return None;
    }
    let mut from = serde_json::Deserializer::from_slice(data);
    let text = field::text(&mut from).ok()?;
    from.end().is_ok().then_some(text)
}

/// Takes a valid JSON value.
fn is_too_deep(value: &[u8]) -> bool {
    // Nearly every payload has fewer brackets than it may have levels, and is not looked at twice.
    if memchr2_iter(b'[', b'{', value).nth(DATA_DEPTH_MAX).is_none() {
        return false;
    }
    let mut depth = 0;
    let mut strings = Strings::default();
    value.iter().any(|&byte| {
        if !strings.hold(byte) {
            match byte {
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth -= 1,
                _ => {}
            }
        }
        depth > DATA_DEPTH_MAX
    })
}

/// Takes a valid JSON value.
fn without_white_space(value: &[u8]) -> Vec<u8> {
    let mut strings = Strings::default();
    let mut kept = value.to_vec();
    kept.retain(|&byte| strings.hold(byte) || !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    kept
}

/// Knows, byte by byte, what of a valid JSON value is inside a string.
#[derive(Default)]
struct Strings {
    inside: bool,
    escaped: bool,
}

impl Strings {
    /// The byte belongs to a string, quotation marks included.
    fn hold(&mut self, byte: u8) -> bool {
        let was_inside = self.inside;
        if self.escaped {
            self.escaped = false;
        } else if byte == b'"' {
            self.inside = !self.inside;
        } else if byte == b'\\' && self.inside {
            self.escaped = true;
        }
        was_inside || self.inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_without_line_breaks_is_borrowed() {
        for data in ["{}", "null", "-1.5e+3", r#""a\\\"b""#, r#"{"a": [1, 2]}"#, r#""\ud800""#] {
            assert!(
                matches!(compact(data.as_bytes()), Ok(Cow::Borrowed(same)) if same == data.as_bytes()),
                "{data}"
            );
        }
        assert_eq!(compact(b" \r\n\t1 \n").unwrap(), b"1".as_slice());
    }

    #[test]
    fn line_breaks_go_and_strings_stay() {
        let pretty = "{\n  \"a b\": [ 1,\r\n\t2 ],\n  \"c\\\"d \\\\\": \" \"\n}";
        assert_eq!(compact(pretty.as_bytes()).unwrap(), br#"{"a b":[1,2],"c\"d \\":" "}"#.as_slice());
    }

    #[test]
    fn what_is_not_one_value_is_refused() {
        for data in [
            "",
            " ",
            "{",
            "[1,]",
            "{}{}",
            "1 2",
            "nul",
            "'a'",
            "\"a\nb\"",
            "\"\u{1}\"",
            "01",
            "{\"a\"}",
            "\u{feff}1",
        ] {
            assert!(matches!(compact(data.as_bytes()), Err(DataError::Malformed { .. })), "{data:?}");
        }
        assert!(matches!(compact(b"\"\xff\""), Err(DataError::Malformed { .. })));
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth)).into_bytes();
        assert!(compact(&nested(DATA_DEPTH_MAX)).is_ok());
        assert_eq!(compact(&nested(DATA_DEPTH_MAX + 1)), Err(DataError::TooDeep));
        assert_eq!(compact(&nested(1_000_000)), Err(DataError::TooDeep));
        let flat = format!("[{}\"{}\"]", "[],".repeat(DATA_DEPTH_MAX * 2), "[".repeat(DATA_DEPTH_MAX * 2));
        assert!(compact(flat.as_bytes()).is_ok());
    }

    #[test]
    fn what_is_no_json_stands_in_a_string_of_base64() {
        for (data, json) in
            [(b"".as_slice(), r#""""#), (b"\xff", r#""/w==""#), (b"not JSON", r#""bm90IEpTT04=""#)]
        {
            let mut out = b"before".to_vec();
            encode_base64(data, &mut out);
            assert_eq!(out.strip_prefix(b"before"), Some(json.as_bytes()));
        }
    }

    #[test]
    fn strings_give_their_text() {
        assert!(matches!(string_text(b"\"{}\""), Some(Cow::Borrowed("{}"))));
        assert!(
            matches!(string_text(br#""{\"a\":\"\u00e9\\n\"}""#), Some(Cow::Owned(text)) if text == r#"{"a":"é\n"}"#)
        );
        for data in ["", "null", "{}", "1", "\"", "\"a\"\"", "\"\\ud800\"", "\"a\nb\""] {
            assert_eq!(string_text(data.as_bytes()), None, "{data}");
        }
        assert_eq!(string_text(b"\"\xff\""), None);
    }
}
