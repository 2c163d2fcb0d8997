//! A connection that goes on at hyper's, where a shard left off.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::net::TcpStream;

use super::Carrier;
use crate::driver::Stream;

/// A connection that goes on: what the shard has received is read first.
#[derive(Debug)]
pub struct Resumed {
    received: BytesMut,
    carrier: Carrier,
}

impl Resumed {
    /// Takes over what a shard let go, and what it had received. Small answers are not held back.
    ///
    /// # Errors
    /// As [`Carrier::new`].
    pub fn new(stream: Stream, received: &[u8]) -> io::Result<Self> {
        let carrier = Carrier::new(stream)?;
        carrier.set_nodelay();
        Ok(Self { received: BytesMut::from(received), carrier })
    }

    /// The plain socket below it, and what has not been read: `also` was read last.
    ///
    /// # Errors
    /// Where TLS is spoken: gives it back, with `also` to be read first.
    pub(crate) fn into_socket(self, also: &[u8]) -> Result<(TcpStream, Bytes), Self> {
        // What hyper has read stands before what it has not.
        let Self { received, carrier } = self;
        let unread = [also, &received[..]].concat();
        match carrier {
            Carrier::Tcp(socket) => Ok((socket, unread.into())),
            #[cfg(feature = "tls")]
            carrier @ Carrier::Tls(_) => Err(Self { received: BytesMut::from(&unread[..]), carrier }),
        }
    }
}

impl Read for Resumed {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { received, carrier } = self.get_mut();
        if received.is_empty() {
            // Nothing is added at the end.
            ready!(carrier.poll_receive(context, received))?;
        }
        let count = received.len().min(cursor.remaining());
        cursor.put_slice(&received[..count]);
        received.advance(count);
        if received.is_empty() {
            *received = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl Write for Resumed {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().carrier.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().carrier.poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().carrier.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().carrier.poll_shutdown(context)
    }
}
