//! What is kept of a handshake: the fields that hooks may be passed, and the user whom a proxy in front has named.

use std::net::IpAddr;
use std::sync::Arc;

use crate::hooks::{HeaderNames, PassedHeaders};
use crate::position_list::PositionList;

/// Bytes of fields that are kept of one handshake; what does not fit any more is left out.
const FIELDS_BYTES_MAX: usize = 8 * 1024;

/// What is kept of a handshake.
#[derive(Debug, Clone, Default)]
pub(crate) struct Handshake {
    pub(super) headers: Option<Arc<PassedHeaders>>,
    /// The value of `client.user_id_http_header`. Never what a client names in its connect command.
    pub(super) user: Option<Box<str>>,
    /// Where its client left off, until it has come in.
    pub(super) left_off: PositionList,
    /// Where it came from, if that is counted.
    address: Option<IpAddr>,
}

impl Handshake {
    /// Keeps what is wanted of a request's fields, without those that are withheld (in lower case); `None` if there is nothing
    /// of it.
    pub(crate) fn of<'f>(
        fields: impl Iterator<Item = (&'f str, &'f [u8])>,
        names: &HeaderNames,
        withheld: &[&str],
        user_header: Option<&str>,
    ) -> Option<Self> {
        if names.is_empty() && user_header.is_none() {
            return None;
        }
        let (mut headers, mut user) = (PassedHeaders::default(), None);
        let mut left = FIELDS_BYTES_MAX;
        for (name, value) in fields {
            // The first one counts, whatever a client may have added behind the proxy's.
            if user.is_none() && user_header.is_some_and(|wanted| wanted.eq_ignore_ascii_case(name)) {
                user = Some(str::from_utf8(value).unwrap_or_default());
            }
            let bytes = name.len() + value.len();
            if bytes <= left && !withheld.iter().any(|withheld| name.eq_ignore_ascii_case(withheld)) {
                left -= bytes;
                headers.keep_of_handshake(names, name, value);
            }
        }
        let user = user.filter(|user| !user.is_empty());
        let headers = (!headers.is_empty()).then(|| Arc::new(headers));
        (headers.is_some() || user.is_some()).then(|| Self {
            headers,
            user: user.map(Into::into),
            ..Self::default()
        })
    }

    /// The same, with where its client left off.
    pub(crate) fn left_off(kept: Option<Self>, places: PositionList) -> Option<Self> {
        if places.is_empty() {
            return kept;
        }
        Some(Self { left_off: places, ..kept.unwrap_or_default() })
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

#[cfg(test)]
mod tests {
    use wavecast_net::websocket::Limits;
    use wavecast_net::websocket::handshake::parse_request;

    use super::*;

    #[test]
    fn what_is_withheld_is_not_kept_whatever_its_case() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\nx-real-IP: 192.0.2.1\r\nCookie: c=1\r\n\r\n";
        let (head, _) = parse_request(head, &Limits::default()).unwrap().unwrap();
        let names = HeaderNames::new(["X-Real-IP", "Cookie"], []);
        let kept = |withheld: &[&str]| {
            let headers = Handshake::of(head.headers().iter(), &names, withheld, None)
                .and_then(|kept| kept.headers)
                .unwrap();
            ["x-real-ip", "cookie"].map(|name| headers.get(name).map(ToOwned::to_owned))
        };
        assert_eq!(kept(&[]), [Some("192.0.2.1".into()), Some("c=1".into())]);
        assert_eq!(kept(&["x-real-ip"]), [None, Some("c=1".into())]);
    }
}
