//! The options of a namespace of channels.

use std::time::Duration;

use wavecast_hub::ChannelPattern;

use super::hook::DEFAULT_HOOK;
use super::named::Named;

/// One entry of `channel.namespaces`: its settings are the options of the channels `name:*`.
pub type Namespace = Named<ChannelSettings>;

/// The options of a namespace: all off by default, as in Centrifugo.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelSettings {
    /// `history_size`: publications kept; 0 (default) = no history.
    pub history_size: usize,
    /// `history_ttl`: how long they are kept; needed when `history_size` is set.
    pub history_ttl: Duration,
    /// `history_meta_ttl`: overrides `channel.history_meta_ttl`; 0 (default) = does not.
    pub history_meta_ttl: Duration,
    /// `force_positioning`: every subscription checks for gaps.
    pub force_positioning: bool,
    /// `allow_positioning`: a client may ask for that.
    pub allow_positioning: bool,
    /// `force_recovery`: every subscription recovers what it missed.
    pub force_recovery: bool,
    /// `allow_recovery`: a client may ask for that.
    pub allow_recovery: bool,
    /// `allow_subscribe_for_client`: clients with a user id may subscribe.
    pub allow_subscribe_for_client: bool,
    /// `allow_subscribe_for_anonymous`: anonymous clients may subscribe.
    pub allow_subscribe_for_anonymous: bool,
    /// `allow_publish_for_client`: clients with a user id may publish.
    pub allow_publish_for_client: bool,
    /// `allow_publish_for_subscriber`: who has subscribed may publish.
    pub allow_publish_for_subscriber: bool,
    /// `allow_publish_for_anonymous`: anonymous clients may publish.
    pub allow_publish_for_anonymous: bool,
    /// `allow_history_for_client`: clients with a user id may read history.
    pub allow_history_for_client: bool,
    /// `allow_history_for_subscriber`: who has subscribed may read history.
    pub allow_history_for_subscriber: bool,
    /// `allow_history_for_anonymous`: anonymous clients may read history.
    pub allow_history_for_anonymous: bool,
    /// `allow_user_limited_channels`: `name#42` is for user 42 alone.
    pub allow_user_limited_channels: bool,
    /// `presence`: who is subscribed can be asked for.
    pub presence: bool,
    /// `join_leave`: joins and leaves are told to subscribers that ask for it.
    pub join_leave: bool,
    /// `force_push_join_leave`: they are told to every subscriber.
    pub force_push_join_leave: bool,
    /// `allow_presence_for_client`: clients with a user id may ask who is there.
    pub allow_presence_for_client: bool,
    /// `allow_presence_for_subscriber`: who has subscribed may ask who is there.
    pub allow_presence_for_subscriber: bool,
    /// `allow_presence_for_anonymous`: anonymous clients may ask who is there.
    pub allow_presence_for_anonymous: bool,
    /// `force_recovery_mode`: what a recovery brings: "" (default) and `stream` = all that was missed, `cache` = the
    /// latest publication.
    pub force_recovery_mode: String,
    /// `auto_cache_recover`: in cache mode a first subscription gets the latest publication, too.
    pub auto_cache_recover: bool,
    /// `allowed_delta_types`: the kinds of delta that subscribers may ask for; only `fossil` is known.
    pub allowed_delta_types: Vec<String>,
    /// `delta_publish`: publications are deltas for those who take them, whatever the publisher says.
    pub delta_publish: bool,
    /// `allow_tags_filter`: a subscriber may give a filter over tags.
    pub allow_tags_filter: bool,
    /// `channel_regex`: names of channels have to match; none by default.
    pub channel_regex: Option<ChannelPattern>,
    /// `publication_data_format`: overrides `channel.publication_data_format`; "" (default) = does not.
    pub publication_data_format: String,
    /// `publication_max_size` (own): bytes of a publication's payload; 0 (default) = no limit of its own. Beyond: 106.
    pub publication_max_size: usize,
    /// `exclude_publisher` (own): a client is not sent what it published itself.
    pub exclude_publisher: bool,
    /// `slow_consumer` (own): what becomes of a subscriber that reads too slowly: `disconnect` (default, 3008),
    /// `drop_oldest`, `drop_newest` or `latest`.
    pub slow_consumer: String,
    /// `subscribe_proxy_enabled`: a hook decides over subscriptions.
    pub subscribe_proxy_enabled: bool,
    /// `subscribe_proxy_name`: which one, of `proxies`; "default" (default) = `channel.proxy.subscribe`.
    pub subscribe_proxy_name: String,
    /// `publish_proxy_enabled`: a hook decides over clients' publications.
    pub publish_proxy_enabled: bool,
    /// `publish_proxy_name`: which one; "default" (default) = `channel.proxy.publish`.
    pub publish_proxy_name: String,
    /// `sub_refresh_proxy_enabled`: a hook decides whether expiring subscriptions go on.
    pub sub_refresh_proxy_enabled: bool,
    /// `sub_refresh_proxy_name`: which one; "default" (default) = `channel.proxy.sub_refresh`.
    pub sub_refresh_proxy_name: String,
    /// `unsubscribed_proxy_enabled` (own): `channel.proxy.unsubscribed` is told when a subscription ends.
    pub unsubscribed_proxy_enabled: bool,
    /// `state_proxy_enabled` (own): `channel.proxy.state` is told when a channel is occupied and vacated.
    pub state_proxy_enabled: bool,
    /// `subscription_type`: "" (default) or `stream`; the other kinds of Centrifugo are not offered: error 108.
    pub subscription_type: String,
}

impl ChannelSettings {
    /// Whether subscriptions are of a kind that this server offers.
    pub fn is_offered(&self) -> bool {
        matches!(self.subscription_type.as_str(), "" | "stream")
    }
}

impl Default for ChannelSettings {
    fn default() -> Self {
        Self {
            history_size: 0,
            history_ttl: Duration::ZERO,
            history_meta_ttl: Duration::ZERO,
            force_positioning: false,
            allow_positioning: false,
            force_recovery: false,
            allow_recovery: false,
            allow_subscribe_for_client: false,
            allow_subscribe_for_anonymous: false,
            allow_publish_for_client: false,
            allow_publish_for_subscriber: false,
            allow_publish_for_anonymous: false,
            allow_history_for_client: false,
            allow_history_for_subscriber: false,
            allow_history_for_anonymous: false,
            allow_user_limited_channels: false,
            presence: false,
            join_leave: false,
            force_push_join_leave: false,
            allow_presence_for_client: false,
            allow_presence_for_subscriber: false,
            allow_presence_for_anonymous: false,
            force_recovery_mode: String::new(),
            auto_cache_recover: false,
            allowed_delta_types: Vec::new(),
            delta_publish: false,
            allow_tags_filter: false,
            channel_regex: None,
            publication_data_format: String::new(),
            publication_max_size: 0,
            exclude_publisher: false,
            slow_consumer: "disconnect".into(),
            subscribe_proxy_enabled: false,
            subscribe_proxy_name: DEFAULT_HOOK.into(),
            publish_proxy_enabled: false,
            publish_proxy_name: DEFAULT_HOOK.into(),
            sub_refresh_proxy_enabled: false,
            sub_refresh_proxy_name: DEFAULT_HOOK.into(),
            unsubscribed_proxy_enabled: false,
            state_proxy_enabled: false,
            subscription_type: String::new(),
        }
    }
}
