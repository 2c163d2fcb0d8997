//! What a session consists of; its commands are in rooms of their own.

use wavecast_net::shard::ConnectionId;

use crate::channels::{ChannelNumber, Seat};

/// One session. It lives in the table of its shard, so every byte counts.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) connection: ConnectionId,
    pub(super) client: [u8; 16],
    pub(super) user: Box<str>,
    pub(super) subscriptions: Vec<Subscription>,
    pub(super) phase: Phase,
    pub(super) ping: Ping,
}

/// How far the session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Waits for the connect command.
    Waiting,
    Connected,
}

/// Where the session stands between two pings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ping {
    /// The timer is set for the next ping.
    #[default]
    Resting,
    /// A ping has gone out, and the timer is set for its answer.
    Asked,
    /// It has been answered; the timer still runs.
    Answered,
}

/// What a session has to do with one channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subscription {
    pub(crate) channel: ChannelNumber,
    pub(crate) state: State,
    pub(super) positioned: bool,
    pub(super) recoverable: bool,
    pub(super) recovering: bool,
    pub(super) reject_unrecovered: bool,
}

/// How far a subscription has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The hub has been asked. `id` is the subscribe command's; `unsubscribe` that of a command which came meanwhile and is
    /// carried out after the answer.
    Joining { id: u32, unsubscribe: Option<std::num::NonZeroU32> },
    /// Publications are delivered. `seat`: where the connection stands among the channel's subscribers.
    Live { seat: Seat },
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
            ping: Ping::default(),
        }
    }

    /// Whether the connect command has been answered.
    pub(crate) fn is_connected(&self) -> bool {
        self.phase == Phase::Connected
    }

    /// There was no place for the session after all: it is not connected and not counted.
    pub(crate) fn turned_away(&mut self) {
        self.phase = Phase::Waiting;
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
