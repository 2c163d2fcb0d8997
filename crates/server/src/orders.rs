//! Orders of the back end to the sessions of all shards: whom they mean, and what is to be done.

use std::sync::Arc;

use tokio::sync::oneshot;
use wavecast_protocol::centrifuge::Disconnect;

use crate::session::{Done, ServerSubscription, Session, client_of_name};
use crate::steering::Whom;

/// Which sessions are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// Sessions of this user; empty: of anonymous users, or of whoever `client` is.
    pub(crate) user: Box<str>,
    /// This session alone.
    pub(crate) client: Option<[u8; 16]>,
}

impl Target {
    /// Sessions of a user, or one session by its id; both may be given.
    pub(crate) fn new(whom: Whom<'_>) -> Self {
        let client = (!whom.client.is_empty()).then(|| client_id(whom.client));
        Self { user: whom.user.into(), client }
    }

    /// Whether this session is meant.
    pub(crate) fn matches(&self, session: &Session) -> bool {
        let is_user = *self.user == *session.user() || (self.user.is_empty() && self.client.is_some());
        is_user && self.client.is_none_or(|client| client == session.client_id())
    }
}

/// The id of a session by its name. What no session can be called is the id of nobody: whoever asks for it may have it from
/// another server.
pub(crate) fn client_id(name: &str) -> [u8; 16] {
    client_of_name(name).unwrap_or_default()
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Order {
    Subscribe {
        target: Target,
        subscription: ServerSubscription,
        since: Option<(u64, Box<str>)>,
        done: Done,
    },
    /// Ends one subscription, or all of them.
    Unsubscribe {
        target: Target,
        channel: Option<Box<str>>,
        done: Done,
    },
    Disconnect {
        target: Target,
        except: Vec<[u8; 16]>,
        disconnect: Disconnect,
        done: Done,
    },
    Refresh {
        target: Target,
        expired: bool,
        expire_at_s: u64,
        info: Option<Box<[u8]>>,
        done: Done,
    },
    /// Ends the sessions that a revocation means.
    DropRevoked {
        done: Done,
    },
    /// Cuts the clients with the longest queues, until so many bytes do not wait any more.
    CutSlow {
        bytes: usize,
        /// Dropped with the order.
        _under_way: Arc<()>,
    },
    /// Subscribers of each of these channels.
    Count {
        channels: Arc<[Arc<str>]>,
        reply: oneshot::Sender<Vec<usize>>,
    },
}
