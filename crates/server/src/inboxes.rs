//! The shards' inboxes, as the hub delivers into them.

use std::sync::Arc;

use wavecast_hub::{Delivery, Event, ShardId};
use wavecast_net::shard::Remote;

use crate::clock::Clock;
use crate::hooks;
use crate::office::Office;
use crate::shard_event::ShardEvent;

/// One handle for each shard of the node, by number; and whom it tells of channels that are occupied or vacated.
pub(crate) struct Inboxes {
    remotes: Vec<Remote<ShardEvent>>,
    office: Arc<Office>,
    clock: Clock,
}

impl Inboxes {
    pub(crate) fn new(remotes: Vec<Remote<ShardEvent>>, office: Arc<Office>, clock: Clock) -> Self {
        Self { remotes, office, clock }
    }

    pub(crate) fn of(&self, shard: ShardId) -> &Remote<ShardEvent> {
        &self.remotes[usize::from(shard.0)]
    }

    fn tell(&self, event: impl FnOnce(i64) -> hooks::Event) {
        if let Some(events) = self.office.events() {
            // What has no room is counted and logged there.
            events.try_push(event(i64::try_from(self.clock.now_ms()).unwrap_or(i64::MAX))).ok();
        }
    }
}

impl Delivery for Inboxes {
    fn reserve(&self, shard: ShardId) -> bool {
        self.of(shard).reserve()
    }

    fn release(&self, shard: ShardId) {
        self.of(shard).release();
    }

    fn push(&self, shard: ShardId, event: Event) {
        self.of(shard).push_reserved(ShardEvent::Channel(event));
    }

    fn wake(&self, shard: ShardId) {
        self.of(shard).wake();
    }

    fn occupied(&self, channel: &Arc<str>) {
        self.tell(|time_ms| hooks::Event::occupied(Arc::clone(channel), time_ms));
    }

    fn vacated(&self, channel: &Arc<str>) {
        self.tell(|time_ms| hooks::Event::vacated(Arc::clone(channel), time_ms));
    }
}
