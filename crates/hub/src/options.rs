//! What is allowed and kept in a channel. Names, meaning and defaults are those of Centrifugo's configuration
//! (version 6); durations are milliseconds here.

use std::fmt;

/// The options of the channels of one namespace. By default everything is off: nothing is kept, and a client may
/// do nothing in the channel that the back end has not allowed by other means.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChannelOptions {
    /// How many publications the channel's history holds at most. Default 0: no history.
    pub history_size: u32,
    /// How long the history is kept after the latest publication. Default 0: no history.
    pub history_ttl_ms: u64,
    /// How long offset and epoch are kept after they were last used. Default 0: what
    /// [`ChannelRules::history_meta_ttl_ms`](crate::ChannelRules) says, 30 days.
    pub history_meta_ttl_ms: u64,
    /// Every subscription has a position that the server watches over. Default off.
    pub force_positioning: bool,
    /// A client may ask for a watched position. Default off.
    pub allow_positioning: bool,
    /// Every subscription recovers what it missed. Default off. Needs history.
    pub force_recovery: bool,
    /// A client may ask for recovery. Default off. Needs history.
    pub allow_recovery: bool,
    /// A user may subscribe without a token. Default off.
    pub allow_subscribe_for_client: bool,
    /// Beside `allow_subscribe_for_client`: an anonymous user may, too. Default off.
    pub allow_subscribe_for_anonymous: bool,
    /// A user may publish. Default off.
    pub allow_publish_for_client: bool,
    /// A user may publish while subscribed. Default off.
    pub allow_publish_for_subscriber: bool,
    /// Beside the two above: an anonymous user may, too. Default off.
    pub allow_publish_for_anonymous: bool,
    /// A user may read the history. Default off.
    pub allow_history_for_client: bool,
    /// A user may read the history while subscribed. Default off.
    pub allow_history_for_subscriber: bool,
    /// Beside the two above: an anonymous user may, too. Default off.
    pub allow_history_for_anonymous: bool,
    /// The users named behind the user boundary of a channel's name may subscribe without a token. Default off.
    pub allow_user_limited_channels: bool,
}

impl ChannelOptions {
    /// The channel keeps publications.
    pub const fn has_history(&self) -> bool {
        self.history_size > 0 && self.history_ttl_ms > 0
    }

    /// The channel's publications have offsets: it has history, or positions are watched. Without history the
    /// offsets still show a subscriber that it lost something; they just cannot give it back.
    pub const fn has_stream(&self) -> bool {
        self.has_history() || self.force_positioning || self.allow_positioning
    }

    /// How many publications the history holds at most.
    pub(crate) const fn history_kept(&self) -> usize {
        if self.has_history() { self.history_size as usize } else { 0 }
    }

    /// Finds options that contradict each other.
    ///
    /// # Errors
    /// One of size and duration without the other, or recovery without history.
    pub const fn check(&self) -> Result<(), OptionsError> {
        if (self.history_size > 0) != (self.history_ttl_ms > 0) {
            return Err(OptionsError::HalfHistory);
        }
        if (self.force_recovery || self.allow_recovery) && !self.has_history() {
            return Err(OptionsError::RecoveryWithoutHistory);
        }
        Ok(())
    }
}

/// Options that contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionsError {
    /// Only one of `history_size` and `history_ttl` is set.
    HalfHistory,
    /// `force_recovery` or `allow_recovery` without history.
    RecoveryWithoutHistory,
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HalfHistory => "history needs both history_size and history_ttl above zero",
            Self::RecoveryWithoutHistory => {
                "force_recovery and allow_recovery need history: set history_size and history_ttl"
            }
        })
    }
}

impl std::error::Error for OptionsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions_are_named() {
        let history = ChannelOptions { history_size: 10, history_ttl_ms: 1000, ..ChannelOptions::default() };
        assert_eq!(ChannelOptions::default().check(), Ok(()));
        assert_eq!(history.check(), Ok(()));
        assert_eq!(ChannelOptions { force_recovery: true, ..history.clone() }.check(), Ok(()));
        assert_eq!(
            ChannelOptions { history_ttl_ms: 0, ..history.clone() }.check(),
            Err(OptionsError::HalfHistory)
        );
        assert_eq!(ChannelOptions { history_size: 0, ..history }.check(), Err(OptionsError::HalfHistory));
        let recovery = ChannelOptions { allow_recovery: true, ..ChannelOptions::default() };
        assert_eq!(recovery.check(), Err(OptionsError::RecoveryWithoutHistory));
    }
}
