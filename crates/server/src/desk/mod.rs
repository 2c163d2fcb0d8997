//! The front desk: HTTP on tokio and hyper, beside the shards.
//!
//! A shard hands over every connection whose request is no WebSocket handshake. The desk answers the API, the health
//! endpoint and the pages, and holds no session. Each connection has time-outs for head, body, answer and idleness,
//! there are at most `http_server.connection_limit` of them (`seats`), and one on which a WebSocket handshake follows goes back
//! to a shard (reverse proxies keep connections alive and send whatever comes next).
//!
//! - `guard`: `Host` and `Origin`, for shards as well; `cors`: what pages of other origins may read; `backend`: what the desk asks of the server
//! - `route`: who answers; `api`: the API; `answer`, `request_body`: the two ends of a request; `coding`: compressed or not
//! - `poll`: publications for the asking, waited for or not
//! - `http2`: the same over HTTP/2, and sessions inside its streams
//! - `socket`: hyper's input and output; `framing`, `exchange`, `deadline`: what it is made of

mod answer;
mod api;
pub mod backend;
mod coding;
pub mod cors;
mod deadline;
mod exchange;
mod framing;
pub mod guard;
mod http2;
mod poll;
mod request_body;
mod route;
mod seats;
mod socket;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::sync::watch;
use wavecast_net::carrier::{Carrier, turn_away};
use wavecast_net::mount::Mount;
use wavecast_net::shard::Detached;

pub use backend::{Backend, NodeInfo};

use self::exchange::{AnswerBody, Exchange, Watch};
use self::http2::Rooms;
use self::request_body::RequestBody;
use self::route::Routes;
use self::seats::{Seat, Seats};
use self::socket::Socket;
use crate::config::{Config, Profile};

/// What takes a connection back that wants to speak WebSocket.
type WayBack = Box<dyn Fn(Detached) + Send + Sync>;

/// The front desk of a node.
pub struct Desk<B> {
    routes: Arc<Routes<B>>,
    config: Arc<Config>,
    seats: Arc<Seats>,
    refused: AtomicU64,
    draining: watch::Sender<bool>,
    way_back: Option<WayBack>,
    /// Where WebSocket sessions inside HTTP/2 live.
    streams: Option<Mount>,
}

impl<B: Backend> Desk<B> {
    /// A desk over a backend.
    pub fn new(backend: Arc<B>, config: Arc<Config>, profile: Profile) -> Self {
        let draining = watch::Sender::new(false);
        Self {
            routes: Arc::new(Routes::new(backend, Arc::clone(&config), profile, draining.subscribe())),
            seats: Arc::new(Seats::new(config.http_server.connection_limit, config.poll.waiting_limit)),
            refused: AtomicU64::new(0),
            draining,
            way_back: None,
            streams: None,
            config,
        }
    }

    /// The same desk with a way back: what is to become of a connection on which a WebSocket handshake follows a
    /// plain request. The handshake's head and all that follows it are in `received`. Without a way back such a
    /// handshake is answered 426.
    #[must_use]
    pub fn with_way_back(mut self, back: impl Fn(Detached) + Send + Sync + 'static) -> Self {
        self.way_back = Some(Box::new(back));
        self
    }

    /// The same desk with shards for WebSocket sessions inside HTTP/2. Without them such a handshake is answered as any
    /// request is.
    #[must_use]
    pub fn with_streams(self, shards: Mount) -> Self {
        Self { streams: Some(shards), ..self }
    }

    /// Ends every connection when its request is answered, and makes the health endpoint say so.
    pub fn drain(&self) {
        self.draining.send_replace(true);
    }

    /// Whether [`drain`](Self::drain) was called.
    pub fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Connections at the desk at this moment, without those of long-polls.
    pub fn connections(&self) -> usize {
        self.seats.taken()
    }

    /// Polls that wait at this moment.
    pub fn waiting_polls(&self) -> usize {
        self.routes.waiting_polls()
    }

    /// Connections refused since the start because there were `http_server.connection_limit` of them.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl<B> fmt::Debug for Desk<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk")
            .field("seats", &self.seats)
            .field("refused", &self.refused)
            .finish_non_exhaustive()
    }
}

/// Serves one connection until its end, or until it goes back to a shard. Must run on a tokio runtime with I/O and
/// time. Every failure is the peer's or the network's and ends this connection alone, so there is nothing to return.
///
/// Cancel-safe: dropping the future closes the connection.
pub async fn serve_connection<B: Backend>(detached: Detached, desk: Arc<Desk<B>>) {
    let peer = detached.peer;
    let Some(seat) = Seats::take(&desk.seats) else {
        desk.refuse(detached);
        return;
    };
    let served = match http2::is_spoken(&detached.received) {
        // Boxed, so that HTTP/1.1 does not pay for it.
        true => Box::pin(desk.serve_http2(detached, seat)).await,
        false => desk.serve(detached, seat).await,
    };
    match served {
        Ok(()) => tracing::trace!(%peer, "an HTTP connection ends"),
        Err(error) => tracing::debug!(%peer, %error, "an HTTP connection breaks"),
    }
}

impl<B: Backend> Desk<B> {
    async fn serve_http2(&self, detached: Detached, seat: Arc<Seat>) -> io::Result<()> {
        let rooms = Rooms { routes: Arc::clone(&self.routes), shards: self.streams.clone(), seat };
        http2::serve(rooms, &self.config.http_server, self.draining.subscribe(), detached).await
    }

    async fn serve(&self, detached: Detached, seat: Arc<Seat>) -> io::Result<()> {
        let Detached { stream, received, peer } = detached;
        let stream = Carrier::new(stream)?;
        // An answer goes out in one write, and waits for nothing.
        stream.set_nodelay();
        let settings = &self.config.http_server;
        let exchange = Arc::new(Exchange::default());
        let socket = Socket::new(stream, &received, Arc::clone(&exchange), settings, self.way_back.is_some());
        let service = service_fn(|request: Request<Incoming>| {
            let (exchange, seat) = (Arc::clone(&exchange), Arc::clone(&seat));
            exchange.begin();
            async move {
                let (mut head, body) = request.into_parts();
                head.extensions.insert(Watch(Arc::clone(&exchange)));
                head.extensions.insert(seat);
                let answer = self.routes.answer(&head, RequestBody::new(body), peer).await;
                Ok::<_, Infallible>(answer.map(|body| AnswerBody::new(body, exchange)))
            }
        });
        let connection = http1::Builder::new()
            // A client that has ended its side still gets its answer.
            .half_close(true)
            // The socket has time-outs of its own, one for each kind of wait.
            .header_read_timeout(None)
            .max_headers(settings.head_field_limit)
            .max_header_size(settings.head_size_limit)
            .serve_connection(socket, service);
        let mut connection = pin!(connection);
        let mut draining = self.draining.subscribe();
        // The sender lives as long as the desk, so the wait ends only when it is told to.
        let drained = async { draining.wait_for(|draining| *draining).await.is_ok() };
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            _ = drained => {
                exchange.drain();
                connection.await
            }
        };
        self.return_to_shard(&exchange, peer)?;
        match ended {
            // hyper has answered by itself, and nobody behind the desk has seen the request.
            Err(error) if error.is_parse() && !error.is_parse_version_h2() => {
                let status = if error.is_parse_too_large() { 431 } else { 400 };
                tracing::info!(%peer, status, %error, "refused: not a right request");
                Ok(())
            }
            ended => ended.map_err(io::Error::other),
        }
    }

    fn return_to_shard(&self, exchange: &Exchange, peer: SocketAddr) -> io::Result<()> {
        if let (Some((stream, received)), Some(way_back)) = (exchange.take_back(), &self.way_back) {
            way_back(Detached { stream: stream.into_stream()?, received: received.to_vec(), peer });
        }
        Ok(())
    }

    /// Too many connections: this one is told so, as far as that goes without waiting.
    fn refuse(&self, detached: Detached) {
        const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n\
            Content-Type: text/plain\r\nContent-Length: 35\r\n\r\nToo many HTTP connections at once.\n";
        let refused = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
        // Named at 1, 2, 4, 8…: a flood must not become one of the log.
        if refused.is_power_of_two() {
            let limit = self.config.http_server.connection_limit;
            let peer = detached.peer;
            tracing::warn!(%peer, status = 503, refused, limit, "refused: http_server.connection_limit is reached");
        }
        let words = if http2::is_spoken(&detached.received) { http2::TURNED_AWAY } else { FULL };
        turn_away(detached.stream, words);
    }
}
