//! A session: what the Centrifuge protocol knows of a connection, as a state machine.
//!
//! A command goes in, a [`Step`] comes out: a reply, or what the shard has to do before there is one. No socket, no clock
//! and no hub here, so a test can walk a session through anything.
//!
//! - `state`: what a session consists of; `step`: what follows from a command; `rules`: what is allowed
//! - `command`: from a command to its room: `connect`, `subscribe`, `publish`, `history`, `ping`

mod command;
mod connect;
mod history;
mod ping;
mod publish;
mod rules;
mod state;
mod step;
mod subscribe;
#[cfg(test)]
mod tests;

pub(crate) use self::ping::Beat;
pub(crate) use self::rules::Rules;
pub(crate) use self::state::Session;
pub(crate) use self::step::{History, Join, Live, Publish, Step, since};
pub(crate) use self::subscribe::Seated;
