//! Where a channel's frames go: the outboxes of a shard, and whatever a test puts in their place.

use wavecast_net::shard::ConnectionId;
use wavecast_net::{Bundle, Frame};

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

    /// Those frames of a bundle for one of them that it wants, by their indices.
    fn some(&mut self, target: ConnectionId, bundle: &Bundle, wants: &mut dyn FnMut(usize) -> bool) {
        for (index, frame) in bundle.frames().iter().enumerate() {
            if wants(index) {
                self.one(target, frame);
            }
        }
    }

    /// Whether nothing waits for a connection.
    fn is_idle(&self, target: ConnectionId) -> bool;
}
