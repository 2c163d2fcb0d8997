//! The shards' inboxes, as the hub delivers into them.

use wavecast_hub::{Delivery, Event, Joined, ShardId};
use wavecast_net::shard::{ConnectionId, Remote};

use crate::channels::ChannelNumber;

/// What reaches a shard of the push server through its inbox.
#[derive(Debug)]
pub(crate) enum ShardEvent {
    /// Something has happened in a channel that this shard has joined.
    Channel(Event),
    /// The hub's answer to a join. It stands in the inbox before every publication that followed it.
    Joined(Box<Answer>),
}

/// Who asked the hub to join which channel, and what it said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) connection: ConnectionId,
    pub(crate) channel: ChannelNumber,
    pub(crate) joined: Joined,
}

/// One handle for each shard of the node, by number.
#[derive(Debug)]
pub(crate) struct Inboxes(Vec<Remote<ShardEvent>>);

impl Inboxes {
    pub(crate) fn new(remotes: Vec<Remote<ShardEvent>>) -> Self {
        Self(remotes)
    }

    pub(crate) fn of(&self, shard: ShardId) -> &Remote<ShardEvent> {
        &self.0[usize::from(shard.0)]
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
}
