//! What a publication may carry, by the channel's format: checked once, when it is published.

use std::borrow::Cow;

use wavecast_hub::{ChannelOptions, DataFormat};
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
