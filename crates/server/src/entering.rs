//! Sessions on streams, as the front desk brings them to their shards.

use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use tokio::sync::oneshot;
use wavecast_net::driver::Stream;
use wavecast_net::shard::Answered;

use crate::admission;
use crate::node::Node;
use crate::shard_event::ShardEvent;
use crate::streams::{Heard, Said, StreamOpening, TurnedAway};

impl Node {
    /// Whether one more session may come in from this address.
    pub(crate) fn may_come(&self, address: IpAddr) -> Result<(), TurnedAway> {
        admission::may_come(address, self)
            .inspect_err(|refused| self.metrics().not_admitted(refused.why).add(1))
    }

    /// Opens a session on a stream, on each shard in turn.
    pub(crate) fn open(&self, opening: StreamOpening, stream: Stream) -> Result<(), Stream> {
        let turn = self.next_shard().fetch_add(1, Relaxed);
        let Some(shard) = self.remotes.get(turn % self.remotes.len().max(1)) else { return Err(stream) };
        let (peer, kind) = (opening.peer, opening.form.number());
        let about = ShardEvent::Opening(Box::new(opening));
        shard.adopt_stream(Answered { stream, peer, kind, about }).map_err(|answered| answered.stream)
    }

    /// Gives commands to a session on a stream.
    pub(crate) async fn say(&self, session: &str, node: &str, commands: Bytes) -> Heard {
        if node != self.uid() {
            return Heard::NoSession;
        }
        let Some((shard, connection)) = self.session_names().find(session) else { return Heard::NoSession };
        let Some(shard) = self.remotes.get(usize::from(shard)) else { return Heard::NoSession };
        let (heard, answer) = oneshot::channel();
        let said = ShardEvent::Said(Box::new(Said { connection, commands, heard }));
        if shard.try_push(said).is_err() {
            return Heard::Busy;
        }
        // A shard that ends takes its sessions along.
        answer.await.unwrap_or(Heard::NoSession)
    }
}
