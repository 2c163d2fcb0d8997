//! Two halves of a connection, for two tasks.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use wavecast_websocket::CloseCode;

use super::conversation::Conversation;
use super::drive;
use super::error::{Closed, RecvError};
use super::handle::{End, Requests, Sender, handle};
use super::incoming::Arrived;
use super::socket::WebSocket;
use crate::message::Message;

/// What a message costs in the queue of a [`Receiver`] beside its length.
const MESSAGE_BYTES: usize = 32;

/// The receiving half of a connection that was [split](WebSocket::split).
#[derive(Debug)]
pub struct Receiver {
    inbox: mpsc::UnboundedReceiver<Parcel>,
    ended: watch::Receiver<Option<End>>,
    protocol: Option<Box<str>>,
}

#[derive(Debug)]
struct Parcel {
    message: Result<Message, RecvError>,
    /// Its part of the queue's bound.
    _room: Option<OwnedSemaphorePermit>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> WebSocket<S> {
    /// Makes two halves, to be used by two tasks. The connection goes to a task of its own, spawned here, so no lock is
    /// held while anything is read or written; a half and that task share two queues, one for each direction.
    ///
    /// Each queue holds [`outbox_bytes_max`](super::ConnectOptions::outbox_bytes_max) bytes (a message counts 32 more
    /// than its length, and one of any length fits an empty queue). When the receiving half does not keep up, nothing
    /// more is read from the server, while sending goes on. The price is the task, some hundred bytes, and one hop
    /// between tasks for each message.
    ///
    /// Pings are answered, and a closing handshake of the server is completed, whether or not the halves are used. With
    /// the [`Receiver`] dropped, what comes is read and thrown away; with all [`Sender`]s dropped, receiving goes on;
    /// with both dropped, what was queued goes out and the connection is closed with 1000. A message that was begun
    /// with [`send_piece`](Self::send_piece) and not finished ends with what it has.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn split(self) -> (Sender, Receiver) {
        let (mut conversation, protocol) = self.into_parts();
        // Without randomness the next thing that is sent fails for the same reason, and is told.
        let _ = conversation.outgoing().finish();
        let settings = conversation.settings();
        let bytes_max = settings.outbox_bytes_max.min(u32::MAX as usize).min(Semaphore::MAX_PERMITS);
        let (sender, requests) = handle(bytes_max, settings.send_timeout);
        let (inbox, arrived) = mpsc::unbounded_channel();
        let receiver = Receiver { inbox: arrived, ended: sender.watch(), protocol };
        let room = Arc::new(Semaphore::new(bytes_max));
        tokio::spawn(run(conversation, requests, Inbox { inbox, room, bytes_max }));
        (sender, receiver)
    }
}

impl Receiver {
    /// Waits for the next message; `Ok(None)` when the connection is closed and all has been received.
    ///
    /// # Errors
    ///
    /// [`RecvError`], once; then `Ok(None)`.
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe: dropping the future loses no message.
    pub async fn recv(&mut self) -> Result<Option<Message>, RecvError> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Polls for the next message: [`recv`](Self::recv) for those who poll by hand.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, RecvError>> {
        self.inbox.poll_recv(cx).map(|arrived| arrived.map(|arrived| arrived.message).transpose())
    }

    /// How the connection was closed, once it has ended.
    pub fn closed(&self) -> Option<Closed> {
        self.ended.borrow().clone().flatten()
    }

    /// The sub-protocol that the server chose among those asked for.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }
}

/// The way to the receiving half.
struct Inbox {
    inbox: mpsc::UnboundedSender<Parcel>,
    room: Arc<Semaphore>,
    bytes_max: usize,
}

async fn run<S>(mut conversation: Conversation<S>, mut requests: Requests, inbox: Inbox)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let watched = inbox.inbox.clone();
    let mut unheard = pin!(watched.closed());
    let mut is_heard = true;
    let read = &mut |incoming: Arrived<'_>| match incoming {
        Arrived::Message(message) => Some(Message::copy_of(message)),
        Arrived::Piece(_) | Arrived::Pong(_) => None,
    };
    loop {
        let received = poll_fn(|cx| {
            is_heard = is_heard && unheard.as_mut().poll(cx).is_pending();
            if !is_heard && requests.handles_gone() && conversation.is_open() {
                // Nobody is left; what they have sent still goes out.
                requests.close_with(CloseCode::NORMAL);
            }
            let received = drive::poll(&mut conversation, &mut requests, cx, read);
            let nobody = !is_heard && requests.handles_gone() && requests.close().is_none();
            if received.is_pending() && nobody && conversation.is_open() {
                // The last handle has gone during this very poll.
                cx.waker().wake_by_ref();
            }
            received
        })
        .await;
        let message = match received {
            Ok(Some(message)) => Ok(message),
            Ok(None) => break,
            Err(error) => Err(error),
        };
        if is_heard && (message.is_err() || requests.close().is_none()) {
            inbox.hand_over(message, &mut conversation, &mut requests).await;
        }
    }
    let closed = conversation.closed().cloned();
    // In this order: who has received the end can ask how it was.
    requests.end(closed);
}

impl Inbox {
    /// Waits for room, while sending goes on. Who asks to close meanwhile wants no more messages.
    async fn hand_over<S>(
        &self,
        message: Result<Message, RecvError>,
        conversation: &mut Conversation<S>,
        requests: &mut Requests,
    ) where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Ok(content) = &message else {
            // Small, and only one.
            self.inbox.send(Parcel { message, _room: None }).ok();
            return;
        };
        let cost = content.as_bytes().len().saturating_add(MESSAGE_BYTES).min(self.bytes_max);
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        let mut room = pin!(Arc::clone(&self.room).acquire_many_owned(cost));
        let mut unheard = pin!(self.inbox.closed());
        let room = poll_fn(|cx| {
            if let Poll::Ready(room) = room.as_mut().poll(cx) {
                return Poll::Ready(room.ok());
            }
            drive::poll_sending(conversation, requests, cx);
            if requests.close().is_some() || unheard.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            Poll::Pending
        })
        .await;
        if let Some(room) = room {
            self.inbox.send(Parcel { message, _room: Some(room) }).ok();
        }
    }
}
