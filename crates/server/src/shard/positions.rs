//! Position checks: whether this shard has got all that was published in its channels.
//!
//! A publication shows that one before it is missing; the last one has nothing behind it. So each channel is looked at from
//! time to time: the hub puts where the stream stands into this shard's inbox, behind all that was published before, and what
//! has not come by then is missing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wavecast_net::shard::Connections;

use super::PushShard;
use crate::shard_event::{ShardEvent, Standing};

/// The channels of a shard are looked at in so many parts, spread over the time between two looks at the same one.
const PARTS: u32 = 16;

/// How far the shard has come in looking at its channels.
#[derive(Debug, Default)]
pub(super) struct PositionChecks {
    /// Places in the table of channels that have had their turn.
    looked_at: usize,
    next: Option<Instant>,
}

impl PushShard {
    /// Looks at a part of the channels where it is time; says when to look again.
    pub(super) fn check_positions(&mut self, connections: &Connections) -> Option<Duration> {
        let interval = self.node.rules().position_check_delay / PARTS;
        if interval.is_zero() || self.channels.places() == 0 {
            self.checks.next = None;
            return None;
        }
        let now = connections.now();
        let next = *self.checks.next.get_or_insert(now + interval);
        if now < next {
            return Some(next - now);
        }
        self.checks.next = Some(now + interval);
        self.look_at_positions();
        Some(interval)
    }

    fn look_at_positions(&mut self) {
        let places = self.channels.places();
        let from = if self.checks.looked_at < places { self.checks.looked_at } else { 0 };
        let to = places.min(from + places.div_ceil(PARTS as usize));
        self.checks.looked_at = to;
        let node = Arc::clone(&self.node);
        let inbox = node.hub().delivery().of(self.id);
        for channel in self.channels.watched(from..to) {
            // An inbox without room has publications enough that show what is missing.
            if !inbox.reserve() {
                return;
            }
            let stands = node.hub().observe(channel, |position| {
                let standing = Standing { channel: Arc::clone(channel), offset: position.offset };
                inbox.push_reserved(ShardEvent::Stands(Box::new(standing)));
            });
            if !stands {
                inbox.release();
            }
        }
        inbox.wake();
    }

    /// All that was published in a channel up to here stands before this in the inbox.
    pub(super) fn stands(&mut self, connections: &mut Connections, standing: &Standing) {
        if let Some(channel) = self.channels.behind(&standing.channel, standing.offset) {
            self.insufficient_state(connections, channel);
        }
    }
}
