//! A connection as hyper reads and writes it: bytes received before come first, one request is handed over at a time,
//! every wait has an end, and a WebSocket handshake is not handed over at all but goes back to a shard.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use hyper::rt::{Read, ReadBufCursor, Write};
use wavecast_net::carrier::Carrier;
use wavecast_websocket::Limits;

use super::deadline::{Deadline, Wait};
use super::exchange::Exchange;
use super::framing::{self, Framing, Progress};
use crate::config::HttpServer;

/// After our end, how long the peer's end is waited for, so that our last answer is not lost to a reset.
const LINGER: Duration = Duration::from_secs(1);
/// And how much of a body that nobody wants is taken meanwhile.
const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// What is taken ahead of a request that is being answered, while somebody wants to know whether its client is there.
const AHEAD_BYTES_MAX: usize = 16 * 1024;

const TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: text/plain\r\n\
    Content-Length: 43\r\n\r\nThe request's head took too long to arrive.";

/// hyper's input and output over one connection.
#[derive(Debug)]
pub(super) struct Socket {
    /// `None` once it has gone back.
    stream: Option<Carrier>,
    /// Bytes that hyper has not got yet; at most a head and one read.
    received: BytesMut,
    /// Whether they may hold the end of a head that has not been looked for.
    unexamined: bool,
    /// How far a head has been looked through that came in pieces.
    progress: Progress,
    stage: Stage,
    /// Whether a WebSocket handshake may go back to a shard.
    may_return: bool,
    /// In [`Stage::Opaque`]: the request that was the latest when the latest bytes came.
    latest: Option<u64>,
    exchange: Arc<Exchange>,
    deadline: Deadline,
    limits: Limits,
    handshake_timeout: Duration,
    idle_timeout: Duration,
    write_timeout: Duration,
    lingered_bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Between requests: hyper gets nothing until a head is complete.
    Head,
    /// So many bytes belong to the request that hyper has begun to read.
    Request { left: u64 },
    /// Only hyper knows where requests end, from here on.
    Opaque,
    /// Gone back to a shard: for hyper, the end.
    Returned,
}

impl Socket {
    pub(super) fn new(
        stream: Carrier,
        received: &[u8],
        exchange: Arc<Exchange>,
        settings: &HttpServer,
        may_return: bool,
    ) -> Self {
        Self {
            stream: Some(stream),
            received: BytesMut::from(received),
            unexamined: true,
            progress: Progress::default(),
            stage: Stage::Head,
            may_return,
            latest: None,
            exchange,
            deadline: Deadline::default(),
            limits: limits(settings),
            handshake_timeout: settings.handshake_timeout,
            idle_timeout: settings.idle_timeout,
            write_timeout: settings.write_timeout,
            lingered_bytes: 0,
        }
    }

    /// The connection itself. What a client has sent ahead of an answer that has no end is for nobody.
    pub(super) fn into_carrier(self) -> Option<Carrier> {
        self.stream
    }

    /// Waits for the next request's head and says what comes of it; `None` at the connection's end.
    fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<Stage>>> {
        // While an answer goes out nothing is read: what a client sends ahead waits in the kernel.
        ready!(self.exchange.poll_settled(context));
        loop {
            if std::mem::take(&mut self.unexamined) {
                match framing::frame(&self.received, &self.limits) {
                    Framing::Incomplete => {}
                    Framing::Request { bytes } => {
                        self.exchange.begin();
                        return Poll::Ready(Ok(Some(Stage::Request { left: bytes })));
                    }
                    Framing::WebSocket if self.may_return => return Poll::Ready(Ok(Some(self.give_back()))),
                    Framing::WebSocket | Framing::Opaque => return Poll::Ready(Ok(Some(Stage::Opaque))),
                }
            }
            let (wait, timeout) = match self.received.is_empty() {
                true => (Wait::Request, self.idle_timeout),
                false => (Wait::Head, self.handshake_timeout),
            };
            match self.poll_receive(context)? {
                Poll::Ready(0) if self.received.is_empty() => return Poll::Ready(Ok(None)),
                // Half a head: hyper says what is wrong with it.
                Poll::Ready(0) => return Poll::Ready(Ok(Some(Stage::Opaque))),
                Poll::Ready(_) => {
                    self.unexamined = self.progress.may_say_more(&self.received, &self.limits);
                }
                Poll::Pending if wait == Wait::Request && self.exchange.is_draining() => {
                    return Poll::Ready(Ok(None));
                }
                Poll::Pending => {
                    ready!(self.deadline.poll(context, wait, timeout));
                    return Poll::Ready(Err(self.too_slow(wait)));
                }
            }
        }
    }

    /// Hands hyper what belongs to its request, and reads more when there is nothing.
    fn poll_hand_over(
        &mut self,
        context: &mut Context<'_>,
        cursor: &mut ReadBufCursor<'_>,
        left: u64,
    ) -> Poll<io::Result<usize>> {
        if self.received.is_empty() {
            match self.poll_receive(context)? {
                Poll::Ready(0) => return Poll::Ready(Ok(0)),
                Poll::Ready(_) => {}
                // The body's time is the service's to watch.
                Poll::Pending if !self.exchange.is_settled() => return Poll::Pending,
                Poll::Pending => {
                    let (wait, timeout) = match self.latest == Some(self.exchange.requests()) {
                        true => (Wait::Head, self.handshake_timeout),
                        false => (Wait::Request, self.idle_timeout),
                    };
                    if wait == Wait::Request && self.exchange.is_draining() {
                        return Poll::Ready(Ok(0));
                    }
                    ready!(self.deadline.poll(context, wait, timeout));
                    return Poll::Ready(Err(self.too_slow(wait)));
                }
            }
        }
        let count =
            self.received.len().min(cursor.remaining()).min(usize::try_from(left).unwrap_or(usize::MAX));
        cursor.put_slice(&self.received[..count]);
        self.received.advance(count);
        if self.exchange.is_settled() {
            self.latest = Some(self.exchange.requests());
        }
        self.deadline.end(Wait::Request);
        Poll::Ready(Ok(count))
    }

    /// Reads from the kernel; 0 at the peer's end.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(Ok(0)) };
        stream.poll_receive(context, &mut self.received)
    }

    /// Takes what the peer sends while its request is answered, up to a bound, to learn of its end. (hyper does not read then: it
    /// leaves a client that has ended its side its answer.)
    fn look_ahead(&mut self, context: &mut Context<'_>) {
        while self.received.len() < AHEAD_BYTES_MAX {
            match self.poll_receive(context) {
                Poll::Ready(Ok(1..)) => self.unexamined = true,
                Poll::Ready(Ok(0) | Err(_)) => return self.exchange.peer_ends(),
                Poll::Pending => return,
            }
        }
    }

    /// Puts the socket down for a shard, the handshake's head and what follows it included.
    fn give_back(&mut self) -> Stage {
        if let Some(stream) = self.stream.take() {
            self.exchange.give_back(stream, std::mem::take(&mut self.received));
        }
        Stage::Returned
    }

    /// The error that ends hyper's work. Half a head is answered, as far as that goes without waiting.
    fn too_slow(&mut self, wait: Wait) -> io::Error {
        if let (Wait::Head, Some(stream)) = (wait, &mut self.stream) {
            stream.say_and_end(TOO_SLOW);
            let peer = stream.peer_addr().ok().map(tracing::field::display);
            tracing::info!(peer, status = 408, "refused: the request's head took too long");
        } else {
            tracing::debug!(?wait, "an HTTP connection waited too long and is closed");
        }
        io::ErrorKind::TimedOut.into()
    }

    fn poll_written(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(_) => self.deadline.end(Wait::Write),
            Poll::Pending => {
                ready!(self.deadline.poll(context, Wait::Write, self.write_timeout));
                return Poll::Ready(Err(self.too_slow(Wait::Write)));
            }
        }
        written
    }

    /// Whether the peer may be about to send what nobody will read.
    fn is_mid_request(&self) -> bool {
        matches!(self.stage, Stage::Request { left: 1.. } | Stage::Opaque) || !self.received.is_empty()
    }
}

impl Read for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match this.stage {
                Stage::Returned => return Poll::Ready(Ok(())),
                Stage::Head => match ready!(this.poll_head(context))? {
                    Some(stage) => {
                        this.deadline.end(Wait::Request);
                        if stage != Stage::Opaque {
                            this.deadline.end(Wait::Head);
                        }
                        this.stage = stage;
                    }
                    None => return Poll::Ready(Ok(())),
                },
                Stage::Request { left: 0 } => {
                    this.unexamined = true;
                    this.progress = Progress::default();
                    this.stage = Stage::Head;
                }
                Stage::Request { left } => {
                    let count = ready!(this.poll_hand_over(context, &mut cursor, left))?;
                    this.stage = Stage::Request { left: left - count as u64 };
                    return Poll::Ready(Ok(()));
                }
                Stage::Opaque => {
                    ready!(this.poll_hand_over(context, &mut cursor, u64::MAX))?;
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

impl Write for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Some(stream) = &mut this.stream else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let written = stream.poll_write(context, bytes);
        this.poll_written(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Some(stream) = &mut this.stream else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let written = stream.poll_write_vectored(context, slices);
        this.poll_written(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// hyper asks for this when its own buffer is empty.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(stream) = &mut this.stream {
            let flushed = stream.poll_flush(context).map_ok(|()| 0);
            ready!(this.poll_written(context, flushed))?;
        }
        this.exchange.flushed();
        if this.exchange.is_watched() {
            this.look_ahead(context);
        }
        Poll::Ready(Ok(()))
    }

    /// Ends our side, and takes what is on its way for a while: closing on unread bytes would reset the connection,
    /// and the peer could lose the answer that says why (RFC 9112 §9.6).
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(stream) = &mut this.stream else { return Poll::Ready(Ok(())) };
        ready!(stream.poll_shutdown(context))?;
        while this.is_mid_request() && this.lingered_bytes < LINGER_BYTES_MAX {
            this.received.clear();
            match this.poll_receive(context) {
                Poll::Ready(Ok(1..)) => this.lingered_bytes += this.received.len(),
                Poll::Ready(_) => break,
                Poll::Pending => {
                    ready!(this.deadline.poll(context, Wait::End, LINGER));
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// The limits of a request head, as the codec takes them.
pub(super) fn limits(settings: &HttpServer) -> Limits {
    Limits {
        head_bytes_max: settings.head_size_limit,
        head_fields_max: settings.head_field_limit,
        ..Limits::DEFAULT
    }
}
