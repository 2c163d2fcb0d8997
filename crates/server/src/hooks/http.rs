//! Hooks over HTTP: a call is posted as JSON, and its answer read.
//!
//! | what happens | connect, subscribe, publish, rpc | refresh, sub_refresh |
//! | --- | --- | --- |
//! | refused, time-out, an answer that is too large or wrong, a status other than 200 | error 100, temporary, or what `status_to_code_transforms` says of the status | good for another minute, then asked again |
//! | the call's turn does not come in time | error 111 | the same |
//! | the client's payload is no JSON, and `binary_encoding` is off | error 107 | |
//! | no hook of this name | error 108 | expired |
//!
//! Redirects are not followed: they are a status like another. Events are delivered by any status from 200 to 299 whose body is
//! empty or has no `error`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::StatusCode;
use tokio::time::Instant;
use wavecast_protocol::centrifuge::Error;

use super::answer::Answer;
use super::calls::{
    Caller, ConnectCall, ConnectGrant, DEFAULT_NAME, PublishCall, PublishGrant, RefreshCall, RefreshGrant,
    RpcCall, RpcGrant, SubRefreshCall, SubRefreshGrant, SubscribeCall, SubscribeGrant,
};
use super::endpoint::{CallError, Endpoint, HookError};
use super::events::{Event, Undelivered};
use super::handlers::{Answering, Delivering, HookFailures, Hooks};
use super::headers::HeaderNames;
use super::json::envelope::WrongAnswer;
use super::json::request::{self, Form, NotJson};
use super::json::response;
use super::kind::{Hook, Wants};
use super::settings::{HookSettings, HttpSettings, Meaning, StatusTransform};

/// How long what should have been refreshed lives on while the back end cannot be asked.
const GRACE: Duration = Duration::from_secs(60);
/// The least time between two lines of the log about one hook.
const LOG_PAUSE: Duration = Duration::from_secs(1);

/// The hooks that a configuration names.
pub struct HttpHooks {
    /// By name, for each kind of hook.
    tables: [BTreeMap<Box<str>, HttpHook>; Hook::ALL.len()],
    wants: Wants,
    headers: HeaderNames,
    limit: Duration,
}

/// One of them.
struct HttpHook {
    hook: Hook,
    name: Box<str>,
    endpoint: Arc<Endpoint>,
    form: Form,
    transforms: Vec<StatusTransform>,
    /// Calls that brought no answer that counts.
    failures: AtomicU64,
    log: LogPause,
}

impl HttpHooks {
    /// Sets them up; calls nobody.
    ///
    /// # Errors
    /// Names the first setting that cannot be used.
    pub fn new(settings: &HttpSettings) -> Result<Self, HookError> {
        let mut hooks = Self {
            tables: Default::default(),
            wants: Wants::NOTHING,
            headers: HeaderNames::default(),
            limit: Duration::ZERO,
        };
        for (hook, settings) in &settings.own {
            hooks.add(&[*hook], DEFAULT_NAME, settings)?;
        }
        for (name, settings) in &settings.named {
            hooks.add(&Hook::NAMED, name, settings)?;
        }
        Ok(hooks)
    }

    /// Hooks of these kinds, which share one endpoint: its `concurrency` is for all of them together.
    fn add(&mut self, kinds: &[Hook], name: &str, settings: &HookSettings) -> Result<(), HookError> {
        let Some(&first) = kinds.first() else { return Ok(()) };
        let endpoint = Arc::new(Endpoint::new(first, name, settings)?);
        // Each call minds its time itself, and says more about it.
        self.limit = self.limit.max(settings.timeout.saturating_add(Duration::from_secs(1)));
        self.headers = std::mem::take(&mut self.headers).and(&endpoint.names);
        for &hook in kinds {
            self.wants = self.wants.and(hook);
            let http = HttpHook {
                hook,
                name: name.into(),
                endpoint: Arc::clone(&endpoint),
                form: Form { binary: settings.binary_encoding, meta: settings.include_connection_meta },
                transforms: settings.status_to_code_transforms.clone(),
                failures: AtomicU64::new(0),
                log: LogPause::default(),
            };
            self.tables[hook as usize].insert(name.into(), http);
        }
        Ok(())
    }

    fn find(&self, hook: Hook, name: &str) -> Option<&HttpHook> {
        self.tables[hook as usize].get(name)
    }

    /// The hook of this name, or error 108.
    fn named(&self, hook: Hook, name: &str) -> Result<&HttpHook, Error> {
        self.find(hook, name).ok_or_else(|| {
            tracing::warn!(hook = hook.name(), name, "no hook of this name: error 108");
            Error::NOT_AVAILABLE
        })
    }
}

impl HttpHook {
    /// Posts, and reads what came.
    async fn ask<T>(
        &self,
        caller: &Caller,
        body: Vec<u8>,
        read: fn(&[u8]) -> Result<Answer<T>, WrongAnswer>,
    ) -> Result<Answer<T>, Failure> {
        let body =
            self.endpoint.post(caller.headers.as_deref(), body, is_200).await.map_err(Failure::Call)?;
        read(&body).map_err(Failure::Answer)
    }

    /// A call whose failure the client gets to know.
    async fn decide<T>(
        &self,
        caller: &Caller,
        body: Result<Vec<u8>, NotJson>,
        read: fn(&[u8]) -> Result<Answer<T>, WrongAnswer>,
    ) -> Answer<T> {
        let Ok(body) = body else {
            tracing::info!(hook = self.hook.name(), client = %caller.client,
                "a payload is no JSON, and binary_encoding is off: error 107");
            return Answer::Error(Error::BAD_REQUEST);
        };
        self.ask(caller, body, read).await.unwrap_or_else(|failure| {
            self.report(&caller.client, &failure);
            self.meaning(&failure)
        })
    }

    /// A call about what expires. Without an answer it is good a while longer, so that an outage of the back end ends
    /// nothing.
    async fn refresh<T>(
        &self,
        caller: &Caller,
        body: Vec<u8>,
        read: fn(&[u8]) -> Result<Answer<T>, WrongAnswer>,
        good_until: fn(i64) -> T,
    ) -> Answer<T> {
        self.ask(caller, body, read).await.unwrap_or_else(|failure| {
            self.report(&caller.client, &failure);
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Answer::Ok(good_until(i64::try_from((now + GRACE).as_secs()).unwrap_or(i64::MAX)))
        })
    }

    fn meaning<T>(&self, failure: &Failure) -> Answer<T> {
        if let Failure::Call(CallError::Busy(_)) = failure {
            return Answer::Error(Error::TOO_MANY_REQUESTS);
        }
        if let Failure::Call(CallError::Status(status)) = failure {
            let found = self.transforms.iter().find(|transform| transform.status_code == status.as_u16());
            match found.map(|transform| &transform.to) {
                Some(Meaning::Error(error)) => return Answer::Error(error.clone()),
                Some(Meaning::Disconnect(disconnect)) => return Answer::Disconnect(disconnect.clone()),
                None => {}
            }
        }
        Answer::INTERNAL
    }

    /// One line a second at most: a back end that is down must not become a flood of the log.
    fn report(&self, client: &str, failure: &Failure) {
        let failures = self.failures.fetch_add(1, Relaxed) + 1;
        if self.log.is_over() {
            let Self { hook, name, .. } = self;
            tracing::warn!(hook = hook.name(), %name, client, %failure, failures, "a hook has no answer");
        }
    }
}

/// Why a call has no answer.
#[derive(Debug)]
enum Failure {
    Call(CallError),
    Answer(WrongAnswer),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => error.fmt(f),
            Self::Answer(wrong) => wrong.fmt(f),
        }
    }
}

fn is_200(status: StatusCode) -> bool {
    status == StatusCode::OK
}

/// When the last line was written, in milliseconds since the start; 0: never.
struct LogPause {
    start: Instant,
    last: AtomicU64,
}

impl Default for LogPause {
    fn default() -> Self {
        Self { start: Instant::now(), last: AtomicU64::new(0) }
    }
}

impl LogPause {
    fn is_over(&self) -> bool {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let last = self.last.load(Relaxed);
        let over = last == 0 || u128::from(now - last.min(now)) >= LOG_PAUSE.as_millis();
        // Of those who come at the same time one writes.
        over && self.last.compare_exchange(last, now, Relaxed, Relaxed).is_ok()
    }
}

impl Hooks for HttpHooks {
    fn wants(&self) -> Wants {
        self.wants
    }

    fn headers(&self) -> HeaderNames {
        self.headers.clone()
    }

    fn limit(&self) -> Duration {
        self.limit
    }

    fn connect(&self, call: ConnectCall) -> Answering<'_, ConnectGrant> {
        Box::pin(async move {
            let Some(hook) = self.find(Hook::Connect, DEFAULT_NAME) else { return Answer::NotHandled };
            hook.decide(&call.caller, request::connect(&call, hook.form), response::connect).await
        })
    }

    fn refresh(&self, call: RefreshCall) -> Answering<'_, RefreshGrant> {
        Box::pin(async move {
            let Some(hook) = self.find(Hook::Refresh, DEFAULT_NAME) else { return Answer::NotHandled };
            let good = |expire_at| RefreshGrant { expire_at, ..RefreshGrant::default() };
            hook.refresh(&call.caller, request::refresh(&call, hook.form), response::refresh, good).await
        })
    }

    fn subscribe(&self, call: SubscribeCall) -> Answering<'_, SubscribeGrant> {
        Box::pin(async move {
            match self.named(Hook::Subscribe, &call.hook) {
                Ok(hook) => {
                    let body = request::subscribe(&call, hook.form);
                    hook.decide(&call.caller, body, response::subscribe).await
                }
                Err(error) => Answer::Error(error),
            }
        })
    }

    fn sub_refresh(&self, call: SubRefreshCall) -> Answering<'_, SubRefreshGrant> {
        Box::pin(async move {
            match self.named(Hook::SubRefresh, &call.hook) {
                Ok(hook) => {
                    let body = request::sub_refresh(&call, hook.form);
                    let good = |expire_at| SubRefreshGrant { expire_at, ..SubRefreshGrant::default() };
                    hook.refresh(&call.caller, body, response::sub_refresh, good).await
                }
                Err(error) => Answer::Error(error),
            }
        })
    }

    fn publish(&self, call: PublishCall) -> Answering<'_, PublishGrant> {
        Box::pin(async move {
            match self.named(Hook::Publish, &call.hook) {
                Ok(hook) => {
                    let body = request::publish(&call, hook.form);
                    hook.decide(&call.caller, body, response::publish).await
                }
                Err(error) => Answer::Error(error),
            }
        })
    }

    fn rpc(&self, call: RpcCall) -> Answering<'_, RpcGrant> {
        Box::pin(async move {
            match self.named(Hook::Rpc, &call.hook) {
                Ok(hook) => hook.decide(&call.caller, request::rpc(&call, hook.form), response::rpc).await,
                Err(error) => Answer::Error(error),
            }
        })
    }

    fn failures(&self) -> Vec<HookFailures> {
        let all = self.tables.iter().flat_map(BTreeMap::values);
        let of = |http: &HttpHook| HookFailures {
            hook: http.hook,
            name: http.name.clone(),
            failures: http.failures.load(Relaxed),
        };
        all.map(of).collect()
    }

    fn deliver<'h>(&'h self, events: &'h [Event]) -> Delivering<'h> {
        Box::pin(async move {
            let Some(hook) = events.first().and_then(|event| self.find(event.hook(), DEFAULT_NAME)) else {
                return Ok(());
            };
            let body = request::events(events, hook.form);
            let undelivered = |problem: String| Undelivered { delivered: 0, problem };
            let answer = hook
                .endpoint
                .post(None, body, |status| status.is_success())
                .await
                .map_err(|error| undelivered(error.to_string()))?;
            response::events(&answer).map_err(|wrong| undelivered(wrong.to_string()))
        })
    }
}

impl fmt::Debug for HttpHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.tables.iter().flat_map(BTreeMap::values);
        f.debug_set().entries(all.map(|http| (http.hook.name(), &http.name))).finish()
    }
}
