//! What a subscriber is told.

use std::fmt;

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
        /// Whether it gets all of that: the publications follow, and nothing is missing. Where this is
        /// false though something may be missing, a [`Gap`](Self::Gap) follows.
        recovered: bool,
        /// The top of the stream, where the channel has one.
        position: Option<StreamPosition>,
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
    /// The subscription has ended for good: the server refused or ended it, or the client was closed.
    Unsubscribed(Cause),
}

/// A place where publications may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// How it came about.
    pub cause: GapCause,
    /// The last position that was delivered, where the channel has positions.
    pub from: Option<StreamPosition>,
    /// The position from which deliveries go on, where the channel has positions.
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
}

impl fmt::Display for GapCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupted => "the subscription was interrupted and the channel has no recovery",
            Self::Unrecovered => "the server no longer has all that was published meanwhile",
            Self::SlowConsumer => "events were read too slowly and the channel has no recovery",
        })
    }
}
