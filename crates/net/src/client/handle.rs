//! The handle to a connection that a task drives, and the other end of it.
//!
//! What is sent waits in a queue whose bound is bytes; the wish to close goes past that bound. No lock is held while
//! anything is read or written: the connection belongs to its task alone.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, mpsc, watch};
use tokio::time::timeout;
use wavecast_websocket::CloseCode;
use wavecast_websocket::frame::CONTROL_BYTES_MAX;

use super::error::{Closed, SendError, TrySendError};
use crate::message::{Message, MessageRef};

/// What a message costs in a queue beside its length, so that empty ones have a bound, too.
const MESSAGE_BYTES: usize = 32;

/// Sends through a connection that a task drives: one of [`split`](super::WebSocket::split) halves, or what an
/// [`Events`](super::Events) is lent. Cheap to clone, free to be kept and sent to any task or thread, and of no effect
/// after the connection has ended for good.
#[derive(Clone)]
pub struct Sender {
    requests: mpsc::UnboundedSender<Request>,
    shared: Arc<Shared>,
    ended: watch::Receiver<Option<End>>,
}

/// The connection has ended, and how, if it was ever open.
pub(super) type End = Option<Closed>;

struct Shared {
    /// A permit is a byte. The bound of the queue; closed when nothing more is taken.
    room: Arc<Semaphore>,
    bytes_max: usize,
    send_timeout: Duration,
    is_closing: AtomicBool,
}

enum Request {
    Send(Queued),
    Close(CloseCode, String),
}

/// What waits to be put into the outbox of a connection.
pub(super) struct Queued {
    pub(super) item: Item,
    _room: OwnedSemaphorePermit,
}

pub(super) enum Item {
    Message(Message),
    Ping(Vec<u8>),
}

/// The task's end of the handles.
pub(super) struct Requests {
    incoming: mpsc::UnboundedReceiver<Request>,
    waiting: VecDeque<Queued>,
    close: Option<(CloseCode, String)>,
    handles_gone: bool,
    room: Arc<Semaphore>,
    ended: watch::Sender<Option<End>>,
}

/// A handle, and the end of it that the task holds; at most so many bytes wait in between.
pub(super) fn handle(bytes_max: usize, send_timeout: Duration) -> (Sender, Requests) {
    let bytes_max = bytes_max.min(Semaphore::MAX_PERMITS).min(u32::MAX as usize);
    let (requests, incoming) = mpsc::unbounded_channel();
    let (ends, ended) = watch::channel(None);
    let room = Arc::new(Semaphore::new(bytes_max));
    let is_closing = AtomicBool::new(false);
    let shared = Shared { room: Arc::clone(&room), bytes_max, send_timeout, is_closing };
    let sender = Sender { requests, shared: Arc::new(shared), ended };
    let requests =
        Requests { incoming, waiting: VecDeque::new(), close: None, handles_gone: false, room, ended: ends };
    (sender, requests)
}

impl Sender {
    /// Queues a message, and waits for room before that. What is queued goes out in its order, without further calls.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] and [`SendError::TimedOut`]: the message was not queued.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has queued the whole message or nothing; it queues only in the poll that returns.
    pub async fn send<'m>(&self, message: impl Into<MessageRef<'m>>) -> Result<(), SendError> {
        match timeout(self.shared.send_timeout, self.send_patiently(message.into())).await {
            Ok(sent) => sent,
            Err(_) => Err(SendError::TimedOut),
        }
    }

    /// As [`send`](Self::send), however long it takes until there is room.
    pub(super) async fn send_patiently(&self, message: MessageRef<'_>) -> Result<(), SendError> {
        let cost = self.cost(message.len());
        let room = Arc::clone(&self.shared.room).acquire_many_owned(cost).await;
        let room = room.map_err(|_| SendError::Closed)?;
        self.push(Item::Message(Message::copy_of(message)), room).map_err(|Gone| SendError::Closed)
    }

    /// Queues a message if there is room.
    ///
    /// # Errors
    ///
    /// [`TrySendError::Full`] and [`TrySendError::Closed`]: the message was not queued.
    pub fn try_send<'m>(&self, message: impl Into<MessageRef<'m>>) -> Result<(), TrySendError> {
        let message = message.into();
        let room = self.try_reserve(message.len())?;
        self.push(Item::Message(Message::copy_of(message)), room).map_err(|Gone| TrySendError::Closed)
    }

    /// Queues a ping if there is room; its payload is cut at 125 bytes. Where pongs are told of, its answer is.
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send).
    pub fn ping(&self, payload: &[u8]) -> Result<(), TrySendError> {
        let payload = &payload[..payload.len().min(CONTROL_BYTES_MAX)];
        let room = self.try_reserve(payload.len())?;
        self.push(Item::Ping(payload.to_vec()), room).map_err(|Gone| TrySendError::Closed)
    }

    /// Ends the connection: what was queued before still goes out, then the closing handshake follows, both within the
    /// close time-out. A client that [reconnects](super::Reconnect) stops for good, at once where it has no connection.
    /// The first call counts; none of them waits, so it may be made inside any event.
    ///
    /// The reason is cut to the 123 bytes that a close frame can carry.
    pub fn close(&self, code: CloseCode, reason: &str) {
        if !self.shared.is_closing.swap(true, Ordering::AcqRel) {
            // Nobody sends any more: who waits for room is told at once.
            self.shared.room.close();
            self.requests.send(Request::Close(code, reason.to_owned())).ok();
        }
    }

    /// Waits until the connection has ended for good: closed by either side, lost, or given up. `None`: there never was
    /// one. Not to be awaited by the task that runs the events.
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe.
    pub async fn ended(&self) -> Option<Closed> {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(end) => end.clone().flatten(),
            // The runtime is being shut down.
            Err(_) => None,
        }
    }

    /// Whether nothing more is taken: somebody has asked to close, or the connection has ended for good.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closing.load(Ordering::Acquire) || self.requests.is_closed()
    }

    /// Sees the end, whenever it comes.
    pub(super) fn watch(&self) -> watch::Receiver<Option<End>> {
        self.ended.clone()
    }

    fn cost(&self, bytes: usize) -> u32 {
        // One message of any length may wait where nothing else does.
        let cost = bytes.saturating_add(MESSAGE_BYTES).min(self.shared.bytes_max);
        u32::try_from(cost).unwrap_or(u32::MAX)
    }

    fn try_reserve(&self, bytes: usize) -> Result<OwnedSemaphorePermit, TrySendError> {
        match Arc::clone(&self.shared.room).try_acquire_many_owned(self.cost(bytes)) {
            Ok(room) => Ok(room),
            Err(TryAcquireError::NoPermits) if self.requests.is_closed() => Err(TrySendError::Closed),
            Err(TryAcquireError::NoPermits) => Err(TrySendError::Full),
            Err(TryAcquireError::Closed) => Err(TrySendError::Closed),
        }
    }

    fn push(&self, item: Item, room: OwnedSemaphorePermit) -> Result<(), Gone> {
        self.requests.send(Request::Send(Queued { item, _room: room })).map_err(|_| Gone)
    }
}

/// The task is gone.
struct Gone;

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("is_closed", &self.is_closed()).finish_non_exhaustive()
    }
}

impl Requests {
    /// Takes in what handles have asked for since the last time; the task is woken for more. What waits is bounded by
    /// the room that each item holds.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        while !self.handles_gone {
            match self.incoming.poll_recv(cx) {
                // Behind the wish to close nothing counts.
                Poll::Ready(Some(_)) if self.close.is_some() => {}
                Poll::Ready(Some(Request::Send(queued))) => self.waiting.push_back(queued),
                Poll::Ready(Some(Request::Close(code, reason))) => self.close = Some((code, reason)),
                Poll::Ready(None) => self.handles_gone = true,
                Poll::Pending => return,
            }
        }
    }

    /// Whether somebody wants the connection closed, and how.
    pub(super) fn close(&self) -> Option<&(CloseCode, String)> {
        self.close.as_ref()
    }

    /// Closes, unless somebody has asked for that before.
    pub(super) fn close_with(&mut self, code: CloseCode) {
        self.close.get_or_insert_with(|| (code, String::new()));
    }

    /// Whether every handle has been dropped.
    pub(super) fn handles_gone(&self) -> bool {
        self.handles_gone
    }

    /// The next thing to send; its room in the queue is free again when it is dropped.
    pub(super) fn pop(&mut self) -> Option<Queued> {
        self.waiting.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The connection has ended for good.
    pub(super) fn end(mut self, end: End) {
        self.incoming.close();
        self.room.close();
        self.ended.send_replace(Some(end));
    }
}

/// A task that was dropped with its runtime takes nothing more, either.
impl Drop for Requests {
    fn drop(&mut self) {
        self.room.close();
    }
}
