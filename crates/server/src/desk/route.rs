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
use super::cors::{self, Endpoint};
use super::guard;
use super::poll::Polls;
use super::request_body::RequestBody;
use crate::config::{Config, Profile};
use crate::pages::{self, Page, Part};

/// Where the start page learns that there are demo applications (RFC 8288).
const DEMOS: &str = "</demo/>; rel=\"related\"";

/// The rooms behind the desk.
#[derive(Debug)]
pub(super) struct Routes<B> {
    api: Api<B>,
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
    ) -> Self {
        let polls = Polls::new(Arc::clone(&backend), Arc::clone(&config), draining.clone());
        Self { api: Api::new(backend, Arc::clone(&config)), polls, config, profile, draining }
    }

    /// Answers a request. A connection is not used again if nobody has read the body, or if the desk drains.
    pub(super) async fn answer(&self, head: &Parts, mut body: RequestBody, peer: SocketAddr) -> Answer {
        let mut answer = self.route(head, &mut body).await;
        if !body.is_finished() || *self.draining.borrow() {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        report(head, &answer, peer);
        answer
    }

    async fn route(&self, head: &Parts, body: &mut RequestBody) -> Answer {
        let (Ok(host), Ok(origin)) = (host(head), only(head, ORIGIN.as_str())) else {
            return answer::text(StatusCode::BAD_REQUEST, "Host and Origin may each stand once, in ASCII.");
        };
        if let Err(refused) = guard::check_host(self.profile, host) {
            return answer::text(StatusCode::MISDIRECTED_REQUEST, &refused.to_string());
        }
        let path = head.uri.path();
        if let Some(method) = self.api_method(path) {
            // Boxed, so that a connection that rests has no room for it.
            return Box::pin(self.api.answer(method, head, host, origin, body)).await;
        }
        if let Some(answer) = self.connection(head, host, origin).await {
            return answer;
        }
        if self.config.health.enabled && path == self.config.health.handler_prefix {
            return read_only(head, || self.health());
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

    /// What clients without WebSocket connect to. Pages of other origins may, where a WebSocket handshake of theirs would pass.
    async fn connection(&self, head: &Parts, host: Option<&str>, origin: Option<&str>) -> Option<Answer> {
        let (poll, path) = (&self.config.poll, head.uri.path());
        let endpoints = [Endpoint { path: &poll.handler_prefix, methods: "GET" }];
        if !poll.enabled || path != poll.handler_prefix {
            return None;
        }
        let mut answer = match cors::admit(self.profile, &self.config.client.allowed_origins, host, origin) {
            Ok(grant) => match cors::preflight(&endpoints, &head.method, path, &head.headers, &grant) {
                Some(answer) => return Some(answer),
                None if head.method == Method::GET || head.method == Method::HEAD => {
                    let mut answer = Box::pin(self.polls.answer(head)).await;
                    cors::decorate(answer.headers_mut(), &grant);
                    return Some(answer);
                }
                None => read_only(head, || answer::json(StatusCode::OK, "{}")),
            },
            Err(refused) => answer::text(
                StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::FORBIDDEN),
                &refused.to_string(),
            ),
        };
        cors::vary(answer.headers_mut());
        Some(answer)
    }

    /// Polls that wait at this moment.
    pub(super) fn waiting_polls(&self) -> usize {
        self.polls.waiting()
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

    /// Healthy until it drains: a load balancer then sends no more.
    fn health(&self) -> Answer {
        match *self.draining.borrow() {
            false => answer::json(StatusCode::OK, "{}"),
            true => answer::json(StatusCode::SERVICE_UNAVAILABLE, "{\"draining\":true}"),
        }
    }

    fn not_found(&self, path: &str) -> Answer {
        let config = &self.config;
        let mut text = format!("There is nothing at {path}. This is Wavecast:");
        if !config.websocket.disabled {
            let _ = write!(text, "\n  WebSocket clients connect to {}", config.websocket.handler_prefix);
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
            let _ = write!(text, "\n  health is at GET {}", config.health.handler_prefix);
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
