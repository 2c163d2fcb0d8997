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
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use wavecast_net::relay::Outside;
use wavecast_protocol::centrifuge::Encoding;

use super::answer::{self, Answer};
use super::backend::Backend;
use super::encoding;
use super::request_body::RequestBody;
use crate::asked::connect_in;
use crate::config::{Config, StreamEndpoint};
use crate::one_way::{self, Introduction};
use crate::position_list::PositionList;
use crate::streams::{AnswerBy, Ended, StreamOpening, TurnedAway};
use crate::wire_form::WireForm;

/// Nothing on the way may keep, change (RFC 9111 §5.2.2.6) or collect what goes by.
const UNCACHED: HeaderValue = HeaderValue::from_static("no-store, no-transform");
/// nginx, and others by its example, pass on at once what comes with this.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
/// Where the client of an EventSource left off, which its browser remembers (HTML standard §9.2).
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

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
    UniSse,
    UniHttpStream,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Sse, Self::HttpStream, Self::UniSse, Self::UniHttpStream];

    fn settings(self, config: &Config) -> &StreamEndpoint {
        match self {
            Self::Sse => &config.sse,
            Self::HttpStream => &config.http_stream,
            Self::UniSse => &config.uni_sse,
            Self::UniHttpStream => &config.uni_http_stream,
        }
    }

    /// The methods that are answered.
    pub(super) const fn methods(self) -> &'static str {
        match self {
            Self::HttpStream => "POST",
            Self::Sse | Self::UniSse | Self::UniHttpStream => "GET, POST",
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
            (Self::UniSse, _) => WireForm::UniSse,
            (Self::UniHttpStream, _) => WireForm::UniHttpStream,
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
        let by_query = head.method == Method::GET && kind != Kind::HttpStream;
        if head.method != Method::POST && !by_query {
            let text = format!("{} answers {} only.", head.uri.path(), kind.methods().replace(", ", " and "));
            let refused = answer::text(StatusCode::METHOD_NOT_ALLOWED, &text);
            return Err(answer::with(refused, ALLOW, kind.methods()));
        }
        let encoding = encoding::of_body(&head.headers);
        if kind != Kind::HttpStream && encoding == Encoding::Protobuf {
            let text = "This endpoint speaks JSON. Protobuf is spoken over http_stream.";
            return Err(answer::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
        let bytes_max = kind.settings(&self.config).max_request_body_size;
        let said = match by_query {
            true => None,
            false => {
                let time_max = self.config.http_server.body_timeout;
                Some(body.read(bytes_max, time_max).await.map_err(|error| error.answer(bytes_max))?)
            }
        };
        if !body.is_finished() {
            return Err(bad_request("A GET request has no body here."));
        }
        let form = kind.form(encoding);
        let (commands, answers, places) = match form.is_one_way() {
            true => self.introduction(head, said).map(|said| (said.commands.into(), said.count, said.places)),
            false => commands(head, said).map(|commands| (commands, 0, PositionList::default())),
        }
        .map_err(|problem| bad_request(&problem))?;
        self.backend.may_come(peer.ip()).map_err(|TurnedAway { status, reason, .. }| {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            answer::with(answer::text(status, reason), RETRY_AFTER, "1")
        })?;
        let answer = AnswerBy::Desk(None);
        Ok(StreamOpening { form, request: head.headers.clone(), peer, commands, answers, places, answer })
    }

    /// What the client of a session says that goes one way.
    fn introduction(&self, head: &Parts, said: Option<Bytes>) -> Result<Introduction, String> {
        let channels_max = self.config.client.channel_limit;
        let last = head.headers.get(LAST_EVENT_ID).map_or(Ok(""), HeaderValue::to_str);
        let last = last.map_err(|_| "Last-Event-ID is ASCII")?;
        // The server's own subscriptions are not counted in that limit alone.
        let last =
            PositionList::parse(last, 2 * channels_max).map_err(|error| format!("Last-Event-ID: {error}"))?;
        let query = head.uri.query().unwrap_or_default();
        match said {
            Some(request) if !request.is_empty() => Introduction::of_connect(&request, &last),
            _ => Introduction::of_query(query, &head.headers, &last, channels_max),
        }
    }
}

/// What the client of a session says that has commands: the first of them is connect.
fn commands(head: &Parts, said: Option<Bytes>) -> Result<Bytes, String> {
    let by_query = said.is_none();
    let said = match said {
        None => connect_in(head.uri.query().unwrap_or_default())?.map(|said| said.into_owned().into()),
        said => said,
    };
    said.filter(|commands| !commands.is_empty()).ok_or_else(|| match by_query {
        true => "The connect command is missing: it stands in the parameter cf_connect.".into(),
        false => "The connect command is missing: it stands in the request's body.".into(),
    })
}

fn bad_request(problem: &str) -> Answer {
    answer::text(StatusCode::BAD_REQUEST, problem)
}

/// The session ended before it stood.
pub(super) fn ended(ended: &Ended) -> Answer {
    let status = StatusCode::from_u16(one_way::status(ended.code)).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    answer::json(status, one_way::refusal(ended.code, &ended.reason))
}

/// No shard takes the session now.
pub(super) fn no_shard() -> Answer {
    let text = "The server takes no connection now: come back later.";
    answer::with(answer::text(StatusCode::SERVICE_UNAVAILABLE, text), RETRY_AFTER, "1")
}

/// The fields of the answer.
fn fields(form: WireForm) -> HeaderMap {
    let content_type = match form {
        WireForm::Sse | WireForm::UniSse => "text/event-stream",
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
        let bytes = ready!(self.outside.poll_take(context));
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes.into()))))
    }
}
