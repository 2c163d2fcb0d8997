//! How a client connects, how long it waits, and how much it holds.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use wavecast_net::client::Proxy;
#[cfg(feature = "tls")]
use wavecast_net::client::Tls;
use wavecast_protocol::centrifuge::Encoding;

use crate::data::Data;
use crate::error::SubscribeError;
use crate::filter::TagsFilter;
use crate::publication::StreamPosition;
use crate::token::{SubscriptionToken, Token};

/// Options of a [`Client`](crate::Client). Every field has a documented default; set those you need:
///
/// ```
/// use wavecast_client::{Options, Token};
///
/// let options = Options { token: Some(Token::fixed("eyJhbGci…")), ..Options::default() };
/// ```
#[derive(Clone)]
pub struct Options {
    /// What proves to the server who we are. Default: none.
    pub token: Option<Token>,
    /// What the server's operator sees of this program: a name of at most 16 characters. Default: `rust`.
    pub name: String,
    /// The version of this program, at most 64 characters. Default: empty.
    pub version: String,
    /// How messages are written on the wire. With Protobuf payloads may be any bytes. Default: JSON.
    pub encoding: Encoding,
    /// What the server's connect hook receives: JSON, or with Protobuf any bytes. Default: none.
    pub data: Option<Data>,
    /// Headers of the WebSocket handshake. Default: none.
    pub headers: Vec<(String, String)>,
    /// How a `wss://` server is verified, and what this client shows it. Default: by the machine's store of authorities,
    /// and nothing.
    #[cfg(feature = "tls")]
    pub tls: Tls,
    /// The proxy to go through: `"http://user:password@host:port".parse()`, or `socks5://…`. Default: none.
    pub proxy: Option<Proxy>,
    /// Goes through the proxy that the environment names (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`), where
    /// [`proxy`](Self::proxy) names none. Default: no.
    pub proxy_from_environment: bool,
    /// Shortest delay before connecting again. Default: 500 ms.
    pub reconnect_delay_min: Duration,
    /// Longest delay before connecting again. Default: 20 s.
    pub reconnect_delay_max: Duration,
    /// How long opening a connection may take: token, TCP (with a proxy's answer) and handshakes each. Tokens fetched later have
    /// as long. Default: 5 s.
    pub connect_timeout: Duration,
    /// How long a request waits for its answer, the time without a connection included. Default: 5 s.
    pub request_timeout: Duration,
    /// How much later than announced a ping of the server may come before the connection counts as
    /// dead: `maxServerPingDelay` of other clients. Default: 10 s.
    pub ping_delay_max: Duration,
    /// Most requests (publish, rpc, send, history and the like) that wait for a connection, to be sent or
    /// for an answer. At that number callers wait, within their time-out. Default: 1,024.
    pub requests_max: usize,
    /// Most subscriptions. Default: 1,024; the server may well allow fewer (128 is usual). A server that
    /// makes more than that many by itself ends the client.
    pub subscriptions_max: usize,
    /// Most events that wait in one subscription, and in the server's events, 8 at least. What happens
    /// beyond is told at [`Subscription`](crate::Subscription) and
    /// [`ServerEvents`](crate::ServerEvents). Default: 1,024.
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
            encoding: Encoding::Json,
            data: None,
            headers: Vec::new(),
            #[cfg(feature = "tls")]
            tls: Tls::new(),
            proxy: None,
            proxy_from_environment: false,
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

/// What may be secret stays out of logs: the token, the values of headers, the data.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Options");
        #[cfg(feature = "tls")]
        shown.field("tls", &self.tls);
        shown
            .field("proxy", &self.proxy)
            .field("proxy_from_environment", &self.proxy_from_environment)
            .field("token", &self.token)
            .field("name", &self.name)
            .field("version", &self.version)
            .field("encoding", &self.encoding)
            .field("data", &self.data.as_ref().map(|_| Hidden))
            .field("headers", &self.headers.iter().map(|(name, _)| (name, Hidden)).collect::<Vec<_>>())
            .field("reconnect_delay_min", &self.reconnect_delay_min)
            .field("reconnect_delay_max", &self.reconnect_delay_max)
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .field("ping_delay_max", &self.ping_delay_max)
            .field("requests_max", &self.requests_max)
            .field("subscriptions_max", &self.subscriptions_max)
            .field("events_max", &self.events_max)
            .field("message_bytes_max", &self.message_bytes_max)
            .field("jitter_seed", &self.jitter_seed)
            .finish()
    }
}

/// Stands in a log for what may be secret.
#[derive(Debug)]
struct Hidden;

/// Options of one subscription. Every field has a documented default; set those you need.
#[derive(Clone, Default)]
pub struct SubscribeOptions {
    /// The subscription token, for channels that ask for one. Default: none.
    pub token: Option<SubscriptionToken>,
    /// What the server's subscribe hook receives: JSON, or with Protobuf any bytes. Default: none.
    pub data: Option<Data>,
    /// Where to begin: what was published behind this position comes first, if the channel keeps it.
    /// Default: with what is published from then on.
    pub since: Option<StreamPosition>,
    /// Asks for a position in the channel's stream, even where the namespace does not give one by
    /// itself. Default: no.
    pub positioned: bool,
    /// Asks for recovery after reconnects, even where the namespace does not give it by itself.
    /// Default: no.
    pub recoverable: bool,
    /// Asks for join and leave events. Default: no.
    pub join_leave: bool,
    /// Ends the subscription with code 112 where what was missed cannot be recovered, instead of going
    /// on behind a [`Gap`](crate::SubscriptionEvent::Gap). Default: no.
    pub reject_unrecovered: bool,
    /// Which publications to get, by their tags; the server leaves out the others. Not together with
    /// `delta`. Default: all.
    pub filter: Option<TagsFilter>,
    /// Lets the server send what changed since the publication before instead of all of it, where the
    /// namespace allows that. What is delivered is the same. Default: no.
    pub delta: Option<Delta>,
}

/// What may be secret stays out of logs: the token and the data.
impl fmt::Debug for SubscribeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscribeOptions")
            .field("token", &self.token)
            .field("data", &self.data.as_ref().map(|_| Hidden))
            .field("since", &self.since)
            .field("positioned", &self.positioned)
            .field("recoverable", &self.recoverable)
            .field("join_leave", &self.join_leave)
            .field("reject_unrecovered", &self.reject_unrecovered)
            .field("filter", &self.filter)
            .field("delta", &self.delta)
            .finish()
    }
}

/// Ways to say what changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delta {
    /// The delta format of the Fossil version control system.
    Fossil,
}

impl SubscribeOptions {
    /// Sets [`data`](Self::data) from anything that serialises to JSON.
    ///
    /// # Errors
    ///
    /// What serialising returns.
    pub fn with_data(mut self, data: &(impl Serialize + ?Sized)) -> serde_json::Result<Self> {
        self.data = Some(Data::json(data)?);
        Ok(self)
    }

    /// As they can be carried out, with data that fit the encoding.
    pub(crate) fn checked(mut self, encoding: Encoding) -> Result<Self, SubscribeError> {
        if self.delta.is_some() && self.filter.is_some() {
            return Err(SubscribeError::DeltaWithFilter);
        }
        self.filter.as_ref().map_or(Ok(()), TagsFilter::check).map_err(SubscribeError::Filter)?;
        if let Some(data) = self.data.take() {
            self.data = Some(data.encodable(encoding).map_err(|_| SubscribeError::Data)?);
        }
        Ok(self)
    }
}
