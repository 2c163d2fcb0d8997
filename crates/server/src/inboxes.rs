//! The shards' inboxes, as the hub delivers into them.

use std::sync::Arc;

use wavecast_hub::{Delivery, Joined, Publication, ShardId};
use wavecast_net::shard::{ConnectionId, Remote};

use crate::channels::ChannelNumber;

/// What reaches a shard of the push server through its inbox.
#[derive(Debug)]
pub(crate) enum ShardEvent {
    /// Something was published in a channel that this shard has joined.
    Publication(Arc<Publication>),
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

    fn push(&self, shard: ShardId, publication: &Arc<Publication>) {
        self.of(shard).push_reserved(ShardEvent::Publication(Arc::clone(publication)));
    }

    fn wake(&self, shard: ShardId) {
        self.of(shard).wake();
    }
}
