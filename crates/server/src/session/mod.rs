//! A session: what the Centrifuge protocol knows of a connection, as a state machine.
//!
//! A command goes in, a [`Step`] comes out: a reply, or what the shard has to do before there is one. No socket, no clock
//! and no hub here, so a test can walk a session through anything.

mod connect;
mod history;
mod ping;
mod publish;
mod rules;
mod subscribe;

use std::sync::Arc;

use wavecast_hub::{ChannelOptions, ClientInfo, Since};
use wavecast_net::shard::ConnectionId;
use wavecast_protocol::centrifuge::{Command, Disconnect, Error, Reply, Request, Res};

pub(crate) use self::ping::Beat;
pub(crate) use self::rules::Rules;
pub(crate) use self::subscribe::{Live, Subscription};
use crate::channels::ChannelNumber;

/// One session. It lives in the table of its shard, so every byte counts.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) connection: ConnectionId,
    client: [u8; 16],
    user: Box<str>,
    subscriptions: Vec<Subscription>,
    phase: Phase,
    ping: ping::Ping,
}

/// How far the session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Waits for the connect command.
    Waiting,
    Connected,
}

/// What follows from a command.
#[derive(Debug)]
pub(crate) enum Step<'c> {
    Nothing,
    Reply(Reply<'c>),
    /// The session is connected: reply, and start to ping.
    Welcome(Reply<'c>),
    /// Ask the hub; the reply follows its answer.
    Join(Join<'c>),
    /// Take a live subscription out of the channel, and reply.
    Leave {
        id: u32,
        live: Live,
    },
    Publish(Publish<'c>),
    History(History<'c>),
    Close(Disconnect),
}

/// A subscription that the hub is to be asked for.
#[derive(Debug)]
pub(crate) struct Join<'c> {
    pub(crate) channel: std::borrow::Cow<'c, str>,
    pub(crate) options: Arc<ChannelOptions>,
    pub(crate) recover: Option<(u64, std::borrow::Cow<'c, str>)>,
    pub(crate) subscription: Subscription,
}

/// A publication of a client.
#[derive(Debug)]
pub(crate) struct Publish<'c> {
    pub(crate) id: u32,
    pub(crate) channel: std::borrow::Cow<'c, str>,
    pub(crate) options: Arc<ChannelOptions>,
    pub(crate) data: &'c [u8],
    pub(crate) info: Box<ClientInfo>,
}

/// A look into the history.
#[derive(Debug)]
pub(crate) struct History<'c> {
    pub(crate) id: u32,
    pub(crate) channel: std::borrow::Cow<'c, str>,
    pub(crate) options: Arc<ChannelOptions>,
    pub(crate) since: Option<(u64, std::borrow::Cow<'c, str>)>,
    pub(crate) limit: i32,
    pub(crate) reverse: bool,
}

impl Session {
    /// A session that has not said anything yet. `client` names it and must not be guessable.
    pub(crate) fn new(connection: ConnectionId, client: [u8; 16]) -> Self {
        Self {
            connection,
            client,
            user: Box::default(),
            subscriptions: Vec::new(),
            phase: Phase::Waiting,
            ping: ping::Ping::default(),
        }
    }

    /// Takes a command. `number_of` finds a channel that somebody on this shard is subscribed to.
    pub(crate) fn command<'c>(
        &mut self,
        command: Command<'c>,
        rules: &Rules,
        number_of: impl Fn(&str) -> Option<ChannelNumber>,
    ) -> Step<'c> {
        let Command { id, request } = command;
        match (self.phase, request) {
            (_, Request::Pong) => self.pong(),
            (Phase::Waiting, Request::Connect(request)) => self.connect(id, &request, rules),
            // The first command is connect, and there is no second one.
            (Phase::Waiting, _) | (_, Request::Connect(_)) => Step::Close(Disconnect::BAD_REQUEST),
            (_, Request::Subscribe(request)) => {
                let number = number_of(&request.channel);
                answer(id, self.subscribe(id, request, rules, number))
            }
            (_, Request::Unsubscribe(request)) => self.unsubscribe(id, number_of(&request.channel)),
            (_, Request::Publish(request)) => {
                let number = number_of(&request.channel);
                answer(id, self.publish(id, request, rules, number))
            }
            (_, Request::History(request)) => {
                let number = number_of(&request.channel);
                answer(id, self.history(id, request, rules, number))
            }
            (_, Request::Ping) => Step::Reply(Reply { id, body: Ok(Res::Ping) }),
            (_, Request::Send(_)) => Step::Close(Disconnect::NOT_AVAILABLE),
            (
                _,
                Request::Presence(_)
                | Request::PresenceStats(_)
                | Request::Rpc(_)
                | Request::Refresh(_)
                | Request::SubRefresh(_),
            ) => Step::Reply(Reply { id, body: Err(Error::NOT_AVAILABLE) }),
        }
    }

    /// Whether the connect command has been answered.
    pub(crate) fn is_connected(&self) -> bool {
        self.phase == Phase::Connected
    }

    /// The session's id as clients and back ends know it (RFC 9562 form).
    pub(crate) fn client(&self) -> String {
        let hex = u128::from_be_bytes(self.client);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            hex >> 96,
            (hex >> 80) & 0xffff,
            (hex >> 64) & 0xffff,
            (hex >> 48) & 0xffff,
            hex & 0xffff_ffff_ffff
        )
    }
}

/// The position that a peer named, for the hub.
pub(crate) fn since<'p>(position: Option<&'p (u64, std::borrow::Cow<'_, str>)>) -> Option<Since<'p>> {
    position.map(|(offset, epoch)| Since { offset: *offset, epoch })
}

fn answer(id: u32, step: Result<Step<'_>, Error>) -> Step<'_> {
    step.unwrap_or_else(|error| Step::Reply(Reply { id, body: Err(error) }))
}

#[cfg(test)]
mod tests;
