//! What the outboxes of a shard share.

use crate::frame::{Account, Frame};

/// No link.
pub(super) const NONE: u32 = u32::MAX;

/// What the outboxes of a shard share: the links of those that hold more than one frame, and the count of what they hold.
#[derive(Default)]
pub(crate) struct Pool {
    pub(super) links: Vec<Link>,
    pub(super) free: Vec<u32>,
    /// Queued bytes of all outboxes, overhead included, a shared frame for each that holds it.
    queued: u64,
    /// The bytes that really are there: a shared frame once, sends in flight included.
    account: Account,
}

pub(super) struct Link {
    pub(super) frame: Option<Frame>,
    pub(super) next: u32,
}

impl Pool {
    /// Queued bytes of all outboxes, overhead included.
    pub(crate) fn queued_bytes(&self) -> u64 {
        self.queued
    }

    /// Bytes of all frames that wait or are being sent, a shared one once.
    pub(crate) fn frame_bytes(&self) -> usize {
        self.account.get()
    }

    /// A frame is being sent that was in no outbox: its bytes are there all the same.
    pub(crate) fn hold(&self, frame: &Frame) {
        frame.count_in(&self.account);
    }

    /// An outbox holds the frame from now on.
    pub(super) fn count(&mut self, frame: &Frame) {
        frame.count_in(&self.account);
        self.queued += frame.cost() as u64;
    }

    /// An outbox holds the frame no longer.
    pub(super) fn uncount(&mut self, frame: &Frame) {
        self.queued -= frame.cost() as u64;
    }

    pub(super) fn take(&mut self, frame: Frame, next: u32) -> u32 {
        let link = Link { frame: Some(frame), next };
        if let Some(index) = self.free.pop() {
            self.links[index as usize] = link;
            index
        } else {
            self.links.push(link);
            (self.links.len() - 1) as u32
        }
    }

    pub(super) fn give_back(&mut self, index: u32) -> (Option<Frame>, u32) {
        self.free.push(index);
        let link = &mut self.links[index as usize];
        (link.frame.take(), link.next)
    }

    /// After a burst: lets go of memory when no link is in use.
    pub(crate) fn shrink_when_idle(&mut self) {
        if self.links.len() > 1024 && self.free.len() == self.links.len() {
            (self.links, self.free) = (Vec::new(), Vec::new());
        }
    }
}
