//! The fields of a request, read one by one as the table of methods has them, so that an error can name the field and say
//! what is allowed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer as _};
use serde_json::value::RawValue;
use wavecast_protocol::centrifuge::{Disconnect, Error, json};

use super::schema::{Field, Kind};
use crate::config::duration;
use crate::payload;

/// The longest duration that a request may give.
const DURATION_MAX: Duration = Duration::from_secs(3600);

/// The fields of an object that are known, not looked into yet. Other fields are passed over; null is the same as absent,
/// but for payloads, which may be null.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    known: &'static [Field],
    given: Vec<(&'static Field, &'a RawValue)>,
    /// What stands before a field's name in an error: where the object is.
    path: String,
}

/// A payload that a request carries.
#[derive(Debug)]
pub(super) enum Data<'a> {
    /// As it stands in the request.
    Json(&'a str),
    /// Decoded from base64.
    Bytes(Vec<u8>),
}

impl<'a> Fields<'a> {
    /// Finds the fields in a request's body.
    pub(super) fn read(body: &'a [u8], known: &'static [Field]) -> Result<Self, Error> {
        let text = std::str::from_utf8(body).map_err(|_| bad_request("the body is not UTF-8"))?;
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        if !text.starts_with('{') {
            return Err(bad_request("the body must be a JSON object"));
        }
        Self::of_object(text, known, String::new())
            .map_err(|error| bad_request(&format!("the body is not valid JSON: {error}")))
    }

    /// The fields of an object that stands in a list.
    pub(super) fn of_item(raw: &'a RawValue, known: &'static [Field], name: &str) -> Result<Self, Error> {
        let not_object = || bad_request(&format!("{name} must be an object"));
        if !raw.get().starts_with('{') {
            return Err(not_object());
        }
        Self::of_object(raw.get(), known, String::new()).map_err(|_| not_object())
    }

    fn of_object(text: &'a str, known: &'static [Field], path: String) -> Result<Self, serde_json::Error> {
        let mut from = serde_json::Deserializer::from_str(text);
        let given = from.deserialize_map(Given(known))?;
        from.end()?;
        Ok(Self { known, given, path })
    }

    /// Those that are there, in the table's order.
    pub(super) fn given(&self) -> impl Iterator<Item = (&'static Field, &'a RawValue)> {
        let given = |field: &'static Field| self.get(field).map(|raw| (field, raw));
        self.known.iter().filter_map(given)
    }

    /// A text; "" if it is absent. One that is required is not empty.
    pub(super) fn text(&self, name: &'static str) -> Result<Cow<'a, str>, Error> {
        let field = self.field(name)?;
        let text = match self.get(field) {
            // A string without escapes is borrowed from the body.
            Some(raw) => match serde_json::from_str::<&str>(raw.get()) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => Cow::Owned(self.value::<String>(field, raw)?),
            },
            None => Cow::Borrowed(""),
        };
        if text.is_empty() && field.required { Err(self.missing(field)) } else { Ok(text) }
    }

    /// The same with a limit on its length.
    pub(super) fn text_within(&self, name: &'static str, bytes_max: usize) -> Result<Cow<'a, str>, Error> {
        let text = self.text(name)?;
        self.check_length(name, text.len(), bytes_max)?;
        Ok(text)
    }

    pub(super) fn flag(&self, name: &'static str) -> Result<bool, Error> {
        self.value_or_default(name)
    }

    pub(super) fn whole(&self, name: &'static str) -> Result<u64, Error> {
        self.value_or_default(name)
    }

    /// A time in Unix seconds; `None` if it is 0 or absent.
    pub(super) fn time(&self, name: &'static str) -> Result<Option<i64>, Error> {
        let at = self.whole(name)?;
        let at = i64::try_from(at).map_err(|_| self.wrong(name))?;
        Ok(Some(at).filter(|at| *at > 0))
    }

    /// A part of all, which is required.
    pub(super) fn share(&self, name: &'static str) -> Result<f64, Error> {
        let field = self.field(name)?;
        let raw = self.get(field).ok_or_else(|| self.missing(field))?;
        let share = self.value::<f64>(field, raw)?;
        if (0.0..=1.0).contains(&share) { Ok(share) } else { Err(self.wrong(name)) }
    }

    /// A duration; `None` if it is absent.
    pub(super) fn duration(&self, name: &'static str) -> Result<Option<Duration>, Error> {
        let field = self.field(name)?;
        let Some(raw) = self.get(field) else { return Ok(None) };
        let duration = duration::parse(&self.value::<String>(field, raw)?);
        duration.filter(|duration| *duration <= DURATION_MAX).map(Some).ok_or_else(|| self.wrong(name))
    }

    /// A number of publications: 0 = none, -1 = all.
    pub(super) fn limit(&self, name: &'static str) -> Result<i32, Error> {
        match self.value_or_default::<i32>(name)? {
            limit if limit < -1 => Err(self.wrong(name)),
            limit => Ok(limit),
        }
    }

    /// A code of a close frame, which is required.
    pub(super) fn code(&self, name: &'static str) -> Result<u16, Error> {
        let field = self.field(name)?;
        let raw = self.get(field).ok_or_else(|| self.missing(field))?;
        let code = self.value::<u16>(field, raw)?;
        if Disconnect::CODES.contains(&code) { Ok(code) } else { Err(self.wrong(name)) }
    }

    /// A list of texts, with a limit on how many; a required one is not empty.
    pub(super) fn texts(&self, name: &'static str, items_max: usize) -> Result<Vec<String>, Error> {
        self.list(name, items_max)
    }

    /// A list of anything, as [`texts`](Self::texts).
    pub(super) fn items(&self, name: &'static str, items_max: usize) -> Result<Vec<&'a RawValue>, Error> {
        let field = self.field(name)?;
        let Some(raw) = self.get(field) else { return self.list::<()>(name, items_max).map(|_| Vec::new()) };
        let items: Vec<&'a RawValue> = serde_json::from_str(raw.get()).map_err(|_| self.wrong(name))?;
        self.check_count(field, items.len(), items_max)?;
        Ok(items)
    }

    pub(super) fn tags(&self, name: &'static str) -> Result<Option<BTreeMap<String, String>>, Error> {
        let tags: BTreeMap<_, _> = self.value_or_default(name)?;
        Ok(Some(tags).filter(|tags| !tags.is_empty()))
    }

    /// The fields of an object in this one.
    pub(super) fn object(&self, name: &'static str) -> Result<Option<Fields<'a>>, Error> {
        let field = self.field(name)?;
        let (Some(raw), Kind::Object(known)) = (self.get(field), field.kind) else { return Ok(None) };
        if !raw.get().starts_with('{') {
            return Err(self.wrong(name));
        }
        let object = Self::of_object(raw.get(), known, format!("{}{name}.", self.path));
        object.map(Some).map_err(|_| self.wrong(name))
    }

    /// `data`, or else `b64data`; one of them is required.
    pub(super) fn data(&self, bytes_max: usize) -> Result<Data<'a>, Error> {
        let data = self.either("data", Some("b64data"))?;
        let data = data.ok_or_else(|| bad_request("field \"data\" or \"b64data\" is required"))?;
        self.check_length("data", data.bytes().len(), bytes_max)?;
        Ok(data)
    }

    /// JSON for clients, or bytes, which stand in their messages as base64 text if they are no JSON.
    pub(super) fn embedded(
        &self,
        name: &'static str,
        name_of_base64: Option<&'static str>,
        bytes_max: usize,
    ) -> Result<Option<Box<[u8]>>, Error> {
        let Some(data) = self.either(name, name_of_base64)? else { return Ok(None) };
        if matches!(data, Data::Json("null")) {
            return Ok(None);
        }
        self.check_length(name, data.bytes().len(), bytes_max)?;
        match data {
            Data::Bytes(bytes) => Ok(Some(payload::embed(bytes.into()))),
            Data::Json(text) => match json::compact(text.as_bytes()) {
                Ok(data) => Ok(Some(data.into())),
                Err(problem) => Err(bad_request(&format!("field {name:?}: {problem}"))),
            },
        }
    }

    /// JSON as it stands in the request.
    pub(super) fn json(&self, name: &'static str) -> Result<Option<&'a str>, Error> {
        Ok(self.get(self.field(name)?).map(RawValue::get))
    }

    fn either(
        &self,
        name: &'static str,
        name_of_base64: Option<&'static str>,
    ) -> Result<Option<Data<'a>>, Error> {
        let data = self.get(self.field(name)?).map(RawValue::get);
        let Some(name_of_base64) = name_of_base64 else { return Ok(data.map(Data::Json)) };
        let encoded = self.text(name_of_base64)?;
        match (data, &*encoded) {
            (data, "") => Ok(data.map(Data::Json)),
            // Client libraries that send every field send the one they do not mean as null.
            (None | Some("null"), encoded) => match STANDARD.decode(encoded) {
                Ok(bytes) => Ok(Some(Data::Bytes(bytes))),
                Err(_) => Err(self.wrong(name_of_base64)),
            },
            (Some(_), _) => {
                Err(bad_request(&format!("give one of the fields {name:?} and {name_of_base64:?}, not both")))
            }
        }
    }

    fn list<T: DeserializeOwned>(&self, name: &'static str, items_max: usize) -> Result<Vec<T>, Error> {
        let field = self.field(name)?;
        if field.required && self.get(field).is_none() {
            return Err(self.missing(field));
        }
        let items: Vec<T> = self.value_or_default(name)?;
        self.check_count(field, items.len(), items_max)?;
        Ok(items)
    }

    fn value_or_default<T: DeserializeOwned + Default>(&self, name: &'static str) -> Result<T, Error> {
        let field = self.field(name)?;
        self.get(field).map_or_else(|| Ok(T::default()), |raw| self.value(field, raw))
    }

    fn value<T: DeserializeOwned>(&self, field: &Field, raw: &RawValue) -> Result<T, Error> {
        serde_json::from_str(raw.get()).map_err(|_| self.wrong(field.name))
    }

    fn get(&self, field: &Field) -> Option<&'a RawValue> {
        let given = self.given.iter().find(|(given, _)| given.name == field.name)?.1;
        (given.get() != "null" || matches!(field.kind, Kind::Json)).then_some(given)
    }

    /// What the table says of a field. Error 100 if it says nothing: that is a mistake of ours.
    fn field(&self, name: &str) -> Result<&'static Field, Error> {
        let field = self.known.iter().find(|field| field.name == name);
        debug_assert!(field.is_some(), "{name} is not in the table of methods");
        field.ok_or(Error::INTERNAL)
    }

    fn check_count(&self, field: &Field, count: usize, items_max: usize) -> Result<(), Error> {
        let items_min = usize::from(field.required);
        if (items_min..=items_max).contains(&count) {
            return Ok(());
        }
        let name = self.name(field.name);
        Err(bad_request(&format!("field {name:?} must have {items_min} to {items_max} items, not {count}")))
    }

    fn check_length(&self, name: &str, length: usize, bytes_max: usize) -> Result<(), Error> {
        if length <= bytes_max {
            return Ok(());
        }
        let name = self.name(name);
        Err(bad_request(&format!("field {name:?} has {length} bytes; at most {bytes_max} are allowed")))
    }

    fn missing(&self, field: &Field) -> Error {
        bad_request(&format!("field {:?} is required", self.name(field.name)))
    }

    fn wrong(&self, name: &str) -> Error {
        let field = self.known.iter().find(|field| field.name == name);
        let accepted = field.map_or("something else", |field| field.kind.accepted());
        bad_request(&format!("field {:?} must be {accepted}", self.name(name)))
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }
}

impl Data<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Json(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// Error 107 with what is wrong.
pub(super) fn bad_request(problem: &str) -> Error {
    Error { message: format!("bad request: {problem}").into(), ..Error::BAD_REQUEST }
}

/// Reads an object and keeps what the table knows; of a name that is there twice, the last value.
struct Given(&'static [Field]);

/// Borrowed from the body where nothing is escaped in it.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Visitor<'a> for Given {
    type Value = Vec<(&'static Field, &'a RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut given: Self::Value = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            let Some(field) = self.0.iter().find(|field| field.name == name) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = map.next_value()?;
            match given.iter_mut().find(|(given, _)| given.name == field.name) {
                Some((_, former)) => *former = value,
                None => given.push((field, value)),
            }
        }
        Ok(given)
    }
}
