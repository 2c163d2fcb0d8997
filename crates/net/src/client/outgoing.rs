//! What goes to the peer, framed: messages, their pieces, pings, pongs and the close frame.

use std::io;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use wavecast_websocket::deflate::{Compression, Context as Takeover, Deflater, Window};
use wavecast_websocket::frame::{self, Opcode, Reserved};
use wavecast_websocket::{CloseCode, Connection, Limits, Pongs, mask as masking};

use super::mask;
use super::outbox::Outbox;
use crate::message::MessageRef;

#[derive(Debug, Default)]
pub(super) struct Outgoing {
    outbox: Outbox,
    /// Bounds what a peer that pings and does not read can pile up in the outbox.
    pongs: Pongs,
    /// Of the message whose last piece has not been queued; whether it is text.
    unfinished: Option<bool>,
    deflation: Option<Box<Deflation>>,
}

/// How messages are compressed, where that was agreed on.
#[derive(Debug)]
struct Deflation {
    window: Window,
    takeover: Option<Box<Takeover>>,
    deflater: Deflater,
}

impl Outgoing {
    pub(super) fn compressed(window: Window, compression: &Compression) -> Self {
        let deflater = Deflater::new(compression);
        Self { deflation: Some(Box::new(Deflation { window, takeover: None, deflater })), ..Self::default() }
    }

    /// Bytes that the transport has not taken yet.
    pub(super) fn pending(&self) -> usize {
        self.outbox.pending()
    }

    /// Whether a message has begun that waits for its next piece: only control frames may come between (RFC 6455 §5.4).
    pub(super) fn is_unfinished(&self) -> bool {
        self.unfinished.is_some()
    }

    /// Queues a whole message. There must be none that is unfinished.
    pub(super) fn message(&mut self, message: MessageRef<'_>) -> io::Result<()> {
        let key = Some(mask::key()?);
        let (opcode, payload) = (message.opcode(), message.as_bytes());
        let out = self.outbox.tail();
        match self.deflation.as_deref_mut() {
            Some(Deflation { window, takeover, deflater }) => {
                deflater.encode(opcode, payload, *window, takeover, key, out);
            }
            None => frame::encode(opcode, payload, key, out),
        }
        Ok(())
    }

    /// Queues one fragment; `false` where it is of another kind than those before it. Fragments are not compressed.
    pub(super) fn piece(&mut self, piece: MessageRef<'_>, last: bool) -> io::Result<bool> {
        let (opcode, payload) = (piece.opcode(), piece.as_bytes());
        let is_text = opcode == Opcode::Text;
        let opcode = match self.unfinished {
            Some(begun) if begun != is_text => return Ok(false),
            Some(_) => Opcode::Continuation,
            None => opcode,
        };
        let key = mask::key()?;
        let out = self.outbox.tail();
        let header = frame::encode_header(last, Reserved::NONE, opcode, payload.len() as u64, Some(key));
        out.extend_from_slice(&header);
        let start = out.len();
        out.extend_from_slice(payload);
        masking::apply(key, &mut out[start..]);
        self.unfinished = (!last).then_some(is_text);
        Ok(true)
    }

    /// Ends a message that waits for its next piece.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self.unfinished {
            Some(true) => self.piece(MessageRef::Text(""), true).map(drop),
            Some(false) => self.piece(MessageRef::Binary(&[]), true).map(drop),
            None => Ok(()),
        }
    }

    /// Queues a ping of at most 125 bytes.
    pub(super) fn ping(&mut self, payload: &[u8]) -> io::Result<()> {
        frame::encode(Opcode::Ping, payload, Some(mask::key()?), self.outbox.tail());
        Ok(())
    }

    /// Answers a ping, now or when there is room for another pong.
    pub(super) fn pong(&mut self, payload: &[u8], limits: &Limits) -> io::Result<()> {
        self.pongs.answer(payload, limits, Some(mask::key()?), self.outbox.tail());
        Ok(())
    }

    /// Queues the close frame of `connection`, once.
    pub(super) fn close(
        &mut self,
        connection: &mut Connection,
        code: Option<CloseCode>,
        reason: &str,
    ) -> io::Result<()> {
        connection.send_close(code, reason, Some(mask::key()?), self.outbox.tail());
        Ok(())
    }

    /// Forgets everything: the transport is broken.
    pub(super) fn clear(&mut self) {
        self.outbox.clear();
    }

    /// Ready when the transport has taken all, and pongs that were held back (not behind a close frame of ours, where
    /// nothing may follow, §5.5.1).
    pub(super) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
        is_open: bool,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.outbox.poll_write(stream, cx))?;
            if self.pongs.pending() == 0 || !is_open {
                return Poll::Ready(Ok(()));
            }
            self.pongs.flushed(Some(mask::key()?), self.outbox.tail());
        }
    }
}
