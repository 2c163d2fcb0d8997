//! Bytes on their way to the peer: whole frames, written as the transport takes them.
//!
//! A frame is put in here at once or not at all, without a wait in between. That is what makes
//! cancelled sends harmless: a dropped future leaves whole frames behind, whose rest goes out later.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

/// An empty outbox keeps no more memory than this for the next message.
const KEPT_BYTES_MAX: usize = 4_096;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    /// How much of `bytes` the transport has taken.
    written: usize,
}

impl Outbox {
    /// Bytes that the transport has not taken yet.
    pub(super) fn pending(&self) -> usize {
        self.bytes.len() - self.written
    }

    /// The place to append whole frames to.
    pub(super) fn tail(&mut self) -> &mut Vec<u8> {
        // Moving the rest to the front costs no more than was written since the last time.
        if self.written > self.pending() {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
        &mut self.bytes
    }

    /// Forgets everything: the transport is broken.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Writes until nothing is pending and the transport has been flushed.
    pub(super) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.bytes.is_empty() {
            return Poll::Ready(Ok(()));
        }
        while self.written < self.bytes.len() {
            let taken = ready!(Pin::new(&mut *stream).poll_write(cx, &self.bytes[self.written..]))?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += taken;
        }
        // A transport with a buffer of its own (TLS, say) sends only now.
        ready!(Pin::new(stream).poll_flush(cx))?;
        if self.bytes.capacity() > KEPT_BYTES_MAX {
            self.bytes = Vec::new();
        } else {
            self.bytes.clear();
        }
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}
