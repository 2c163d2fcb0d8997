//! Frames and messages put together from input that ends anywhere.

use crate::deflate::Inflater;
use crate::event::Event;
use crate::frame::{HEADER_BYTES_MAX, Header, Opcode, Reserved};
use crate::input::Input;
use crate::limits::Limits;
use crate::mask::{self, Key};
use crate::message::Message;
use crate::protocol_error::ProtocolError;
use crate::rules::Rules;

/// How far the input led.
pub(crate) enum Progress<'b> {
    /// The input is consumed.
    NeedsInput,
    /// A message or control frame lay whole in the input; its payload is unmasked.
    Whole(Opcode, &'b [u8]),
    /// As `Whole`, of a message whose payload is compressed.
    Deflated(Opcode, &'b [u8]),
    /// A message or control frame is complete in [`Assembly::event`].
    Assembled,
}

/// How far the payload of a frame led that is collected.
pub(crate) enum Collected {
    NeedsInput,
    /// [`Assembly::event`] has what became complete.
    Whole,
}

/// What waits for bytes that have not arrived.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    // A header that the end of the input cut in two.
    header: [u8; HEADER_BYTES_MAX],
    header_len: u8,
    // The frame whose payload is arriving.
    pub(crate) frame: Option<Frame>,
    // The payload of a control frame that the end of the input cut in two; at most 125 bytes.
    control: Vec<u8>,
    pub(crate) message: Option<Message>,
    complete: Complete,
    /// Of a connection with context takeover, or for a message where none was lent.
    pub(crate) inflater: Inflater,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    opcode: Opcode,
    pub(crate) fin: bool,
    pub(crate) remaining: u64,
    // Turned so that its first byte meets the next byte of payload.
    pub(crate) key: Option<Key>,
}

impl Frame {
    pub(crate) const fn is_control(&self) -> bool {
        self.opcode.is_control()
    }
}

/// What was put together and is lent to the caller until the next call.
#[derive(Debug, Default)]
enum Complete {
    #[default]
    Nothing,
    Control(Opcode, Vec<u8>),
    Message(Message),
}

/// The path of nearly all traffic: one whole message or control frame at the front of the input, no message open.
/// `Ok(None)` consumes nothing and leaves the input to [`Assembly::advance`].
#[inline]
pub(crate) fn take_whole<'b>(
    rules: Rules,
    input: &mut Input<'b>,
    limits: &Limits,
) -> Result<Option<Progress<'b>>, ProtocolError> {
    let Some((header, header_len)) = Header::decode(input.as_slice())? else { return Ok(None) };
    rules.check(&header, None, limits)?;
    if !is_whole(&header, input.remaining() - header_len) {
        return Ok(None);
    }
    input.take(header_len);
    Ok(Some(take_payload(&header, input)))
}

/// Whether the frame needs no other frame and its payload is all there.
#[inline]
fn is_whole(header: &Header, available: usize) -> bool {
    header.fin && header.opcode != Opcode::Continuation && header.len <= available as u64
}

/// The unmasked payload of a frame that is whole.
#[inline]
fn take_payload<'b>(header: &Header, input: &mut Input<'b>) -> Progress<'b> {
    let payload = input.take(header.len as usize);
    if let Some(key) = header.key {
        mask::apply(key, payload);
    }
    if header.reserved == Reserved::NONE {
        Progress::Whole(header.opcode, payload)
    } else {
        Progress::Deflated(header.opcode, payload)
    }
}

impl Assembly {
    /// Consumes input up to the end of a message or control frame.
    pub(crate) fn advance<'b>(
        &mut self,
        rules: Rules,
        input: &mut Input<'b>,
        limits: &Limits,
    ) -> Result<Progress<'b>, ProtocolError> {
        loop {
            let frame = match self.frame.take() {
                Some(frame) => frame,
                None => {
                    let Some(header) = self.read_header(input)? else { return Ok(Progress::NeedsInput) };
                    rules.check(&header, self.message.as_ref(), limits)?;
                    if is_whole(&header, input.remaining()) {
                        return Ok(take_payload(&header, input));
                    }
                    self.begin(&header)
                }
            };
            match self.collect(frame, input, limits)? {
                Some(Collected::NeedsInput) => return Ok(Progress::NeedsInput),
                Some(Collected::Whole) => return Ok(Progress::Assembled),
                None => {}
            }
        }
    }

    /// Consumes input up to the end of the frame; `None` if it was there and something further is to come.
    pub(crate) fn collect(
        &mut self,
        mut frame: Frame,
        input: &mut Input<'_>,
        limits: &Limits,
    ) -> Result<Option<Collected>, ProtocolError> {
        self.feed(&mut frame, input, limits)?;
        if frame.remaining > 0 {
            self.frame = Some(frame);
            return Ok(Some(Collected::NeedsInput));
        }
        Ok(self.finish(frame)?.then_some(Collected::Whole))
    }

    /// The compressed message that [`Progress::Assembled`] spoke of, if it is one.
    pub(crate) fn take_deflated(&mut self) -> Option<(Opcode, Vec<u8>)> {
        match &mut self.complete {
            Complete::Message(message) => message.take_deflated(),
            Complete::Nothing | Complete::Control(..) => None,
        }
    }

    /// Anything else that [`Progress::Assembled`] spoke of.
    pub(crate) fn event(&self) -> Result<Option<Event<'_>>, ProtocolError> {
        match &self.complete {
            Complete::Nothing => Ok(None),
            Complete::Control(opcode, payload) => Event::decode(*opcode, payload).map(Some),
            Complete::Message(message) => Ok(message.event()),
        }
    }

    /// Frees what the last call lent out; tells whether nothing is left to wait for. With context takeover the inflater
    /// stays.
    pub(crate) fn release(&mut self, takeover: bool) -> bool {
        self.complete = Complete::Nothing;
        if self.message.is_some() {
            // A compressed message that is handed on piece by piece needs it.
        } else if takeover {
            self.inflater.release_message();
        } else {
            self.inflater = Inflater::new();
        }
        self.inflater.is_idle() && self.header_len == 0 && self.frame.is_none() && self.message.is_none()
    }

    /// Whether a data message has begun and not ended.
    pub(crate) const fn is_mid_message(&self) -> bool {
        self.message.is_some()
    }

    /// Whether it is collected.
    pub(crate) fn is_collecting(&self) -> bool {
        self.message.as_ref().is_some_and(|message| !message.is_streamed())
    }

    /// Consumes a header; one that the end of the input cuts in two is kept.
    pub(crate) fn read_header(&mut self, input: &mut Input<'_>) -> Result<Option<Header>, ProtocolError> {
        if self.header_len == 0
            && let Some((header, header_len)) = Header::decode(input.as_slice())?
        {
            input.take(header_len);
            return Ok(Some(header));
        }
        // Byte by byte, because only the bytes so far tell how many there are; a header is complete before its 14
        // places are.
        while let [byte] = *input.take(1) {
            self.header[usize::from(self.header_len)] = byte;
            self.header_len += 1;
            if let Some((header, _)) = Header::decode(&self.header[..usize::from(self.header_len)])? {
                self.header_len = 0;
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    pub(crate) fn begin(&mut self, header: &Header) -> Frame {
        match header.opcode {
            Opcode::Text | Opcode::Binary if header.reserved != Reserved::NONE => {
                self.message = Some(Message::deflated(header.opcode));
            }
            Opcode::Text => self.message = Some(Message::text()),
            Opcode::Binary => self.message = Some(Message::binary()),
            Opcode::Continuation | Opcode::Close | Opcode::Ping | Opcode::Pong => {}
        }
        self.begin_frame(header)
    }

    /// A frame of the message that is open, or a control frame.
    pub(crate) fn begin_frame(&mut self, header: &Header) -> Frame {
        if let Some(message) = self.message.as_mut().filter(|_| !header.opcode.is_control()) {
            message.count_fragment();
        }
        Frame { opcode: header.opcode, fin: header.fin, remaining: header.len, key: header.key }
    }

    /// Moves as much of the frame's payload as there is.
    fn feed(
        &mut self,
        frame: &mut Frame,
        input: &mut Input<'_>,
        limits: &Limits,
    ) -> Result<(), ProtocolError> {
        let len = usize::try_from(frame.remaining).unwrap_or(usize::MAX);
        let piece = input.take(len);
        frame.remaining -= piece.len() as u64;
        if let Some(key) = &mut frame.key {
            mask::apply(*key, piece);
            *key = mask::advance(*key, piece.len());
        }
        match &mut self.message {
            Some(message) if !frame.opcode.is_control() => message.push(piece, limits),
            _ => {
                self.control.extend_from_slice(piece);
                Ok(())
            }
        }
    }

    /// All payload of the frame has come; tells whether something is complete with it.
    fn finish(&mut self, frame: Frame) -> Result<bool, ProtocolError> {
        if frame.opcode.is_control() {
            self.complete = Complete::Control(frame.opcode, std::mem::take(&mut self.control));
            return Ok(true);
        }
        if !frame.fin {
            return Ok(false);
        }
        if let Some(message) = self.message.take() {
            if message.is_streamed() {
                return Ok(false);
            }
            message.check_end()?;
            self.complete = Complete::Message(message);
        }
        Ok(true)
    }
}
