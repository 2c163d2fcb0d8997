//! What a node is by itself: log, endpoints, event loops, engine, memory, shutdown.

use std::time::Duration;

/// `log.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// `level`: one of `trace`, `debug`, `info` (default), `warn`, `error`, `fatal`, `none`.
    pub level: String,
    /// `file`: path of the log file; "" (default) = standard error.
    pub file: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".into(), file: String::new() }
    }
}

/// `websocket.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct WebSocket {
    /// `disabled`: no WebSocket endpoint. Default false.
    pub disabled: bool,
    /// `handler_prefix`: its path, default `/connection/websocket`.
    pub handler_prefix: String,
    /// `message_size_limit`: bytes of one message from a client, default 65536; then close code 1009.
    pub message_size_limit: usize,
    /// `compression`: messages are compressed where clients offer it (RFC 7692). Default false.
    pub compression: bool,
    /// `compression_min_size`: shorter messages are sent as they are, bytes, default 0.
    pub compression_min_size: usize,
    /// `compression_level`: 1 is fast, 9 is small; default 1.
    pub compression_level: usize,
}

impl Default for WebSocket {
    fn default() -> Self {
        Self {
            disabled: false,
            handler_prefix: "/connection/websocket".into(),
            message_size_limit: 64 * 1024,
            compression: false,
            compression_min_size: 0,
            compression_level: 1,
        }
    }
}

/// `health.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// `enabled`: default true (Centrifugo: false).
    pub enabled: bool,
    /// `handler_prefix`: its path, default `/health`; `/live` and `/ready` are below it.
    pub handler_prefix: String,
    /// `canary_interval` (own): between two canary publications, default 1 s.
    pub canary_interval: Duration,
    /// `canary_timeout` (own): a shard that has not returned one for so long is not ready, default 5 s.
    pub canary_timeout: Duration,
    /// `live_timeout` (own): a shard that was woken and does not turn for so long is not alive, default 10 s.
    pub live_timeout: Duration,
}

impl Health {
    /// The path of one of the endpoints below.
    #[must_use]
    pub fn below(&self, name: &str) -> String {
        format!("{}/{name}", self.handler_prefix.trim_end_matches('/'))
    }
}

impl Default for Health {
    fn default() -> Self {
        Self {
            enabled: true,
            handler_prefix: "/health".into(),
            canary_interval: Duration::from_secs(1),
            canary_timeout: Duration::from_secs(5),
            live_timeout: Duration::from_secs(10),
        }
    }
}

/// `prometheus.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct Prometheus {
    /// `enabled`: default true (Centrifugo: false).
    pub enabled: bool,
    /// `handler_prefix`: its path, default `/metrics`.
    pub handler_prefix: String,
}

impl Default for Prometheus {
    fn default() -> Self {
        Self { enabled: true, handler_prefix: "/metrics".into() }
    }
}

/// `pages.*` (own).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pages {
    /// `enabled`: serve the start page; default false, true in the development profile.
    pub enabled: bool,
}

/// `demo.*` (own).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Demo {
    /// `enabled`: serve the demo applications below `/demo/`; default false, true in the development profile. Their back
    /// ends are the program's: a library that embeds the server has the pages alone.
    pub enabled: bool,
}

/// `shutdown.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct Shutdown {
    /// `timeout`: the longest a shutdown may take, default 30 s; what is left then is cut.
    pub timeout: Duration,
    /// `drain` (own): the time over which connections are closed, one after the other, default 10 s; 0: all at once.
    ///
    /// Ten seconds spread ten thousand clients to a thousand a second, which a core takes with TLS and tokens, and leave the
    /// last of them time to say goodbye before `timeout`, and before the 30 s that Kubernetes gives by default.
    pub drain: Duration,
    /// `delay` (own): the time before, in which health says no and everything else goes on, default 0: for load balancers,
    /// which learn of it only when they ask the next time.
    pub delay: Duration,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30), drain: Duration::from_secs(10), delay: Duration::ZERO }
    }
}

/// `node.*`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Node {
    /// `name`: what the API calls this node; "" (default) = `wavecast_` and the configured port.
    pub name: String,
}

/// `shard.*` (own).
#[derive(Debug, Clone, PartialEq)]
pub struct Shard {
    /// `count`: event loops; 0 (default) = one per core. At most 128.
    pub count: usize,
    /// `inbox_size`: publications that may wait for one shard, default 4096; then publishers wait or get 111.
    pub inbox_size: usize,
}

impl Default for Shard {
    fn default() -> Self {
        Self { count: 0, inbox_size: 4096 }
    }
}

/// `engine.*`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Engine {
    /// `memory.*` (own): the engine inside the process.
    pub memory: MemoryEngine,
}

/// `engine.memory.*` (own).
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryEngine {
    /// `channel_limit`: channels with subscribers or history at once, default 1000000; then error 106.
    pub channel_limit: usize,
}

impl Default for MemoryEngine {
    fn default() -> Self {
        Self { channel_limit: 1_000_000 }
    }
}

/// `memory.*` (own).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// `max`: bytes that the node may hold for its clients and channels; 0 (default) = no limit. Near it new
    /// connections are refused, then history is trimmed, then the slowest clients end.
    pub max: usize,
}
