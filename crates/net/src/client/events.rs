//! The four events of a client, as the server has them: open, message, close, error.

use std::fmt;
use std::future::poll_fn;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::drive;
use super::error::{Closed, ConnectError, RecvError};
use super::handle::{Requests, Sender};
use super::incoming::Arrived;
use super::socket::WebSocket;
use crate::message::MessageRef;

/// What a client does. Events come one after the other, on the task that runs them; none may block, since nothing is
/// read or written meanwhile. Each is lent a [`Sender`], through which it may send and close, and which it may keep.
///
/// ```no_run
/// use wavecast_net::MessageRef;
/// use wavecast_net::client::{CloseCode, ConnectOptions, Events, Opened, Sender};
///
/// struct Hello;
///
/// impl Events for Hello {
///     fn open(&mut self, sender: &Sender, _: &Opened<'_>) {
///         sender.try_send("hello").ok();
///     }
///
///     fn message(&mut self, sender: &Sender, message: MessageRef<'_>) {
///         println!("{message:?}");
///         sender.close(CloseCode::NORMAL, "that was all");
///     }
/// }
///
/// # async fn example() {
/// ConnectOptions::new().run("ws://127.0.0.1:9001/", Hello).await;
/// # }
/// ```
pub trait Events: Send {
    /// A connection has opened.
    fn open(&mut self, sender: &Sender, opened: &Opened<'_>) {
        let _ = (sender, opened);
    }

    /// A whole message has come in.
    fn message(&mut self, sender: &Sender, message: MessageRef<'_>);

    /// A pong has come in, with what its ping carried: an answer to [`Sender::ping`] or to a ping of
    /// [`keep_alive`](super::ConnectOptions::keep_alive) (then it is empty), or nobody's answer.
    fn pong(&mut self, sender: &Sender, payload: &[u8]) {
        let _ = (sender, payload);
    }

    /// A connection has ended: by the server, by this side, or by an error. Once for each that had opened.
    fn close(&mut self, sender: &Sender, closed: &Closed) {
        let _ = (sender, closed);
    }

    /// Something went wrong. [`close`](Self::close) follows if a connection had opened.
    fn error(&mut self, sender: &Sender, error: &Error) {
        let _ = (sender, error);
    }

    /// The next attempt to connect will follow, after a delay: only from a client that [reconnects](super::Reconnect), behind
    /// `close` or `error`. Closing now stops it at once.
    fn retry(&mut self, sender: &Sender, retry: &Retry) {
        let _ = (sender, retry);
    }
}

/// A connection that has opened.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Opened<'o> {
    /// The sub-protocol that the server chose among those asked for.
    pub protocol: Option<&'o str>,
    /// Whether messages may be compressed.
    pub is_compressed: bool,
    /// How many attempts were made before this one since a connection was last stable; 0 for the first connection.
    pub attempt: u32,
}

/// An attempt to connect again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// Its number since a connection was last stable, from 1.
    pub attempt: u32,
    /// How long it will be waited for.
    pub delay: Duration,
}

/// What went wrong, with a connection or before there was one.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// There is no connection.
    Connect(ConnectError),
    /// The connection failed.
    Receive(RecvError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => error.fmt(f),
            Self::Receive(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connect(error) => error.source(),
            Self::Receive(error) => error.source(),
        }
    }
}

/// Serves one connection to its end, and tells how that was.
pub(super) async fn serve<S, E>(
    socket: WebSocket<S>,
    attempt: u32,
    sender: &Sender,
    requests: &mut Requests,
    events: &mut E,
) -> Closed
where
    S: AsyncRead + AsyncWrite + Unpin,
    E: Events + ?Sized,
{
    let is_compressed = socket.is_compressed();
    let (mut conversation, protocol) = socket.into_parts();
    events.open(sender, &Opened { protocol: protocol.as_deref(), is_compressed, attempt });
    loop {
        let read = &mut |incoming: Arrived<'_>| {
            match incoming {
                Arrived::Message(message) => events.message(sender, message),
                Arrived::Pong(payload) => events.pong(sender, payload),
                Arrived::Piece(_) => return None,
            }
            // Back to what the event may have sent.
            Some(())
        };
        match poll_fn(|cx| drive::poll(&mut conversation, requests, cx, read)).await {
            Ok(Some(())) => {}
            Ok(None) => break,
            Err(error) => events.error(sender, &Error::Receive(error)),
        }
    }
    let closed = conversation.closed().cloned().unwrap_or_else(Closed::lost);
    events.close(sender, &closed);
    closed
}
