//! The asynchronous WebSocket client, on tokio.
//!
//! A [`WebSocket`] is one connection with `send`, `recv` and `close`; it may be [split](WebSocket::split) for two tasks.
//! [`Events`] are the same as call-backs, and [`Reconnect`] keeps a connection. It knows nothing of channels: that is
//! `wavecast-client`, one floor up. Protocol rules live in [`wavecast_websocket`]; what is here is the transport around
//! them.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use wavecast_net::client;
//!
//! let mut socket = client::connect("ws://127.0.0.1:9001/").await?;
//! socket.send("hello").await?;
//! while let Some(message) = socket.recv().await? {
//!     println!("{message:?}");
//! }
//! println!("{}", socket.closed().expect("recv has returned None"));
//! # Ok(())
//! # }
//! ```
//!
//! | room | what it holds |
//! | --- | --- |
//! | `url` | [`Url`]: parsing an address strictly |
//! | `options` | [`ConnectOptions`]: headers, sub-protocols, limits, time-outs |
//! | `connect` | the way to the server and the handshakes, within their time-outs |
//! | `resolver`, `dial` | from a name to addresses, from addresses to TCP |
//! | `proxy`, `environment` | a proxy's URL; the one that the environment names |
//! | `tunnel`, `socks` | the way through a proxy; SOCKS 5 without I/O |
//! | `tls`, `tls_error` | [`Tls`]: whom to trust and who we are; why there is no session |
//! | `stream` | [`Stream`]: TCP, or TLS over it |
//! | `socket` | [`WebSocket`]: receive, send, ping, close |
//! | `conversation`, `closing` | the state behind it, polled; how far its end has come |
//! | `pieces` | messages in pieces, both ways |
//! | `incoming` | bytes that become messages, or pieces of one |
//! | `outgoing`, `outbox` | frames that are made; bytes that wait to be written |
//! | `split` | [`Receiver`], and the task between two halves |
//! | `events` | [`Events`]: the same four events as the server has |
//! | `reconnect`, `verdict`, `backoff` | [`Reconnect`]: connects again; whether, and when |
//! | `handle`, `drive` | [`Sender`], for all of them; what its task does |
//! | `streams` | streams and sinks (feature `futures`) |
//! | `heartbeat` | pings of ours, and the end of patience |
//! | `mask` | unpredictable masking keys |
//! | `error` | one enum per operation |

mod backoff;
mod closing;
mod connect;
mod conversation;
mod dial;
mod drive;
mod environment;
mod error;
mod events;
mod handle;
mod heartbeat;
mod incoming;
mod mask;
mod options;
mod outbox;
mod outgoing;
mod pieces;
mod proxy;
mod reconnect;
mod resolver;
mod socket;
mod socks;
mod split;
mod stream;
#[cfg(feature = "futures")]
mod streams;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_error;
mod tunnel;
mod url;
mod verdict;

pub use crate::message::{Message, MessageRef};
pub use backoff::Backoff;
pub use connect::connect;
pub use error::{CloseError, Closed, ConnectError, ConnectStep, RecvError, SendError, Side, TrySendError};
pub use events::{Error, Events, Opened, Retry};
pub use handle::Sender;
pub use options::ConnectOptions;
pub use proxy::{Proxy, ProxyUrlError};
pub use reconnect::{Cause, Ended, Reconnect};
pub use resolver::ADDRESSES_MAX;
pub use socket::{Received, WebSocket};
pub use socks::SocksError;
pub use split::Receiver;
pub use stream::Stream;
#[cfg(feature = "futures")]
pub use streams::SenderSink;
#[cfg(feature = "tls")]
pub use tls::Tls;
#[cfg(feature = "tls")]
pub use tls_error::{TlsConfigError, TlsError, TlsFault};
#[cfg(feature = "tls")]
pub use tokio_rustls::{self, rustls};
pub use tunnel::ProxyError;
pub use url::{URL_BYTES_MAX, Url, UrlError};
pub use verdict::Verdict;
pub use wavecast_websocket::deflate::Compression;
pub use wavecast_websocket::handshake::{HandshakeError, Rejected, RequestError};
pub use wavecast_websocket::{CloseCode, Limits, Piece, ProtocolError};
