//! What becomes of clients that do not read: how our own server is told, and how to see that it was done.

use std::fmt;

use clap::ValueEnum;
use serde::Serialize;

use super::control::Woken;

/// What becomes of a client that does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[value(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub(super) enum Policy {
    /// Its connection is closed with 3008
    Disconnect,
    /// The oldest of what waits is dropped
    DropOldest,
    /// What does not fit is dropped
    DropNewest,
    /// Only the newest publication waits
    Latest,
    /// With recovery: the first drop unsubscribes it with 2500
    Recover,
}

/// What the slow clients found when they were woken.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SlowFigures {
    #[serde(flatten)]
    pub(super) woken: Woken,
    /// Those with whom the policy was carried out.
    pub(super) dealt_with: u64,
    /// Publications neither delivered nor said to be dropped; `None` where the policy says nothing.
    pub(super) unaccounted: Option<i64>,
}

impl Policy {
    /// Of our own server. Pings are far apart: who never reads never answers one.
    pub(super) fn settings(self, queue: u32) -> Vec<String> {
        let policy = match self {
            Self::Disconnect => "disconnect",
            Self::DropOldest | Self::Recover => "drop_oldest",
            Self::DropNewest => "drop_newest",
            Self::Latest => "latest",
        };
        let mut settings = vec![
            "client.ping_interval=1h".to_owned(),
            format!("client.queue_max_size={queue}"),
            format!("channel.without_namespace.slow_consumer={policy}"),
        ];
        if self == Self::Recover {
            settings.extend(
                ["history_size=300", "history_ttl=10m", "force_recovery=true"]
                    .map(|option| format!("channel.without_namespace.{option}")),
            );
        }
        settings
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Disconnect => "disconnect",
            Self::DropOldest => "drop_oldest",
            Self::DropNewest => "drop_newest",
            Self::Latest => "latest",
            Self::Recover => "recover",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl SlowFigures {
    /// `published`: to each of the `slow` clients.
    pub(super) fn new(policy: Policy, woken: Woken, published: u64, slow: u32) -> Self {
        let all = published * u64::from(slow);
        let dealt_with = match policy {
            Policy::Disconnect => woken.closed,
            Policy::DropOldest | Policy::DropNewest => woken.told,
            // It says nothing of what it drops, but then what is newest has come.
            Policy::Latest if woken.deliveries < all && u64::from(woken.latest) == published => {
                u64::from(slow)
            }
            Policy::Latest => 0,
            Policy::Recover => woken.unsubscribed,
        };
        let unaccounted = matches!(policy, Policy::DropOldest | Policy::DropNewest)
            .then(|| all.cast_signed() - (woken.deliveries + woken.dropped).cast_signed());
        Self { woken, dealt_with, unaccounted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_seen_in_what_the_slow_clients_found() {
        let woken = Woken { deliveries: 12, latest: 10, told: 2, dropped: 8, unsubscribed: 1, closed: 0 };
        let figures = |policy| {
            let SlowFigures { dealt_with, unaccounted, .. } = SlowFigures::new(policy, woken.clone(), 10, 2);
            (dealt_with, unaccounted)
        };
        assert_eq!(figures(Policy::Disconnect), (0, None));
        assert_eq!(figures(Policy::DropOldest), (2, Some(0)));
        assert_eq!(figures(Policy::DropNewest), (2, Some(0)));
        assert_eq!(figures(Policy::Latest), (2, None));
        assert_eq!(figures(Policy::Recover), (1, None));
        let doubled = SlowFigures::new(Policy::DropNewest, Woken { dropped: 9, ..woken }, 10, 2);
        assert_eq!(doubled.unaccounted, Some(-1));
    }
}
