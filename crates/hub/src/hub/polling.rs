//! Polling: what follows a position, for somebody who is not in the channel; and the next publication, waited for.
//!
//! One lock covers the look into the stream and the place among those who wait, so a publication is either among what was
//! found or wakes whoever waits.

use super::Hub;
use crate::delivery::Delivery;
use crate::history::Outdated;
use crate::options::ChannelOptions;
use crate::poll::{PollError, PollQuery, Polled};
use crate::waiting::WaitTicket;
use std::sync::atomic::Ordering;
use std::task::Waker;

impl<D: Delivery> Hub<D> {
    /// Says what follows a position. Where that is nothing, and no gap either, `waker` is woken by the next publication that
    /// gets a place in the stream, or when the stream ends: once. It may be woken by that before this returns.
    ///
    /// What is not dropped with [`stop_waiting`](Self::stop_waiting) is kept until that publication.
    ///
    /// # Errors
    /// [`PollError`]; nobody waits then.
    pub fn poll(
        &self,
        channel: &str,
        query: PollQuery<'_>,
        options: &ChannelOptions,
        now_ms: u64,
        waker: Option<&Waker>,
    ) -> Result<Polled, PollError> {
        if !options.has_stream() {
            return Err(PollError::NoStream);
        }
        let hash = self.names.of(channel);
        // Dropped after the lock, which is declared behind it.
        let mut outdated = Outdated::default();
        let mut stripe = self.lock(hash);
        let mut entry =
            stripe.edit_or_insert(hash, channel, || self.admit(channel)).ok_or(PollError::ChannelLimit)?;
        let stream = self.stream(&mut entry, options, now_ms, &mut outdated).ok_or(PollError::NoStream)?;
        let mut polled = stream.poll(&query);
        if let Some(waker) = waker.filter(|_| polled.publications.is_empty() && !polled.is_gap) {
            let ticket = WaitTicket(self.tickets.fetch_add(1, Ordering::Relaxed));
            stream.wait(ticket, waker.clone());
            polled.waiting = Some(ticket);
        }
        Ok(polled)
    }

    /// Whoever has this ticket waits no longer. Nothing happens if it has been woken, or the channel is not there any more.
    pub fn stop_waiting(&self, channel: &str, ticket: WaitTicket) {
        let hash = self.names.of(channel);
        let mut stripe = self.lock(hash);
        let Some(mut entry) = stripe.edit(hash, channel) else { return };
        let waker = entry.stream.as_mut().and_then(|stream| stream.stop_waiting(ticket));
        drop(entry);
        drop(stripe);
        drop(waker);
    }
}
