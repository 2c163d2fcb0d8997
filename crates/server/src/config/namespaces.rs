//! What the hub needs of the configuration.

use std::sync::Arc;
use std::time::Duration;

use wavecast_hub::{
    ChannelOptions, ChannelRules, DataFormat, NamespaceError, Namespaces, RecoveryMode, SlowConsumer,
};

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
            allow_undeclared_namespaces: channel.allow_undeclared_namespaces,
            user_boundary: channel.user_boundary.clone(),
            user_separator: channel.user_separator.clone(),
            history_meta_ttl_ms: ms(channel.history_meta_ttl),
        };
        let format = &channel.publication_data_format;
        let named =
            channel.namespaces.iter().map(|entry| (entry.name.clone(), options(&entry.settings, format)));
        Namespaces::new(rules, options(&channel.without_namespace, format), named)
    }
}

fn options(settings: &ChannelSettings, general_format: &str) -> ChannelOptions {
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
        presence: settings.presence,
        join_leave: settings.join_leave,
        force_push_join_leave: settings.force_push_join_leave,
        allow_presence_for_client: settings.allow_presence_for_client,
        allow_presence_for_subscriber: settings.allow_presence_for_subscriber,
        allow_presence_for_anonymous: settings.allow_presence_for_anonymous,
        recovery_mode: recovery_mode(&settings.force_recovery_mode),
        auto_cache_recover: settings.auto_cache_recover,
        allow_delta: settings.allowed_delta_types.iter().any(|kind| kind == "fossil"),
        delta_publish: settings.delta_publish,
        allow_tags_filter: settings.allow_tags_filter,
        data_format: data_format(match settings.publication_data_format.as_str() {
            "" => general_format,
            own => own,
        }),
        publication_bytes_max: u32::try_from(settings.publication_max_size).unwrap_or(u32::MAX),
        exclude_publisher: settings.exclude_publisher,
        slow_consumer: slow_consumer(&settings.slow_consumer),
        occupancy_events: settings.state_proxy_enabled,
        unsubscribed_events: settings.unsubscribed_proxy_enabled,
        subscribe_hook: hook(settings.subscribe_proxy_enabled, &settings.subscribe_proxy_name),
        publish_hook: hook(settings.publish_proxy_enabled, &settings.publish_proxy_name),
        sub_refresh_hook: hook(settings.sub_refresh_proxy_enabled, &settings.sub_refresh_proxy_name),
        channel_pattern: settings.channel_regex.clone(),
        not_offered: !settings.is_offered(),
    }
}

fn hook(enabled: bool, name: &str) -> Option<Arc<str>> {
    enabled.then(|| name.into())
}

fn recovery_mode(word: &str) -> RecoveryMode {
    if word == "cache" { RecoveryMode::Cache } else { RecoveryMode::Stream }
}

fn data_format(word: &str) -> DataFormat {
    match word {
        "json" => DataFormat::Json,
        "json_object" => DataFormat::JsonObject,
        "binary" => DataFormat::Binary,
        _ => DataFormat::Any,
    }
}

fn slow_consumer(word: &str) -> SlowConsumer {
    match word {
        "drop_oldest" => SlowConsumer::DropOldest,
        "drop_newest" => SlowConsumer::DropNewest,
        "latest" => SlowConsumer::Latest,
        _ => SlowConsumer::Disconnect,
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
