//! What is kept of a handshake: the fields that hooks may be passed, and the user whom a proxy in front has named.

use std::net::IpAddr;
use std::sync::Arc;

use hyper::HeaderMap;
use wavecast_net::websocket::handshake::RequestHead;

use crate::hooks::{HeaderNames, PassedHeaders};

/// Bytes of fields that are kept of one handshake; what does not fit any more is left out.
const FIELDS_BYTES_MAX: usize = 8 * 1024;

/// What is kept of a handshake.
#[derive(Debug, Clone, Default)]
pub(crate) struct Handshake {
    pub(super) headers: Option<Arc<PassedHeaders>>,
    /// The value of `client.user_id_http_header`. Never what a client names in its connect command.
    pub(super) user: Option<Box<str>>,
    /// Where it came from, if that is counted.
    address: Option<IpAddr>,
}

impl Handshake {
    /// Keeps what is wanted of a request that came to a shard; `None` if there is nothing of it.
    pub(crate) fn of(head: &RequestHead<'_>, names: &HeaderNames, user_header: Option<&str>) -> Option<Self> {
        Self::of_fields(|| head.headers().iter(), names, user_header)
    }

    /// The same of a request that came to the front desk.
    pub(crate) fn of_request(
        fields: &HeaderMap,
        names: &HeaderNames,
        user_header: Option<&str>,
    ) -> Option<Self> {
        let fields = || fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        Self::of_fields(fields, names, user_header)
    }

    fn of_fields<'f, F>(
        fields: impl Fn() -> F,
        names: &HeaderNames,
        user_header: Option<&str>,
    ) -> Option<Self>
    where
        F: Iterator<Item = (&'f str, &'f [u8])>,
    {
        let value_of = |wanted: &str| {
            let mut found = fields().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.next().and_then(|(_, value)| std::str::from_utf8(value).ok())
        };
        let user = user_header.and_then(value_of).filter(|user| !user.is_empty());
        let mut headers = PassedHeaders::default();
        if !names.is_empty() {
            let mut left = FIELDS_BYTES_MAX;
            for (name, value) in fields() {
                let bytes = name.len() + value.len();
                if bytes <= left {
                    left -= bytes;
                    headers.keep_of_handshake(names, name, value);
                }
            }
        }
        let headers = (!headers.is_empty()).then(|| Arc::new(headers));
        (headers.is_some() || user.is_some()).then(|| Self {
            headers,
            user: user.map(Into::into),
            address: None,
        })
    }

    /// What it takes in memory, bytes.
    pub(crate) fn bytes(&self) -> usize {
        let headers = self.headers.as_ref().map_or(0, |headers| headers.bytes());
        size_of::<Self>() + headers + self.user.as_ref().map_or(0, |user| user.len())
    }

    /// The address it came from, if that is counted.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The same, from an address that is counted.
    pub(crate) fn from(kept: Option<Self>, address: IpAddr) -> Self {
        Self { address: Some(address), ..kept.unwrap_or_default() }
    }
}
