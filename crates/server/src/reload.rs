//! A configuration read anew, carried out in a server that runs: no connection is dropped for it.
//!
//! What sessions, the desk and hooks go by is exchanged as a whole; whoever has begun goes on with what there was. What is
//! fixed at the start (sockets, sizes, shards) keeps its value, and is named.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::config::{Change, Config, ConfigError, Loaded};
use crate::desk::Desk;
use crate::hooks::Current;
use crate::node::Node;
use crate::session::Rules;
use crate::setup::{self, SetupError};

/// Carries a new configuration out in a [`PushServer`](crate::PushServer).
#[derive(Clone)]
pub struct ReloadHandle {
    node: Arc<Node>,
    desk: Arc<Desk<Node>>,
    /// Of the internal port, where there is one.
    internal: Option<Arc<Desk<Node>>>,
    /// Gone with the server.
    hooks: Weak<Current>,
    /// One at a time.
    turn: Arc<Mutex<()>>,
}

/// Why a configuration is not carried out: nothing of it is.
#[derive(Debug)]
pub enum ReloadError {
    /// Values do not fit together with those that only a start can change.
    Config(ConfigError),
    /// The namespaces contradict each other.
    Namespaces(wavecast_hub::NamespaceError),
    /// Keys or hooks cannot be used.
    Setup(SetupError),
    /// The server has ended.
    Ended,
}

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Namespaces(error) => error.fmt(f),
            Self::Setup(error) => error.fmt(f),
            Self::Ended => f.write_str("the server has ended"),
        }
    }
}

impl std::error::Error for ReloadError {}

impl ReloadHandle {
    pub(crate) fn new(
        node: Arc<Node>,
        desk: Arc<Desk<Node>>,
        internal: Option<Arc<Desk<Node>>>,
        hooks: Weak<Current>,
    ) -> Self {
        Self { node, desk, internal, hooks, turn: Arc::default() }
    }

    /// Carries out what of a configuration a running server can: for sessions that are there from their next command on, for
    /// subscriptions and connections that come now. The answer names the keys that have changed, and those whose new value
    /// counts from the next start on. Certificates need no reload: changed files are noticed.
    ///
    /// # Errors
    /// [`ReloadError`]; then everything is as it was.
    pub fn reload(&self, loaded: &Loaded) -> Result<Change, ReloadError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let hooks = self.hooks.upgrade().ok_or(ReloadError::Ended)?;
        let before = self.node.config();
        let change = before.changed_by(loaded).map_err(ReloadError::Config)?;
        let config = Arc::new(change.config.clone());
        let namespaces = config.namespaces().map_err(ReloadError::Namespaces)?;
        // Key sets that have been fetched stay where nothing about tokens has changed.
        let verifiers = match are_verified_alike(&before, &config) {
            true => None,
            false => Some(setup::verifiers(&config).map_err(ReloadError::Setup)?),
        };
        let layers = setup::hooks(&config, hooks.own()).map_err(ReloadError::Setup)?;

        // Nothing can fail any more.
        hooks.exchange(layers);
        let verifiers = verifiers.unwrap_or_else(|| self.node.rules().verifiers());
        let rules = Rules::new(&config, namespaces, verifiers).in_place_of(&self.node.rules());
        self.node.exchange(Arc::clone(&config), rules, &*hooks);
        self.desk.exchange(Arc::new(config.public_part()));
        if let (Some(desk), Some(part)) = (&self.internal, config.internal_part()) {
            desk.exchange(Arc::new(part));
        }
        Ok(change)
    }
}

fn are_verified_alike(before: &Config, after: &Config) -> bool {
    let (before, after) = (&before.client, &after.client);
    before.token == after.token
        && before.subscription_token == after.subscription_token
        && before.channel_limit == after.channel_limit
}

impl fmt::Debug for ReloadHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReloadHandle")
    }
}
