//! Somebody's HTTP service behind a server of ours (feature `hyper`): requests that ask for no WebSocket go there.
//!
//! The connection leaves its shard for hyper. A WebSocket handshake that follows on it, as reverse proxies send them, goes
//! back to a shard.

use std::convert::Infallible;
use std::error::Error;
use std::future::{Future as _, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use http_body_util::{Either, Full};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioTimer;
use hyper_util::service::TowerToHyperService;
use tokio::runtime::Handle as Runtime;
use tokio::sync::{Semaphore, mpsc, watch};
use tower_service::Service;
use tracing::debug;

use super::Server;
use crate::carrier::{Resumed, turn_away};
use crate::mount::{Mount, Upgrade};
use crate::shard::Detached;

/// Connections that are with the service at once. One more is answered 503.
const CONNECTIONS_MAX: usize = 10_000;
/// Time for a whole request head to come, and so how long a connection may rest between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

type BoxError = Box<dyn Error + Send + Sync>;

impl Server {
    /// Gives requests that ask for no WebSocket to an HTTP service, before [`Events::request`](super::Events::request)
    /// hears of them: an axum `Router`, or any tower service. It runs on the tokio runtime in which this is called, speaks
    /// HTTP/1.1 (over TLS, too, where the listener does) and finds the [`SocketAddr`] of the client among a request's
    /// extensions (with the feature `axum`, also as `ConnectInfo<SocketAddr>`).
    ///
    /// At most 10,000 connections are with the service; one that sends no whole head for 30 s is
    /// closed. When the server is drained, requests under way are answered and their connections closed.
    ///
    /// It takes the place of [`Server::side_door`].
    ///
    /// ```no_run
    /// # #[cfg(feature = "axum")]
    /// # async fn example(events: impl wavecast_net::server::Events) -> std::io::Result<()> {
    /// use axum::{Router, routing::get};
    /// use wavecast_net::server::Server;
    ///
    /// let app = Router::new().route("/", get(|| async { "hello" }));
    /// let running = Server::bind("127.0.0.1:8000")?.fallback(app)?.start(events)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When it is called outside of a tokio runtime.
    pub fn fallback<T, B>(mut self, service: T) -> io::Result<Self>
    where
        T: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
        T::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let runtime = Runtime::try_current().map_err(io::Error::other)?;
        self.fallback = Some(Box::new(move |shards| {
            let (give, take) = mpsc::channel(CONNECTIONS_MAX);
            runtime.spawn(serve_all(take, service, shards));
            Arc::new(move |detached: Detached| {
                if let Err(
                    mpsc::error::TrySendError::Full(detached) | mpsc::error::TrySendError::Closed(detached),
                ) = give.try_send(detached)
                {
                    turn_away(detached.stream, FULL);
                }
            })
        }));
        Ok(self)
    }
}

/// Serves what comes through the side door until the shards have ended, and then sees requests under way out.
async fn serve_all<T, B>(mut take: mpsc::Receiver<Detached>, service: T, shards: Mount)
where
    T: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    T::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let (living, end) = watch::channel(());
    while let Some(detached) = take.recv().await {
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            turn_away(detached.stream, FULL);
            continue;
        };
        let serving = serve(detached, service.clone(), shards.clone(), end.clone());
        tokio::spawn(async move {
            if let Err(error) = serving.await {
                debug!(%error, "an HTTP connection of the fallback broke");
            }
            drop(place);
        });
    }
    // Whoever waits for the end hears of it by this.
    drop(living);
}

async fn serve<T, B>(
    detached: Detached,
    service: T,
    shards: Mount,
    mut end: watch::Receiver<()>,
) -> Result<(), BoxError>
where
    T: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    T::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let Detached { stream, received, peer } = detached;
    let io = Resumed::new(stream, &received)?;
    let service = TowerToHyperService::new(service);
    let answer = service_fn(move |mut request: Request<Incoming>| {
        let (service, shards) = (service.clone(), shards.clone());
        async move {
            if is_handshake(request.headers()) {
                let answer = Upgrade::of(&mut request).peer(peer).to(&shards).await;
                return Ok::<_, Infallible>(answer.map(Either::Left));
            }
            tell_peer(&mut request, peer);
            service.call(request).await.map(|answer| answer.map(Either::<Full<Bytes>, B>::Right))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(io, answer)
        .with_upgrades();
    let (mut connection, mut end) = (pin!(connection), pin!(end.changed()));
    let mut ending = false;
    poll_fn(|context| {
        if !ending && end.as_mut().poll(context).is_ready() {
            ending = true;
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(context)
    })
    .await
    .map_err(Into::into)
}

/// Whether a request asks for a WebSocket; a shard judges how well.
fn is_handshake(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|name| name.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

fn tell_peer(request: &mut Request<Incoming>, peer: SocketAddr) {
    #[cfg(feature = "axum")]
    request.extensions_mut().insert(axum::extract::ConnectInfo(peer));
    request.extensions_mut().insert(peer);
}
