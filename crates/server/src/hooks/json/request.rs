//! Calls and events as JSON.
//!
//! As there, empty fields are left out, but for `user`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::RawValue;
use wavecast_protocol::centrifuge::Encoding;

use crate::hooks::calls::{
    Caller, ConnectCall, PublishCall, RefreshCall, RpcCall, SubRefreshCall, SubscribeCall,
};
use crate::hooks::events::{Event, What};

/// How payloads and meta go into a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::hooks) struct Form {
    /// Payloads are written in base64.
    pub(in crate::hooks) binary: bool,
    /// The connection's meta goes along.
    pub(in crate::hooks) meta: bool,
}

/// The client's payload is no JSON, and the hook takes no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::hooks) struct NotJson;

#[derive(Serialize)]
struct Request<'c> {
    client: &'c str,
    transport: &'c str,
    protocol: &'static str,
    encoding: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'c str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    channel: &'c str,
    #[serde(skip_serializing_if = "str::is_empty")]
    method: &'c str,
    #[serde(skip_serializing_if = "str::is_empty")]
    token: &'c str,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<&'c RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'c RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b64data: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'c str,
    #[serde(skip_serializing_if = "str::is_empty")]
    version: &'c str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    channels: &'c [String],
}

impl<'c> Request<'c> {
    fn of(caller: &'c Caller, form: Form) -> Self {
        Self {
            client: &caller.client,
            transport: caller.transport,
            protocol: match caller.encoding {
                Encoding::Json => "json",
                Encoding::Protobuf => "protobuf",
            },
            encoding: if form.binary { "binary" } else { "json" },
            user: Some(&caller.user),
            channel: "",
            method: "",
            token: "",
            meta: caller.meta.as_deref().filter(|_| form.meta).and_then(json),
            data: None,
            b64data: None,
            name: "",
            version: "",
            channels: &[],
        }
    }

    fn with_data(mut self, data: &'c [u8], form: Form) -> Result<Self, NotJson> {
        if data.is_empty() {
            return Ok(self);
        }
        if form.binary {
            self.b64data = Some(STANDARD.encode(data));
        } else {
            self.data = Some(json(data).ok_or(NotJson)?);
        }
        Ok(self)
    }

    fn write(&self) -> Vec<u8> {
        // Strings and raw JSON into memory: nothing there can fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

fn json(bytes: &[u8]) -> Option<&RawValue> {
    serde_json::from_slice(bytes).ok()
}

pub(in crate::hooks) fn connect(call: &ConnectCall, form: Form) -> Result<Vec<u8>, NotJson> {
    let request =
        Request::of(&call.caller, form).with_data(call.data.as_deref().unwrap_or_default(), form)?;
    let (name, version, channels) = (&*call.name, &*call.version, &*call.channels);
    // There is neither a user nor meta yet.
    Ok(Request { user: None, meta: None, name, version, channels, ..request }.write())
}

pub(in crate::hooks) fn refresh(call: &RefreshCall, form: Form) -> Vec<u8> {
    Request::of(&call.caller, form).write()
}

pub(in crate::hooks) fn subscribe(call: &SubscribeCall, form: Form) -> Result<Vec<u8>, NotJson> {
    let request =
        Request::of(&call.caller, form).with_data(call.data.as_deref().unwrap_or_default(), form)?;
    Ok(Request { channel: &call.channel, token: &call.token, ..request }.write())
}

pub(in crate::hooks) fn sub_refresh(call: &SubRefreshCall, form: Form) -> Vec<u8> {
    Request { channel: &call.channel, ..Request::of(&call.caller, form) }.write()
}

pub(in crate::hooks) fn publish(call: &PublishCall, form: Form) -> Result<Vec<u8>, NotJson> {
    let request = Request::of(&call.caller, form).with_data(&call.data, form)?;
    Ok(Request { channel: &call.channel, ..request }.write())
}

pub(in crate::hooks) fn rpc(call: &RpcCall, form: Form) -> Result<Vec<u8>, NotJson> {
    let request =
        Request::of(&call.caller, form).with_data(call.data.as_deref().unwrap_or_default(), form)?;
    Ok(Request { method: &call.method, ..request }.write())
}

#[derive(Serialize)]
struct Told<'e> {
    events: Vec<ToldEvent<'e>>,
}

#[derive(Serialize)]
struct ToldEvent<'e> {
    time_ms: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    channel: &'e str,
    #[serde(rename = "type")]
    kind: &'static str,
    sequence: u64,
    attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<&'e RawValue>,
}

/// `{"events":[…]}`, which is what the state proxy of Centrifugo PRO sends, with more fields.
pub(in crate::hooks) fn events(events: &[Event], form: Form) -> Vec<u8> {
    let told = Told { events: events.iter().map(|event| told(event, form)).collect() };
    serde_json::to_vec(&told).unwrap_or_default()
}

fn told(event: &Event, form: Form) -> ToldEvent<'_> {
    let bare = ToldEvent {
        time_ms: event.time_ms,
        channel: "",
        kind: event.name(),
        sequence: event.sequence,
        attempt: event.attempt,
        client: None,
        user: None,
        code: None,
        reason: None,
        meta: None,
    };
    match &event.what {
        What::Disconnected(end) => ToldEvent {
            client: Some(&end.client),
            user: Some(&end.user),
            code: Some(end.code.into()),
            reason: Some(&end.reason),
            meta: end.meta.as_deref().filter(|_| form.meta).and_then(json),
            ..bare
        },
        What::Unsubscribed(end) => ToldEvent {
            client: Some(&end.client),
            user: Some(&end.user),
            channel: &end.channel,
            code: Some(end.code),
            reason: Some(&end.reason),
            meta: end.meta.as_deref().filter(|_| form.meta).and_then(json),
            ..bare
        },
        What::Occupied(channel) | What::Vacated(channel) => ToldEvent { channel, ..bare },
    }
}
