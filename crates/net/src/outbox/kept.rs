//! A place among what waits that is kept for a frame that is not known yet, or for those of a message that is not at its end:
//! what is pushed behind it waits for it.

use std::ops::ControlFlow;

use super::pool::{Link, NONE};
use super::{HEAD, Outbox, Pool};
use crate::frame::Frame;

impl Outbox {
    /// Keeps a place for a frame that is not known yet: what is pushed behind it waits for it. It is a frame without bytes,
    /// as no other is.
    pub(crate) fn hold_place(&mut self, pool: &mut Pool) {
        self.push(pool, Frame::new(&[]));
    }

    /// Whether a place that is kept is next: nothing can be sent.
    pub(crate) fn is_held(&self) -> bool {
        self.head.as_ref().is_some_and(|frame| frame.is_empty())
    }

    /// Puts the frame into the place that is kept, if there is one; without bytes it gives the place up.
    pub(crate) fn fill_place(&mut self, pool: &mut Pool, frame: &Frame) {
        if frame.is_empty() {
            return self.give_up_place(pool);
        }
        let held = self.waiting(pool).find(|(_, held)| held.is_empty());
        if let Some((place, _)) = held {
            self.replace(pool, place, frame);
        }
    }

    /// Puts a frame before the place that is kept, behind what stands there already.
    pub(crate) fn insert_at_place(&mut self, pool: &mut Pool, frame: &Frame) {
        let Some((place, held)) = self.waiting(pool).find(|(_, held)| held.is_empty()) else { return };
        let held = held.clone();
        let after = if place == HEAD { self.next } else { pool.links[place.0 as usize].next };
        let link = pool.take(held, after);
        if place == HEAD {
            self.next = link;
            self.head = Some(frame.clone());
        } else {
            pool.links[place.0 as usize] = Link { frame: Some(frame.clone()), next: link };
        }
        if after == NONE {
            self.last = link;
        }
        self.count(pool, frame);
    }

    /// Bytes that go out before the place that is kept.
    pub(crate) fn bytes_before_place(&self, pool: &Pool) -> usize {
        let before = self.waiting(pool).take_while(|(_, frame)| !frame.is_empty());
        before.map(|(_, frame)| frame.cost()).sum()
    }

    /// Drops the place that is kept, and all that waits behind it.
    pub(crate) fn clear_behind_place(&mut self, pool: &mut Pool) {
        let mut is_found = false;
        self.retain(pool, |frame| {
            is_found |= frame.is_empty();
            ControlFlow::Continue(!is_found)
        });
    }

    /// Nobody fills the place any more: what waits behind it may go.
    pub(crate) fn give_up_place(&mut self, pool: &mut Pool) {
        let mut is_found = false;
        self.retain(pool, |frame| {
            if is_found {
                return ControlFlow::Break(());
            }
            is_found = frame.is_empty();
            ControlFlow::Continue(!is_found)
        });
    }
}
