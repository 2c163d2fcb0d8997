//! The front desk: HTTP on tokio and hyper, beside the shards.
//!
//! A shard hands over every connection whose request is no WebSocket handshake. The desk answers the API, the health
//! endpoint and the pages, and holds no session. Each connection has time-outs for head, body, answer and idleness,
//! there are at most `http_server.connection_limit` of them (`seats`), and one on which a WebSocket handshake follows goes back
//! to a shard (reverse proxies keep connections alive and send whatever comes next).
//!
//! - `guard`: `Host` and `Origin`, for shards as well; `cors`: what pages of other origins may read; `backend`: what the desk asks of the server
//! - `route`: who answers; `api`: the API; `health`: is it well; `scrape`: metrics; `answer`, `request_body`: the two ends of a request; `coding`: compressed or not
//! - `http2`: the same over HTTP/2, and sessions inside its streams; `answer_body`: what its answers go out by; `internal`: a port without clients
//! - `stream`: requests that become sessions, on shards; `emulation`: what their clients have to say; `encoding`: in what
//! - `poll`: publications for the asking, waited for or not
//! - `socket`: hyper's input and output; `framing`, `exchange`, `deadline`: what it is made of

mod answer;
mod answer_body;
mod api;
pub mod backend;
mod coding;
pub mod cors;
mod deadline;
mod emulation;
mod encoding;
mod exchange;
mod framing;
pub mod guard;
mod health;
mod http2;
pub(crate) mod internal;
mod poll;
mod request_body;
mod route;
mod scrape;
mod seats;
mod socket;
mod stream;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::fmt;
use std::future::{Future as _, pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use arc_swap::ArcSwap;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::sync::watch;
use wavecast_net::carrier::{Carrier, turn_away};
use wavecast_net::mount::Mount;
use wavecast_net::shard::Detached;

pub(crate) use api::methods;
pub use backend::{Backend, NodeInfo};

use self::exchange::{AnswerBody, Exchange, Watch};
use self::http2::Rooms;
use self::poll::Waiting;
use self::request_body::RequestBody;
use self::route::Routes;
use self::seats::{Seat, Seats};
use self::socket::Socket;
use self::stream::Outcome;
use crate::config::{Config, Profile};
use crate::streams::{AnswerBy, StreamOpening};

/// How a connection has been served.
enum Served {
    ToTheEnd(hyper::Result<()>),
    /// It goes on as a session.
    AsSession(Box<StreamOpening>),
}

/// The last words to a session that no shard takes.
const NO_SHARD: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n\
    Content-Length: 0\r\n\r\n";

/// What takes a connection back that wants to speak WebSocket.
type WayBack = Box<dyn Fn(Detached) + Send + Sync>;

/// The front desk of a node.
pub struct Desk<B> {
    backend: Arc<B>,
    /// Made anew with the configuration.
    routes: Arc<ArcSwap<Routes<B>>>,
    config: ArcSwap<Config>,
    profile: Profile,
    /// Polls, and what they are told: more than one configuration may have them.
    waiting: Waiting,
    seats: Arc<Seats>,
    draining: watch::Sender<bool>,
    ending: watch::Sender<bool>,
    way_back: Option<WayBack>,
    /// Where WebSocket sessions inside HTTP/2 live.
    streams: Option<Mount>,
}

impl<B: Backend> Desk<B> {
    /// A desk over a backend.
    pub fn new(backend: Arc<B>, config: Arc<Config>, profile: Profile) -> Self {
        let draining = watch::Sender::new(false);
        let waiting = Waiting::new(&config.poll, &backend.metrics().polls);
        let routes = Routes::new(
            Arc::clone(&backend),
            Arc::clone(&config),
            profile,
            draining.subscribe(),
            waiting.clone(),
        );
        Self {
            backend,
            waiting,
            routes: Arc::new(ArcSwap::from_pointee(routes)),
            profile,
            seats: Arc::new(Seats::new(
                config.http_server.connection_limit,
                config.poll.waiting_limit + config.emulation.connection_limit,
            )),
            draining,
            ending: watch::Sender::new(false),
            way_back: None,
            streams: None,
            config: ArcSwap::new(config),
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

    /// Goes by this configuration from now on: requests that begin now, and connections that come. The number of connections
    /// stays as it was.
    pub fn exchange(&self, config: Arc<Config>) {
        let (backend, draining) = (Arc::clone(&self.backend), self.draining.subscribe());
        let routes = Routes::new(backend, Arc::clone(&config), self.profile, draining, self.waiting.clone());
        self.routes.store(Arc::new(routes));
        self.config.store(config);
    }

    /// Ends every connection with its next answer, and makes its health endpoint say so.
    pub fn drain(&self) {
        self.draining.send_replace(true);
    }

    /// Ends the connections on which nothing is asked, and waits for the others: until what is under way has been
    /// answered. Begins with [`drain`](Self::drain). Cancel-safe: what has begun goes on.
    pub async fn end(&self) {
        self.drain();
        self.ending.send_replace(true);
        self.seats.empty().await;
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
        self.waiting.polls()
    }
}

impl<B> fmt::Debug for Desk<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("seats", &self.seats).finish_non_exhaustive()
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
    let _counted = Counted::new(Arc::clone(&desk.backend));
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

/// A connection that is counted as long as it is served.
struct Counted<B: Backend>(Arc<B>);

impl<B: Backend> Counted<B> {
    fn new(backend: Arc<B>) -> Self {
        backend.metrics().http_connections.add(1);
        Self(backend)
    }
}

impl<B: Backend> Drop for Counted<B> {
    fn drop(&mut self) {
        self.0.metrics().http_connections.less();
    }
}

impl<B: Backend> Desk<B> {
    async fn serve_http2(&self, detached: Detached, seat: Arc<Seat>) -> io::Result<()> {
        let rooms = Rooms {
            routes: Arc::clone(&self.routes),
            backend: Arc::clone(&self.backend),
            shards: self.streams.clone(),
            seat,
        };
        http2::serve(rooms, &self.config.load_full().http_server, self.draining.subscribe(), detached).await
    }

    async fn serve(&self, detached: Detached, seat: Arc<Seat>) -> io::Result<()> {
        let Detached { stream, received, peer } = detached;
        let stream = Carrier::new(stream)?;
        // An answer goes out in one write, and waits for nothing.
        stream.set_nodelay();
        let config = self.config.load_full();
        let settings = &config.http_server;
        let exchange = Arc::new(Exchange::default());
        let socket = Socket::new(stream, &received, Arc::clone(&exchange), settings, self.way_back.is_some());
        let service = service_fn(|request: Request<Incoming>| {
            let (exchange, seat) = (Arc::clone(&exchange), Arc::clone(&seat));
            exchange.begin();
            async move {
                let (mut head, body) = request.into_parts();
                head.extensions.insert(Watch(Arc::clone(&exchange)));
                head.extensions.insert(seat);
                let routes = self.routes.load_full();
                match routes.answer(&mut head, RequestBody::new(body), peer).await {
                    Outcome::Answer(answer) => {
                        Ok::<_, Infallible>(answer.map(|body| AnswerBody::new(body, exchange)))
                    }
                    Outcome::Stream(mut opening, fields) => {
                        opening.answer = AnswerBy::Shard(fields);
                        exchange.leave(opening);
                        pending().await
                    }
                }
            }
        });
        let mut connection = http1::Builder::new()
            // A client that has ended its side still gets its answer.
            .half_close(true)
            // The socket has time-outs of its own, one for each kind of wait.
            .header_read_timeout(None)
            .max_headers(settings.head_field_limit)
            .max_header_size(settings.head_size_limit)
            .serve_connection(socket, service);
        let mut ending = self.ending.subscribe();
        // The sender lives as long as the desk, so the wait ends only when it is told to.
        let mut drained = pin!(async { ending.wait_for(|ending| *ending).await.is_ok() });
        let mut is_drained = false;
        let served = poll_fn(|context| {
            if !is_drained && drained.as_mut().poll(context).is_ready() {
                is_drained = true;
                exchange.drain();
            }
            let ended = Pin::new(&mut connection).poll(context);
            match exchange.take_leaving() {
                Some(opening) => Poll::Ready(Served::AsSession(opening)),
                None => ended.map(Served::ToTheEnd),
            }
        });
        let ended = match served.await {
            Served::ToTheEnd(ended) => ended,
            Served::AsSession(opening) => return self.give_to_shard(connection.into_parts().io, *opening),
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

    /// The connection goes on as a session.
    fn give_to_shard(&self, socket: Socket, opening: StreamOpening) -> io::Result<()> {
        let Some(carrier) = socket.into_carrier() else { return Ok(()) };
        if let Err(stream) = self.backend.open(opening, carrier.into_stream()?) {
            tracing::warn!("a session could not go to a shard: its control lane is full");
            turn_away(stream, NO_SHARD);
        }
        Ok(())
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
        let refused = self.backend.metrics().http_refused.count();
        // Named at 1, 2, 4, 8…: a flood must not become one of the log.
        if refused.is_power_of_two() {
            let limit = self.seats.limit();
            let peer = detached.peer;
            tracing::warn!(%peer, status = 503, refused, limit, "refused: http_server.connection_limit is reached");
        }
        let words = if http2::is_spoken(&detached.received) { http2::TURNED_AWAY } else { FULL };
        turn_away(detached.stream, words);
    }
}
