//! A way through a proxy, on a TCP connection to it.

use std::fmt;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use wavecast_websocket::Limits;
use wavecast_websocket::handshake::{HeadError, parse_response};

use super::proxy::{Kind, Proxy};
use super::socks::{Socks, SocksError};
use super::url::Url;

/// What one read of a proxy's answer takes in at most.
const READ_BYTES: usize = 1_024;

/// Why a proxy gave no way to the server.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProxyError {
    /// The proxy's name could not be resolved.
    Resolve(io::Error),
    /// No address of the proxy accepted a TCP connection.
    Connect(io::Error),
    /// The connection to the proxy failed, or it ended it before it had answered.
    Io(io::Error),
    /// An HTTP proxy answered with this status instead of 2xx; 407: it wants credentials, or others.
    Status(u16),
    /// What it answered is not HTTP, or longer than [`Limits`] allow.
    Head(HeadError),
    /// It sent something behind its answer, before anything had been asked of the server.
    SpokeFirst,
    /// What a SOCKS proxy has against it.
    Socks(SocksError),
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve(error) => write!(f, "the proxy's name could not be resolved: {error}"),
            Self::Connect(error) => write!(f, "no TCP connection to the proxy: {error}"),
            Self::Io(error) => write!(f, "the connection to the proxy failed: {error}"),
            Self::Status(407) => {
                f.write_str("the proxy wants a user name and password, or others (status 407)")
            }
            Self::Status(status @ (403 | 405)) => {
                write!(f, "the proxy does not allow a connection to this host and port (status {status})")
            }
            Self::Status(status @ (502..=504)) => {
                write!(f, "the proxy does not reach the server (status {status})")
            }
            Self::Status(status) => write!(f, "the proxy answered {status} instead of 200"),
            Self::Head(error) => write!(f, "the proxy's answer is not HTTP: {error}"),
            Self::SpokeFirst => f.write_str("the proxy sent more than its answer"),
            Self::Socks(error) => write!(f, "the SOCKS proxy gives no connection: {error}"),
        }
    }
}

impl std::error::Error for ProxyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Resolve(error) | Self::Connect(error) | Self::Io(error) => Some(error),
            Self::Head(error) => Some(error),
            Self::Socks(error) => Some(error),
            Self::Status(_) | Self::SpokeFirst => None,
        }
    }
}

/// Asks the proxy at the other end of `stream` to connect it to the host of `url`.
pub(super) async fn open<S>(
    stream: &mut S,
    proxy: &Proxy,
    url: &Url,
    limits: &Limits,
) -> Result<(), ProxyError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match proxy.kind {
        Kind::Http => open_http(stream, proxy, url, limits).await,
        Kind::Socks => open_socks(stream, proxy, url).await,
    }
}

async fn open_http<S>(stream: &mut S, proxy: &Proxy, url: &Url, limits: &Limits) -> Result<(), ProxyError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(&connect_request(proxy, url)).await.map_err(ProxyError::Io)?;
    stream.flush().await.map_err(ProxyError::Io)?;
    let mut head = Vec::new();
    loop {
        head.reserve(READ_BYTES);
        if stream.read_buf(&mut head).await.map_err(ProxyError::Io)? == 0 {
            return Err(ProxyError::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        let mut at = 0;
        while let Some((response, len)) = parse_response(&head[at..], limits).map_err(ProxyError::Head)? {
            at += len;
            match response.status() {
                // Interim answers, within the bound of one head.
                100..=199 if at < limits.head_bytes_max => {}
                // The body of a 2xx is the tunnel, whatever its head says (RFC 9110 §9.3.6).
                200..=299 if at == head.len() => return Ok(()),
                200..=299 => return Err(ProxyError::SpokeFirst),
                status => return Err(ProxyError::Status(status)),
            }
        }
    }
}

fn connect_request(proxy: &Proxy, url: &Url) -> Vec<u8> {
    let authority = url.authority();
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
    if let Some((user, password)) = &proxy.credentials {
        // RFC 7617 §2.
        let credentials = STANDARD.encode(format!("{user}:{password}"));
        request.push_str("Proxy-Authorization: Basic ");
        request.push_str(&credentials);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    request.into_bytes()
}

async fn open_socks<S>(stream: &mut S, proxy: &Proxy, url: &Url) -> Result<(), ProxyError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let credentials = proxy.credentials.as_ref().map(|(user, password)| (&**user, &**password));
    let mut out = Vec::new();
    let mut socks = Socks::start(url.host(), url.port(), credentials, &mut out);
    let mut space = [0; 512];
    loop {
        stream.write_all(&out).await.map_err(ProxyError::Io)?;
        stream.flush().await.map_err(ProxyError::Io)?;
        out.clear();
        while out.is_empty() {
            let Some(bytes) = space.get_mut(..socks.needed()).filter(|bytes| !bytes.is_empty()) else {
                return Ok(());
            };
            stream.read_exact(bytes).await.map_err(ProxyError::Io)?;
            socks.answer(bytes, &mut out).map_err(ProxyError::Socks)?;
        }
    }
}
