//! What the two ends of a relay share: a queue each way, and who is to be woken.

use std::collections::VecDeque;
use std::mem;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use super::bell::Bell;

/// Bytes that stand in one of the two queues at most. Whoever writes more waits.
pub const BYTES_MAX: usize = 64 * 1024;
/// A writer that waits is woken when no more than this is left: a few long copies instead of many short ones.
pub(super) const LOW_BYTES: usize = BYTES_MAX / 2;

#[derive(Debug, Default)]
pub(super) struct Shared(Mutex<State>);

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) to_shard: Lane,
    pub(super) to_outside: Lane,
    /// Where the shard hears of us, once it has us.
    pub(super) bell: Option<(Arc<Bell>, u32)>,
    /// The bell has been rung and the shard has not come yet.
    pub(super) rung: bool,
    /// The shard has more to write than there is room.
    pub(super) shard_waits: bool,
    /// The socket that takes the place of both queues.
    pub(super) moved: Option<TcpStream>,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

/// The bytes on one way.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) bytes: VecDeque<u8>,
    /// Nothing follows.
    pub(super) ended: bool,
    /// Whoever writes here has gone without a word.
    pub(super) broken: bool,
    /// Nobody reads here any more.
    pub(super) deaf: bool,
}

/// What is to be done once the lock is free.
#[derive(Default)]
#[must_use]
pub(super) struct Afterwards {
    pub(super) bell: Option<(Arc<Bell>, u32)>,
    pub(super) task: Option<Waker>,
}

impl Afterwards {
    pub(super) fn happen(self) {
        if let Some((bell, slot)) = self.bell {
            bell.ring(slot);
        }
        if let Some(task) = self.task {
            task.wake();
        }
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here is left half-done by a panic: copies are whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Nothing is on the way, and the shard neither waits to say more nor has said its last.
    pub(super) fn is_settled(&self) -> bool {
        let State { to_shard, to_outside, .. } = self;
        let on_the_way = !to_shard.bytes.is_empty() || !to_outside.bytes.is_empty() || self.shard_waits;
        self.bell.is_some() && !on_the_way && !to_outside.ended && !to_shard.ended
    }

    /// Something has happened that the shard has to look at.
    pub(super) fn ring(&mut self) -> Option<(Arc<Bell>, u32)> {
        let bell = self.bell.clone()?;
        (!mem::replace(&mut self.rung, true)).then_some(bell)
    }
}

impl Lane {
    pub(super) fn room(&self) -> usize {
        BYTES_MAX - self.bytes.len()
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.room());
        self.bytes.extend(&bytes[..count]);
        count
    }

    pub(super) fn take(&mut self, buffer: &mut [u8]) -> usize {
        let count = self.peek(buffer);
        self.consume(count);
        count
    }

    /// All there is, without a copy where it has not gone round the end of its buffer.
    pub(super) fn take_all(&mut self) -> Vec<u8> {
        Vec::from(mem::take(&mut self.bytes))
    }

    pub(super) fn peek(&self, buffer: &mut [u8]) -> usize {
        let (first, second) = self.bytes.as_slices();
        let head = first.len().min(buffer.len());
        buffer[..head].copy_from_slice(&first[..head]);
        let tail = second.len().min(buffer.len() - head);
        buffer[head..head + tail].copy_from_slice(&second[..tail]);
        head + tail
    }

    /// An idle connection owns no buffer.
    pub(super) fn consume(&mut self, count: usize) {
        self.bytes.drain(..count);
        if self.bytes.is_empty() {
            self.bytes = VecDeque::new();
        }
    }

    /// Whether a read has something to say that is not bytes.
    pub(super) fn is_over(&self) -> bool {
        self.ended || self.broken
    }
}

/// Keeps the waker of whoever polls, in place of an earlier one.
pub(super) fn remember(place: &mut Option<Waker>, context: &Context<'_>) {
    match place {
        Some(waker) if waker.will_wake(context.waker()) => {}
        place => *place = Some(context.waker().clone()),
    }
}
