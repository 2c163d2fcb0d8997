//! The HTTP API of the back end: publish, broadcast, history, info.
//!
//! `POST {prefix}/{method}` with a JSON object, answered by `{"result":…}` or `{"error":{"code","message"}}` with
//! status 200; a caller that asks for it, or the configuration, turns errors into statuses.

mod encode;
mod fields;
mod idempotency;
mod key;

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::header::{ALLOW, WWW_AUTHENTICATE};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use tokio::time::{Instant, timeout_at};
use wavecast_hub::{HistoryQuery, Publish, Since, StreamPosition};
use wavecast_protocol::centrifuge::Error;

use self::fields::{Fields, bad_request};
use self::idempotency::Idempotency;
use super::answer::{self, Answer};
use super::backend::Backend;
use super::guard;
use super::request_body::{BodyError, RequestBody};
use crate::config::Config;

/// Methods of Centrifugo's API that are not answered yet: a caller learns that it is the server that lacks them.
const NOT_YET: &[&str] = &[
    "subscribe",
    "unsubscribe",
    "disconnect",
    "refresh",
    "presence",
    "presence_stats",
    "history_remove",
    "channels",
    "rpc",
    "batch",
];

/// The API, over whatever carries it out.
#[derive(Debug)]
pub(super) struct Api<B> {
    backend: Arc<B>,
    config: Arc<Config>,
    idempotency: Idempotency,
}

impl<B: Backend> Api<B> {
    pub(super) fn new(backend: Arc<B>, config: Arc<Config>) -> Self {
        let idempotency =
            Idempotency::new(config.http_api.idempotency_ttl, config.http_api.idempotency_cache_size);
        Self { backend, config, idempotency }
    }

    /// Answers a call: who it is, then what it says, then what comes of it.
    pub(super) async fn answer(
        &self,
        method: &str,
        head: &Parts,
        host: Option<&str>,
        origin: Option<&str>,
        body: &mut RequestBody,
    ) -> Answer {
        let settings = &self.config.http_api;
        if head.method != Method::POST {
            let text = format!("{} answers POST only.", head.uri.path());
            return answer::with(answer::text(StatusCode::METHOD_NOT_ALLOWED, &text), ALLOW, "POST");
        }
        if settings.insecure
            && let Err(refused) = guard::check_keyless_api(host, origin)
        {
            return answer::text(StatusCode::FORBIDDEN, &refused.to_string());
        }
        if !key::is_shown(settings, &head.headers, head.uri.query()) {
            return unauthorized(settings.key.is_empty());
        }
        match body.read(settings.max_request_body_size, self.config.http_server.body_timeout).await {
            Ok(body) => {
                let result = self.call(method, &body).await;
                self.encode(head, &result)
            }
            Err(BodyError::TooLarge) => answer::text(
                StatusCode::PAYLOAD_TOO_LARGE,
                &format!("A request's body may have at most {} bytes.", settings.max_request_body_size),
            ),
            Err(BodyError::TooSlow) => {
                answer::text(StatusCode::REQUEST_TIMEOUT, "The request's body took too long to arrive.")
            }
            Err(BodyError::Broken) => {
                answer::text(StatusCode::BAD_REQUEST, "The request's body is not what its head announces.")
            }
        }
    }

    async fn call(&self, method: &str, body: &[u8]) -> Result<Vec<u8>, Error> {
        match method {
            "publish" => self.publish(&Fields::read(body)?).await,
            "broadcast" => self.broadcast(&Fields::read(body)?).await,
            "history" => self.history(&Fields::read(body)?),
            // Clients send an empty object, or nothing.
            "info" => Ok(encode::info(&self.backend.info())),
            method if NOT_YET.contains(&method) => Err(Error {
                message: format!("not available: method {method:?}").into(),
                ..Error::NOT_AVAILABLE
            }),
            _ => Err(Error::METHOD_NOT_FOUND),
        }
    }

    async fn publish(&self, fields: &Fields<'_>) -> Result<Vec<u8>, Error> {
        let channel = fields.channel()?;
        let request = self.publish_request(fields)?;
        let deadline = Instant::now() + self.config.http_api.timeout;
        let position = self.publish_once(&channel, request.publish, request.key.as_deref(), deadline).await?;
        Ok(encode::published(&position))
    }

    /// The same publication into each channel, with an answer for each. All share one deadline.
    async fn broadcast(&self, fields: &Fields<'_>) -> Result<Vec<u8>, Error> {
        let channels = fields.channels(self.config.http_api.broadcast_channel_limit)?;
        let request = self.publish_request(fields)?;
        let deadline = Instant::now() + self.config.http_api.timeout;
        let mut responses = Vec::with_capacity(channels.len());
        for channel in &channels {
            let publish = request.publish.clone();
            let position = self.publish_once(channel, publish, request.key.as_deref(), deadline).await;
            responses.push(position.map(|position| encode::published(&position)));
        }
        Ok(encode::broadcast(&responses))
    }

    fn history(&self, fields: &Fields<'_>) -> Result<Vec<u8>, Error> {
        let channel = fields.channel()?;
        let since = fields.since()?;
        let query = HistoryQuery {
            since: since.as_ref().map(|(offset, epoch)| Since { offset: *offset, epoch }),
            limit: fields.limit()?,
            reverse: fields.reverse()?,
            publications_max: self.config.http_api.history_max_publication_limit,
        };
        Ok(encode::history(&self.backend.history(&channel, query)?))
    }

    fn publish_request(&self, fields: &Fields<'_>) -> Result<PublishRequest, Error> {
        if fields.version()? > 0 {
            let message = "not available: field \"version\"";
            return Err(Error { message: message.into(), ..Error::NOT_AVAILABLE });
        }
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let publish = Publish {
            // What no client's queue could hold would end the connection of every subscriber.
            data: fields.data(self.config.client.queue_max_size)?.into(),
            is_json: true,
            tags: fields.tags()?.map(Box::new),
            skip_history: fields.skip_history()?,
            time_ms: i64::try_from(time.as_millis()).unwrap_or(i64::MAX),
            ..Publish::default()
        };
        let key = fields.idempotency_key(idempotency::KEY_BYTES_MAX)?.map(Cow::into_owned);
        Ok(PublishRequest { publish, key })
    }

    async fn publish_once(
        &self,
        channel: &str,
        publish: Publish,
        key: Option<&str>,
        deadline: Instant,
    ) -> Result<StreamPosition, Error> {
        if channel.is_empty() {
            return Err(bad_request("a channel's name must not be empty"));
        }
        let publish = until(deadline, self.backend.publish(channel, publish));
        match key {
            // The wait for another request with the same key ends with the deadline as well.
            Some(key) => until(deadline, self.idempotency.once(channel, key, publish)).await,
            None => publish.await,
        }
    }

    fn encode(&self, head: &Parts, result: &Result<Vec<u8>, Error>) -> Answer {
        let asked = head.headers.get("x-centrifugo-error-mode").is_some_and(|mode| mode == "transport");
        let mut out = Vec::new();
        match result {
            // The error alone, since the status says that it is one.
            Err(error) if asked || self.config.http_api.error_mode == "transport" => {
                encode::error(error, &mut out);
                answer::json(status(error), out)
            }
            result => {
                encode::response(result, &mut out);
                answer::json(StatusCode::OK, out)
            }
        }
    }
}

struct PublishRequest {
    publish: Publish,
    key: Option<String>,
}

/// Gives up at the deadline with 111; what is ready at once is taken even then.
async fn until(
    deadline: Instant,
    publish: impl Future<Output = Result<StreamPosition, Error>>,
) -> Result<StreamPosition, Error> {
    timeout_at(deadline, publish).await.unwrap_or(Err(Error::TOO_MANY_REQUESTS))
}

fn unauthorized(key_is_missing: bool) -> Answer {
    let text = match key_is_missing {
        true => "The HTTP API needs a key, and none is configured: set http_api.key.",
        false => "The HTTP API needs its key: send it as X-API-Key, or as Authorization: apikey <key>.",
    };
    answer::with(answer::text(StatusCode::UNAUTHORIZED, text), WWW_AUTHENTICATE, "apikey")
}

/// The status of an error for callers that want one.
fn status(error: &Error) -> StatusCode {
    match error.code {
        102 | 104 => StatusCode::NOT_FOUND,
        103 => StatusCode::FORBIDDEN,
        106..=108 => StatusCode::BAD_REQUEST,
        111 => StatusCode::TOO_MANY_REQUESTS,
        112 => StatusCode::RANGE_NOT_SATISFIABLE,
        113 => StatusCode::CONFLICT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
