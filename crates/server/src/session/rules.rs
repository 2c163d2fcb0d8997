//! What sessions are allowed: the part of the configuration that decides over commands.

use std::sync::Arc;
use std::time::Duration;

use wavecast_hub::{ChannelError, ChannelOptions, Namespaces};
use wavecast_protocol::centrifuge::Error;

use crate::config::Config;

/// The rules of a node.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(super) insecure: bool,
    pub(super) allow_anonymous: bool,
    pub(super) channel_limit: usize,
    pub(crate) ping_interval: Duration,
    pub(crate) pong_timeout: Duration,
    pub(crate) stale_close_delay: Duration,
    pub(crate) history_max: usize,
    pub(crate) recovery_max: usize,
    pub(super) namespaces: Namespaces,
}

impl Rules {
    pub(crate) fn new(config: &Config, namespaces: Namespaces) -> Self {
        let client = &config.client;
        Self {
            insecure: client.insecure,
            allow_anonymous: client.allow_anonymous_connect_without_token,
            channel_limit: client.channel_limit,
            ping_interval: client.ping_interval,
            pong_timeout: client.pong_timeout,
            stale_close_delay: client.stale_close_delay,
            history_max: client.history_max_publication_limit,
            recovery_max: client.recovery_max_publication_limit,
            namespaces,
        }
    }

    /// The options of a channel.
    ///
    /// # Errors
    /// 102 when its namespace is not configured, 107 when its name is none.
    pub(crate) fn options(&self, channel: &str) -> Result<&Arc<ChannelOptions>, Error> {
        self.namespaces.resolve(channel).map_err(|error| match error {
            ChannelError::UnknownNamespace { .. } => Error::UNKNOWN_CHANNEL,
            _ => Error { message: error.to_string().into(), ..Error::BAD_REQUEST },
        })
    }
}
