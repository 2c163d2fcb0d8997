//! `caps`: what a connection may do in which channels, so that one token serves many channels.
//!
//! A list of `{"channels": […], "match": "" | "exact" | "wildcard" | "regex", "allow": ["sub", "pub", "prs", "hst"]}`. As in
//! Centrifugo PRO the first entry that names a channel decides, whatever later ones say.

use std::fmt;

use regex::{RegexSet, RegexSetBuilder};

use super::object::Object;
use crate::hooks::Capability;

/// Entries of one list; patterns of one entry.
const ENTRIES_MAX: usize = 64;
const PATTERNS_MAX: usize = 64;
/// Names and patterns of one list together, in bytes.
const PATTERN_BYTES_MAX: usize = 16 * 1024;
/// Steps to the most that the compiled regular expressions of one list may take, in bytes. Every connection keeps its own,
/// and how much it takes is known by the step at which it can be compiled.
const REGEX_BYTES: [usize; 4] = [4 << 10, 16 << 10, 64 << 10, 256 << 10];

/// What somebody wants to do in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// `sub`: subscribe.
    Subscribe,
    /// `pub`: publish.
    Publish,
    /// `prs`: ask who is there, and be told of joins and leaves.
    Presence,
    /// `hst`: read the history, be positioned, recover.
    History,
}

/// A set of [`Action`]s: the `allow` of an entry or of a subscription token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowed(u8);

impl Allowed {
    /// Whether the action is in the set.
    #[must_use]
    pub fn contains(self, action: Action) -> bool {
        self.0 & bit(action) != 0
    }

    /// Reads the words; `None` when one is unknown: what it would allow cannot be guessed.
    pub(crate) fn from_words(words: &[String]) -> Option<Self> {
        words.iter().try_fold(Self::default(), |set, word| {
            let action = match word.as_str() {
                "sub" => Action::Subscribe,
                "pub" => Action::Publish,
                "prs" => Action::Presence,
                "hst" => Action::History,
                _ => return None,
            };
            Some(Self(set.0 | bit(action)))
        })
    }
}

fn bit(action: Action) -> u8 {
    match action {
        Action::Subscribe => 1,
        Action::Publish => 2,
        Action::Presence => 4,
        Action::History => 8,
    }
}

/// A list of capabilities, compiled once, when the connection comes.
#[derive(Clone)]
pub struct Capabilities {
    entries: Box<[Entry]>,
    /// The regular expressions of all entries, each for a whole name, in the order of the entries.
    regexes: Option<RegexSet>,
    /// What it takes in memory, about.
    bytes: usize,
}

#[derive(Clone)]
struct Entry {
    channels: Channels,
    allowed: Allowed,
}

#[derive(Clone)]
enum Channels {
    Exact(Box<[Box<str>]>),
    Wildcard(Box<[Box<str>]>),
    /// How many expressions of the set are this entry's.
    Regex(usize),
}

impl Capabilities {
    /// Whether the first entry that names the channel allows the action.
    #[must_use]
    pub fn allows(&self, channel: &str, action: Action) -> bool {
        self.allowed(channel).contains(action)
    }

    /// Everything that the first entry that names the channel allows.
    #[must_use]
    pub fn allowed(&self, channel: &str) -> Allowed {
        let matched = self.regexes.as_ref().map(|set| set.matches(channel));
        let mut next = 0;
        for entry in &self.entries {
            let names = match &entry.channels {
                Channels::Exact(names) => names.iter().any(|name| **name == *channel),
                Channels::Wildcard(patterns) => patterns.iter().any(|pattern| wildcard(pattern, channel)),
                Channels::Regex(count) => {
                    let own = next..next + count;
                    next = own.end;
                    matched.as_ref().is_some_and(|matched| own.into_iter().any(|at| matched.matched(at)))
                }
            };
            if names {
                return entry.allowed;
            }
        }
        Allowed::default()
    }

    /// Those that a hook gives.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub(crate) fn of_hook(capabilities: &[Capability]) -> Result<Self, &'static str> {
        let mut patterns = Patterns::default();
        let entry = |capability: &Capability| {
            let Capability { channels, matching, allow } = capability;
            patterns.read(channels.clone(), matching, Allowed::from_words(allow)?)
        };
        let entries = (capabilities.len() <= ENTRIES_MAX)
            .then(|| capabilities.iter().map(entry).collect::<Option<_>>())
            .flatten();
        let entries = entries.ok_or("too many of them, or an unknown match or allow, or a bad pattern")?;
        Self::compiled(entries, patterns).ok_or("its patterns take too much memory")
    }

    /// What it takes in memory, about, bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Reads the entries; `None` when they are too many or one makes no sense.
    pub(super) fn read(entries: &[Object<'_>]) -> Option<Self> {
        if entries.len() > ENTRIES_MAX {
            return None;
        }
        let mut patterns = Patterns::default();
        let entries = entries.iter().map(|entry| read_entry(entry, &mut patterns)).collect::<Option<_>>()?;
        Self::compiled(entries, patterns)
    }

    fn compiled(entries: Box<[Entry]>, patterns: Patterns) -> Option<Self> {
        let Patterns { expressions, count, bytes } = patterns;
        let compiled = |bytes_max: usize| {
            // Without the lazy DFA, whose cache would cost each connection far more than the expression.
            let set = RegexSetBuilder::new(&expressions).size_limit(bytes_max).dfa_size_limit(0).build();
            Some((Some(set.ok()?), bytes_max))
        };
        let (regexes, regex_bytes) =
            if expressions.is_empty() { (None, 0) } else { REGEX_BYTES.into_iter().find_map(compiled)? };
        let entries_bytes = size_of_val(&*entries) + count * size_of::<Box<str>>();
        Some(Self { entries, regexes, bytes: size_of::<Self>() + entries_bytes + bytes + regex_bytes })
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Capabilities({} entries)", self.entries.len())
    }
}

fn read_entry(entry: &Object<'_>, patterns: &mut Patterns) -> Option<Entry> {
    let channels = entry.texts("channels").ok()?;
    let allowed = Allowed::from_words(&entry.texts("allow").ok()?)?;
    patterns.read(channels, &entry.text("match").ok()?, allowed)
}

/// The names and patterns of a list while it is read.
#[derive(Default)]
struct Patterns {
    expressions: Vec<String>,
    count: usize,
    bytes: usize,
}

impl Patterns {
    /// An entry with those of its own; `None` when there are too many of them or one makes no sense.
    fn read(&mut self, channels: Vec<String>, matching: &str, allowed: Allowed) -> Option<Entry> {
        self.count += channels.len();
        self.bytes += channels.iter().map(String::len).sum::<usize>();
        if channels.len() > PATTERNS_MAX || self.bytes > PATTERN_BYTES_MAX {
            return None;
        }
        let boxed = |names: Vec<String>| names.into_iter().map(String::into_boxed_str).collect();
        let channels = match matching {
            "" | "exact" => Channels::Exact(boxed(channels)),
            "wildcard" => Channels::Wildcard(boxed(channels)),
            "regex" => {
                let count = channels.len();
                for pattern in channels {
                    // A pattern that is not whole by itself, such as `a)|(b`, could leave the group it is put into.
                    regex_syntax::parse(&pattern).ok()?;
                    self.expressions.push(format!("^(?:{pattern})$"));
                }
                Channels::Regex(count)
            }
            _ => return None,
        };
        Some(Entry { channels, allowed })
    }
}

/// Whether the pattern fits the whole name; `*` stands for any run of characters, also for none. Time grows with the
/// product of both lengths at most.
fn wildcard(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    // Where to go on after the last `*`, and how much of the name it has taken.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p + 1, n));
            p += 1;
        } else if p < pattern.len() && pattern[p] == name[n] {
            (p, n) = (p + 1, n + 1);
        } else if let Some((after, taken)) = star {
            star = Some((after, taken + 1));
            (p, n) = (after, taken + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(json: &str) -> Option<Capabilities> {
        let entries: Vec<Object<'_>> = serde_json::from_str(json).unwrap();
        Capabilities::read(&entries)
    }

    const ALL: [Action; 4] = [Action::Subscribe, Action::Publish, Action::Presence, Action::History];

    #[test]
    fn each_way_to_name_channels() {
        let table = [
            ("", "news", "news", true),
            ("", "news", "news2", false),
            ("", "ne*", "news", false),
            ("exact", "news", "news", true),
            ("wildcard", "*", "anything:at/all", true),
            ("wildcard", "*", "", true),
            ("wildcard", "news:*", "news:", true),
            ("wildcard", "news:*", "news:a:b", true),
            ("wildcard", "news:*", "xnews:a", false),
            ("wildcard", "a*b*c", "a1b2b3c", true),
            ("wildcard", "a*b*c", "a1b2", false),
            ("wildcard", "*ü", "xü", true),
            ("regex", "news|sport", "sport", true),
            ("regex", "news|sport", "sports", false),
            ("regex", "news|sport", "xnews", false),
            ("regex", "user_\\d+", "user_42", true),
            ("regex", "user_\\d+", "user_42\n", false),
            ("regex", "a|ab", "ab", true),
            ("regex", "", "", true),
            ("regex", "", "x", false),
            ("regex", ".*", "line\nline", false),
        ];
        for (kind, pattern, channel, allowed) in table {
            let json =
                serde_json::json!([{"channels": [pattern], "match": kind, "allow": ["sub"]}]).to_string();
            let capabilities = read(&json).unwrap();
            assert_eq!(
                capabilities.allows(channel, Action::Subscribe),
                allowed,
                "{kind} {pattern} {channel:?}"
            );
            assert!(!capabilities.allows(channel, Action::Publish));
        }
    }

    #[test]
    fn the_first_entry_that_names_the_channel_decides() {
        let capabilities = read(
            r#"[{"channels":["a.*"],"match":"regex","allow":["pub"]},
                {"channels":["ab"],"allow":["sub"]},
                {"channels":["b.*","c"],"match":"regex","allow":["hst","prs"]},
                {"channels":["*"],"match":"wildcard","allow":["sub"]}]"#,
        )
        .unwrap();
        let allowed = |channel: &str| ALL.map(|action| u8::from(capabilities.allows(channel, action)));
        assert_eq!(allowed("ab"), [0, 1, 0, 0]);
        assert_eq!(allowed("bx"), [0, 0, 1, 1]);
        assert_eq!(allowed("c"), [0, 0, 1, 1]);
        assert_eq!(allowed("d"), [1, 0, 0, 0]);
        assert_eq!(read("[]").unwrap().allowed("d"), Allowed::default());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for entry in [
            r#"{"channels":["a)|(b"],"match":"regex","allow":[]}"#,
            r#"{"channels":["("],"match":"regex","allow":[]}"#,
            r#"{"channels":["(?x)a #"],"match":"regex","allow":[]}"#,
            r#"{"channels":["(\\w{100}){100}"],"match":"regex","allow":[]}"#,
            r#"{"channels":["a"],"match":"glob","allow":[]}"#,
            r#"{"channels":["a"],"allow":["all"]}"#,
            r#"{"channels":"a","allow":[]}"#,
            r#"{"channels":[7],"allow":[]}"#,
            r#"{"channels":["a"],"allow":"sub"}"#,
        ] {
            assert!(read(&format!("[{entry}]")).is_none(), "{entry}");
        }
        let many = vec![r#"{"channels":[],"allow":[]}"#; 65].join(",");
        assert!(read(&format!("[{many}]")).is_none());
        let long = serde_json::json!([{"channels": vec!["a"; 65], "allow": []}]).to_string();
        assert!(read(&long).is_none());
        let of_bytes = |bytes: usize| {
            let names = vec!["a".repeat(bytes / 8); 4];
            let capability =
                Capability { channels: names, matching: String::new(), allow: vec!["sub".to_owned()] };
            Capabilities::of_hook(&[capability.clone(), capability])
        };
        assert!(of_bytes(PATTERN_BYTES_MAX).is_ok());
        assert!(of_bytes(PATTERN_BYTES_MAX + 8).is_err());
    }

    #[test]
    fn what_is_compiled_is_counted() {
        let bytes = |pattern: &str, kind: &str| {
            let json = serde_json::json!([{"channels": [pattern], "match": kind, "allow": ["sub"]}]);
            read(&json.to_string()).unwrap().bytes()
        };
        assert!(bytes("news:*", "wildcard") < 512);
        assert!((4 << 10..8 << 10).contains(&bytes("news:[a-z]+", "regex")));
        assert!(bytes("\\w{3}", "regex") > 64 << 10);
    }

    proptest! {
        /// A wildcard pattern is the regular expression that it reads like.
        #[test]
        fn wildcards_are_what_they_read_like(pattern in "[ab*]{0,8}", name in "[ab]{0,10}") {
            let expression: Vec<String> = pattern.split('*').map(regex::escape).collect();
            let regex = regex::Regex::new(&format!("^{}$", expression.join(".*"))).unwrap();
            prop_assert_eq!(wildcard(&pattern, &name), regex.is_match(&name));
        }
    }
}
