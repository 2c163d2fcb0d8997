//! Channels without I/O: publications, history, recovery, presence, namespaces.
//!
//! The hub knows which shard of a node wants which channel, gives every publication its place in the channel's
//! stream, keeps as much history as the channel's options ask for, and decides whether somebody who comes back
//! has missed anything. It knows which clients are in which channel. It opens no socket, starts no task, reads no
//! clock (the caller passes Unix milliseconds) and knows no wire format. Sessions, permissions and encoding live
//! above it.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`publication`] | [`Publication`], [`ClientInfo`], [`Publish`], [`Membership`]: what travels |
//! | [`position`] | [`StreamPosition`] and [`Since`]: a place in a channel's stream, and how epochs are named |
//! | [`channel`] | [`ChannelRules`]: what a channel's name may be and what its parts mean |
//! | [`options`] | [`ChannelOptions`]: what is allowed and kept in a channel |
//! | [`namespace`] | [`Namespaces`]: from a channel's name to its options |
//! | [`history`] | the bounded stream of a channel, [`HistoryQuery`] and [`HistoryPage`] |
//! | [`recovery`] | the one decision whether nothing is missing, for streams and for caches |
//! | [`poll`] | [`PollQuery`] and [`Polled`]: what somebody asks who is in no channel |
//! | [`presence`] | who is in a channel: [`PresenceList`] and [`PresenceStats`] |
//! | [`filter`] | [`Filter`]: which publications are wanted, by their tags |
//! | [`delta`] | Fossil deltas: [`delta::create`] and [`delta::apply`] |
//! | [`delivery`] | [`Delivery`] and [`Event`]: the shards' inboxes as the hub sees them |
//! | [`hub`] | [`Hub`]: publish, join, leave, poll, enter, exit, presence, history, expire |
//!
//! (`stripe`, private: the table of channels behind one lock; `name_hash`: how names find their place in it;
//! `waiting`: who waits for a publication; `decimal`: numbers in tags; `footprint`: what things cost in memory.)

pub mod channel;
mod decimal;
pub mod delivery;
pub mod delta;
pub mod filter;
mod footprint;
pub mod history;
pub mod hub;
mod name_hash;
pub mod namespace;
pub mod options;
pub mod poll;
pub mod position;
pub mod presence;
pub mod publication;
pub mod recovery;
mod stripe;
mod waiting;

pub use channel::{ChannelError, ChannelRules, is_internal};
pub use delivery::{Delivery, Event, SHARDS_MAX, ShardId};
pub use filter::{Comparison, FILTER_BYTES_MAX, Filter, FilterTooLarge, Relation};
pub use history::{HistoryError, HistoryPage, HistoryQuery};
pub use hub::{
    Hub, HubLimits, HubStats, JoinError, JoinQuery, Joined, PublishError, Published, Swept, Trimmed,
};
pub use namespace::{NamespaceError, Namespaces};
pub use options::{ChannelOptions, ChannelPattern, DataFormat, OptionsError, RecoveryMode, SlowConsumer};
pub use poll::{PollError, PollQuery, Polled};
pub use position::{Since, StreamPosition};
pub use presence::{PresenceList, PresenceStats};
pub use publication::{ClientInfo, DeltaSlot, Membership, Publication, Publish, Tags};
pub use recovery::Recovery;
pub use waiting::WaitTicket;
