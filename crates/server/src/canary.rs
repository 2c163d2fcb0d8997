//! A publication that goes the way of all others, again and again, so that somebody notices when it does not come back.
//!
//! It is published into a channel of the server's own, gets its place in the hub, and comes to each shard through its inbox.
//! What it has found out is kept here, with what is seen of the shards' turns; `watchman` sends it, and the health endpoints
//! judge by it. Times are nanoseconds since this began.

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use wavecast_hub::{Publication, Publish, ShardId};

/// The channel of canaries.
pub(crate) const CANARY: &str = "\0canary";

/// Nobody has refused the last one.
const TAKEN: u32 = u32::MAX;
/// The memory is full.
const NO_MEMORY: u32 = u32::MAX - 1;

/// What is known of the rounds of a node.
#[derive(Debug)]
pub(crate) struct Canary {
    began: Instant,
    /// The number of the last one that was taken; they count from 1.
    round: AtomicU64,
    /// When that was; 0: never.
    sent_ns: AtomicU64,
    /// Why the one after that was not taken, if it was not: a shard whose inbox is full, or a word above.
    refused: AtomicU32,
    shards: Box<[Lap]>,
}

/// What one shard has returned, and whether it turns. On cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Lap {
    /// The number of the last one that came back.
    returned: AtomicU64,
    /// How long that was under way.
    trip_ns: AtomicU64,
    /// When the first went out that has not come back.
    waits_since_ns: AtomicU64,
    /// Turns when the shard was last woken, and when the first wake-up was that no turn followed.
    turns: AtomicU64,
    woken_ns: AtomicU64,
}

/// Why the hub did not take a canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// The inbox of this shard is full.
    Inbox(ShardId),
    /// `memory.max` is reached.
    Memory,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// No canary has gone round yet: the server starts.
    Starting,
    /// A shard has had a canary for so long and has not returned it.
    NotReturned {
        /// The shard's number.
        shard: u16,
        /// How long it has had the first of them.
        waits: Duration,
    },
    /// No canary was published for so long: since this shard's inbox is full, where it is said, or nobody came to it.
    NotPublished {
        /// The shard's number.
        inbox: Option<u16>,
        /// How long.
        since: Duration,
    },
    /// No canary was published for so long, since `memory.max` is reached.
    NoMemory {
        /// How long.
        since: Duration,
    },
    /// The event loop of a shard was woken so long ago and has not turned.
    NotTurning {
        /// The shard's number.
        shard: u16,
        /// How long it was waited for.
        waits: Duration,
    },
}

impl Failing {
    /// A word for programs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::NotReturned { .. } => "canary_not_returned",
            Self::NotPublished { .. } => "canary_not_published",
            Self::NoMemory { .. } => "memory",
            Self::NotTurning { .. } => "shard_not_turning",
        }
    }

    /// The shard that it is about, where it is one.
    #[must_use]
    pub const fn shard(&self) -> Option<u16> {
        match self {
            Self::NotReturned { shard, .. } | Self::NotTurning { shard, .. } => Some(*shard),
            Self::NotPublished { inbox, .. } => *inbox,
            Self::Starting | Self::NoMemory { .. } => None,
        }
    }

    /// For how long it has been so.
    #[must_use]
    pub const fn time(&self) -> Option<Duration> {
        match self {
            Self::Starting => None,
            Self::NotReturned { waits, .. } | Self::NotTurning { waits, .. } => Some(*waits),
            Self::NotPublished { since, .. } | Self::NoMemory { since } => Some(*since),
        }
    }
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("the first canary publication has not come back yet"),
            Self::NotReturned { shard, waits } => {
                write!(f, "shard {shard} has not returned a canary publication for {waits:.1?}")
            }
            Self::NotPublished { inbox: Some(shard), since } => write!(
                f,
                "no canary publication was taken for {since:.1?}: the inbox of shard {shard} is full (shard.inbox_size)"
            ),
            Self::NotPublished { inbox: None, since } => {
                write!(f, "no canary publication was sent for {since:.1?}: the front desk is held up")
            }
            Self::NoMemory { since } => {
                write!(f, "no canary publication was taken for {since:.1?}: memory.max is reached")
            }
            Self::NotTurning { shard, waits } => {
                write!(f, "the event loop of shard {shard} was woken {waits:.1?} ago and has not turned")
            }
        }
    }
}

/// How the last round was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// The longest that a canary was under way to a shard and back.
    pub trip: Duration,
    /// How long ago the last one was sent.
    pub age: Duration,
    /// How long it was under way to each shard, by number.
    pub shards: Vec<Duration>,
}

/// How a node is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vitals {
    /// What keeps it from being ready; nothing: it is.
    pub keeps_from_ready: Vec<Failing>,
    /// What shows that it lives no longer; nothing: it does.
    pub does_not_live: Vec<Failing>,
    /// The last round of the canary; `None` before the first.
    pub last_round: Option<Round>,
    /// It is on its way to the end: it does not want to be sent anybody, and its shards end one by one.
    pub is_leaving: bool,
}

impl Canary {
    pub(crate) fn new(shards: usize) -> Self {
        Self {
            began: Instant::now(),
            round: AtomicU64::new(0),
            sent_ns: AtomicU64::new(0),
            refused: AtomicU32::new(TAKEN),
            shards: (0..shards).map(|_| Lap::default()).collect(),
        }
    }

    /// The next one. It carries its number and the time.
    pub(crate) fn next(&self) -> Publish {
        let mut data = [0; 16];
        data[..8].copy_from_slice(&(self.round.load(Relaxed) + 1).to_le_bytes());
        data[8..].copy_from_slice(&self.now_ns().to_le_bytes());
        Publish { data: data[..].into(), ..Publish::default() }
    }

    /// What became of it. Called by who sends it, and nobody else.
    pub(crate) fn sent(&self, became: Result<(), NotTaken>) {
        let now = self.now_ns();
        match became {
            Ok(()) => {
                let before = self.round.load(Relaxed);
                let since = |lap: &Lap| match lap.returned.load(Relaxed) >= before {
                    true => now,
                    false => lap.waits_since_ns.load(Relaxed),
                };
                self.shards.iter().for_each(|lap| lap.waits_since_ns.store(since(lap), Relaxed));
                self.sent_ns.store(now, Relaxed);
                self.refused.store(TAKEN, Relaxed);
                self.round.store(before + 1, Relaxed);
            }
            Err(NotTaken::Inbox(shard)) => self.refused.store(shard.0.into(), Relaxed),
            Err(NotTaken::Memory) => self.refused.store(NO_MEMORY, Relaxed),
        }
    }

    /// One has come to a shard.
    pub(crate) fn returned(&self, shard: ShardId, publication: &Publication) {
        let Some((round, sent)) = publication.data.split_first_chunk::<8>() else { return };
        let Some(lap) = self.shards.get(usize::from(shard.0)) else { return };
        let sent_ns = sent.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        lap.trip_ns.store(self.now_ns().saturating_sub(sent_ns), Relaxed);
        lap.returned.store(u64::from_le_bytes(*round), Relaxed);
    }

    /// A shard is about to be woken and has turned so often: whether it turns after that shows that it lives.
    pub(crate) fn wakes(&self, shard: usize, turns: u64) {
        let Some(lap) = self.shards.get(shard) else { return };
        if lap.turns.swap(turns, Relaxed) != turns || lap.woken_ns.load(Relaxed) == 0 {
            lap.woken_ns.store(self.now_ns(), Relaxed);
        }
    }

    /// What keeps the node from being ready: what did not come within `timeout`, or was not sent for `interval` and that.
    pub(crate) fn keeps_from_ready(&self, interval: Duration, timeout: Duration) -> Vec<Failing> {
        let (now, round) = (self.now_ns(), self.round.load(Relaxed));
        let timeout_ns = nanoseconds(timeout);
        let mut failing = Vec::new();
        let sent_ns = self.sent_ns.load(Relaxed);
        let since = now.saturating_sub(sent_ns);
        if since > timeout_ns.saturating_add(nanoseconds(interval)) {
            let since = Duration::from_nanos(since);
            failing.push(match self.refused.load(Relaxed) {
                TAKEN => Failing::NotPublished { inbox: None, since },
                NO_MEMORY => Failing::NoMemory { since },
                shard => Failing::NotPublished { inbox: u16::try_from(shard).ok(), since },
            });
        }
        for (shard, lap) in self.shards.iter().enumerate() {
            let waits = now.saturating_sub(lap.waits_since_ns.load(Relaxed));
            if lap.returned.load(Relaxed) < round && waits > timeout_ns {
                // At most SHARDS_MAX of them.
                failing
                    .push(Failing::NotReturned { shard: shard as u16, waits: Duration::from_nanos(waits) });
            }
        }
        let has_returned = |lap: &Lap| lap.returned.load(Relaxed) > 0;
        if failing.is_empty() && !self.shards.iter().all(has_returned) {
            failing.push(Failing::Starting);
        }
        failing
    }

    /// Which shards do not turn, of which it is known how often they have turned now.
    pub(crate) fn do_not_turn(&self, timeout: Duration, turns: impl Fn(usize) -> u64) -> Vec<Failing> {
        let now = self.now_ns();
        let waits = |(shard, lap): (usize, &Lap)| {
            let woken_ns = lap.woken_ns.load(Relaxed);
            let waits = Duration::from_nanos(now.saturating_sub(woken_ns));
            let is_stuck = woken_ns > 0 && waits > timeout && lap.turns.load(Relaxed) == turns(shard);
            is_stuck.then_some(Failing::NotTurning { shard: shard as u16, waits })
        };
        self.shards.iter().enumerate().filter_map(waits).collect()
    }

    /// How the last round was, as far as it has gone; `None` before the first.
    pub(crate) fn last_round(&self) -> Option<Round> {
        let sent_ns = self.sent_ns.load(Relaxed);
        if sent_ns == 0 {
            return None;
        }
        let trip = |lap: &Lap| Duration::from_nanos(lap.trip_ns.load(Relaxed));
        let shards: Vec<_> = self.shards.iter().map(trip).collect();
        Some(Round {
            trip: shards.iter().copied().max().unwrap_or_default(),
            age: Duration::from_nanos(self.now_ns().saturating_sub(sent_ns)),
            shards,
        })
    }

    /// Never 0, which stands for never.
    fn now_ns(&self) -> u64 {
        nanoseconds(self.began.elapsed()).max(1)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
