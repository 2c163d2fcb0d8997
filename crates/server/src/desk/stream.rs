//! HTTP requests that become sessions: their answer is the session's way to its client, and has no end of its own.
//!
//! The desk judges such a request and reads it; the session lives on a shard like any other. Over HTTP/1.1 the socket
//! itself goes there, and the answer ends with its connection. Inside HTTP/2, where it cannot, a relay stands in between,
//! and [`StreamBody`] is its end at the desk.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use wavecast_net::relay::Outside;
use wavecast_protocol::centrifuge::Encoding;

use super::answer::{self, Answer};
use super::backend::Backend;
use super::parameter;
use super::request_body::RequestBody;
use crate::config::{Config, StreamEndpoint};
use crate::streams::{StreamOpening, TurnedAway};
use crate::wire_form::WireForm;

/// Nothing on the way may keep, change (RFC 9111 §5.2.2.6) or collect what goes by.
const UNCACHED: HeaderValue = HeaderValue::from_static("no-store, no-transform");
/// nginx, and others by its example, pass on at once what comes with this.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
/// What goes before the first event: EventSource passes it over, and who waits for a first byte has it.
const EVENTS_BEGIN: &[u8] = b"\r\n";

/// What becomes of a request for a session.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Nothing: this is the answer.
    Answer(Answer),
    /// A session, behind an answer with these fields.
    Stream(Box<StreamOpening>, HeaderMap),
}

/// The endpoints of sessions.
#[derive(Debug)]
pub(super) struct Streams<B> {
    backend: Arc<B>,
    config: Arc<Config>,
}

/// How an endpoint is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Sse,
    HttpStream,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Sse, Self::HttpStream];

    fn settings(self, config: &Config) -> &StreamEndpoint {
        match self {
            Self::Sse => &config.sse,
            Self::HttpStream => &config.http_stream,
        }
    }

    /// The methods that are answered.
    pub(super) const fn methods(self) -> &'static str {
        match self {
            Self::Sse => "GET, POST",
            Self::HttpStream => "POST",
        }
    }

    /// The endpoint at a path.
    pub(super) fn at(path: &str, config: &Config) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| {
            let settings = kind.settings(config);
            settings.enabled && settings.handler_prefix == path
        })
    }

    fn form(self, encoding: Encoding) -> WireForm {
        match (self, encoding) {
            // Text is all that events can hold.
            (Self::Sse, _) => WireForm::Sse,
            (Self::HttpStream, Encoding::Json) => WireForm::HttpStreamJson,
            (Self::HttpStream, Encoding::Protobuf) => WireForm::HttpStreamProtobuf,
        }
    }
}

impl<B: Backend> Streams<B> {
    pub(super) fn new(backend: Arc<B>, config: Arc<Config>) -> Self {
        Self { backend, config }
    }

    /// Judges a request for a session.
    pub(super) async fn answer(
        &self,
        kind: Kind,
        head: &Parts,
        body: &mut RequestBody,
        peer: SocketAddr,
    ) -> Outcome {
        match self.opening(kind, head, body, peer).await {
            Ok(opening) => {
                let fields = fields(opening.form);
                Outcome::Stream(Box::new(opening), fields)
            }
            Err(answer) => Outcome::Answer(answer),
        }
    }

    async fn opening(
        &self,
        kind: Kind,
        head: &Parts,
        body: &mut RequestBody,
        peer: SocketAddr,
    ) -> Result<StreamOpening, Answer> {
        let by_query = head.method == Method::GET && kind == Kind::Sse;
        if head.method != Method::POST && !by_query {
            let text = format!("{} answers {} only.", head.uri.path(), kind.methods().replace(", ", " and "));
            let refused = answer::text(StatusCode::METHOD_NOT_ALLOWED, &text);
            return Err(answer::with(refused, ALLOW, kind.methods()));
        }
        let encoding = parameter::encoding(&head.headers);
        if kind == Kind::Sse && encoding == Encoding::Protobuf {
            let text = "Events carry text: this endpoint speaks JSON. Protobuf is spoken over http_stream.";
            return Err(answer::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
        let bytes_max = kind.settings(&self.config).max_request_body_size;
        let commands = match by_query {
            true => parameter::of_query(head, "cf_connect").map(|value| value.into_owned().into()),
            false => {
                let time_max = self.config.http_server.body_timeout;
                Some(body.read(bytes_max, time_max).await.map_err(|error| error.answer(bytes_max))?)
            }
        };
        if !body.is_finished() {
            return Err(answer::text(StatusCode::BAD_REQUEST, "A GET request has no body here."));
        }
        let commands: Bytes = commands.filter(|commands: &Bytes| !commands.is_empty()).ok_or_else(|| {
            let text = match by_query {
                true => "The connect command is missing: it stands in the parameter cf_connect.",
                false => "The connect command is missing: it stands in the request's body.",
            };
            answer::text(StatusCode::BAD_REQUEST, text)
        })?;
        self.backend.may_come(peer.ip()).map_err(|TurnedAway { status, reason, .. }| {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            answer::with(answer::text(status, reason), RETRY_AFTER, "1")
        })?;
        let form = kind.form(encoding);
        let first = if kind == Kind::Sse { EVENTS_BEGIN } else { b"" };
        Ok(StreamOpening { form, request: head.headers.clone(), peer, head: first.to_vec(), commands })
    }
}

/// No shard takes the session now.
pub(super) fn no_shard() -> Answer {
    let text = "The server takes no connection now: come back later.";
    answer::with(answer::text(StatusCode::SERVICE_UNAVAILABLE, text), RETRY_AFTER, "1")
}

/// The fields of the answer.
fn fields(form: WireForm) -> HeaderMap {
    let content_type = match form {
        WireForm::Sse => "text/event-stream",
        WireForm::HttpStreamProtobuf => "application/octet-stream",
        _ => "application/json",
    };
    let fields = [
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CACHE_CONTROL, UNCACHED),
        UNBUFFERED,
    ];
    fields.into_iter().collect()
}

/// The head of an answer over HTTP/1.1 whose body ends with the connection (RFC 9112 §6.3).
pub(super) fn head_without_length(fields: &HeaderMap) -> Vec<u8> {
    let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
    for (name, value) in fields {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    head.extend_from_slice(CONNECTION.as_str().as_bytes());
    head.extend_from_slice(b": close\r\n\r\n");
    head
}

/// What one look takes from the relay.
const PIECE_BYTES: usize = 16 * 1024;

/// The body of an answer inside HTTP/2: what the shard writes into the relay. Dropped, it ends the session.
#[derive(Debug)]
pub(super) struct StreamBody<G> {
    outside: Outside,
    /// Kept until the stream ends.
    _guard: G,
}

impl<G> StreamBody<G> {
    pub(super) fn new(outside: Outside, guard: G) -> Self {
        Self { outside, _guard: guard }
    }
}

impl<G: Unpin> Body for StreamBody<G> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let mut piece = [0; PIECE_BYTES];
        let count = ready!(self.outside.poll_read(context, &mut piece))?;
        Poll::Ready((count > 0).then(|| Ok(Frame::data(Bytes::copy_from_slice(&piece[..count])))))
    }
}
