//! What the back end is told after the fact.
//!
//! Events of one session arrive in their order, and so do those of one channel. Each arrives at least once: the same
//! event comes again when an answer got lost, with the same `sequence` and a higher `attempt`.

use std::borrow::Cow;
use std::sync::Arc;

use super::kind::Hook;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Counted from 1 in the session, without a gap: a number that is missing is an event that was lost. Events of
    /// channels are counted through the whole node instead, so that they grow per channel.
    pub sequence: u64,
    /// When it happened, Unix time in milliseconds.
    pub time_ms: i64,
    /// Which attempt to deliver it this is, from 1; 0 before the first.
    pub attempt: u32,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A connection that had been accepted ended.
    Disconnected(Disconnected),
    /// A subscription ended.
    Unsubscribed(Unsubscribed),
    /// A channel got its first subscriber.
    Occupied(Arc<str>),
    /// A channel lost its last subscriber.
    Vacated(Arc<str>),
}

/// A connection that ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disconnected {
    /// The id of the session.
    pub client: Arc<str>,
    /// The user's id; empty for an anonymous user.
    pub user: Arc<str>,
    /// Why, as a code of the table of disconnects; 3000 where the client ended it, or the network.
    pub code: u16,
    /// Why, in words.
    pub reason: Cow<'static, str>,
    /// What was attached to the connection; JSON.
    pub meta: Option<Arc<[u8]>>,
}

/// A subscription that ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unsubscribed {
    /// The id of the session.
    pub client: Arc<str>,
    /// The user's id; empty for an anonymous user.
    pub user: Arc<str>,
    /// The channel.
    pub channel: Arc<str>,
    /// Why, as a code of the table of unsubscribes: 0 where the client asked for it, 1 where the connection ended.
    pub code: u32,
    /// Why, in words.
    pub reason: Cow<'static, str>,
    /// What was attached to the connection; JSON.
    pub meta: Option<Arc<[u8]>>,
}

impl Event {
    /// The end of a connection. `sequence` is the session's own count of its events, from 1.
    pub const fn disconnected(sequence: u64, time_ms: i64, what: Disconnected) -> Self {
        Self { sequence, time_ms, attempt: 0, what: What::Disconnected(what) }
    }

    /// The end of a subscription. `sequence` is the session's own count of its events, from 1.
    pub const fn unsubscribed(sequence: u64, time_ms: i64, what: Unsubscribed) -> Self {
        Self { sequence, time_ms, attempt: 0, what: What::Unsubscribed(what) }
    }

    /// A channel's first subscriber. The queue gives the sequence.
    pub const fn occupied(channel: Arc<str>, time_ms: i64) -> Self {
        Self { sequence: 0, time_ms, attempt: 0, what: What::Occupied(channel) }
    }

    /// A channel's last subscriber. The queue gives the sequence.
    pub const fn vacated(channel: Arc<str>, time_ms: i64) -> Self {
        Self { sequence: 0, time_ms, attempt: 0, what: What::Vacated(channel) }
    }

    /// The hook that it is for.
    pub const fn hook(&self) -> Hook {
        match self.what {
            What::Disconnected(_) => Hook::Disconnected,
            What::Unsubscribed(_) => Hook::Unsubscribed,
            What::Occupied(_) | What::Vacated(_) => Hook::Occupancy,
        }
    }

    /// Its name in requests and in the log.
    pub const fn name(&self) -> &'static str {
        match self.what {
            What::Disconnected(_) => "disconnected",
            What::Unsubscribed(_) => "unsubscribed",
            What::Occupied(_) => "occupied",
            What::Vacated(_) => "vacated",
        }
    }

    /// What it takes in memory, bytes. What it shares with its session counts too, since it may outlive the session.
    pub fn bytes(&self) -> usize {
        let meta = |meta: &Option<Arc<[u8]>>| meta.as_ref().map_or(0, |meta| meta.len());
        let texts = match &self.what {
            What::Disconnected(end) => end.client.len() + end.user.len() + end.reason.len() + meta(&end.meta),
            What::Unsubscribed(end) => {
                let names = end.client.len() + end.user.len() + end.channel.len();
                names + end.reason.len() + meta(&end.meta)
            }
            What::Occupied(channel) | What::Vacated(channel) => channel.len(),
        };
        size_of::<Self>() + texts
    }
}

impl What {
    /// The session that it is about.
    pub fn client(&self) -> Option<&str> {
        match self {
            Self::Disconnected(end) => Some(&end.client),
            Self::Unsubscribed(end) => Some(&end.client),
            Self::Occupied(_) | Self::Vacated(_) => None,
        }
    }

    /// The channel that it is about.
    pub fn channel(&self) -> Option<&str> {
        match self {
            Self::Disconnected(_) => None,
            Self::Unsubscribed(end) => Some(&end.channel),
            Self::Occupied(channel) | Self::Vacated(channel) => Some(channel),
        }
    }
}

/// Why events were not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// How many of them were, from the first on; these are not tried again.
    pub delivered: usize,
    /// What went wrong with the next one, for the log. Must hold no secret.
    pub problem: String,
}
