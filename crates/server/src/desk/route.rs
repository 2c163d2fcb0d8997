//! Which room answers a request: the API, the health endpoint, a page, or nobody.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::header::{ALLOW, CONNECTION, HOST, HeaderValue, LINK, ORIGIN, SEC_WEBSOCKET_VERSION, UPGRADE};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{Method, StatusCode};
use tokio::sync::watch;

use super::answer::{self, Answer};
use super::api::{self, Api};
use super::backend::Backend;
use super::poll::{Polls, Waiting};
use super::request_body::RequestBody;
use super::stream::{self, Kind, Outcome, Streams};
use super::{cors, emulation, guard, health, scrape};
use crate::client_address;
use crate::config::networks::CLIENT_ADDRESS_HEADERS;
use crate::config::{Config, Profile};
use crate::pages::{self, Page, Part};

/// Where the start page learns that there are demo applications (RFC 8288).
const DEMOS: &str = "</demo/>; rel=\"related\"";

/// What clients connect to beside WebSocket.
#[derive(Debug, Clone, Copy)]
enum Endpoint {
    Stream(Kind),
    Emulation,
    Poll,
}

impl Endpoint {
    const fn methods(self) -> &'static str {
        match self {
            Self::Stream(kind) => kind.methods(),
            Self::Emulation => emulation::METHODS,
            Self::Poll => "GET",
        }
    }
}

/// The rooms behind the desk.
#[derive(Debug)]
pub(super) struct Routes<B> {
    api: Api<B>,
    streams: Streams<B>,
    backend: Arc<B>,
    polls: Polls<B>,
    config: Arc<Config>,
    profile: Profile,
    draining: watch::Receiver<bool>,
}

impl<B: Backend> Routes<B> {
    pub(super) fn new(
        backend: Arc<B>,
        config: Arc<Config>,
        profile: Profile,
        draining: watch::Receiver<bool>,
        waiting: Waiting,
    ) -> Self {
        Self {
            api: Api::new(Arc::clone(&backend), Arc::clone(&config)),
            streams: Streams::new(Arc::clone(&backend), Arc::clone(&config)),
            polls: Polls::new(Arc::clone(&backend), Arc::clone(&config), draining.clone(), waiting),
            backend,
            config,
            profile,
            draining,
        }
    }

    /// Answers a request. A connection is not used again if nobody has read the body, or if the desk drains.
    pub(super) async fn answer(
        &self,
        head: &mut Parts,
        mut body: RequestBody,
        through: SocketAddr,
    ) -> Outcome {
        let peer = client_address::of_request(&self.config.http_server, &head.headers, through);
        if !client_address::is_passed_on(&self.config.http_server, through) {
            for name in CLIENT_ADDRESS_HEADERS {
                head.headers.remove(*name);
            }
        }
        let mut answer = match self.route(head, &mut body, peer).await {
            Outcome::Answer(answer) => answer,
            session => return session,
        };
        if !body.is_finished() || *self.draining.borrow() {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        self.backend.metrics().http_answers.add(answer.status().as_u16().into());
        report(head, &answer, peer);
        Outcome::Answer(answer)
    }

    async fn route(&self, head: &Parts, body: &mut RequestBody, peer: SocketAddr) -> Outcome {
        let (Ok(host), Ok(origin)) = (host(head), only(head, ORIGIN.as_str())) else {
            let text = "Host and Origin may each stand once, in ASCII.";
            return Outcome::Answer(answer::text(StatusCode::BAD_REQUEST, text));
        };
        if let Err(refused) = guard::check_host(self.profile, host) {
            let text = refused.to_string();
            return Outcome::Answer(answer::text(StatusCode::MISDIRECTED_REQUEST, &text));
        }
        match self.endpoint(head.uri.path()) {
            Some(endpoint) => self.connect(endpoint, head, host, origin, body, peer).await,
            None => Outcome::Answer(self.serve(head, host, origin, body).await),
        }
    }

    /// What a client connects to beside WebSocket: pages of other origins may, as `client.allowed_origins` has it.
    async fn connect(
        &self,
        endpoint: Endpoint,
        head: &Parts,
        host: Option<&str>,
        origin: Option<&str>,
        body: &mut RequestBody,
        peer: SocketAddr,
    ) -> Outcome {
        let grant = match cors::admit(self.profile, &self.config.client.allowed_origins, host, origin) {
            Ok(grant) => grant,
            Err(refused) => {
                let status = StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::FORBIDDEN);
                let mut answer = answer::text(status, &refused.to_string());
                cors::vary(answer.headers_mut());
                return Outcome::Answer(answer);
            }
        };
        if let Some(answer) = cors::preflight(endpoint.methods(), &head.method, &head.headers, &grant) {
            return Outcome::Answer(answer);
        }
        let mut outcome = match endpoint {
            Endpoint::Stream(_) if *self.draining.borrow() => Outcome::Answer(stream::no_shard()),
            Endpoint::Stream(kind) => self.streams.answer(kind, head, body, peer).await,
            Endpoint::Emulation => {
                Outcome::Answer(emulation::answer(&self.backend, &self.config, head, body).await)
            }
            Endpoint::Poll if head.method == Method::GET || head.method == Method::HEAD => {
                Outcome::Answer(Box::pin(self.polls.answer(head, peer)).await)
            }
            Endpoint::Poll => Outcome::Answer(read_only(head, || answer::json(StatusCode::OK, "{}"))),
        };
        let headers = match &mut outcome {
            Outcome::Answer(answer) => answer.headers_mut(),
            Outcome::Stream(_, headers) => headers,
        };
        cors::decorate(headers, &grant);
        outcome
    }

    async fn serve(
        &self,
        head: &Parts,
        host: Option<&str>,
        origin: Option<&str>,
        body: &mut RequestBody,
    ) -> Answer {
        let path = head.uri.path();
        if let Some(method) = self.api_method(path) {
            // Boxed, so that a connection that rests has no room for it.
            return Box::pin(self.api.answer(method, head, host, origin, body)).await;
        }
        if let Some(asked) = health::asked(&self.config.health, path) {
            return read_only(head, || {
                let vitals = self.backend.vitals();
                let is_leaving = vitals.is_leaving || *self.draining.borrow();
                health::answer(asked, &vitals, is_leaving)
            });
        }
        if self.config.prometheus.enabled && path == self.config.prometheus.handler_prefix {
            return read_only(head, || scrape::answer(&*self.backend, &head.headers));
        }
        if !self.config.websocket.disabled && path == self.config.websocket.handler_prefix {
            return websocket_wanted();
        }
        let Some(page) = self.page(path) else { return self.not_found(path) };
        read_only(head, || match pages::part(path) {
            Part::Demo => answer::demo_page(&page, &head.headers, host.and_then(guard::dns_name)),
            Part::Start if path == "/" && self.has_demos() => {
                answer::with(answer::page(&page, &head.headers), LINK, DEMOS)
            }
            Part::Start | Part::Shared => answer::page(&page, &head.headers),
        })
    }

    fn endpoint(&self, path: &str) -> Option<Endpoint> {
        let poll = &self.config.poll;
        if poll.enabled && path == poll.handler_prefix {
            return Some(Endpoint::Poll);
        }
        if emulation::is_at(path, &self.config) {
            return Some(Endpoint::Emulation);
        }
        Kind::at(path, &self.config).map(Endpoint::Stream)
    }

    fn page(&self, path: &str) -> Option<Page> {
        let (pages, demo) = (self.config.pages.enabled, self.config.demo.enabled);
        let is_on = match pages::part(path) {
            Part::Start => pages,
            Part::Demo => demo,
            Part::Shared => pages || demo,
        };
        if is_on { pages::page(path) } else { None }
    }

    fn has_demos(&self) -> bool {
        self.config.demo.enabled && pages::full_build()
    }

    fn api_method<'p>(&self, path: &'p str) -> Option<&'p str> {
        let settings = &self.config.http_api;
        if settings.disabled {
            return None;
        }
        path.strip_prefix(settings.handler_prefix.as_str())?.strip_prefix('/')
    }

    fn not_found(&self, path: &str) -> Answer {
        let config = &self.config;
        let mut text = format!("There is nothing at {path}. This is Wavecast:");
        if !config.websocket.disabled {
            let _ = write!(text, "\n  WebSocket clients connect to {}", config.websocket.handler_prefix);
        }
        for transport in [&config.sse, &config.http_stream, &config.uni_sse, &config.uni_http_stream] {
            if transport.enabled {
                let _ = write!(text, "\n  where that is blocked, to {}", transport.handler_prefix);
            }
        }
        if config.poll.enabled {
            let _ = write!(text, "\n  clients poll at GET {}?channels=…", config.poll.handler_prefix);
        }
        if !config.http_api.disabled {
            let prefix = &config.http_api.handler_prefix;
            let _ = write!(text, "\n  the HTTP API is at POST {prefix}/<method>");
            let _ = write!(text, "\n  its methods are described at GET {prefix}/{}", api::DESCRIPTION);
        }
        if config.health.enabled {
            let (health, live, ready) =
                (&config.health.handler_prefix, config.health.below("live"), config.health.below("ready"));
            let _ = write!(text, "\n  health is at GET {health}, {live} and {ready}");
        }
        if config.prometheus.enabled {
            let _ = write!(text, "\n  metrics are at GET {}", config.prometheus.handler_prefix);
        }
        if config.pages.enabled {
            text.push_str("\n  the start page is at GET /");
        }
        if self.has_demos() {
            text.push_str("\n  the demo applications are at GET /demo/");
        } else if config.demo.enabled {
            text.push_str("\n  the pages of the demo applications are not in this build");
        }
        answer::text(StatusCode::NOT_FOUND, &text)
    }
}

/// The operator reads who is turned away and why; answers, and those who have lost their way, are for who looks closer.
fn report(head: &Parts, answer: &Answer, peer: SocketAddr) {
    let (method, path, status) = (&head.method, head.uri.path(), answer.status());
    let is_lost = matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED);
    if status.is_client_error() && !is_lost {
        let reason = String::from_utf8_lossy(answer.body());
        tracing::info!(%peer, status = status.as_u16(), %method, path, reason = reason.trim_end(), "refused");
    } else {
        tracing::debug!(%peer, status = status.as_u16(), %method, path, "answered");
    }
}

/// A plain request where only a WebSocket handshake makes sense: mostly a proxy has taken the handshake's fields out.
fn websocket_wanted() -> Answer {
    let text = "This is the WebSocket endpoint, and the request is no WebSocket handshake. If a client sent one, a \
        proxy on the way has removed the fields Upgrade and Connection.";
    let answer = answer::with(answer::text(StatusCode::UPGRADE_REQUIRED, text), UPGRADE, "websocket");
    answer::with(answer, SEC_WEBSOCKET_VERSION, "13")
}

/// Answers GET, and HEAD, for which hyper leaves the body out.
fn read_only(head: &Parts, answer: impl FnOnce() -> Answer) -> Answer {
    if head.method == Method::GET || head.method == Method::HEAD {
        return answer();
    }
    let text = format!("{} answers GET only.", head.uri.path());
    answer::with(answer::text(StatusCode::METHOD_NOT_ALLOWED, &text), ALLOW, "GET, HEAD")
}

/// A field that is there more than once, or that is not ASCII.
struct Unclear;

/// The host that a request names: in an absolute target, else in `Host` (RFC 9112 §3.2).
fn host(head: &Parts) -> Result<Option<&str>, Unclear> {
    let field = only(head, HOST.as_str())?;
    Ok(head.uri.authority().map(Authority::as_str).or(field))
}

fn only<'h>(head: &'h Parts, name: &str) -> Result<Option<&'h str>, Unclear> {
    let mut values = head.headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Unclear),
        (Some(_), Some(_)) => Err(Unclear),
    }
}
