//! Joining: shards come into channels, learn where the stream stands and what they missed, and go.

use super::Hub;
use crate::channel::is_internal;
use crate::delivery::{Delivery, ShardId};
use crate::filter::Filter;
use crate::history::Outdated;
use crate::options::{ChannelOptions, RecoveryMode};
use crate::position::{Since, StreamPosition};
use crate::recovery::Recovery;
use std::fmt;
use std::sync::atomic::Ordering;

/// What a shard wants to know when it joins a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JoinQuery<'a> {
    /// Recover what follows this position.
    pub recover: Option<Since<'a>>,
    /// The most publications to recover; when more were missed it is a gap. Default 300.
    pub publications_max: usize,
    /// What to recover: all that was missed, or the latest. Default: all.
    pub mode: RecoveryMode,
    /// In cache mode: the latest is the latest that this filter wants, among the `publications_max` newest. Default: any.
    pub filter: Option<&'a Filter>,
    /// In cache mode, whoever does not ask to recover is given the latest publication, too. Default off.
    pub auto_cache_recover: bool,
}

impl Default for JoinQuery<'_> {
    fn default() -> Self {
        Self {
            recover: None,
            publications_max: 300,
            mode: RecoveryMode::Stream,
            filter: None,
            auto_cache_recover: false,
        }
    }
}

impl<'a> JoinQuery<'a> {
    /// From where to recover, if at all.
    fn since(&self) -> Option<Since<'a>> {
        let first = self.mode == RecoveryMode::Cache && self.auto_cache_recover;
        self.recover.or(first.then(Since::default))
    }
}

/// The state of a channel at the moment a shard joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The top of the stream: what the shard gets from now on follows it without a gap.
    pub position: StreamPosition,
    /// What came of [`JoinQuery::recover`], or of [`JoinQuery::auto_cache_recover`].
    pub recovery: Recovery,
}

/// Why a shard or a client could not come into a channel. Nothing has happened then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinError {
    /// The channel would be one too many.
    ChannelLimit,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the hub has as many channels as it may have")
    }
}

impl std::error::Error for JoinError {}

impl<D: Delivery> Hub<D> {
    /// Adds the shard to the channel (once, however often it joins) and reads, at the same moment, the channel's
    /// position and what was missed since [`JoinQuery::recover`].
    ///
    /// `answer` is called while the stripe is locked, so that it can put the answer into the shard's inbox before
    /// any later publication. It must not block and must not call the hub.
    ///
    /// # Errors
    /// [`JoinError::ChannelLimit`]; the shard has not joined then.
    pub fn join(
        &self,
        channel: &str,
        shard: ShardId,
        query: JoinQuery<'_>,
        options: &ChannelOptions,
        now_ms: u64,
        answer: impl FnOnce(Joined),
    ) -> Result<(), JoinError> {
        let hash = self.names.of(channel);
        // Dropped after the lock, which is declared behind it.
        let mut outdated = Outdated::default();
        let mut stripe = self.lock(hash);
        let mut entry =
            stripe.edit_or_insert(hash, channel, || self.admit(channel)).ok_or(JoinError::ChannelLimit)?;
        let was_empty = entry.shards.is_empty();
        entry.shards.insert(shard);
        if was_empty && !is_internal(channel) {
            self.channels_active.fetch_add(1, Ordering::Relaxed);
            if options.occupancy_events {
                entry.tell_occupancy();
                self.delivery.occupied(&entry.name);
            }
        }
        let since = query.since();
        let (position, recovery) = match self.stream(&mut entry, options, now_ms, &mut outdated) {
            None => (StreamPosition::default(), since.map_or(Recovery::NotAsked, |_| Recovery::Gap)),
            Some(stream) => {
                let recovery = match (since, query.mode) {
                    (None, _) => Recovery::NotAsked,
                    (Some(since), RecoveryMode::Stream) => stream.recover(since, query.publications_max),
                    (Some(since), RecoveryMode::Cache) => {
                        stream.recover_latest(since, query.filter, query.publications_max)
                    }
                };
                (stream.position(), recovery)
            }
        };
        answer(Joined { position, recovery });
        Ok(())
    }

    /// Says where the channel's stream stands; `false`, and nothing is said, where it has none.
    ///
    /// `answer` is called while the stripe is locked, so that it can put the answer into a shard's inbox behind
    /// everything that was published before. It must not block and must not call the hub.
    pub fn observe(&self, channel: &str, answer: impl FnOnce(StreamPosition)) -> bool {
        let hash = self.names.of(channel);
        let mut stripe = self.lock(hash);
        let entry = stripe.edit(hash, channel);
        let position = entry.and_then(|entry| entry.stream.as_ref().map(|stream| stream.position()));
        position.map(answer).is_some()
    }

    /// Takes the shard out of the channel. Nothing is pushed for it into the shard's inbox afterwards. A channel
    /// that nobody is left in and that has no stream is gone; members that did not [`exit`](Hub::exit) are still in it.
    pub fn leave(&self, channel: &str, shard: ShardId, now_ms: u64) {
        let hash = self.names.of(channel);
        let mut stripe = self.lock(hash);
        let Some(mut entry) = stripe.edit(hash, channel) else { return };
        if !entry.shards.remove(shard) || !entry.shards.is_empty() {
            return;
        }
        if !is_internal(channel) {
            self.channels_active.fetch_sub(1, Ordering::Relaxed);
        }
        if entry.take_back_occupancy() {
            self.delivery.vacated(&entry.name);
        }
        if let Some(stream) = &mut entry.stream {
            stream.touch(now_ms);
        }
        drop(entry);
        self.remove_if_vacant(&mut stripe, hash, channel);
    }
}
