//! A request on its way to a mount, and its connection after it.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use http::request::Parts;
use http::{Request, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tracing::debug;

use super::Mount;
use super::answer::{self, Answer};
use super::request;
use crate::carrier::Resumed;
use crate::driver::Stream;
use crate::relay::{Outside, hand_over, pump, relay};
use crate::shard::Detached;

/// A request that may become a WebSocket connection of a server of ours.
///
/// Any request may be sent on: one that is no WebSocket handshake is answered as a shard answers it, with 426 say.
///
/// ```no_run
/// # use http_body_util::Full;
/// # use bytes::Bytes;
/// use hyper::body::Incoming;
/// use hyper::{Request, Response};
/// use wavecast_net::mount::{Mount, Upgrade};
///
/// async fn chat(mut request: Request<Incoming>, shards: Mount) -> Response<Full<Bytes>> {
///     Upgrade::of(&mut request).to(&shards).await
/// }
/// ```
///
/// hyper has to serve the connection `with_upgrades`, and HTTP/2 with `enable_connect_protocol`.
#[must_use = "nothing happens until it is sent on"]
pub struct Upgrade {
    head: Vec<u8>,
    is_stream: bool,
    connection: Option<OnUpgrade>,
    peer: SocketAddr,
    held: Option<Held>,
}

/// Something that is kept as long as bytes are carried.
type Held = Box<dyn Send>;

impl Upgrade {
    /// Takes what is needed out of a request. Where it comes from is looked for among its extensions: a [`SocketAddr`] (or,
    /// with the feature `axum`, axum's `ConnectInfo<SocketAddr>`); without one it is `0.0.0.0:0`.
    pub fn of<B>(request: &mut Request<B>) -> Self {
        let (mut parts, ()) = Request::new(()).into_parts();
        // Lent and given back: the parts of a borrowed request cannot be had otherwise.
        parts.method = request.method().clone();
        parts.uri = request.uri().clone();
        parts.version = request.version();
        parts.headers = std::mem::take(request.headers_mut());
        parts.extensions = std::mem::take(request.extensions_mut());
        let upgrade = Self::of_parts(&mut parts);
        *request.headers_mut() = parts.headers;
        *request.extensions_mut() = parts.extensions;
        upgrade
    }

    /// As [`Upgrade::of`], for a request in parts.
    pub fn of_parts(parts: &mut Parts) -> Self {
        let peer = parts.extensions.get::<SocketAddr>().copied();
        #[cfg(feature = "axum")]
        let peer = peer.or_else(|| {
            let known = parts.extensions.get::<axum::extract::ConnectInfo<SocketAddr>>();
            known.map(|known| known.0)
        });
        Self {
            head: request::write_head(parts),
            is_stream: request::is_stream(parts),
            connection: parts.extensions.remove(),
            peer: peer.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
            held: None,
        }
    }

    /// Where the connection comes from, as handlers are told.
    pub fn peer(self, peer: SocketAddr) -> Self {
        Self { peer, ..self }
    }

    /// Keeps something (a permit, a count) until the connection has ended or has moved to a shard. Default: nothing.
    pub fn holding(self, held: impl Send + 'static) -> Self {
        Self { held: Some(Box::new(held)), ..self }
    }

    /// Sends the request to a shard and waits for its answer, which is to be returned as the answer to the request. If it
    /// opens a connection that moves, or is carried, when the HTTP server has sent it. Wants a tokio runtime.
    ///
    /// The shard answers within its time-outs: [`Options::head_timeout`](crate::Options::head_timeout) at the latest. 503
    /// where no shard takes it. An answer that opens a connection and is not sent ends the connection: for its events, a
    /// failure.
    ///
    /// Cancel-safe: dropping the future ends the connection, if it has opened.
    pub async fn to(self, mount: &Mount) -> Answer {
        let Self { head, is_stream, connection, peer, held } = self;
        let (inside, outside) = relay();
        if mount.give(Detached { stream: Stream::Relay(inside), received: head, peer }).is_err() {
            return answer::unanswered();
        }
        let answer = answer::hear(&outside).await;
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            let Some(connection) = connection else {
                debug!(%peer, "a handshake cannot be completed: the HTTP server does not upgrade connections");
                return answer::unanswered();
            };
            tokio::spawn(async move {
                if let Err(error) = carry(connection, outside).await {
                    debug!(%peer, %error, "a connection that is carried to a shard broke");
                }
                drop(held);
            });
        }
        if is_stream { answer::for_a_stream(answer) } else { answer }
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the head: cookies stand there.
        f.debug_struct("Upgrade").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// Moves the connection to the shard, or carries it.
async fn carry(connection: OnUpgrade, outside: Outside) -> io::Result<()> {
    let upgraded = connection.await.map_err(io::Error::other)?;
    let upgraded = match socket(upgraded) {
        Ok((socket, received)) => return hand_over(socket, &received, outside).await,
        Err(upgraded) => upgraded,
    };
    match upgraded.downcast::<Resumed>() {
        // A connection that a shard let go for a request of another kind.
        Ok(parts) => match parts.io.into_socket(&parts.read_buf) {
            Ok((socket, received)) => hand_over(socket, &received, outside).await,
            Err(secured) => pump(TokioIo::new(secured), outside).await,
        },
        Err(upgraded) => pump(TokioIo::new(upgraded), outside).await,
    }
}

/// The plain socket below a connection, if there is one, and what has been read from it.
fn socket(upgraded: Upgraded) -> Result<(TcpStream, bytes::Bytes), Upgraded> {
    let upgraded = match auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
        Ok(parts) => return Ok((parts.io.into_inner(), parts.read_buf)),
        Err(upgraded) => upgraded,
    };
    let parts = upgraded.downcast::<TokioIo<TcpStream>>()?;
    Ok((parts.io.into_inner(), parts.read_buf))
}
