//! Who takes a channel's messages in which form, and where it stands among the subscribers.

use std::rc::Rc;
use std::sync::Arc;

use wavecast_hub::{Filter, Publication};
use wavecast_net::shard::ConnectionId;

use crate::wire_form::WireForm;

/// Where a connection stands among a channel's subscribers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(super) place: u32,
    pub(super) group: u8,
}

/// Those who stand elsewhere since somebody left, at most two.
pub(crate) type Moved = [Option<(ConnectionId, Seat)>; 2];

/// What a subscriber wants to hear.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listener {
    pub(crate) wire: WireForm,
    /// It has been told that it gets deltas. Not with a filter.
    pub(crate) delta: bool,
    /// It is told of joins and leaves.
    pub(crate) join_leave: bool,
    /// Only publications that this matches.
    pub(crate) filter: Option<Rc<Filter>>,
    /// With `delta`: the last publication that it was given when it subscribed, as the base of the next.
    pub(crate) base: Option<Arc<Publication>>,
}

/// The form in which a group of subscribers takes a channel's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) wire: WireForm,
    pub(super) delta: bool,
    pub(super) join_leave: bool,
    pub(super) filtered: bool,
}

impl Listener {
    pub(super) fn form(&self) -> Form {
        let filtered = self.filter.is_some();
        debug_assert!(!(filtered && self.delta), "a filtered stream has no deltas");
        Form { wire: self.wire, delta: self.delta && !filtered, join_leave: self.join_leave, filtered }
    }
}
