//! A push client that reconnects, resubscribes and recovers.
//!
//! It speaks the Centrifuge protocol, version 2 in JSON or Protobuf, over WebSocket. One task owns the
//! connection and the subscriptions; what the user holds are handles. Connections come and go,
//! subscriptions stay: after a reconnect the client asks the server for what was published meanwhile,
//! and where that cannot be had it says so with a [`Gap`](SubscriptionEvent::Gap) instead of going on
//! as if nothing had happened. Tokens come from call-backs that are asked again in time. Every queue in
//! it has a limit, every wait a time-out.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use wavecast_client::{Client, Options, SubscriptionEvent};
//!
//! let client = Client::connect("ws://127.0.0.1:8000/connection/websocket", Options::default())?;
//! let mut news = client.subscribe("news").await?;
//! client.publish("news", "hello").await?;
//! while let Some(event) = news.next().await {
//!     match event {
//!         SubscriptionEvent::Publication(publication) => println!("{}", publication.data),
//!         SubscriptionEvent::Gap(gap) => println!("something may be missing: {}", gap.cause),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! | room | what it holds |
//! | --- | --- |
//! | `client`, `state` | [`Client`], the handle, and its [`State`] |
//! | `options` | [`Options`], [`SubscribeOptions`] |
//! | `token` | [`Token`], [`SubscriptionToken`]: fixed ones, and call-backs that fetch one |
//! | `filter` | [`TagsFilter`] |
//! | `subscription`, `event` | [`Subscription`] and [`SubscriptionEvent`] |
//! | `server_events` | [`ServerEvents`]: subscriptions that the server makes, messages to this client |
//! | `data` | [`Data`]: payloads, JSON or bytes |
//! | `publication` | [`Publication`], [`ClientInfo`], [`StreamPosition`] |
//! | `request` | publish, rpc, presence and history: question and answer |
//! | `caller` | what all handles have: the way to the task and back |
//! | `inbox` | what handles say to the task |
//! | `queue` | the bounded queue behind a subscription, and behind the server's events |
//! | `task` | connect, serve, back off: all the I/O |
//! | `fetches` | calls of token sources beside it |
//! | `session` | one connection's commands, replies, pushes and time-outs |
//! | `frames` | commands on their way to the socket |
//! | `end` | which code means what for the next connection |
//! | `subscriptions` | all that outlives connections, and what a push is for |
//! | `channels`, `channel` | the user's subscriptions and what to ask the server for |
//! | `server_channels` | the server's subscriptions and who listens |
//! | `stream` | what one reader has been told of a channel, and what may be missing |
//! | `delta` | payloads that come as changes to the one before |
//! | `expiry` | when to renew a token |
//! | `error` | one enum per operation |
//!
//! Not there yet: the fall-backs where WebSocket is blocked.

mod caller;
mod channel;
mod channels;
mod client;
mod data;
mod delta;
mod end;
mod error;
mod event;
mod expiry;
mod fetches;
mod filter;
mod frames;
mod inbox;
mod options;
mod publication;
mod queue;
mod request;
mod server_channels;
mod server_events;
mod session;
mod state;
mod stream;
mod subscription;
mod subscriptions;
mod task;
mod token;

pub use client::Client;
pub use data::Data;
pub use error::{Cause, ConnectError, RequestError, ServerError, SubscribeError};
pub use event::{Gap, GapCause, ServerEvent, SubscriptionEvent};
pub use filter::TagsFilter;
pub use options::{Delta, Options, SubscribeOptions};
pub use publication::{ClientInfo, Publication, StreamPosition};
pub use request::{HistoryPage, HistoryQuery, Presence, PresenceStats};
pub use server_events::ServerEvents;
pub use state::State;
pub use subscription::Subscription;
pub use token::{SubscriptionToken, Token, TokenError, Unauthorized};
pub use wavecast_net::client::{Proxy, ProxyUrlError, UrlError};
#[cfg(feature = "tls")]
pub use wavecast_net::client::{Tls, TlsConfigError};
pub use wavecast_protocol::centrifuge::{Encoding, FilterError};
