//! A link that speaks TLS: a session over a socket.
//!
//! At most one record is encrypted ahead of what the socket takes: what waits behind it waits in plain, in the send in
//! flight or in the outbox, where a policy can reach it. An idle connection holds a session here, and no bytes.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::mem;
use std::net::Shutdown;

use mio::net::TcpStream;

use super::transfer::{Arrival, InFlight, Scratch};
use crate::frame::Batch;
use crate::proxy_protocol;
use crate::tls::{RECORD_BYTES, Session, SessionError, TlsStream};

/// Bytes of one read. With the beginning of a record that was kept they make some 64 KiB of plain bytes at most.
const READ_BYTES: usize = 48 * 1024;
/// The same before the handshake is done.
const HANDSHAKE_READ_BYTES: usize = 16 * 1024;

/// One connection's session and socket.
pub(super) struct TlsLink {
    pub(super) socket: TcpStream,
    session: Session,
    /// Ciphertext that the socket has not taken: at most one record, and what the session says of its own accord.
    unsent: Vec<u8>,
    /// So many plain bytes of the send in flight, or of the next, are in `unsent`.
    covered: usize,
    pub(super) in_flight: Option<Box<InFlight>>,
    /// Our side has ended: the socket's does when `unsent` has gone.
    ending: bool,
    /// A header of the PROXY protocol comes first, in plain, and so much of it is there.
    prelude: Option<Vec<u8>>,
    /// The peer's end has been reported.
    told: bool,
    /// What is wrong, to be told when the plain bytes that came before it have been handed on.
    fault: Option<io::Error>,
    /// The socket has taken bytes that it had refused, since this was last asked.
    moved: bool,
}

impl TlsLink {
    pub(super) fn new(stream: TlsStream) -> io::Result<Self> {
        let TlsStream { socket, session, unsent, prelude } = stream;
        socket.set_nonblocking(true)?;
        Ok(Self { prelude, ..Self::over(TcpStream::from_std(socket), session, unsent) })
    }

    pub(super) fn over(socket: TcpStream, session: Session, unsent: Vec<u8>) -> Self {
        Self {
            socket,
            session,
            unsent,
            covered: 0,
            in_flight: None,
            ending: false,
            prelude: None,
            told: false,
            fault: None,
            moved: false,
        }
    }

    /// Passes a header of the PROXY protocol on, which stands before TLS.
    pub(super) fn expect_prelude(&mut self) {
        self.prelude = Some(Vec::new());
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.session.is_handshaking()
    }

    pub(super) fn wants_write(&self) -> bool {
        !self.unsent.is_empty()
    }

    pub(super) fn take_moved(&mut self) -> bool {
        mem::take(&mut self.moved)
    }

    /// Looks once at the socket. `ended`: the kernel has said that the end follows, and will not say so again.
    pub(super) fn read(
        &mut self,
        buffer: &mut [u8],
        scratch: &mut Scratch,
        ended: bool,
    ) -> io::Result<Arrival> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        if self.session.has_ended() && !mem::replace(&mut self.told, true) {
            return Ok(Arrival::Ended);
        }
        let room = if self.is_handshaking() { HANDSHAKE_READ_BYTES } else { READ_BYTES }.min(buffer.len());
        let length = match self.socket.read(&mut buffer[..room]) {
            Ok(0) if self.session.has_ended() || self.ending => return Ok(Arrival::Ended),
            Ok(0) => return Err(SessionError::Truncated.into()),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Ok(Arrival::Nothing { more: false });
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                return Ok(Arrival::Nothing { more: true });
            }
            Err(error) => return Err(error),
        };
        let Scratch { plain, cipher, .. } = scratch;
        plain.clear();
        cipher.clear();
        let bytes = &mut buffer[..length];
        let received = match self.prelude.take() {
            None => self.session.receive(bytes, plain, cipher),
            Some(mut prelude) => {
                prelude.extend_from_slice(bytes);
                match proxy_protocol::parse(&prelude) {
                    Err(error) => return Err(io::Error::new(ErrorKind::InvalidData, error)),
                    Ok(None) => {
                        self.prelude = Some(prelude);
                        Ok(())
                    }
                    Ok(Some(header)) => {
                        plain.extend_from_slice(&prelude[..header.length]);
                        self.session.receive(&mut prelude[header.length..], plain, cipher)
                    }
                }
            }
        };
        let answered = self.put(cipher);
        if received.is_err() {
            // What the peer is told is not lost to a reset when the socket is closed right away.
            drop(self.socket.shutdown(Shutdown::Write));
        }
        if let Err(error) = received.map_err(io::Error::from).and(answered) {
            if plain.is_empty() {
                return Err(error);
            }
            // The peer's last words, a close frame perhaps, came with it and tell more.
            self.fault = Some(error);
        }
        let more = length == room || ended || self.fault.is_some();
        match plain.is_empty() {
            false => Ok(Arrival::Plain { more: more || self.session.has_ended() }),
            true if self.session.has_ended() && !mem::replace(&mut self.told, true) => Ok(Arrival::Ended),
            true => Ok(Arrival::Nothing { more }),
        }
    }

    /// Takes what goes out at once of `bytes`, record by record. One that the socket does not take whole stays here and
    /// counts when it is gone: its plain bytes come again, first in the next send.
    pub(super) fn send_now(&mut self, bytes: &[u8], scratch: &mut Scratch) -> io::Result<usize> {
        let mut gone = 0;
        if !self.flush()? {
            return Ok(gone);
        }
        for record in bytes.chunks(RECORD_BYTES) {
            self.encrypt(record, &mut scratch.cipher)?;
            if !self.unsent.is_empty() {
                return Ok(gone);
            }
            self.covered = 0;
            gone += record.len();
        }
        Ok(gone)
    }

    /// Takes what fits of `batch` from byte `from` on, and says how many plain bytes have gone out whole.
    pub(super) fn write(&mut self, batch: &Batch, from: usize, scratch: &mut Scratch) -> io::Result<usize> {
        let mut gone = 0;
        loop {
            let covered = self.covered;
            if !self.flush()? {
                return Ok(gone);
            }
            gone += covered;
            if from + gone == batch.bytes() {
                return Ok(gone);
            }
            let Scratch { flat, cipher, .. } = scratch;
            let record = piece(batch, from + gone, flat);
            self.encrypt(record, cipher)?;
        }
    }

    /// Sends one record.
    fn encrypt(&mut self, record: &[u8], cipher: &mut Vec<u8>) -> io::Result<()> {
        cipher.clear();
        self.session.encrypt(record, cipher)?;
        self.covered = record.len();
        self.put(cipher)
    }

    /// Sends what waits here; `false`: the socket has not taken it all.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        if !self.unsent.is_empty() {
            let sent = send(&mut self.socket, &self.unsent)?;
            self.moved |= sent > 0;
            self.unsent.drain(..sent);
            if !self.unsent.is_empty() {
                return Ok(false);
            }
            self.unsent = Vec::new();
            if self.ending {
                drop(self.socket.shutdown(Shutdown::Write));
            }
        }
        self.covered = 0;
        Ok(true)
    }

    /// Ends our side: `close_notify`, and the socket's when that has gone out.
    pub(super) fn shutdown(&mut self, scratch: &mut Scratch) {
        if mem::replace(&mut self.ending, true) {
            return;
        }
        scratch.cipher.clear();
        // Without keys, or with a socket that is gone, there is nothing to say.
        let said =
            self.session.close_notify(&mut scratch.cipher).is_ok() && self.put(&scratch.cipher).is_ok();
        if !said || self.unsent.is_empty() {
            drop(self.socket.shutdown(Shutdown::Write));
        }
    }

    /// The socket is about to be closed: says so, as far as that goes without waiting.
    pub(super) fn say_goodbye(&mut self, scratch: &mut Scratch) {
        if !self.ending && self.in_flight.is_none() && self.unsent.is_empty() {
            scratch.cipher.clear();
            if self.session.close_notify(&mut scratch.cipher).is_ok() {
                // Who does not take it has been told in other ways.
                send(&mut self.socket, &scratch.cipher).ok();
            }
        }
    }

    pub(super) fn into_stream(self) -> TlsStream {
        let Self { socket, session, unsent, prelude, .. } = self;
        TlsStream { prelude, ..TlsStream::new(socket.into(), session, unsent) }
    }

    /// Sends ciphertext behind what waits, and keeps what the socket does not take.
    fn put(&mut self, cipher: &[u8]) -> io::Result<()> {
        let sent =
            if self.unsent.is_empty() && !cipher.is_empty() { send(&mut self.socket, cipher)? } else { 0 };
        if sent < cipher.len() {
            self.unsent.reserve_exact(cipher.len() - sent);
            self.unsent.extend_from_slice(&cipher[sent..]);
        }
        Ok(())
    }
}

/// The next bytes of a batch, for one record.
fn piece<'b>(batch: &'b Batch, from: usize, flat: &'b mut Vec<u8>) -> &'b [u8] {
    let mut skip = from;
    let mut rest = batch.frames().iter().filter_map(|frame| {
        let cut = skip.min(frame.len());
        skip -= cut;
        (cut < frame.len()).then(|| &frame[cut..])
    });
    let first = rest.next().unwrap_or_default();
    if first.len() >= RECORD_BYTES || from + first.len() == batch.bytes() {
        return &first[..first.len().min(RECORD_BYTES)];
    }
    flat.clear();
    flat.extend_from_slice(first);
    for bytes in rest {
        let room = RECORD_BYTES - flat.len();
        flat.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if flat.len() == RECORD_BYTES {
            break;
        }
    }
    flat
}

/// Writes what the socket takes.
fn send(socket: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        match socket.write(&bytes[sent..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => sent += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}
