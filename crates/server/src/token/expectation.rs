//! Whom a token must be from and for: `iss` and `aud` against the configuration.

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::Look;

use super::object::Object;
use super::refusal::Flaw;
use super::settings::KeyProblem;
use crate::config::Token;

/// Largest compiled form of a pattern in the configuration, in bytes.
const REGEX_BYTES_MAX: usize = 1024 * 1024;

/// What named groups of the two patterns matched, for the address of a key set.
pub(super) type Groups = BTreeMap<String, String>;

/// What is expected of `iss` and `aud`.
pub(super) struct Expectation {
    issuer: Expected,
    audience: Expected,
}

enum Expected {
    Anything,
    Exactly(String),
    Match(Regex),
}

impl Expectation {
    /// Reads the four keys; problems are added to `problems`, what is odd to `warnings`.
    pub(super) fn new(settings: &Token, problems: &mut Vec<KeyProblem>, warnings: &mut Vec<String>) -> Self {
        let mut expected = |(key, exact): (&'static str, &String), (regex_key, pattern)| {
            if !exact.is_empty() && !str::is_empty(pattern) {
                problems.push(KeyProblem { key: regex_key, problem: format!("cannot be set beside {key}") });
            }
            match (exact.is_empty(), pattern.is_empty()) {
                (true, true) => Expected::Anything,
                (false, _) => Expected::Exactly(exact.clone()),
                (true, false) => compile(regex_key, pattern, problems, warnings),
            }
        };
        Self {
            issuer: expected(("issuer", &settings.issuer), ("issuer_regex", &settings.issuer_regex)),
            audience: expected(
                ("audience", &settings.audience),
                ("audience_regex", &settings.audience_regex),
            ),
        }
    }

    /// Compares issuer and audience; what the patterns' groups matched is the result.
    pub(super) fn check(&self, claims: &Object<'_>) -> Result<Groups, Flaw> {
        let issuer = claims.text("iss").map_err(|_| Flaw::Claim("iss"))?;
        let audience = audience(claims)?;
        let mut groups = Groups::new();
        if !self.issuer.meets(&issuer, &mut groups) {
            return Err(Flaw::Issuer);
        }
        let anything = matches!(self.audience, Expected::Anything);
        if !anything && !audience.iter().any(|one| self.audience.meets(one, &mut groups)) {
            return Err(Flaw::Audience);
        }
        Ok(groups)
    }
}

impl Expected {
    fn meets(&self, value: &str, groups: &mut Groups) -> bool {
        match self {
            Expected::Anything => true,
            Expected::Exactly(expected) => value == expected,
            Expected::Match(regex) => {
                let Some(captures) = regex.captures(value) else { return false };
                for name in regex.capture_names().flatten() {
                    let matched = captures.name(name).map_or("", |group| group.as_str());
                    groups.insert(name.to_owned(), matched.to_owned());
                }
                true
            }
        }
    }
}

/// `aud` is text or a list of texts (RFC 7519 §4.1.3).
fn audience(claims: &Object<'_>) -> Result<Vec<String>, Flaw> {
    match claims.text("aud") {
        Ok(one) if claims.raw("aud").is_some() => Ok(vec![one.into_owned()]),
        Ok(_) => Ok(Vec::new()),
        Err(_) => claims.texts("aud").map_err(|_| Flaw::Claim("aud")),
    }
}

fn compile(
    key: &'static str,
    pattern: &str,
    problems: &mut Vec<KeyProblem>,
    warnings: &mut Vec<String>,
) -> Expected {
    match RegexBuilder::new(pattern).size_limit(REGEX_BYTES_MAX).build() {
        Ok(regex) => {
            if !is_anchored(pattern) {
                warnings.push(format!(
                    "{key} matches anywhere in the claim, as in Centrifugo: without ^ and $ it takes longer names, too"
                ));
            }
            Expected::Match(regex)
        }
        Err(error) => {
            problems.push(KeyProblem { key, problem: format!("is not a pattern that can be used: {error}") });
            Expected::Anything
        }
    }
}

fn is_anchored(pattern: &str) -> bool {
    regex_syntax::parse(pattern).is_ok_and(|hir| {
        let properties = hir.properties();
        properties.look_set_prefix().contains(Look::Start) && properties.look_set_suffix().contains(Look::End)
    })
}
