//! Payloads: JSON for nearly everybody, bytes for those who need them.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use wavecast_protocol::centrifuge::Encoding;

/// A payload: what was published, or what a request or an answer carries.
///
/// With the JSON encoding it is the text of a JSON value; with Protobuf it is any bytes, which mostly
/// are JSON too. Clones share the bytes.
///
/// It prints as its text. Serialised by `serde_json` it is the JSON value itself; bytes that are no
/// JSON become a base64 string, as the server gives them to JSON clients, and nothing becomes null.
///
/// ```
/// use wavecast_client::Data;
///
/// let data = Data::json(&["a", "b"])?;
/// assert_eq!(data.to_string(), r#"["a","b"]"#);
/// assert_eq!(data.parse::<Vec<String>>()?, ["a", "b"]);
/// assert_eq!(Data::from(vec![0xff_u8]).as_bytes(), [0xff]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Data(Arc<[u8]>);

impl Data {
    /// The JSON of a value.
    ///
    /// # Errors
    ///
    /// What serialising returns.
    pub fn json(value: &(impl Serialize + ?Sized)) -> serde_json::Result<Self> {
        serde_json::to_vec(value).map(|json| Self(json.into()))
    }

    /// Reads it as JSON; no bytes at all are read as null.
    ///
    /// # Errors
    ///
    /// What deserialising returns.
    pub fn parse<'d, T: Deserialize<'d>>(&'d self) -> serde_json::Result<T> {
        serde_json::from_slice(if self.is_empty() { b"null" } else { &self.0 })
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, if it is UTF-8, as JSON always is.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The JSON value as it was written, if it is one.
    pub fn as_json(&self) -> Option<&RawValue> {
        serde_json::from_slice(&self.0).ok()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the decoder found; `None` for what was absent.
    pub(crate) fn present(bytes: &[u8]) -> Option<Self> {
        (!bytes.is_empty()).then(|| bytes.into())
    }

    /// As it may stand in a command of this encoding: JSON has to be JSON, on one line.
    pub(crate) fn encodable(self, encoding: Encoding) -> serde_json::Result<Self> {
        if encoding == Encoding::Protobuf {
            return Ok(self);
        }
        let value: &RawValue = serde_json::from_slice(&self.0)?;
        if value.get().len() == self.0.len() && !self.0.iter().any(|byte| is_line_break(*byte)) {
            return Ok(self);
        }
        let mut line = value.get().as_bytes().to_vec();
        // In JSON a line break can only be white space between tokens, but on the wire it ends a command.
        line.iter_mut().filter(|byte| is_line_break(**byte)).for_each(|byte| *byte = b' ');
        Ok(Self(line.into()))
    }
}

fn is_line_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

impl From<Vec<u8>> for Data {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&[u8]> for Data {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<Box<RawValue>> for Data {
    fn from(json: Box<RawValue>) -> Self {
        Self(json.get().as_bytes().into())
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_str() {
            Some(text) => f.write_str(text),
            None => f.write_str(&STANDARD.encode(&self.0)),
        }
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_str() {
            Some(text) => write!(f, "Data({text})"),
            None => write!(f, "Data({:?})", &self.0),
        }
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_json() {
            Some(json) => json.serialize(serializer),
            None if self.is_empty() => serializer.serialize_unit(),
            None => serializer.serialize_str(&STANDARD.encode(&self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_put_on_one_line_and_anything_else_refused() {
        let encodable = |text: &str| {
            let data = Data::from(text.as_bytes()).encodable(Encoding::Json);
            data.map(|data| data.to_string()).ok()
        };
        let table = [
            (r#"{"a":1}"#, Some(r#"{"a":1}"#)),
            ("{\r\n\"a\": 1\n}", Some("{  \"a\": 1 }")),
            (" 1 \n", Some("1")),
            (r#""a\nb""#, Some(r#""a\nb""#)),
            ("", None),
            ("hello", None),
            ("1 2", None),
            ("\u{feff}1", None),
        ];
        for (text, expected) in table {
            assert_eq!(encodable(text).as_deref(), expected, "{text:?}");
        }
        let bytes = Data::from(vec![0xff, b'\n']);
        assert!(bytes.clone().encodable(Encoding::Json).is_err());
        assert_eq!(bytes.clone().encodable(Encoding::Protobuf).unwrap(), bytes);
    }

    #[test]
    fn it_serialises_as_what_it_is() {
        let table: [(&[u8], &str); 4] =
            [(b"{\"a\":1}", "{\"a\":1}"), (b"", "null"), (&[0xff, 0xfe], "\"//4=\""), (b"hi", "\"aGk=\"")];
        for (bytes, expected) in table {
            assert_eq!(serde_json::to_string(&Data::from(bytes)).unwrap(), expected);
        }
        assert_eq!(Data::default().parse::<Option<u8>>().unwrap(), None);
    }
}
