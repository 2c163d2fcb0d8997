//! `client.allowed_origins`: which pages may connect from a browser (the `Origin` header, RFC 6454 §7).

/// Patterns of browser origins. Empty = no list was given, and only a page of the same host may connect.
///
/// A pattern is an origin (`https://example.com`), an origin with `*` for any characters but `/`
/// (`https://*.example.com`, `http://localhost:*`), `null`, or `*` for every origin. Case does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<String>);

impl AllowedOrigins {
    /// Whether no list was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of the patterns matches this `Origin`.
    pub fn allows(&self, origin: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        self.0.iter().any(|pattern| pattern == "*" || matches(pattern.as_bytes(), origin.as_bytes()))
    }

    /// Reads the patterns.
    ///
    /// # Errors
    /// Names the one that is not a pattern.
    pub fn new(patterns: &[String]) -> Result<Self, String> {
        patterns.iter().map(|pattern| read(pattern)).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn patterns(&self) -> &[String] {
        &self.0
    }
}

fn read(pattern: &str) -> Result<String, String> {
    let origin = pattern.strip_suffix('/').unwrap_or(pattern).to_ascii_lowercase();
    let whole = match origin.split_once("://") {
        Some((scheme, host)) => !scheme.is_empty() && !host.is_empty() && !host.contains('/'),
        None => origin == "*" || origin == "null",
    };
    if whole { Ok(origin) } else { Err(format!("{pattern:?} is not an origin")) }
}

/// Glob match where `*` stands for any run of bytes but `/`: the last `*` takes one byte more on each mismatch.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && pattern[p] == text[t] {
            (p, t) = (p + 1, t + 1);
        } else if let Some((after, taken)) = star.filter(|&(_, taken)| text[taken] != b'/') {
            star = Some((after, taken + 1));
            (p, t) = (after + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(patterns: &[&str]) -> AllowedOrigins {
        AllowedOrigins::new(&patterns.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn exact_and_patterns() {
        for (pattern, origin, allowed) in [
            ("https://example.com", "https://example.com", true),
            ("https://Example.com/", "https://EXAMPLE.com", true),
            ("https://example.com", "http://example.com", false),
            ("https://example.com", "https://example.com:8443", false),
            ("https://example.com", "https://example.com.evil.test", false),
            ("https://*.example.com", "https://a.example.com", true),
            ("https://*.example.com", "https://a.b.example.com", true),
            ("https://*.example.com", "https://example.com", false),
            ("https://*.example.com", "https://evil.test/.example.com", false),
            ("https://a*b*c", "https://a1b2c", true),
            ("https://a*b*c", "https://a1b2", false),
            ("http://localhost:*", "http://localhost:3000", true),
            ("*", "https://anything.test", true),
            ("*", "null", true),
            ("null", "null", true),
        ] {
            assert_eq!(origins(&[pattern]).allows(origin), allowed, "{pattern} {origin}");
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
