//! Reading: a channel's history, and which channels there are.

use super::Hub;
use crate::delivery::Delivery;
use crate::history::{HistoryError, HistoryPage, HistoryQuery};
use crate::options::ChannelOptions;
use std::sync::Arc;

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
        let mut stripe = self.lock(hash);
        // An empty channel, too, gets its epoch now: a client may subscribe from this position later.
        let entry = stripe.get_or_insert(hash, channel, || self.admit()).ok_or(HistoryError::ChannelLimit)?;
        match self.stream(entry, options, now_ms) {
            Some(stream) => stream.page(&query, now_ms),
            None => Ok(HistoryPage::default()),
        }
    }

    /// Drops the channel's publications. Offset and epoch go on, so that whoever missed one of them is told.
    pub fn remove_history(&self, channel: &str) {
        let hash = self.names.of(channel);
        let mut stripe = self.lock(hash);
        let removed =
            stripe.get_mut(hash, channel).and_then(|entry| entry.stream.as_mut()).map(|s| s.clear());
        drop(stripe);
        drop(removed);
    }

    /// The channels that have subscribers and that `accept` agrees to, in no order and at most `channels_max` of
    /// them. `accept` is called while a stripe is locked and must not call the hub.
    pub fn channels(&self, channels_max: usize, accept: impl Fn(&str) -> bool) -> Vec<Arc<str>> {
        let mut found = Vec::new();
        for index in 0..self.stripes.len() {
            let stripe = self.stripe(index);
            let active = stripe.iter().filter(|channel| !channel.shards.is_empty() && accept(&channel.name));
            found.extend(active.take(channels_max - found.len()).map(|channel| Arc::clone(&channel.name)));
        }
        found
    }
}
