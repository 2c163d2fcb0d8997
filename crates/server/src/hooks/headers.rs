//! Headers of a client that are passed on to the back end.
//!
//! Two lists allow them: one for headers of the handshake, which a reverse proxy can vouch for, and one for those that a
//! client names in its connect command (browsers cannot set headers on a WebSocket). Where both have the same header,
//! that of the handshake counts. A session keeps what some hook may pass on, and nothing else.

use std::collections::BTreeSet;
use std::fmt;

use hyper::header::{self, HeaderName, HeaderValue};

/// Names of headers that belong to one connection, or say how a body is framed: never passed on, even if listed.
const NEVER: [HeaderName; 10] = [
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::HOST,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Which headers may be passed on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderNames {
    handshake: BTreeSet<HeaderSpelling>,
    emulated: BTreeSet<HeaderSpelling>,
}

/// A name in lower case; `HeaderName` itself has no order.
type HeaderSpelling = Box<str>;

impl HeaderNames {
    /// No header at all.
    pub const NONE: Self = Self { handshake: BTreeSet::new(), emulated: BTreeSet::new() };

    /// Those of two lists, whatever their case. What is no name of a header, and what belongs to one connection
    /// (`Connection`, `Content-Length`, `Host`…), is passed over.
    pub fn new<'n>(
        handshake: impl IntoIterator<Item = &'n str>,
        emulated: impl IntoIterator<Item = &'n str>,
    ) -> Self {
        let spelled = |name: &str| {
            let name = HeaderName::try_from(name).ok().filter(|name| !NEVER.contains(name))?;
            Some(name.as_str().into())
        };
        Self {
            handshake: handshake.into_iter().filter_map(spelled).collect(),
            emulated: emulated.into_iter().filter_map(spelled).collect(),
        }
    }

    /// These and those of another.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.handshake.extend(other.handshake.iter().cloned());
        self.emulated.extend(other.emulated.iter().cloned());
        self
    }

    /// No header is wanted: a session has nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.handshake.is_empty() && self.emulated.is_empty()
    }

    /// Whether this header of the handshake may be passed on. In lower case.
    pub(super) fn allows_of_handshake(&self, name: &HeaderName) -> bool {
        self.handshake.contains(name.as_str())
    }

    /// Whether this header that a client names may be passed on. In lower case.
    pub(super) fn allows_emulated(&self, name: &HeaderName) -> bool {
        self.emulated.contains(name.as_str())
    }
}

/// Headers of one client, with their values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PassedHeaders {
    handshake: Vec<(HeaderName, HeaderValue)>,
    emulated: Vec<(HeaderName, HeaderValue)>,
}

impl PassedHeaders {
    /// Keeps a header of the handshake if it may be passed on; several of one name are all kept.
    pub fn keep_of_handshake(&mut self, names: &HeaderNames, name: &str, value: &[u8]) {
        let Ok(name) = HeaderName::try_from(name) else { return };
        if names.allows_of_handshake(&name)
            && let Ok(value) = HeaderValue::from_bytes(value)
        {
            self.handshake.push((name, value));
        }
    }

    /// Keeps a header that the client named in its connect command if it may be passed on. A value that no header can
    /// have (with a line break, say) is passed over.
    pub fn keep_emulated(&mut self, names: &HeaderNames, name: &str, value: &str) {
        let Ok(name) = HeaderName::try_from(name) else { return };
        if names.allows_emulated(&name)
            && let Ok(value) = HeaderValue::from_bytes(value.as_bytes())
        {
            self.emulated.push((name, value));
        }
    }

    /// The value of a header, by its name in lower case: the first of the handshake, else what the client named. The
    /// latter is whatever a client likes to say.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let mut both = self.handshake.iter().chain(&self.emulated);
        both.find(|(kept, _)| kept.as_str() == name).map(|(_, value)| value.as_bytes())
    }

    /// Nothing was kept.
    pub fn is_empty(&self) -> bool {
        self.handshake.is_empty() && self.emulated.is_empty()
    }

    /// What they take in memory, bytes.
    pub fn bytes(&self) -> usize {
        let both = self.handshake.iter().chain(&self.emulated);
        both.map(|(_, value)| size_of::<(HeaderName, HeaderValue)>() + value.len()).sum()
    }

    pub(super) fn of_handshake(&self) -> &[(HeaderName, HeaderValue)] {
        &self.handshake
    }

    pub(super) fn emulated(&self) -> &[(HeaderName, HeaderValue)] {
        &self.emulated
    }
}

/// Shows names alone: cookies and tokens are among the values.
impl fmt::Debug for PassedHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let both = self.handshake.iter().chain(&self.emulated);
        f.debug_list().entries(both.map(|(name, _)| name.as_str())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_headers_are_kept_each_from_its_own_source() {
        let names = HeaderNames::new(["Cookie", "X-Both", "Host", "no name"], ["Authorization", "x-both"]);
        let mut passed = PassedHeaders::default();
        for (name, value) in [("COOKIE", "a=1"), ("cookie", "b=2"), ("Authorization", "no"), ("Host", "no")] {
            passed.keep_of_handshake(&names, name, value.as_bytes());
        }
        for (name, value) in [("authorization", "Bearer t"), ("Cookie", "no"), ("X-Both", "e")] {
            passed.keep_emulated(&names, name, value);
        }
        assert_eq!(passed.of_handshake().len(), 2);
        assert_eq!(passed.emulated().len(), 2);
        assert_eq!(passed.get("cookie"), Some(&b"a=1"[..]));
        assert_eq!(passed.get("x-both"), Some(&b"e"[..]));
        passed.keep_of_handshake(&names, "x-both", b"h");
        assert_eq!(passed.get("x-both"), Some(&b"h"[..]), "the handshake counts first");
        assert_eq!(passed.get("host"), None);
    }

    #[test]
    fn a_value_cannot_bring_a_header_of_its_own() {
        let names = HeaderNames::new([], ["x-a"]);
        let mut passed = PassedHeaders::default();
        for value in ["a\r\nX-Admin: 1", "a\nb", "\0"] {
            passed.keep_emulated(&names, "X-A", value);
        }
        passed.keep_emulated(&names, "X-A\r\nX-Admin", "1");
        assert!(passed.is_empty());
    }

    #[test]
    fn values_are_not_shown() {
        let names = HeaderNames::new(["cookie"], []);
        let mut passed = PassedHeaders::default();
        passed.keep_of_handshake(&names, "Cookie", b"session=s3cret");
        assert_eq!(format!("{passed:?}"), r#"["cookie"]"#);
    }
}
