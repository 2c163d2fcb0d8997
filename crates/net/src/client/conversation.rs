//! The state of an open connection, polled: bytes in and out, pongs, and both closing handshakes.
//!
//! Everything an operation has achieved is kept here and not in its future, so that a future may be
//! dropped at any point: bytes that were read stay in `unread` or in the protocol's own state, bytes
//! to be written stay in the outbox.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wavecast_websocket::deflate::{Agreement, Compression};
use wavecast_websocket::keepalive::Intervals;
use wavecast_websocket::{CloseCode, Connection, Input, Limits, ProtocolError, Role};

use super::closing::{Closing, Phase};
use super::error::{Closed, RecvError, SendError, Side, TrySendError};
use super::heartbeat::{Beat, Heartbeat};
use super::incoming::{Arrived, Incoming, Next};
use super::outgoing::Outgoing;
use crate::message::MessageRef;

/// What one system call may read. It lies on the stack, so that an idle connection owns no buffer.
const READ_BYTES: usize = 16 * 1_024;

/// What [`ConnectOptions`](super::ConnectOptions) say about an open connection.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) limits: Limits,
    pub(super) outbox_bytes_max: usize,
    pub(super) send_timeout: Duration,
    pub(super) close_timeout: Duration,
    pub(super) keep_alive: Option<Intervals>,
    pub(super) compression: Option<Compression>,
}

/// See [`WebSocket`](super::WebSocket), which is its public face.
#[derive(Debug)]
pub(super) struct Conversation<S> {
    stream: S,
    incoming: Incoming,
    settings: Settings,
    /// Received bytes behind the last message that was handed out.
    unread: Unread,
    outgoing: Outgoing,
    heartbeat: Option<Heartbeat>,
    closing: Closing,
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

impl<S> Conversation<S> {
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn stream(&self) -> &S {
        &self.stream
    }

    pub(super) fn closed(&self) -> Option<&Closed> {
        self.closing.closed()
    }

    pub(super) fn phase(&self) -> Phase {
        self.closing.phase()
    }

    pub(super) fn is_open(&self) -> bool {
        self.closing.is_open()
    }

    pub(super) fn has_room(&self) -> bool {
        self.outgoing.pending() < self.settings.outbox_bytes_max
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Conversation<S> {
    /// A connection whose handshake is complete; `unread` came behind the response's head.
    pub(super) fn new(stream: S, settings: Settings, agreement: Option<Agreement>, unread: Vec<u8>) -> Self {
        let mut connection = Connection::new(Role::Client);
        let mut outgoing = Outgoing::default();
        if let (Some(agreement), Some(compression)) = (agreement, &settings.compression) {
            connection = connection.with_deflate(agreement.receive);
            outgoing = Outgoing::compressed(agreement.send, compression);
        }
        Self {
            stream,
            incoming: Incoming::new(connection),
            heartbeat: settings.keep_alive.map(Heartbeat::new),
            settings,
            unread: Unread { bytes: unread, at: 0 },
            outgoing,
            closing: Closing::not_begun(),
        }
    }

    /// Where messages are queued. Nothing is written yet.
    pub(super) fn outgoing(&mut self) -> &mut Outgoing {
        &mut self.outgoing
    }

    /// Queues our close frame; an open connection begins to close.
    pub(super) fn queue_close(&mut self, code: CloseCode, reason: &str) -> io::Result<()> {
        self.outgoing.close(self.incoming.connection(), Some(code), reason)?;
        self.begin_closing(Phase::Closing, Closed { code, reason: reason.to_owned(), by: Side::Local });
        Ok(())
    }

    pub(super) fn try_queue(&mut self, message: MessageRef<'_>) -> Result<(), TrySendError> {
        if !self.is_open() {
            return Err(TrySendError::Closed);
        }
        if self.outgoing.is_unfinished() {
            return Err(TrySendError::Unfinished);
        }
        if !self.has_room() {
            self.write_some().map_err(TrySendError::Io)?;
            if !self.has_room() {
                return Err(TrySendError::Full);
            }
        }
        self.outgoing.message(message).map_err(TrySendError::Io)?;
        self.write_some().map_err(TrySendError::Io)
    }

    /// Ready when the outbox has room, without a time-out.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        if !self.is_open() {
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

    /// As [`poll_receive`](Self::poll_receive), with messages in the pieces in which they arrive.
    pub(super) fn poll_piece<R>(
        &mut self,
        cx: &mut Context<'_>,
        read: &mut impl FnMut(Arrived<'_>) -> Option<R>,
    ) -> Poll<Result<Option<R>, RecvError>> {
        self.incoming.in_pieces(true);
        let received = self.poll_receive(cx, read);
        self.incoming.in_pieces(false);
        received
    }

    /// Ready with the next thing that `read` makes something of; writes what waits on the way.
    pub(super) fn poll_receive<R>(
        &mut self,
        cx: &mut Context<'_>,
        read: &mut impl FnMut(Arrived<'_>) -> Option<R>,
    ) -> Poll<Result<Option<R>, RecvError>> {
        loop {
            if self.phase() == Phase::Ended {
                return Poll::Ready(Ok(None));
            }
            match self.parse_unread(read) {
                Parsed::Message(message) => return Poll::Ready(Ok(Some(message))),
                Parsed::Failed(error) => return Poll::Ready(Err(error)),
                Parsed::NeedsBytes => {}
            }
            // Looked at on every turn: a peer that goes on sending must not put off the end.
            if self.closing.poll_deadline(cx).is_ready() {
                return Poll::Ready(self.end(cx, RecvError::CloseTimedOut));
            }
            let writing = self.poll_write(cx);
            let mut space = [MaybeUninit::uninit(); READ_BYTES];
            let mut received = ReadBuf::uninit(&mut space);
            match Pin::new(&mut self.stream).poll_read(cx, &mut received) {
                Poll::Ready(Ok(())) if received.filled().is_empty() => {
                    return Poll::Ready(self.end(cx, RecvError::Lost));
                }
                Poll::Ready(Ok(())) => {
                    if let Some(heartbeat) = &mut self.heartbeat {
                        heartbeat.heard();
                    }
                    match self.parse_received(received.filled_mut(), read) {
                        Parsed::Message(message) => return Poll::Ready(Ok(Some(message))),
                        Parsed::Failed(error) => return Poll::Ready(Err(error)),
                        Parsed::NeedsBytes => {}
                    }
                }
                // So TLS says that TCP has ended without TLS's own end (RFC 8446 §6.1).
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Poll::Ready(self.end(cx, RecvError::Lost));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(self.end(cx, RecvError::Io(error))),
                // A failed write counts only now: what the peer sent before, its close frame perhaps,
                // tells more.
                Poll::Pending => match writing {
                    Poll::Ready(Err(error)) => return Poll::Ready(self.end(cx, RecvError::Io(error))),
                    _ => match self.poll_heartbeat(cx) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => return Poll::Ready(self.end(cx, error)),
                        Poll::Pending => return Poll::Pending,
                    },
                },
            }
        }
    }

    /// Ready when a ping was queued, or the peer has been silent for too long. A closing connection has its own limit.
    fn poll_heartbeat(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RecvError>> {
        let Some(heartbeat) = self.heartbeat.as_mut().filter(|_| self.closing.is_open()) else {
            return Poll::Pending;
        };
        heartbeat.poll(cx).map(|beat| match beat {
            Beat::Ping => self.outgoing.ping(&[]).map_err(RecvError::Io),
            Beat::Dead => Err(RecvError::PeerDead),
        })
    }

    fn parse_unread<R>(&mut self, read: &mut impl FnMut(Arrived<'_>) -> Option<R>) -> Parsed<R> {
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
        read: &mut impl FnMut(Arrived<'_>) -> Option<R>,
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
        read: &mut impl FnMut(Arrived<'_>) -> Option<R>,
    ) -> (Parsed<R>, usize) {
        let mut input = Input::new(bytes);
        let parsed = loop {
            match self.incoming.next(&mut input, &self.settings.limits, read) {
                Next::Made(made) => break Parsed::Message(made),
                Next::Nothing => {}
                // Behind our close frame nothing may follow (§5.5.1).
                Next::Ping(_) if !self.closing.is_open() => {}
                Next::Ping(payload) => {
                    if let Err(error) = self.outgoing.pong(payload, &self.settings.limits) {
                        break Parsed::Failed(RecvError::Io(error));
                    }
                }
                Next::Close(close) => {
                    let (code, reason) = (close.code, close.reason.to_owned());
                    if let Err(error) = self.close_received(code, reason) {
                        break Parsed::Failed(RecvError::Io(error));
                    }
                }
                Next::NeedsBytes => break Parsed::NeedsBytes,
                Next::Failed(error) => break Parsed::Failed(self.fail(error)),
            }
        };
        (parsed, input.remaining())
    }

    /// The peer began to close, or answered our close frame.
    fn close_received(&mut self, code: Option<CloseCode>, reason: String) -> io::Result<()> {
        if self.is_open() {
            // The answer carries the code that came (RFC 6455 §5.5.1).
            self.outgoing.close(self.incoming.connection(), code, "")?;
            let code = code.unwrap_or(CloseCode::NO_STATUS);
            self.begin_closing(Phase::Closing, Closed { code, reason, by: Side::Peer });
        }
        Ok(())
    }

    /// Fails the connection (RFC 6455 §7.1.7): the peer gets a close frame with the error's code.
    fn fail(&mut self, error: ProtocolError) -> RecvError {
        let code = error.close_code();
        // Without randomness for its mask there is no close frame; the end tells, too.
        let _ = self.outgoing.close(self.incoming.connection(), Some(code), "");
        self.begin_closing(Phase::Failed, Closed { code, reason: String::new(), by: Side::Local });
        // The caller may well drop the connection now; the close frame should be on its way.
        let _ = self.write_some();
        if error.is_limit() { RecvError::Limit(error) } else { RecvError::Protocol(error) }
    }

    fn begin_closing(&mut self, phase: Phase, closed: Closed) {
        self.closing.begin(phase, closed, self.settings.close_timeout);
    }

    /// The connection is over. That is an error unless the closing handshake is complete, or a
    /// failure has been reported before.
    pub(super) fn end<R>(&mut self, cx: &mut Context<'_>, error: RecvError) -> Result<Option<R>, RecvError> {
        let clean = self.phase() == Phase::Failed || self.incoming.connection().close_received();
        self.outgoing.clear();
        self.closing.end(Closed::lost());
        // One attempt: whoever keeps the value should not keep the peer waiting for its FIN.
        let _ = Pin::new(&mut self.stream).poll_shutdown(cx);
        if clean { Ok(None) } else { Err(error) }
    }

    /// Ready when the transport has taken all that was queued.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outgoing.poll_write(&mut self.stream, cx, self.closing.is_open())
    }

    /// Writes what the transport takes without waiting. Nobody is woken for the rest: whichever
    /// operation comes next polls again.
    pub(super) fn write_some(&mut self) -> io::Result<()> {
        match self.poll_write(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }
}
