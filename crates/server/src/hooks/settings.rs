//! How hooks over HTTP are called, and how events are queued.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use wavecast_protocol::centrifuge::{Disconnect, Error};

use super::kind::Hook;
use crate::http_client::TlsOptions;

/// One hook over HTTP: where it is and how it is called.
#[derive(Clone, PartialEq)]
pub struct HookSettings {
    /// The URL that is posted to: `http` or `https`. A user and password in it become basic authorization.
    pub endpoint: String,
    /// The longest that a call may take, waiting for its turn included, default 1 s.
    pub timeout: Duration,
    /// Headers of the client's handshake that are passed on, in any case. Default: none.
    pub http_headers: Vec<String>,
    /// Headers that the client names in its connect command and that are passed on, in any case. The back end must not trust
    /// them. Default: none.
    pub emulated_headers: Vec<String>,
    /// Headers of every call; one of the same name that is passed on takes their place. May hold secrets. Default: none.
    pub static_headers: BTreeMap<String, String>,
    /// How an `https` server is verified.
    pub tls: TlsOptions,
    /// Calls carry the connection's meta. Default off.
    pub include_connection_meta: bool,
    /// Payloads go out in base64, as they must where they are not JSON. Default off.
    pub binary_encoding: bool,
    /// What a status other than 200 means. One that is not listed is error 100. Default: none.
    pub status_to_code_transforms: Vec<StatusTransform>,
    /// Calls under way at the same time, default 64; those beyond wait for their turn.
    pub concurrency: usize,
}

impl Default for HookSettings {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            timeout: Duration::from_secs(1),
            http_headers: Vec::new(),
            emulated_headers: Vec::new(),
            static_headers: BTreeMap::new(),
            tls: TlsOptions::default(),
            include_connection_meta: false,
            binary_encoding: false,
            status_to_code_transforms: Vec::new(),
            concurrency: 64,
        }
    }
}

/// Shows neither the endpoint, which may hold a password or a key, nor the values of headers.
impl fmt::Debug for HookSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookSettings")
            .field("timeout", &self.timeout)
            .field("http_headers", &self.http_headers)
            .field("emulated_headers", &self.emulated_headers)
            .field("static_headers", &self.static_headers.keys())
            .field("include_connection_meta", &self.include_connection_meta)
            .field("binary_encoding", &self.binary_encoding)
            .field("status_to_code_transforms", &self.status_to_code_transforms)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}

/// What a status means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusTransform {
    /// The HTTP status, other than 200.
    pub status_code: u16,
    /// What the client gets for it.
    pub to: Meaning,
}

/// What a client gets for a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// The command is answered with an error.
    Error(Error),
    /// The connection ends.
    Disconnect(Disconnect),
}

/// All hooks over HTTP.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HttpSettings {
    /// The hook of each kind whose name is `default`: the one of the section in the configuration.
    pub own: BTreeMap<Hook, HookSettings>,
    /// Hooks with a name of their own (`proxies`): for subscribe, sub_refresh, publish and rpc.
    pub named: BTreeMap<String, HookSettings>,
}

/// The queue of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSettings {
    /// Events that wait or are under way, default 10,000. One beyond is refused.
    pub events_max: usize,
    /// Bytes of these, default 16 MiB. An event beyond is refused.
    pub bytes_max: usize,
    /// Deliveries under way at the same time, default 16. A session or channel has one at most.
    pub concurrency: usize,
    /// Events of one session or channel in one delivery, default 64.
    pub batch_max: usize,
    /// The pause after a delivery failed is a random part of this, default 100 ms; it doubles with each failure in a row…
    pub backoff_min: Duration,
    /// …up to this, default 20 s.
    pub backoff_max: Duration,
    /// An event this old is lost when its delivery fails once more, default 1 h.
    pub give_up_after: Duration,
    /// A channel that was left by its last subscriber is reported after this, default 1 s, unless it has one again.
    pub channel_vacated_delay: Duration,
}

impl Default for EventSettings {
    fn default() -> Self {
        Self {
            events_max: 10_000,
            bytes_max: 16 << 20,
            concurrency: 16,
            batch_max: 64,
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(20),
            give_up_after: Duration::from_secs(3600),
            channel_vacated_delay: Duration::from_secs(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let settings = HookSettings {
            endpoint: "https://user:s3cret@example.org/connect?key=s3cret".into(),
            static_headers: [("Authorization".to_owned(), "Bearer s3cret".to_owned())].into(),
            ..HookSettings::default()
        };
        let all = HttpSettings { own: [(Hook::Connect, settings)].into(), ..HttpSettings::default() };
        let shown = format!("{all:?} {all:#?}");
        assert!(!shown.contains("s3cret") && shown.contains("Authorization"), "{shown}");
    }
}
