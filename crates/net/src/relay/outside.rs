//! The end of a relay outside the shard.

use std::io::{self, ErrorKind};
use std::mem;
use std::net::TcpStream;
use std::sync::{Arc, MutexGuard};
use std::task::{Context, Poll};

use super::queues::{Afterwards, LOW_BYTES, Shared, State, remember};

/// The end outside the shard. Dropping it without [`Outside::end`] breaks the connection off: for the shard a reset,
/// behind what was written before.
#[derive(Debug)]
pub struct Outside(Arc<Shared>);

impl Outside {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Reads what the shard has written; 0 is its end.
    ///
    /// Bytes are taken only when this is ready: nothing is lost by not polling again.
    ///
    /// # Errors
    /// None today.
    pub fn poll_read(&self, context: &Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        if state.to_outside.bytes.is_empty() {
            if state.to_outside.ended {
                return Poll::Ready(Ok(0));
            }
            remember(&mut state.reader, context);
            return Poll::Pending;
        }
        let count = state.to_outside.take(buffer);
        self.consumed(state);
        Poll::Ready(Ok(count))
    }

    /// Takes all that the shard has written; nothing is its end. At most [`super::BYTES_MAX`].
    ///
    /// Bytes are taken only when this is ready: nothing is lost by not polling again.
    pub fn poll_take(&self, context: &Context<'_>) -> Poll<Vec<u8>> {
        let mut state = self.0.lock();
        if state.to_outside.bytes.is_empty() && !state.to_outside.ended {
            remember(&mut state.reader, context);
            return Poll::Pending;
        }
        let bytes = state.to_outside.take_all();
        self.consumed(state);
        Poll::Ready(bytes)
    }

    /// Writes to the shard as much as there is room for, at least one byte.
    ///
    /// # Errors
    /// `BrokenPipe` when the shard has let go of the connection, or after [`Outside::end`].
    pub fn poll_write(&self, context: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        if state.to_shard.deaf || state.to_shard.ended {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if state.to_shard.room() == 0 {
            remember(&mut state.writer, context);
            return Poll::Pending;
        }
        // While something stands there the shard has been told, or will look by itself.
        let bell = if state.to_shard.bytes.is_empty() { state.ring() } else { None };
        let count = state.to_shard.put(bytes);
        drop(state);
        Afterwards { bell, task: None }.happen();
        Poll::Ready(Ok(count))
    }

    /// Says that nothing follows; the shard may still write.
    pub fn end(&self) {
        let mut state = self.0.lock();
        state.to_shard.ended = true;
        let bell = state.ring();
        drop(state);
        Afterwards { bell, task: None }.happen();
    }

    /// Gives the shard the socket itself: nothing stands in between from here on. It is given back while a byte stands in
    /// either queue, or the shard is about to end the connection.
    ///
    /// # Errors
    /// Gives both back when this is not the moment; read on, and try again.
    pub fn try_move(self, socket: TcpStream) -> Result<(), (Self, TcpStream)> {
        let mut state = self.0.lock();
        if !state.is_settled() {
            drop(state);
            return Err((self, socket));
        }
        state.moved = Some(socket);
        let bell = state.ring();
        drop(state);
        Afterwards { bell, task: None }.happen();
        Ok(())
    }

    /// What both queues take of memory.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        let state = self.0.lock();
        state.to_shard.bytes.capacity() + state.to_outside.bytes.capacity()
    }

    /// After bytes were taken: lets the shard go on.
    fn consumed(&self, mut state: MutexGuard<'_, State>) {
        let go_on = state.shard_waits && state.to_outside.bytes.len() <= LOW_BYTES;
        let bell = if go_on {
            state.shard_waits = false;
            state.ring()
        } else {
            None
        };
        drop(state);
        Afterwards { bell, task: None }.happen();
    }
}

#[cfg(feature = "hyper")]
impl Outside {
    /// Room on the way to the shard, at least one byte. Only this end fills it.
    pub(super) fn poll_room(&self, context: &Context<'_>) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        if state.to_shard.deaf || state.to_shard.ended {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        match state.to_shard.room() {
            0 => {
                remember(&mut state.writer, context);
                Poll::Pending
            }
            room => Poll::Ready(Ok(room)),
        }
    }

    /// Copies what the shard has written without taking it; 0 is its end.
    pub(crate) fn poll_peek(&self, context: &Context<'_>, buffer: &mut [u8]) -> Poll<usize> {
        let mut state = self.0.lock();
        if state.to_outside.bytes.is_empty() && !state.to_outside.ended {
            remember(&mut state.reader, context);
            return Poll::Pending;
        }
        Poll::Ready(state.to_outside.peek(buffer))
    }

    /// Takes what was peeked at.
    pub(crate) fn consume(&self, count: usize) {
        let mut state = self.0.lock();
        state.to_outside.consume(count);
        self.consumed(state);
    }

    /// Ready when nothing is on the way in either direction.
    pub(super) fn poll_settled(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.is_settled() {
            return Poll::Ready(());
        }
        remember(&mut state.reader, context);
        remember(&mut state.writer, context);
        Poll::Pending
    }

    /// Ready when the shard has let go of the connection.
    pub(super) fn poll_let_go(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.to_shard.deaf {
            return Poll::Ready(());
        }
        remember(&mut state.reader, context);
        Poll::Pending
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.to_shard.broken = !state.to_shard.ended && state.moved.is_none();
        state.to_outside.deaf = true;
        let unread = mem::take(&mut state.to_outside.bytes);
        (state.reader, state.writer) = (None, None);
        let bell = state.ring();
        drop(state);
        drop(unread);
        Afterwards { bell, task: None }.happen();
    }
}
