//! Key sets fetched over HTTP, kept for a while, and asked for seldom.
//!
//! Keys are kept by address and name: a name says nothing by itself, two issuers may use the same. However many tokens
//! with invented names come, a set is fetched at most once in [`KeySetPolicy::pause`], by one request at a time, and
//! the invented names are not kept.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};

use super::jwk::{self, Keys};
use super::key::PublicKey;
use super::refusal::KeyId;
use crate::http_client::{HttpClient, HttpClientOptions, TlsError};

/// How key sets are fetched and kept. The defaults are Centrifugo's where it has one.
#[derive(Debug, Clone)]
pub(super) struct KeySetPolicy {
    /// How long a set is fresh; after that the next token that needs it has it fetched again.
    pub(super) fresh: Duration,
    /// How long beyond that its keys are still taken while it cannot be fetched.
    pub(super) grace: Duration,
    /// Least time between two fetches of a set.
    pub(super) pause: Duration,
    /// Time for one request, and how often it is tried in one fetch.
    pub(super) timeout: Duration,
    pub(super) attempts: u32,
    /// Bytes of a set.
    pub(super) bytes_max: usize,
    /// Sets kept, where the address depends on the token; the one that was fetched longest ago makes room.
    pub(super) sets_max: usize,
}

impl Default for KeySetPolicy {
    fn default() -> Self {
        Self {
            fresh: Duration::from_secs(3600),
            grace: Duration::from_secs(3600),
            pause: Duration::from_secs(5),
            timeout: Duration::from_secs(1),
            attempts: 2,
            bytes_max: 256 * 1024,
            sets_max: 64,
        }
    }
}

/// What is known of a key without asking anybody.
pub(super) enum Lookup {
    Found(Arc<PublicKey>),
    /// The set has been fetched, and has no such key.
    Unknown,
    /// The set could not be fetched, and it is too early to try again.
    Unavailable,
    /// The set must be fetched.
    Wanted,
}

/// All key sets of one verifier.
pub(super) struct KeySets {
    policy: KeySetPolicy,
    client: HttpClient,
    sets: RwLock<HashMap<Arc<str>, Arc<KeySet>>>,
}

#[derive(Default)]
struct KeySet {
    /// Held by whoever fetches.
    fetching: tokio::sync::Mutex<()>,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    keys: Keys,
    /// When these keys came.
    fetched: Option<Instant>,
    /// When a fetch ended last, well or not.
    tried: Option<Instant>,
}

impl KeySets {
    pub(super) fn new(policy: KeySetPolicy) -> Result<Self, TlsError> {
        let client = HttpClient::new(&HttpClientOptions {
            connect_timeout: policy.timeout,
            timeout: policy.timeout,
            response_size_max: policy.bytes_max,
            idle_connections_max: 1,
            ..HttpClientOptions::default()
        })?;
        Ok(Self { policy, client, sets: RwLock::default() })
    }

    /// Looks a key up; never waits for a fetch.
    pub(super) fn lookup(&self, key: &KeyId) -> Lookup {
        let sets = self.sets.read().unwrap_or_else(PoisonError::into_inner);
        match sets.get(&key.endpoint) {
            Some(set) => set.lookup(&key.name, &self.policy, Instant::now()),
            None => Lookup::Wanted,
        }
    }

    /// Fetches the set unless somebody else has meanwhile; the result is what [`KeySets::lookup`] says afterwards.
    pub(super) async fn fetch(&self, key: &KeyId) {
        let set = self.set(&key.endpoint);
        let _guard = set.fetching.lock().await;
        // Whoever waited here for another's fetch finds it done.
        if !matches!(set.lookup(&key.name, &self.policy, Instant::now()), Lookup::Wanted) {
            return;
        }
        let loaded = self.load(&key.endpoint).await;
        let mut state = set.state.write().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        state.tried = Some(now);
        match loaded {
            Ok(keys) => {
                tracing::debug!(%key, keys = keys.len(), "key set fetched");
                state.keys = keys;
                state.fetched = Some(now);
            }
            Err(problem) => {
                tracing::warn!(%key, "tokens cannot be verified by the key set: {problem}");
            }
        }
    }

    fn set(&self, endpoint: &Arc<str>) -> Arc<KeySet> {
        let mut sets = self.sets.write().unwrap_or_else(PoisonError::into_inner);
        if !sets.contains_key(endpoint) && sets.len() >= self.policy.sets_max {
            let oldest =
                sets.iter().min_by_key(|(_, set)| set.tried()).map(|(endpoint, _)| Arc::clone(endpoint));
            if let Some(oldest) = oldest {
                tracing::warn!("more key sets than are kept: the oldest makes room");
                sets.remove(&oldest);
            }
        }
        Arc::clone(sets.entry(Arc::clone(endpoint)).or_default())
    }

    /// Asks for the set, and changes nothing.
    pub(super) async fn load(&self, endpoint: &str) -> Result<Keys, String> {
        let mut problem = String::new();
        for _ in 0..self.policy.attempts {
            match self.load_once(endpoint).await {
                Ok(keys) => return Ok(keys),
                Err(error) => problem = error,
            }
        }
        Err(problem)
    }

    async fn load_once(&self, endpoint: &str) -> Result<Keys, String> {
        let request = Request::get(endpoint)
            .header("accept", "application/jwk-set+json, application/json")
            .body(Full::<Bytes>::default())
            .map_err(|error| error.to_string())?;
        let response = self.client.send(request).await.map_err(|error| error.to_string())?;
        if response.status() != StatusCode::OK {
            return Err(format!("it answers {}", response.status()));
        }
        let keys = jwk::key_set(response.body()).ok_or("its answer is not a key set (RFC 7517)")?;
        if keys.is_empty() { Err("it holds no key that verifies signatures".into()) } else { Ok(keys) }
    }
}

impl KeySet {
    fn tried(&self) -> Option<Instant> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).tried
    }

    fn lookup(&self, name: &str, policy: &KeySetPolicy, now: Instant) -> Lookup {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let is_younger = |limit: Duration| state.fetched.is_some_and(|at| now.duration_since(at) < limit);
        let key = state.keys.get(name);
        if let Some(key) = key.filter(|_| is_younger(policy.fresh)) {
            return Lookup::Found(Arc::clone(key));
        }
        if state.tried.is_none_or(|at| now.duration_since(at) >= policy.pause) {
            return Lookup::Wanted;
        }
        match key {
            Some(key) if is_younger(policy.fresh + policy.grace) => Lookup::Found(Arc::clone(key)),
            _ if state.fetched == state.tried => Lookup::Unknown,
            _ => Lookup::Unavailable,
        }
    }
}
