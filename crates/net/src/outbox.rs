//! What waits to be sent on a connection: references to shared frames.
//!
//! Most of the time nothing waits, or one frame does between the fan-out and the flush of the same turn: so one
//! reference stands inline and further ones are links from a pool that the shard's outboxes share. An idle outbox owns
//! nothing.

use crate::frame::{Batch, Frame};

const NONE: u32 = u32::MAX;

/// What a queued frame counts beside its bytes: its link in the pool. So a limit in bytes also bounds a flood of
/// tiny frames.
pub(crate) const FRAME_OVERHEAD_BYTES: usize = 32;

/// A queue of frames: 32 bytes in a connection.
pub(crate) struct Outbox {
    head: Option<Frame>,
    next: u32,
    last: u32,
    /// Queued bytes, overhead included.
    queued: u32,
}

/// The links of all outboxes of a shard that hold more than one frame.
#[derive(Default)]
pub(crate) struct Pool {
    links: Vec<Link>,
    free: Vec<u32>,
}

struct Link {
    frame: Option<Frame>,
    next: u32,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { head: None, next: NONE, last: NONE, queued: 0 }
    }
}

impl Outbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    /// Queued bytes; each frame counts [`FRAME_OVERHEAD_BYTES`] more than its length.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.queued as usize
    }

    /// Appends a frame. The caller has compared [`Outbox::queued_bytes`] with its limit.
    pub(crate) fn push(&mut self, pool: &mut Pool, frame: Frame) {
        self.queued = self.queued.saturating_add(cost(&frame));
        if self.head.is_none() {
            self.head = Some(frame);
            return;
        }
        let link = pool.take(frame);
        if self.next == NONE {
            self.next = link;
        } else {
            pool.links[self.last as usize].next = link;
        }
        self.last = link;
    }

    /// Moves frames into `batch` until it holds `bytes_max`; at least one frame goes, however long.
    pub(crate) fn drain(&mut self, pool: &mut Pool, batch: &mut Batch, bytes_max: usize, frames_max: usize) {
        while let Some(frame) = self.head.take() {
            let full = batch.bytes() + frame.len() > bytes_max || batch.frames().len() >= frames_max;
            if full && !batch.frames().is_empty() {
                self.head = Some(frame);
                return;
            }
            self.queued = self.queued.saturating_sub(cost(&frame));
            batch.push(frame);
            self.advance(pool);
        }
        self.queued = 0;
    }

    /// Drops everything that waits.
    pub(crate) fn clear(&mut self, pool: &mut Pool) {
        while self.head.take().is_some() {
            self.advance(pool);
        }
        self.queued = 0;
    }

    fn advance(&mut self, pool: &mut Pool) {
        if self.next != NONE {
            let (frame, next) = pool.give_back(self.next);
            self.head = frame;
            self.next = next;
        }
    }
}

impl Pool {
    fn take(&mut self, frame: Frame) -> u32 {
        let link = Link { frame: Some(frame), next: NONE };
        if let Some(index) = self.free.pop() {
            self.links[index as usize] = link;
            index
        } else {
            self.links.push(link);
            (self.links.len() - 1) as u32
        }
    }

    fn give_back(&mut self, index: u32) -> (Option<Frame>, u32) {
        self.free.push(index);
        let link = &mut self.links[index as usize];
        (link.frame.take(), link.next)
    }

    /// After a burst: lets go of memory when no link is in use.
    pub(crate) fn shrink_when_idle(&mut self) {
        if self.links.len() > 1024 && self.free.len() == self.links.len() {
            *self = Self::default();
        }
    }
}

fn cost(frame: &Frame) -> u32 {
    u32::try_from(frame.len() + FRAME_OVERHEAD_BYTES).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_small() {
        assert_eq!(size_of::<Outbox>(), 32);
    }

    proptest! {
        /// Three outboxes over one pool behave like three queues, and the pool gets all its links back.
        #[test]
        fn behaves_like_a_queue(steps in proptest::collection::vec((0usize..3, 0u8..12, 1usize..40), 1..300)) {
            let mut pool = Pool::default();
            let mut outboxes: [Outbox; 3] = std::array::from_fn(|_| Outbox::default());
            let mut models: [VecDeque<Vec<u8>>; 3] = Default::default();
            for (n, (at, action, size)) in steps.into_iter().enumerate() {
                let (outbox, model) = (&mut outboxes[at], &mut models[at]);
                match action {
                    0 => {
                        outbox.clear(&mut pool);
                        model.clear();
                    }
                    1..=3 => {
                        let mut batch = Batch::default();
                        outbox.drain(&mut pool, &mut batch, size * 2, 5);
                        for frame in batch.frames() {
                            prop_assert_eq!(&frame[..], &model.pop_front().unwrap()[..]);
                        }
                        prop_assert!(batch.frames().len() <= 5);
                        prop_assert!(batch.bytes() <= size * 2 || batch.frames().len() == 1);
                    }
                    _ => {
                        let bytes = vec![n as u8; size];
                        outbox.push(&mut pool, Frame::new(&bytes));
                        model.push_back(bytes);
                    }
                }
                let expected: usize = model.iter().map(|frame| frame.len() + FRAME_OVERHEAD_BYTES).sum();
                prop_assert_eq!(outbox.queued_bytes(), expected);
                prop_assert_eq!(outbox.is_empty(), model.is_empty());
            }
            for outbox in &mut outboxes {
                outbox.clear(&mut pool);
            }
            prop_assert_eq!(pool.free.len(), pool.links.len());
        }
    }
}
