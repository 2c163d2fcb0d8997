//! HTTP/2 at the desk: requests answered as over HTTP/1.1, and WebSocket sessions inside streams (RFC 8441).
//!
//! A session inside a stream lives on a shard like any other, behind the same judgement; its bytes pass through the desk.
//! What it may send ahead is bounded by the stream's window, what waits for it by the relay and then by its outbox.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::ext::Protocol;
use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderValue};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response};
use hyper_util::rt::TokioTimer;
use tokio::sync::{oneshot, watch};
use tokio::time::sleep;
use wavecast_net::carrier::Resumed;
use wavecast_net::driver::Stream;
use wavecast_net::mount::{Mount, Upgrade};
use wavecast_net::relay::relay;
use wavecast_net::shard::Detached;

use super::answer::Answer;
use super::answer_body::{AnswerBody, Patient};
use super::backend::Backend;
use super::cors;
use super::request_body::RequestBody;
use super::route::Routes;
use super::seats::Seat;
use super::stream::{self, Outcome, StreamBody};
use crate::config::HttpServer;
use crate::streams::{AnswerBy, StreamOpening};

/// What a connection of HTTP/2 begins with (RFC 9113 §3.4), as far as its first line.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";
/// Streams of one connection: sessions, and requests under way.
const STREAMS_MAX: u32 = 1000;
/// Bytes that a stream may send before they are taken; and all streams of a connection together.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Bytes of a stream that wait for the peer's window.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// A silent peer is asked whether it is there, and has as long to answer.
const PING_INTERVAL: Duration = Duration::from_secs(25);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// The last words to a connection that nobody serves: our settings, as every connection begins, and a GOAWAY by which none
/// of its requests was taken, because there are too many (RFC 9113 §3.4, §6.8). Some other node may be asked the same.
pub(super) const TURNED_AWAY: &[u8] = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\
    \x00\x00\x2a\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0bToo many HTTP connections at once.";

/// Whether a connection speaks HTTP/2.
pub(super) fn is_spoken(received: &[u8]) -> bool {
    received.starts_with(PREFACE)
}

/// Why there is no session, a whole answer, or the way of a session to its client.
type AnyBody = Either<Full<Bytes>, Either<AnswerBody<Guard>, StreamBody<Guard>>>;

/// Whether these bytes, the first of a connection, show whether it speaks HTTP/2.
pub(super) fn is_decided(received: &[u8]) -> bool {
    received.len() >= PREFACE.len() || !PREFACE.starts_with(received)
}

/// Who answers what comes in.
#[derive(Debug)]
pub(super) struct Rooms<B> {
    pub(super) routes: Arc<ArcSwap<Routes<B>>>,
    pub(super) backend: Arc<B>,
    /// Where sessions live; without, there are none.
    pub(super) shards: Option<Mount>,
    /// The connection's.
    pub(super) seat: Arc<Seat>,
}

/// Serves one connection until its end. One on which nothing has happened for `http_server.idle_timeout` is ended.
pub(super) async fn serve<B: Backend>(
    rooms: Rooms<B>,
    settings: &HttpServer,
    mut draining: watch::Receiver<bool>,
    detached: Detached,
) -> io::Result<()> {
    let Detached { stream, received, peer } = detached;
    let io = Resumed::new(stream, &received)?;
    let idle_timeout = settings.idle_timeout;
    let head_bytes_max = u32::try_from(settings.head_size_limit).unwrap_or(u32::MAX);
    let work = Arc::new(Work::default());
    let (counted, rooms) = (Arc::clone(&work), Arc::new(rooms));
    let service = service_fn(move |request| {
        let (rooms, guard) = (Arc::clone(&rooms), Work::begin(&counted));
        async move { Ok::<_, Infallible>(rooms.answer(request, peer, guard).await) }
    });
    let connection = http2::Builder::new(Patient { write_timeout: settings.write_timeout })
        .timer(TokioTimer::new())
        .enable_connect_protocol()
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(head_bytes_max)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    let (mut ending, mut begun) = (false, 0);
    loop {
        tokio::select! {
            ended = connection.as_mut() => return ended.map_err(io::Error::other),
            // The sender lives as long as the desk, so the wait ends only when it is told to.
            _ = draining.wait_for(|draining| *draining), if !ending => {
                ending = true;
                // GOAWAY: what is under way is answered, and sessions are closed by their shards.
                connection.as_mut().graceful_shutdown();
            }
            () = sleep(idle_timeout) => {
                let is_idle = work.is_idle() && begun == work.begun();
                begun = work.begun();
                if is_idle && ending {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                if is_idle {
                    ending = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

impl<B: Backend> Rooms<B> {
    async fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: SocketAddr,
        guard: Guard,
    ) -> Response<AnyBody> {
        // The authority is what was asked for (RFC 9113 §8.3.1); everything behind this knows it as Host.
        if let Some(host) = request.uri().authority().and_then(|a| HeaderValue::from_str(a.as_str()).ok()) {
            request.headers_mut().insert(HOST, host);
        }
        let protocol = request.extensions().get::<Protocol>();
        let is_websocket =
            protocol.is_some_and(|protocol| protocol.as_str().eq_ignore_ascii_case("websocket"));
        if let (true, &Method::CONNECT, Some(mount)) = (is_websocket, request.method(), &self.shards) {
            return Upgrade::of(&mut request).peer(peer).holding(guard).to(mount).await.map(Either::Left);
        }
        let is_head = request.method() == Method::HEAD;
        let (mut head, body) = request.into_parts();
        head.extensions.insert(Arc::clone(&self.seat));
        let routes = self.routes.load_full();
        let mut answer = match routes.answer(&mut head, RequestBody::new(body), peer).await {
            Outcome::Answer(answer) => answer,
            Outcome::Stream(opening, fields) => return self.open(*opening, fields, guard).await,
        };
        // Which connection is used again is not said in an answer here.
        answer.headers_mut().remove(CONNECTION);
        // hyper leaves the body out over HTTP/1.1 only; no bytes may follow (RFC 9110 §9.3.2).
        if is_head {
            let length = std::mem::take(answer.body_mut()).len();
            answer.headers_mut().entry(CONTENT_LENGTH).or_insert(length.into());
        }
        whole(answer, guard)
    }

    /// A session begins, whose bytes go through the stream of its request.
    async fn open(&self, mut opening: StreamOpening, fields: HeaderMap, guard: Guard) -> Response<AnyBody> {
        let (inside, outside) = relay();
        let stands = (opening.answers > 0).then(|| {
            let (told, stands) = oneshot::channel();
            opening.answer = AnswerBy::Desk(Some(told));
            stands
        });
        let refused = match (self.backend.open(opening, Stream::Relay(inside)), stands) {
            (Err(_), _) => Some(stream::no_shard()),
            (Ok(()), None) => None,
            (Ok(()), Some(stands)) => match stands.await {
                Ok(Ok(())) => None,
                Ok(Err(ended)) => Some(stream::ended(&ended)),
                Err(_) => Some(stream::no_shard()),
            },
        };
        if let Some(mut answer) = refused {
            answer.headers_mut().extend(cors::of(&fields));
            return whole(answer, guard);
        }
        let mut answer = Response::new(Either::Right(Either::Right(StreamBody::new(outside, guard))));
        *answer.headers_mut() = fields;
        answer
    }
}

fn whole(answer: Answer, guard: Guard) -> Response<AnyBody> {
    answer.map(|body| Either::Right(Either::Left(AnswerBody::new(body, guard))))
}

/// What is under way on a connection: requests until they are answered, and sessions.
#[derive(Debug, Default)]
struct Work {
    under_way: AtomicUsize,
    begun: AtomicUsize,
}

/// Something is under way as long as this lives.
struct Guard(Arc<Work>);

impl Work {
    fn begin(work: &Arc<Self>) -> Guard {
        work.under_way.fetch_add(1, Relaxed);
        work.begun.fetch_add(1, Relaxed);
        Guard(Arc::clone(work))
    }

    fn is_idle(&self) -> bool {
        self.under_way.load(Relaxed) == 0
    }

    fn begun(&self) -> usize {
        self.begun.load(Relaxed)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Relaxed);
    }
}
