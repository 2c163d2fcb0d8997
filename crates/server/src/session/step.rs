//! What follows from a command: a reply, or what the shard has to do before there is one.

use std::borrow::Cow;
use std::sync::Arc;

use wavecast_hub::{ChannelOptions, ClientInfo, Filter, Publish, Since};
use wavecast_protocol::centrifuge::{Disconnect, Reply, Unsubscribed};

use super::identity::Identity;
use super::joining::{Ending, Joining};
use super::question::Question;
use crate::channels::{ChannelNumber, Seat};

/// What follows from a command.
#[derive(Debug)]
pub(crate) enum Step<'c> {
    Nothing,
    Reply(Reply<'c>),
    /// Reply; and what expires does so at another time.
    Refreshed(Reply<'c>),
    /// A subscription lives on, and others in its channel may know something else of the client from now on; reply, if a
    /// command has asked for it.
    Renewed {
        reply: Option<Reply<'c>>,
        channel: ChannelNumber,
    },
    /// Reply; and a subscription ends, since it is another one that the client is to have.
    Outdated {
        reply: Reply<'c>,
        channel: ChannelNumber,
        why: Unsubscribed,
    },
    /// The client may come in: count it, join its channels, and answer the connect command.
    Welcome(Box<Accepted>),
    /// Ask the hub; the reply follows its answer.
    Join(Box<Join<'c>>),
    /// End a live subscription, after what has been published before, and reply.
    Leave {
        id: u32,
        channel: ChannelNumber,
    },
    Publish(Box<Publishing<'c>>),
    History(Box<History<'c>>),
    Presence {
        id: u32,
        channel: Cow<'c, str>,
        /// How many there are is enough.
        only_counts: bool,
    },
    /// Ask the back office; commands wait until it has answered.
    Ask(Question),
    RpcResult {
        id: u32,
        data: Box<[u8]>,
    },
    /// A subscription has been taken out of the session: take it out of its channel, and tell the client.
    Unsubscribe(ChannelNumber, Unsubscribed),
    Close(Disconnect),
}

/// A client that may come in.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) id: u32,
    pub(crate) identity: Option<Box<Identity>>,
    /// What the connect reply carries for the application.
    pub(crate) data: Box<[u8]>,
    /// Seconds until the client has to refresh; 0: never.
    pub(crate) ttl: u32,
    /// The subscriptions that the server makes.
    pub(crate) joins: Vec<Join<'static>>,
}

/// A subscription that the hub is to be asked for.
#[derive(Debug)]
pub(crate) struct Join<'c> {
    pub(crate) channel: Cow<'c, str>,
    /// Those of the namespace: the channel's stream is everybody's, whatever options the subscription has of its own.
    pub(crate) options: Arc<ChannelOptions>,
    pub(crate) recover: Option<(u64, Cow<'c, str>)>,
    /// Without asking to recover it is given the latest publication.
    pub(crate) gets_latest: bool,
    pub(crate) joining: Joining,
}

impl Join<'_> {
    /// The same, as it is where the back end may have ended it before the hub is asked: then it does not go live, and brings
    /// nothing of what was published.
    pub(super) fn unless_ended(mut self, is_ended: bool) -> Self {
        if is_ended {
            (self.recover, self.gets_latest) = (None, false);
            self.joining.rejects_unrecovered = false;
            self.joining.ending = Some(Ending::Backend(None));
        }
        self
    }
}

/// A publication of a client.
#[derive(Debug)]
pub(crate) struct Publishing<'c> {
    pub(crate) id: u32,
    pub(crate) channel: Cow<'c, str>,
    pub(crate) options: Arc<ChannelOptions>,
    pub(crate) publish: Publish,
    /// A publication with the same key happens once; empty: none.
    pub(crate) key: Box<str>,
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
    /// What the client may see of it.
    pub(crate) filter: Option<Filter>,
}

/// A subscription that was live, taken out of its session.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(crate) channel: ChannelNumber,
    pub(crate) seat: Seat,
    /// Its position is watched over: what it misses it can ask for.
    pub(crate) positioned: bool,
    /// Its options, and who it was in the channel, where that is remembered.
    pub(crate) terms: Option<(Arc<ChannelOptions>, Arc<ClientInfo>)>,
}

/// The position that a peer named, for the hub.
pub(crate) fn since<'p>(position: Option<&'p (u64, Cow<'_, str>)>) -> Option<Since<'p>> {
    position.map(|(offset, epoch)| Since { offset: *offset, epoch })
}
