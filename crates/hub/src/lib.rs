//! Channels without I/O: publications, history, recovery, namespaces.
//!
//! The hub knows which shard of a node wants which channel, gives every publication its place in the channel's
//! stream, keeps as much history as the channel's options ask for, and decides whether somebody who comes back
//! has missed anything. It opens no socket, starts no task, reads no clock (the caller passes Unix milliseconds)
//! and knows no wire format. Sessions, permissions and encoding live above it.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`publication`] | [`Publication`], [`ClientInfo`], [`Publish`]: what travels |
//! | [`position`] | [`StreamPosition`] and [`Since`]: a place in a channel's stream, and how epochs are named |
//! | [`channel`] | [`ChannelRules`]: what a channel's name may be and what its parts mean |
//! | [`options`] | [`ChannelOptions`]: what is allowed and kept in a channel |
//! | [`namespace`] | [`Namespaces`]: from a channel's name to its options |
//! | [`history`] | the bounded stream of a channel, [`HistoryQuery`] and [`HistoryPage`] |
//! | [`recovery`] | the one decision whether nothing is missing |
//! | [`delivery`] | [`Delivery`]: the shards' inboxes as the hub sees them |
//! | [`hub`] | [`Hub`]: publish, join, leave, history, expire |
//!
//! (`stripe`, private: the table of channels behind one lock.)

pub mod channel;
pub mod delivery;
pub mod history;
pub mod hub;
pub mod namespace;
pub mod options;
pub mod position;
pub mod publication;
pub mod recovery;
mod stripe;

pub use channel::{ChannelError, ChannelRules};
pub use delivery::{Delivery, SHARDS_MAX, ShardId};
pub use history::{HistoryError, HistoryPage, HistoryQuery};
pub use hub::{Hub, HubLimits, HubStats, JoinError, JoinQuery, Joined, PublishError, Swept};
pub use namespace::{NamespaceError, Namespaces};
pub use options::{ChannelOptions, ChannelPattern, DataFormat, OptionsError, RecoveryMode, SlowConsumer};
pub use position::{Since, StreamPosition};
pub use publication::{ClientInfo, Publication, Publish, Tags};
pub use recovery::Recovery;
