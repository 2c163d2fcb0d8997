//! Position checks: whether this shard has got all that was published in its channels.
//!
//! A publication shows that one before it is missing; the last one has nothing behind it. So each channel is looked at from
//! time to time: the hub puts where the stream stands into this shard's inbox, behind all that was published before, and what
//! has not come by then is missing.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use wavecast_net::shard::Connections;

use super::PushShard;
use crate::shard_event::{ShardEvent, Standing};

impl PushShard {
    /// Looks at a part of the channels where it is time; says when to look again.
    pub(super) fn check_positions(&mut self, connections: &Connections) -> Option<Duration> {
        let delay = self.node.rules().position_check_delay;
        let (part, next) = self.rounds.look(connections.now(), delay, self.channels.places());
        self.look_at_positions(part);
        next
    }

    /// One event for all of them: the inbox is others', too. It stands behind whatever was published before a channel was
    /// looked at.
    fn look_at_positions(&mut self, part: Range<usize>) {
        if part.is_empty() {
            return;
        }
        let node = Arc::clone(&self.node);
        let inbox = node.hub().delivery().of(self.id);
        if !inbox.reserve() {
            return self.rounds.not_looked_at(part);
        }
        let mut stand = Vec::new();
        for channel in self.channels.watched(part) {
            node.hub().observe(channel, |position| {
                stand.push(Standing { channel: Arc::clone(channel), offset: position.offset });
            });
        }
        inbox.push_reserved(ShardEvent::Stand(stand));
        inbox.wake();
    }

    /// All that was published in these channels up to here stands before this in the inbox.
    pub(super) fn stand(&mut self, connections: &mut Connections, standings: &[Standing]) {
        for Standing { channel, offset } in standings {
            if let Some(channel) = self.channels.behind(channel, *offset) {
                self.insufficient_state(connections, channel);
            }
        }
    }
}
