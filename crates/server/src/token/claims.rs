//! What a token says, with Centrifugo's names, read into types.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use super::capabilities::{Allowed, Capabilities};
use super::object::{Object, WrongType};
use super::refusal::Flaw;
use crate::hooks::Overrides;

/// Bytes for clients: `info` and `data` (JSON), or `b64info` and `b64data` (any bytes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// The bytes; JSON is on one line.
    pub bytes: Box<[u8]>,
    /// Whether they are JSON.
    pub is_json: bool,
}

/// A subscription that the server makes for the client.
#[derive(Debug, Clone)]
pub struct ServerSubscription {
    /// The channel.
    pub channel: String,
    /// What others learn of the user in this channel.
    pub info: Option<Payload>,
    /// What the client gets with the subscription.
    pub data: Option<Payload>,
    /// Options of this subscription.
    pub options: Overrides,
    /// `tags_filter` (own): only publications whose tags pass; the client can narrow it and not widen it.
    pub tags_filter: Option<Box<RawValue>>,
}

/// What a connection token says.
#[derive(Debug, Clone)]
pub struct ConnectionClaims {
    /// `sub`, or the claim that `user_id_claim` names: the user's id, "" = anonymous.
    pub user: String,
    /// `jti`: the token's id.
    pub token_id: Option<String>,
    /// `iat`: when it was issued, Unix time in seconds.
    pub issued_at_s: Option<i64>,
    /// `exp`: until when the token can be used, Unix time in seconds.
    pub expires_at_s: Option<i64>,
    /// When the connection ends unless it is refreshed, Unix time in seconds: `expire_at`, or `exp` where that is not
    /// there; `None` = never, which is what an `expire_at` of 0 says. It may lie in the past.
    pub connection_expires_at_s: Option<i64>,
    /// `info` or `b64info`: what others learn of the user.
    pub info: Option<Payload>,
    /// `meta`: what hooks learn of the connection, and the client does not. JSON on one line.
    pub meta: Option<Box<RawValue>>,
    /// `subs`, or where that is empty `channels`: subscriptions made with the connection, by channel.
    pub subscriptions: Vec<ServerSubscription>,
    /// `caps`: what the connection may do beyond what namespaces allow.
    pub capabilities: Option<Capabilities>,
    /// `tags_filter` (own): holds for every subscription of the connection.
    pub tags_filter: Option<Box<RawValue>>,
}

/// What a subscription token says.
#[derive(Debug, Clone)]
pub struct SubscriptionClaims {
    /// As [`ConnectionClaims::user`]: must be the user of the connection.
    pub user: String,
    /// `channel`: the one channel that it is for; not "".
    pub channel: String,
    /// `client`: the session that it is for; `None` = any session of the user.
    pub client: Option<String>,
    /// `jti`: the token's id.
    pub token_id: Option<String>,
    /// `iat`: when it was issued, Unix time in seconds.
    pub issued_at_s: Option<i64>,
    /// `exp`: until when the token can be used, Unix time in seconds.
    pub expires_at_s: Option<i64>,
    /// As [`ConnectionClaims::connection_expires_at_s`], of the subscription.
    pub subscription_expires_at_s: Option<i64>,
    /// `info` or `b64info`: what others learn of the user in this channel.
    pub info: Option<Payload>,
    /// `data` or `b64data`: what the client gets with the subscription.
    pub data: Option<Payload>,
    /// `override`: options of this subscription.
    pub options: Overrides,
    /// `allow`: what the client may do in this channel beyond what the namespace allows.
    pub allowed: Option<Allowed>,
    /// `tags_filter` (own): only publications whose tags pass; the client can narrow it and not widen it.
    pub tags_filter: Option<Box<RawValue>>,
}

impl ConnectionClaims {
    /// Reads the claims of a token whose signature is right.
    pub(super) fn read(claims: &Object<'_>, user_id_claim: &str, subs_max: usize) -> Result<Self, Flaw> {
        if !named("channel", claims.text("channel"))?.is_empty() {
            return Err(Flaw::ForSubscription);
        }
        let expires_at_s = named("exp", claims.seconds("exp"))?;
        Ok(Self {
            user: user(claims, user_id_claim)?,
            token_id: token_id(claims)?,
            issued_at_s: named("iat", claims.seconds("iat"))?,
            expires_at_s,
            connection_expires_at_s: expire_at(claims, expires_at_s)?,
            info: payload(claims, "info", "b64info")?,
            meta: claims.raw("meta").map(on_one_line),
            subscriptions: subscriptions(claims, subs_max)?,
            capabilities: capabilities(claims)?,
            tags_filter: tags_filter(claims)?,
        })
    }
}

impl SubscriptionClaims {
    /// Reads the claims of a token whose signature is right.
    pub(super) fn read(claims: &Object<'_>, user_id_claim: &str) -> Result<Self, Flaw> {
        let channel = named("channel", claims.text("channel"))?.into_owned();
        if channel.is_empty() {
            return Err(Flaw::ForConnection);
        }
        let client = named("client", claims.text("client"))?;
        let expires_at_s = named("exp", claims.seconds("exp"))?;
        let allowed = match claims.raw("allow") {
            Some(_) => {
                let words = named("allow", claims.texts("allow"))?;
                Some(Allowed::from_words(&words).ok_or(Flaw::Claim("allow"))?)
            }
            None => None,
        };
        Ok(Self {
            user: user(claims, user_id_claim)?,
            channel,
            client: (!client.is_empty()).then(|| client.into_owned()),
            token_id: token_id(claims)?,
            issued_at_s: named("iat", claims.seconds("iat"))?,
            expires_at_s,
            subscription_expires_at_s: expire_at(claims, expires_at_s)?,
            info: payload(claims, "info", "b64info")?,
            data: payload(claims, "data", "b64data")?,
            options: named("override", overrides(claims))?,
            allowed,
            tags_filter: tags_filter(claims)?,
        })
    }
}

/// A value that is not what its claim should be is blamed on the claim.
fn named<T>(claim: &'static str, value: Result<T, WrongType>) -> Result<T, Flaw> {
    value.map_err(|WrongType| Flaw::Claim(claim))
}

/// The user's id. A claim of the operator's choice may be a number as well: many applications number their users.
fn user(claims: &Object<'_>, user_id_claim: &str) -> Result<String, Flaw> {
    if user_id_claim.is_empty() {
        return Ok(named("sub", claims.text("sub"))?.into_owned());
    }
    let as_number =
        || claims.whole(user_id_claim).map(|number| number.map_or_else(String::new, |n| n.to_string()));
    let user = claims.text(user_id_claim).map(Cow::into_owned).or_else(|_| as_number());
    named("user_id_claim", user)
}

fn token_id(claims: &Object<'_>) -> Result<Option<String>, Flaw> {
    let id = named("jti", claims.text("jti"))?;
    Ok((!id.is_empty()).then(|| id.into_owned()))
}

fn expire_at(claims: &Object<'_>, expires_at_s: Option<i64>) -> Result<Option<i64>, Flaw> {
    match named("expire_at", claims.whole("expire_at"))? {
        Some(at) => Ok((at > 0).then_some(at)),
        None => Ok(expires_at_s),
    }
}

/// Bytes win over JSON, as in Centrifugo.
fn payload(claims: &Object<'_>, json: &str, base64: &'static str) -> Result<Option<Payload>, Flaw> {
    let encoded = named(base64, claims.text(base64))?;
    if encoded.is_empty() {
        let json = claims
            .raw(json)
            .map(|value| Payload { bytes: one_line(value).into_bytes().into(), is_json: true });
        return Ok(json);
    }
    let bytes = STANDARD.decode(encoded.as_bytes()).map_err(|_| Flaw::Claim(base64))?;
    // What comes as bytes may be JSON all the same; then clients in JSON get it as such.
    Ok(Some(match serde_json::from_slice::<&RawValue>(&bytes) {
        Ok(value) => Payload { bytes: one_line(value).into_bytes().into(), is_json: true },
        Err(_) => Payload { bytes: bytes.into(), is_json: false },
    }))
}

/// JSON as it can stand in a line: a line break can only be white space between its parts.
fn one_line(value: &RawValue) -> String {
    value.get().chars().filter(|c| !matches!(c, '\n' | '\r')).collect()
}

fn on_one_line(value: &RawValue) -> Box<RawValue> {
    RawValue::from_string(one_line(value)).unwrap_or_else(|_| value.to_owned())
}

fn subscriptions(claims: &Object<'_>, subs_max: usize) -> Result<Vec<ServerSubscription>, Flaw> {
    let subs = named("subs", claims.object("subs"))?;
    let channels = named("channels", claims.texts("channels"))?;
    // By channel, so that what is named twice is there once, and the order is always the same.
    let mut subscriptions = BTreeMap::new();
    if let Some(subs) = subs.filter(|subs| subs.len() > 0) {
        for (channel, options) in subs.members() {
            subscriptions.insert(channel.to_owned(), subscription(channel, options)?);
        }
    } else {
        for channel in channels {
            let options = Overrides::default();
            let plain = ServerSubscription {
                channel: channel.clone(),
                info: None,
                data: None,
                options,
                tags_filter: None,
            };
            subscriptions.insert(channel, plain);
        }
    }
    if subscriptions.len() > subs_max {
        return Err(Flaw::TooManySubscriptions);
    }
    Ok(subscriptions.into_values().collect())
}

fn subscription(channel: &str, value: &RawValue) -> Result<ServerSubscription, Flaw> {
    let blamed = |_| Flaw::Claim("subs");
    let options = Object::parse(value.get()).map_err(|WrongType| Flaw::Claim("subs"))?;
    Ok(ServerSubscription {
        channel: channel.to_owned(),
        info: payload(&options, "info", "b64info").map_err(blamed)?,
        data: payload(&options, "data", "b64data").map_err(blamed)?,
        options: named("subs", overrides(&options))?,
        tags_filter: tags_filter(&options).map_err(blamed)?,
    })
}

fn overrides(claims: &Object<'_>) -> Result<Overrides, WrongType> {
    let Some(all) = claims.object("override")? else { return Ok(Overrides::default()) };
    let value = |name: &str| match all.object(name)? {
        // An empty object is Go's way to write false.
        Some(option) => Ok(Some(option.switch("value")?.unwrap_or_default())),
        None => Ok(None),
    };
    Ok(Overrides {
        presence: value("presence")?,
        join_leave: value("join_leave")?,
        force_recovery: value("force_recovery")?,
        force_positioning: value("force_positioning")?,
        force_push_join_leave: value("force_push_join_leave")?,
    })
}

fn capabilities(claims: &Object<'_>) -> Result<Option<Capabilities>, Flaw> {
    if claims.raw("caps").is_none() {
        return Ok(None);
    }
    let entries: Vec<Object<'_>> = named("caps", claims.list("caps"))?
        .into_iter()
        .map(|entry| Object::parse(entry.get()))
        .collect::<Result<_, _>>()
        .map_err(|WrongType| Flaw::Claim("caps"))?;
    Capabilities::read(&entries).map(Some).ok_or(Flaw::Claim("caps"))
}

/// The filter as it stands there: an object; whether it is a filter is for the protocol floor to say.
fn tags_filter(claims: &Object<'_>) -> Result<Option<Box<RawValue>>, Flaw> {
    named("tags_filter", claims.object("tags_filter"))?;
    Ok(claims.raw("tags_filter").map(on_one_line))
}
