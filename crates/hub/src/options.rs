//! What is allowed and kept in a channel. Names, meaning and defaults are those of Centrifugo's configuration
//! (version 6); durations are milliseconds here.

use std::fmt;
use std::sync::Arc;

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
    /// Who is subscribed can be asked for. Default off.
    pub presence: bool,
    /// Joins and leaves are told to the subscribers that ask for it. Default off.
    pub join_leave: bool,
    /// They are told to every subscriber. Default off.
    pub force_push_join_leave: bool,
    /// A user may ask who is there. Default off.
    pub allow_presence_for_client: bool,
    /// A user may ask while subscribed. Default off.
    pub allow_presence_for_subscriber: bool,
    /// Beside the two above: an anonymous user may, too. Default off.
    pub allow_presence_for_anonymous: bool,
    /// What a recovery brings. Default: the stream.
    pub recovery_mode: RecoveryMode,
    /// In cache mode a first subscription gets the latest publication, too. Default off.
    pub auto_cache_recover: bool,
    /// A subscriber may ask for Fossil deltas. Default off.
    pub allow_delta: bool,
    /// Publications are deltas for those who take them even where the publisher does not say so. Default off.
    pub delta_publish: bool,
    /// A subscriber may give a filter over tags. Default off.
    pub allow_tags_filter: bool,
    /// What a payload may be. Default: anything; clients in JSON get what is no JSON as base64 text.
    pub data_format: DataFormat,
    /// The longest payload of a publication, bytes. Default 0: no limit of the channel's own.
    pub publication_bytes_max: u32,
    /// Whoever publishes as a client is not sent its own publication. Default off.
    pub exclude_publisher: bool,
    /// What becomes of a subscriber that reads too slowly. Default: it is disconnected with 3008.
    pub slow_consumer: SlowConsumer,
    /// The back end is told when the channel gets its first subscriber and loses its last. Default off.
    pub occupancy_events: bool,
    /// The back end is told when a subscription ends. Default off.
    pub unsubscribed_events: bool,
    /// The hook that decides over subscriptions, by name. Default: none.
    pub subscribe_hook: Option<Arc<str>>,
    /// The hook that decides over clients' publications, by name. Default: none.
    pub publish_hook: Option<Arc<str>>,
    /// The hook that keeps subscriptions alive, by name. Default: none.
    pub sub_refresh_hook: Option<Arc<str>>,
    /// Names of channels have to match. Default: none, any name does.
    pub channel_pattern: Option<ChannelPattern>,
    /// Subscriptions are of a kind that this server does not offer (maps, shared polls): 108. Default off.
    pub not_offered: bool,
}

/// What a recovery brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RecoveryMode {
    /// Every publication that was missed, or the word that this is not possible.
    #[default]
    Stream,
    /// The latest publication, unless the client has it.
    Cache,
}

/// What a payload may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DataFormat {
    /// Anything.
    #[default]
    Any,
    /// JSON only.
    Json,
    /// JSON objects only.
    JsonObject,
    /// Any bytes; clients in JSON get base64 text, even where the bytes are JSON.
    Binary,
}

/// What becomes of a subscriber whose outbox is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SlowConsumer {
    /// The connection ends with 3008.
    #[default]
    Disconnect,
    /// The oldest publications of the channel that wait are dropped.
    DropOldest,
    /// The publication that does not fit is dropped.
    DropNewest,
    /// Of what waits, only the newest is kept: per channel, or per value of the tag `key`. Where there is no room for it the
    /// connection ends with 3008.
    Latest,
}

/// A pattern that names of channels have to match: a regular expression, compiled.
#[derive(Clone)]
pub struct ChannelPattern(regex::Regex);

impl ChannelPattern {
    /// Compiles the expression, bounded in size.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn new(expression: &str) -> Result<Self, String> {
        regex::RegexBuilder::new(expression)
            .size_limit(PATTERN_BYTES_MAX)
            .build()
            .map(Self)
            .map_err(|error| error.to_string())
    }

    /// Whether the name matches.
    pub fn matches(&self, channel: &str) -> bool {
        self.0.is_match(channel)
    }
}

/// Memory of one compiled pattern, bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

impl PartialEq for ChannelPattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for ChannelPattern {}

impl fmt::Debug for ChannelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_str().fmt(f)
    }
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

    /// A subscription may have a position.
    pub const fn has_positions(&self) -> bool {
        self.force_positioning || self.allow_positioning || self.force_recovery || self.allow_recovery
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
        if matches!(self.slow_consumer, SlowConsumer::Latest) && self.has_positions() {
            return Err(OptionsError::LatestWithPositions);
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
    /// `latest` replaces publications without a word: there must be no position that would show the gap.
    LatestWithPositions,
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HalfHistory => "history needs both history_size and history_ttl above zero",
            Self::RecoveryWithoutHistory => {
                "force_recovery and allow_recovery need history: set history_size and history_ttl"
            }
            Self::LatestWithPositions => {
                "slow_consumer \"latest\" needs a namespace without recovery and positioning"
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
