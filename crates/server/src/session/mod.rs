//! A session: what the Centrifuge protocol knows of a connection, as a state machine.
//!
//! A command goes in, a [`Step`] comes out: a reply, or what the shard has to do before there is one. No socket, no clock
//! and no hub here, so a test can walk a session through anything.
//!
//! - `state`: what a session consists of; `identity`: who it is; `handshake`: what is kept of its request
//! - `rules`, `rpc_rules`: what the configuration allows; `permission`: who may do what in a channel
//! - `command`: from a command to its room: `connect`, `subscribe`, `publish`, `history`, `presence`, `rpc`, `refresh`
//! - `wish`: what a subscription is to be like, and its terms; `joining`: one on its way; `subscriptions`: all of
//!   them, until they end; `welcome`: the connect reply in the making
//! - `step`: what follows from a command; `refusal`: why nothing does; `done`: the end of what the back end asked for
//! - `question`, `answer`: to and from the back office; `pending`, `backlog`: the commands that wait meanwhile
//! - `backend`: what the back end asks of a session
//! - `timing`: pings and what expires
//! - `visit`: the same judgement for who keeps no session

mod answer;
mod backend;
mod backlog;
mod command;
mod connect;
mod done;
mod filter;
mod handshake;
mod history;
mod identity;
mod joining;
mod pending;
mod permission;
mod presence;
mod publish;
mod question;
mod refresh;
mod refusal;
mod rpc;
mod rpc_rules;
mod rules;
mod state;
mod step;
mod subscribe;
mod subscriptions;
#[cfg(test)]
mod tests;
mod timing;
mod visit;
mod welcome;
mod wish;

pub(crate) use self::command::Context;
pub(crate) use self::done::Done;
pub(crate) use self::handshake::Handshake;
pub(crate) use self::joining::{Anew, By, Ending, Joining, Settled};
pub(crate) use self::pending::{PageRoom, Ticket, Welcome};
pub(crate) use self::question::{Answered, Question, TokenKind, Unasked};
pub(crate) use self::rules::{Rules, Verifiers};
pub(crate) use self::state::{Session, client_of_name};
pub(crate) use self::step::{Accepted, History, Join, Live, Publishing, Step, since};
pub(crate) use self::subscriptions::Seated;
pub(crate) use self::timing::{Due, Moment};
pub(crate) use self::visit::{Admitted, Next, Refused, Visit};
pub(crate) use self::wish::ServerSubscription;
