//! Keys of `channel`, and the options of a namespace.

use std::time::Duration;

use super::key::{CENTURY, HOUR, Key, MIB, SECOND, key};
use crate::config::settings::{ChannelSettings, Config};
use crate::config::slot::Slot;

const DATA_FORMATS: &[&str] = &["", "json", "json_object", "binary"];

/// What holds for all namespaces.
pub(super) const CHANNEL: &[Key<Config>] = &[
    key("channel.max_length", "bytes of a channel name", |c| {
        Slot::Number(&mut c.channel.max_length, 1..=4096)
    }),
    key(
        "channel.private_prefix",
        "channels that begin with it need a subscription token; empty = none",
        |c| Slot::Text(&mut c.channel.private_prefix),
    ),
    key("channel.namespace_boundary", "ends the namespace in a channel name; empty = no namespaces", |c| {
        Slot::Text(&mut c.channel.namespace_boundary)
    }),
    key(
        "channel.allow_undeclared_namespaces",
        "a name whose namespace is not in channel.namespaces counts as one without; otherwise error 102",
        |c| Slot::Switch(&mut c.channel.allow_undeclared_namespaces),
    ),
    key("channel.user_boundary", "begins the users in a channel name; empty = none", |c| {
        Slot::Text(&mut c.channel.user_boundary)
    }),
    key("channel.user_separator", "stands between users in a channel name", |c| {
        Slot::Text(&mut c.channel.user_separator)
    }),
    key("channel.history_meta_ttl", "time a stream's position outlives its last use", |c| {
        Slot::Time(&mut c.channel.history_meta_ttl, SECOND..=CENTURY)
    }),
    key("channel.publication_data_format", "what payloads may be; empty = anything", |c| {
        Slot::Word(&mut c.channel.publication_data_format, DATA_FORMATS)
    }),
    key("channel.vacated_delay", "time without subscribers before a channel counts as vacated", |c| {
        Slot::Time(&mut c.channel.vacated_delay, Duration::ZERO..=HOUR)
    }),
];

/// The options of `channel.without_namespace` and of each entry of `channel.namespaces`.
pub(super) const OPTIONS: &[Key<ChannelSettings>] = &[
    key("history_size", "publications kept; 0 = no history", |c| {
        Slot::Number(&mut c.history_size, 0..=10_000_000)
    }),
    key("history_ttl", "time publications are kept; needed with history_size", |c| {
        Slot::Time(&mut c.history_ttl, Duration::ZERO..=CENTURY)
    }),
    key("history_meta_ttl", "overrides channel.history_meta_ttl; 0s = does not", |c| {
        Slot::Time(&mut c.history_meta_ttl, Duration::ZERO..=CENTURY)
    }),
    key("force_positioning", "every subscription checks for gaps", |c| {
        Slot::Switch(&mut c.force_positioning)
    }),
    key("allow_positioning", "a client may ask for a check for gaps", |c| {
        Slot::Switch(&mut c.allow_positioning)
    }),
    key("force_recovery", "every subscription recovers what it missed", |c| {
        Slot::Switch(&mut c.force_recovery)
    }),
    key("allow_recovery", "a client may ask for recovery", |c| Slot::Switch(&mut c.allow_recovery)),
    key("allow_subscribe_for_client", "clients with a user id may subscribe", |c| {
        Slot::Switch(&mut c.allow_subscribe_for_client)
    }),
    key("allow_subscribe_for_anonymous", "anonymous clients may subscribe", |c| {
        Slot::Switch(&mut c.allow_subscribe_for_anonymous)
    }),
    key("allow_publish_for_client", "clients with a user id may publish", |c| {
        Slot::Switch(&mut c.allow_publish_for_client)
    }),
    key("allow_publish_for_subscriber", "who has subscribed may publish", |c| {
        Slot::Switch(&mut c.allow_publish_for_subscriber)
    }),
    key("allow_publish_for_anonymous", "anonymous clients may publish", |c| {
        Slot::Switch(&mut c.allow_publish_for_anonymous)
    }),
    key("allow_history_for_client", "clients with a user id may read history", |c| {
        Slot::Switch(&mut c.allow_history_for_client)
    }),
    key("allow_history_for_subscriber", "who has subscribed may read history", |c| {
        Slot::Switch(&mut c.allow_history_for_subscriber)
    }),
    key("allow_history_for_anonymous", "anonymous clients may read history", |c| {
        Slot::Switch(&mut c.allow_history_for_anonymous)
    }),
    key("allow_user_limited_channels", "name#42 is for user 42 alone", |c| {
        Slot::Switch(&mut c.allow_user_limited_channels)
    }),
    key("presence", "who is subscribed can be asked for", |c| Slot::Switch(&mut c.presence)),
    key("join_leave", "joins and leaves are told to subscribers that ask for it", |c| {
        Slot::Switch(&mut c.join_leave)
    }),
    key("force_push_join_leave", "joins and leaves are told to every subscriber", |c| {
        Slot::Switch(&mut c.force_push_join_leave)
    }),
    key("allow_presence_for_client", "clients with a user id may ask who is there", |c| {
        Slot::Switch(&mut c.allow_presence_for_client)
    }),
    key("allow_presence_for_subscriber", "who has subscribed may ask who is there", |c| {
        Slot::Switch(&mut c.allow_presence_for_subscriber)
    }),
    key("allow_presence_for_anonymous", "anonymous clients may ask who is there", |c| {
        Slot::Switch(&mut c.allow_presence_for_anonymous)
    }),
    key("force_recovery_mode", "what recovery brings: all that was missed, or the latest publication", |c| {
        Slot::Word(&mut c.force_recovery_mode, &["", "stream", "cache"])
    }),
    key("auto_cache_recover", "in cache mode a first subscription gets the latest publication", |c| {
        Slot::Switch(&mut c.auto_cache_recover)
    }),
    key("allowed_delta_types", "kinds of delta that subscribers may ask for", |c| {
        Slot::Words(&mut c.allowed_delta_types, &["fossil"])
    }),
    key("delta_publish", "publications are deltas for those who take them", |c| {
        Slot::Switch(&mut c.delta_publish)
    }),
    key("allow_tags_filter", "a subscriber may give a filter over tags", |c| {
        Slot::Switch(&mut c.allow_tags_filter)
    }),
    key("channel_regex", "names have to match, behind the namespace; empty = any name", |c| {
        Slot::Pattern(&mut c.channel_regex)
    }),
    key("publication_data_format", "overrides `channel.publication_data_format`; empty = does not", |c| {
        Slot::Word(&mut c.publication_data_format, DATA_FORMATS)
    }),
    key("publication_max_size", "bytes of a payload; 0 = no limit of its own; then error 106", |c| {
        Slot::Number(&mut c.publication_max_size, 0..=1024 * MIB)
    }),
    key("exclude_publisher", "a client is not sent what it published itself", |c| {
        Slot::Switch(&mut c.exclude_publisher)
    }),
    key("slow_consumer", "what becomes of a subscriber that reads too slowly", |c| {
        Slot::Word(&mut c.slow_consumer, &["disconnect", "drop_oldest", "drop_newest", "latest"])
    }),
    key("subscribe_proxy_enabled", "a hook decides over subscriptions", |c| {
        Slot::Switch(&mut c.subscribe_proxy_enabled)
    }),
    key("subscribe_proxy_name", "which hook, of `proxies`; default = `channel.proxy.subscribe`", |c| {
        Slot::Text(&mut c.subscribe_proxy_name)
    }),
    key("publish_proxy_enabled", "a hook decides over clients' publications", |c| {
        Slot::Switch(&mut c.publish_proxy_enabled)
    }),
    key("publish_proxy_name", "which hook, of `proxies`; default = `channel.proxy.publish`", |c| {
        Slot::Text(&mut c.publish_proxy_name)
    }),
    key("sub_refresh_proxy_enabled", "a hook decides whether expiring subscriptions go on", |c| {
        Slot::Switch(&mut c.sub_refresh_proxy_enabled)
    }),
    key("sub_refresh_proxy_name", "which hook, of `proxies`; default = `channel.proxy.sub_refresh`", |c| {
        Slot::Text(&mut c.sub_refresh_proxy_name)
    }),
    key("unsubscribed_proxy_enabled", "`channel.proxy.unsubscribed` is told when a subscription ends", |c| {
        Slot::Switch(&mut c.unsubscribed_proxy_enabled)
    }),
    key("state_proxy_enabled", "`channel.proxy.state` is told when a channel is occupied and vacated", |c| {
        Slot::Switch(&mut c.state_proxy_enabled)
    }),
    key("subscription_type", "stream is offered; subscribers of another type get error 108", |c| {
        Slot::Word(
            &mut c.subscription_type,
            &["", "stream", "map", "map_clients", "map_users", "shared_poll"],
        )
    }),
];
