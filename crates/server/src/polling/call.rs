//! What a poll asks for, and why it is not answered.

use hyper::HeaderMap;

use crate::position_list::PositionList;
use crate::session::Refused;

/// What a poll asks for.
#[derive(Debug)]
pub struct PollCall<'a> {
    /// The channels, none of them twice.
    pub channels: Vec<Box<str>>,
    /// What has been seen. Channels that are not in it begin now; places in other channels count for nothing.
    pub since: PositionList,
    /// The connection token; empty for none.
    pub token: &'a str,
    /// The fields of the request: some are for hooks.
    pub fields: &'a HeaderMap,
    /// Whether to wait where there is nothing.
    pub waits: bool,
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
