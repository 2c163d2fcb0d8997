//! A socket with the TLS session that is spoken on it, on its way between a shard and somebody else.

use std::fmt;
use std::net::TcpStream;

use super::session::Session;

/// A socket and its session.
///
/// Whoever takes it sends `unsent` first, gives all that the socket receives to [`Session::receive`], and sends what
/// [`Session::encrypt`] makes of plain bytes.
pub struct TlsStream {
    /// The socket, non-blocking.
    pub socket: TcpStream,
    /// What is spoken on it.
    pub session: Session,
    /// Ciphertext that the socket has not taken yet; at most some 20 KB, mostly none.
    pub unsent: Vec<u8>,
    /// A header of the PROXY protocol comes first, in plain, and so much of it is there.
    pub(crate) prelude: Option<Vec<u8>>,
}

impl TlsStream {
    /// A socket with the session that is spoken on it.
    #[must_use]
    pub fn new(socket: TcpStream, session: Session, unsent: Vec<u8>) -> Self {
        Self { socket, session, unsent, prelude: None }
    }
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream")
            .field("socket", &self.socket)
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}
