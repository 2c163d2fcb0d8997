//! What the node counts, for its operator.
//!
//! What happens for every delivery or command is counted by the shard itself, in numbers that nobody else writes
//! (`ShardTally`); what is rarer by whoever sees it, in numbers that all share. Nothing here takes a lock.
//! [`scrape`](crate::scrape) adds up and says it.
//!
//! - `counter`: numbers with one writer, and with many; `codes`: one for each code that comes; `histogram`: how long things took
//! - `shard`: what a shard counts; `calls`: calls of the API and of hooks; `polls`: polls; `page`: the format

mod calls;
mod codes;
mod counter;
mod histogram;
mod page;
mod polls;
mod shard;

use std::sync::Arc;

pub(crate) use self::calls::{ApiMeter, HookMeter, HookOutcome};
pub(crate) use self::codes::Codes;
pub(crate) use self::counter::{Own, Shared};
pub(crate) use self::histogram::Reading;
pub use self::page::Form;
pub(crate) use self::page::{Family, Kind, Page};
pub(crate) use self::polls::{PollOutcome, PollTally};
pub(crate) use self::shard::{CommandKind, POLICIES, ShardTally};
use crate::transport::Transport;

/// Where a publication comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The HTTP API.
    Api,
    /// A client's command.
    Client,
    /// The program around the server: its hooks in Rust, the demo applications.
    Server,
}

impl Source {
    pub(crate) const ALL: [Self; 3] = [Self::Api, Self::Client, Self::Server];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// Why a publication was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotPublished {
    /// The inbox of a shard stayed full.
    Inbox,
    /// `memory.max` is reached.
    Memory,
    /// `engine.memory.channel_limit` is reached.
    Channels,
}

impl NotPublished {
    pub(crate) const ALL: [Self; 3] = [Self::Inbox, Self::Memory, Self::Channels];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Inbox => "inbox_full",
            Self::Memory => "memory",
            Self::Channels => "channel_limit",
        }
    }
}

/// Why a client's handshake was refused, where that was the push server's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAdmitted {
    Path,
    Request,
    Host,
    Origin,
    Memory,
    ConnectionLimit,
    ConnectionRate,
    AddressLimit,
    AddressRate,
}

impl NotAdmitted {
    pub(crate) const ALL: [Self; 9] = [
        Self::Path,
        Self::Request,
        Self::Host,
        Self::Origin,
        Self::Memory,
        Self::ConnectionLimit,
        Self::ConnectionRate,
        Self::AddressLimit,
        Self::AddressRate,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Request => "request",
            Self::Host => "host",
            Self::Origin => "origin",
            Self::Memory => "memory",
            Self::ConnectionLimit => "connection_limit",
            Self::ConnectionRate => "connection_rate",
            Self::AddressLimit => "address_limit",
            Self::AddressRate => "address_rate",
        }
    }
}

/// Everything that a node counts. What it says is served, not read here.
#[derive(Debug)]
pub struct Metrics {
    pub(crate) shards: Box<[ShardTally]>,
    published: [Shared; Source::ALL.len()],
    not_published: [Shared; NotPublished::ALL.len()],
    /// Publications whose version the channel had already.
    pub(crate) suppressed: Shared,
    not_admitted: [Shared; NotAdmitted::ALL.len()],
    /// Sessions that ended because their client said so, by its code; because we did, by ours; and neither.
    pub(crate) closed_by_client: Codes,
    pub(crate) closed_by_server: Codes,
    pub(crate) closed_by_failure: Codes,
    pub(crate) unsubscribed: Codes,
    /// Errors in replies to clients.
    pub(crate) reply_errors: Codes,
    /// Answers of the front desk, by status.
    pub(crate) http_answers: Codes,
    /// Connections at the front desk, and those it had no room for.
    pub(crate) http_connections: Shared,
    pub(crate) http_refused: Shared,
    pub(crate) polls: Arc<PollTally>,
    pub(crate) api: ApiMeter,
    pub(crate) hooks: HookMeter,
}

impl Metrics {
    /// For so many shards, and an API with these methods.
    pub(crate) fn new(shards: usize, methods: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            shards: (0..shards).map(|_| ShardTally::default()).collect(),
            published: Default::default(),
            not_published: Default::default(),
            suppressed: Shared::default(),
            not_admitted: Default::default(),
            closed_by_client: Codes::default(),
            closed_by_server: Codes::default(),
            closed_by_failure: Codes::default(),
            unsubscribed: Codes::default(),
            reply_errors: Codes::default(),
            http_answers: Codes::default(),
            http_connections: Shared::default(),
            http_refused: Shared::default(),
            polls: Arc::default(),
            api: ApiMeter::new(methods),
            hooks: HookMeter::default(),
        }
    }

    /// A publication was taken.
    pub(crate) fn published(&self, source: Source) -> &Shared {
        &self.published[source as usize]
    }

    /// A publication was not taken.
    pub(crate) fn not_published(&self, why: NotPublished) -> &Shared {
        &self.not_published[why as usize]
    }

    /// A handshake was refused.
    pub(crate) fn not_admitted(&self, why: NotAdmitted) -> &Shared {
        &self.not_admitted[why as usize]
    }

    /// The sum of a number over all shards.
    pub(crate) fn sum(&self, number: impl Fn(&ShardTally) -> &Own) -> u64 {
        self.shards.iter().map(|shard| number(shard).get()).sum()
    }

    /// Sessions that stand at this moment.
    pub(crate) fn sessions(&self, transport: Transport) -> u64 {
        // Who comes meanwhile is counted once more, who goes is not.
        let ended = self.sum(|shard| shard.ended(transport));
        self.sum(|shard| shard.accepted(transport)).saturating_sub(ended)
    }

    /// A session has ended. Codes that clients make up are not told apart: there are as many as they like.
    pub(crate) fn closed_by_client(&self, code: u16) {
        let is_known = matches!(code, 1000..=1015);
        self.closed_by_client.add(if is_known { code.into() } else { Codes::OTHER });
    }
}
