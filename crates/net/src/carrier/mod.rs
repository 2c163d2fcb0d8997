//! What carries a connection that a shard let go, on tokio: a socket, or a socket with the TLS that is spoken on it (feature
//! `hyper`).
//!
//! A shard's session comes here as it is and goes back as it is. At most one record waits in ciphertext: while it does,
//! nothing more is taken. [`Resumed`] (`resumed`) is the same as hyper reads and
//! writes it, behind what the shard has received.

mod resumed;

#[cfg(feature = "tls")]
use std::fmt;
use std::io::{self, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{BufMut as _, BytesMut};
use tokio::io::AsyncWrite as _;
use tokio::net::TcpStream;

pub use self::resumed::Resumed;
use crate::driver::Stream;
#[cfg(feature = "tls")]
use crate::tls::{Session, SessionError, TlsStream};

/// What one read takes from the kernel at most.
const READ_BYTES: usize = 16 * 1024;
/// Plain bytes of one record.
#[cfg(feature = "tls")]
const RECORD_BYTES: usize = 16 * 1024;

/// What carries the bytes of one connection.
#[derive(Debug)]
pub enum Carrier {
    /// A plain socket.
    Tcp(TcpStream),
    /// A socket with a session of TLS.
    #[cfg(feature = "tls")]
    Tls(Box<Secured>),
}

/// A socket with a session.
#[cfg(feature = "tls")]
pub struct Secured {
    socket: TcpStream,
    session: Session,
    unsent: Vec<u8>,
    /// `close_notify` has been said.
    ended: bool,
}

impl Carrier {
    /// Takes over what a shard let go.
    ///
    /// # Errors
    /// What the kernel says; `Unsupported` for what has no socket.
    pub fn new(stream: Stream) -> io::Result<Self> {
        match stream {
            Stream::Tcp(socket) => TcpStream::from_std(socket).map(Self::Tcp),
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => {
                let TlsStream { socket, session, unsent, .. } = *stream;
                let socket = TcpStream::from_std(socket)?;
                Ok(Self::Tls(Box::new(Secured { socket, session, unsent, ended: false })))
            }
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// For a shard.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn into_stream(self) -> io::Result<Stream> {
        match self {
            Self::Tcp(socket) => Ok(socket.into_std()?.into()),
            #[cfg(feature = "tls")]
            Self::Tls(secured) => {
                let Secured { socket, session, unsent, .. } = *secured;
                Ok(TlsStream::new(socket.into_std()?, session, unsent).into())
            }
        }
    }

    /// Sends without waiting for anything that is small. A Unix socket knows no such option, and never waits.
    pub fn set_nodelay(&self) {
        self.socket().set_nodelay(true).ok();
    }

    /// Where it comes from.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket().peer_addr()
    }

    /// Appends plain bytes to `received` and says how many; 0 at the peer's end.
    ///
    /// Fails with `UnexpectedEof` where TLS was cut off: whoever reads up to the end must not take that for one.
    pub fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        received: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(socket) => loop {
                ready!(socket.poll_read_ready(context))?;
                match socket.try_read_buf(&mut received.limit(READ_BYTES)) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    result => return Poll::Ready(result),
                }
            },
            #[cfg(feature = "tls")]
            Self::Tls(secured) => secured.poll_receive(context, received),
        }
    }

    /// Takes what it can of `bytes`; at most one record of TLS.
    ///
    /// # Errors
    /// When the connection has broken.
    pub fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(socket) => Pin::new(socket).poll_write(context, bytes),
            #[cfg(feature = "tls")]
            Self::Tls(secured) => secured.poll_write(context, bytes),
        }
    }

    /// As [`Carrier::poll_write`], from several pieces.
    ///
    /// # Errors
    /// As there.
    pub fn poll_write_vectored(
        &mut self,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(socket) => Pin::new(socket).poll_write_vectored(context, slices),
            #[cfg(feature = "tls")]
            Self::Tls(secured) => {
                // A head and its body make one record.
                let mut record =
                    Vec::with_capacity(RECORD_BYTES.min(slices.iter().map(|slice| slice.len()).sum()));
                for slice in slices {
                    record.extend_from_slice(&slice[..slice.len().min(RECORD_BYTES - record.len())]);
                }
                secured.poll_write(context, &record)
            }
        }
    }

    /// Waits until the kernel has all that was taken.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "the kernel has it at once"))]
    pub fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(_) => Poll::Ready(Ok(())),
            #[cfg(feature = "tls")]
            Self::Tls(secured) => secured.poll_flush(context),
        }
    }

    /// Ends our side.
    pub fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(socket) => Pin::new(socket).poll_shutdown(context),
            #[cfg(feature = "tls")]
            Self::Tls(secured) => {
                secured.end();
                ready!(secured.poll_flush(context))?;
                Pin::new(&mut secured.socket).poll_shutdown(context)
            }
        }
    }

    /// Says last words and ends our side, as far as that goes without waiting.
    pub fn say_and_end(&mut self, bytes: &[u8]) {
        match self {
            Self::Tcp(socket) => drop(socket.try_write(bytes)),
            #[cfg(feature = "tls")]
            Self::Tls(secured) => {
                if secured.session.encrypt(bytes, &mut secured.unsent).is_ok() {
                    secured.end();
                    drop(secured.socket.try_write(&secured.unsent));
                }
            }
        }
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Tcp(socket) => socket,
            #[cfg(feature = "tls")]
            Self::Tls(secured) => &secured.socket,
        }
    }
}

/// Says last words on what nobody serves, as far as that goes without waiting.
pub fn turn_away(stream: Stream, words: &[u8]) {
    let (mut socket, words) = match stream {
        Stream::Tcp(socket) => (socket, words.to_vec()),
        #[cfg(feature = "tls")]
        Stream::Tls(stream) => {
            let TlsStream { socket, mut session, mut unsent, .. } = *stream;
            if session.encrypt(words, &mut unsent).and_then(|()| session.close_notify(&mut unsent)).is_err() {
                return;
            }
            (socket, unsent)
        }
        _ => return,
    };
    // What does not go out now is lost, and so is who does not listen.
    drop(socket.write(&words));
    drop(socket.shutdown(Shutdown::Write));
}

#[cfg(feature = "tls")]
impl Secured {
    fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        received: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        let mut cipher = [0; READ_BYTES];
        let mut plain = Vec::new();
        loop {
            if self.session.has_ended() {
                return Poll::Ready(Ok(0));
            }
            ready!(self.socket.poll_read_ready(context))?;
            let length = match self.socket.try_read(&mut cipher) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Ok(0) => return Poll::Ready(Err(SessionError::Truncated.into())),
                result => result?,
            };
            let taken = self.session.receive(&mut cipher[..length], &mut plain, &mut self.unsent);
            // What the session has to say goes out when it can; nobody waits for it here.
            if let Poll::Ready(Err(error)) = self.poll_flush(context) {
                return Poll::Ready(Err(error));
            }
            taken?;
            if !plain.is_empty() {
                received.extend_from_slice(&plain);
                return Poll::Ready(Ok(plain.len()));
            }
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(context))?;
        let record = &bytes[..bytes.len().min(RECORD_BYTES)];
        self.session.encrypt(record, &mut self.unsent)?;
        // It is taken, whether it has gone out or not: poll_flush tells.
        if let Poll::Ready(Err(error)) = self.poll_flush(context) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(record.len()))
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let sent = ready!(Pin::new(&mut self.socket).poll_write(context, &self.unsent))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unsent.drain(..sent);
        }
        self.unsent = Vec::new();
        Poll::Ready(Ok(()))
    }

    fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            // Without keys there is nothing to say.
            self.session.close_notify(&mut self.unsent).ok();
        }
    }
}

#[cfg(feature = "tls")]
impl fmt::Debug for Secured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secured").field("session", &self.session).finish_non_exhaustive()
    }
}
