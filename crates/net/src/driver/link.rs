//! What a slot of the driver on readiness reads from and writes to.
//!
//! The slot above it sees plain bytes only. A link may take bytes from the socket without having plain ones to show, have
//! several pieces of them from one look at the socket, and hold back bytes of its own that the socket has not taken: so a
//! read says whether there is more without a new edge, and a send is over when the link, too, holds nothing back.
//!
//! What is common is inline and small, what is rare is boxed: a slot stays at 24 bytes.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::stream::Stream;
#[cfg(feature = "tls")]
use super::tls::TlsLink;
use super::transfer::{Arrival, InFlight, Progress, Scratch};
use super::write::write;
use crate::frame::Batch;
use crate::listener::Settings;
use crate::relay::{Bell, Inside};

/// What a slot reads from and writes to.
pub(super) enum Link {
    /// A plain socket, and the send that it has not taken whole.
    Tcp(TcpStream, Option<Box<InFlight>>),
    /// Two queues between the shard and whoever holds the bytes.
    Relay(Box<Relayed>),
    /// A socket and a session of TLS.
    #[cfg(feature = "tls")]
    Tls(Box<TlsLink>),
}

pub(super) struct Relayed {
    inside: Inside,
    in_flight: Option<Box<InFlight>>,
}

/// What a bell was rung for.
#[derive(PartialEq)]
pub(super) enum Rang {
    /// To be looked at.
    Something,
    /// A socket has taken the place of the relay.
    Socket,
}

impl Link {
    pub(super) fn tcp(stream: TcpStream) -> Self {
        Self::Tcp(stream, None)
    }

    /// For a connection that came in at a listener with these settings.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "all connections are alike"))]
    pub(super) fn accepted(stream: TcpStream, peer: SocketAddr, settings: &Settings) -> io::Result<Self> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &settings.tls {
            let mut link = TlsLink::over(stream, tls.session()?, Vec::new());
            if settings.proxy_protocol.include(peer) {
                link.expect_prelude();
            }
            return Ok(Self::Tls(Box::new(link)));
        }
        Ok(Self::tcp(stream))
    }

    pub(super) fn new(stream: Stream) -> io::Result<Self> {
        match stream {
            Stream::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                Ok(Self::tcp(TcpStream::from_std(socket)))
            }
            Stream::Relay(inside) => Ok(Self::Relay(Box::new(Relayed { inside, in_flight: None }))),
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => TlsLink::new(*stream).map(|link| Self::Tls(Box::new(link))),
        }
    }

    /// Starts to be told of bytes that come in: by the poll, or where there is no socket by the bell.
    pub(super) fn register(&mut self, registry: &Registry, bell: &Arc<Bell>, slot: u32) -> io::Result<()> {
        match self {
            Self::Tcp(stream, _) => registry.register(stream, Token(slot as usize), Interest::READABLE),
            Self::Relay(relayed) => {
                relayed.inside.attach(Arc::clone(bell), slot);
                Ok(())
            }
            #[cfg(feature = "tls")]
            Self::Tls(link) => {
                // What came with bytes that its socket had refused goes on with them.
                let interest = match link.wants_write() {
                    true => Interest::READABLE | Interest::WRITABLE,
                    false => Interest::READABLE,
                };
                registry.register(&mut link.socket, Token(slot as usize), interest)
            }
        }
    }

    /// A bell has been rung for the slot.
    ///
    /// # Errors
    /// What the kernel says to the socket that was to take the place of a relay.
    pub(super) fn answer_bell(
        &mut self,
        registry: &Registry,
        bell: &Arc<Bell>,
        slot: u32,
    ) -> io::Result<Rang> {
        let Self::Relay(relayed) = self else { return Ok(Rang::Something) };
        let Some((socket, ended)) = relayed.inside.answer_bell() else { return Ok(Rang::Something) };
        let mut link = Self::new(Stream::Tcp(socket))?;
        link.register(registry, bell, slot)?;
        *link.in_flight() = relayed.in_flight.take();
        if ended {
            link.shutdown(&mut Scratch::default());
        }
        *self = link;
        Ok(Rang::Socket)
    }

    /// Whether a send is in flight.
    pub(super) fn is_sending(&mut self) -> bool {
        self.in_flight().is_some()
    }

    /// Starts to be told of room for bytes that go out, too.
    pub(super) fn watch(&mut self, registry: &Registry, slot: u32) -> io::Result<()> {
        match self {
            Self::Tcp(stream, _) => {
                registry.reregister(stream, Token(slot as usize), Interest::READABLE | Interest::WRITABLE)
            }
            // A relay that was short of room rings by itself.
            Self::Relay(_) => Ok(()),
            #[cfg(feature = "tls")]
            Self::Tls(link) => registry.reregister(
                &mut link.socket,
                Token(slot as usize),
                Interest::READABLE | Interest::WRITABLE,
            ),
        }
    }

    /// Whether the link still shakes hands with its peer: a look at it may take long, and turns have a budget for that.
    pub(super) fn is_handshaking(&self) -> bool {
        match self {
            Self::Tcp(..) | Self::Relay(_) => false,
            #[cfg(feature = "tls")]
            Self::Tls(link) => link.is_handshaking(),
        }
    }

    /// Looks once at what has come in. `buffer` is lent for it, all of it. `ended`: the kernel has said that the end
    /// follows, and will not say so again.
    #[cfg_attr(
        not(feature = "tls"),
        expect(unused_variables, reason = "sockets need no more than the buffer")
    )]
    pub(super) fn read(
        &mut self,
        buffer: &mut [u8],
        scratch: &mut Scratch,
        ended: bool,
    ) -> io::Result<Arrival> {
        match self {
            Self::Tcp(stream, _) => match stream.read(buffer) {
                Ok(0) => Ok(Arrival::Ended),
                // A short read has emptied the socket, and the next bytes are a new edge.
                Ok(length) => Ok(Arrival::Bytes { range: 0..length, more: length == buffer.len() }),
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Arrival::Nothing { more: false }),
                Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Arrival::Nothing { more: true }),
                Err(error) => Err(error),
            },
            Self::Relay(relayed) => match relayed.inside.receive(buffer) {
                Ok((0, _)) => Ok(Arrival::Ended),
                Ok((length, more)) => Ok(Arrival::Bytes { range: 0..length, more }),
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Arrival::Nothing { more: false }),
                Err(error) => Err(error),
            },
            #[cfg(feature = "tls")]
            Self::Tls(link) => link.read(buffer, scratch, ended),
        }
    }

    /// Takes what goes out at once of `bytes`, which stay the caller's; nothing is in flight. The rest comes with the next
    /// send, before anything else.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "sockets need no buffer for it"))]
    pub(super) fn send_now(&mut self, bytes: &[u8], scratch: &mut Scratch) -> io::Result<usize> {
        debug_assert!(self.in_flight().is_none(), "one send in flight per connection");
        match self {
            Self::Tcp(stream, _) => match stream.write(bytes) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
                result => result,
            },
            Self::Relay(_) => Ok(0),
            #[cfg(feature = "tls")]
            Self::Tls(link) => link.send_now(bytes, scratch),
        }
    }

    /// Begins a send; `true`: all of it has gone out. Otherwise what is left of `batch` stays here, and
    /// [`Link::resume`] goes on with it. `batch` is empty afterwards, whatever became of it.
    pub(super) fn send(&mut self, batch: &mut Batch, scratch: &mut Scratch) -> io::Result<bool> {
        debug_assert!(self.in_flight().is_none(), "one send in flight per connection");
        match self.write(batch, 0, scratch) {
            Ok(sent) if sent == batch.bytes() && !self.wants_write() => {
                batch.clear();
                Ok(true)
            }
            Ok(sent) => {
                *self.in_flight() = Some(Box::new(InFlight { batch: std::mem::take(batch), sent }));
                Ok(false)
            }
            Err(error) => {
                batch.clear();
                Err(error)
            }
        }
    }

    /// Goes on, now that there is room, with the send in flight and with what the link itself holds back. After an error
    /// no send is in flight any more.
    pub(super) fn resume(&mut self, scratch: &mut Scratch) -> io::Result<Progress> {
        let Some(mut send) = self.in_flight().take() else {
            return Ok(Progress { moved: self.flush()?, finished: false });
        };
        let taken = self.write(&send.batch, send.sent, scratch)?;
        send.sent += taken;
        let finished = send.sent == send.batch.bytes() && !self.wants_write();
        if !finished {
            *self.in_flight() = Some(send);
        }
        Ok(Progress { moved: self.take_moved() || taken > 0, finished })
    }

    /// Whether the link holds back bytes of its own: the slot has to be watched for room then.
    pub(super) fn wants_write(&self) -> bool {
        match self {
            Self::Tcp(..) | Self::Relay(_) => false,
            #[cfg(feature = "tls")]
            Self::Tls(link) => link.wants_write(),
        }
    }

    /// Sends what the link itself holds back; whether the socket has taken of it.
    fn flush(&mut self) -> io::Result<bool> {
        match self {
            Self::Tcp(..) | Self::Relay(_) => Ok(false),
            #[cfg(feature = "tls")]
            Self::Tls(link) => link.flush().map(|_| link.take_moved()),
        }
    }

    fn take_moved(&mut self) -> bool {
        match self {
            Self::Tcp(..) | Self::Relay(_) => false,
            #[cfg(feature = "tls")]
            Self::Tls(link) => link.take_moved(),
        }
    }

    /// Ends our side, once what was sent before has gone out.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "sockets need no buffer for it"))]
    pub(super) fn shutdown(&mut self, scratch: &mut Scratch) {
        match self {
            // A socket that is gone already needs no shutdown.
            Self::Tcp(stream, _) => drop(stream.shutdown(Shutdown::Write)),
            Self::Relay(relayed) => relayed.inside.shutdown(),
            #[cfg(feature = "tls")]
            Self::Tls(link) => link.shutdown(scratch),
        }
    }

    /// Closes what is below, without waiting for anybody.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "sockets need no buffer for it"))]
    pub(super) fn close(self, scratch: &mut Scratch) {
        match self {
            Self::Tcp(..) | Self::Relay(_) => {}
            #[cfg(feature = "tls")]
            Self::Tls(mut link) => link.say_goodbye(scratch),
        }
    }

    /// Leaves the poll. Nothing is in flight: what leaves has not been sent to.
    pub(super) fn into_detached(mut self, registry: &Registry) -> io::Result<Stream> {
        match &mut self {
            Self::Tcp(stream, _) => registry.deregister(stream)?,
            Self::Relay(relayed) => relayed.inside.leave(),
            #[cfg(feature = "tls")]
            Self::Tls(link) => registry.deregister(&mut link.socket)?,
        }
        Ok(self.into_stream())
    }

    /// What carries the bytes, of a link that stands in no poll.
    pub(super) fn into_stream(self) -> Stream {
        match self {
            Self::Tcp(stream, _) => Stream::Tcp(stream.into()),
            Self::Relay(relayed) => Stream::Relay(relayed.inside),
            #[cfg(feature = "tls")]
            Self::Tls(link) => link.into_stream().into(),
        }
    }

    /// Takes what fits of `batch` from byte `from` on, and says how many plain bytes that were. Fewer than all: there
    /// will be word of room.
    fn write(&mut self, batch: &Batch, from: usize, scratch: &mut Scratch) -> io::Result<usize> {
        match self {
            Self::Tcp(stream, _) => write(stream, batch, from, &mut scratch.flat),
            Self::Relay(relayed) => write(&mut relayed.inside, batch, from, &mut scratch.flat),
            #[cfg(feature = "tls")]
            Self::Tls(link) => link.write(batch, from, scratch),
        }
    }

    fn in_flight(&mut self) -> &mut Option<Box<InFlight>> {
        match self {
            Self::Tcp(_, in_flight) => in_flight,
            Self::Relay(relayed) => &mut relayed.in_flight,
            #[cfg(feature = "tls")]
            Self::Tls(link) => &mut link.in_flight,
        }
    }
}
