//! Opening a connection: TCP, perhaps through a proxy, perhaps TLS, then the handshake of RFC 6455 §4.1.

use std::io;
#[cfg(unix)]
use std::path::Path;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout, timeout_at};
use wavecast_websocket::handshake::ClientRequest;

use super::conversation::Conversation;
use super::dial::dial;
use super::environment;
use super::error::{ConnectError, ConnectStep};
use super::mask;
use super::options::{ConnectOptions, Route};
use super::proxy::Proxy;
use super::socket::WebSocket;
use super::stream::Stream;
#[cfg(feature = "tls")]
use super::tls_error::{TlsError, TlsFault};
use super::tunnel::{self, ProxyError};
use super::url::Url;

/// What one read of the response takes in at most.
const READ_BYTES: usize = 4 * 1_024;

/// Connects to a `ws://` or `wss://` URL with the default [`ConnectOptions`].
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
    /// Connects to a `ws://` or `wss://` URL.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future abandons the attempt and its TCP connection.
    pub async fn connect(&self, url: &str) -> Result<WebSocket, ConnectError> {
        let url: Url = url.parse()?;
        let stream = self.reach(&url).await?;
        let deadline = Instant::now() + self.handshake_timeout;
        let stream = match timeout_at(deadline, self.secure(stream, &url)).await {
            Ok(stream) => stream?,
            Err(_) => return Err(ConnectError::TimedOut(ConnectStep::Tls)),
        };
        match timeout_at(deadline, self.shake_hands(stream, &url)).await {
            Ok(result) => result.map_err(|error| told_by_tls(error, &url)),
            Err(_) => Err(ConnectError::TimedOut(ConnectStep::Handshake)),
        }
    }

    /// Connects to the Unix socket at `path`. What the server sees of the URL is its host, path and query; TLS and
    /// proxies have no part in it, so the URL begins with `ws://`.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]; [`ConnectError::TlsUnavailable`] for `wss://`.
    ///
    /// # Cancel safety
    ///
    /// A dropped future abandons the attempt and its connection.
    #[cfg(unix)]
    pub async fn connect_unix(
        &self,
        path: impl AsRef<Path>,
        url: &str,
    ) -> Result<WebSocket<UnixStream>, ConnectError> {
        let url: Url = url.parse()?;
        if url.is_secure() {
            return Err(ConnectError::TlsUnavailable);
        }
        let stream = match timeout(self.connect_timeout, UnixStream::connect(path)).await {
            Ok(stream) => stream.map_err(ConnectError::Connect)?,
            Err(_) => return Err(ConnectError::TimedOut(ConnectStep::Connect)),
        };
        self.handshake(stream, &url).await
    }

    /// Performs the WebSocket handshake on a stream that is connected already: a TLS session of your own, a pipe in
    /// memory, another kind of tunnel.
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

    /// A TCP connection on which the server speaks, within the connect time-out.
    async fn reach(&self, url: &Url) -> Result<TcpStream, ConnectError> {
        let found;
        let proxy = match &self.route {
            Route::Direct => None,
            Route::Through(proxy) => Some(&**proxy),
            Route::AsTheEnvironmentSays => {
                found = environment::proxy(url, |name| std::env::var(name).ok())
                    .map_err(ConnectError::ProxyUrl)?;
                found.as_ref()
            }
        };
        let deadline = Instant::now() + self.connect_timeout;
        let reached = async {
            match proxy {
                Some(proxy) => self.reach_through(proxy, url).await.map_err(ConnectError::Proxy),
                None => self.reach_directly(url).await,
            }
        };
        match timeout_at(deadline, reached).await {
            Ok(reached) => reached,
            Err(_) if proxy.is_some() => Err(ConnectError::TimedOut(ConnectStep::Proxy)),
            Err(_) => Err(ConnectError::TimedOut(ConnectStep::Connect)),
        }
    }

    async fn reach_directly(&self, url: &Url) -> Result<TcpStream, ConnectError> {
        let addresses = self.resolver.resolve(url.host(), url.port()).await.map_err(ConnectError::Resolve)?;
        dial(&addresses, &self.tcp).await.map_err(ConnectError::Connect)
    }

    async fn reach_through(&self, proxy: &Proxy, url: &Url) -> Result<TcpStream, ProxyError> {
        let addresses = self.resolver.resolve(&proxy.host, proxy.port).await.map_err(ProxyError::Resolve)?;
        let mut stream = dial(&addresses, &self.tcp).await.map_err(ProxyError::Connect)?;
        tunnel::open(&mut stream, proxy, url, &self.settings.limits).await?;
        Ok(stream)
    }

    #[cfg(feature = "tls")]
    async fn secure(&self, stream: TcpStream, url: &Url) -> Result<Stream, ConnectError> {
        if !url.is_secure() {
            return Ok(Stream::Tcp(stream));
        }
        match self.tls.secure(url.host(), stream).await {
            Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
            Err(error) => Err(ConnectError::Tls(Box::new(error))),
        }
    }

    #[cfg(not(feature = "tls"))]
    async fn secure(&self, stream: TcpStream, url: &Url) -> Result<Stream, ConnectError> {
        if url.is_secure() { Err(ConnectError::TlsUnavailable) } else { Ok(Stream::Tcp(stream)) }
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
        let request = ClientRequest::new(&host, url.target(), nonce)
            .protocols(&protocols)
            .headers(&headers)
            .compression(self.settings.compression);

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
                let agreement = established.compression;
                let unread = bytes.split_off(head_len);
                let conversation = Conversation::new(stream, self.settings.clone(), agreement, unread);
                return Ok(WebSocket::new(conversation, protocol, agreement.is_some()));
            }
        }
    }
}

/// A server of TLS 1.3 judges a client's certificate when the client's handshake is complete: what it says comes where
/// the answer to the request is awaited.
#[cfg(feature = "tls")]
fn told_by_tls(error: ConnectError, url: &Url) -> ConnectError {
    match error {
        ConnectError::Io(error) if TlsFault::of(&error).is_some() => {
            ConnectError::Tls(Box::new(TlsError::of_handshake(url.host(), error)))
        }
        other => other,
    }
}

#[cfg(not(feature = "tls"))]
fn told_by_tls(error: ConnectError, _: &Url) -> ConnectError {
    error
}
