//! What a subscriber is told.

use std::fmt;
use std::sync::Arc;

use crate::data::Data;
use crate::error::Cause;
use crate::publication::{ClientInfo, Publication, StreamPosition};

/// What happens to a subscription.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SubscriptionEvent {
    /// The server has accepted the subscription: for the first time, or again after a reconnect.
    Subscribed {
        /// Whether the client asked for what it had missed.
        was_recovering: bool,
        /// Whether it gets all of that: the publications follow, and nothing is missing. A channel that
        /// keeps the last value may bring it without being asked. Where this is false though something
        /// may be missing, a [`Gap`](Self::Gap) follows.
        recovered: bool,
        /// The top of the stream, where the channel has one.
        position: Option<StreamPosition>,
        /// What the back end says about the subscription, if anything.
        data: Option<Data>,
    },
    /// Something was published. Within one epoch offsets rise, and none comes twice.
    Publication(Publication),
    /// Publications may be missing here: load the state anew if you need all of it.
    Gap(Gap),
    /// Somebody subscribed to the channel.
    Join(ClientInfo),
    /// Somebody left the channel.
    Leave(ClientInfo),
    /// The subscription is interrupted; the client is working on it, and [`Self::Subscribed`] follows.
    Interrupted(Cause),
    /// The server has refused the subscription for now, or there is no token yet; the client goes on
    /// trying. It is left out where the events before it have not been read.
    Retrying(Cause),
    /// The subscription has ended for good: the server refused or ended it, or the client was closed.
    Unsubscribed(Cause),
}

/// What the server does on its own account.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ServerEvent {
    /// Something happened to a subscription that the server made. [`SubscriptionEvent::Unsubscribed`]
    /// is its end; the server may make it anew later.
    Subscription {
        /// The channel.
        channel: Arc<str>,
        /// What happened.
        event: SubscriptionEvent,
    },
    /// A message of the back end to this client alone.
    Message(Data),
    /// So many messages were dropped here because events were read too slowly.
    MessagesDropped(u64),
    /// No more events follow: the client is over, or somebody else listens.
    Closed(Cause),
}

/// A place where publications may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// How it came about.
    pub cause: GapCause,
    /// The last position that was delivered, where the channel has positions.
    pub from: Option<StreamPosition>,
    /// The position from which deliveries go on, where it is known.
    pub to: Option<StreamPosition>,
}

/// How a gap came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GapCause {
    /// The subscription was interrupted, and the channel has no recovery.
    Interrupted,
    /// The subscription was interrupted, and the server no longer has all that was published since.
    Unrecovered,
    /// Events were read too slowly, and the channel has no recovery.
    SlowConsumer,
    /// The server left out so many publications because the connection was read too slowly.
    Dropped(u64),
    /// A publication could not be decoded from the one before it.
    Undecodable,
}

impl fmt::Display for GapCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted => {
                f.write_str("the subscription was interrupted and the channel has no recovery")
            }
            Self::Unrecovered => f.write_str("the server no longer has all that was published meanwhile"),
            Self::SlowConsumer => f.write_str("events were read too slowly and the channel has no recovery"),
            Self::Dropped(count) => write!(f, "the server left out {count} for a slow reader"),
            Self::Undecodable => f.write_str("a publication could not be decoded from the one before it"),
        }
    }
}
