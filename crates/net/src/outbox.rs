//! What waits to be sent on a connection: references to shared frames.
//!
//! Most of the time nothing waits, or one frame does between the fan-out and the flush of the same turn: so one
//! reference stands inline and further ones are links from a `pool` that the shard's outboxes share. An idle outbox owns
//! nothing. `kept` is about the place of a frame that is not known yet.

mod kept;
mod pool;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::iter;
use std::ops::ControlFlow;

use self::pool::NONE;
pub(crate) use self::pool::Pool;
use crate::frame::{Batch, Frame};

/// A queue of frames: 24 bytes in a connection.
pub(crate) struct Outbox {
    head: Option<Frame>,
    next: u32,
    last: u32,
    /// Queued bytes, overhead included.
    queued: u32,
    /// Those of them that stand in a lane.
    loose: u32,
}

/// Where a frame waits: in a link, or as the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(u32);

const HEAD: Place = Place(NONE);

/// Among so many of the first frames a frame is looked for that is longer than the whole outbox may be.
const LONG_FRAME_AMONG: usize = 4;

impl Default for Outbox {
    fn default() -> Self {
        Self { head: None, next: NONE, last: NONE, queued: 0, loose: 0 }
    }
}

impl Outbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    /// Queued bytes; each frame counts [`FRAME_OVERHEAD_BYTES`](crate::frame::FRAME_OVERHEAD_BYTES) more than its length.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.queued as usize
    }

    /// Those of the queued bytes that stand in no lane.
    pub(crate) fn firm_bytes(&self) -> usize {
        self.queued.saturating_sub(self.loose) as usize
    }

    /// Those of the queued bytes that make room for nothing.
    pub(crate) fn staying_bytes(&self, pool: &Pool) -> usize {
        if self.loose == 0 {
            return self.queued_bytes();
        }
        self.waiting(pool).filter(|(_, frame)| !frame.gives_way()).map(|(_, frame)| frame.cost()).sum()
    }

    /// How many bytes have to go before there is room for a frame that counts `cost`. When nothing waits, one frame goes
    /// however long it is: else a message could be received and not sent. Whoever comes behind it has his room as if it
    /// were not there.
    pub(crate) fn excess(&self, pool: &Pool, cost: usize, bytes_max: usize) -> usize {
        if self.is_empty() { 0 } else { self.over(pool, self.queued_bytes() + cost, bytes_max) }
    }

    /// As [`Outbox::excess`], where the frame is to take the place of the one of its lane and key that waited there.
    pub(crate) fn excess_in(&self, pool: &Pool, place: Place, frame: &Frame, bytes_max: usize) -> usize {
        let place = self.stands(pool, place, frame);
        let others = self.queued_bytes() - self.at(pool, place).map_or(0, Frame::cost);
        if others == 0 { 0 } else { self.over(pool, others + frame.cost(), bytes_max) }
    }

    /// What `bytes` are more than `bytes_max`, the frame left out that was let in although it is longer. Only pings and the like
    /// are ever put before it.
    fn over(&self, pool: &Pool, bytes: usize, bytes_max: usize) -> usize {
        if bytes <= bytes_max {
            return 0;
        }
        let mut first = self.waiting(pool).take(LONG_FRAME_AMONG).map(|(_, frame)| frame.cost());
        let long = first.find(|cost| *cost > bytes_max).unwrap_or(0);
        bytes.saturating_sub(long).saturating_sub(bytes_max)
    }

    /// What waits, from the oldest to the newest.
    fn waiting<'o>(&'o self, pool: &'o Pool) -> impl Iterator<Item = (Place, &'o Frame)> {
        let at = |index: u32| Some((index, pool.links.get(index as usize)?));
        let links = iter::successors(at(self.next), move |(_, link)| at(link.next));
        let links = links.filter_map(|(index, link)| Some((Place(index), link.frame.as_ref()?)));
        self.head.iter().map(|head| (HEAD, head)).chain(links)
    }

    fn at<'o>(&'o self, pool: &'o Pool, place: Place) -> Option<&'o Frame> {
        if place == HEAD { self.head.as_ref() } else { pool.links.get(place.0 as usize)?.frame.as_ref() }
    }

    /// Appends a frame that has bytes. The caller has seen to it that there is room.
    pub(crate) fn push(&mut self, pool: &mut Pool, frame: Frame) -> Place {
        self.count(pool, &frame);
        if self.head.is_none() {
            self.head = Some(frame);
            return HEAD;
        }
        let link = pool.take(frame, NONE);
        if self.next == NONE {
            self.next = link;
        } else {
            pool.links[self.last as usize].next = link;
        }
        self.last = link;
        Place(link)
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

    /// The places of the frames with a key.
    pub(crate) fn keyed<'o>(&'o self, pool: &'o Pool) -> impl Iterator<Item = (Place, &'o Frame)> {
        let has_some = self.loose > 0;
        self.waiting(pool).filter(move |(_, frame)| has_some && frame.has_key())
    }

    /// Where a frame of the same lane and key waits.
    pub(crate) fn find(&self, pool: &Pool, frame: &Frame) -> Option<Place> {
        self.keyed(pool).find(|(_, waits)| waits.lane() == frame.lane()).map(|(place, _)| place)
    }

    /// Puts a frame in the place of the one of its lane and key that waited there.
    pub(crate) fn exchange(&mut self, pool: &mut Pool, place: Place, frame: &Frame) {
        let place = self.stands(pool, place, frame);
        self.replace(pool, place, frame);
    }

    /// Where the frame of the same lane and key stands by now that waited there: when others are dropped it stays where it is,
    /// or comes to be the head.
    fn stands(&self, pool: &Pool, place: Place, frame: &Frame) -> Place {
        let is_there = self.at(pool, place).is_some_and(|waits| waits.lane() == frame.lane());
        if is_there { place } else { HEAD }
    }

    fn replace(&mut self, pool: &mut Pool, place: Place, frame: &Frame) {
        let place = if place == HEAD { &mut self.head } else { &mut pool.links[place.0 as usize].frame };
        let before = place.replace(frame.clone());
        self.count(pool, frame);
        if let Some(before) = before {
            self.uncount(pool, &before);
        }
    }

    /// Drops the oldest frames that give way until `excess` bytes have gone. Where that is not enough, and something else
    /// waits, it drops nothing and says `false`.
    pub(crate) fn free(
        &mut self,
        pool: &mut Pool,
        excess: usize,
        gives_way: impl Fn(&Frame) -> bool,
        mut dropped: impl FnMut(&Frame),
    ) -> bool {
        let mut found = 0;
        for (_, frame) in self.waiting(pool).filter(|(_, frame)| gives_way(frame)) {
            found += frame.cost();
            if found >= excess {
                break;
            }
        }
        if found < excess && found < self.queued_bytes() {
            return false;
        }
        let mut gone = 0;
        self.retain(pool, |frame| {
            if gone >= excess {
                return ControlFlow::Break(());
            }
            if !gives_way(frame) {
                return ControlFlow::Continue(true);
            }
            gone += frame.cost();
            dropped(frame);
            ControlFlow::Continue(false)
        });
        true
    }

    /// Drops the frames that `keep` does not want; it is asked from the oldest to the newest, until it breaks off.
    pub(crate) fn retain(&mut self, pool: &mut Pool, mut keep: impl FnMut(&Frame) -> ControlFlow<(), bool>) {
        let is_over = Cell::new(false);
        let mut goes = |frame: &Frame| match keep(frame) {
            ControlFlow::Continue(keeps) => !keeps,
            ControlFlow::Break(()) => {
                is_over.set(true);
                false
            }
        };
        if let Some(head) = self.head.take_if(|frame| goes(frame)) {
            self.uncount(pool, &head);
        }
        let (mut before, mut at) = (NONE, self.next);
        while at != NONE && !is_over.get() {
            let link = &pool.links[at as usize];
            let next = link.next;
            if link.frame.as_ref().is_some_and(&mut goes) {
                if let (Some(frame), _) = pool.give_back(at) {
                    self.uncount(pool, &frame);
                }
                match before {
                    NONE => self.next = next,
                    before => pool.links[before as usize].next = next,
                }
            } else {
                before = at;
            }
            at = next;
        }
        if at == NONE {
            self.last = before;
        }
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
        pool.count(frame);
        let cost = cost(frame);
        self.queued = self.queued.saturating_add(cost);
        if frame.lane().is_some() {
            self.loose = self.loose.saturating_add(cost);
        }
    }

    fn uncount(&mut self, pool: &mut Pool, frame: &Frame) {
        pool.uncount(frame);
        let cost = cost(frame);
        self.queued = self.queued.saturating_sub(cost);
        if frame.lane().is_some() {
            self.loose = self.loose.saturating_sub(cost);
        }
    }
}

fn cost(frame: &Frame) -> u32 {
    u32::try_from(frame.cost()).unwrap_or(u32::MAX)
}
