//! What a shard counts.

use wavecast_hub::SlowConsumer;
use wavecast_protocol::centrifuge::Request;

use super::counter::Own;
use crate::transport::Transport;

/// Kinds of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommandKind {
    Connect,
    Subscribe,
    Unsubscribe,
    Publish,
    Presence,
    PresenceStats,
    History,
    Ping,
    Send,
    Rpc,
    Refresh,
    SubRefresh,
    Pong,
}

impl CommandKind {
    pub(crate) const ALL: [Self; 13] = [
        Self::Connect,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Publish,
        Self::Presence,
        Self::PresenceStats,
        Self::History,
        Self::Ping,
        Self::Send,
        Self::Rpc,
        Self::Refresh,
        Self::SubRefresh,
        Self::Pong,
    ];

    pub(crate) const fn of(request: &Request<'_>) -> Self {
        match request {
            Request::Connect(_) => Self::Connect,
            Request::Subscribe(_) => Self::Subscribe,
            Request::Unsubscribe(_) => Self::Unsubscribe,
            Request::Publish(_) => Self::Publish,
            Request::Presence(_) => Self::Presence,
            Request::PresenceStats(_) => Self::PresenceStats,
            Request::History(_) => Self::History,
            Request::Ping => Self::Ping,
            Request::Send(_) => Self::Send,
            Request::Rpc(_) => Self::Rpc,
            Request::Refresh(_) => Self::Refresh,
            Request::SubRefresh(_) => Self::SubRefresh,
            Request::Pong => Self::Pong,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
            Self::Publish => "publish",
            Self::Presence => "presence",
            Self::PresenceStats => "presence_stats",
            Self::History => "history",
            Self::Ping => "ping",
            Self::Send => "send",
            Self::Rpc => "rpc",
            Self::Refresh => "refresh",
            Self::SubRefresh => "sub_refresh",
            Self::Pong => "pong",
        }
    }
}

/// What one shard counts. Nobody else writes it, so it lies on cache lines of its own (two at a time, since processors fetch
/// them in pairs).
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct ShardTally {
    /// Publications, joins and leaves that were put into the outboxes of subscribers, and their bytes with all framing.
    pub(crate) deliveries: Own,
    pub(crate) delivered_bytes: Own,
    commands: [[Own; CommandKind::ALL.len()]; Transport::ALL.len()],
    accepted: [Own; Transport::ALL.len()],
    ended: [Own; Transport::ALL.len()],
    /// Subscriptions that went live.
    pub(crate) subscribed: Own,
    /// Messages that slow clients lost, by the policy of the channel.
    dropped: [Own; 4],
    /// Who asked to recover: with something, with nothing missed, and not.
    pub(crate) recovered_some: Own,
    pub(crate) recovered_none: Own,
    pub(crate) not_recovered: Own,
    /// Publications in the answers to these.
    pub(crate) recovered_publications: Own,
}

impl ShardTally {
    pub(crate) fn commands(&self, transport: Transport, kind: CommandKind) -> &Own {
        &self.commands[transport as usize][kind as usize]
    }

    /// Sessions that were let in, since the start.
    pub(crate) fn accepted(&self, transport: Transport) -> &Own {
        &self.accepted[transport as usize]
    }

    /// Those of them that have ended.
    pub(crate) fn ended(&self, transport: Transport) -> &Own {
        &self.ended[transport as usize]
    }

    /// Messages that were dropped under a policy.
    pub(crate) fn dropped(&self, policy: SlowConsumer) -> &Own {
        &self.dropped[policy as usize]
    }
}

/// The policies that drop messages, and their names in the configuration.
pub(crate) const POLICIES: [(SlowConsumer, &str); 3] = [
    (SlowConsumer::DropOldest, "drop_oldest"),
    (SlowConsumer::DropNewest, "drop_newest"),
    (SlowConsumer::Latest, "latest"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_stands_at_its_place() {
        for (place, kind) in CommandKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place, "{}", kind.name());
        }
        assert!(POLICIES.iter().all(|(policy, _)| (*policy as usize) < ShardTally::default().dropped.len()));
    }
}
