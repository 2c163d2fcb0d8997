//! The flush: each connection with something to send is touched once a turn.

use std::{io, mem};

use super::connection::{Connection, Order, Outgoing, Then};
use super::connections::Connections;
use super::event::ConnectionId;
use crate::driver::{Driver, Submission};
use crate::frame::{Batch, Frame};

/// Bytes of one send, unless a single frame is longer.
const BATCH_BYTES: usize = 128 * 1024;
/// The same where the send before did not go out at once: what is in flight is beyond all policies, and a ping behind it.
const BATCH_BYTES_SLOW: usize = 16 * 1024;
/// Frames of one send.
const BATCH_FRAMES: usize = 64;
/// Sends to one connection in a row; what is left waits for the next turn.
const SENDS_IN_A_ROW: u32 = 8;

/// Flushes what this turn may; connections that broke are put into `broken`.
pub(super) fn flush<D: Driver>(
    connections: &mut Connections,
    driver: &mut D,
    batch: &mut Batch,
    broken: &mut Vec<(ConnectionId, io::Error)>,
) {
    // What did not come from the driver but was received all the same: with a connection that was adopted, say.
    broken.extend(uncork(connections, driver, batch).err());
    let mut budget = connections.waves.budget();
    while let Some(id) = connections.waves.next(&mut budget) {
        flush_one(connections, driver, id, batch, broken);
    }
    connections.pool.shrink_when_idle();
}

fn flush_one<D: Driver>(
    connections: &mut Connections,
    driver: &mut D,
    id: ConnectionId,
    batch: &mut Batch,
    broken: &mut Vec<(ConnectionId, io::Error)>,
) {
    let Connections { table, pool, waves, tally, .. } = connections;
    let Some(connection) = table.get_mut(id.slot).filter(|c| c.generation == id.generation) else { return };
    connection.flags.dirty = false;
    if connection.flags.sending || connection.flags.released {
        return;
    }
    for _ in 0..SENDS_IN_A_ROW {
        if connection.outbox.is_empty() {
            connections.drained(id);
            return;
        }
        if connection.outbox.is_held() {
            connections.drained_to_place(id);
            return;
        }
        let bytes_max = if connection.flags.slow { BATCH_BYTES_SLOW } else { BATCH_BYTES };
        connection.outbox.drain(pool, batch, bytes_max, BATCH_FRAMES);
        tally.sent(batch.bytes());
        match driver.send(id.slot, batch) {
            Submission::Done => connection.flags.slow = false,
            Submission::InFlight => {
                (connection.flags.sending, connection.flags.slow) = (true, true);
                return;
            }
            Submission::Failed(error) => {
                broken.push((id, error));
                return;
            }
        }
    }
    connection.flags.dirty = true;
    waves.soon(id);
}

/// The messages of one read have been delivered: sends what they have provoked, if it is to leave at once. Fails with the
/// connection that broke.
pub(super) fn uncork<D: Driver>(
    connections: &mut Connections,
    driver: &mut D,
    batch: &mut Batch,
) -> Result<(), (ConnectionId, io::Error)> {
    let Some((id, bytes)) = connections.take_corked() else { return Ok(()) };
    connections.tally.sent(bytes.len());
    let sent = driver.send_now(id.slot, &bytes);
    // Only what the kernel refuses is worth a frame.
    let submission = match sent {
        Ok(sent) if sent == bytes.len() => Submission::Done,
        Ok(sent) => {
            let rest = Frame::new(&bytes[sent..]);
            connections.pool.hold(&rest);
            batch.push(rest);
            driver.send(id.slot, batch)
        }
        Err(error) => Submission::Failed(error),
    };
    connections.cork.put_back(bytes);
    let Some(connection) = connections.get_mut(id) else { return Ok(()) };
    match submission {
        Submission::Done => {
            connection.flags.slow = false;
            connections.drained(id);
        }
        Submission::InFlight => (connection.flags.sending, connection.flags.slow) = (true, true),
        Submission::Failed(error) => return Err((id, error)),
    }
    Ok(())
}

impl Connections {
    /// A send in flight has gone out.
    pub(super) fn sent(&mut self, slot: u32) {
        let id = self.id(slot);
        let Some(connection) = self.get_mut(id) else { return };
        connection.flags.sending = false;
        if connection.outbox.is_empty() {
            return self.drained(id);
        }
        if !mem::replace(&mut connection.flags.dirty, true) {
            self.waves.soon(id);
        }
        self.listen_again(id);
    }

    /// Nothing waits for this connection any more.
    fn drained(&mut self, id: ConnectionId) {
        // After nearly every send nothing is to be done.
        if self.get(id).is_none_or(Connection::is_content) {
            return;
        }
        self.listen_again(id);
        self.answer_late_ping(id);
        self.follow_up(id);
        self.tell_drained(id);
    }

    /// Nothing waits but a place that is kept, and what stands behind it.
    fn drained_to_place(&mut self, id: ConnectionId) {
        let half = self.options.outbox_bytes_max / 2;
        let Some(connection) = self.get(id) else { return };
        // What the program needs to go on with the message may come from the peer.
        if connection.flags.held && connection.outbox.firm_bytes() <= half {
            self.listen(id, |flags| flags.held = false);
        }
        if self.get(id).is_some_and(|connection| connection.flags.outgoing != Outgoing::None) {
            self.answer_late_ping(id);
        }
        self.tell_drained(id);
    }

    fn tell_drained(&mut self, id: ConnectionId) {
        if self.get(id).is_some_and(|connection| connection.flags.tells_drained) {
            self.emptied.push(id);
        }
    }

    /// Receives again from a peer that was held back, when all that its messages provoked has gone: else one that never
    /// catches up with what may be dropped would never be heard again, and be taken for dead.
    fn listen_again(&mut self, id: ConnectionId) {
        if self.get(id).is_some_and(|c| c.flags.held && c.outbox.firm_bytes() == 0) {
            self.listen(id, |flags| flags.held = false);
        }
    }

    /// Does what was to follow once everything had been sent.
    pub(super) fn follow_up(&mut self, id: ConnectionId) {
        let linger = self.options.linger_timeout;
        let Some(connection) = self.get_mut(id) else { return };
        if !connection.outbox.is_empty() || connection.flags.sending {
            return;
        }
        match mem::take(&mut connection.flags.then) {
            Then::Stay => {}
            Then::Close => self.release(id),
            Then::Shutdown => {
                self.orders.push(Order::Shutdown(id));
                self.set_link_timer(id.slot, linger);
            }
        }
    }
}
