//! The fields of a request, read one by one, so that an error can name the field.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use wavecast_protocol::centrifuge::Error;

/// Every field that any method knows, not looked into yet. Other fields are passed over; null is the same as absent,
/// but for `data`, where it is a payload like another.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Fields<'a> {
    #[serde(borrow)]
    channel: Option<&'a RawValue>,
    #[serde(borrow)]
    channels: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "even_null")]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    b64data: Option<&'a RawValue>,
    #[serde(borrow)]
    skip_history: Option<&'a RawValue>,
    #[serde(borrow)]
    tags: Option<&'a RawValue>,
    #[serde(borrow)]
    idempotency_key: Option<&'a RawValue>,
    #[serde(borrow)]
    version: Option<&'a RawValue>,
    #[serde(borrow)]
    limit: Option<&'a RawValue>,
    #[serde(borrow)]
    since: Option<&'a RawValue>,
    #[serde(borrow)]
    reverse: Option<&'a RawValue>,
    #[serde(borrow)]
    offset: Option<&'a RawValue>,
    #[serde(borrow)]
    epoch: Option<&'a RawValue>,
}

impl<'a> Fields<'a> {
    /// Finds the fields in a request's body.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(body).map_err(|_| bad_request("the body is not UTF-8"))?;
        // Only an object has fields; serde would take a list for one, field by field.
        if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
            return Err(bad_request("the body must be a JSON object"));
        }
        serde_json::from_str(text)
            .map_err(|error| bad_request(&format!("the body is not valid JSON: {error}")))
    }

    /// `channel`, which every method but broadcast and info needs.
    pub(super) fn channel(&self) -> Result<Cow<'a, str>, Error> {
        self.channel
            .map(|raw| text("channel", raw))
            .transpose()?
            .filter(|channel| !channel.is_empty())
            .ok_or_else(|| bad_request("field \"channel\" is required"))
    }

    /// `channels`, at least one and at most so many.
    pub(super) fn channels(&self, channels_max: usize) -> Result<Vec<String>, Error> {
        let raw = self.channels.ok_or_else(|| bad_request("field \"channels\" is required"))?;
        let channels: Vec<String> = value("channels", raw, "a list of channel names")?;
        if channels.is_empty() || channels.len() > channels_max {
            return Err(bad_request(&format!(
                "field \"channels\" must name 1 to {channels_max} channels, not {}",
                channels.len()
            )));
        }
        Ok(channels)
    }

    /// `data`, or else `b64data`: valid JSON on one line, since clients tell messages apart by their line ends.
    pub(super) fn data(&self, bytes_max: usize) -> Result<Vec<u8>, Error> {
        let (name, mut data) = match (self.data, self.b64data) {
            (Some(data), None) => ("data", data.get().as_bytes().to_vec()),
            (None, Some(raw)) => ("b64data", decoded(raw)?),
            // Client libraries that send every field send the one they do not mean as null.
            (Some(data), Some(raw)) if data.get() == "null" => ("b64data", decoded(raw)?),
            (Some(_), Some(_)) => return Err(bad_request("give one of the fields \"data\" and \"b64data\"")),
            (None, None) => return Err(bad_request("field \"data\" or \"b64data\" is required")),
        };
        // Outside of strings, where JSON has none, line ends are only white space.
        data.retain(|&byte| byte != b'\n' && byte != b'\r');
        if data.len() > bytes_max {
            let problem = format!("field {name:?} has {} bytes; at most {bytes_max} are allowed", data.len());
            return Err(bad_request(&problem));
        }
        Ok(data)
    }

    pub(super) fn skip_history(&self) -> Result<bool, Error> {
        flag("skip_history", self.skip_history)
    }

    pub(super) fn tags(&self) -> Result<Option<BTreeMap<String, String>>, Error> {
        let tags =
            self.tags.map(|raw| value("tags", raw, "an object whose values are strings")).transpose()?;
        Ok(tags.filter(|tags: &BTreeMap<_, _>| !tags.is_empty()))
    }

    /// `idempotency_key`, if it is given and not empty.
    pub(super) fn idempotency_key(&self, bytes_max: usize) -> Result<Option<Cow<'a, str>>, Error> {
        let key = self.idempotency_key.map(|raw| text("idempotency_key", raw)).transpose()?;
        match key {
            Some(key) if key.len() > bytes_max => Err(bad_request(&format!(
                "field \"idempotency_key\" has {} bytes; at most {bytes_max} are allowed",
                key.len()
            ))),
            key => Ok(key.filter(|key| !key.is_empty())),
        }
    }

    /// `version`, which would keep older publications out; 0 = none.
    pub(super) fn version(&self) -> Result<u64, Error> {
        number("version", self.version)
    }

    /// `limit`: 0 = the position alone, -1 = all.
    pub(super) fn limit(&self) -> Result<i32, Error> {
        let accepted = "a whole number, -1 or more";
        let limit = self.limit.map_or(Ok(0), |raw| value("limit", raw, accepted))?;
        if limit < -1 {
            return Err(bad_request(&format!("field \"limit\" must be {accepted}, not {limit}")));
        }
        Ok(limit)
    }

    /// `since`: the fields of a position, if one is given.
    pub(super) fn since(&self) -> Result<Option<(u64, Cow<'a, str>)>, Error> {
        let Some(raw) = self.since else { return Ok(None) };
        if !raw.get().starts_with('{') {
            return Err(bad_request("field \"since\" must be an object with offset and epoch"));
        }
        let position: Fields<'a> = serde_json::from_str(raw.get())
            .map_err(|error| bad_request(&format!("field \"since\": {error}")))?;
        let offset = number("since.offset", position.offset)?;
        let epoch = position.epoch.map_or(Ok(Cow::Borrowed("")), |raw| text("since.epoch", raw))?;
        Ok(Some((offset, epoch)))
    }

    pub(super) fn reverse(&self) -> Result<bool, Error> {
        flag("reverse", self.reverse)
    }
}

/// Error 107 with what is wrong.
pub(super) fn bad_request(problem: &str) -> Error {
    Error { message: format!("bad request: {problem}").into(), ..Error::BAD_REQUEST }
}

fn text<'a>(name: &str, raw: &'a RawValue) -> Result<Cow<'a, str>, Error> {
    // A string without escapes is borrowed from the body.
    match serde_json::from_str::<&str>(raw.get()) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(_) => value(name, raw, "a string").map(Cow::Owned),
    }
}

fn flag(name: &str, raw: Option<&RawValue>) -> Result<bool, Error> {
    raw.map_or(Ok(false), |raw| value(name, raw, "true or false"))
}

fn number(name: &str, raw: Option<&RawValue>) -> Result<u64, Error> {
    raw.map_or(Ok(0), |raw| value(name, raw, "a whole number, 0 or more"))
}

fn value<T: DeserializeOwned>(name: &str, raw: &RawValue, accepted: &str) -> Result<T, Error> {
    serde_json::from_str(raw.get()).map_err(|_| bad_request(&format!("field {name:?} must be {accepted}")))
}

fn decoded(raw: &RawValue) -> Result<Vec<u8>, Error> {
    let data = STANDARD
        .decode(text("b64data", raw)?.as_bytes())
        .map_err(|_| bad_request("field \"b64data\" must be base64"))?;
    let is_json =
        std::str::from_utf8(&data).is_ok_and(|text| serde_json::from_str::<&RawValue>(text).is_ok());
    if is_json {
        Ok(data)
    } else {
        Err(bad_request("field \"b64data\" must hold JSON: clients are spoken to in it"))
    }
}

fn even_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}
