//! The paths of routes: `/chat`, `/game/{room}`, `/files/{*path}`.

use std::fmt;

/// Parts of a path that one route may name.
pub(super) const PARAMS_MAX: usize = 8;

/// A path, or many of a shape.
#[derive(Debug)]
pub(super) struct Pattern {
    segments: Vec<Segment>,
    /// The name of what takes the rest of the path, if something does.
    rest: Option<Box<str>>,
}

#[derive(Debug, PartialEq, Eq)]
enum Segment {
    Literal(Box<str>),
    Param(Box<str>),
}

/// The named parts of a path, by a pattern that it matches.
#[derive(Default)]
pub(super) struct Found<'p> {
    pairs: [(&'p str, &'p str); PARAMS_MAX],
    count: usize,
}

/// What is wrong with the path of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPath(String);

impl fmt::Display for InvalidPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidPath {}

impl InvalidPath {
    pub(super) fn taken(path: &str) -> Self {
        Self(format!("the path {path:?} of a route matches what another route does"))
    }
}

impl Pattern {
    pub(super) fn new(path: &str) -> Result<Self, InvalidPath> {
        let wrong = |what: &str| InvalidPath(format!("the path {path:?} of a route {what}"));
        let Some(inner) = path.strip_prefix('/') else { return Err(wrong("must begin with /")) };
        let mut pattern = Self { segments: Vec::new(), rest: None };
        let mut names: Vec<&str> = Vec::new();
        for segment in inner.split('/') {
            if pattern.rest.is_some() {
                return Err(wrong("goes on after the part that takes all of the rest"));
            }
            let Some(name) = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) else {
                if segment.contains(['{', '}', '?', '#']) {
                    return Err(wrong("names a part with {name}, alone between two slashes"));
                }
                pattern.segments.push(Segment::Literal(segment.into()));
                continue;
            };
            let (name, takes_rest) = name.strip_prefix('*').map_or((name, false), |name| (name, true));
            if name.is_empty() || name.contains(['{', '}', '*']) {
                return Err(wrong("has a part whose name is empty or has braces"));
            }
            if names.contains(&name) || names.len() == PARAMS_MAX {
                return Err(wrong("names a part twice, or more than 8"));
            }
            names.push(name);
            if takes_rest {
                pattern.rest = Some(name.into());
            } else {
                pattern.segments.push(Segment::Param(name.into()));
            }
        }
        Ok(pattern)
    }

    /// Matches a path as it was sent, before anything in it is decoded: what is `%2F` there parts nothing.
    pub(super) fn matches<'p>(&'p self, path: &'p str) -> Option<Found<'p>> {
        let mut found = Found::default();
        let mut left = path.strip_prefix('/');
        for segment in &self.segments {
            let (part, rest) = match left?.split_once('/') {
                Some((part, rest)) => (part, Some(rest)),
                None => (left?, None),
            };
            match segment {
                Segment::Literal(literal) if **literal == *part => {}
                Segment::Param(name) if !part.is_empty() => found.push(name, part),
                Segment::Literal(_) | Segment::Param(_) => return None,
            }
            left = rest;
        }
        match (&self.rest, left) {
            (Some(name), Some(rest)) => found.push(name, rest),
            (None, None) => {}
            _ => return None,
        }
        Some(found)
    }

    /// Whether both match the same paths.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let are_same = |(one, other): (&Segment, &Segment)| match (one, other) {
            (Segment::Param(_), Segment::Param(_)) => true,
            (one, other) => one == other,
        };
        self.rest.is_some() == other.rest.is_some()
            && self.segments.len() == other.segments.len()
            && self.segments.iter().zip(&other.segments).all(are_same)
    }

    /// Which of two patterns that match a path is asked: the smaller. Literal before named before the rest, from the left.
    pub(super) fn precedence(&self) -> Vec<u8> {
        let ranks = self.segments.iter().map(|segment| u8::from(matches!(segment, Segment::Param(_))));
        ranks.chain(self.rest.iter().map(|_| 2)).collect()
    }
}

impl<'p> Found<'p> {
    pub(super) fn pairs(&self) -> &[(&'p str, &'p str)] {
        &self.pairs[..self.count]
    }

    fn push(&mut self, name: &'p str, value: &'p str) {
        self.pairs[self.count] = (name, value);
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matches_and_what_it_names() {
        for (pattern, path, named) in [
            ("/", "/", Some(&[][..])),
            ("/", "/a", None),
            ("/chat", "/chat", Some(&[])),
            ("/chat", "/chat/", None),
            ("/chat", "/Chat", None),
            ("/chat", "/chat2", None),
            ("/chat/", "/chat/", Some(&[])),
            ("/game/{room}", "/game/7", Some(&[("room", "7")])),
            ("/game/{room}", "/game/a%2Fb", Some(&[("room", "a%2Fb")])),
            ("/game/{room}", "/game/", None),
            ("/game/{room}", "/game", None),
            ("/game/{room}", "/game/7/8", None),
            ("/{a}/x/{b}", "/1/x/2", Some(&[("a", "1"), ("b", "2")])),
            ("/{a}/x/{b}", "/1/y/2", None),
            ("/files/{*path}", "/files/a/b", Some(&[("path", "a/b")])),
            ("/files/{*path}", "/files/", Some(&[("path", "")])),
            ("/files/{*path}", "/files", None),
            ("/{*path}", "/", Some(&[("path", "")])),
            ("/{*path}", "*", None),
        ] {
            let read = Pattern::new(pattern).unwrap();
            let found = read.matches(path);
            assert_eq!(found.as_ref().map(Found::pairs), named, "{pattern} {path}");
        }
    }

    #[test]
    fn what_is_no_pattern() {
        for path in [
            "",
            "chat",
            "/a{b}",
            "/{}",
            "/{*}",
            "/{a",
            "/{a}/{a}",
            "/{*a}/b",
            "/a?b",
            "/{{a}}",
            "/1/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}",
        ] {
            assert!(Pattern::new(path).is_err(), "{path}");
        }
    }

    #[test]
    fn the_more_exact_pattern_is_asked_first() {
        let order = ["/a/b", "/a/{x}", "/a/{*rest}", "/{x}/b", "/{*rest}"]
            .map(|path| Pattern::new(path).unwrap().precedence());
        assert!(order.is_sorted(), "{order:?}");
    }
}
