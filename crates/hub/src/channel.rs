//! What a channel's name may be, and what its parts mean.
//!
//! `$chat:room-7#42,43` has the private prefix `$` (a subscription token is needed), lies in the namespace `chat`
//! and is limited to the users 42 and 43. The separators are configuration; these are Centrifugo's defaults.

use std::fmt;

/// The rules for the names of channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRules {
    /// The longest name, in bytes. Default 255.
    pub max_length: usize,
    /// Names that begin with it need a subscription token; empty: no name does. Default `$`.
    pub private_prefix: String,
    /// Stands between the namespace and the rest of the name; empty: there are no namespaces. Default `:`.
    pub namespace_boundary: String,
    /// A name whose namespace nobody declared lies in none, instead of being refused. Default false.
    pub allow_undeclared_namespaces: bool,
    /// What follows the last one names the users who may subscribe; empty: no name is limited. Default `#`.
    pub user_boundary: String,
    /// Stands between the users; empty: there is just one. Default `,`.
    pub user_separator: String,
    /// How long a channel's offset and epoch are kept after their last use, where its namespace says nothing.
    /// Default 30 days.
    pub history_meta_ttl_ms: u64,
}

impl Default for ChannelRules {
    fn default() -> Self {
        Self {
            max_length: 255,
            private_prefix: "$".into(),
            namespace_boundary: ":".into(),
            allow_undeclared_namespaces: false,
            user_boundary: "#".into(),
            user_separator: ",".into(),
            history_meta_ttl_ms: 30 * 24 * 60 * 60 * 1000,
        }
    }
}

impl ChannelRules {
    /// Checks the length of a name, and that it has no control characters: whatever a pattern allows, a name is a line.
    ///
    /// # Errors
    /// Names what is allowed.
    pub fn check_length(&self, channel: &str) -> Result<(), ChannelError> {
        if channel.is_empty() {
            return Err(ChannelError::Empty);
        }
        if channel.len() > self.max_length {
            return Err(ChannelError::TooLong { bytes: channel.len(), bytes_max: self.max_length });
        }
        match channel.bytes().position(|byte| byte.is_ascii_control()) {
            Some(at) => Err(ChannelError::Character { at }),
            None => Ok(()),
        }
    }

    /// Checks the form of a name where no pattern does: one to `max_length` bytes, all of them printable ASCII (space to
    /// `~`).
    ///
    /// # Errors
    /// Names what is allowed.
    pub fn check(&self, channel: &str) -> Result<(), ChannelError> {
        self.check_length(channel)?;
        match channel.bytes().position(|byte| !matches!(byte, b' '..=b'~')) {
            Some(at) => Err(ChannelError::Character { at }),
            None => Ok(()),
        }
    }

    /// The channel needs a subscription token.
    pub fn is_private(&self, channel: &str) -> bool {
        !self.private_prefix.is_empty() && channel.starts_with(&self.private_prefix)
    }

    /// The name of the channel's namespace; empty when it lies in none. Whether that is declared is not known here.
    pub fn namespace_of<'c>(&self, channel: &'c str) -> &'c str {
        self.parts(channel).0
    }

    /// What follows the namespace in a channel's name; all of it, but for the private prefix, when it lies in none.
    pub fn rest_of<'c>(&self, channel: &'c str) -> &'c str {
        self.parts(channel).1
    }

    /// The name without the private prefix.
    pub(crate) fn unprefixed<'c>(&self, channel: &'c str) -> &'c str {
        channel.strip_prefix(self.private_prefix.as_str()).unwrap_or(channel)
    }

    /// Namespace and rest, without the private prefix.
    fn parts<'c>(&self, channel: &'c str) -> (&'c str, &'c str) {
        let name = self.unprefixed(channel);
        let boundary = Some(self.namespace_boundary.as_str()).filter(|boundary| !boundary.is_empty());
        boundary.and_then(|boundary| name.split_once(boundary)).unwrap_or(("", name))
    }

    /// The channel's name limits who may subscribe.
    pub fn is_user_limited(&self, channel: &str) -> bool {
        !self.user_boundary.is_empty() && channel.contains(&self.user_boundary)
    }

    /// The channel's name does not shut the user out: it names no users, or this one among them.
    pub fn is_user_allowed(&self, channel: &str, user: &str) -> bool {
        if self.user_boundary.is_empty() {
            return true;
        }
        match channel.rsplit_once(self.user_boundary.as_str()) {
            None => true,
            Some((_, users)) if self.user_separator.is_empty() => users == user,
            Some((_, users)) => users.split(self.user_separator.as_str()).any(|named| named == user),
        }
    }
}

/// Whether a channel is the program's own: its name begins with U+0000, which [`ChannelRules`] allow in no name.
#[must_use]
pub fn is_internal(channel: &str) -> bool {
    channel.as_bytes().first() == Some(&0)
}

/// Why a name is no channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelError {
    /// The name is empty.
    Empty,
    /// The name is too long.
    TooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The most that is allowed.
        bytes_max: usize,
    },
    /// The name holds a character outside printable ASCII.
    Character {
        /// The index of its first byte.
        at: usize,
    },
    /// The name's namespace is not configured. A client is answered 102, unknown channel.
    UnknownNamespace {
        /// The namespace of the name.
        namespace: Box<str>,
    },
    /// The name does not match the pattern of its namespace.
    Pattern,
}

impl fmt::Display for ChannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a channel needs a name of at least one character"),
            Self::TooLong { bytes, bytes_max } => {
                write!(f, "the channel's name has {bytes} bytes; at most {bytes_max} are allowed")
            }
            Self::Character { at } => {
                write!(f, "byte {at} of the channel's name is not allowed; use printable ASCII, space to '~'")
            }
            Self::Pattern => f.write_str("the channel's name does not match channel_regex of its namespace"),
            Self::UnknownNamespace { namespace } => {
                write!(f, "namespace {namespace:?} is not configured; list it in channel.namespaces")
            }
        }
    }
}

impl std::error::Error for ChannelError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_printable_ascii_of_bounded_length() {
        let rules = ChannelRules::default();
        for name in ["a", "news", "chat:room 7#42,43", "$private~", &"x".repeat(255)] {
            assert_eq!(rules.check(name), Ok(()), "{name}");
        }
        assert_eq!(rules.check(""), Err(ChannelError::Empty));
        assert_eq!(rules.check(&"x".repeat(256)), Err(ChannelError::TooLong { bytes: 256, bytes_max: 255 }));
        for (name, at) in [("a\nb", 1), ("café", 3), ("\u{7f}", 0), ("nul\0", 3)] {
            assert_eq!(rules.check(name), Err(ChannelError::Character { at }), "{name:?}");
        }
    }

    #[test]
    fn a_name_falls_into_parts() {
        let rules = ChannelRules::default();
        for (name, namespace, private, limited) in [
            ("news", "", false, false),
            ("chat:room", "chat", false, false),
            ("chat:room:7", "chat", false, false),
            ("$chat:room", "chat", true, false),
            ("$room", "", true, false),
            (":room", "", false, false),
            ("chat:dialog#1,2", "chat", false, true),
            ("personal#1", "", false, true),
        ] {
            assert_eq!(rules.namespace_of(name), namespace, "{name}");
            assert_eq!(rules.is_private(name), private, "{name}");
            assert_eq!(rules.is_user_limited(name), limited, "{name}");
        }
    }

    #[test]
    fn the_last_user_boundary_names_the_users() {
        let rules = ChannelRules::default();
        assert!(rules.is_user_allowed("news", "anybody"));
        assert!(rules.is_user_allowed("dialog#1,2", "2"));
        assert!(!rules.is_user_allowed("dialog#1,2", "3"));
        assert!(!rules.is_user_allowed("dialog#1,2", "1,2"));
        assert!(!rules.is_user_allowed("dialog#1,2", ""));
        assert!(rules.is_user_allowed("a#1#2", "2") && !rules.is_user_allowed("a#1#2", "1"));

        let one = ChannelRules { user_separator: String::new(), ..rules };
        assert!(one.is_user_allowed("dialog#1,2", "1,2") && !one.is_user_allowed("dialog#1,2", "1"));
        let none = ChannelRules { user_boundary: String::new(), ..one };
        assert!(none.is_user_allowed("dialog#1", "2") && !none.is_user_limited("dialog#1"));
    }

    #[test]
    fn separators_can_be_turned_off() {
        let rules = ChannelRules {
            private_prefix: String::new(),
            namespace_boundary: String::new(),
            ..ChannelRules::default()
        };
        assert!(!rules.is_private("$room"));
        assert_eq!(rules.namespace_of("chat:room"), "");
    }
}
