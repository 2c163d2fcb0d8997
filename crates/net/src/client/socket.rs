//! An open WebSocket connection: receive, send, ping, close.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use wavecast_websocket::CloseCode;
use wavecast_websocket::frame::CONTROL_BYTES_MAX;

use super::closing::Phase;
use super::conversation::Conversation;
use super::error::{CloseError, Closed, RecvError, SendError, TrySendError};
use super::incoming::Arrived;
use super::stream::Stream;
use crate::message::{Message, MessageRef};

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
pub struct WebSocket<S = Stream> {
    conversation: Conversation<S>,
    protocol: Option<Box<str>>,
    is_compressed: bool,
}

/// What [`recv_or_pong`](WebSocket::recv_or_pong) gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A message.
    Message(Message),
    /// A pong: what the ping carried that it answers, at most 125 bytes.
    Pong(Vec<u8>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    pub(super) fn new(
        conversation: Conversation<S>,
        protocol: Option<Box<str>>,
        is_compressed: bool,
    ) -> Self {
        Self { conversation, protocol, is_compressed }
    }

    /// For a task that drives it.
    pub(super) fn into_parts(self) -> (Conversation<S>, Option<Box<str>>) {
        (self.conversation, self.protocol)
    }

    /// The sub-protocol that the server chose among those asked for.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// Whether the server takes part in [`compression`](super::ConnectOptions::compression).
    pub fn is_compressed(&self) -> bool {
        self.is_compressed
    }

    /// How the connection was closed, as soon as either side has begun to.
    pub fn closed(&self) -> Option<&Closed> {
        self.conversation.closed()
    }

    /// The stream below.
    pub fn stream(&self) -> &S {
        self.conversation.stream()
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

    /// Like [`recv`](Self::recv), but tells of pongs, too: of those that answer a [`ping`](Self::ping), those of
    /// [`keep_alive`](super::ConnectOptions::keep_alive) (empty ones), and those that the server sends by itself.
    ///
    /// # Errors
    ///
    /// [`RecvError`], once; then `Ok(None)`.
    ///
    /// # Cancel safety
    ///
    /// As [`recv`](Self::recv).
    pub async fn recv_or_pong(&mut self) -> Result<Option<Received>, RecvError> {
        let mut read = |incoming: Arrived<'_>| {
            Some(match incoming {
                Arrived::Message(message) => Received::Message(Message::copy_of(message)),
                Arrived::Pong(payload) => Received::Pong(payload.to_vec()),
                Arrived::Piece(_) => return None,
            })
        };
        poll_fn(|cx| self.conversation.poll_receive(cx, &mut read)).await
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
    /// [`SendError::Closed`], [`SendError::TimedOut`] and [`SendError::Unfinished`]: the message was not queued.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has queued the whole message or nothing of it, never a part; it queues only
    /// in the poll that returns.
    pub async fn send<'m>(&mut self, message: impl Into<MessageRef<'m>>) -> Result<(), SendError> {
        let message = message.into();
        self.ready().await?;
        self.queue(message)?;
        self.conversation.write_some().map_err(SendError::Io)
    }

    /// Queues a message if the outbox has room, and writes what the transport takes at once.
    ///
    /// # Errors
    ///
    /// [`TrySendError::Full`] and [`TrySendError::Closed`]: the message was not queued.
    pub fn try_send<'m>(&mut self, message: impl Into<MessageRef<'m>>) -> Result<(), TrySendError> {
        self.conversation.try_queue(message.into())
    }

    /// Sends a ping of at most 125 bytes. [`recv_or_pong`](Self::recv_or_pong) tells of the answer; the other ways to
    /// receive pass over it.
    ///
    /// # Errors
    ///
    /// [`SendError`]; [`SendError::ControlTooLong`] for more than 125 bytes.
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        if payload.len() > CONTROL_BYTES_MAX {
            return Err(SendError::ControlTooLong);
        }
        self.ready().await?;
        self.conversation.outgoing().ping(payload).map_err(SendError::Io)?;
        self.conversation.write_some().map_err(SendError::Io)
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
        if self.conversation.is_open() && self.conversation.has_room() {
            return Ok(());
        }
        let limit = self.conversation.settings().send_timeout;
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
        let limit = self.conversation.settings().send_timeout;
        timeout(limit, poll_fn(|cx| self.poll_flush(cx))).await.map_err(|_| SendError::TimedOut)?
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
        self.begin_close(code, reason).map_err(CloseError::Io)?;
        loop {
            match poll_fn(|cx| self.poll_recv_with(cx, &mut |_| ())).await {
                Ok(Some(())) => {}
                Ok(None) => return self.closed().cloned().ok_or(CloseError::Lost),
                Err(RecvError::Protocol(error) | RecvError::Limit(error)) => {
                    return Err(CloseError::Protocol(error));
                }
                Err(RecvError::CloseTimedOut) => return Err(CloseError::TimedOut),
                Err(RecvError::Lost | RecvError::PeerDead) => return Err(CloseError::Lost),
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
        self.conversation.poll_ready(cx)
    }

    /// Polls for the transport to have taken all that was queued, without a time-out.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] and [`SendError::Io`].
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        if self.conversation.phase() == Phase::Ended {
            return Poll::Ready(Err(SendError::Closed));
        }
        self.conversation.poll_write(cx).map_err(SendError::Io)
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
        self.conversation.poll_receive(cx, &mut |incoming| match incoming {
            Arrived::Message(message) => Some(read(message)),
            Arrived::Piece(_) | Arrived::Pong(_) => None,
        })
    }

    pub(super) fn conversation(&mut self) -> &mut Conversation<S> {
        &mut self.conversation
    }

    /// Queues a whole message, and writes nothing. Behind a close frame nothing may follow (RFC 6455 §5.5.1).
    pub(super) fn queue(&mut self, message: MessageRef<'_>) -> Result<(), SendError> {
        if !self.conversation.is_open() {
            return Err(SendError::Closed);
        }
        let outgoing = self.conversation.outgoing();
        if outgoing.is_unfinished() {
            return Err(SendError::Unfinished);
        }
        outgoing.message(message).map_err(SendError::Io)
    }

    /// Queues our close frame, unless either side has begun to close.
    pub(super) fn begin_close(&mut self, code: CloseCode, reason: &str) -> io::Result<()> {
        if self.conversation.is_open() { self.conversation.queue_close(code, reason) } else { Ok(()) }
    }
}
