//! Answers as JSON. Fields that are not known are passed over, those of a wrong type make the whole answer a wrong one.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde_json::value::RawValue;
use wavecast_hub::Tags;

use super::envelope::{Envelope, WrongAnswer, open};
use super::object::{even_null, object, object_map, objects, or_zero};
use crate::hooks::answer::Answer;
use crate::hooks::calls::{
    Capability, ConnectGrant, Overrides, PublishGrant, RefreshGrant, RpcGrant, SubRefreshGrant,
    SubscribeGrant,
};

/// The answer to a call whose errors and disconnects reach the client.
fn answer<'b, R: Deserialize<'b>, T>(
    body: &'b [u8],
    grant: impl FnOnce(Option<R>) -> Result<Answer<T>, WrongAnswer>,
) -> Result<Answer<T>, WrongAnswer> {
    match open(body)? {
        Envelope::Result(result) => grant(result),
        Envelope::Error(error) => Ok(Answer::Error(error)),
        Envelope::Disconnect(disconnect) => Ok(Answer::Disconnect(disconnect)),
    }
}

#[derive(Deserialize)]
struct ConnectResult<'b> {
    #[serde(default, deserialize_with = "or_zero")]
    user: Box<str>,
    #[serde(default, deserialize_with = "or_zero")]
    expire_at: i64,
    #[serde(borrow, default)]
    info: Option<&'b RawValue>,
    #[serde(default, deserialize_with = "or_zero")]
    b64info: String,
    #[serde(borrow, default, deserialize_with = "even_null")]
    data: Option<&'b RawValue>,
    #[serde(default, deserialize_with = "or_zero")]
    b64data: String,
    #[serde(default, deserialize_with = "or_zero")]
    channels: Vec<String>,
    #[serde(borrow, default, deserialize_with = "object_map")]
    subs: BTreeMap<String, SubscribeResult<'b>>,
    #[serde(borrow, default)]
    meta: Option<&'b RawValue>,
    #[serde(default, deserialize_with = "objects")]
    caps: Option<Vec<WireCapability>>,
}

/// A connect without a result is not handled: the client is anonymous where that is allowed.
pub(in crate::hooks) fn connect(body: &[u8]) -> Result<Answer<ConnectGrant>, WrongAnswer> {
    answer(body, |result: Option<ConnectResult<'_>>| {
        let Some(result) = result else { return Ok(Answer::NotHandled) };
        let subs = result.subs.into_iter();
        let subs = subs.map(|(channel, sub)| subscribe_grant(sub).map(|grant| (channel, grant)));
        Ok(Answer::Ok(ConnectGrant {
            user: result.user,
            expire_at: result.expire_at,
            info: payload("b64info", result.info, &result.b64info)?,
            data: payload("b64data", result.data, &result.b64data)?,
            channels: result.channels,
            subs: subs.collect::<Result<_, _>>()?,
            meta: result.meta.map(|meta| Arc::from(on_one_line(meta))),
            caps: capabilities(result.caps.unwrap_or_default()),
        }))
    })
}

#[derive(Deserialize)]
struct WireCapability {
    #[serde(default, deserialize_with = "or_zero")]
    channels: Vec<String>,
    #[serde(default, rename = "match", deserialize_with = "or_zero")]
    matching: String,
    #[serde(default, deserialize_with = "or_zero")]
    allow: Vec<String>,
}

fn capabilities(wire: Vec<WireCapability>) -> Vec<Capability> {
    let capability = |wire: WireCapability| Capability {
        channels: wire.channels,
        matching: wire.matching,
        allow: wire.allow,
    };
    wire.into_iter().map(capability).collect()
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SubscribeResult<'b> {
    #[serde(deserialize_with = "or_zero")]
    expire_at: i64,
    #[serde(borrow)]
    info: Option<&'b RawValue>,
    #[serde(deserialize_with = "or_zero")]
    b64info: String,
    #[serde(borrow, deserialize_with = "even_null")]
    data: Option<&'b RawValue>,
    #[serde(deserialize_with = "or_zero")]
    b64data: String,
    #[serde(rename = "override", deserialize_with = "object")]
    overrides: Option<WireOverrides>,
    #[serde(deserialize_with = "or_zero")]
    allow: Vec<String>,
    #[serde(borrow, alias = "tags_filter")]
    server_tags_filter: Option<&'b RawValue>,
    #[serde(deserialize_with = "or_zero")]
    cache_recover: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireOverrides {
    #[serde(deserialize_with = "object")]
    presence: Option<WireBool>,
    #[serde(deserialize_with = "object")]
    join_leave: Option<WireBool>,
    #[serde(deserialize_with = "object")]
    force_recovery: Option<WireBool>,
    #[serde(deserialize_with = "object")]
    force_positioning: Option<WireBool>,
    #[serde(deserialize_with = "object")]
    force_push_join_leave: Option<WireBool>,
}

#[derive(Deserialize)]
struct WireBool {
    #[serde(default, deserialize_with = "or_zero")]
    value: bool,
}

/// A subscribe without a result is allowed as it is.
pub(in crate::hooks) fn subscribe(body: &[u8]) -> Result<Answer<SubscribeGrant>, WrongAnswer> {
    answer(body, |result| subscribe_grant(result.unwrap_or_default()).map(Answer::Ok))
}

fn subscribe_grant(result: SubscribeResult<'_>) -> Result<SubscribeGrant, WrongAnswer> {
    let overrides = result.overrides.unwrap_or_default();
    let value = |wire: Option<WireBool>| wire.map(|wire| wire.value);
    Ok(SubscribeGrant {
        expire_at: result.expire_at,
        info: payload("b64info", result.info, &result.b64info)?,
        data: payload("b64data", result.data, &result.b64data)?,
        overrides: Overrides {
            presence: value(overrides.presence),
            join_leave: value(overrides.join_leave),
            force_recovery: value(overrides.force_recovery),
            force_positioning: value(overrides.force_positioning),
            force_push_join_leave: value(overrides.force_push_join_leave),
        },
        allow: result.allow,
        tags_filter: result.server_tags_filter.map(on_one_line),
        cache_recover: result.cache_recover,
    })
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PublishResult<'b> {
    #[serde(borrow, deserialize_with = "even_null")]
    data: Option<&'b RawValue>,
    #[serde(deserialize_with = "or_zero")]
    b64data: String,
    #[serde(deserialize_with = "or_zero")]
    skip_history: bool,
    #[serde(deserialize_with = "or_zero")]
    tags: Tags,
    #[serde(deserialize_with = "or_zero")]
    idempotency_key: Box<str>,
    #[serde(deserialize_with = "or_zero")]
    delta: bool,
    #[serde(deserialize_with = "or_zero")]
    version: u64,
    #[serde(deserialize_with = "or_zero")]
    version_epoch: Box<str>,
}

/// A publish without a result is published as it is.
pub(in crate::hooks) fn publish(body: &[u8]) -> Result<Answer<PublishGrant>, WrongAnswer> {
    answer(body, |result: Option<PublishResult<'_>>| {
        let result = result.unwrap_or_default();
        Ok(Answer::Ok(PublishGrant {
            data: payload("b64data", result.data, &result.b64data)?,
            skip_history: result.skip_history,
            tags: Some(result.tags).filter(|tags| !tags.is_empty()).map(Box::new),
            idempotency_key: result.idempotency_key,
            delta: result.delta,
            version: result.version,
            version_epoch: result.version_epoch,
        }))
    })
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RpcResult<'b> {
    #[serde(borrow, deserialize_with = "even_null")]
    data: Option<&'b RawValue>,
    #[serde(deserialize_with = "or_zero")]
    b64data: String,
}

pub(in crate::hooks) fn rpc(body: &[u8]) -> Result<Answer<RpcGrant>, WrongAnswer> {
    answer(body, |result: Option<RpcResult<'_>>| {
        let result = result.unwrap_or_default();
        Ok(Answer::Ok(RpcGrant { data: payload("b64data", result.data, &result.b64data)? }))
    })
}

#[derive(Deserialize)]
struct RefreshResult<'b> {
    #[serde(default, deserialize_with = "or_zero")]
    expired: bool,
    #[serde(default, deserialize_with = "or_zero")]
    expire_at: i64,
    #[serde(borrow, default)]
    info: Option<&'b RawValue>,
    #[serde(default, deserialize_with = "or_zero")]
    b64info: String,
    #[serde(borrow, default)]
    meta: Option<&'b RawValue>,
    #[serde(default, deserialize_with = "objects")]
    caps: Option<Vec<WireCapability>>,
}

/// Errors and disconnects reach no client here: whatever is no result says that the connection has expired.
pub(in crate::hooks) fn refresh(body: &[u8]) -> Result<Answer<RefreshGrant>, WrongAnswer> {
    let Envelope::Result(Some::<RefreshResult<'_>>(result)) = open(body)? else {
        return Ok(Answer::Ok(RefreshGrant { expired: true, ..RefreshGrant::default() }));
    };
    Ok(Answer::Ok(RefreshGrant {
        expired: result.expired,
        expire_at: result.expire_at,
        info: payload("b64info", result.info, &result.b64info)?,
        meta: result.meta.map(|meta| Arc::from(on_one_line(meta))),
        caps: result.caps.map(capabilities),
    }))
}

/// As with [`refresh`].
pub(in crate::hooks) fn sub_refresh(body: &[u8]) -> Result<Answer<SubRefreshGrant>, WrongAnswer> {
    refresh(body).map(|answer| {
        answer.map(|RefreshGrant { expired, expire_at, info, .. }| SubRefreshGrant {
            expired,
            expire_at,
            info,
        })
    })
}

/// Whether events were taken: an empty body will do, an object must not have an error.
pub(in crate::hooks) fn events(body: &[u8]) -> Result<(), WrongAnswer> {
    if body.trim_ascii().is_empty() {
        return Ok(());
    }
    match open::<serde::de::IgnoredAny>(body)? {
        Envelope::Result(_) => Ok(()),
        Envelope::Error(error) => Err(WrongAnswer::Refused(error.code)),
        Envelope::Disconnect(disconnect) => Err(WrongAnswer::Refused(disconnect.code.into())),
    }
}

/// The base64 field counts where it is filled.
fn payload(
    field: &'static str,
    json: Option<&RawValue>,
    base64: &str,
) -> Result<Option<Box<[u8]>>, WrongAnswer> {
    if base64.is_empty() {
        return Ok(json.map(on_one_line));
    }
    let mut text = base64.as_bytes().to_vec();
    // Encoders of the MIME kind fold their lines.
    text.retain(|&byte| byte != b'\n' && byte != b'\r');
    LENIENT.decode(text).map(|bytes| Some(bytes.into())).map_err(|_| WrongAnswer::Base64(field))
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Clients tell messages apart by their line ends. Outside of strings, where JSON has none, these are white space.
fn on_one_line(json: &RawValue) -> Box<[u8]> {
    json.get().bytes().filter(|&byte| byte != b'\n' && byte != b'\r').collect()
}
