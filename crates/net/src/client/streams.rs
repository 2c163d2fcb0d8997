//! Connections as streams and sinks, for programs that are built of those (feature `futures`).
//!
//! A sink has no time-out of its own: where nobody reads, it waits for as long as it is polled.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite};
use wavecast_websocket::CloseCode;

use super::error::{RecvError, SendError, TrySendError};
use super::handle::Sender;
use super::socket::WebSocket;
use super::split::Receiver;
use crate::message::Message;

/// [`recv`](WebSocket::recv): ends when the connection is closed.
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for WebSocket<S> {
    type Item = Result<Message, RecvError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv_with(cx, &mut Message::copy_of).map(Result::transpose)
    }
}

/// [`send`](WebSocket::send); closing it sends a close frame with 1000 and waits for the server's.
impl<S: AsyncRead + AsyncWrite + Unpin> Sink<Message> for WebSocket<S> {
    type Error = SendError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        WebSocket::poll_ready(&mut self, cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), SendError> {
        self.queue((&message).into())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        WebSocket::poll_flush(&mut self, cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.begin_close(CloseCode::NORMAL, "").map_err(SendError::Io)?;
        loop {
            match ready!(self.poll_recv_with(cx, &mut |_| ())) {
                Ok(Some(())) => {}
                // However it ended, it is closed.
                Ok(None) | Err(RecvError::Lost | RecvError::PeerDead) => return Poll::Ready(Ok(())),
                Err(RecvError::Protocol(_) | RecvError::Limit(_)) => return Poll::Ready(Ok(())),
                Err(RecvError::CloseTimedOut) => return Poll::Ready(Err(SendError::TimedOut)),
                Err(RecvError::Io(error)) => return Poll::Ready(Err(SendError::Io(error))),
            }
        }
    }
}

/// [`recv`](Receiver::recv): ends when the connection is closed.
impl Stream for Receiver {
    type Item = Result<Message, RecvError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv(cx).map(Result::transpose)
    }
}

/// A [`Sender`] as a sink: holds one message while the queue has no room. Closing it closes the connection with 1000,
/// behind what was sent, and waits for its end.
pub struct SenderSink {
    sender: Sender,
    /// The message that waits for room, or the end that is waited for.
    pending: Option<Pending>,
    is_closing: bool,
}

type Pending = Pin<Box<dyn Future<Output = Result<(), SendError>> + Send>>;

impl Sender {
    /// The same as a sink.
    pub fn into_sink(self) -> SenderSink {
        SenderSink { sender: self, pending: None, is_closing: false }
    }
}

impl SenderSink {
    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let Some(pending) = &mut self.pending else { return Poll::Ready(Ok(())) };
        let done = ready!(pending.as_mut().poll(cx));
        self.pending = None;
        Poll::Ready(done)
    }
}

impl Sink<Message> for SenderSink {
    type Error = SendError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.poll_pending(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), SendError> {
        match self.sender.try_send(&message) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full) => {
                let sender = self.sender.clone();
                self.pending = Some(Box::pin(async move { sender.send_patiently((&message).into()).await }));
                Ok(())
            }
            Err(TrySendError::Io(error)) => Err(SendError::Io(error)),
            Err(TrySendError::Closed | TrySendError::Unfinished) => Err(SendError::Closed),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.poll_pending(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        ready!(self.poll_pending(cx))?;
        if !self.is_closing {
            self.is_closing = true;
            self.sender.close(CloseCode::NORMAL, "");
            let sender = self.sender.clone();
            self.pending = Some(Box::pin(async move {
                sender.ended().await;
                Ok(())
            }));
        }
        self.poll_pending(cx)
    }
}

impl fmt::Debug for SenderSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SenderSink").field("sender", &self.sender).finish_non_exhaustive()
    }
}
