//! The asynchronous WebSocket client, on tokio.
//!
//! It holds one connection and does what RFC 6455 asks of a client: the handshake, masking, pongs and
//! both closing handshakes. It does not reconnect and knows nothing of channels: that is
//! `wavecast-client`, one floor up. Protocol rules live in [`wavecast_websocket`]; what is here is the
//! transport around them.
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
//! | `outbox` | bytes that wait to be written |
//! | `mask` | unpredictable masking keys |
//! | `error` | one enum per operation |

mod closing;
mod connect;
mod conversation;
mod dial;
mod environment;
mod error;
mod mask;
mod options;
mod outbox;
mod proxy;
mod resolver;
mod socket;
mod socks;
mod stream;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_error;
mod tunnel;
mod url;

pub use crate::message::{Message, MessageRef};
pub use connect::connect;
pub use error::{CloseError, Closed, ConnectError, ConnectStep, RecvError, SendError, Side, TrySendError};
pub use options::ConnectOptions;
pub use proxy::{Proxy, ProxyUrlError};
pub use resolver::ADDRESSES_MAX;
pub use socket::WebSocket;
pub use socks::SocksError;
pub use stream::Stream;
#[cfg(feature = "tls")]
pub use tls::Tls;
#[cfg(feature = "tls")]
pub use tls_error::{TlsConfigError, TlsError, TlsFault};
#[cfg(feature = "tls")]
pub use tokio_rustls::{self, rustls};
pub use tunnel::ProxyError;
pub use url::{URL_BYTES_MAX, Url, UrlError};
pub use wavecast_websocket::handshake::{HandshakeError, Rejected, RequestError};
pub use wavecast_websocket::{CloseCode, Limits, ProtocolError};
