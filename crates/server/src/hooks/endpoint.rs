//! Where hooks are called over HTTP: a URL, its headers, and whose turn it is.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::headers::{HeaderNames, PassedHeaders};
use super::kind::Hook;
use super::settings::HookSettings;
use super::url;
use crate::http_client::{FetchError, HttpClient, HttpClientOptions};

/// Longest body of an answer, bytes.
pub const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Why a hook cannot be set up: which setting, and what is wrong with it. Shows no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookError {
    /// Which hook.
    pub hook: Hook,
    /// Its name: `default`, or one of `proxies`.
    pub name: String,
    /// The setting, such as `endpoint` or `http.tls.server_ca_pem`.
    pub key: String,
    /// What is wrong, to follow the setting's name.
    pub problem: String,
}

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hook {} ({}): {} {}", self.hook.name(), self.name, self.key, self.problem)
    }
}

impl std::error::Error for HookError {}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CallError {
    /// The time was up before the call's turn came.
    Busy(Duration),
    /// The exchange failed.
    Fetch(FetchError),
    /// The status is not the one that was expected.
    Status(StatusCode),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(limit) => write!(f, "its turn did not come within {limit:?}"),
            Self::Fetch(error) => error.fmt(f),
            Self::Status(status) => write!(f, "status {}", status.as_u16()),
        }
    }
}

/// One place that is called, by one hook or by several: they share its connections and its turns.
pub(super) struct Endpoint {
    pub(super) names: HeaderNames,
    client: HttpClient,
    uri: Uri,
    headers: HeaderMap,
    turns: Semaphore,
    timeout: Duration,
}

impl Endpoint {
    /// Sets it up, for this hook and perhaps others; calls nobody.
    pub(super) fn new(hook: Hook, name: &str, settings: &HookSettings) -> Result<Self, HookError> {
        let wrong = |key: &str, problem: &str| HookError {
            hook,
            name: name.to_owned(),
            key: key.to_owned(),
            problem: problem.to_owned(),
        };
        let (uri, authorization) = url::parse(&settings.endpoint)
            .ok_or_else(|| wrong("endpoint", "is not a URL with http or https and a host"))?;
        if settings.timeout.is_zero() {
            return Err(wrong("timeout", "must be more than nothing"));
        }
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.extend(authorization.map(|value| (AUTHORIZATION, value)));
        for (name, value) in &settings.static_headers {
            let name = HeaderName::try_from(name)
                .map_err(|_| wrong("http.static_headers", "has a name that no header can have"))?;
            let mut value = HeaderValue::try_from(value)
                .map_err(|_| wrong("http.static_headers", "has a value that no header can have"))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let options = HttpClientOptions {
            connect_timeout: settings.timeout,
            timeout: settings.timeout,
            response_size_max: ANSWER_BYTES_MAX,
            // A connection that has done its turn is there for the next.
            idle_connections_max: settings.concurrency,
            tls: settings.tls.clone(),
            ..HttpClientOptions::default()
        };
        let client = HttpClient::new(&options)
            .map_err(|error| wrong(&format!("http.tls.{}", error.key), &error.problem))?;
        Ok(Self {
            names: HeaderNames::new(
                settings.http_headers.iter().map(String::as_str),
                settings.emulated_headers.iter().map(String::as_str),
            ),
            client,
            uri,
            headers,
            turns: Semaphore::new(settings.concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            timeout: settings.timeout,
        })
    }

    /// Posts a body and gives back that of the answer, if its status is one that `is_expected`.
    ///
    /// Dropping the future gives the call up.
    pub(super) async fn post(
        &self,
        passed: Option<&PassedHeaders>,
        body: Vec<u8>,
        is_expected: fn(StatusCode) -> bool,
    ) -> Result<Bytes, CallError> {
        let deadline = Instant::now() + self.timeout;
        let busy = CallError::Busy(self.timeout);
        let Ok(turn) = timeout_at(deadline, self.turns.acquire()).await else { return Err(busy) };
        // All of the time-out is for the call, what the turn took of it included.
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(busy);
        }
        let mut request = Request::new(Full::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers_with(passed);
        let response = self.client.send_within(request, left).await.map_err(|error| match error {
            FetchError::TimedOut(_) => CallError::Fetch(FetchError::TimedOut(self.timeout)),
            error => CallError::Fetch(error),
        });
        drop(turn);
        let response = response?;
        if !is_expected(response.status()) {
            return Err(CallError::Status(response.status()));
        }
        Ok(response.into_body())
    }

    /// Static headers, then those that the client named, then those of its handshake: the later take the place of the
    /// earlier.
    fn headers_with(&self, passed: Option<&PassedHeaders>) -> HeaderMap {
        let mut headers = self.headers.clone();
        if let Some(passed) = passed {
            for (name, value) in passed.emulated() {
                if self.names.allows_emulated(name) {
                    headers.insert(name, value.clone());
                }
            }
            let mut replaced = Vec::new();
            for (name, value) in passed.of_handshake() {
                if !self.names.allows_of_handshake(name) {
                    continue;
                }
                // A name that comes twice in the handshake goes out twice.
                if replaced.contains(&name) {
                    headers.append(name, value.clone());
                } else {
                    headers.insert(name, value.clone());
                    replaced.push(name);
                }
            }
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers
    }
}

/// How we introduce ourselves where the client's own `User-Agent` is not passed on.
const AGENT: &str = concat!("wavecast/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named_without_its_value() {
        let settings = HookSettings { endpoint: "ftp://me:s3cret@host".into(), ..HookSettings::default() };
        let error = Endpoint::new(Hook::Rpc, "default", &settings).err().unwrap();
        assert_eq!(error.key, "endpoint");
        assert!(!error.to_string().contains("s3cret"));
    }
}
