//! What a poll asks for, what it is answered, and why not.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use hyper::HeaderMap;
use wavecast_hub::Publication;

use crate::position_list::PositionList;
use crate::session::Refused;

/// What a poll asks for.
pub struct PollCall<'a> {
    /// The channels, none of them twice.
    pub channels: Vec<Box<str>>,
    /// What has been seen. Channels that are not in it begin now; places in other channels count for nothing.
    pub since: PositionList,
    /// The connection token; empty for none.
    pub token: &'a str,
    /// The fields of the request: some are for hooks.
    pub fields: &'a HeaderMap,
    /// Where it comes from: while it waits, it counts for `client.address_connection_limit`.
    pub address: IpAddr,
    /// Whether to wait where there is nothing.
    pub waits: bool,
}

impl fmt::Debug for PollCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the token nor the fields of the request: secrets stand there.
        f.debug_struct("PollCall")
            .field("channels", &self.channels)
            .field("since", &self.since)
            .field("address", &self.address)
            .field("waits", &self.waits)
            .finish_non_exhaustive()
    }
}

/// What a poll has found.
#[derive(Debug, Default)]
pub struct PollPage {
    /// Publications, those of each channel in order.
    pub publications: Vec<Arc<Publication>>,
    /// Where to go on, in the order of the channels that were asked for.
    pub next: PositionList,
    /// Channels in which something is missing before `next`, or it cannot be ruled out.
    pub gaps: Vec<Box<str>>,
    /// More can be had at once.
    pub has_more: bool,
}

impl PollPage {
    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.publications.is_empty() && self.gaps.is_empty()
    }
}

/// Why a poll is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollRefusal {
    /// The code of the client protocol: that of an error, or the one that a session would have ended with.
    pub code: u32,
    /// Words for people.
    pub message: Box<str>,
    /// The channel that it is about, if it is about one.
    pub channel: Option<Box<str>>,
}

impl From<Refused> for PollRefusal {
    fn from(refused: Refused) -> Self {
        let (code, message) = match refused {
            Refused::Error(error) => (error.code, error.message),
            Refused::Close(disconnect) => (disconnect.code.into(), disconnect.reason),
        };
        Self { code, message: message.into(), channel: None }
    }
}
