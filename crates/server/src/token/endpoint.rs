//! The address of a key set, which may depend on a token's issuer and audience.
//!
//! Those are read before the signature is verified: whoever makes a token chooses them. So what stands in for a
//! placeholder must come from a list of words in the configuration's pattern, and even where the operator has switched
//! that check off it may only be letters, digits, `-`, `_`, `~` and `.`, which cannot leave its place in the address.

use std::sync::Arc;

use hyper::Uri;
use regex_syntax::ast::{Ast, GroupKind, parse::Parser};

use super::expectation::Groups;
use super::refusal::Flaw;
use super::settings::KeyProblem;
use crate::config::Token;

const KEY: &str = "jwks_public_endpoint";

/// An address in pieces.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint(Vec<Piece>);

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Group(String),
}

impl Endpoint {
    /// Reads the address; `None` when there is none, or when it is wrong, which is added to `problems`.
    pub(super) fn new(
        settings: &Token,
        problems: &mut Vec<KeyProblem>,
        warnings: &mut Vec<String>,
    ) -> Option<Self> {
        let address = settings.jwks_public_endpoint.expose();
        if address.is_empty() {
            return None;
        }
        let parsed = pieces(address).ok_or("has {{ without }}");
        match parsed.and_then(|pieces| check_address(&pieces).map(|()| pieces)) {
            Ok(pieces) => {
                for name in pieces.iter().filter_map(Piece::group) {
                    check_group(name, settings, problems, warnings);
                }
                Some(Self(pieces))
            }
            Err(problem) => {
                problems.push(KeyProblem { key: KEY, problem: problem.into() });
                None
            }
        }
    }

    /// Whether the address is the same for every token.
    pub(super) fn is_fixed(&self) -> bool {
        self.0.iter().all(|piece| piece.group().is_none())
    }

    /// The address for a token.
    pub(super) fn resolve(&self, groups: &Groups) -> Result<Arc<str>, Flaw> {
        let mut address = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => address.push_str(text),
                Piece::Group(name) => {
                    let value = groups.get(name).filter(|value| is_harmless(value)).ok_or(Flaw::Endpoint)?;
                    address.push_str(value);
                }
            }
        }
        Ok(address.into())
    }
}

impl Piece {
    fn group(&self) -> Option<&str> {
        match self {
            Piece::Group(name) => Some(name),
            Piece::Text(_) => None,
        }
    }
}

fn pieces(mut rest: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}")?;
        pieces.push(Piece::Text(before.into()));
        pieces.push(Piece::Group(name.into()));
        rest = after;
    }
    pieces.push(Piece::Text(rest.into()));
    Some(pieces)
}

/// An absolute `http` or `https` address. A password in it would appear in the log.
fn check_address(pieces: &[Piece]) -> Result<(), &'static str> {
    let example: String = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Group(_) => "x",
        })
        .collect();
    let uri: Uri = example.parse().map_err(|_| "is not a URL")?;
    let authority = uri.authority().ok_or("is not an absolute URL")?;
    if authority.as_str().contains('@') {
        return Err("may not hold a name and password");
    }
    match uri.scheme_str() {
        Some("http" | "https") => Ok(()),
        _ => Err("must begin with http:// or https://"),
    }
}

/// The group must be there, and match a list of words only.
fn check_group(name: &str, settings: &Token, problems: &mut Vec<KeyProblem>, warnings: &mut Vec<String>) {
    let patterns = [("issuer_regex", &settings.issuer_regex), ("audience_regex", &settings.audience_regex)];
    let mut is_there = false;
    for (key, pattern) in patterns {
        let Some(is_list) = is_list_of_words(pattern, name) else { continue };
        is_there = true;
        if is_list {
            continue;
        }
        let problem = format!(
            "is used by {KEY}, so its group {name} must be a list of words such as one|two|three: whoever makes a \
             token chooses what it matches, and with it where the key comes from"
        );
        if settings.insecure_skip_jwks_endpoint_safety_check {
            warnings.push(format!("{key} {problem}; insecure_skip_jwks_endpoint_safety_check lets it pass"));
        } else {
            problems.push(KeyProblem { key, problem });
        }
    }
    if !is_there {
        let problem =
            format!("has {{{{{name}}}}}, and neither issuer_regex nor audience_regex has such a group");
        problems.push(KeyProblem { key: KEY, problem });
    }
}

fn is_harmless(value: &str) -> bool {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~' | b'.');
    !value.is_empty() && value.bytes().all(safe) && value.bytes().any(|byte| byte != b'.')
}

/// Whether the group of this name matches a list of words only; `None` when the pattern has no such group.
fn is_list_of_words(pattern: &str, name: &str) -> Option<bool> {
    // What cannot be parsed has been reported where the pattern is compiled.
    let tree = Parser::new().parse(pattern).ok()?;
    let mut found = Vec::new();
    groups_named(&tree, name, &mut found);
    (!found.is_empty()).then(|| found.into_iter().all(is_words))
}

fn groups_named<'a>(tree: &'a Ast, name: &str, found: &mut Vec<&'a Ast>) {
    match tree {
        Ast::Group(group) => {
            if matches!(&group.kind, GroupKind::CaptureName { name: own, .. } if own.name == name) {
                found.push(&group.ast);
            }
            groups_named(&group.ast, name, found);
        }
        Ast::Repetition(repetition) => groups_named(&repetition.ast, name, found),
        Ast::Alternation(list) => list.asts.iter().for_each(|one| groups_named(one, name, found)),
        Ast::Concat(list) => list.asts.iter().for_each(|one| groups_named(one, name, found)),
        _ => {}
    }
}

/// Literal text, side by side or to choose from, and nothing that matches more than it says.
fn is_words(tree: &Ast) -> bool {
    match tree {
        Ast::Literal(_) | Ast::Empty(_) => true,
        Ast::Group(group) => is_words(&group.ast),
        Ast::Alternation(list) => list.asts.iter().all(is_words),
        Ast::Concat(list) => list.asts.iter().all(is_words),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(endpoint: &str, issuer_regex: &str, skip: bool) -> (Option<Endpoint>, Vec<KeyProblem>, usize) {
        let settings = Token {
            jwks_public_endpoint: endpoint.into(),
            issuer_regex: issuer_regex.into(),
            insecure_skip_jwks_endpoint_safety_check: skip,
            ..Token::default()
        };
        let (mut problems, mut warnings) = (Vec::new(), Vec::new());
        let endpoint = Endpoint::new(&settings, &mut problems, &mut warnings);
        (endpoint, problems, warnings.len())
    }

    const TEMPLATE: &str = "https://id.test/realms/{{realm}}/certs";

    #[test]
    fn a_list_of_words_may_stand_in_the_address() {
        for pattern in ["/(?P<realm>a|b)$", "(?<realm>one)", "x(?P<realm>(a|b)c|d-e)", "(?P<realm>a\\.b|)"] {
            let (endpoint, problems, warnings) = read(TEMPLATE, pattern, false);
            assert!(problems.is_empty() && warnings == 0, "{pattern}: {problems:?}");
            let groups = Groups::from([("realm".into(), "a".into())]);
            let address = endpoint.unwrap().resolve(&groups).unwrap();
            assert_eq!(&*address, "https://id.test/realms/a/certs");
        }
    }

    #[test]
    fn anything_wider_is_refused_unless_the_operator_insists() {
        for pattern in [
            "(?P<realm>.*)",
            "(?P<realm>[ab])",
            "(?P<realm>a|\\w)",
            "(?P<realm>ab?)",
            "(?P<realm>a|(b+))",
            "(?P<realm>(?i)a)",
        ] {
            let (_, problems, _) = read(TEMPLATE, pattern, false);
            assert_eq!(problems.len(), 1, "{pattern}");
            assert_eq!(problems[0].key, "issuer_regex");
            let (endpoint, problems, warnings) = read(TEMPLATE, pattern, true);
            assert!(problems.is_empty() && warnings == 1, "{pattern}");
            for value in ["", ".", "..", "a/b", "a@b", "a?b", "a#b", "a:1", "a%2fb", "ü", "a b"] {
                let groups = Groups::from([("realm".into(), value.into())]);
                assert_eq!(endpoint.as_ref().unwrap().resolve(&groups), Err(Flaw::Endpoint), "{value}");
            }
        }
    }

    #[test]
    fn what_is_no_address_is_named() {
        for (endpoint, what) in [
            ("certs", "http"),
            ("/certs", "absolute"),
            ("ftp://id.test/certs", "http"),
            ("https://u:s3cret@id.test/certs", "password"),
            ("https://id.test/{{realm", "}}"),
            ("https://id.test/{{realm}}", "realm"),
            ("https://id test/", "URL"),
        ] {
            let (_, problems, _) = read(endpoint, "", false);
            assert_eq!(problems.len(), 1, "{endpoint}");
            assert!(problems[0].problem.contains(what), "{endpoint}: {:?}", problems[0]);
            assert!(!problems[0].problem.contains("s3cret"));
        }
        assert_eq!(read("", "", false), (None, vec![], 0));
        assert!(read("http://id.test:8080/certs?x=1", "", false).0.unwrap().is_fixed());
    }
}
