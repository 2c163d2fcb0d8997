//! What follows from a command: a reply, or what the shard has to do before there is one.

use std::borrow::Cow;
use std::sync::Arc;

use wavecast_hub::{ChannelOptions, ClientInfo, Since};
use wavecast_protocol::centrifuge::{Disconnect, Reply};

use super::state::Subscription;
use crate::channels::{ChannelNumber, Seat};

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
    pub(crate) channel: Cow<'c, str>,
    pub(crate) options: Arc<ChannelOptions>,
    pub(crate) recover: Option<(u64, Cow<'c, str>)>,
    pub(crate) subscription: Subscription,
}

/// A publication of a client.
#[derive(Debug)]
pub(crate) struct Publish<'c> {
    pub(crate) id: u32,
    pub(crate) channel: Cow<'c, str>,
    pub(crate) options: Arc<ChannelOptions>,
    /// JSON without line breaks.
    pub(crate) data: Cow<'c, [u8]>,
    pub(crate) info: Box<ClientInfo>,
}

/// A look into the history.
#[derive(Debug)]
pub(crate) struct History<'c> {
    pub(crate) id: u32,
    pub(crate) channel: Cow<'c, str>,
    pub(crate) options: Arc<ChannelOptions>,
    pub(crate) since: Option<(u64, Cow<'c, str>)>,
    pub(crate) limit: i32,
    pub(crate) reverse: bool,
}

/// A subscription that is live, taken out of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Live {
    pub(crate) channel: ChannelNumber,
    pub(crate) seat: Seat,
}

/// The position that a peer named, for the hub.
pub(crate) fn since<'p>(position: Option<&'p (u64, Cow<'_, str>)>) -> Option<Since<'p>> {
    position.map(|(offset, epoch)| Since { offset: *offset, epoch })
}
