//! Frames that go out together, each to those of many connections that want it.

use std::collections::HashMap;

use crate::frame::{Frame, Lane};

/// Frames in order, of which each connection of a fan-out gets some: see
/// [`Connections::add_some`](crate::shard::Connections::add_some).
///
/// It knows which of its frames have the same lane and key, so that what waits for a connection has to be looked through
/// only once, however many frames may take the place of something there.
#[derive(Debug)]
pub struct Bundle {
    frames: Vec<Frame>,
    /// The number of each frame's key.
    keys: Vec<Option<usize>>,
    numbers: HashMap<Lane, usize>,
}

impl From<Vec<Frame>> for Bundle {
    fn from(frames: Vec<Frame>) -> Self {
        let mut numbers = HashMap::new();
        let keys = frames.iter().map(|frame| {
            let lane = frame.lane().filter(|_| frame.has_key())?;
            let next = numbers.len();
            Some(*numbers.entry(lane.clone()).or_insert(next))
        });
        let keys = keys.collect();
        Self { frames, keys, numbers }
    }
}

impl Bundle {
    /// Its frames.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// How many keys its frames have, numbered from 0.
    pub(crate) fn keys(&self) -> usize {
        self.numbers.len()
    }

    /// The number of the key of one of its frames.
    pub(crate) fn key_at(&self, index: usize) -> Option<usize> {
        self.keys.get(index).copied().flatten()
    }

    /// The number of the key of any frame, if one of its own has the same.
    pub(crate) fn key_of(&self, frame: &Frame) -> Option<usize> {
        self.numbers.get(frame.lane()?).copied()
    }
}
