//! The HTTP API of the back end.
//!
//! `POST {prefix}/{method}` with a JSON object, answered by `{"result":…}` or `{"error":{"code","message"}}` with
//! status 200; a caller that asks for it, or the configuration, turns errors into statuses. `GET {prefix}/openapi.json`
//! describes it, without a key. An answer means that all of it has been done.
//!
//! - `methods`, `shapes`, `schema`: the table of methods; `openapi`: the table as a document; `fields`: requests
//! - `publishing`, `sessions`, `channels`, `revoking`, `batch`: what the methods do
//! - `pattern`: which channels are asked for; `key`: who may call; `encode`: answers

mod batch;
mod channels;
mod encode;
mod fields;
mod key;
mod methods;
mod openapi;
mod pattern;
mod publishing;
mod revoking;
mod schema;
mod sessions;
mod shapes;

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{ALLOW, WWW_AUTHENTICATE};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use tokio::time::{Instant, timeout_at};
use wavecast_protocol::centrifuge::Error;

use self::fields::Fields;
use self::methods::BATCH;
use super::answer::{self, Answer};
use super::backend::Backend;
use super::guard;
use super::request_body::RequestBody;
use crate::config::Config;

/// The names of all methods.
pub(crate) fn methods() -> impl Iterator<Item = &'static str> {
    methods::METHODS.iter().map(|method| method.name)
}

/// Where the description of all methods is, beside them.
pub(super) const DESCRIPTION: &str = "openapi.json";

/// The API, over whatever carries it out.
#[derive(Debug)]
pub(super) struct Api<B> {
    backend: Arc<B>,
    config: Arc<Config>,
    description: Bytes,
}

impl<B: Backend> Api<B> {
    pub(super) fn new(backend: Arc<B>, config: Arc<Config>) -> Self {
        let description = openapi::document(&config.http_api.handler_prefix).into();
        Self { backend, config, description }
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
        if method == DESCRIPTION {
            return self.description(head);
        }
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
            Ok(body) => self.carry_out(method, head, &body).await,
            Err(error) => error.answer(settings.max_request_body_size),
        }
    }

    async fn carry_out(&self, method: &str, head: &Parts, body: &[u8]) -> Answer {
        let began = Instant::now();
        let deadline = began + self.config.http_api.timeout;
        let result = match method {
            BATCH => {
                let replies = self.batch(body, deadline).await;
                self.note(BATCH, &replies, began);
                match replies {
                    Ok(replies) => return answer::json(StatusCode::OK, replies),
                    Err(error) => Err(error),
                }
            }
            method => self.call(method, body, deadline).await,
        };
        let mut answer = self.encode(head, &result);
        if methods::find(method).is_none() {
            // There is nothing at this path, in any mode.
            *answer.status_mut() = StatusCode::NOT_FOUND;
        }
        answer
    }

    /// Counts what came of a call.
    fn note(&self, method: &str, result: &Result<Vec<u8>, Error>, began: Instant) {
        let code = result.as_ref().err().map_or(0, |error| error.code);
        self.backend.metrics().api.note(method, code, began.elapsed());
    }

    /// Carries out any method but batch, and counts it.
    async fn call(&self, method: &str, body: &[u8], deadline: Instant) -> Result<Vec<u8>, Error> {
        let began = Instant::now();
        let result = self.perform(method, body, deadline).await;
        self.note(method, &result, began);
        result
    }

    async fn perform(&self, method: &str, body: &[u8], deadline: Instant) -> Result<Vec<u8>, Error> {
        let method = methods::find(method).ok_or(Error::METHOD_NOT_FOUND)?;
        // Where there is nothing to say, some send an empty object, some nothing.
        let is_left_out = method.fields.is_empty() && body.trim_ascii().is_empty();
        let fields = Fields::read(if is_left_out { b"{}" } else { body }, method.fields)?;
        match method.name {
            "info" => Ok(encode::info(&self.backend.info())),
            "publish" => self.publish(&fields, deadline).await,
            "broadcast" => self.broadcast(&fields, deadline).await,
            "subscribe" => self.subscribe(&fields, deadline).await,
            "unsubscribe" => self.unsubscribe(&fields, deadline).await,
            "disconnect" => self.disconnect(&fields, deadline).await,
            "refresh" => self.refresh(&fields, deadline).await,
            "presence" => self.presence(&fields),
            "presence_stats" => self.presence_stats(&fields),
            "history" => self.history(&fields),
            "history_remove" => self.history_remove(&fields),
            "rpc" => self.rpc(&fields, deadline).await,
            "channels" => self.channels(&fields, deadline).await,
            "block_user" => self.block_user(&fields, deadline).await,
            "unblock_user" => self.unblock_user(&fields, deadline).await,
            "revoke_token" => self.revoke_token(&fields, deadline).await,
            "drain" => self.drain(&fields),
            "invalidate_user_tokens" => self.invalidate_user_tokens(&fields, deadline).await,
            _ => Err(Error::METHOD_NOT_FOUND),
        }
    }

    async fn rpc(&self, fields: &Fields<'_>, deadline: Instant) -> Result<Vec<u8>, Error> {
        let (method, params) = (fields.text("method")?, fields.json("params")?.unwrap_or("null"));
        let data = until(deadline, self.backend.call(&method, params)).await?;
        Ok(encode::returned(&data))
    }

    /// The description of all methods, for tools and for people; it says nothing that is not in the documentation.
    fn description(&self, head: &Parts) -> Answer {
        if head.method == Method::GET || head.method == Method::HEAD {
            return answer::json(StatusCode::OK, self.description.clone());
        }
        let text = format!("{} answers GET only.", head.uri.path());
        answer::with(answer::text(StatusCode::METHOD_NOT_ALLOWED, &text), ALLOW, "GET, HEAD")
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

/// Gives up at the deadline with 111; what is ready at once is taken even then.
async fn until<T>(deadline: Instant, result: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    timeout_at(deadline, result).await.unwrap_or(Err(Error::TOO_MANY_REQUESTS))
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
