//! Reading: a channel's history, and which channels there are.

use super::Hub;
use crate::channel::is_internal;
use crate::delivery::Delivery;
use crate::history::{HistoryError, HistoryPage, HistoryQuery, Outdated};
use crate::options::ChannelOptions;
use crate::stripe::Edit;
use std::sync::Arc;

/// Buckets that are looked at under one lock.
const SLICE_BUCKETS: usize = 1024;
/// How often a stripe is looked through again because channels have moved in it meanwhile.
const ATTEMPTS_MAX: usize = 3;

impl<D: Delivery> Hub<D> {
    /// Reads a part of the channel's history; empty, and without position, where the options keep no stream.
    ///
    /// # Errors
    /// [`HistoryError::UnrecoverablePosition`] if the query's position is not in the stream, or what follows it is
    /// no longer held.
    pub fn history(
        &self,
        channel: &str,
        query: HistoryQuery<'_>,
        options: &ChannelOptions,
        now_ms: u64,
    ) -> Result<HistoryPage, HistoryError> {
        if !options.has_stream() {
            return Ok(HistoryPage::default());
        }
        let hash = self.names.of(channel);
        // Dropped after the lock, which is declared behind it.
        let mut outdated = Outdated::default();
        let mut stripe = self.lock(hash);
        // An empty channel, too, gets its epoch now: a client may subscribe from this position later.
        let mut entry =
            stripe.edit_or_insert(hash, channel, || self.admit(channel)).ok_or(HistoryError::ChannelLimit)?;
        match self.stream(&mut entry, options, now_ms, &mut outdated) {
            Some(stream) => stream.page(&query),
            None => Ok(HistoryPage::default()),
        }
    }

    /// Drops the channel's publications. Offset and epoch go on, so that whoever missed one of them is told.
    pub fn remove_history(&self, channel: &str) {
        let hash = self.names.of(channel);
        let mut stripe = self.lock(hash);
        let clear = |mut entry: Edit<'_>| entry.stream.as_mut().map(|stream| stream.clear());
        let removed = stripe.edit(hash, channel).and_then(clear);
        drop(stripe);
        drop(removed);
    }

    /// Whether a shard is in the channel, and so somebody subscribed to it. Takes the lock of its stripe for one look.
    pub fn has_subscribers(&self, channel: &str) -> bool {
        let hash = self.names.of(channel);
        self.lock(hash).get(hash, channel).is_some_and(|entry| !entry.shards.is_empty())
    }

    /// The channels that have subscribers and that `accept` agrees to, in no order and at most `channels_max` of
    /// them. One that gets its first or loses its last subscriber meanwhile is among them or not.
    ///
    /// `accept` must not call the hub: it is called while a stripe is locked, for up to 1,024 channels at a time; for
    /// all of a stripe only if its table was made anew each time that it was looked through.
    pub fn channels(&self, channels_max: usize, accept: impl Fn(&str) -> bool) -> Vec<Arc<str>> {
        let mut found = Vec::new();
        for index in 0..self.stripes.len() {
            let left = channels_max - found.len();
            if left == 0 {
                break;
            }
            let sliced =
                (0..ATTEMPTS_MAX).find_map(|_| self.channels_of(index, SLICE_BUCKETS, left, &accept));
            let whole = || self.channels_of(index, usize::MAX, left, &accept);
            found.extend(sliced.or_else(whole).into_iter().flatten());
        }
        found
    }

    /// Those of one stripe, looked at `count` buckets at a time; `None` if channels have moved in between.
    fn channels_of(
        &self,
        index: usize,
        count: usize,
        channels_max: usize,
        accept: &impl Fn(&str) -> bool,
    ) -> Option<Vec<Arc<str>>> {
        let mut found = Vec::new();
        let mut shape = None;
        let mut from = 0;
        loop {
            let stripe = self.stripe(index);
            if *shape.get_or_insert(stripe.shape()) != stripe.shape() {
                return None;
            }
            let slice = stripe.slice(from, count);
            let active = slice.filter(|channel| {
                !channel.shards.is_empty() && !is_internal(&channel.name) && accept(&channel.name)
            });
            found.extend(active.take(channels_max - found.len()).map(|channel| Arc::clone(&channel.name)));
            from = from.saturating_add(count);
            if from >= stripe.shape().0 || found.len() == channels_max {
                return Some(found);
            }
        }
    }
}
