//! Reads names and values of HTTP headers (RFC 9110 §5).

use std::collections::BTreeMap;

use serde_json::Value;

use super::scalar;
use crate::secret::Secret;

/// What is accepted, for error messages.
pub(super) const NAME: &str = "the name of a header such as \"X-User-Id\"";
/// The same for a list of names.
pub(super) const NAMES: &str = "a list of names of headers such as \"Cookie\"";
/// The same for names with values. Values are not shown, so the words have to do.
pub(super) const VALUES: &str = "names of headers with their values, such as {\"X-Key\": \"…\"} or [{\"key\": \"X-Key\", \"value\": \"…\"}], \
     each name once";

pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

pub(super) fn names(value: &Value) -> Option<Vec<String>> {
    scalar::list(value).filter(|names| names.iter().all(|name| is_name(name)))
}

/// An object, or a list of objects with `key` and `value`.
pub(super) fn values(value: &Value) -> Option<BTreeMap<String, Secret>> {
    let pairs: Vec<(&str, &Value)> = match value {
        Value::Object(entries) => entries.iter().map(|(name, value)| (name.as_str(), value)).collect(),
        Value::Array(items) => items
            .iter()
            .map(|item| Some((item.get("key")?.as_str()?, item.get("value")?)))
            .collect::<Option<_>>()?,
        _ => return None,
    };
    let mut headers = BTreeMap::new();
    for (name, value) in pairs {
        let value = scalar::text(value).filter(|text| is_value(text))?;
        // Names are the same whatever their case.
        let twice = headers.keys().any(|other: &String| other.eq_ignore_ascii_case(name));
        if !is_name(name) || twice {
            return None;
        }
        headers.insert(name.to_owned(), Secret::from(value));
    }
    Some(headers)
}

fn is_value(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'\t' || (byte >= 0x20 && byte != 0x7f))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_come_as_object_or_list() {
        let object = values(&json!({"X-Key": "a", "Y": 1})).unwrap();
        assert_eq!(object["X-Key"].expose(), "a");
        assert_eq!(object["Y"].expose(), "1");
        let list = values(&json!([{"key": "X-Key", "value": "a"}, {"key": "Y", "value": "1"}])).unwrap();
        assert_eq!(object, list);
        for bad in [
            json!("X: a"),
            json!({"X Key": "a"}),
            json!({"": "a"}),
            json!({"X": "a\r\nY: b"}),
            json!({"X": ["a"]}),
            json!({"X": "a", "x": "b"}),
            json!([{"key": "X"}]),
            json!(["X"]),
        ] {
            assert_eq!(values(&bad), None, "{bad}");
        }
    }

    #[test]
    fn names_are_tokens() {
        assert_eq!(names(&json!("Cookie X-Real-Ip")).unwrap(), ["Cookie", "X-Real-Ip"]);
        for bad in [json!(["a b"]), json!([""]), json!(["a:"]), json!([1]), json!({})] {
            assert_eq!(names(&bad), None, "{bad}");
        }
    }
}
