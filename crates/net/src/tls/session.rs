//! One connection's TLS, the server's side, without I/O: ciphertext in, plain bytes out, and back.
//!
//! Whoever owns the socket owns the buffers too. What came in is decrypted where it stands; only the beginning of a record
//! that has not arrived whole is kept, and freed with it. Nothing is encrypted ahead of its time here: what waits, waits
//! in plain, where a policy can still reach it.

use std::fmt;
use std::mem;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
};

use super::fault::SessionError;
use super::record;

/// Plain bytes of one record (RFC 8446 §5.1).
pub(crate) const RECORD_BYTES: usize = 1 << 14;
/// What encryption adds to a record at most, with room for a key update before it.
const RECORD_OVERHEAD_BYTES: usize = 128;
/// Bytes that a peer may send before its handshake is done, and in pieces of a handshake message afterwards. A chain of
/// certificates takes some 10 KB.
const HANDSHAKE_BYTES_MAX: usize = 128 * 1024;

/// What a peer is told that sent an HTTP request without TLS.
const SPEAKS_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n\
    Content-Length: 44\r\n\r\nThis port speaks TLS: use https:// or wss://";

/// The server's side of one TLS connection.
pub struct Session {
    connection: UnbufferedServerConnection,
    /// Pieces of a handshake message that rustls still needs, and behind them the beginning of a record.
    kept: Vec<u8>,
    /// So much of `kept` are those pieces.
    pieces: u32,
    /// Bytes received before the handshake was done.
    handshake_bytes: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Handshake,
    Open,
    /// The peer has sent `close_notify`.
    Ended,
    Failed,
}

impl Session {
    /// A session before its handshake.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(config: Arc<ServerConfig>) -> Result<Self, SessionError> {
        Ok(Self {
            connection: UnbufferedServerConnection::new(config)?,
            kept: Vec::new(),
            pieces: 0,
            handshake_bytes: 0,
            state: State::Handshake,
        })
    }

    /// Takes ciphertext that came in, which is decrypted in place. Plain bytes are appended to `plain`, what has to be sent
    /// to the peer at once (handshake, tickets, alerts) to `answer`.
    ///
    /// # Errors
    /// [`SessionError`]; the session is over then. `answer` says so to the peer, and `plain` has what was whole before.
    pub fn receive(
        &mut self,
        mut bytes: &mut [u8],
        plain: &mut Vec<u8>,
        answer: &mut Vec<u8>,
    ) -> Result<(), SessionError> {
        self.admit(bytes, answer)?;
        while !bytes.is_empty() && self.state != State::Ended {
            if self.kept.is_empty() {
                let (records, beginning) = bytes.split_at_mut(record::whole(bytes));
                let pieces = self.pump(records, plain, answer)?;
                self.keep(&records[records.len() - pieces..], beginning);
                break;
            }
            let missing = record::missing(&self.kept[self.pieces as usize..]).min(bytes.len());
            let (more, rest) = mem::take(&mut bytes).split_at_mut(missing);
            self.kept.extend_from_slice(more);
            bytes = rest;
            if record::missing(&self.kept[self.pieces as usize..]) == 0 {
                let mut kept = mem::take(&mut self.kept);
                let pieces = self.pump(&mut kept, plain, answer)?;
                self.keep(&kept[kept.len() - pieces..], &[]);
            }
        }
        if self.state == State::Ended {
            // Nothing counts after close_notify.
            self.kept = Vec::new();
            self.pieces = 0;
        }
        Ok(())
    }

    /// Encrypts `plain`, up to 16 KiB for one record, and appends it to `out`.
    ///
    /// # Errors
    /// [`SessionError::NotOpen`] before the handshake is done and after an error; else when the keys are used up.
    pub fn encrypt(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), SessionError> {
        self.write(&Put::Plain(plain), out)
    }

    /// Appends `close_notify` to `out`: our side ends. Does nothing before the handshake is done, or the second time.
    ///
    /// # Errors
    /// When the keys are used up.
    pub fn close_notify(&mut self, out: &mut Vec<u8>) -> Result<(), SessionError> {
        match self.write(&Put::CloseNotify, out) {
            Err(SessionError::NotOpen) => Ok(()),
            result => result,
        }
    }

    /// Whether the handshake is not done yet.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.state == State::Handshake
    }

    /// Whether the peer has ended its side with `close_notify`. A connection that ends without it may have been cut off
    /// by anybody: [`SessionError::Truncated`].
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// The protocol that was agreed on (ALPN, RFC 7301).
    #[must_use]
    pub fn alpn(&self) -> Option<&[u8]> {
        self.connection.alpn_protocol()
    }

    /// Whether the session goes on with the secrets of an earlier one; `None` before that is known.
    #[must_use]
    pub fn is_resumed(&self) -> Option<bool> {
        self.connection.handshake_kind().map(|kind| kind == rustls::HandshakeKind::Resumed)
    }

    /// The certificate that the client has shown, DER, and those that came with it.
    #[must_use]
    pub fn client_certificates(&self) -> Option<&[rustls::pki_types::CertificateDer<'static>]> {
        self.connection.peer_certificates()
    }

    /// Bytes that are kept because a record has not arrived whole.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.kept.len()
    }

    /// What is said before rustls is asked.
    fn admit(&mut self, bytes: &[u8], answer: &mut Vec<u8>) -> Result<(), SessionError> {
        match self.state {
            State::Open | State::Ended => return Ok(()),
            State::Failed => return Err(SessionError::NotOpen),
            State::Handshake => {}
        }
        if self.handshake_bytes == 0 && is_http(bytes) {
            self.state = State::Failed;
            answer.extend_from_slice(SPEAKS_TLS);
            return Err(SessionError::PlainHttp);
        }
        self.handshake_bytes = self.handshake_bytes.saturating_add(bytes.len() as u32);
        Ok(())
    }

    /// Lets rustls work on whole records, and on pieces that it kept from before. Says how many bytes at the end of
    /// `records` it still needs.
    fn pump(
        &mut self,
        records: &mut [u8],
        plain: &mut Vec<u8>,
        answer: &mut Vec<u8>,
    ) -> Result<usize, SessionError> {
        let mut at = 0;
        loop {
            let UnbufferedStatus { mut discard, state, .. } =
                self.connection.process_tls_records(&mut records[at..]);
            let mut idle = false;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(SessionError::Tls)?;
                        discard += record.discard;
                        plain.extend_from_slice(record.payload);
                    }
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => encode(&mut data, answer),
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.state = State::Ended,
                Ok(ConnectionState::WriteTraffic(_)) => {
                    if self.state == State::Handshake {
                        self.state = State::Open;
                    }
                    idle = true;
                }
                Ok(ConnectionState::BlockedHandshake | ConnectionState::Closed) => idle = true,
                // Early data is switched off.
                Ok(_) => return Err(self.fail(SessionError::NotOpen)),
                Err(error) => {
                    self.say_why(answer);
                    return Err(self.fail(error.into()));
                }
            }
            at += discard;
            if idle {
                break;
            }
        }
        let left = records.len() - at;
        let handshake_bytes = if self.is_handshaking() { self.handshake_bytes as usize } else { left };
        if handshake_bytes > HANDSHAKE_BYTES_MAX {
            return Err(self.fail(SessionError::HandshakeTooLong));
        }
        Ok(left)
    }

    fn keep(&mut self, pieces: &[u8], beginning: &[u8]) {
        self.pieces = pieces.len() as u32;
        if !pieces.is_empty() || !beginning.is_empty() {
            self.kept.reserve_exact(pieces.len() + beginning.len());
            self.kept.extend_from_slice(pieces);
            self.kept.extend_from_slice(beginning);
        }
    }

    /// The alert that says what was wrong, and what waited before it.
    fn say_why(&mut self, answer: &mut Vec<u8>) {
        // Without anything to say rustls would look at what came in again.
        while self.connection.wants_write() {
            match self.connection.process_tls_records(&mut []).state {
                Ok(ConnectionState::EncodeTlsData(mut data)) => encode(&mut data, answer),
                _ => break,
            }
        }
    }

    fn fail(&mut self, error: SessionError) -> SessionError {
        self.state = State::Failed;
        self.kept = Vec::new();
        self.pieces = 0;
        error
    }

    /// Brings rustls to where it takes traffic, and has it write.
    fn write(&mut self, what: &Put<'_>, out: &mut Vec<u8>) -> Result<(), SessionError> {
        if matches!(self.state, State::Handshake | State::Failed) {
            return Err(SessionError::NotOpen);
        }
        loop {
            // What rustls still needs of a message must stand where it stood.
            let pieces = &mut self.kept[..self.pieces as usize];
            let UnbufferedStatus { discard, state, .. } = self.connection.process_tls_records(pieces);
            debug_assert_eq!(discard, 0, "there is nothing more to let go of than when they came in");
            match state {
                Ok(ConnectionState::WriteTraffic(mut traffic)) => return what.write(&mut traffic, out),
                Ok(ConnectionState::EncodeTlsData(mut data)) => encode(&mut data, out),
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(_) => return Err(SessionError::NotOpen),
                Err(error) => {
                    self.state = State::Failed;
                    return Err(error.into());
                }
            }
        }
    }
}

/// What is to be encrypted.
enum Put<'p> {
    Plain(&'p [u8]),
    CloseNotify,
}

impl Put<'_> {
    fn write(
        &self,
        traffic: &mut WriteTraffic<'_, ServerConnectionData>,
        out: &mut Vec<u8>,
    ) -> Result<(), SessionError> {
        let (begin, plain) = match self {
            Put::Plain(plain) => (out.len(), plain.len()),
            Put::CloseNotify => (out.len(), 0),
        };
        let mut room = plain + RECORD_OVERHEAD_BYTES * (1 + plain / RECORD_BYTES);
        loop {
            out.resize(begin + room, 0);
            let written = match self {
                Put::Plain(plain) => traffic.encrypt(plain, &mut out[begin..]),
                Put::CloseNotify => traffic.queue_close_notify(&mut out[begin..]),
            };
            match written {
                Ok(written) => {
                    out.truncate(begin + written);
                    return Ok(());
                }
                Err(EncryptError::InsufficientSize(size)) => room = size.required_size,
                Err(EncryptError::EncryptExhausted) => {
                    out.truncate(begin);
                    return Err(rustls::Error::EncryptError.into());
                }
            }
        }
    }
}

/// Appends what rustls has to say of its own accord: handshake, tickets, alerts.
fn encode(data: &mut EncodeTlsData<'_, ServerConnectionData>, out: &mut Vec<u8>) {
    let begin = out.len();
    if let Err(EncodeError::InsufficientSize(size)) = data.encode(&mut []) {
        out.resize(begin + size.required_size, 0);
        let written = data.encode(&mut out[begin..]).unwrap_or(0);
        out.truncate(begin + written);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("state", &self.state)
            .field("kept", &self.kept.len())
            .finish_non_exhaustive()
    }
}

/// Whether it begins like a request of HTTP/1 or the preface of HTTP/2: a record of TLS begins with no letter.
fn is_http(bytes: &[u8]) -> bool {
    bytes.iter().take(3).all(u8::is_ascii_uppercase) && !bytes.is_empty()
}
