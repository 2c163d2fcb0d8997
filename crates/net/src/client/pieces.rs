//! Messages in pieces, for those that memory should not hold.

use std::future::poll_fn;

use tokio::io::{AsyncRead, AsyncWrite};
use wavecast_websocket::Piece;

use super::error::{RecvError, SendError};
use super::incoming::Arrived;
use super::socket::WebSocket;
use crate::message::MessageRef;

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Waits for the next piece of a message and lends it to `read`: for messages that memory should not hold.
    ///
    /// A piece is what has arrived of the message, at most some 16 KiB; pings are answered between pieces.
    /// [`Limits`](super::Limits) count for the whole message, so raise them. What is received by another method after
    /// the first pieces of a message begins behind that message.
    ///
    /// # Errors
    ///
    /// [`RecvError`], once; then `Ok(None)`. A message may turn out to be wrong after its first pieces.
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe: a piece that has been lent has been returned by the same poll.
    pub async fn recv_piece<R>(
        &mut self,
        mut read: impl FnMut(Piece<'_>) -> R,
    ) -> Result<Option<R>, RecvError> {
        let mut read = |incoming: Arrived<'_>| match incoming {
            Arrived::Piece(piece) => Some(read(piece)),
            // One that had begun to be received whole.
            Arrived::Message(message) => Some(read(Piece {
                is_text: matches!(message, MessageRef::Text(_)),
                bytes: message.as_bytes(),
                is_first: true,
                is_last: true,
            })),
            Arrived::Pong(_) => None,
        };
        poll_fn(|cx| self.conversation().poll_piece(cx, &mut read)).await
    }

    /// Sends a message in pieces, so that it need not be in memory as a whole: all pieces of a message are text, or all
    /// are binary, and `last` ends it. Text is cut between characters, as every `&str` is.
    ///
    /// Each piece is a fragment on the wire (RFC 6455 §5.4), sent as [`send`](Self::send) sends a message, and not
    /// compressed. Between two pieces nothing else may be sent but pings.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); [`SendError::Unfinished`] where the piece is of another kind than those before it.
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send), for each piece.
    pub async fn send_piece<'m>(
        &mut self,
        piece: impl Into<MessageRef<'m>>,
        last: bool,
    ) -> Result<(), SendError> {
        let piece = piece.into();
        self.ready().await?;
        if !self.conversation().outgoing().piece(piece, last).map_err(SendError::Io)? {
            return Err(SendError::Unfinished);
        }
        self.conversation().write_some().map_err(SendError::Io)
    }
}
