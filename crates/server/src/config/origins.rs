//! `client.allowed_origins`: which pages may connect from a browser (the `Origin` header, RFC 6454 §7).

use wavecast_net::server::{InvalidOrigin, Origins};

/// Patterns of browser origins. Empty = no list was given, and only a page of the same host may connect.
///
/// A pattern is an origin (`https://example.com`), an origin with `*` for any characters but `/`
/// (`https://*.example.com`, `http://localhost:*`), `null`, or `*` for every origin. Case does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Origins, Origins);

impl AllowedOrigins {
    /// Whether no list was given.
    pub fn is_empty(&self) -> bool {
        self.0.patterns().is_empty()
    }

    /// Whether one of the patterns matches this `Origin`.
    pub fn allows(&self, origin: &str) -> bool {
        self.0.lists(origin)
    }

    /// Whether a pattern that says whose page it is matches this `Origin`: `*` does not, nor does `https://*`.
    pub fn names(&self, origin: &str) -> bool {
        self.1.lists(origin)
    }

    /// Reads the patterns.
    ///
    /// # Errors
    /// Names the one that is not a pattern.
    pub fn new(patterns: &[String]) -> Result<Self, InvalidOrigin> {
        let all = Origins::new(patterns)?;
        let says_whose = |pattern: &&String| {
            let host = pattern.split_once("://").map(|(_, host)| host);
            host.is_some_and(|host| host.bytes().any(|byte| byte.is_ascii_alphanumeric()))
        };
        Ok(Self(all, Origins::new(patterns.iter().filter(says_whose))?))
    }

    pub(super) fn patterns(&self) -> &[Box<str>] {
        self.0.patterns()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(patterns: &[&str]) -> AllowedOrigins {
        AllowedOrigins::new(&patterns.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    /// What a pattern means is the toolkit's to say; here one of several is enough, whatever the case.
    #[test]
    fn one_of_several_patterns_is_enough() {
        let origins = origins(&["https://Example.com/", "http://localhost:*", "null"]);
        for (origin, allowed) in [
            ("https://EXAMPLE.com", true),
            ("http://localhost:3000", true),
            ("null", true),
            ("http://example.com", false),
            ("https://a.example.com", false),
        ] {
            assert_eq!(origins.allows(origin), allowed, "{origin}");
        }
    }

    #[test]
    fn a_pattern_for_everybody_names_nobody() {
        let origins = origins(&["*", "null", "https://*", "https://*.Example.com", "http://[::1]:*"]);
        for (origin, named) in [
            ("https://a.example.com", true),
            ("http://[::1]:3000", true),
            ("https://a.test", false),
            ("null", false),
        ] {
            assert_eq!((origins.allows(origin), origins.names(origin)), (true, named), "{origin}");
        }
    }

    #[test]
    fn no_list_allows_nothing_by_itself() {
        assert!(!AllowedOrigins::default().allows("https://example.com"));
        assert!(AllowedOrigins::default().is_empty());
    }

    #[test]
    fn a_host_alone_is_not_an_origin() {
        for pattern in ["example.com", "*.example.com", "://x", "https://", "https://a/b", ""] {
            assert!(AllowedOrigins::new(&[pattern.to_string()]).is_err(), "{pattern}");
        }
    }
}
