//! Answers inside HTTP/2: handed over a part at a time, each when the one before is on its way, and not for ever.
//!
//! A stream has a window that its peer opens, and hyper waits for that without an end. So who never opens it would hold
//! what it asked for, a thousand answers to a connection. Here a part is known to be on its way when its bytes are dropped,
//! and [`Patient`], which runs each exchange, gives up one whose part has stayed for too long: hyper then resets the stream,
//! and all others of the connection go on.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::rt::Executor;
use tokio::time::{Instant, sleep};

/// Bytes that are handed over at a time.
const PART_BYTES: usize = 32 * 1024;
/// So short an answer takes no more than its stream does, and its end goes out with it.
const SHORT_BYTES: usize = 1024;

tokio::task_local! {
    /// Of the exchange that runs.
    static WAY_OUT: Arc<WayOut>;
}

/// Runs the exchanges of a connection, and gives up those whose answers make no progress.
#[derive(Debug, Clone)]
pub(super) struct Patient {
    /// How long an answer may make no progress.
    pub(super) write_timeout: Duration,
}

impl<F> Executor<F> for Patient
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, exchange: F) {
        let way_out = Arc::<WayOut>::default();
        let attended = attend(exchange, Arc::clone(&way_out), self.write_timeout);
        tokio::spawn(WAY_OUT.scope(way_out, attended));
    }
}

async fn attend(exchange: impl Future<Output = ()>, way_out: Arc<WayOut>, patience: Duration) {
    let mut exchange = pin!(exchange);
    let mut limit = pin!(sleep(patience));
    poll_fn(|context| {
        if exchange.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        // The next part is handed over in here, and never while nobody looks.
        let Some(since) = way_out.locked().since else { return Poll::Pending };
        if limit.deadline() != since + patience {
            limit.as_mut().reset(since + patience);
        }
        limit.as_mut().poll(context)
    })
    .await;
}

/// Where the parts of one answer go through.
#[derive(Debug, Default)]
struct WayOut(Mutex<Occupied>);

#[derive(Debug, Default)]
struct Occupied {
    /// Since when there is a part that is not on its way.
    since: Option<Instant>,
    /// Who waits to hand over the next one.
    waker: Option<Waker>,
}

impl WayOut {
    fn locked(&self) -> MutexGuard<'_, Occupied> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A part, until it is on its way.
struct Part {
    bytes: Bytes,
    way_out: Arc<WayOut>,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let mut occupied = self.way_out.locked();
        occupied.since = None;
        let waker = occupied.waker.take();
        drop(occupied);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The body of an answer. It ends when all of it is on its way.
pub(super) struct AnswerBody<G> {
    left: Bytes,
    /// `None` for a short one, which goes as it is.
    way_out: Option<Arc<WayOut>>,
    /// Kept until it ends.
    _guard: G,
}

impl<G> AnswerBody<G> {
    /// To be made inside the exchange.
    pub(super) fn new(bytes: Bytes, guard: G) -> Self {
        let is_long = bytes.len() > SHORT_BYTES;
        let way_out = is_long.then(|| WAY_OUT.try_with(Arc::clone).ok()).flatten();
        Self { left: bytes, way_out, _guard: guard }
    }
}

impl<G: Unpin> Body for AnswerBody<G> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        let Some(way_out) = &this.way_out else {
            let all = std::mem::take(&mut this.left);
            return Poll::Ready((!all.is_empty()).then(|| Ok(Frame::data(all))));
        };
        let mut occupied = way_out.locked();
        if occupied.since.is_some() {
            occupied.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        if this.left.is_empty() {
            return Poll::Ready(None);
        }
        occupied.since = Some(Instant::now());
        drop(occupied);
        let bytes = this.left.split_to(this.left.len().min(PART_BYTES));
        let part = Part { bytes, way_out: Arc::clone(way_out) };
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_owner(part)))))
    }

    /// Only of one without bytes: with the last of them it is not over yet.
    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && self.way_out.as_ref().is_none_or(|way_out| way_out.locked().since.is_none())
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}
