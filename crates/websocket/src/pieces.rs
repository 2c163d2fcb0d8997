//! Messages piece by piece: for those that memory should not hold.
//!
//! Nothing is collected. A piece of a plain message is what of it lay in the input, unmasked there; a piece of a compressed
//! one is at most 16 KiB that were inflated. The limits count for the whole message all the same.

use crate::assembly::{Assembly, Collected, Frame};
use crate::deflate::InflateError;
use crate::event::Event;
use crate::frame::{Header, Opcode, Reserved};
use crate::input::Input;
use crate::limits::Limits;
use crate::mask;
use crate::message::Message;
use crate::protocol_error::ProtocolError;
use crate::rules::Rules;

/// Payload that is inflated at once: what is unmasked and not consumed is masked again, and that should not be much.
const DEFLATED_BYTES_MAX: usize = 4 * 1024;

/// Something that the peer sent: a piece of a message, or a control frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// A piece of a message.
    Piece(Piece<'a>),
    /// A ping, a pong or a close; it may come between two pieces.
    Control(Event<'a>),
}

/// A piece of a message. It borrows from the input or from the connection and lives until the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Whether the message is text. The bytes were checked, but a piece may end within a character.
    pub is_text: bool,
    /// The next bytes of the message. Only the last piece may be empty.
    pub bytes: &'a [u8],
    /// Whether the message begins with it.
    pub is_first: bool,
    /// Whether the message ends with it.
    pub is_last: bool,
}

/// How far the input led.
pub(crate) enum PartProgress<'b> {
    Piece(Piece<'b>),
    /// The bytes of the piece are the first so many of the inflater's.
    Inflated(Piece<'b>, usize),
    NeedsInput,
    /// A message or control frame lay whole in the input.
    Whole(Opcode, &'b [u8]),
    /// A control frame, or a message that had begun to be collected, is complete in [`Assembly::event`].
    Assembled,
}

impl From<Collected> for PartProgress<'_> {
    fn from(collected: Collected) -> Self {
        match collected {
            Collected::NeedsInput => Self::NeedsInput,
            Collected::Whole => Self::Assembled,
        }
    }
}

impl<'a> From<Event<'a>> for Part<'a> {
    /// A whole message is a piece of itself.
    fn from(event: Event<'a>) -> Self {
        let whole = |is_text, bytes| Self::Piece(Piece { is_text, bytes, is_first: true, is_last: true });
        match event {
            Event::Text(text) => whole(true, text.as_bytes()),
            Event::Binary(bytes) => whole(false, bytes),
            Event::Ping(_) | Event::Pong(_) | Event::Close(_) => Self::Control(event),
        }
    }
}

impl Assembly {
    /// Consumes input up to the end of a piece or control frame.
    pub(crate) fn advance_part<'b>(
        &mut self,
        rules: Rules,
        takeover: bool,
        input: &mut Input<'b>,
        limits: &Limits,
    ) -> Result<PartProgress<'b>, ProtocolError> {
        loop {
            let frame = match self.frame.take() {
                Some(frame) => frame,
                None => {
                    let Some(header) = self.read_header(input)? else {
                        return Ok(PartProgress::NeedsInput);
                    };
                    rules.check(&header, self.message.as_ref(), limits)?;
                    self.begin_part(&header, takeover)
                }
            };
            let is_streamed = !frame.is_control() && self.message.as_ref().is_some_and(Message::is_streamed);
            let progress = if !is_streamed {
                self.collect(frame, input, limits)?.map(PartProgress::from)
            } else if self.message.as_ref().is_some_and(Message::is_deflated) {
                self.inflate_piece(frame, input, limits)?
            } else {
                self.take_piece(frame, input)?
            };
            if let Some(progress) = progress {
                return Ok(progress);
            }
        }
    }

    fn begin_part(&mut self, header: &Header, takeover: bool) -> Frame {
        if matches!(header.opcode, Opcode::Text | Opcode::Binary) {
            let is_deflated = header.reserved != Reserved::NONE;
            self.message = Some(Message::streamed(header.opcode, is_deflated));
            if is_deflated {
                self.inflater.begin(takeover);
            }
        }
        self.begin_frame(header)
    }

    /// What there is of the frame's payload, where it stands; `None` if the frame has ended with nothing left to tell.
    fn take_piece<'b>(
        &mut self,
        mut frame: Frame,
        input: &mut Input<'b>,
    ) -> Result<Option<PartProgress<'b>>, ProtocolError> {
        let Some(streamed) = self.message.as_mut().and_then(Message::as_streamed) else { return Ok(None) };
        let bytes = input.take(usize::try_from(frame.remaining).unwrap_or(usize::MAX));
        frame.unmask(bytes);
        frame.remaining -= bytes.len() as u64;
        streamed.arrived += bytes.len() as u64;
        streamed.check(bytes)?;
        let is_last = frame.fin && frame.remaining == 0;
        if bytes.is_empty() && !is_last {
            if frame.remaining == 0 {
                return Ok(None);
            }
            self.frame = Some(frame);
            return Ok(Some(PartProgress::NeedsInput));
        }
        let is_first = !std::mem::replace(&mut streamed.has_begun, true);
        let piece = Piece { is_text: streamed.text.is_some(), bytes, is_first, is_last };
        if is_last {
            streamed.check_end()?;
            self.message = None;
        } else if frame.remaining > 0 {
            self.frame = Some(frame);
        }
        Ok(Some(PartProgress::Piece(piece)))
    }

    /// What the next payload becomes. The frame is kept until nothing more comes of it, with all its payload consumed too.
    fn inflate_piece<'b>(
        &mut self,
        mut frame: Frame,
        input: &mut Input<'_>,
        limits: &Limits,
    ) -> Result<Option<PartProgress<'b>>, ProtocolError> {
        let Some(streamed) = self.message.as_mut().and_then(Message::as_streamed) else { return Ok(None) };
        let mut piece = Piece {
            is_text: streamed.text.is_some(),
            bytes: &[],
            is_first: !streamed.has_begun,
            is_last: false,
        };
        loop {
            let len = frame.remaining.min(DEFLATED_BYTES_MAX as u64) as usize;
            let payload = input.front(len);
            if payload.is_empty() && !streamed.has_more {
                break;
            }
            frame.unmask(payload);
            let left = (limits.message_bytes_max as u64).saturating_sub(streamed.handed_on);
            let room = usize::try_from(left.saturating_add(1)).unwrap_or(usize::MAX);
            let (step, has_more) = self.inflater.step_within(payload, room).map_err(invalid)?;
            let rest = &mut payload[step.consumed..];
            frame.turn_back(rest);
            if step.consumed == 0 && step.written == 0 && !rest.is_empty() {
                return Err(ProtocolError::InvalidDeflate);
            }
            input.take(step.consumed);
            frame.remaining -= step.consumed as u64;
            streamed.arrived += step.consumed as u64;
            streamed.has_more = has_more;
            streamed.check(self.inflater.piece(step.written))?;
            if streamed.handed_on > limits.message_bytes_max as u64 {
                return Err(ProtocolError::MessageTooBig { bytes_max: limits.message_bytes_max });
            }
            if step.written > 0 {
                streamed.has_begun = true;
                self.frame = Some(frame);
                return Ok(Some(PartProgress::Inflated(piece, step.written)));
            }
        }
        if frame.remaining > 0 {
            self.frame = Some(frame);
            return Ok(Some(PartProgress::NeedsInput));
        }
        if !frame.fin {
            return Ok(None);
        }
        streamed.check_end()?;
        if streamed.arrived > 0 {
            self.inflater.end().map_err(invalid)?;
        }
        self.message = None;
        piece.is_last = true;
        Ok(Some(PartProgress::Piece(piece)))
    }
}

fn invalid(_: InflateError) -> ProtocolError {
    ProtocolError::InvalidDeflate
}

impl Frame {
    /// Unmasks the payload that comes next, and turns the key to what follows it.
    fn unmask(&mut self, payload: &mut [u8]) {
        if let Some(key) = &mut self.key {
            mask::apply(*key, payload);
            *key = mask::advance(*key, payload.len());
        }
    }

    /// Undoes that for the last bytes of it.
    fn turn_back(&mut self, rest: &mut [u8]) {
        if let Some(key) = &mut self.key {
            *key = mask::advance(*key, (4 - rest.len() % 4) % 4);
            mask::apply(*key, rest);
        }
    }
}
