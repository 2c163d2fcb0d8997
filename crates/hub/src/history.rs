//! The stream of one channel: a bounded ring of the latest publications, and the position that outlives them.
//!
//! Two clocks run for a stream: that of the publications is set anew by each publication, that of the position by each
//! use. When the history's time is up the publications go, together, as Centrifugo has it; the position stays, and with it the low-water mark that tells "everything
//! expired" from "nothing was published". When the metadata's time is up the position goes too, and whatever
//! follows is a new life with a new epoch.

use crate::filter::Filter;
use crate::footprint::SHARED_BYTES;
use crate::options::{ChannelOptions, RecoveryMode};
use crate::poll::{PollQuery, Polled};
use crate::position::{Since, StreamPosition};
use crate::publication::Publication;
use crate::recovery::{CacheVerdict, Coverage, Recovery, Verdict, decide, decide_cache};
use crate::waiting::{WaitTicket, Waiters};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::Waker;

/// Which part of a channel's history is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryQuery<'a> {
    /// Start behind this position (before it when `reverse`); `None` starts at the oldest (newest) publication.
    pub since: Option<Since<'a>>,
    /// How many publications at most: 0 asks for the position alone, a negative number for all of them.
    pub limit: i32,
    /// From the newest to the oldest.
    pub reverse: bool,
    /// The server's own bound on one page, whatever `limit` says. Default 300.
    pub publications_max: usize,
}

impl Default for HistoryQuery<'_> {
    /// The position alone.
    fn default() -> Self {
        Self { since: None, limit: 0, reverse: false, publications_max: 300 }
    }
}

/// A part of a channel's history.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryPage {
    /// The publications in the order that was asked for.
    pub publications: Vec<Arc<Publication>>,
    /// The top of the stream at that moment.
    pub position: StreamPosition,
}

/// Why a part of the history cannot be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryError {
    /// The position is from another life of the stream.
    UnrecoverablePosition,
    /// The channel has no stream yet and there are already as many channels as the hub may have.
    ChannelLimit,
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnrecoverablePosition => "unrecoverable position: it is of another life of the stream",
            Self::ChannelLimit => "the hub has as many channels as it may have",
        })
    }
}

impl std::error::Error for HistoryError {}

/// How long a stream is kept at most that nobody has published into. Whoever may subscribe or read history can begin
/// such streams at will, and must not be able to fill the hub with them for the metadata's time.
const UNUSED_KEPT_MS: u64 = 5 * 60 * 1000;

/// The stream of one channel.
#[derive(Debug)]
pub(crate) struct Stream {
    epoch: Arc<str>,
    /// Offset of the latest publication.
    top: u64,
    /// The publications `top - ring.len() + 1 ..= top`.
    ring: VecDeque<Held>,
    /// What the publications of the ring hold.
    ring_bytes: usize,
    /// When the publications go, Unix milliseconds.
    expires_ms: u64,
    /// How long the position is kept after its last use, milliseconds.
    keep_ms: u64,
    /// When the position goes, Unix milliseconds.
    forgotten_ms: u64,
    /// The version of the state that the latest publication with one carried. Boxed, since most streams have none.
    version: Option<Box<Version>>,
    /// Those who wait for the next publication. Boxed for the same reason; none while it would be empty.
    waiters: Option<Box<Waiters>>,
}

/// A publication that is kept.
#[derive(Debug)]
pub(crate) struct Held {
    publication: Arc<Publication>,
    /// Since when, Unix milliseconds.
    since_ms: u64,
}

/// What streams have given up, for whoever holds the lock to drop without it: a publication frees several pieces of memory,
/// and a history may have thousands of them.
#[derive(Debug, Default)]
pub(crate) struct Outdated {
    stream: Option<Box<Stream>>,
    expired: VecDeque<Held>,
    /// The usual case: one comes and one goes.
    oldest: Option<Held>,
    older: Vec<Held>,
    /// They are woken when this is dropped.
    woken: Option<Box<Waiters>>,
}

impl Outdated {
    /// A stream whose channel keeps none any more.
    pub(crate) fn take_stream(&mut self, stream: &mut Option<Box<Stream>>) {
        if let Some(stream) = stream.take() {
            self.stream = Some(stream);
        }
    }

    /// Takes the publications out of a stream whose time is up.
    pub(crate) fn take_expired(&mut self, stream: &mut Stream, now_ms: u64) {
        let expired = stream.expire(now_ms);
        if !expired.is_empty() {
            self.expired = expired;
        }
    }

    fn take_oldest(&mut self, held: Held) {
        self.older.extend(self.oldest.replace(held));
    }
}

/// A version of the state that a stream's publications carry.
#[derive(Debug)]
struct Version {
    number: u64,
    epoch: Box<str>,
}

impl Stream {
    pub(crate) const fn new(epoch: Arc<str>) -> Self {
        Self {
            epoch,
            top: 0,
            ring: VecDeque::new(),
            ring_bytes: 0,
            expires_ms: 0,
            keep_ms: 0,
            forgotten_ms: 0,
            version: None,
            waiters: None,
        }
    }

    /// The options in force may have changed: the position is kept as they say from now on.
    pub(crate) fn adopt(&mut self, options: &ChannelOptions, now_ms: u64) {
        self.keep_ms = options.history_meta_ttl_ms.max(options.history_ttl_ms);
        self.touch(now_ms);
    }

    /// Somebody used the position: its time starts anew.
    pub(crate) fn touch(&mut self, now_ms: u64) {
        let keep_ms = if self.top == 0 { self.keep_ms.min(UNUSED_KEPT_MS) } else { self.keep_ms };
        self.forgotten_ms = now_ms.saturating_add(keep_ms);
    }

    /// The top of the stream.
    pub(crate) fn position(&self) -> StreamPosition {
        StreamPosition { offset: self.top, epoch: Arc::clone(&self.epoch) }
    }

    /// The offset that [`Stream::append`] expects next.
    pub(crate) const fn next_offset(&self) -> u64 {
        self.top + 1
    }

    /// Puts the publication at the top and trims the ring to the size that the options give. Call [`Stream::expire`] first.
    pub(crate) fn append(
        &mut self,
        publication: &Arc<Publication>,
        options: &ChannelOptions,
        now_ms: u64,
        outdated: &mut Outdated,
    ) {
        debug_assert_eq!(publication.offset, self.next_offset());
        self.top = publication.offset;
        self.touch(now_ms);
        let size = options.history_kept();
        while self.ring.len() >= size
            && let Some(oldest) = self.drop_oldest()
        {
            outdated.take_oldest(oldest);
        }
        if size > 0 {
            self.ring_bytes += publication.bytes_held();
            self.ring.push_back(Held { publication: Arc::clone(publication), since_ms: now_ms });
        }
        self.expires_ms = now_ms.saturating_add(options.history_ttl_ms);
        if let Some(waiters) = self.waiters.take() {
            outdated.woken = Some(waiters);
        }
    }

    /// The next publication wakes whoever has this ticket.
    pub(crate) fn wait(&mut self, ticket: WaitTicket, waker: Waker) {
        self.waiters.get_or_insert_default().add(ticket, waker);
    }

    /// It does not, if it has not happened yet.
    pub(crate) fn stop_waiting(&mut self, ticket: WaitTicket) -> Option<Waker> {
        let waiters = self.waiters.as_mut()?;
        let waker = waiters.remove(ticket);
        if waiters.is_empty() {
            self.waiters = None;
        }
        waker
    }

    /// Somebody waits for the next publication.
    pub(crate) const fn is_waited_for(&self) -> bool {
        self.waiters.is_some()
    }

    /// Whether the stream has this version or a later one. An empty epoch of the asker waives the comparison of epochs,
    /// as Centrifugo has it.
    pub(crate) fn has_version(&self, number: u64, epoch: &str) -> bool {
        self.version
            .as_ref()
            .is_some_and(|latest| (epoch.is_empty() || *latest.epoch == *epoch) && number <= latest.number)
    }

    /// The latest publication carries this version. One without a version leaves it as it is, as with Centrifugo's
    /// Redis engine: what is late stays late.
    pub(crate) fn set_version(&mut self, number: u64, epoch: Box<str>) {
        self.version = Some(Box::new(Version { number, epoch }));
    }

    /// Takes the publications out if their time is up.
    pub(crate) fn expire(&mut self, now_ms: u64) -> VecDeque<Held> {
        if self.expires_ms > now_ms { VecDeque::new() } else { self.clear() }
    }

    /// Takes all publications out and keeps the position.
    pub(crate) fn clear(&mut self) -> VecDeque<Held> {
        self.ring_bytes = 0;
        std::mem::take(&mut self.ring)
    }

    /// Takes the oldest publication out.
    pub(crate) fn drop_oldest(&mut self) -> Option<Held> {
        let oldest = self.ring.pop_front()?;
        self.ring_bytes -= oldest.publication.bytes_held();
        Some(oldest)
    }

    /// Takes the oldest publication out to have more memory: gives back its place, too, in time.
    pub(crate) fn shed_oldest(&mut self) -> Option<Held> {
        let oldest = self.drop_oldest();
        if self.ring.len() <= self.ring.capacity() / 4 {
            self.ring.shrink_to_fit();
        }
        oldest
    }

    /// Since when the oldest publication is kept, Unix milliseconds.
    pub(crate) fn oldest_ms(&self) -> Option<u64> {
        self.ring.front().map(|oldest| oldest.since_ms)
    }

    /// Memory of the history, bytes.
    pub(crate) fn history_bytes(&self) -> usize {
        self.ring_bytes + self.ring.capacity() * size_of::<Held>()
    }

    /// Memory of the position, bytes.
    pub(crate) fn position_bytes(&self) -> usize {
        let version = self.version.as_ref().map_or(0, |version| size_of::<Version>() + version.epoch.len());
        let waiters = self.waiters.as_ref().map_or(0, |waiters| waiters.bytes());
        size_of::<Self>() + SHARED_BYTES + self.epoch.len() + version + waiters
    }

    /// The time of the position is up.
    pub(crate) const fn is_forgotten(&self, now_ms: u64) -> bool {
        self.forgotten_ms <= now_ms
    }

    /// What the stream covers. Call [`Stream::expire`] first.
    fn coverage(&self) -> Coverage<'_> {
        Coverage { low_water: self.top - self.ring.len() as u64, top: self.top, epoch: &self.epoch }
    }

    /// All that follows `since`, or a gap. Call [`Stream::expire`] first.
    pub(crate) fn recover(&self, since: Since<'_>, publications_max: usize) -> Recovery {
        match decide(self.coverage(), since, publications_max) {
            Verdict::Complete { missed } => {
                Recovery::Recovered(publications(self.ring.range(self.ring.len() - missed..)))
            }
            Verdict::Gap => Recovery::Gap,
        }
    }

    /// The latest publication that the filter wants, unless `since` has reached it; or a gap. Call [`Stream::expire`] first.
    pub(crate) fn recover_latest(
        &self,
        since: Since<'_>,
        filter: Option<&Filter>,
        publications_max: usize,
    ) -> Recovery {
        let is_wanted =
            |held: &&Held| filter.is_none_or(|filter| filter.matches(held.publication.tags.as_deref()));
        let latest = self.ring.iter().rev().take(publications_max.max(1)).find(is_wanted);
        match decide_cache(self.coverage(), latest.map(|held| held.publication.offset), since) {
            CacheVerdict::Latest => Recovery::Recovered(publications(latest.into_iter())),
            CacheVerdict::Current => Recovery::Recovered(Vec::new()),
            CacheVerdict::Gap => Recovery::Gap,
        }
    }

    /// What follows the position of a query. Call [`Stream::expire`] first.
    pub(crate) fn poll(&self, query: &PollQuery<'_>) -> Polled {
        let mut polled = Polled { position: self.position(), ..Polled::default() };
        match (query.since, query.mode) {
            (None, RecoveryMode::Cache) if query.auto_cache_recover => {
                // Nobody has named a position, so nothing can be missing from there.
                if let Recovery::Recovered(latest) =
                    self.recover_latest(Since::default(), query.filter, query.publications_max)
                {
                    polled.publications = latest;
                }
            }
            (None, _) => {}
            // Who stands where the stream does misses nothing, also where nothing was ever published.
            (Some(since), RecoveryMode::Cache) if polled.position.as_since() == since => {}
            (Some(since), RecoveryMode::Cache) => {
                match self.recover_latest(since, query.filter, query.publications_max) {
                    Recovery::Recovered(latest) => polled.publications = latest,
                    Recovery::Gap | Recovery::NotAsked => polled.is_gap = true,
                }
            }
            (Some(since), RecoveryMode::Stream) => match decide(self.coverage(), since, usize::MAX) {
                Verdict::Complete { missed } => {
                    let part = missed.min(query.publications_max.max(1));
                    let begin = self.ring.len() - missed;
                    polled.publications = publications(self.ring.range(begin..begin + part));
                    polled.position.offset = since.offset + part as u64;
                    polled.has_more = part < missed;
                }
                Verdict::Gap => polled.is_gap = true,
            },
        }
        polled
    }

    /// A page of the history. Call [`Stream::expire`] first.
    pub(crate) fn page(&self, query: &HistoryQuery<'_>) -> Result<HistoryPage, HistoryError> {
        let position = self.position();
        if query.since.is_some_and(|since| !since.epoch.is_empty() && *since.epoch != *self.epoch) {
            return Err(HistoryError::UnrecoverablePosition);
        }
        let Some(count) = query.count() else {
            return Ok(HistoryPage { publications: Vec::new(), position });
        };
        let publications = if query.reverse {
            let end = query.since.map_or(self.ring.len(), |since| self.index_before(since));
            publications(self.ring.range(..end).rev().take(count))
        } else {
            let start = query.since.map_or(0, |since| self.index_after(since));
            publications(self.ring.range(start..).take(count))
        };
        Ok(HistoryPage { publications, position })
    }

    /// Where in the ring the publications after `since` begin: what was there between and is gone is passed over, as
    /// offsets show.
    fn index_after(&self, since: Since<'_>) -> usize {
        let before = since.offset.saturating_sub(self.coverage().low_water);
        usize::try_from(before).unwrap_or(usize::MAX).min(self.ring.len())
    }

    /// Where in the ring the publications before `since` end.
    fn index_before(&self, since: Since<'_>) -> usize {
        let held = since.offset.saturating_sub(1).saturating_sub(self.coverage().low_water);
        usize::try_from(held).unwrap_or(usize::MAX).min(self.ring.len())
    }
}

fn publications<'h>(held: impl Iterator<Item = &'h Held>) -> Vec<Arc<Publication>> {
    held.map(|held| Arc::clone(&held.publication)).collect()
}

#[cfg(test)]
impl Stream {
    /// What [`Stream::history_bytes`] has to be, counted anew.
    pub(crate) fn recount(&self) -> usize {
        let publications: usize = self.ring.iter().map(|held| held.publication.bytes_held()).sum();
        publications + self.ring.capacity() * size_of::<Held>()
    }
}

impl HistoryQuery<'_> {
    /// How many publications may be given; `None` when only the position is wanted.
    fn count(&self) -> Option<usize> {
        match usize::try_from(self.limit) {
            Ok(0) => None,
            Ok(limit) => Some(limit.min(self.publications_max)),
            Err(_negative) => Some(self.publications_max),
        }
    }
}
