//! Payloads become messages again (RFC 7692 §7.2.2), and never longer ones than allowed.

use std::fmt;
use zlib_rs::{Inflate, InflateFlush, Status};

/// What the sender left out: length and complement of the empty block that ends a message (§7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Memory for messages that is kept from one to the next; what a longer one needed is given back.
const KEPT_BYTES: usize = 64 * 1024;

/// The longest piece of a message that is inflated piece by piece.
const PIECE_BYTES_MAX: usize = 16 * 1024;

/// What is reserved for a message before anything of it is known.
const FIRST_BYTES: usize = 4 * 1024;

/// Why a payload did not become a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InflateError {
    /// It is no DEFLATE data, or does not end with an empty block (§7.2.1).
    InvalidData,
    /// The message would be longer than allowed. Not more than one byte too many has been inflated.
    TooLong,
}

impl fmt::Display for InflateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidData => "compressed data must be DEFLATE and end with an empty block",
            Self::TooLong => "the message is longer than allowed",
        })
    }
}

impl std::error::Error for InflateError {}

/// How far one [`Inflater::step`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Bytes of the payload that were consumed.
    pub consumed: usize,
    /// Bytes of the message that were written. If that is all there was room for, there may be more.
    pub written: usize,
}

/// Inflates messages: those of any number of connections without context takeover, or those of one with it.
///
/// It owns nothing before its first message, and 47 KB from then on, beside the message lent out last.
#[derive(Debug, Default)]
pub struct Inflater(Option<Box<State>>);

struct State {
    stream: Inflate,
    // The last message; it is as long as its memory, so that bytes are not cleared each time.
    message: Vec<u8>,
    /// A block said that it was the last, and nothing has followed it.
    ended: bool,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl Inflater {
    /// One that owns nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// Inflates the whole payload of a message; `takeover` says whether it may refer to the message before, which the same
    /// inflater was given then. After an error the next message needs a new context.
    ///
    /// # Errors
    /// [`InflateError`].
    pub fn message(
        &mut self,
        payload: &[u8],
        takeover: bool,
        bytes_max: usize,
    ) -> Result<&[u8], InflateError> {
        self.begin(takeover);
        let state = self.state();
        let mut buffer = std::mem::take(&mut state.message);
        let inflated = state.inflate_into(payload, &mut buffer, bytes_max);
        state.message = buffer;
        inflated.map(|len| &state.message[..len])
    }

    /// Whether it owns nothing.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.0.is_none()
    }

    /// Gives back the memory of the last message, and keeps the context.
    pub fn release_message(&mut self) {
        if let Some(state) = &mut self.0 {
            state.message = Vec::new();
        }
    }

    /// Begins a message that is inflated piece by piece: [`step`](Self::step) until its payload is used up, then
    /// [`end`](Self::end).
    pub fn begin(&mut self, takeover: bool) {
        let state = self.state();
        if !takeover || state.ended {
            state.reset();
        }
        if state.message.len() > KEPT_BYTES {
            state.message = Vec::new();
        }
    }

    /// Inflates as much as there is payload, or as there is room in `out`, which must not be empty.
    ///
    /// # Errors
    /// [`InflateError::InvalidData`].
    pub fn step(&mut self, payload: &[u8], out: &mut [u8]) -> Result<Step, InflateError> {
        self.state().step(payload, out)
    }

    /// The payload of the message is used up, and the last step left room in `out`.
    ///
    /// # Errors
    /// [`InflateError::InvalidData`] if the message does not end here.
    pub fn end(&mut self) -> Result<(), InflateError> {
        self.state().end()
    }

    /// As [`step`](Self::step), into memory of its own and at most `bytes_max` bytes: [`piece`](Self::piece) has them. Tells,
    /// too, whether there may be more of them.
    pub(crate) fn step_within(
        &mut self,
        payload: &[u8],
        bytes_max: usize,
    ) -> Result<(Step, bool), InflateError> {
        let state = self.state();
        if state.message.len() < PIECE_BYTES_MAX {
            state.message.resize(PIECE_BYTES_MAX, 0);
        }
        let mut buffer = std::mem::take(&mut state.message);
        let room = bytes_max.min(PIECE_BYTES_MAX);
        let step = state.step(payload, &mut buffer[..room]);
        state.message = buffer;
        step.map(|step| (step, step.written == room))
    }

    /// The first bytes of what was inflated last.
    pub(crate) fn piece(&self, len: usize) -> &[u8] {
        self.0.as_ref().map_or(&[], |state| state.message.get(..len).unwrap_or(&[]))
    }

    fn state(&mut self) -> &mut State {
        self.0.get_or_insert_with(|| {
            // The window always has its 32 KiB: one inflater serves connections with any number of bits.
            Box::new(State { stream: Inflate::new(false, 15), message: Vec::new(), ended: false })
        })
    }
}

impl State {
    /// `buffer` grows with what comes out, to one byte more than allowed at most: so that one too many shows.
    fn inflate_into(
        &mut self,
        payload: &[u8],
        buffer: &mut Vec<u8>,
        bytes_max: usize,
    ) -> Result<usize, InflateError> {
        let room_max = bytes_max.saturating_add(1);
        let (mut consumed, mut len) = (0, 0);
        loop {
            if len > bytes_max {
                return Err(InflateError::TooLong);
            }
            if len == buffer.len() {
                let doubled = buffer.len().saturating_mul(2).max(FIRST_BYTES);
                // The last step leads to the byte that would be one too many: it is not worth a step of its own.
                let room = if doubled >= bytes_max { room_max } else { doubled };
                buffer.reserve_exact(room - len);
                buffer.resize(room, 0);
            }
            // What a message before was allowed may be more.
            let room = buffer.len().min(room_max);
            let step = self.step(&payload[consumed..], &mut buffer[len..room])?;
            consumed += step.consumed;
            len += step.written;
            if consumed == payload.len() && len < room {
                break;
            }
            if step.consumed == 0 && step.written == 0 {
                return Err(InflateError::InvalidData);
            }
        }
        if !payload.is_empty() {
            self.end()?;
        }
        Ok(len)
    }

    fn step(&mut self, payload: &[u8], out: &mut [u8]) -> Result<Step, InflateError> {
        if self.ended && !payload.is_empty() {
            // A sender may end each message with a last block and begin anew behind it (§7.2.3.4).
            self.reset();
        }
        let (read, written) = (self.stream.total_in(), self.stream.total_out());
        let status = self.stream.decompress(payload, out, InflateFlush::NoFlush);
        self.ended |= matches!(status, Ok(Status::StreamEnd));
        status.map_err(|_| InflateError::InvalidData)?;
        Ok(Step {
            consumed: (self.stream.total_in() - read) as usize,
            written: (self.stream.total_out() - written) as usize,
        })
    }

    /// Whether the tail completes an empty block. A byte more is offered: the stream stops before it if it is between two
    /// blocks, as it must be, and takes it if the message was cut off within one.
    fn end(&mut self) -> Result<(), InflateError> {
        if self.ended {
            return Ok(());
        }
        let [a, b, c, d] = TAIL;
        let (read, written) = (self.stream.total_in(), self.stream.total_out());
        let status = self.stream.decompress(&[a, b, c, d, 0], &mut [0], InflateFlush::Block);
        let consumed = self.stream.total_in() - read;
        let is_end = consumed == TAIL.len() as u64 && self.stream.total_out() == written;
        if status.is_ok() && is_end { Ok(()) } else { Err(InflateError::InvalidData) }
    }

    fn reset(&mut self) {
        self.stream.reset(false);
        self.ended = false;
    }
}
