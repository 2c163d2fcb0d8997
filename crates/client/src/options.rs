//! How a client connects, how long it waits, and how much it holds.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::publication::StreamPosition;

/// What a failed token source may return.
pub type TokenError = Box<dyn std::error::Error + Send + Sync>;

type FetchToken = dyn Fn() -> Pin<Box<dyn Future<Output = Result<String, TokenError>> + Send>> + Send + Sync;

/// Options of a [`Client`](crate::Client). Every field has a documented default; set those you need:
///
/// ```
/// use wavecast_client::{Options, Token};
///
/// let options = Options { token: Some(Token::fixed("eyJhbGci…")), ..Options::default() };
/// ```
#[derive(Debug, Clone)]
pub struct Options {
    /// What proves to the server who we are. Default: none.
    pub token: Option<Token>,
    /// What the server's operator sees of this program: a name of at most 16 characters. Default: `rust`.
    pub name: String,
    /// The version of this program, at most 64 characters. Default: empty.
    pub version: String,
    /// JSON that the server's connect hook receives. Default: none.
    pub data: Option<Box<RawValue>>,
    /// Headers of the WebSocket handshake. Default: none.
    pub headers: Vec<(String, String)>,
    /// Shortest delay before connecting again. Default: 500 ms.
    pub reconnect_delay_min: Duration,
    /// Longest delay before connecting again. Default: 20 s.
    pub reconnect_delay_max: Duration,
    /// How long opening a connection may take: token, TCP and handshake each. Default: 5 s.
    pub connect_timeout: Duration,
    /// How long a request waits for its answer, the time without a connection included. Default: 5 s.
    pub request_timeout: Duration,
    /// How much later than announced a ping of the server may come before the connection counts as
    /// dead. Default: 10 s.
    pub ping_delay_max: Duration,
    /// Most requests (publish, history) that wait for a connection or an answer. At that number
    /// callers wait, within their time-out. Default: 1,024.
    pub requests_max: usize,
    /// Most subscriptions. Default: 1,024; the server may well allow fewer (128 is usual).
    pub subscriptions_max: usize,
    /// Most events that wait in one subscription, 8 at least. What happens beyond is told at
    /// [`Subscription`](crate::Subscription). Default: 1,024.
    pub events_max: usize,
    /// Longest message from the server, in bytes. Default: 32 MiB, which is room for a recovery of
    /// 300 publications of 64 KiB.
    pub message_bytes_max: usize,
    /// Seeds the jitter of reconnects, so that a test repeats itself. Default: none, a random one.
    pub jitter_seed: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            token: None,
            name: "rust".to_owned(),
            version: String::new(),
            data: None,
            headers: Vec::new(),
            reconnect_delay_min: Duration::from_millis(500),
            reconnect_delay_max: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(5),
            ping_delay_max: Duration::from_secs(10),
            requests_max: 1_024,
            subscriptions_max: 1_024,
            events_max: 1_024,
            message_bytes_max: 32 * 1_024 * 1_024,
            jitter_seed: None,
        }
    }
}

/// Where the connection token comes from.
#[derive(Clone)]
pub struct Token(Source);

#[derive(Clone)]
enum Source {
    Fixed(String),
    Fetch(Arc<FetchToken>),
}

impl Token {
    /// One token for the life of the client. When it has expired, the client closes with code 109.
    pub fn fixed(token: impl Into<String>) -> Self {
        Self(Source::Fixed(token.into()))
    }

    /// Asks `fetch` for a token before the first connect, and again whenever the server says that the
    /// one it was given has expired. While `fetch` fails the client tries again, with back-off.
    pub fn fetched<F, R>(fetch: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<String, TokenError>> + Send + 'static,
    {
        Self(Source::Fetch(Arc::new(move || Box::pin(fetch()))))
    }

    pub(crate) fn is_fixed(&self) -> bool {
        matches!(self.0, Source::Fixed(_))
    }

    pub(crate) async fn get(&self) -> Result<String, TokenError> {
        match &self.0 {
            Source::Fixed(token) => Ok(token.clone()),
            Source::Fetch(fetch) => fetch().await,
        }
    }
}

/// Tokens stay out of logs.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_fixed() { "Token(fixed)" } else { "Token(fetched)" })
    }
}

/// Options of one subscription.
#[derive(Debug, Clone, Default)]
pub struct SubscribeOptions {
    /// A subscription token, for channels that ask for one.
    pub token: Option<String>,
    /// JSON that the server's subscribe hook receives.
    pub data: Option<Box<RawValue>>,
    /// Where to begin: what was published behind this position comes first, if the channel keeps it.
    pub since: Option<StreamPosition>,
    /// Asks for a position in the channel's stream, even where the namespace does not give one by
    /// itself.
    pub positioned: bool,
    /// Asks for recovery after reconnects, even where the namespace does not give it by itself.
    pub recoverable: bool,
    /// Asks for join and leave events.
    pub join_leave: bool,
}

impl SubscribeOptions {
    /// Sets [`data`](Self::data) from anything that serialises to JSON.
    ///
    /// # Errors
    ///
    /// What serialising returns.
    pub fn with_data(mut self, data: &impl Serialize) -> serde_json::Result<Self> {
        self.data = Some(serde_json::value::to_raw_value(data)?);
        Ok(self)
    }
}
