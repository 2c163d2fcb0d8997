//! How far the request of the moment is, as the socket and the service of one connection share it.
//!
//! The service sees requests and answers; the socket sees bytes. Only together do they know whether an answer has
//! gone out to its last byte, which is when the next request may be looked at, and since when the connection is idle.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use wavecast_net::carrier::Carrier;

use crate::streams::StreamOpening;

/// The state that both sides of a connection share. Both run in one task, so the lock is never contended.
#[derive(Debug, Default)]
pub(super) struct Exchange(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    stage: Stage,
    /// Requests begun on this connection.
    requests: u64,
    /// No further request is wanted.
    draining: bool,
    /// The reader that waits for [`Stage::Settled`].
    reader: Option<Waker>,
    /// Somebody wants to know when the peer ends its side while its request is answered.
    watched: bool,
    /// It has.
    gone: bool,
    /// Who wants to know.
    watcher: Option<Waker>,
    /// The socket, taken out of hyper's hands to go back to a shard.
    returned: Option<(Carrier, BytesMut)>,
    /// The session that the connection goes on as, on a shard.
    leaving: Option<Box<StreamOpening>>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// No request is under way, and nothing is left to write.
    #[default]
    Settled,
    /// A request is read or answered.
    Answering,
    /// The answer is given to hyper to its end, and may still lie in hyper's buffer.
    Answered,
}

impl Exchange {
    /// A request begins: socket or service has seen it, whichever is first.
    pub(super) fn begin(&self) {
        let mut state = self.lock();
        if state.stage != Stage::Answering {
            state.stage = Stage::Answering;
            state.requests += 1;
        }
    }

    /// hyper has written all it had.
    pub(super) fn flushed(&self) {
        let mut state = self.lock();
        if state.stage == Stage::Answered {
            state.stage = Stage::Settled;
            if let Some(reader) = state.reader.take() {
                reader.wake();
            }
        }
    }

    /// Waits until no request is under way.
    pub(super) fn poll_settled(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.stage == Stage::Settled {
            return Poll::Ready(());
        }
        state.reader = Some(context.waker().clone());
        Poll::Pending
    }

    pub(super) fn is_settled(&self) -> bool {
        self.lock().stage == Stage::Settled
    }

    /// Ends the connection when no request is under way. Poll the connection after it.
    pub(super) fn drain(&self) {
        self.lock().draining = true;
    }

    pub(super) fn is_draining(&self) -> bool {
        self.lock().draining
    }

    /// How many requests have begun.
    pub(super) fn requests(&self) -> u64 {
        self.lock().requests
    }

    /// Puts the socket down for a shard, with the bytes that nobody has looked at.
    pub(super) fn give_back(&self, stream: Carrier, received: BytesMut) {
        self.lock().returned = Some((stream, received));
    }

    /// Takes up what [`give_back`](Self::give_back) put down.
    pub(super) fn take_back(&self) -> Option<(Carrier, BytesMut)> {
        self.lock().returned.take()
    }

    /// The connection goes on as a session: nothing more is to be done here.
    pub(super) fn leave(&self, opening: Box<StreamOpening>) {
        self.lock().leaving = Some(opening);
    }

    /// Takes up what [`leave`](Self::leave) said.
    pub(super) fn take_leaving(&self) -> Option<Box<StreamOpening>> {
        self.lock().leaving.take()
    }

    /// Whether the socket is to look out for the peer's end.
    pub(super) fn is_watched(&self) -> bool {
        self.lock().watched
    }

    /// The peer has ended its side, or the connection has broken.
    pub(super) fn peer_ends(&self) {
        let mut state = self.lock();
        state.gone = true;
        if let Some(watcher) = state.watcher.take() {
            watcher.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks out for the end of the peer while its request is answered, for those who take their time.
#[derive(Debug, Clone)]
pub(super) struct Watch(pub(super) Arc<Exchange>);

impl Watch {
    /// Waits until the peer has ended its side: it may be gone altogether, or wait for its answer, which nobody can tell (RFC
    /// 9112 §9.6), so it is to be answered at once. Of a peer that has sent much ahead it is not known.
    pub(super) async fn gone(&self) {
        let _ending = EndOfWatch(&self.0);
        poll_fn(|context| {
            let mut state = self.0.lock();
            state.watched = true;
            if state.gone {
                return Poll::Ready(());
            }
            state.watcher = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

struct EndOfWatch<'e>(&'e Exchange);

impl Drop for EndOfWatch<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        (state.watched, state.watcher) = (false, None);
    }
}

/// An answer's body: one piece, which tells the exchange when hyper has taken all of it.
#[derive(Debug)]
pub(super) struct AnswerBody {
    bytes: Bytes,
    exchange: Arc<Exchange>,
}

impl AnswerBody {
    pub(super) fn new(bytes: Bytes, exchange: Arc<Exchange>) -> Self {
        Self { bytes, exchange }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.exchange.lock().stage = Stage::Answered;
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let bytes = std::mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}
