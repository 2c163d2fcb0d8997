//! What a session consists of; its commands are in rooms of their own.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use smallvec::SmallVec;
use wavecast_hub::{ChannelOptions, ClientInfo, Filter};
use wavecast_net::shard::ConnectionId;

use super::handshake::Handshake;
use super::identity::Identity;
use super::joining::Marks;
use super::pending::Pending;
use super::permission::Who;
use crate::channels::{ChannelNumber, Seat};
use crate::token::Allowed;
use crate::wire_form::WireForm;

/// One session. It lives in the table of its shard, so every byte counts: what only some sessions have is in boxes.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) connection: ConnectionId,
    pub(super) client: [u8; 16],
    /// Who it is; `None` for an anonymous client of whom nothing is to be remembered.
    pub(super) identity: Option<Box<Identity>>,
    /// The live ones. Those that are joining are pending.
    pub(super) subscriptions: SmallVec<[Subscription; 1]>,
    pub(super) pending: Option<Box<Pending>>,
    /// What is kept of the handshake.
    pub(super) handshake: Option<Box<Handshake>>,
    /// When the next ping goes out, or its answer is due. Milliseconds of the shard.
    pub(super) ping_at_ms: u64,
    pub(super) phase: Phase,
    /// A key has been fetched for the command that is tried again.
    pub(super) has_fetched_key: bool,
    /// Events of this session that the back end was told.
    pub(super) told: u32,
    /// What it was last counted with in the shard's sum, bytes.
    counted: u32,
    pub(super) ping: Ping,
    pub(crate) wire: WireForm,
}

/// How far the session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Waits for the connect command.
    Waiting,
    /// The connect command is being decided on.
    Connecting,
    /// The client may come in and is counted; its subscriptions are joining.
    Welcomed,
    Connected,
    /// The connect command was answered with an error: nothing more is taken.
    Refused,
}

/// Where the session stands between two pings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ping {
    /// Waits for the next ping.
    #[default]
    Resting,
    /// A ping has gone out, and its answer is waited for.
    Asked,
}

/// What a connection takes below its session: its slot, its timers, the driver's share.
const CONNECTION_BYTES: usize = 200;

/// A live subscription.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) channel: ChannelNumber,
    pub(crate) seat: Seat,
    pub(crate) marks: Marks,
    pub(super) more: Option<Box<More>>,
}

/// What only some subscriptions have.
#[derive(Debug)]
pub(crate) struct More {
    /// The options in force, where they are to be remembered: they may be the subscription's own.
    pub(crate) options: Arc<ChannelOptions>,
    /// Who it is in this channel: what presence shows, and others are told.
    pub(crate) info: Arc<ClientInfo>,
    /// What the client may do in the channel beside what its namespace allows.
    pub(super) allowed: Allowed,
    /// The filter that its own token or hook has set: another one makes it another subscription.
    pub(super) set_filter: Option<Rc<Filter>>,
    /// What the filter takes that its publications pass, bytes.
    pub(super) filter_bytes: usize,
    /// When it expires. Milliseconds of the shard.
    pub(super) expires_ms: Option<u64>,
    /// The hook has been asked about it and has not answered.
    pub(super) is_asked: bool,
}

impl Session {
    /// A session that has not said anything yet. `client` names it and must not be guessable.
    pub(crate) fn new(connection: ConnectionId, client: [u8; 16], wire: WireForm) -> Self {
        Self {
            connection,
            client,
            identity: None,
            subscriptions: SmallVec::new(),
            pending: None,
            handshake: None,
            ping_at_ms: 0,
            phase: Phase::Waiting,
            has_fetched_key: false,
            told: 0,
            counted: 0,
            ping: Ping::default(),
            wire,
        }
    }

    /// The same, with what is kept of the handshake.
    pub(crate) fn with_handshake(mut self, handshake: Option<Handshake>) -> Self {
        self.handshake = handshake.map(Box::new);
        self
    }

    /// Whether its client has not said anything yet.
    pub(crate) fn waits_for_connect(&self) -> bool {
        self.phase == Phase::Waiting
    }

    /// Whether the session is counted: its client may come in.
    pub(crate) fn is_counted(&self) -> bool {
        matches!(self.phase, Phase::Welcomed | Phase::Connected)
    }

    /// What it takes in memory, with the connection below it: how much more than when this was last asked.
    pub(crate) fn grown(&mut self) -> isize {
        let bytes = self.bytes();
        let before = std::mem::replace(&mut self.counted, u32::try_from(bytes).unwrap_or(u32::MAX));
        self.counted as isize - before as isize
    }

    /// What it was counted with.
    pub(crate) fn counted(&self) -> usize {
        self.counted as usize
    }

    fn bytes(&self) -> usize {
        let handshake = self.handshake.as_ref().map_or(0, |handshake| handshake.bytes());
        let identity = self.identity.as_ref().map_or(0, |identity| identity.bytes());
        let subscriptions: usize = self.subscriptions.iter().map(Subscription::bytes).sum();
        let pending = self.pending.as_ref().map_or(0, |pending| pending.bytes());
        CONNECTION_BYTES + size_of::<Self>() + handshake + identity + subscriptions + pending
    }

    /// The user's id; empty for an anonymous one.
    pub(crate) fn user(&self) -> &str {
        self.identity.as_ref().map_or("", |identity| &identity.user)
    }

    /// The address it came from, if that is counted.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.handshake.as_ref()?.address()
    }

    /// What is attached to the connection for the back end.
    pub(crate) fn meta(&self) -> Option<Arc<[u8]>> {
        self.identity.as_ref()?.meta.clone()
    }

    /// The number of the next event that the back end is told of this session, from 1.
    pub(crate) fn next_event(&mut self) -> u64 {
        self.told += 1;
        self.told.into()
    }

    /// The session's id as clients and back ends know it (RFC 9562 form).
    pub(crate) fn client(&self) -> String {
        client_name(self.client)
    }

    /// The id's bytes.
    pub(crate) fn client_id(&self) -> [u8; 16] {
        self.client
    }

    /// Who the session is to others, and what it is in one channel.
    pub(super) fn client_info(&self, who: Who<'_>, chan_info: Option<Box<[u8]>>) -> ClientInfo {
        let conn_info = who.0.and_then(|identity| identity.info.clone());
        ClientInfo { user: who.user().into(), client: self.client().into(), conn_info, chan_info }
    }

    /// Who it is, for what it may do.
    pub(super) fn who(&self) -> Who<'_> {
        Who(self.identity.as_deref())
    }
}

impl More {
    /// What is known of a subscription that does not expire.
    pub(super) fn new(options: Arc<ChannelOptions>, info: Arc<ClientInfo>) -> Self {
        let allowed = Allowed::default();
        Self { options, info, allowed, set_filter: None, filter_bytes: 0, expires_ms: None, is_asked: false }
    }
}

impl Subscription {
    fn bytes(&self) -> usize {
        // Its place among the channel's subscribers, too.
        let more = self
            .more
            .as_ref()
            .map_or(0, |more| size_of::<More>() + info_bytes(&more.info) + more.filter_bytes);
        size_of::<Self>() + size_of::<ConnectionId>() + more
    }
}

fn info_bytes(info: &ClientInfo) -> usize {
    let given = [&info.conn_info, &info.chan_info].map(|given| given.as_ref().map_or(0, |bytes| bytes.len()));
    size_of::<ClientInfo>() + info.user.len() + info.client.len() + given.iter().sum::<usize>()
}

/// The name of a session.
pub(crate) fn client_name(id: [u8; 16]) -> String {
    let hex = u128::from_be_bytes(id);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        hex >> 96,
        (hex >> 80) & 0xffff,
        (hex >> 64) & 0xffff,
        (hex >> 48) & 0xffff,
        hex & 0xffff_ffff_ffff
    )
}

/// The id behind a session's name; `None` for what is no such name.
pub(crate) fn client_of_name(name: &str) -> Option<[u8; 16]> {
    let hex: String = name.chars().filter(|&c| c != '-').collect();
    let is_name = name.len() == 36 && hex.len() == 32;
    let id = is_name.then(|| u128::from_str_radix(&hex, 16).ok()).flatten()?.to_be_bytes();
    (client_name(id) == name).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_session_is_small() {
        // With the place of its first subscription.
        assert!(size_of::<Session>() <= 104, "{}", size_of::<Session>());
        assert!(size_of::<Subscription>() <= 24, "{}", size_of::<Subscription>());
    }

    #[test]
    fn a_session_has_one_name() {
        let id = [0xab; 16];
        assert_eq!(client_of_name(&client_name(id)), Some(id));
        for wrong in ["", "x", "abababab-abab-abab-abab-ababababab", "+bababab-abab-abab-abab-abababababab"] {
            assert_eq!(client_of_name(wrong), None, "{wrong}");
        }
        assert_eq!(client_of_name(&client_name(id).to_uppercase()), None, "one form alone");
    }
}
