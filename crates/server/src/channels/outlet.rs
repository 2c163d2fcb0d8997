//! Where a channel's frames go: the outboxes of a shard, and whatever a test puts in their place.

use wavecast_net::Frame;
use wavecast_net::shard::ConnectionId;

/// Takes the frames of one fan-out.
pub(crate) trait Outlet {
    /// One frame for many.
    fn all(&mut self, targets: &[ConnectionId], frame: &Frame) {
        for &target in targets {
            self.one(target, frame);
        }
    }

    /// A frame for one of them.
    fn one(&mut self, target: ConnectionId, frame: &Frame);

    /// Whether nothing waits for a connection.
    fn is_idle(&self, target: ConnectionId) -> bool;
}
