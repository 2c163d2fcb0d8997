//! Opening a connection: TCP, then the handshake of RFC 6455 §4.1.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};
use wavecast_websocket::handshake::ClientRequest;

use super::error::{ConnectError, ConnectStep};
use super::mask;
use super::options::ConnectOptions;
use super::socket::WebSocket;
use super::url::Url;

/// What one read of the response takes in at most.
const READ_BYTES: usize = 4 * 1_024;

/// Connects to a `ws://` URL with the default [`ConnectOptions`].
///
/// # Errors
///
/// [`ConnectError`].
///
/// # Cancel safety
///
/// A dropped future abandons the attempt and its TCP connection.
pub async fn connect(url: &str) -> Result<WebSocket, ConnectError> {
    ConnectOptions::new().connect(url).await
}

impl ConnectOptions {
    /// Connects to a `ws://` URL.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]; `wss://` is [`ConnectError::TlsUnavailable`] in this version.
    ///
    /// # Cancel safety
    ///
    /// A dropped future abandons the attempt and its TCP connection.
    pub async fn connect(&self, url: &str) -> Result<WebSocket, ConnectError> {
        let url: Url = url.parse()?;
        if url.is_secure() {
            return Err(ConnectError::TlsUnavailable);
        }
        let stream = open_tcp(&url, self.connect_timeout).await?;
        stream.set_nodelay(self.nodelay).map_err(ConnectError::Connect)?;
        self.handshake(stream, &url).await
    }

    /// Performs the handshake on a stream that is connected already: a TLS session, a Unix socket, a
    /// tunnel through a proxy.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future drops the stream.
    pub async fn handshake<S>(&self, stream: S, url: &Url) -> Result<WebSocket<S>, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match timeout(self.handshake_timeout, self.shake_hands(stream, url)).await {
            Ok(result) => result,
            Err(_) => Err(ConnectError::TimedOut(ConnectStep::Handshake)),
        }
    }

    async fn shake_hands<S>(&self, mut stream: S, url: &Url) -> Result<WebSocket<S>, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let host = url.host_header();
        let protocols: Vec<&str> = self.protocols.iter().map(String::as_str).collect();
        let headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let nonce = mask::nonce().map_err(ConnectError::Io)?;
        let request = ClientRequest::new(&host, url.target(), nonce).protocols(&protocols).headers(&headers);

        let mut bytes = Vec::new();
        request.write(&mut bytes).map_err(ConnectError::Request)?;
        stream.write_all(&bytes).await.map_err(ConnectError::Io)?;
        stream.flush().await.map_err(ConnectError::Io)?;

        bytes.clear();
        loop {
            bytes.reserve(READ_BYTES);
            if stream.read_buf(&mut bytes).await.map_err(ConnectError::Io)? == 0 {
                return Err(ConnectError::Io(io::ErrorKind::UnexpectedEof.into()));
            }
            let verified = request.verify(&bytes, &self.settings.limits);
            // What follows the head came with it: the server may speak first.
            if let Some((established, head_len)) = verified.map_err(ConnectError::Handshake)? {
                let protocol = established.protocol.map(Box::from);
                return Ok(WebSocket::new(
                    stream,
                    self.settings.clone(),
                    protocol,
                    bytes.split_off(head_len),
                ));
            }
        }
    }
}

/// Tries the host's addresses one after the other. Each gets an equal share of the time left, so
/// that one that swallows packets does not keep the others from being tried.
async fn open_tcp(url: &Url, limit: Duration) -> Result<TcpStream, ConnectError> {
    let deadline = Instant::now() + limit;
    let found = timeout_at(deadline, lookup_host((url.host(), url.port()))).await;
    let addresses: Vec<SocketAddr> = match found {
        Ok(found) => found.map_err(ConnectError::Resolve)?.collect(),
        Err(_) => return Err(ConnectError::TimedOut(ConnectStep::Tcp)),
    };
    let mut failure = ConnectError::Resolve(io::ErrorKind::NotFound.into());
    for (at, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - at).unwrap_or(u32::MAX);
        let share = deadline.saturating_duration_since(Instant::now()) / left;
        failure = match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => ConnectError::Connect(error),
            Err(_) => ConnectError::TimedOut(ConnectStep::Tcp),
        };
    }
    Err(failure)
}
