//! Who is to be flushed, and in which order.
//!
//! Connections that were sent to one by one stand on the list of those to flush *soon*. A fan-out is a *wave*: a list of its
//! own, of which one slice goes out per turn, so that a channel with ten thousand subscribers holds up nobody else. Waves take
//! turns. A connection that stands on a list already is not put on another: whatever is queued until its turn goes with
//! the same write.

use std::collections::VecDeque;

use super::event::ConnectionId;

/// Connections flushed in a turn from the list of those sent to one by one.
const SOON_PER_TURN: usize = 1024;
/// Below this many subscribers a fan-out is not worth a wave.
const WAVE_MIN: usize = 64;
/// Lists kept for the next waves.
const SPARE_WAVES: usize = 4;

/// The lists of connections that have something to send.
pub(super) struct Waves {
    soon: VecDeque<ConnectionId>,
    waves: VecDeque<Wave>,
    spare: Vec<Vec<ConnectionId>>,
    slice: usize,
    last: WaveId,
}

/// Names a fan-out whose flush takes more than a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaveId(u64);

/// The connections that one fan-out has to flush.
#[derive(Debug)]
pub(super) struct Wave {
    id: WaveId,
    targets: Vec<ConnectionId>,
    done: usize,
}

impl Wave {
    pub(super) fn push(&mut self, id: ConnectionId) {
        self.targets.push(id);
    }
}

impl Waves {
    pub(super) fn new(slice: usize) -> Self {
        Self {
            soon: VecDeque::new(),
            waves: VecDeque::new(),
            spare: Vec::new(),
            slice: slice.max(1),
            last: WaveId(0),
        }
    }

    pub(super) fn soon(&mut self, id: ConnectionId) {
        self.soon.push_back(id);
    }

    pub(super) fn wave(&mut self, size: usize) -> Wave {
        let mut targets = self.spare.pop().unwrap_or_default();
        targets.reserve(size);
        self.last.0 += 1;
        Wave { id: self.last, targets, done: 0 }
    }

    /// Sends a wave on its way; one that is small goes with those to flush soon and needs no name.
    pub(super) fn launch(&mut self, wave: Wave) -> Option<WaveId> {
        if wave.targets.len() < WAVE_MIN {
            self.soon.extend(&wave.targets);
            self.retire(wave.targets);
            return None;
        }
        let id = wave.id;
        self.waves.push_back(wave);
        Some(id)
    }

    pub(super) fn is_under_way(&self, id: WaveId) -> bool {
        self.waves.iter().any(|wave| wave.id == id)
    }

    /// What a turn may flush.
    pub(super) fn budget(&self) -> Budget {
        Budget { soon: SOON_PER_TURN, slice: self.slice }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.soon.is_empty() && self.waves.is_empty()
    }

    /// The connection whose turn it is, if the turn has one left.
    pub(super) fn next(&mut self, budget: &mut Budget) -> Option<ConnectionId> {
        if budget.soon > 0
            && let Some(id) = self.soon.pop_front()
        {
            budget.soon -= 1;
            return Some(id);
        }
        if budget.slice == 0 {
            return None;
        }
        let wave = self.waves.front_mut()?;
        let id = wave.targets[wave.done];
        wave.done += 1;
        budget.slice -= 1;
        if wave.done == wave.targets.len() {
            if let Some(wave) = self.waves.pop_front() {
                self.retire(wave.targets);
            }
        } else if budget.slice == 0 {
            // The next turn's slice belongs to the next wave.
            self.waves.rotate_left(1);
        }
        Some(id)
    }

    fn retire(&mut self, mut targets: Vec<ConnectionId>) {
        if self.spare.len() < SPARE_WAVES {
            targets.clear();
            self.spare.push(targets);
        }
    }
}

/// What one turn may flush.
pub(super) struct Budget {
    soon: usize,
    slice: usize,
}
