//! From a channel's name to its options.

use crate::channel::{ChannelError, ChannelRules};
use crate::options::{ChannelOptions, OptionsError};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// The options of every channel: one set for each namespace, and one for the channels outside of them.
///
/// ```
/// use wavecast_hub::{ChannelOptions, ChannelRules, Namespaces};
///
/// let chat = ChannelOptions { history_size: 100, history_ttl_ms: 60_000, ..ChannelOptions::default() };
/// let namespaces = Namespaces::new(ChannelRules::default(), ChannelOptions::default(), [("chat".to_owned(), chat)])?;
/// assert_eq!(namespaces.resolve("chat:room-7").unwrap().history_size, 100);
/// assert_eq!(namespaces.resolve("news").unwrap().history_size, 0);
/// assert!(namespaces.resolve("caht:room-7").is_err());
/// # Ok::<(), wavecast_hub::NamespaceError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Namespaces {
    rules: ChannelRules,
    without_namespace: Arc<ChannelOptions>,
    named: HashMap<Box<str>, Arc<ChannelOptions>>,
}

impl Default for Namespaces {
    /// No namespaces, and every option at its default.
    fn default() -> Self {
        let rules = ChannelRules::default();
        let options = with_meta_ttl(ChannelOptions::default(), &rules);
        Self { rules, without_namespace: Arc::new(options), named: HashMap::new() }
    }
}

impl Namespaces {
    /// Puts the namespaces together.
    ///
    /// # Errors
    /// A name that is malformed or there twice, or options that contradict each other.
    pub fn new(
        rules: ChannelRules,
        without_namespace: ChannelOptions,
        named: impl IntoIterator<Item = (String, ChannelOptions)>,
    ) -> Result<Self, NamespaceError> {
        let checked = |namespace: &str, options: ChannelOptions| match options.check() {
            Ok(()) => Ok(Arc::new(with_meta_ttl(options, &rules))),
            Err(error) => Err(NamespaceError::Options { namespace: namespace.into(), error }),
        };
        let without_namespace = checked("", without_namespace)?;
        let mut table = HashMap::new();
        for (name, options) in named {
            if !is_namespace_name(&name) {
                return Err(NamespaceError::Name { namespace: name.into() });
            }
            let options = checked(&name, options)?;
            if table.contains_key(name.as_str()) {
                return Err(NamespaceError::Twice { namespace: name.into() });
            }
            table.insert(name.into_boxed_str(), options);
        }
        Ok(Self { rules, without_namespace, named: table })
    }

    /// The options of a channel, after checking its name.
    ///
    /// # Errors
    /// The name is not allowed, its namespace is not configured, or the namespace does not allow such names.
    pub fn resolve(&self, channel: &str) -> Result<&Arc<ChannelOptions>, ChannelError> {
        self.rules.check_length(channel)?;
        let namespace = self.rules.namespace_of(channel);
        let (options, rest) = match self.named.get(namespace) {
            Some(options) => (options, self.rules.rest_of(channel)),
            None if namespace.is_empty() || self.rules.allow_undeclared_namespaces => {
                (&self.without_namespace, self.rules.unprefixed(channel))
            }
            None => return Err(ChannelError::UnknownNamespace { namespace: namespace.into() }),
        };
        match &options.channel_pattern {
            Some(pattern) if !pattern.matches(rest) => Err(ChannelError::Pattern),
            Some(_) => Ok(options),
            None => self.rules.check(channel).map(|()| options),
        }
    }

    /// The rules for names, which also say what a name's parts mean.
    pub const fn rules(&self) -> &ChannelRules {
        &self.rules
    }
}

/// Options that say nothing about the metadata's life take the general one.
fn with_meta_ttl(mut options: ChannelOptions, rules: &ChannelRules) -> ChannelOptions {
    if options.history_meta_ttl_ms == 0 {
        options.history_meta_ttl_ms = rules.history_meta_ttl_ms;
    }
    options
}

/// Two or more letters, digits, `-`, `_` and `.`.
fn is_namespace_name(name: &str) -> bool {
    name.len() >= 2 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Why namespaces cannot be put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamespaceError {
    /// The name is malformed.
    Name {
        /// The name.
        namespace: Box<str>,
    },
    /// Two namespaces have this name.
    Twice {
        /// The name.
        namespace: Box<str>,
    },
    /// The options contradict each other.
    Options {
        /// The namespace; empty for the channels outside of all.
        namespace: Box<str>,
        /// What is wrong.
        error: OptionsError,
    },
}

impl fmt::Display for NamespaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { namespace } => write!(
                f,
                "namespace name {namespace:?} is not allowed; use two or more of A-Z, a-z, 0-9, '-', '_' and '.'"
            ),
            Self::Twice { namespace } => write!(f, "namespace {namespace:?} is configured twice"),
            Self::Options { namespace, error } if namespace.is_empty() => {
                write!(f, "channels without a namespace: {error}")
            }
            Self::Options { namespace, error } => write!(f, "namespace {namespace:?}: {error}"),
        }
    }
}

impl std::error::Error for NamespaceError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Result<Namespaces, NamespaceError> {
        let options = names.iter().map(|&name| (name.to_owned(), ChannelOptions::default()));
        Namespaces::new(ChannelRules::default(), ChannelOptions::default(), options)
    }

    #[test]
    fn a_channel_finds_its_namespace() {
        let chat = ChannelOptions { history_size: 7, history_ttl_ms: 1000, ..ChannelOptions::default() };
        let namespaces =
            Namespaces::new(ChannelRules::default(), ChannelOptions::default(), [("chat".to_owned(), chat)])
                .unwrap();
        for (channel, history_size) in
            [("chat:a", 7), ("$chat:a", 7), ("chat:a:b#1", 7), ("chat", 0), (":a", 0)]
        {
            assert_eq!(namespaces.resolve(channel).unwrap().history_size, history_size, "{channel}");
        }
        assert_eq!(
            namespaces.resolve("news:a"),
            Err(ChannelError::UnknownNamespace { namespace: "news".into() })
        );
        assert_eq!(namespaces.resolve(""), Err(ChannelError::Empty));
    }

    #[test]
    fn a_pattern_is_for_what_follows_the_namespace() {
        let pattern = crate::ChannelPattern::new("^[a-z]+$").unwrap();
        let rooms = ChannelOptions { channel_pattern: Some(pattern), ..ChannelOptions::default() };
        let named = [("room".to_owned(), rooms)];
        let namespaces = Namespaces::new(ChannelRules::default(), ChannelOptions::default(), named).unwrap();
        assert!(namespaces.resolve("room:abc").is_ok() && namespaces.resolve("$room:abc").is_ok());
        assert_eq!(namespaces.resolve("room:42"), Err(ChannelError::Pattern));
        assert!(namespaces.resolve("42").is_ok());
    }

    #[test]
    fn an_undeclared_namespace_may_be_none() {
        let chat = ChannelOptions { history_size: 7, history_ttl_ms: 1000, ..ChannelOptions::default() };
        let pattern = crate::ChannelPattern::new("^[a-z:]+$").unwrap();
        let others = ChannelOptions { channel_pattern: Some(pattern), ..ChannelOptions::default() };
        let rules = ChannelRules { allow_undeclared_namespaces: true, ..ChannelRules::default() };
        let namespaces = Namespaces::new(rules, others, [("chat".to_owned(), chat)]).unwrap();
        for (channel, history_size) in
            [("chat:a", 7), ("$chat:A", 7), ("news:a", 0), ("$news:a:b", 0), ("news", 0)]
        {
            assert_eq!(namespaces.resolve(channel).unwrap().history_size, history_size, "{channel}");
        }
        assert_eq!(namespaces.resolve("news:7"), Err(ChannelError::Pattern));
        assert_eq!(namespaces.resolve("NEWS:a"), Err(ChannelError::Pattern), "the whole name has to match");
    }

    #[test]
    fn the_general_meta_ttl_fills_the_gap() {
        let own = ChannelOptions { history_meta_ttl_ms: 5, ..ChannelOptions::default() };
        let rules = ChannelRules { history_meta_ttl_ms: 9, ..ChannelRules::default() };
        let namespaces =
            Namespaces::new(rules, ChannelOptions::default(), [("own".to_owned(), own)]).unwrap();
        assert_eq!(namespaces.resolve("own:a").unwrap().history_meta_ttl_ms, 5);
        assert_eq!(namespaces.resolve("a").unwrap().history_meta_ttl_ms, 9);
    }

    #[test]
    fn malformed_and_repeated_names_are_refused() {
        assert!(named(&["ab", "A-b_c.9"]).is_ok());
        for name in ["", "a", "a b", "a:b", "é"] {
            assert_eq!(named(&[name]).unwrap_err(), NamespaceError::Name { namespace: name.into() });
        }
        assert_eq!(named(&["ab", "ab"]).unwrap_err(), NamespaceError::Twice { namespace: "ab".into() });
    }
}
