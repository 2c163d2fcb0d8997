//! A typed place for a value: what a key accepts, how it is read, how it is shown.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::Value;

use super::duration;
use super::origins::AllowedOrigins;
use super::settings::Secret;

/// The field a key sets. Values from a file have a type; those from variables and flags are text, and text is
/// accepted wherever it reads as the type.
pub(super) enum Slot<'c> {
    Switch(&'c mut bool),
    /// A count or a size in bytes.
    Number(&'c mut usize, RangeInclusive<usize>),
    Port(&'c mut u16),
    Address(&'c mut Option<IpAddr>),
    Time(&'c mut Duration, RangeInclusive<Duration>),
    Text(&'c mut String),
    /// A path that begins with `/` and does not end with it.
    Path(&'c mut String),
    /// One of a few words.
    Word(&'c mut String, &'static [&'static str]),
    Secret(&'c mut Secret),
    Origins(&'c mut AllowedOrigins),
}

impl Slot<'_> {
    /// Takes the value; otherwise the error says what is accepted, to follow "must be".
    pub(super) fn set(self, value: &Value) -> Result<(), String> {
        match self {
            Slot::Switch(place) => put(place, switch(value), "true or false"),
            Slot::Number(place, range) => {
                let accepted = format!("a whole number from {} to {}", range.start(), range.end());
                put(place, number(value).filter(|number| range.contains(number)), &accepted)
            }
            Slot::Port(place) => {
                let port = number(value).and_then(|number| u16::try_from(number).ok());
                put(place, port, "a port from 0 to 65535 (0 = any free port)")
            }
            Slot::Address(place) => {
                put(place, address(value), "an IP address, \"localhost\", or \"\" for every interface")
            }
            Slot::Time(place, range) => {
                let accepted = format!(
                    "{}, from {} to {}",
                    duration::FORM,
                    duration::display(*range.start()),
                    duration::display(*range.end())
                );
                put(place, time(value).filter(|time| range.contains(time)), &accepted)
            }
            Slot::Text(place) => put(place, text(value), "text"),
            Slot::Path(place) => {
                let path = text(value).filter(|path| is_path(path));
                put(place, path, "a path such as \"/connection/websocket\", with no \"/\" at its end")
            }
            Slot::Word(place, words) => {
                let accepted = words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ");
                let word = text(value).filter(|word| words.contains(&word.as_str()));
                put(place, word, &format!("one of {accepted}"))
            }
            Slot::Secret(place) => put(place, text(value).map(Secret), "text"),
            Slot::Origins(place) => put(
                place,
                list(value).and_then(|origins| AllowedOrigins::new(&origins).ok()),
                "a list of origins such as \"https://example.com\", \"https://*.example.com\" or \"*\"",
            ),
        }
    }

    /// The current value as a configuration file would have it; a secret is not shown.
    pub(super) fn display(&self) -> String {
        match self {
            Slot::Switch(place) => place.to_string(),
            Slot::Number(place, _) => place.to_string(),
            Slot::Port(place) => place.to_string(),
            Slot::Address(place) => place.map_or_else(|| "\"\"".into(), |address| format!("\"{address}\"")),
            Slot::Time(place, _) => format!("{:?}", duration::display(**place)),
            Slot::Text(place) | Slot::Path(place) | Slot::Word(place, _) => format!("{place:?}"),
            Slot::Secret(_) => "\"\"".into(),
            Slot::Origins(place) => format!("{:?}", place.patterns()),
        }
    }

    /// What kind of value it is and in which unit, for the reference.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Slot::Switch(_) => "true or false",
            Slot::Number(..) => "number",
            Slot::Port(_) => "port",
            Slot::Address(_) => "IP address",
            Slot::Time(..) => "duration",
            Slot::Text(_) | Slot::Secret(_) => "text",
            Slot::Path(_) => "path",
            Slot::Word(..) => "word",
            Slot::Origins(_) => "list of origins",
        }
    }
}

/// The words of a list: a list in a file; in a variable or a flag, words separated by spaces.
pub(super) fn list(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        Value::String(words) => Some(words.split_whitespace().map(str::to_owned).collect()),
        _ => None,
    }
}

fn put<T>(place: &mut T, value: Option<T>, accepted: &str) -> Result<(), String> {
    *place = value.ok_or_else(|| accepted.to_owned())?;
    Ok(())
}

fn switch(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(switch) => Some(*switch),
        Value::String(text) => match text.as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn number(value: &Value) -> Option<usize> {
    match value {
        Value::Number(number) => usize::try_from(number.as_u64()?).ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A number has no unit, so only zero is a duration.
fn time(value: &Value) -> Option<Duration> {
    match value {
        Value::Number(number) if number.as_u64() == Some(0) => Some(Duration::ZERO),
        Value::String(text) => duration::parse(text),
        _ => None,
    }
}

fn address(value: &Value) -> Option<Option<IpAddr>> {
    match value.as_str()? {
        "" => Some(None),
        "localhost" => Some(Some(IpAddr::V4(Ipv4Addr::LOCALHOST))),
        text => text.trim_matches(['[', ']']).parse().ok().map(Some),
    }
}

/// A number where text belongs is what an unquoted key looks like in YAML and TOML.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn is_path(path: &str) -> bool {
    path.len() > 1
        && path.starts_with('/')
        && !path.ends_with('/')
        && path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#%".contains(&byte))
}
