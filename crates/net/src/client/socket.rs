//! An open WebSocket connection: receive, send, ping, close.
//!
//! Everything an operation has achieved is kept here and not in its future, so that a future may be
//! dropped at any point: bytes that were read stay in `unread` or in the protocol's own state, bytes
//! to be written stay in the outbox.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use wavecast_websocket::frame::{self, Opcode};
use wavecast_websocket::{CloseCode, Connection, Event, Input, Limits, Pongs, ProtocolError, Role};

use super::error::{CloseError, Closed, RecvError, SendError, Side, TrySendError};
use super::mask;
use super::outbox::Outbox;
use crate::message::{Message, MessageRef};

/// What one system call may read. It lies on the stack, so that an idle connection owns no buffer.
const READ_BYTES: usize = 16 * 1_024;

/// What [`ConnectOptions`](super::ConnectOptions) say about an open connection.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) limits: Limits,
    pub(super) outbox_bytes_max: usize,
    pub(super) send_timeout: Duration,
    pub(super) close_timeout: Duration,
}

/// An open client connection, over TCP or any other byte stream.
///
/// One task owns it; to receive and send at the same time, select between [`recv`](Self::recv),
/// which is cancel-safe, and whatever brings the messages to be sent. It needs a tokio runtime with
/// its timer enabled.
///
/// Pings are answered and the closing handshake is completed inside `recv`, so a program that only
/// sends should still receive. Dropping it ends the TCP connection without a closing handshake; what
/// the peer has not been sent by then is lost.
#[derive(Debug)]
pub struct WebSocket<S = TcpStream> {
    stream: S,
    connection: Connection,
    settings: Settings,
    protocol: Option<Box<str>>,
    /// Received bytes behind the last message that was handed out.
    unread: Unread,
    outbox: Outbox,
    /// Bounds what a peer that pings and does not read can pile up in the outbox.
    pongs: Pongs,
    phase: Phase,
    closed: Option<Closed>,
    /// When waiting for the peer to finish closing ends.
    deadline: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// A close frame was queued or received; what is missing is the other one, or the end of TCP.
    Closing,
    /// As `Closing`, but the peer misbehaved and its answer does not matter any more.
    Failed,
    /// Nothing will be read or written any more.
    Ended,
}

#[derive(Debug, Default)]
struct Unread {
    bytes: Vec<u8>,
    at: usize,
}

/// What parsing received bytes led to.
enum Parsed<R> {
    Message(R),
    NeedsBytes,
    Failed(RecvError),
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// A connection whose handshake is complete; `unread` came behind the response's head.
    pub(super) fn new(stream: S, settings: Settings, protocol: Option<Box<str>>, unread: Vec<u8>) -> Self {
        Self {
            stream,
            connection: Connection::new(Role::Client),
            settings,
            protocol,
            unread: Unread { bytes: unread, at: 0 },
            outbox: Outbox::default(),
            pongs: Pongs::new(),
            phase: Phase::Open,
            closed: None,
            deadline: None,
        }
    }

    /// The sub-protocol that the server chose among those asked for.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// How the connection was closed, as soon as either side has begun to.
    pub fn closed(&self) -> Option<&Closed> {
        self.closed.as_ref()
    }

    /// The stream below.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// Waits for the next message.
    ///
    /// `Ok(None)` means that the connection is closed, and [`closed`](Self::closed) says how. Pings
    /// are answered, queued bytes are written, and a close frame of the peer is answered on the way;
    /// then the end of the TCP connection is awaited for at most the close time-out, since the server
    /// is to end it first (RFC 6455 §7.1.1).
    ///
    /// # Errors
    ///
    /// [`RecvError`], once; then `Ok(None)`.
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe: dropping the future loses no byte and no message.
    pub async fn recv(&mut self) -> Result<Option<Message>, RecvError> {
        self.recv_with(Message::copy_of).await
    }

    /// Like [`recv`](Self::recv), but lends the message to `read` instead of copying it.
    ///
    /// A message that arrived whole in one read is lent from the receive buffer itself.
    ///
    /// # Errors
    ///
    /// [`RecvError`], once; then `Ok(None)`.
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe: a message that has been lent has been returned by the same poll.
    pub async fn recv_with<R>(
        &mut self,
        mut read: impl FnMut(MessageRef<'_>) -> R,
    ) -> Result<Option<R>, RecvError> {
        poll_fn(|cx| self.poll_recv_with(cx, &mut read)).await
    }

    /// Sends a message: waits until the outbox has room, queues the whole message and writes what the
    /// transport takes at once.
    ///
    /// The rest goes out during the next `recv`, `send`, `flush` or `close`. Nothing is received while
    /// it waits: with a peer that stops reading until it is read from, select between `recv` and
    /// [`ready`](Self::ready) instead.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] and [`SendError::TimedOut`]: the message was not queued.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has queued the whole message or nothing of it, never a part; it queues only
    /// in the poll that returns.
    pub async fn send<'m>(&mut self, message: impl Into<MessageRef<'m>>) -> Result<(), SendError> {
        let message = message.into();
        self.ready().await?;
        self.queue(message).map_err(SendError::Io)?;
        self.write_some().map_err(SendError::Io)
    }

    /// Queues a message if the outbox has room, and writes what the transport takes at once.
    ///
    /// # Errors
    ///
    /// [`TrySendError::Full`] and [`TrySendError::Closed`]: the message was not queued.
    pub fn try_send<'m>(&mut self, message: impl Into<MessageRef<'m>>) -> Result<(), TrySendError> {
        if self.phase != Phase::Open {
            return Err(TrySendError::Closed);
        }
        if !self.has_room() {
            self.write_some().map_err(TrySendError::Io)?;
            if !self.has_room() {
                return Err(TrySendError::Full);
            }
        }
        self.queue(message.into()).map_err(TrySendError::Io)?;
        self.write_some().map_err(TrySendError::Io)
    }

    /// Sends a ping of at most 125 bytes. The answer is not reported; it only proves, to whoever looks
    /// at the traffic, that the peer is alive.
    ///
    /// # Errors
    ///
    /// [`SendError`]; [`SendError::ControlTooLong`] for more than 125 bytes.
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        if payload.len() > frame::CONTROL_BYTES_MAX {
            return Err(SendError::ControlTooLong);
        }
        self.ready().await?;
        let key = mask::key().map_err(SendError::Io)?;
        frame::encode(Opcode::Ping, payload, Some(key), self.outbox.tail());
        self.write_some().map_err(SendError::Io)
    }

    /// Waits until the outbox has room, so that the next [`try_send`](Self::try_send) succeeds.
    ///
    /// # Errors
    ///
    /// [`SendError::TimedOut`] when there is no room within the send time-out.
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe.
    pub async fn ready(&mut self) -> Result<(), SendError> {
        if self.phase == Phase::Open && self.has_room() {
            return Ok(());
        }
        let limit = self.settings.send_timeout;
        timeout(limit, poll_fn(|cx| self.poll_ready(cx))).await.map_err(|_| SendError::TimedOut)?
    }

    /// Waits until the transport has taken everything that was queued.
    ///
    /// # Errors
    ///
    /// [`SendError::TimedOut`] when that takes longer than the send time-out; the rest stays queued.
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe.
    pub async fn flush(&mut self) -> Result<(), SendError> {
        if self.phase == Phase::Ended {
            return Err(SendError::Closed);
        }
        let limit = self.settings.send_timeout;
        let written = poll_fn(|cx| self.poll_write(cx));
        timeout(limit, written).await.map_err(|_| SendError::TimedOut)?.map_err(SendError::Io)
    }

    /// Closes the connection, and waits for the peer's close frame and the end of the TCP connection.
    ///
    /// The reason is cut to the 123 bytes that a close frame can carry (RFC 6455 §5.5.1); a code that
    /// never stands on the wire, such as [`CloseCode::NO_STATUS`], sends a close frame without one.
    /// Messages that still arrive are dropped. Where the peer began to close, or a receive has failed,
    /// this only waits for the end.
    ///
    /// # Errors
    ///
    /// [`CloseError`]; the TCP connection is over in any case once this has returned, or ends when
    /// the value is dropped.
    ///
    /// # Cancel safety
    ///
    /// The first poll queues the close frame; after a cancelled close, `close` or `recv` goes on
    /// waiting, within the same time-out.
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<Closed, CloseError> {
        if self.phase == Phase::Open {
            self.queue_close(code, reason).map_err(CloseError::Io)?;
        }
        loop {
            match poll_fn(|cx| self.poll_recv_with(cx, &mut |_| ())).await {
                Ok(Some(())) => {}
                Ok(None) => return self.closed.clone().ok_or(CloseError::Lost),
                Err(RecvError::Protocol(error) | RecvError::Limit(error)) => {
                    return Err(CloseError::Protocol(error));
                }
                Err(RecvError::CloseTimedOut) => return Err(CloseError::TimedOut),
                Err(RecvError::Lost) => return Err(CloseError::Lost),
                Err(RecvError::Io(error)) => return Err(CloseError::Io(error)),
            }
        }
    }

    /// Polls for room in the outbox, without a time-out: [`ready`](Self::ready) for those who poll by
    /// hand, to receive and wait for room at once.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] and [`SendError::Io`].
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        if self.phase != Phase::Open {
            return Poll::Ready(Err(SendError::Closed));
        }
        if self.has_room() {
            return Poll::Ready(Ok(()));
        }
        match self.poll_write(cx) {
            Poll::Ready(result) => Poll::Ready(result.map_err(SendError::Io)),
            Poll::Pending if self.has_room() => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Polls for the next message: [`recv_with`](Self::recv_with) for those who poll by hand.
    ///
    /// # Errors
    ///
    /// [`RecvError`], once; then `Ok(None)`.
    pub fn poll_recv_with<R>(
        &mut self,
        cx: &mut Context<'_>,
        read: &mut impl FnMut(MessageRef<'_>) -> R,
    ) -> Poll<Result<Option<R>, RecvError>> {
        loop {
            if self.phase == Phase::Ended {
                return Poll::Ready(Ok(None));
            }
            match self.parse_unread(read) {
                Parsed::Message(message) => return Poll::Ready(Ok(Some(message))),
                Parsed::Failed(error) => return Poll::Ready(Err(error)),
                Parsed::NeedsBytes => {}
            }
            // Looked at on every turn: a peer that goes on sending must not put off the end.
            if let Some(deadline) = &mut self.deadline
                && deadline.as_mut().poll(cx).is_ready()
            {
                return Poll::Ready(self.end(cx, RecvError::CloseTimedOut));
            }
            let writing = self.poll_write(cx);
            let mut space = [MaybeUninit::uninit(); READ_BYTES];
            let mut received = ReadBuf::uninit(&mut space);
            match Pin::new(&mut self.stream).poll_read(cx, &mut received) {
                Poll::Ready(Ok(())) if received.filled().is_empty() => {
                    return Poll::Ready(self.end(cx, RecvError::Lost));
                }
                Poll::Ready(Ok(())) => match self.parse_received(received.filled_mut(), read) {
                    Parsed::Message(message) => return Poll::Ready(Ok(Some(message))),
                    Parsed::Failed(error) => return Poll::Ready(Err(error)),
                    Parsed::NeedsBytes => {}
                },
                Poll::Ready(Err(error)) => return Poll::Ready(self.end(cx, RecvError::Io(error))),
                // A failed write counts only now: what the peer sent before, its close frame perhaps,
                // tells more.
                Poll::Pending => match writing {
                    Poll::Ready(Err(error)) => return Poll::Ready(self.end(cx, RecvError::Io(error))),
                    _ => return Poll::Pending,
                },
            }
        }
    }

    fn parse_unread<R>(&mut self, read: &mut impl FnMut(MessageRef<'_>) -> R) -> Parsed<R> {
        // With nothing unread, too: it frees the memory of the message that was delivered last.
        let mut unread = std::mem::take(&mut self.unread);
        let (parsed, left) = self.parse(&mut unread.bytes[unread.at..], read);
        if left > 0 {
            unread.at = unread.bytes.len() - left;
            self.unread = unread;
        }
        parsed
    }

    fn parse_received<R>(
        &mut self,
        bytes: &mut [u8],
        read: &mut impl FnMut(MessageRef<'_>) -> R,
    ) -> Parsed<R> {
        let (parsed, left) = self.parse(bytes, read);
        if left > 0 {
            self.unread = Unread { bytes: bytes[bytes.len() - left..].to_vec(), at: 0 };
        }
        parsed
    }

    /// Parses up to the first message, and says how many bytes were left behind it.
    fn parse<R>(
        &mut self,
        bytes: &mut [u8],
        read: &mut impl FnMut(MessageRef<'_>) -> R,
    ) -> (Parsed<R>, usize) {
        let mut input = Input::new(bytes);
        let parsed = loop {
            match self.connection.receive(&mut input, &self.settings.limits) {
                Ok(Some(Event::Text(text))) => break Parsed::Message(read(MessageRef::Text(text))),
                Ok(Some(Event::Binary(bytes))) => break Parsed::Message(read(MessageRef::Binary(bytes))),
                Ok(Some(Event::Ping(payload))) => {
                    // Behind our close frame nothing may follow (§5.5.1).
                    if self.phase != Phase::Open {
                        continue;
                    }
                    let key = match mask::key() {
                        Ok(key) => key,
                        Err(error) => break Parsed::Failed(RecvError::Io(error)),
                    };
                    self.pongs.answer(payload, &self.settings.limits, Some(key), self.outbox.tail());
                }
                Ok(Some(Event::Pong(_))) => {}
                Ok(Some(Event::Close(close))) => {
                    let (code, reason) = (close.code, close.reason.to_owned());
                    if let Err(error) = self.close_received(code, reason) {
                        break Parsed::Failed(RecvError::Io(error));
                    }
                }
                Ok(None) => break Parsed::NeedsBytes,
                Err(error) => break Parsed::Failed(self.fail(error)),
            }
        };
        (parsed, input.remaining())
    }

    /// The peer began to close, or answered our close frame.
    fn close_received(&mut self, code: Option<CloseCode>, reason: String) -> io::Result<()> {
        if self.phase == Phase::Open {
            // The answer carries the code that came (RFC 6455 §5.5.1).
            self.connection.send_close(code, "", Some(mask::key()?), self.outbox.tail());
            let code = code.unwrap_or(CloseCode::NO_STATUS);
            self.begin_closing(Phase::Closing, Closed { code, reason, by: Side::Peer });
        }
        Ok(())
    }

    /// Fails the connection (RFC 6455 §7.1.7): the peer gets a close frame with the error's code.
    fn fail(&mut self, error: ProtocolError) -> RecvError {
        let code = error.close_code();
        if let Ok(key) = mask::key() {
            self.connection.send_close(Some(code), "", Some(key), self.outbox.tail());
        }
        self.begin_closing(Phase::Failed, Closed { code, reason: String::new(), by: Side::Local });
        // The caller may well drop the connection now; the close frame should be on its way.
        let _ = self.write_some();
        if error.is_limit() { RecvError::Limit(error) } else { RecvError::Protocol(error) }
    }

    fn queue_close(&mut self, code: CloseCode, reason: &str) -> io::Result<()> {
        self.connection.send_close(Some(code), reason, Some(mask::key()?), self.outbox.tail());
        self.begin_closing(Phase::Closing, Closed { code, reason: reason.to_owned(), by: Side::Local });
        Ok(())
    }

    fn begin_closing(&mut self, phase: Phase, closed: Closed) {
        self.phase = phase;
        self.closed.get_or_insert(closed);
        if self.deadline.is_none() {
            let at = Instant::now() + self.settings.close_timeout;
            self.deadline = Some(Box::pin(sleep_until(at)));
        }
    }

    /// The connection is over. That is an error unless the closing handshake is complete, or a
    /// failure has been reported before.
    fn end<R>(&mut self, cx: &mut Context<'_>, error: RecvError) -> Result<Option<R>, RecvError> {
        let clean = self.phase == Phase::Failed || self.connection.close_received();
        self.phase = Phase::Ended;
        self.deadline = None;
        self.outbox.clear();
        self.closed.get_or_insert(Closed {
            code: CloseCode::ABNORMAL,
            reason: String::new(),
            by: Side::Peer,
        });
        // One attempt: whoever keeps the value should not keep the peer waiting for its FIN.
        let _ = Pin::new(&mut self.stream).poll_shutdown(cx);
        if clean { Ok(None) } else { Err(error) }
    }

    fn has_room(&self) -> bool {
        self.outbox.pending() < self.settings.outbox_bytes_max
    }

    fn queue(&mut self, message: MessageRef<'_>) -> io::Result<()> {
        let key = Some(mask::key()?);
        match message {
            MessageRef::Text(text) => frame::encode(Opcode::Text, text.as_bytes(), key, self.outbox.tail()),
            MessageRef::Binary(bytes) => frame::encode(Opcode::Binary, bytes, key, self.outbox.tail()),
        }
        Ok(())
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.outbox.poll_write(&mut self.stream, cx))?;
            if self.pongs.pending() == 0 || self.phase != Phase::Open {
                return Poll::Ready(Ok(()));
            }
            self.pongs.flushed(Some(mask::key()?), self.outbox.tail());
        }
    }

    /// Writes what the transport takes without waiting. Nobody is woken for the rest: whichever
    /// operation comes next polls again.
    fn write_some(&mut self) -> io::Result<()> {
        match self.poll_write(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }
}
