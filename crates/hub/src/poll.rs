//! What is asked of a channel by somebody who is not in it, and what it has for them.

use crate::filter::Filter;
use crate::options::RecoveryMode;
use crate::position::{Since, StreamPosition};
use crate::publication::Publication;
use crate::waiting::WaitTicket;
use std::fmt;
use std::sync::Arc;

/// What is asked of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollQuery<'a> {
    /// What follows this; `None`: what follows now.
    pub since: Option<Since<'a>>,
    /// The most publications to give, at least 1; there may be more then. Default 300.
    pub publications_max: usize,
    /// What to give: all that follows, or the latest. Default: all.
    pub mode: RecoveryMode,
    /// In cache mode: the latest is the latest that this filter wants, among the `publications_max` newest. Default: any.
    pub filter: Option<&'a Filter>,
    /// In cache mode, whoever names no position is given the latest publication. Default off.
    pub auto_cache_recover: bool,
}

impl Default for PollQuery<'_> {
    fn default() -> Self {
        Self {
            since: None,
            publications_max: 300,
            mode: RecoveryMode::Stream,
            filter: None,
            auto_cache_recover: false,
        }
    }
}

/// What a channel has for somebody who asks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Polled {
    /// What follows, in order; in cache mode the latest alone. Not filtered in stream mode.
    pub publications: Vec<Arc<Publication>>,
    /// Where to go on: behind the last publication that is given. At the top if nothing is.
    pub position: StreamPosition,
    /// Something is missing between the position that was named and this one, or it cannot be ruled out.
    pub is_gap: bool,
    /// More publications follow, and can be had at once.
    pub has_more: bool,
    /// There was nothing to give, and whoever asked waits. Give it back to [`Hub::stop_waiting`](crate::Hub::stop_waiting) when that is over, woken or
    /// not.
    pub waiting: Option<WaitTicket>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollError {
    /// The options keep no stream.
    NoStream,
    /// The channel has no stream yet and there are already as many channels as the hub may have.
    ChannelLimit,
}

impl fmt::Display for PollError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoStream => "the channel has no stream",
            Self::ChannelLimit => "the hub has as many channels as it may have",
        })
    }
}

impl std::error::Error for PollError {}
