//! The flush: each connection with something to send is touched once a turn.
//!
//! Connections that were sent to one by one stand on the list of those to flush *soon*. A fan-out is a *wave*: a list of its
//! own, of which one slice goes out per turn, so that a channel with ten thousand subscribers holds up nobody else. Waves take
//! turns. A connection that stands on a list already is not put on another: whatever is queued until its turn goes with
//! the same write.

use std::collections::VecDeque;
use std::mem;

use super::connections::{Connections, Phase, Then};
use super::handler::ConnectionId;
use crate::driver::{Driver, Submission};
use crate::frame::Batch;

/// Bytes of one send, unless a single frame is longer.
const BATCH_BYTES: usize = 128 * 1024;
/// Frames of one send.
const BATCH_FRAMES: usize = 64;
/// Sends to one connection in a row; what is left waits for the next turn.
const SENDS_IN_A_ROW: u32 = 8;
/// Connections flushed in a turn from the list of those sent to one by one.
const SOON_PER_TURN: usize = 1024;
/// Up to this many subscribers a fan-out is not worth a wave.
const WAVE_MIN: usize = 64;
/// Lists kept for the next waves.
const SPARE_WAVES: usize = 4;

/// Who is to be flushed, and in which order.
pub(super) struct Flush {
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

impl Flush {
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

    pub(super) fn is_idle(&self) -> bool {
        self.soon.is_empty() && self.waves.is_empty()
    }

    /// The connection whose turn it is, if the turn has one left.
    fn next(&mut self, budget: &mut Budget) -> Option<ConnectionId> {
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

struct Budget {
    soon: usize,
    slice: usize,
}

/// Flushes what this turn may; connections that broke are put into `broken`.
pub(super) fn flush<D: Driver>(
    connections: &mut Connections,
    driver: &mut D,
    batch: &mut Batch,
    broken: &mut Vec<(ConnectionId, std::io::Error)>,
) {
    let mut budget = Budget { soon: SOON_PER_TURN, slice: connections.flush.slice };
    while let Some(id) = connections.flush.next(&mut budget) {
        flush_one(connections, driver, id, batch, broken);
    }
    connections.pool.shrink_when_idle();
}

fn flush_one<D: Driver>(
    connections: &mut Connections,
    driver: &mut D,
    id: ConnectionId,
    batch: &mut Batch,
    broken: &mut Vec<(ConnectionId, std::io::Error)>,
) {
    let Connections { table, pool, flush, .. } = connections;
    let Some(connection) = table.get_mut(id.slot).filter(|c| c.generation == id.generation) else { return };
    connection.flags.dirty = false;
    if connection.flags.sending || matches!(connection.phase, Phase::Vacant) {
        return;
    }
    for _ in 0..SENDS_IN_A_ROW {
        if connection.outbox.is_empty() {
            connections.drained(id);
            return;
        }
        connection.outbox.drain(pool, batch, BATCH_BYTES, BATCH_FRAMES);
        match driver.send(id.slot, batch) {
            Submission::Done => {}
            Submission::InFlight => {
                connection.flags.sending = true;
                return;
            }
            Submission::Failed(error) => {
                broken.push((id, error));
                return;
            }
        }
    }
    connection.flags.dirty = true;
    flush.soon(id);
}

impl Connections {
    /// A send in flight has gone out.
    pub(super) fn sent(&mut self, slot: u32) {
        let id = self.id(slot);
        let Some(connection) = self.get_mut(id) else { return };
        connection.flags.sending = false;
        if connection.outbox.is_empty() {
            self.drained(id);
        } else if !mem::replace(&mut connection.flags.dirty, true) {
            self.flush.soon(id);
        }
    }

    /// Nothing waits for this connection any more.
    fn drained(&mut self, id: ConnectionId) {
        self.answer_late_ping(id);
        self.follow_up(id);
    }

    /// Does what was to follow once everything had been sent.
    pub(super) fn follow_up(&mut self, id: ConnectionId) {
        use super::connections::Order;
        let linger = self.options.linger_timeout;
        let Some(connection) = self.get_mut(id) else { return };
        if !connection.outbox.is_empty() || connection.flags.sending {
            return;
        }
        match mem::take(&mut connection.flags.then) {
            Then::Stay => {}
            Then::Close => self.orders.push(Order::Close(id.slot)),
            Then::Shutdown => {
                self.orders.push(Order::Shutdown(id.slot));
                self.set_link_timer(id.slot, linger);
            }
        }
    }
}
