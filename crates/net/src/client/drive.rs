//! A connection and its handles, driven by one task: what handles ask for goes into the outbox, what waits there goes
//! out, and what the server sends comes in.

use std::io;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

use super::conversation::Conversation;
use super::error::RecvError;
use super::handle::{Item, Requests};
use super::incoming::Arrived;

/// Ready with the next thing that `read` makes something of; `Ok(None)` when the connection is closed.
pub(super) fn poll<S, R>(
    conversation: &mut Conversation<S>,
    requests: &mut Requests,
    cx: &mut Context<'_>,
    read: &mut impl FnMut(Arrived<'_>) -> Option<R>,
) -> Poll<Result<Option<R>, RecvError>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        requests.poll(cx);
        let filled = fill(conversation, requests);
        if let Poll::Ready(received) = conversation.poll_receive(cx, read) {
            return Poll::Ready(received);
        }
        if let Err(error) = filled {
            return Poll::Ready(conversation.end(cx, RecvError::Io(error)));
        }
        if !goes_on(conversation, requests) {
            return Poll::Pending;
        }
    }
}

/// The same without receiving: while nobody takes what has come in. Never ready.
pub(super) fn poll_sending<S>(
    conversation: &mut Conversation<S>,
    requests: &mut Requests,
    cx: &mut Context<'_>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        requests.poll(cx);
        // What goes wrong here goes wrong again when the next thing is received, and is told there.
        let failed = fill(conversation, requests).is_err()
            || matches!(conversation.poll_write(cx), Poll::Ready(Err(_)));
        if failed || !goes_on(conversation, requests) {
            return;
        }
    }
}

/// Whether the outbox has room again for what still waits: nobody would wake the task for that.
fn goes_on<S>(conversation: &Conversation<S>, requests: &Requests) -> bool {
    conversation.is_open() && conversation.has_room() && !requests.is_empty()
}

/// Moves what waits into the outbox, as far as there is room. When the connection is to be closed all of it goes in,
/// bounded by what the queue holds, and the close frame behind it.
fn fill<S>(conversation: &mut Conversation<S>, requests: &mut Requests) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while conversation.is_open() && (conversation.has_room() || requests.close().is_some()) {
        let Some(queued) = requests.pop() else { break };
        match &queued.item {
            Item::Message(message) => conversation.outgoing().message(message.into())?,
            Item::Ping(payload) => conversation.outgoing().ping(payload)?,
        }
    }
    match requests.close() {
        Some((code, reason)) if conversation.is_open() => conversation.queue_close(*code, reason),
        _ => Ok(()),
    }
}
