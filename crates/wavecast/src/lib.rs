//! WebSocket push for Rust: what a developer adds to a project.
//!
//! A WebSocket server in ten lines:
//!
//! ```no_run
//! # #[cfg(feature = "net")]
//! # mod example {
//! use wavecast::net::server::{Connection, Events, Server};
//! use wavecast::net::MessageRef;
//!
//! struct Echo;
//!
//! impl Events for Echo {
//!     fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
//!         connection.send(message).ok();
//!     }
//! }
//! # fn main() -> std::io::Result<()> {
//! Server::bind("127.0.0.1:9001")?.run(Echo)
//! # }
//! # }
//! ```
//!
//! A WebSocket client in ten lines:
//!
//! ```no_run
//! # #[cfg(feature = "net")]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use wavecast::net::client;
//!
//! let mut socket = client::connect("ws://127.0.0.1:9001/").await?;
//! socket.send("hello").await?;
//! while let Some(message) = socket.recv().await? {
//!     println!("{message:?}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! | feature | module | what it is |
//! | --- | --- | --- |
//! | `net` (default) | [`net`] | the toolkit: WebSocket servers and clients with the four events |
//! | `client` (default) | [`client`] | a push client that reconnects, resubscribes and recovers |
//! | `tls` (default) | | TLS in both: `wss://`, and listeners that speak it |
//! | `futures` | | streams and sinks of the WebSocket client |
//! | `hyper`, `axum` | `net::mount` | our connections inside somebody's HTTP server |
//! | `server` | `server` | the push server, to embed in a program |
//!
//! # Limits
//!
//! Nothing is without a bound; these are the ones to know. What each costs is memory for a peer that wants it.
//!
//! | what | default | at the limit | where |
//! | --- | --- | --- | --- |
//! | request head | 16 KiB, 100 fields, 10 s | 431, 408 | [`Limits`](net::websocket::Limits), [`Options::head_timeout`](net::Options::head_timeout) |
//! | a message, a frame | 16 MiB | close code 1009 | [`Limits`](net::websocket::Limits) |
//! | a compressed message, inflated | the same, looked at while it is inflated | 1009 | |
//! | fragments of a message | 131,072 | 1008 | |
//! | what waits for a peer that reads slowly | 1 MiB | 1013; receiving rests from the half on | [`Options::outbox_bytes_max`](net::Options::outbox_bytes_max) |
//! | silence | a ping after 25 s, the end after 10 s more | 1006 | [`Options::keep_alive`](net::Options::keep_alive) |
//! | connections of a shard | 1,000,000 | closed at once | [`Options::connections_max`](net::Options::connections_max) |
//! | a client's queue | 64 KiB | `send` waits, `try_send` gives the message back | [`ConnectOptions`](net::client::ConnectOptions) |
//!
//! # Cancel-safety
//!
//! Every future of the clients may be dropped at any point, in `select!` for example. A dropped `recv` loses no message; a
//! dropped `send` has queued its message whole or not at all, and each method says which; a dropped `close` has begun
//! to close from its first poll on. Each async function says it in a section of its own, and
//! a test drops it in the middle.
//!
//! # Coming from Java-WebSocket
//!
//! The page `java_websocket` lists every public call of it, and what to write here.
//!
//! The `wavecast` program itself, which needs no Rust to be used, is the package `wavecast-cli`.

#[cfg(feature = "client")]
#[doc(inline)]
pub use wavecast_client as client;
#[cfg(feature = "net")]
#[doc(inline)]
pub use wavecast_net as net;
#[cfg(feature = "server")]
#[doc(inline)]
pub use wavecast_server as server;

#[cfg(all(doc, feature = "net"))]
pub mod java_websocket;
