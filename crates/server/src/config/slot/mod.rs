//! A typed place for a value: what a key accepts, how it is read, how it is shown.
//!
//! `scalar` reads what is one thing or a list of words; `url`, `header` and `transform` what hooks are made of.

mod header;
mod scalar;
mod transform;
mod url;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::Value;
use wavecast_hub::ChannelPattern;

use super::duration;
use super::networks::TrustedProxies;
use super::origins::AllowedOrigins;
use super::settings::{Secret, StatusTransform};

pub(super) use scalar::list;

/// The field a key sets. Values from a file have a type; those from variables and flags are text, and text is
/// accepted wherever it reads as the type. Places of one key are equal when they hold the same.
#[derive(PartialEq)]
pub(super) enum Slot<'c> {
    Switch(&'c mut bool),
    /// A count or a size in bytes.
    Number(&'c mut usize, RangeInclusive<usize>),
    /// A size in bytes, which may have a unit; 0 = no limit.
    Size(&'c mut usize),
    Port(&'c mut u16),
    Address(&'c mut Option<IpAddr>),
    /// A port, or none.
    SomePort(&'c mut Option<u16>),
    /// The permissions of a file.
    Mode(&'c mut u32),
    Networks(&'c mut TrustedProxies),
    /// Names of hosts.
    Hosts(&'c mut Vec<String>),
    Time(&'c mut Duration, RangeInclusive<Duration>),
    /// Seconds since 1970.
    UnixTime(&'c mut u64),
    Text(&'c mut String),
    /// A path that begins with `/` and does not end with it.
    Path(&'c mut String),
    /// One of a few words.
    Word(&'c mut String, &'static [&'static str]),
    /// Any of a few words.
    Words(&'c mut Vec<String>, &'static [&'static str]),
    Secret(&'c mut Secret),
    Origins(&'c mut AllowedOrigins),
    /// A regular expression, compiled.
    Pattern(&'c mut Option<ChannelPattern>),
    /// A regular expression, as text.
    Expression(&'c mut String),
    /// The name of a claim in a token.
    Claim(&'c mut String),
    /// The URL of a hook, or the word for a handler.
    Endpoint(&'c mut Secret),
    /// An HTTP URL.
    Url(&'c mut Secret),
    /// The name of a header; empty = none.
    Header(&'c mut String),
    /// Names of headers.
    Headers(&'c mut Vec<String>),
    /// Names and values of headers.
    HeaderValues(&'c mut BTreeMap<String, Secret>),
    Transforms(&'c mut Vec<StatusTransform>),
}

impl Slot<'_> {
    /// Takes the value; otherwise the error says what is accepted, to follow "must be".
    pub(super) fn set(self, value: &Value) -> Result<(), String> {
        match self {
            Slot::Switch(place) => put(place, scalar::switch(value), "true or false"),
            Slot::Number(place, range) => {
                let accepted = format!("a whole number from {} to {}", range.start(), range.end());
                put(place, scalar::number(value).filter(|number| range.contains(number)), &accepted)
            }
            Slot::Size(place) => put(place, scalar::size(value), scalar::SIZE_FORM),
            Slot::Port(place) => {
                let port = scalar::number(value).and_then(|number| u16::try_from(number).ok());
                put(place, port, "a port from 0 to 65535 (0 = any free port)")
            }
            Slot::Address(place) => put(
                place,
                scalar::address(value),
                "an IP address, \"localhost\", or \"\" for every interface",
            ),
            Slot::SomePort(place) => {
                let port = scalar::some_port(value);
                put(place, port, "a port from 0 to 65535 (0 = any free port), or \"\" for none")
            }
            Slot::Mode(place) => {
                put(place, scalar::mode(value), "permissions as an octal number in quotes, such as \"0660\"")
            }
            Slot::Networks(place) => {
                const ACCEPTED: &str = "a list of addresses and networks such as \"10.0.0.0/8\", or \"unix\" for the Unix socket";
                let entries = list(value).ok_or(ACCEPTED)?;
                *place = TrustedProxies::new(&entries)
                    .map_err(|entry| format!("{ACCEPTED}; {entry:?} is none"))?;
                Ok(())
            }
            Slot::Hosts(place) => {
                let hosts = list(value).filter(|hosts| hosts.iter().all(|host| scalar::is_host(host)));
                put(
                    place,
                    hosts,
                    "a list of names of hosts such as \"push.example.com\", without ports or \"*\"",
                )
            }
            Slot::Time(place, range) => {
                let accepted = format!(
                    "{}, from {} to {}",
                    duration::FORM,
                    duration::display(*range.start()),
                    duration::display(*range.end())
                );
                put(place, scalar::time(value).filter(|time| range.contains(time)), &accepted)
            }
            Slot::UnixTime(place) => {
                let seconds = scalar::number(value).and_then(|number| u64::try_from(number).ok());
                put(place, seconds, "a Unix time in seconds, such as 1767225600")
            }
            Slot::Text(place) => put(place, scalar::text(value), "text"),
            Slot::Path(place) => {
                let path = scalar::text(value).filter(|path| scalar::is_path(path));
                put(place, path, "a path such as \"/connection/websocket\", with no \"/\" at its end")
            }
            Slot::Word(place, words) => {
                let word = scalar::text(value).filter(|word| words.contains(&word.as_str()));
                put(place, word, &format!("one of {}", quoted(words)))
            }
            Slot::Words(place, words) => {
                let known = |list: &Vec<String>| list.iter().all(|word| words.contains(&word.as_str()));
                put(place, list(value).filter(known), &format!("a list of {}", quoted(words)))
            }
            Slot::Secret(place) => put(place, scalar::text(value).map(Secret::from), "text"),
            Slot::Origins(place) => put(
                place,
                list(value).and_then(|origins| AllowedOrigins::new(&origins).ok()),
                "a list of origins such as \"https://example.com\", \"https://*.example.com\" or \"*\"",
            ),
            Slot::Pattern(place) => {
                *place = match scalar::text(value).ok_or("a regular expression")?.as_str() {
                    "" => None,
                    text => Some(ChannelPattern::new(text).map_err(|error| not_an_expression(&error))?),
                };
                Ok(())
            }
            Slot::Expression(place) => {
                let text = scalar::text(value).ok_or("a regular expression")?;
                // The same engine and the same bound as for names of channels.
                ChannelPattern::new(&text).map_err(|error| not_an_expression(&error))?;
                *place = text;
                Ok(())
            }
            Slot::Claim(place) => {
                let is_claim =
                    |claim: &String| claim.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
                put(place, scalar::text(value).filter(is_claim), "a claim's name: letters and '_'")
            }
            Slot::Endpoint(place) => put_url(place, url::endpoint(value)),
            Slot::Url(place) => put_url(place, url::http(value)),
            Slot::Header(place) => put(
                place,
                scalar::text(value).filter(|name| name.is_empty() || header::is_name(name)),
                header::NAME,
            ),
            Slot::Headers(place) => put(place, header::names(value), header::NAMES),
            Slot::HeaderValues(place) => put(place, header::values(value), header::VALUES),
            Slot::Transforms(place) => {
                *place = transform::read(value)?;
                Ok(())
            }
        }
    }

    /// Takes what is in the other place of the same key.
    pub(super) fn take(self, other: Slot<'_>) {
        match (self, other) {
            (Slot::Switch(a), Slot::Switch(b)) => std::mem::swap(a, b),
            (Slot::Number(a, _), Slot::Number(b, _)) => std::mem::swap(a, b),
            (Slot::Size(a), Slot::Size(b)) => std::mem::swap(a, b),
            (Slot::Port(a), Slot::Port(b)) => std::mem::swap(a, b),
            (Slot::Address(a), Slot::Address(b)) => std::mem::swap(a, b),
            (Slot::SomePort(a), Slot::SomePort(b)) => std::mem::swap(a, b),
            (Slot::Mode(a), Slot::Mode(b)) => std::mem::swap(a, b),
            (Slot::Networks(a), Slot::Networks(b)) => std::mem::swap(a, b),
            (Slot::Hosts(a), Slot::Hosts(b)) => std::mem::swap(a, b),
            (Slot::Time(a, _), Slot::Time(b, _)) => std::mem::swap(a, b),
            (Slot::UnixTime(a), Slot::UnixTime(b)) => std::mem::swap(a, b),
            (Slot::Text(a), Slot::Text(b)) => std::mem::swap(a, b),
            (Slot::Path(a), Slot::Path(b)) => std::mem::swap(a, b),
            (Slot::Word(a, _), Slot::Word(b, _)) => std::mem::swap(a, b),
            (Slot::Words(a, _), Slot::Words(b, _)) => std::mem::swap(a, b),
            (Slot::Secret(a), Slot::Secret(b)) => std::mem::swap(a, b),
            (Slot::Origins(a), Slot::Origins(b)) => std::mem::swap(a, b),
            (Slot::Pattern(a), Slot::Pattern(b)) => std::mem::swap(a, b),
            (Slot::Expression(a), Slot::Expression(b)) => std::mem::swap(a, b),
            (Slot::Claim(a), Slot::Claim(b)) => std::mem::swap(a, b),
            (Slot::Endpoint(a), Slot::Endpoint(b)) => std::mem::swap(a, b),
            (Slot::Url(a), Slot::Url(b)) => std::mem::swap(a, b),
            (Slot::Header(a), Slot::Header(b)) => std::mem::swap(a, b),
            (Slot::Headers(a), Slot::Headers(b)) => std::mem::swap(a, b),
            (Slot::HeaderValues(a), Slot::HeaderValues(b)) => std::mem::swap(a, b),
            (Slot::Transforms(a), Slot::Transforms(b)) => std::mem::swap(a, b),
            _ => {}
        }
    }

    /// Whether this value must not be shown: it is a secret, or may have one in it.
    pub(super) fn hides(&self, value: &Value) -> bool {
        match self {
            Slot::Secret(_) | Slot::HeaderValues(_) => true,
            Slot::Endpoint(_) | Slot::Url(_) => value.as_str().is_none_or(|url| url.contains(['@', '?'])),
            _ => false,
        }
    }

    /// The current value as a configuration file would have it; a secret is not shown.
    pub(super) fn display(&self) -> String {
        match self {
            Slot::Switch(place) => place.to_string(),
            Slot::Number(place, _) => place.to_string(),
            Slot::Size(place) => place.to_string(),
            Slot::Port(place) => place.to_string(),
            Slot::Address(place) => place.map_or_else(|| "\"\"".into(), |address| format!("\"{address}\"")),
            Slot::SomePort(place) => place.map_or_else(|| "\"\"".into(), |port| port.to_string()),
            Slot::Mode(place) => format!("\"{place:04o}\""),
            Slot::Networks(place) => format!("{place:?}"),
            Slot::Time(place, _) => format!("{:?}", duration::display(**place)),
            Slot::UnixTime(place) => place.to_string(),
            Slot::Text(place)
            | Slot::Path(place)
            | Slot::Word(place, _)
            | Slot::Expression(place)
            | Slot::Claim(place)
            | Slot::Header(place) => format!("{place:?}"),
            Slot::Secret(_) | Slot::Endpoint(_) | Slot::Url(_) => "\"\"".into(),
            Slot::Origins(place) => format!("{:?}", place.patterns()),
            Slot::Pattern(place) => place.as_ref().map_or_else(|| "\"\"".into(), |it| format!("{it:?}")),
            Slot::Words(place, _) | Slot::Headers(place) | Slot::Hosts(place) => format!("{place:?}"),
            Slot::HeaderValues(_) => "{}".into(),
            Slot::Transforms(_) => "[]".into(),
        }
    }

    /// Which values are accepted, beyond what the kind says: a range, or words; for the reference.
    pub(super) fn allowed(&self) -> String {
        match self {
            Slot::Number(_, range) => format!("{} to {}", grouped(*range.start()), grouped(*range.end())),
            Slot::Port(_) | Slot::SomePort(_) => "0 to 65,535".into(),
            Slot::Time(_, range) => {
                format!("{} to {}", duration::display(*range.start()), duration::display(*range.end()))
            }
            Slot::Word(_, words) | Slot::Words(_, words) => {
                let named = words.iter().filter(|word| !word.is_empty()).map(|word| format!("`{word}`"));
                named.collect::<Vec<_>>().join(" ")
            }
            _ => String::new(),
        }
    }

    /// What kind of value it is and in which unit, for the reference.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Slot::Switch(_) => "true or false",
            Slot::Number(..) => "number",
            Slot::Size(_) => "size",
            Slot::Port(_) | Slot::SomePort(_) => "port",
            Slot::Mode(_) => "permissions",
            Slot::Networks(_) => "list of networks",
            Slot::Address(_) => "IP address",
            Slot::Time(..) => "duration",
            Slot::UnixTime(_) => "Unix time",
            Slot::Text(_) | Slot::Secret(_) | Slot::Claim(_) | Slot::Header(_) => "text",
            Slot::Path(_) => "path",
            Slot::Word(..) => "word",
            Slot::Words(..) => "list of words",
            Slot::Origins(_) => "list of origins",
            Slot::Pattern(_) | Slot::Expression(_) => "regular expression",
            Slot::Endpoint(_) | Slot::Url(_) => "URL",
            Slot::Headers(_) | Slot::Hosts(_) => "list of names",
            Slot::HeaderValues(_) => "names and values",
            Slot::Transforms(_) => "list of transforms",
        }
    }
}

fn put<T>(place: &mut T, value: Option<T>, accepted: &str) -> Result<(), String> {
    *place = value.ok_or_else(|| accepted.to_owned())?;
    Ok(())
}

fn put_url(place: &mut Secret, url: Result<String, &'static str>) -> Result<(), String> {
    *place = url?.into();
    Ok(())
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ")
}

/// A number with commas between thousands, as people read it.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A parser of expressions draws the place over several lines; the last of them says what is wrong.
fn not_an_expression(error: &str) -> String {
    let reason = error.lines().last().unwrap_or(error).trim();
    format!("a regular expression: {}", reason.strip_prefix("error: ").unwrap_or(reason))
}
