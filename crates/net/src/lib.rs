//! Event loops, connections and outboxes: WebSocket servers and clients with the four events.
//!
//! This floor moves bytes. It knows connections and messages; it knows nothing of channels, users or protocols above
//! WebSocket. A server is a set of *shards*, one thread each; a connection lives and dies on one of them, and from a
//! shard's inbox to the socket a delivery takes no lock and no atomic operation.
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`server`] | a WebSocket server with the four events, in a few lines |
//! | [`client`] | an async WebSocket client (feature `client`) |
//! | [`shard`] | the event loop underneath, for programs that want one handler per core and no locks |
//! | [`driver`] | what moves the bytes below a shard; a simulated one for tests |
//! | [`mount`] | our connections in somebody's hyper or axum server (features `hyper`, `axum`) |
//! | [`carrier`] | a connection that a shard let go, as hyper reads and writes it (feature `hyper`) |
//! | [`relay`] | a connection whose bytes cannot move to a shard |
//! | [`listener`] | what a server listens on: TCP, Unix sockets, given listeners |
//! | [`tls`] | TLS without I/O: certificates and sessions (feature `tls`) |
//! | [`proxy_protocol`] | who the client of a proxy in front is |
//! | [`descriptors`] | the limit of open files |
//!
//! Below a shard, private: `outbox`, `frame` and `bundle` (references to shared frames, and several for one connection), `slots`
//! and `wheel` (tables and timers), `inbox`, `options`, `message`, `params` (the named parts of a path), `random` (jitter),
//! `tally` (what a shard counts).

mod bundle;
#[cfg(feature = "hyper")]
pub mod carrier;
#[cfg(feature = "client")]
pub mod client;
pub mod descriptors;
pub mod driver;
mod frame;
mod inbox;
pub mod listener;
mod message;
#[cfg(feature = "hyper")]
pub mod mount;
mod options;
mod outbox;
mod params;
pub mod proxy_protocol;
mod random;
pub mod relay;
pub mod server;
pub mod shard;
mod slots;
mod tally;
#[cfg(feature = "tls")]
pub mod tls;
mod wheel;

pub use wavecast_websocket as websocket;
pub use wavecast_websocket::CloseCode;
pub use wavecast_websocket::deflate::Compression;

pub use self::bundle::Bundle;
pub use self::frame::{Batch, Frame, Lane};
pub use self::inbox::Waker;
pub use self::message::{Kind, Message, MessageRef, Piece};
pub use self::options::{Lifetime, Options};
pub use self::params::Params;
