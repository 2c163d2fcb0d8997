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

/// How many entries a map of a command may have: subscriptions or headers of a connect. More is a
/// [`DecodeError`](super::DecodeError).
pub const ENTRIES_MAX: usize = 16_384;

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

/// A map of a command whose values are objects; `null` is empty.
pub(super) fn bounded_object_map<'de: 'a, 'a, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<BTreeMap<Cow<'a, str>, T>, D::Error> {
    let no_object = || D::Error::custom("null in a map of objects");
    let entry = |(key, value): (Text<'a>, Object<T>)| Ok((key.0, value.0.ok_or_else(no_object)?));
    Entries::deserialize(from)?.0.into_iter().map(entry).collect()
}

/// A map of a command with strings; `null` is empty.
pub(super) fn bounded_text_map<'de: 'a, 'a, D: Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<Cow<'a, str>, Cow<'a, str>>, D::Error> {
    let entry = |(key, value): (Text<'a>, Text<'a>)| (key.0, value.0);
    Ok(Entries::deserialize(from)?.0.into_iter().map(entry).collect())
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

/// The entries of a map, of which there may be [`ENTRIES_MAX`]; none for `null`.
struct Entries<K, V>(Vec<(K, V)>);

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for Entries<K, V> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct EntriesVisitor<K, V>(PhantomData<(K, V)>);
        impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for EntriesVisitor<K, V> {
            type Value = Entries<K, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a map with up to {ENTRIES_MAX} entries")
            }
            fn visit_none<E>(self) -> Result<Self::Value, E> {
                Ok(Entries(Vec::new()))
            }
            fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
                from.deserialize_map(self)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    if entries.len() >= ENTRIES_MAX {
                        return Err(A::Error::invalid_length(entries.len() + 1, &self));
                    }
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        from.deserialize_option(EntriesVisitor(PhantomData))
    }
}
