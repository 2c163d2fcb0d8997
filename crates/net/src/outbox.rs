//! What waits to be sent on a connection: references to shared frames.
//!
//! Most of the time nothing waits, or one frame does between the fan-out and the flush of the same turn: so one
//! reference stands inline and further ones are links from a pool that the shard's outboxes share. An idle outbox owns
//! nothing.

use crate::frame::{Account, Batch, Frame};

const NONE: u32 = u32::MAX;

/// What a queued frame counts beside its bytes: its link in the pool. So a limit in bytes also bounds a flood of
/// tiny frames.
pub(crate) const FRAME_OVERHEAD_BYTES: usize = 32;

/// A queue of frames: 24 bytes in a connection.
pub(crate) struct Outbox {
    head: Option<Frame>,
    next: u32,
    last: u32,
    /// Queued bytes, overhead included.
    queued: u32,
    /// Those of them that stand in a lane and may be dropped.
    loose: u32,
}

/// What the outboxes of a shard share: the links of those that hold more than one frame, and the count of what they hold.
#[derive(Default)]
pub(crate) struct Pool {
    links: Vec<Link>,
    free: Vec<u32>,
    /// Queued bytes of all outboxes, overhead included, a shared frame for each that holds it.
    queued: u64,
    /// The bytes that really are there: a shared frame once, sends in flight included.
    account: Account,
}

struct Link {
    frame: Option<Frame>,
    next: u32,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { head: None, next: NONE, last: NONE, queued: 0, loose: 0 }
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

    /// Those of the queued bytes that may not be dropped.
    pub(crate) fn firm_bytes(&self) -> usize {
        self.queued.saturating_sub(self.loose) as usize
    }

    /// Appends a frame. The caller has compared [`Outbox::queued_bytes`] with its limit.
    pub(crate) fn push(&mut self, pool: &mut Pool, frame: Frame) {
        self.count(pool, &frame);
        if self.head.is_none() {
            self.head = Some(frame);
            return;
        }
        let link = pool.take(frame, NONE);
        if self.next == NONE {
            self.next = link;
        } else {
            pool.links[self.last as usize].next = link;
        }
        self.last = link;
    }

    /// Puts a frame before everything that waits.
    pub(crate) fn push_first(&mut self, pool: &mut Pool, frame: Frame) {
        self.count(pool, &frame);
        let Some(second) = self.head.replace(frame) else { return };
        let link = pool.take(second, self.next);
        if self.next == NONE {
            self.last = link;
        }
        self.next = link;
    }

    /// Puts a frame in the place of one of the same lane and key. `None`: none waits; `Some(false)`: it is so much longer
    /// that more than `bytes_max` would wait.
    pub(crate) fn exchange(&mut self, pool: &mut Pool, frame: &Frame, bytes_max: usize) -> Option<bool> {
        let mut at = self.next;
        let mut place = self.head.as_mut();
        while place.as_ref().is_none_or(|waits| waits.lane() != frame.lane()) {
            let link = pool.links.get_mut(at as usize)?;
            at = link.next;
            place = link.frame.as_mut();
        }
        let place = place?;
        let grows = frame.len() > place.len();
        let alone = self.queued == cost(place);
        if grows && !alone && self.queued as usize + frame.len() > bytes_max + place.len() {
            return Some(false);
        }
        let before = std::mem::replace(place, frame.clone());
        self.count(pool, frame);
        self.uncount(pool, &before);
        Some(true)
    }

    /// Keeps a place for a frame that is not known yet: what is pushed behind it waits for it.
    pub(crate) fn hold_place(&mut self, pool: &mut Pool) {
        self.push(pool, Frame::new(&[]));
    }

    /// Whether a place that is kept is next: nothing can be sent.
    pub(crate) fn is_held(&self) -> bool {
        self.head.as_ref().is_some_and(|frame| frame.is_empty())
    }

    /// Puts a frame into the first place that is kept; `false` if there is none.
    pub(crate) fn fill_place(&mut self, pool: &mut Pool, frame: &Frame) -> bool {
        let mut at = self.next;
        let mut place = self.head.as_mut();
        while place.as_ref().is_none_or(|held| !held.is_empty()) {
            let Some(link) = pool.links.get_mut(at as usize) else { return false };
            at = link.next;
            place = link.frame.as_mut();
        }
        let Some(place) = place else { return false };
        let held = std::mem::replace(place, frame.clone());
        self.count(pool, frame);
        self.uncount(pool, &held);
        true
    }

    /// Drops the frames that `keep` does not want; it is asked from the oldest to the newest.
    pub(crate) fn retain(&mut self, pool: &mut Pool, mut keep: impl FnMut(&Frame) -> bool) {
        if let Some(head) = self.head.take_if(|frame| !keep(frame)) {
            self.uncount(pool, &head);
        }
        let (mut before, mut at) = (NONE, self.next);
        while at != NONE {
            let link = &pool.links[at as usize];
            let next = link.next;
            if link.frame.as_ref().is_some_and(&mut keep) {
                before = at;
            } else {
                if let (Some(frame), _) = pool.give_back(at) {
                    self.uncount(pool, &frame);
                }
                match before {
                    NONE => self.next = next,
                    before => pool.links[before as usize].next = next,
                }
            }
            at = next;
        }
        self.last = before;
        if self.head.is_none() {
            self.advance(pool);
        }
    }

    /// Moves frames into `batch` until it holds `bytes_max`; at least one frame goes, however long, unless a place is kept
    /// before it.
    pub(crate) fn drain(&mut self, pool: &mut Pool, batch: &mut Batch, bytes_max: usize, frames_max: usize) {
        while let Some(frame) = self.head.take() {
            let full = batch.bytes() + frame.len() > bytes_max || batch.frames().len() >= frames_max;
            if (full && !batch.frames().is_empty()) || frame.is_empty() {
                self.head = Some(frame);
                return;
            }
            self.uncount(pool, &frame);
            batch.push(frame);
            self.advance(pool);
        }
        (self.queued, self.loose) = (0, 0);
    }

    /// Drops everything that waits.
    pub(crate) fn clear(&mut self, pool: &mut Pool) {
        while let Some(frame) = self.head.take() {
            self.uncount(pool, &frame);
            self.advance(pool);
        }
        (self.queued, self.loose) = (0, 0);
    }

    fn advance(&mut self, pool: &mut Pool) {
        if self.next != NONE {
            let (frame, next) = pool.give_back(self.next);
            self.head = frame;
            self.next = next;
        }
    }

    fn count(&mut self, pool: &mut Pool, frame: &Frame) {
        let cost = cost(frame);
        frame.count_in(&pool.account);
        pool.queued += u64::from(cost);
        self.queued = self.queued.saturating_add(cost);
        if frame.lane().is_some() {
            self.loose = self.loose.saturating_add(cost);
        }
    }

    fn uncount(&mut self, pool: &mut Pool, frame: &Frame) {
        let cost = cost(frame);
        pool.queued -= u64::from(cost);
        self.queued = self.queued.saturating_sub(cost);
        if frame.lane().is_some() {
            self.loose = self.loose.saturating_sub(cost);
        }
    }
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

    fn take(&mut self, frame: Frame, next: u32) -> u32 {
        let link = Link { frame: Some(frame), next };
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
            (self.links, self.free) = (Vec::new(), Vec::new());
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
    use crate::frame::Lane;

    #[test]
    fn is_small() {
        assert_eq!(size_of::<Outbox>(), 24);
        assert_eq!(size_of::<Link>(), 16);
    }

    /// What a frame of the model belongs to: its first byte says it.
    fn lane_of(bytes: &[u8]) -> Option<Lane> {
        let number = u32::from(bytes[0] % 4).checked_sub(1)?;
        Some(Lane { number, key: (bytes[0] & 4 == 0).then(|| "k".into()) })
    }

    fn frame_of(bytes: &[u8]) -> Frame {
        lane_of(bytes).map_or_else(|| Frame::new(bytes), |lane| Frame::in_lane(bytes, lane, 1))
    }

    #[test]
    fn an_exchange_keeps_the_place_and_the_limit() {
        let mut pool = Pool::default();
        let mut outbox = Outbox::default();
        let keyed = |size: usize, key: &str| {
            Frame::in_lane(&vec![0; size], Lane { number: 1, key: Some(key.into()) }, 1)
        };
        for key in ["a", "b", "c"] {
            outbox.push(&mut pool, keyed(10, key));
        }
        let waiting = 3 * (10 + FRAME_OVERHEAD_BYTES);
        assert_eq!(outbox.exchange(&mut pool, &keyed(11, "b"), waiting), Some(false));
        assert_eq!(outbox.exchange(&mut pool, &keyed(9, "b"), waiting), Some(true));
        assert_eq!(outbox.exchange(&mut pool, &keyed(9, "d"), waiting), None);
        let mut batch = Batch::default();
        outbox.drain(&mut pool, &mut batch, 1000, 10);
        let lengths: Vec<_> = batch.frames().iter().map(|frame| frame.len()).collect();
        assert_eq!(lengths, [10, 9, 10]);
    }

    proptest! {
        /// Three outboxes over one pool behave like three queues, and the pool gets all its links back.
        #[test]
        fn behaves_like_a_queue(steps in proptest::collection::vec((0usize..3, 0u8..14, 1usize..40), 1..300)) {
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
                    4 => {
                        let lane = size as u32 % 3;
                        outbox.retain(&mut pool, |frame| frame.lane().is_none_or(|of| of.number != lane));
                        model.retain(|frame| lane_of(frame).is_none_or(|of| of.number != lane));
                    }
                    5 => {
                        let bytes = vec![0; size];
                        outbox.push_first(&mut pool, Frame::new(&bytes));
                        model.push_front(bytes);
                    }
                    6 => {
                        let bytes = vec![n as u8; size];
                        let Some(lane) = lane_of(&bytes) else { continue };
                        let frame = Frame::in_lane(&bytes, lane.clone(), 1);
                        let found = outbox.exchange(&mut pool, &frame, 1 << 20);
                        let place = model.iter_mut().find(|waits| lane_of(waits).as_ref() == Some(&lane));
                        prop_assert_eq!(found.is_some(), place.is_some());
                        if let Some(place) = place {
                            *place = bytes;
                        }
                    }
                    _ => {
                        let bytes = vec![n as u8; size];
                        outbox.push(&mut pool, frame_of(&bytes));
                        model.push_back(bytes);
                    }
                }
                let cost = |frame: &Vec<u8>| frame.len() + FRAME_OVERHEAD_BYTES;
                prop_assert_eq!(outbox.queued_bytes(), model.iter().map(cost).sum::<usize>());
                let firm = model.iter().filter(|frame| lane_of(frame).is_none());
                prop_assert_eq!(outbox.firm_bytes(), firm.map(cost).sum::<usize>());
                let all: usize = models.iter().flatten().map(cost).sum();
                prop_assert_eq!(pool.queued_bytes(), all as u64);
                let held: usize = models.iter().flatten().map(Vec::len).sum();
                prop_assert_eq!(pool.frame_bytes(), held);
                let (outbox, model) = (&mut outboxes[at], &mut models[at]);
                prop_assert_eq!(outbox.is_empty(), model.is_empty());
            }
            for outbox in &mut outboxes {
                outbox.clear(&mut pool);
            }
            prop_assert_eq!(pool.free.len(), pool.links.len());
            prop_assert_eq!((pool.queued_bytes(), pool.frame_bytes()), (0, 0));
        }
    }
}
