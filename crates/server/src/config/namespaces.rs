//! What the hub needs of the configuration.

use std::time::Duration;

use wavecast_hub::{ChannelOptions, ChannelRules, NamespaceError, Namespaces};

use super::settings::{ChannelSettings, Config};

impl Config {
    /// The options of every channel, by name.
    ///
    /// # Errors
    /// Only for a configuration put together by hand: [`super::load`] has checked all of it.
    pub fn namespaces(&self) -> Result<Namespaces, NamespaceError> {
        let channel = &self.channel;
        let rules = ChannelRules {
            max_length: channel.max_length,
            private_prefix: channel.private_prefix.clone(),
            namespace_boundary: channel.namespace_boundary.clone(),
            user_boundary: channel.user_boundary.clone(),
            user_separator: channel.user_separator.clone(),
            history_meta_ttl_ms: ms(channel.history_meta_ttl),
        };
        let named = channel.namespaces.iter().map(|entry| (entry.name.clone(), options(&entry.settings)));
        Namespaces::new(rules, options(&channel.without_namespace), named)
    }
}

fn options(settings: &ChannelSettings) -> ChannelOptions {
    ChannelOptions {
        history_size: u32::try_from(settings.history_size).unwrap_or(u32::MAX),
        history_ttl_ms: ms(settings.history_ttl),
        history_meta_ttl_ms: ms(settings.history_meta_ttl),
        force_positioning: settings.force_positioning,
        allow_positioning: settings.allow_positioning,
        force_recovery: settings.force_recovery,
        allow_recovery: settings.allow_recovery,
        allow_subscribe_for_client: settings.allow_subscribe_for_client,
        allow_subscribe_for_anonymous: settings.allow_subscribe_for_anonymous,
        allow_publish_for_client: settings.allow_publish_for_client,
        allow_publish_for_subscriber: settings.allow_publish_for_subscriber,
        allow_publish_for_anonymous: settings.allow_publish_for_anonymous,
        allow_history_for_client: settings.allow_history_for_client,
        allow_history_for_subscriber: settings.allow_history_for_subscriber,
        allow_history_for_anonymous: settings.allow_history_for_anonymous,
        allow_user_limited_channels: settings.allow_user_limited_channels,
        ..ChannelOptions::default()
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
