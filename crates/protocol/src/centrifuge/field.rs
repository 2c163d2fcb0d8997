//! How fields are read from JSON.
//!
//! As the schema has it, an absent field, `null` and the zero value are the same. Strings are borrowed where they
//! hold no escape. An object must be written as an object: serde would take an array of its fields as well.

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// A number or flag; `null` is zero.
pub(super) fn or_zero<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// A payload: the JSON value as it stands.
pub(super) fn raw<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<&'a [u8], D::Error> {
    <&RawValue>::deserialize(from).map(|value| value.get().as_bytes())
}

/// A string; `null` is empty.
pub(super) fn text<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Cow<'a, str>, D::Error> {
    Text::deserialize(from).map(|text| text.0)
}

/// A list of strings; `null` is empty.
pub(super) fn texts<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Vec<Cow<'a, str>>, D::Error> {
    let list: Option<Vec<Text<'a>>> = Option::deserialize(from)?;
    Ok(list.unwrap_or_default().into_iter().map(|text| text.0).collect())
}

/// An object; `None` for `null`.
pub(super) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Object::deserialize(from).map(|object| object.0)
}

/// A list of objects; `null` is empty.
pub(super) fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    let list: Option<Vec<Object<T>>> = Option::deserialize(from)?;
    let no_object = || D::Error::custom("null in a list of objects");
    list.unwrap_or_default().into_iter().map(|object| object.0.ok_or_else(no_object)).collect()
}

/// A map whose values are objects; `null` is empty.
pub(super) fn object_map<'de: 'a, 'a, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<BTreeMap<Cow<'a, str>, T>, D::Error> {
    let map: Option<BTreeMap<Text<'a>, Object<T>>> = Option::deserialize(from)?;
    let no_object = || D::Error::custom("null in a map of objects");
    let entry = |(key, value): (Text<'a>, Object<T>)| Ok((key.0, value.0.ok_or_else(no_object)?));
    map.unwrap_or_default().into_iter().map(entry).collect()
}

/// A map of strings; `null` is empty.
pub(super) fn text_map<'de: 'a, 'a, D: Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<Cow<'a, str>, Cow<'a, str>>, D::Error> {
    let map: Option<BTreeMap<Text<'a>, Text<'a>>> = Option::deserialize(from)?;
    Ok(map.unwrap_or_default().into_iter().map(|(key, value)| (key.0, value.0)).collect())
}

/// A string that borrows; serde's own `Cow` does so only as a field, and knows no `null`.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_none<E>(self) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed("")))
            }
            fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
                from.deserialize_str(self)
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_option(TextVisitor)
    }
}

/// What must be an object or `null`.
struct Object<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_none<E>(self) -> Result<Self::Value, E> {
                Ok(Object(None))
            }
            fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
                from.deserialize_map(self)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|object| Object(Some(object)))
            }
        }
        from.deserialize_option(ObjectVisitor(PhantomData))
    }
}
