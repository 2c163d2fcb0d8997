//! Moves bytes between a relay and what carries them, with no buffer of its own while nothing moves.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Outside;

/// How long, after the shard has let go of the connection, its last bytes and the peer's own end are waited for.
pub const LINGER: Duration = Duration::from_secs(5);

/// Bytes that one step moves: on the stack of the poll.
const STEP_BYTES: usize = 8 * 1024;
/// Steps of one direction in one poll, so that a fast peer does not keep the executor from others.
const STEPS: u32 = 16;

/// Moves bytes both ways until both have ended, and each end as it comes: a half-close is passed on. Once the shard has
/// let go of the connection the rest has [`LINGER`]. Wants a tokio runtime with time.
///
/// Cancel-safe: dropping the future breaks the connection off, which the shard is told as a reset.
///
/// # Errors
/// What the carrier says; the shard is told of a reset then.
pub async fn pump<S>(mut carrier: S, outside: Outside) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut inward, mut outward) = (Inward::Open, Outward::Open);
    poll_fn(|context| {
        let out = outward.poll(&mut carrier, &outside, context)?;
        let into = inward.poll(&mut carrier, &outside, context)?;
        let over = out.is_ready() && into.is_ready();
        if over || outside.poll_let_go(context).is_ready() {
            Poll::Ready(io::Result::Ok(()))
        } else {
            Poll::Pending
        }
    })
    .await?;
    // The shard wants nothing more: what it said last is written, and the peer's end awaited, so that no reset swallows it.
    let rest = poll_fn(|context| {
        let out = outward.poll(&mut carrier, &outside, context)?;
        let into = inward.poll_away(&mut carrier, context)?;
        if out.is_ready() && into.is_ready() { Poll::Ready(io::Result::Ok(())) } else { Poll::Pending }
    });
    // Time is over: the carrier is dropped, and that is all that there was to do.
    timeout(LINGER, rest).await.unwrap_or(Ok(()))
}

/// As [`pump`], for a carrier that is a socket: as soon as nothing is on the way in either direction the shard gets the
/// socket itself, and this future is done. `received` has been read from the socket already.
///
/// Cancel-safe: as [`pump`].
///
/// # Errors
/// As [`pump`].
pub async fn hand_over(mut socket: TcpStream, received: &[u8], mut outside: Outside) -> io::Result<()> {
    let mut received = received;
    let mut outward = Outward::Open;
    // A shard that is sending all the time has no quiet moment: then it is pumped for good.
    for _ in 0..MOVES_TRIED {
        let settled = poll_fn(|context| {
            let over = outward.poll(&mut socket, &outside, context)?.is_ready();
            while !received.is_empty()
                && let Poll::Ready(written) = outside.poll_write(context, received)
            {
                let Ok(written) = written else {
                    // The shard wants no more of it; what it said last is still to be sent.
                    return Poll::Ready(io::Result::Ok(false));
                };
                received = &received[written..];
            }
            if over || outside.poll_let_go(context).is_ready() {
                return Poll::Ready(io::Result::Ok(false));
            }
            if !received.is_empty() {
                return Poll::Pending;
            }
            outside.poll_settled(context).map(|()| Ok(true))
        });
        if !settled.await? {
            break;
        }
        match outside.try_move(socket.into_std()?) {
            Ok(()) => return Ok(()),
            Err((back, held)) => (outside, socket) = (back, TcpStream::from_std(held)?),
        }
    }
    pump(socket, outside).await
}

/// How often a quiet moment is looked for.
const MOVES_TRIED: u32 = 16;

/// How far the way to the shard has come.
#[derive(PartialEq)]
enum Inward {
    Open,
    Over,
}

impl Inward {
    fn poll<S: AsyncRead + Unpin>(
        &mut self,
        carrier: &mut S,
        outside: &Outside,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; STEP_BYTES];
        for _ in 0..STEPS {
            if *self == Self::Over {
                return Poll::Ready(Ok(()));
            }
            // Room first: what is read is never held here.
            let Ok(room) = ready!(outside.poll_room(context)) else {
                return Poll::Ready(Ok(()));
            };
            let mut buffer = ReadBuf::new(&mut bytes[..room.min(STEP_BYTES)]);
            ready!(Pin::new(&mut *carrier).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                outside.end();
                *self = Self::Over;
            } else {
                // All of it fits, or the shard has let go meanwhile and wants none of it.
                let _ = outside.poll_write(context, buffer.filled());
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads to the peer's end and throws away.
    fn poll_away<S: AsyncRead + Unpin>(
        &mut self,
        carrier: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; STEP_BYTES];
        for _ in 0..STEPS {
            if *self == Self::Over {
                return Poll::Ready(Ok(()));
            }
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut *carrier).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                *self = Self::Over;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// How far the way out of the shard has come.
#[derive(PartialEq)]
enum Outward {
    Open,
    /// The carrier has bytes that it may still hold back.
    Unflushed,
    Ending,
    Over,
}

impl Outward {
    fn poll<S: AsyncWrite + Unpin>(
        &mut self,
        carrier: &mut S,
        outside: &Outside,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; STEP_BYTES];
        for _ in 0..STEPS {
            match self {
                Self::Over => return Poll::Ready(Ok(())),
                Self::Ending => {
                    ready!(Pin::new(&mut *carrier).poll_shutdown(context))?;
                    *self = Self::Over;
                }
                Self::Open | Self::Unflushed => match outside.poll_peek(context, &mut bytes) {
                    Poll::Ready(0) => *self = Self::Ending,
                    Poll::Ready(count) => {
                        let written = ready!(Pin::new(&mut *carrier).poll_write(context, &bytes[..count]))?;
                        if written == 0 {
                            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                        }
                        outside.consume(written);
                        *self = Self::Unflushed;
                    }
                    Poll::Pending if *self == Self::Unflushed => {
                        ready!(Pin::new(&mut *carrier).poll_flush(context))?;
                        *self = Self::Open;
                        return Poll::Pending;
                    }
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
