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
//! | `server` | [`server`] | the push server, to embed in a program |
//! | `tls` (default) | | TLS in all of them: `wss://` |
//! | `futures` | | the toolkit's client as `Stream` and `Sink` |
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
