//! One end of an open connection: bytes in, events out (RFC 6455 §5 to §7).

use crate::assembly::{Assembly, Progress, take_whole};
use crate::close::CloseFrame;
use crate::close_code::CloseCode;
use crate::deflate::{InflateError, Inflater, Window};
use crate::event::Event;
use crate::frame::{Opcode, Reserved};
use crate::input::Input;
use crate::limits::Limits;
use crate::mask::Key;
use crate::pieces::{Part, PartProgress, Piece};
use crate::protocol_error::ProtocolError;
use crate::rules::{Role, Rules};

/// The state of one connection after the opening handshake, at most 40 bytes.
///
/// Between two whole messages it owns no memory, unless the peer compresses with context takeover. A frame that lies whole in the [`Input`] is never copied; what a
/// frame or message that is not yet complete needs is allocated as its bytes arrive, and freed by the first call after
/// it was delivered.
///
/// ```
/// use wavecast_websocket::{Connection, Event, Input, Limits, Role};
///
/// let mut connection = Connection::new(Role::Client);
/// let mut received = [0x81, 0x05, b'H', b'e', b'l', b'l', b'o'];
/// let mut input = Input::new(&mut received);
/// while let Some(event) = connection.receive(&mut input, &Limits::DEFAULT)? {
///     assert_eq!(event, Event::Text("Hello"));
/// }
/// # Ok::<(), wavecast_websocket::ProtocolError>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    assembly: Option<Box<Assembly>>,
    rules: Rules,
    // Whether compressed messages refer to earlier ones.
    takeover: bool,
    failed: bool,
    close_sent: bool,
    close_received: bool,
}

impl Connection {
    /// A connection whose opening handshake was completed without an extension.
    #[must_use]
    pub const fn new(role: Role) -> Self {
        Self {
            assembly: None,
            rules: Rules { role, reserved: Reserved::NONE },
            takeover: false,
            failed: false,
            close_sent: false,
            close_received: false,
        }
    }

    /// A connection whose peer may compress its messages in this way:
    /// [`Agreement::receive`](crate::deflate::Agreement::receive).
    ///
    /// With context takeover it owns an [`Inflater`] from the first compressed message on.
    #[must_use]
    pub fn with_deflate(mut self, receive: Window) -> Self {
        self.rules.reserved = Reserved::RSV1;
        self.takeover = receive.takeover();
        self
    }

    /// As [`receive_with`](Self::receive_with), where no inflater is lent: a compressed message without context takeover
    /// makes one, which the next call frees.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn receive<'a>(
        &'a mut self,
        input: &'a mut Input<'_>,
        limits: &Limits,
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        self.advance(input, limits, None)
    }

    /// Consumes input up to and including the next whole message or control frame. Call it until it returns
    /// `Ok(None)`: then all input is consumed and more is needed.
    ///
    /// Compressed messages are inflated in `inflater`, which may serve any number of connections, unless context takeover was
    /// agreed on.
    ///
    /// After an error or [`Event::Close`] whatever the peer still sends is discarded, with `Ok(None)` (§1.4, §7.1.7).
    ///
    /// # Errors
    /// The first violation of the protocol or of `limits`. The connection has failed; say so with
    /// [`send_close`](Self::send_close) and the error's [`close_code`](ProtocolError::close_code).
    #[inline]
    pub fn receive_with<'a>(
        &'a mut self,
        input: &'a mut Input<'_>,
        limits: &Limits,
        inflater: &'a mut Inflater,
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        self.advance(input, limits, Some(inflater))
    }

    /// Consumes input up to and including the next piece of a message or control frame: for messages that memory should not
    /// hold. Call it until it returns `Ok(None)`, and use it for all that a connection receives.
    ///
    /// The limits count as they do for whole messages. A compressed message takes an inflater for as long as it lasts.
    ///
    /// After an error or a close whatever the peer still sends is discarded, with `Ok(None)` (§1.4, §7.1.7).
    ///
    /// # Errors
    /// As [`receive_with`](Self::receive_with). Pieces of a message that turns out to be wrong may have been handed on before.
    pub fn receive_part<'a>(
        &'a mut self,
        input: &'a mut Input<'_>,
        limits: &Limits,
    ) -> Result<Option<Part<'a>>, ProtocolError> {
        if self.discards(input) {
            return Ok(None);
        }
        let progress = self.progress_part(input, limits).inspect_err(|_| self.fail())?;
        let Self { assembly, takeover, failed, close_received, .. } = self;
        let event = match progress {
            PartProgress::NeedsInput => return Ok(None),
            PartProgress::Piece(piece) => return Ok(Some(Part::Piece(piece))),
            PartProgress::Inflated(piece, len) => {
                let bytes = assembly.as_deref().map_or(&[][..], |assembly| assembly.inflater.piece(len));
                return Ok(Some(Part::Piece(Piece { bytes, ..piece })));
            }
            PartProgress::Whole(opcode, payload) => Event::decode(opcode, payload).map(Some),
            PartProgress::Assembled => assembled(*takeover, limits, assembly, None),
        };
        match &event {
            Ok(Some(Event::Close(_))) => *close_received = true,
            Ok(_) => {}
            Err(_) => *failed = true,
        }
        event.map(|event| event.map(Part::from))
    }

    fn progress_part<'b>(
        &mut self,
        input: &mut Input<'b>,
        limits: &Limits,
    ) -> Result<PartProgress<'b>, ProtocolError> {
        let takeover = self.takeover;
        if self.assembly.as_deref_mut().is_some_and(|assembly| assembly.release(takeover)) {
            self.assembly = None;
        }
        if self.assembly.is_none() {
            if input.remaining() == 0 {
                return Ok(PartProgress::NeedsInput);
            }
            if !is_deflated(input)
                && let Some(Progress::Whole(opcode, payload)) = take_whole(self.rules, input, limits)?
            {
                return Ok(PartProgress::Whole(opcode, payload));
            }
        }
        self.assembly.get_or_insert_default().advance_part(self.rules, takeover, input, limits)
    }

    #[inline]
    fn advance<'a>(
        &'a mut self,
        input: &'a mut Input<'_>,
        limits: &Limits,
        lent: Option<&'a mut Inflater>,
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        if self.discards(input) {
            return Ok(None);
        }
        let progress = self.progress(input, limits).inspect_err(|_| self.fail())?;
        let Self { assembly, takeover, failed, close_received, .. } = self;
        let event = match progress {
            Progress::NeedsInput => return Ok(None),
            Progress::Whole(opcode, payload) => Event::decode(opcode, payload).map(Some),
            Progress::Deflated(opcode, payload) => {
                inflate(opcode, payload, *takeover, limits, assembly, lent).map(Some)
            }
            Progress::Assembled => assembled(*takeover, limits, assembly, lent),
        };
        match &event {
            Ok(Some(Event::Close(_))) => *close_received = true,
            Ok(_) => {}
            Err(_) => *failed = true,
        }
        event
    }

    /// After a failure or a close whatever still comes is thrown away.
    #[inline]
    fn discards(&mut self, input: &mut Input<'_>) -> bool {
        let over = self.failed || self.close_received;
        if over {
            self.assembly = None;
            input.discard();
        }
        over
    }

    #[cold]
    fn fail(&mut self) {
        self.assembly = None;
        self.failed = true;
    }

    /// Appends a close frame to `out`, once: later calls write nothing and return `false`. After it no other frame may
    /// be sent (§5.5.1).
    ///
    /// To answer a close frame, pass its code. A reason longer than 123 bytes is cut between two characters; without a
    /// code that may be sent the frame is empty. `key` is new randomness in the client role and `None` in the server
    /// role.
    ///
    /// # Panics
    /// In debug builds, when `key` does not fit the role.
    pub fn send_close(
        &mut self,
        code: Option<CloseCode>,
        reason: &str,
        key: Option<Key>,
        out: &mut Vec<u8>,
    ) -> bool {
        debug_assert_eq!(key.is_some(), self.rules.role == Role::Client, "clients mask, servers do not");
        if self.close_sent {
            return false;
        }
        self.close_sent = true;
        CloseFrame { code, reason }.encode(key, out);
        true
    }

    /// Whether our close frame was written. With [`close_received`](Self::close_received) too the closing handshake is
    /// complete and the TCP connection may end, by the server first (§7.1.1).
    #[must_use]
    pub const fn close_sent(&self) -> bool {
        self.close_sent
    }

    /// Whether the peer's close frame has come.
    #[must_use]
    pub const fn close_received(&self) -> bool {
        self.close_received
    }

    /// Whether the peer broke the protocol or reached a limit: nothing more is received.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.failed
    }

    /// Whether a data message has begun and not ended.
    #[must_use]
    pub fn is_mid_message(&self) -> bool {
        self.assembly.as_deref().is_some_and(Assembly::is_mid_message)
    }

    /// Whether the message that has begun is collected, to be given whole: not one that is handed on in pieces.
    #[must_use]
    pub fn is_collecting(&self) -> bool {
        self.assembly.as_deref().is_some_and(Assembly::is_collecting)
    }

    /// Which end of the connection this is.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.rules.role
    }

    #[inline]
    fn progress<'b>(
        &mut self,
        input: &mut Input<'b>,
        limits: &Limits,
    ) -> Result<Progress<'b>, ProtocolError> {
        let takeover = self.takeover;
        if self.assembly.as_deref_mut().is_some_and(|assembly| assembly.release(takeover)) {
            self.assembly = None;
        }
        if self.assembly.is_none() {
            if input.remaining() == 0 {
                return Ok(Progress::NeedsInput);
            }
            if let Some(progress) = take_whole(self.rules, input, limits)? {
                return Ok(progress);
            }
        }
        self.assembly.get_or_insert_default().advance(self.rules, input, limits)
    }
}

/// Whether a frame begins here whose payload is compressed.
fn is_deflated(input: &Input<'_>) -> bool {
    input.as_slice().first().is_some_and(|first| first & 0x40 != 0)
}

/// The event of what was put together.
fn assembled<'a>(
    takeover: bool,
    limits: &Limits,
    assembly: &'a mut Option<Box<Assembly>>,
    lent: Option<&'a mut Inflater>,
) -> Result<Option<Event<'a>>, ProtocolError> {
    match assembly.as_deref_mut().and_then(Assembly::take_deflated) {
        Some((opcode, payload)) => inflate(opcode, &payload, takeover, limits, assembly, lent).map(Some),
        None => assembly.as_deref().map_or(Ok(None), Assembly::event),
    }
}

/// The event of a compressed message, in the inflater that was lent or in the connection's own.
#[cold]
fn inflate<'a>(
    opcode: Opcode,
    payload: &[u8],
    takeover: bool,
    limits: &Limits,
    assembly: &'a mut Option<Box<Assembly>>,
    lent: Option<&'a mut Inflater>,
) -> Result<Event<'a>, ProtocolError> {
    let inflater = match lent {
        Some(lent) if !takeover => lent,
        _ => &mut assembly.get_or_insert_default().inflater,
    };
    let bytes_max = limits.message_bytes_max;
    match inflater.message(payload, takeover, bytes_max) {
        Ok(message) => Event::decode(opcode, message),
        Err(InflateError::TooLong) => Err(ProtocolError::MessageTooBig { bytes_max }),
        Err(InflateError::InvalidData) => Err(ProtocolError::InvalidDeflate),
    }
}
