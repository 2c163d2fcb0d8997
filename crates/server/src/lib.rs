//! The push server as a library: channels on top of WebSocket, for the clients that people already have.
//!
//! A [`PushServer`] is a [`Node`] (configuration, channels, counts), one shard per core (an event loop of the net
//! floor with sessions above it) and a front desk (HTTP on tokio). It knows no command line.
//!
//! A publication's way: [`desk`] or a session → [`node`] → the hub, which gives it its place → `inboxes` → `shard` →
//! `channels`, encoded once for each form → the outboxes of the net floor. A connection's way: the net floor's door →
//! `admission` → `session`, command by command → `shard`, which carries out what the session decided; what has to wait goes
//! through the `office` and comes back through the inbox.
//!
//! | room | what it is for |
//! | --- | --- |
//! | [`config`] | configuration in Centrifugo's vocabulary, checked |
//! | [`server`], `setup`, `works` | node, shards and desk put together, started; what they run on, and how it ends |
//! | `reload` | a configuration read anew while it runs: [`ReloadHandle`] |
//! | `leaving`, `departure` | how it leaves: [`DrainHandle`]; whether it does |
//! | `doors`, `acme` | what is listened on beside the port of clients; certificates that are fetched |
//! | [`node`] | what all shards and the desk share: configuration, hub, counts |
//! | `publishing`, `reading` | what is published, with a wait or without; what may be asked of channels |
//! | `counts`, `addresses`, `rate` | how many there are, and how fast they come |
//! | [`memory`], `relief` | what is held, against `memory.max`, and how room is made |
//! | `canary`, `watchman` | whether publications come through and event loops turn |
//! | [`metrics`], [`scrape`] | what is counted; added up, for Prometheus |
//! | `clock`, `secret` | what time it is; a value that nothing prints |
//! | `shard`, `shard_event` | sessions and channels on one event loop; what reaches it |
//! | `session` | the Centrifuge protocol as a state machine |
//! | `channels` | a shard's channels, their subscribers and what they are to get |
//! | [`idempotency`] | publications with a key happen once |
//! | `inboxes` | the shards' inboxes, as the hub delivers into them |
//! | `office` | the back office: questions that have to wait |
//! | `orders`, `ordering` | what the back end asks of sessions, on every shard |
//! | [`token`] | who a client is and what it may, signed by the back end (JWT) |
//! | [`polling`] | what polls are answered, and how they wait |
//! | [`position_list`] | where a client without a session stands, as one line of text |
//! | `steering` | whom an order means: [`Whom`], [`Renewal`], [`Revocation`] |
//! | `procedures`, `process` | [`Procedures`]: methods that the program around the server brings; what this process uses |
//! | [`hooks`] | calls to the user's back end, over HTTP or as Rust functions |
//! | [`http_client`] | HTTP as a client, for hooks and key sets |
//! | `admission`, `client_address` | who comes in as a client; where it is, behind a proxy |
//! | `streams`, `entering`, `session_names` | sessions on the body of an HTTP response, and how their clients speak to them |
//! | `one_way`, `asked`, `marks` | sessions of clients that speak once: what they ask for, and where they stand |
//! | `transport`, `wire_form` | what a session's bytes travel in, and the form in which it is written to |
//! | `payload`, `wire` | what may be published, [`as_json`]; publications and pushes as frames |
//! | [`desk`] | the front desk: API, health, pages |
//! | `pages` | the pages, built in |

mod acme;
mod addresses;
mod admission;
mod asked;
mod canary;
mod channels;
mod client_address;
mod clock;
pub mod config;
mod counts;
mod departure;
pub mod desk;
mod doors;
mod entering;
pub mod hooks;
pub mod http_client;
pub mod idempotency;
mod inboxes;
mod leaving;
mod marks;
pub mod memory;
pub mod metrics;
pub mod node;
mod office;
mod one_way;
mod ordering;
mod orders;
pub mod pages;
mod payload;
pub mod polling;
pub mod position_list;
mod procedures;
mod process;
mod publishing;
mod rate;
mod reading;
mod relief;
mod reload;
pub mod scrape;
mod secret;
pub mod server;
mod session;
mod session_names;
mod setup;
mod shard;
mod shard_event;
mod steering;
mod streams;
pub mod token;
mod transport;
mod watchman;
mod wire;
mod wire_form;
mod works;

pub use self::canary::{Failing, Round, Vitals};
pub use self::doors::ListenError;
pub use self::leaving::DrainHandle;
pub use self::node::Node;
pub use self::payload::as_json;
pub use self::procedures::Procedures;
pub use self::process::ProcessUse;
pub use self::reading::PRESENCE_CLIENTS_MAX;
pub use self::reload::{ReloadError, ReloadHandle};
pub use self::server::{PushServer, StartError};
pub use self::setup::SetupError;
pub use self::steering::{Renewal, Revocation, Whom};

/// Publications, positions, options of channels: the words of the hub that a program around the server uses.
#[doc(no_inline)]
pub use wavecast_hub as hub;
/// Errors and disconnects: the words of the protocol that a program around the server uses.
#[doc(no_inline)]
pub use wavecast_protocol as protocol;

/// The version that clients and the API are told.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
