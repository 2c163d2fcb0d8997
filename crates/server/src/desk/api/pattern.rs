//! Which channels are asked for: a pattern as Centrifugo has them, made into a regular expression, which takes time in
//! proportion to a name's length, whatever the pattern.

use regex::{Regex, RegexBuilder};
use wavecast_protocol::centrifuge::Error;

use super::fields::bad_request;

/// The longest pattern, in bytes.
pub(super) const PATTERN_BYTES_MAX: usize = 256;
/// How much memory the compiled pattern may take, in bytes.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// A pattern of channel names.
#[derive(Debug)]
pub(super) struct Pattern(Option<Regex>);

impl Pattern {
    /// Reads a pattern; the empty one matches every name.
    ///
    /// # Errors
    /// 107 for one that is none.
    pub(super) fn new(pattern: &str) -> Result<Self, Error> {
        if pattern.is_empty() {
            return Ok(Self(None));
        }
        let expression = expression(pattern).ok_or_else(|| {
            bad_request("field \"pattern\" must be a pattern: a bracket or brace is not closed")
        })?;
        let compiled =
            RegexBuilder::new(&expression).dot_matches_new_line(true).size_limit(COMPILED_BYTES_MAX).build();
        compiled
            .map(Some)
            .map(Self)
            .map_err(|_| bad_request("field \"pattern\" must be a pattern: this is none"))
    }

    /// Whether it matches a name as a whole.
    pub(super) fn matches(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|regex| regex.is_match(name))
    }
}

fn expression(pattern: &str) -> Option<String> {
    let mut expression = String::from("^(?:");
    let mut rest = pattern.chars();
    let mut depth = 0_u32;
    while let Some(character) = rest.next() {
        match character {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            '[' => set(&mut rest, &mut expression)?,
            '{' => {
                depth += 1;
                expression.push_str("(?:");
            }
            ',' if depth > 0 => expression.push('|'),
            '}' if depth > 0 => {
                depth -= 1;
                expression.push(')');
            }
            '\\' => literal(rest.next()?, &mut expression),
            character => literal(character, &mut expression),
        }
    }
    expression.push_str(")$");
    (depth == 0).then_some(expression)
}

/// `ab]`, `!a-c]`: what follows an opening bracket.
fn set(rest: &mut std::str::Chars<'_>, expression: &mut String) -> Option<()> {
    expression.push('[');
    let mut is_first = true;
    loop {
        match rest.next()? {
            ']' if !is_first => break,
            '!' if is_first && expression.ends_with('[') => {
                expression.push('^');
                continue;
            }
            '-' => expression.push('-'),
            '\\' => literal(rest.next()?, expression),
            character => literal(character, expression),
        }
        is_first = false;
    }
    expression.push(']');
    Some(())
}

fn literal(character: char, expression: &mut String) {
    expression.push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, expected) in [
            ("", "anything", true),
            ("*", "a:b/c.d", true),
            ("news:*", "news:a", true),
            ("news:*", "snews:a", false),
            ("news:?", "news:ä", true),
            ("news:?", "news:ab", false),
            ("a.c", "abc", false),
            ("**", "x", true),
            ("[ab]1", "b1", true),
            ("[!ab]1", "b1", false),
            ("[!ab]1", "c1", true),
            ("[a-c]", "b", true),
            ("[a-c]", "-", false),
            ("[]]", "]", true),
            ("{news,chat:*}:1", "chat:x:1", true),
            ("{news,chat:*}:1", "new:1", false),
            ("a,b", "a,b", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("(a|b)+$", "(a|b)+$", true),
            ("#u1,u2", "#u1,u2", true),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().matches(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for pattern in ["[", "[a", "{a", "a\\", "[b-a]", "[!", "{a,{b}"] {
            assert_eq!(Pattern::new(pattern).unwrap_err().code, 107, "{pattern}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_takes_no_longer() {
        let pattern = Pattern::new(&format!("{}b", "*a".repeat(PATTERN_BYTES_MAX / 2 - 1))).unwrap();
        let since = std::time::Instant::now();
        for _ in 0..10 {
            assert!(!pattern.matches(&"a".repeat(255)));
        }
        assert!(since.elapsed() < std::time::Duration::from_secs(5), "{:?}", since.elapsed());
    }
}
