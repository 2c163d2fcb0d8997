//! Which hooks there are.

/// A kind of hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// May this client connect?
    Connect,
    /// Is this connection still good?
    Refresh,
    /// May this client subscribe?
    Subscribe,
    /// Is this subscription still good?
    SubRefresh,
    /// May this client publish?
    Publish,
    /// A method of the back end.
    Rpc,
    /// A connection ended.
    Disconnected,
    /// A subscription ended.
    Unsubscribed,
    /// A channel got its first subscriber, or lost its last.
    Occupancy,
}

impl Hook {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Connect,
        Self::Refresh,
        Self::Subscribe,
        Self::SubRefresh,
        Self::Publish,
        Self::Rpc,
        Self::Disconnected,
        Self::Unsubscribed,
        Self::Occupancy,
    ];

    /// Those that an entry of `proxies` may be called for, where a namespace names it.
    pub const NAMED: [Self; 4] = [Self::Subscribe, Self::SubRefresh, Self::Publish, Self::Rpc];

    /// Its name in the configuration, in metrics and in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Refresh => "refresh",
            Self::Subscribe => "subscribe",
            Self::SubRefresh => "sub_refresh",
            Self::Publish => "publish",
            Self::Rpc => "rpc",
            Self::Disconnected => "disconnected",
            Self::Unsubscribed => "unsubscribed",
            Self::Occupancy => "state",
        }
    }
}

/// A set of hooks: those that somebody handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wants(u16);

impl Wants {
    /// None.
    pub const NOTHING: Self = Self(0);

    /// This one as well.
    #[must_use]
    pub const fn and(self, hook: Hook) -> Self {
        Self(self.0 | 1 << hook as u16)
    }

    /// Those of either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it is handled.
    pub const fn has(self, hook: Hook) -> bool {
        self.0 & 1 << hook as u16 != 0
    }
}

impl FromIterator<Hook> for Wants {
    fn from_iter<I: IntoIterator<Item = Hook>>(hooks: I) -> Self {
        hooks.into_iter().fold(Self::NOTHING, Self::and)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_into_it() {
        for hook in Hook::ALL {
            let one = Wants::NOTHING.and(hook);
            let has: Vec<_> = Hook::ALL.into_iter().filter(|&other| one.has(other)).collect();
            assert_eq!(has, [hook]);
        }
        let two: Wants = [Hook::Connect, Hook::Rpc].into_iter().collect();
        assert_eq!(two, Wants::NOTHING.and(Hook::Rpc).or(Wants::NOTHING.and(Hook::Connect)));
    }
}
