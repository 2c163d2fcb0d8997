//! One message out in fragments (RFC 6455 §5.4): for what is longer than memory should hold.
//!
//! Between the first and the last fragment no other message may stand on the wire. So a begun message keeps a place in the
//! outbox: its fragments go in before it, and so do pings and pongs; whole messages that are sent meanwhile wait behind it
//! until it is finished. A close ends it where it stands, and drops what waits behind it.

use std::mem;

use wavecast_websocket::frame::{Reserved, encode_header};
use wavecast_websocket::{self as websocket, Opcode};

use super::connection::Outgoing;
use super::connections::Connections;
use super::event::ConnectionId;
use crate::frame::Frame;
use crate::message::{Kind, MessageRef};

/// Why a fragment was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FragmentError {
    /// The connection has ended or is closing.
    Closed,
    /// Half of [`Options::outbox_bytes_max`](crate::Options::outbox_bytes_max) waits already: the other half is for whole
    /// messages. [`Connections::tell_when_drained`] says when to go on. Nothing is closed for it.
    Full,
    /// A message was begun while another was under way, or a fragment came without one.
    Order,
    /// Text in a binary message, or the other way round.
    Kind,
}

impl std::fmt::Display for FragmentError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Closed => "the connection has ended or is closing",
            Self::Full => "half of the outbox is full: wait until it is drained",
            Self::Order => "fragments stand between the beginning and the end of one message",
            Self::Kind => "all fragments of a message are of its kind",
        })
    }
}

impl std::error::Error for FragmentError {}

impl Connections {
    /// Begins a message that will be sent in fragments. What is sent whole from now on waits behind it. Nothing goes out
    /// before the first fragment.
    ///
    /// # Errors
    /// [`FragmentError::Closed`] and [`FragmentError::Order`]; also where [`Connections::hold_place`] keeps a place.
    pub fn begin_message(&mut self, id: ConnectionId, kind: Kind) -> Result<(), FragmentError> {
        if !self.is_open(id) {
            return Err(FragmentError::Closed);
        }
        debug_assert!(!self.is_stream(id), "a stream has no fragments");
        if self.table[id.slot].flags.holds_place {
            return Err(FragmentError::Order);
        }
        self.hold_place(id);
        self.table[id.slot].flags.outgoing = Outgoing::First(kind);
        Ok(())
    }

    /// Queues the next fragment of the message that was begun: one frame of any length; below some kilobytes its cost is not
    /// worth while. A fragment of text is whole characters, as a string is.
    ///
    /// # Errors
    /// [`FragmentError`]; nothing is queued then, and the message goes on.
    pub fn fragment(&mut self, id: ConnectionId, part: MessageRef<'_>) -> Result<(), FragmentError> {
        let outgoing = self.outgoing(id)?;
        let (Outgoing::First(kind) | Outgoing::Next(kind)) = outgoing else {
            return Err(FragmentError::Order);
        };
        if part.kind() != kind {
            return Err(FragmentError::Kind);
        }
        let payload = part.as_bytes();
        let waits = self.bytes_before_place(id);
        if waits > 0 && waits + payload.len() > self.options.outbox_bytes_max / 2 {
            return Err(FragmentError::Full);
        }
        let opcode = opcode(outgoing);
        let header = encode_header(false, Reserved::NONE, opcode, payload.len() as u64, None);
        let mut bytes = Vec::with_capacity(header.len() + payload.len());
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(payload);
        self.table[id.slot].flags.outgoing = Outgoing::Next(kind);
        self.insert_at_place(id, &bytes.into_boxed_slice().into());
        Ok(())
    }

    /// Ends the message that was begun, and lets go what waits behind it. It always finds room.
    ///
    /// # Errors
    /// [`FragmentError::Closed`] and [`FragmentError::Order`].
    pub fn finish_message(&mut self, id: ConnectionId) -> Result<(), FragmentError> {
        let outgoing = self.outgoing(id)?;
        if outgoing == Outgoing::None {
            return Err(FragmentError::Order);
        }
        let mut last = Vec::new();
        websocket::frame::encode(opcode(outgoing), b"", None, &mut last);
        self.table[id.slot].flags.outgoing = Outgoing::None;
        self.fill_place(id, &last.into_boxed_slice().into()).map_err(|_| FragmentError::Closed)
    }

    /// Asks for [`Handler::drained`](super::Handler::drained), once, as soon as all that waits for a connection has been given
    /// to the system (of a message in fragments: all fragments), at the earliest at the end of this turn.
    pub fn tell_when_drained(&mut self, id: ConnectionId) {
        let Some(connection) = self.get_mut(id).filter(|c| c.is_open()) else { return };
        connection.flags.tells_drained = true;
        if connection.is_drained() {
            self.emptied.push(id);
        }
    }

    /// Whether the handler is to be told that all has gone; true once. What has come up meanwhile has to go first: the flush
    /// says so again.
    pub(super) fn take_drained(&mut self, id: ConnectionId) -> bool {
        let is_open = self.is_open(id);
        let connection = self.get_mut(id).filter(|c| is_open && c.is_drained());
        connection.is_some_and(|connection| mem::take(&mut connection.flags.tells_drained))
    }

    /// Puts a frame among what goes out before the message that was begun ends.
    pub(super) fn insert_at_place(&mut self, id: ConnectionId, frame: &Frame) {
        let Self { table, pool, .. } = self;
        let Some(connection) = table.get_mut(id.slot).filter(|c| c.generation == id.generation) else {
            return;
        };
        connection.outbox.insert_at_place(pool, frame);
        if connection.wants_flush() {
            self.waves.soon(id);
        }
    }

    /// A message that was begun ends where it stands. Other messages would break it: they go too.
    pub(super) fn give_up_message(&mut self, id: ConnectionId) {
        let Self { table, pool, cork, .. } = self;
        let Some(connection) = table.get_mut(id.slot).filter(|c| c.generation == id.generation) else {
            return;
        };
        if mem::take(&mut connection.flags.outgoing) != Outgoing::None {
            connection.outbox.clear_behind_place(pool);
            // The beginning has emptied the cork: what is in it came later.
            cork.forget(id);
        }
    }

    fn outgoing(&self, id: ConnectionId) -> Result<Outgoing, FragmentError> {
        let open = self.get(id).filter(|_| self.is_open(id));
        open.map(|connection| connection.flags.outgoing).ok_or(FragmentError::Closed)
    }

    fn bytes_before_place(&self, id: ConnectionId) -> usize {
        self.get(id).map_or(0, |connection| connection.outbox.bytes_before_place(&self.pool))
    }
}

fn opcode(outgoing: Outgoing) -> Opcode {
    match outgoing {
        Outgoing::First(kind) => kind.opcode(),
        Outgoing::Next(_) | Outgoing::None => Opcode::Continuation,
    }
}
