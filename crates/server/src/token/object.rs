//! JSON objects member by member, so that what is wrong can be named.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A value is not of the type that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WrongType;

/// A JSON object whose values have not been read yet. A member that is there twice is an error, since two readers
/// could take different ones (RFC 8725 §2.4); `null` is as if it were not there. How many there are is bounded by the
/// text's length, which the caller bounds.
#[derive(Debug)]
pub(super) struct Object<'j>(HashMap<String, &'j RawValue>);

impl<'j> Object<'j> {
    pub(super) fn parse(json: &'j str) -> Result<Self, WrongType> {
        serde_json::from_str(json).map_err(|_| WrongType)
    }

    /// Whether there is such a member, `null` or not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A member's text as it stands there.
    pub(super) fn raw(&self, name: &str) -> Option<&'j RawValue> {
        self.0.get(name).copied().filter(|value| value.get() != "null")
    }

    /// All members that are not `null`, in no order.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &'j RawValue)> {
        self.0.iter().filter(|(_, value)| value.get() != "null").map(|(name, value)| (name.as_str(), *value))
    }

    /// How many members there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// A member that is text; not there = "".
    pub(super) fn text(&self, name: &str) -> Result<Cow<'j, str>, WrongType> {
        self.raw(name).map_or(Ok(Cow::Borrowed("")), text)
    }

    /// A member that is true or false.
    pub(super) fn switch(&self, name: &str) -> Result<Option<bool>, WrongType> {
        self.read(name)
    }

    /// A member that is a whole number.
    pub(super) fn whole(&self, name: &str) -> Result<Option<i64>, WrongType> {
        self.read(name)
    }

    /// A member that is a point in time as JWT has it: seconds, which may be fractions (RFC 7519 §2); rounded down.
    pub(super) fn seconds(&self, name: &str) -> Result<Option<i64>, WrongType> {
        let Some(value) = self.raw(name) else { return Ok(None) };
        if let Ok(whole) = serde_json::from_str(value.get()) {
            return Ok(Some(whole));
        }
        let seconds: f64 = serde_json::from_str(value.get()).map_err(|_| WrongType)?;
        // Beyond that, which is 200 million years away, a fraction is no longer exact.
        if seconds.abs() < 9e15 { Ok(Some(seconds.floor() as i64)) } else { Err(WrongType) }
    }

    /// A member that is an object.
    pub(super) fn object(&self, name: &str) -> Result<Option<Object<'j>>, WrongType> {
        self.raw(name).map(|value| Object::parse(value.get())).transpose()
    }

    /// A member that is a list; not there = empty.
    pub(super) fn list(&self, name: &str) -> Result<Vec<&'j RawValue>, WrongType> {
        self.read(name).map(Option::unwrap_or_default)
    }

    /// A member that is a list of texts; not there = empty.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, WrongType> {
        self.read(name).map(Option::unwrap_or_default)
    }

    fn read<T: Deserialize<'j>>(&self, name: &str) -> Result<Option<T>, WrongType> {
        self.raw(name).map(|value| serde_json::from_str(value.get()).map_err(|_| WrongType)).transpose()
    }
}

/// A value that is text.
pub(super) fn text(value: &RawValue) -> Result<Cow<'_, str>, WrongType> {
    serde_json::from_str::<String>(value.get()).map(Cow::Owned).map_err(|_| WrongType)
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = HashMap::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member is there twice"));
                    }
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_as_what_is_asked_for() {
        let json = r#"{"t":"aA","n":7,"f":7.9,"m":-0.5,"b":true,"l":["x"],"o":{"i":1},"z":null}"#;
        let object = Object::parse(json).unwrap();
        assert_eq!(object.text("t").unwrap(), "aA");
        assert_eq!(object.text("z").unwrap(), "", "null is as if it were not there");
        assert_eq!(object.text("missing").unwrap(), "");
        assert_eq!(object.whole("n"), Ok(Some(7)));
        assert_eq!(object.whole("f"), Err(WrongType));
        assert_eq!(object.seconds("f"), Ok(Some(7)));
        assert_eq!(object.seconds("m"), Ok(Some(-1)));
        assert_eq!(object.seconds("missing"), Ok(None));
        assert_eq!(object.switch("b"), Ok(Some(true)));
        assert_eq!(object.texts("l").unwrap(), ["x"]);
        assert_eq!(object.object("o").unwrap().unwrap().whole("i"), Ok(Some(1)));
        assert_eq!(object.text("n"), Err(WrongType));
        assert_eq!(object.texts("t"), Err(WrongType));
        assert!(object.has("z") && !object.has("missing"));
        assert_eq!(object.members().count(), 7);
    }

    #[test]
    fn times_that_are_none_are_refused() {
        for value in ["1e300", "1e16", "\"7\"", "[]", "true", "{}"] {
            let json = format!("{{\"exp\":{value}}}");
            assert_eq!(Object::parse(&json).unwrap().seconds("exp"), Err(WrongType), "{value}");
        }
    }

    #[test]
    fn what_is_no_object_or_says_something_twice_is_refused() {
        for json in ["", "[]", "7", "null", "\"x\"", "{", "{} {}", r#"{"a":1,"a":1}"#, r#"{"a":1,"a":null}"#]
        {
            assert!(Object::parse(json).is_err(), "{json}");
        }
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(8_000), "]".repeat(8_000));
        assert_eq!(Object::parse(&deep).unwrap().whole("a"), Err(WrongType), "depth costs no stack");
    }
}
