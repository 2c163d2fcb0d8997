//! What the channels of the simulation are like: for the configuration, and for those who keep books.

use std::time::Duration;

use crate::config::{ChannelSettings, Namespace};

/// What one recovery may bring.
pub(super) const RECOVERY_MAX: u64 = 100;
/// The longest time that anything but a position is kept of a channel; some are kept shorter.
const HOUR: Duration = Duration::from_secs(3600);
/// The history that expires, and the position that does.
const BRIEF: Duration = Duration::from_secs(6);
pub(super) const BRIEF_POSITION: Duration = Duration::from_secs(30);

/// The channels of the simulation.
pub(super) const CHANNELS: [&str; 17] = [
    "short:a",
    "short:b",
    "long:a",
    "counted:a",
    "plain:a",
    "plain:b",
    "brief:a",
    "brief:b",
    "cache:a",
    "latest-cache:a",
    "oldest:a",
    "newest:a",
    "latest:a",
    "room:a",
    "asked:a",
    "own:#u1",
    "own:#u2",
];

/// What becomes of who reads too slowly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Slow {
    #[default]
    Disconnect,
    DropOldest,
    DropNewest,
    Latest,
}

/// How the channels of a namespace behave.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kind {
    name: &'static str,
    /// Publications that are kept.
    pub(super) history: u64,
    pub(super) history_ttl: Duration,
    position_ttl: Duration,
    /// Offsets, watched over.
    pub(super) positioned: bool,
    /// A recovery brings the latest publication, not all of them.
    pub(super) caches: bool,
    /// And a first subscription, too.
    pub(super) caches_first: bool,
    pub(super) deltas: bool,
    pub(super) filters: bool,
    /// Who is there can be asked for, and comings and goings are told to those who want to know.
    pub(super) presence: bool,
    pub(super) slow: Slow,
    /// Nobody gets its own publications.
    pub(super) excludes: bool,
    /// The back end decides over subscriptions, and how long they live.
    pub(super) asks: bool,
}

const NONE: Kind = Kind {
    name: "",
    history: 0,
    history_ttl: Duration::ZERO,
    position_ttl: Duration::ZERO,
    positioned: false,
    caches: false,
    caches_first: false,
    deltas: false,
    filters: false,
    presence: false,
    slow: Slow::Disconnect,
    excludes: false,
    asks: false,
};

/// Histories are recovered from, always.
const KEPT: Kind = Kind { history: 10, history_ttl: HOUR, positioned: true, ..NONE };

const KINDS: [Kind; 13] = [
    Kind { name: "short", history: 6, deltas: true, ..KEPT },
    Kind { name: "long", history: 200, filters: true, ..KEPT },
    Kind { name: "counted", positioned: true, presence: true, ..NONE },
    Kind { name: "plain", deltas: true, filters: true, ..NONE },
    Kind {
        name: "brief",
        history: 20,
        history_ttl: BRIEF,
        position_ttl: BRIEF_POSITION,
        deltas: true,
        slow: Slow::DropOldest,
        ..KEPT
    },
    Kind { name: "cache", history: 3, caches: true, caches_first: true, deltas: true, ..KEPT },
    Kind { name: "latest-cache", history: 5, history_ttl: BRIEF, caches: true, filters: true, ..KEPT },
    Kind { name: "oldest", deltas: true, filters: true, slow: Slow::DropOldest, ..NONE },
    Kind { name: "newest", deltas: true, slow: Slow::DropNewest, excludes: true, ..NONE },
    Kind { name: "latest", filters: true, slow: Slow::Latest, ..NONE },
    Kind { name: "room", deltas: true, filters: true, presence: true, excludes: true, ..KEPT },
    Kind { name: "asked", slow: Slow::DropNewest, asks: true, ..KEPT },
    Kind { name: "own", presence: true, ..KEPT },
];

impl Kind {
    /// What a channel is like.
    pub(super) fn of(channel: &str) -> &'static Self {
        let name = channel.split(':').next().unwrap_or_default();
        KINDS.iter().find(|kind| kind.name == name).unwrap_or_else(|| panic!("{channel} is of no kind"))
    }

    /// Whether subscriptions recover what they missed.
    pub(super) fn recovers(&self) -> bool {
        self.history > 0
    }

    /// Whether who reads too slowly loses something, and goes on.
    pub(super) fn is_lossy(&self) -> bool {
        !self.positioned && self.slow != Slow::Disconnect
    }

    fn settings(&self) -> ChannelSettings {
        let word = |word: &str, holds: bool| if holds { word.into() } else { String::new() };
        ChannelSettings {
            history_size: self.history as usize,
            history_ttl: self.history_ttl,
            history_meta_ttl: self.position_ttl,
            force_recovery: self.recovers(),
            force_positioning: self.positioned,
            allow_subscribe_for_client: true,
            allow_subscribe_for_anonymous: true,
            allow_user_limited_channels: true,
            allow_publish_for_client: true,
            allow_publish_for_anonymous: true,
            allow_history_for_client: true,
            allow_history_for_anonymous: true,
            allow_presence_for_client: true,
            allow_presence_for_anonymous: true,
            presence: self.presence,
            join_leave: self.presence,
            force_recovery_mode: word("cache", self.caches),
            auto_cache_recover: self.caches_first,
            allowed_delta_types: self.deltas.then(|| "fossil".into()).into_iter().collect(),
            delta_publish: self.deltas,
            allow_tags_filter: self.filters,
            exclude_publisher: self.excludes,
            slow_consumer: match self.slow {
                Slow::Disconnect => "disconnect",
                Slow::DropOldest => "drop_oldest",
                Slow::DropNewest => "drop_newest",
                Slow::Latest => "latest",
            }
            .into(),
            subscribe_proxy_enabled: self.asks,
            sub_refresh_proxy_enabled: self.asks,
            ..ChannelSettings::default()
        }
    }
}

/// The configuration of all of them.
pub(super) fn namespaces() -> Vec<Namespace> {
    KINDS.iter().map(|kind| Namespace { name: kind.name.into(), settings: kind.settings() }).collect()
}
