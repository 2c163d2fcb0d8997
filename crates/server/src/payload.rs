//! What a publication may carry, by the channel's format: checked once, when it is published.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wavecast_hub::{ChannelOptions, DataFormat, Publish};
use wavecast_protocol::centrifuge::{Error, json};

use crate::token;

/// A payload that may be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Payload<'d> {
    /// The bytes; JSON has no line breaks, since clients tell messages apart by them.
    pub(crate) data: Cow<'d, [u8]>,
    /// Clients in JSON get it as it is; anything else they get as base64 text.
    pub(crate) is_json: bool,
}

impl<'d> Payload<'d> {
    /// What should be JSON.
    ///
    /// # Errors
    /// 107 if it is not, 106 if it is longer than the channel takes.
    pub(crate) fn of_json(data: &'d [u8], options: &ChannelOptions) -> Result<Self, Error> {
        let data = json::compact(data).map_err(|error| bad(&error))?;
        check_length(&data, options)?;
        let is_object = data.trim_ascii_start().starts_with(b"{");
        if options.data_format == DataFormat::JsonObject && !is_object {
            return Err(bad(&"data must be a JSON object in this channel"));
        }
        Ok(Self { data, is_json: options.data_format != DataFormat::Binary })
    }

    /// Any bytes, which may be JSON.
    ///
    /// # Errors
    /// 107 if they are not, and the channel takes nothing else; 106 if there are too many of them.
    pub(crate) fn of_bytes(data: &'d [u8], options: &ChannelOptions) -> Result<Self, Error> {
        check_length(data, options)?;
        match options.data_format {
            DataFormat::Binary => Ok(Self { data: data.into(), is_json: false }),
            DataFormat::Json | DataFormat::JsonObject => Self::of_json(data, options),
            DataFormat::Any => match json::compact(data) {
                Ok(data) => Ok(Self { data, is_json: true }),
                Err(_) => Ok(Self { data: data.into(), is_json: false }),
            },
        }
    }
}

/// Bytes that a back end gives for clients, as they can stand in a message of either encoding: JSON on one line, anything
/// else as base64 text. None stay none.
pub(crate) fn embed(bytes: Box<[u8]>) -> Box<[u8]> {
    if bytes.is_empty() {
        return bytes;
    }
    match json::compact(&bytes) {
        Ok(json) if json.len() == bytes.len() => {}
        Ok(json) => return json.into(),
        Err(_) => {
            let mut text = Vec::with_capacity(bytes.len() / 3 * 4 + 6);
            json::encode_base64(&bytes, &mut text);
            return text.into();
        }
    }
    bytes
}

/// The same of what a token gives.
pub(crate) fn embedded(payload: token::Payload) -> Box<[u8]> {
    embed(payload.bytes)
}

/// A publication of this value as JSON, for [`Node::publish`](crate::Node::publish); what else there is to it is for you to say:
///
/// ```
/// # fn main() -> Result<(), wavecast_server::protocol::centrifuge::Error> {
/// use wavecast_server::as_json;
/// use wavecast_server::hub::Publish;
///
/// let publish = Publish { skip_history: true, ..as_json(&serde_json::json!({"way": 0.5}))? };
/// assert_eq!(&*publish.data, br#"{"way":0.5}"#);
/// # Ok(())
/// # }
/// ```
///
/// Where nothing else is to be said, [`Node::publish_json`](crate::Node::publish_json) is shorter.
///
/// # Errors
/// 100 for a value that cannot be JSON (a map whose keys are no texts, say), or is nested deeper than clients take; the
/// log says why.
pub fn as_json(value: &(impl Serialize + ?Sized)) -> Result<Publish, Error> {
    let json = written(value)?;
    // A raw value is written as it is, line breaks and all.
    let line = json::compact(&json).map_err(|problem| unwritable(&problem))?;
    Ok(Publish { data: line.into(), is_json: true, ..Publish::default() })
}

/// A value of the program's own as JSON.
///
/// # Errors
/// 100 if it cannot be; the log says why.
pub(crate) fn written(value: &(impl Serialize + ?Sized)) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|problem| unwritable(&problem))
}

fn unwritable(problem: &dyn std::fmt::Display) -> Error {
    tracing::error!(%problem, "a value cannot be written as JSON: error 100");
    Error::INTERNAL
}

/// What a client sent, as a value of the program's own; nothing at all counts as `null`.
///
/// # Errors
/// 107, and what is wrong.
pub(crate) fn read<T: DeserializeOwned>(data: Option<&[u8]>) -> Result<T, Error> {
    serde_json::from_slice(data.unwrap_or(b"null")).map_err(|problem| bad(&problem))
}

fn check_length(data: &[u8], options: &ChannelOptions) -> Result<(), Error> {
    let bytes_max = options.publication_bytes_max as usize;
    if bytes_max > 0 && data.len() > bytes_max {
        let message =
            format!("limit exceeded: data has {} bytes; this channel takes {bytes_max}", data.len());
        return Err(Error { message: message.into(), ..Error::LIMIT_EXCEEDED });
    }
    Ok(())
}

fn bad(problem: &dyn std::fmt::Display) -> Error {
    Error { message: format!("bad request: {problem}").into(), ..Error::BAD_REQUEST }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(data_format: DataFormat) -> ChannelOptions {
        ChannelOptions { data_format, publication_bytes_max: 20, ..ChannelOptions::default() }
    }

    #[test]
    fn what_is_no_json_is_taken_where_the_channel_takes_anything() {
        for (format, data, expected) in [
            (DataFormat::Any, &b"{\"a\":\n1}"[..], Ok(true)),
            (DataFormat::Any, b"\xff\x00", Ok(false)),
            (DataFormat::Json, b"[1]", Ok(true)),
            (DataFormat::Json, b"\xff", Err(107)),
            (DataFormat::Binary, b"[1]", Ok(false)),
            (DataFormat::Any, &[b'1'; 21], Err(106)),
        ] {
            let payload = Payload::of_bytes(data, &options(format));
            assert_eq!(payload.map(|p| p.is_json).map_err(|e| e.code), expected, "{format:?} {data:?}");
        }
        assert_eq!(Payload::of_json(b"{", &options(DataFormat::Any)).unwrap_err().code, 107);
        let folded = Payload::of_bytes(b"{\"a\":\n1}", &options(DataFormat::Any)).unwrap();
        assert!(!folded.data.contains(&b'\n'));
    }

    #[test]
    fn values_of_the_program_become_json_on_one_line() {
        let raw = serde_json::value::RawValue::from_string("[1,\n2]".into()).unwrap();
        let publish = as_json(&raw).unwrap();
        assert_eq!((&*publish.data, publish.is_json), (&b"[1,2]"[..], true));
        let no_json = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert_eq!(as_json(&no_json), Err(Error::INTERNAL));
        assert_eq!(
            as_json(&(0..600).fold(serde_json::json!(1), |inner, _| [inner].into())),
            Err(Error::INTERNAL)
        );
    }

    #[test]
    fn what_a_client_sent_is_read_or_refused_with_what_is_wrong() {
        assert_eq!(read::<Vec<u8>>(Some(b"[1,2]")), Ok(vec![1, 2]));
        assert_eq!(read::<Option<u8>>(None), Ok(None));
        for (data, said) in [(Some(&b"[1"[..]), "EOF"), (Some(b"[1,-2]"), "-2"), (None, "null")] {
            let refused = read::<Vec<u8>>(data).unwrap_err();
            assert_eq!(refused.code, 107);
            assert!(
                refused.message.starts_with("bad request: ") && refused.message.contains(said),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn what_is_embedded_is_json_on_one_line() {
        let deep = "[".repeat(600) + &"]".repeat(600);
        for (bytes, embedded) in [
            (&b""[..], &b""[..]),
            (b"{\"a\":1}", b"{\"a\":1}"),
            (b" [1,\n2] ", b"[1,2]"),
            (b"\xff\x00", b"\"/wA=\""),
            (b"1}{", b"\"MX17\""),
        ] {
            assert_eq!(&*embed(bytes.into()), embedded);
        }
        assert_eq!(embed(deep.into_bytes().into())[0], b'"', "deeper than clients take");
    }
}
