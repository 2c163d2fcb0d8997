//! The options of namespaces: what the hub is told, and which of them exclude each other.

use wavecast_hub::{DataFormat, RecoveryMode, SlowConsumer};

use super::*;

#[test]
fn every_option_reaches_the_hub() {
    let config = Written::new(
        "w.yaml",
        r#"
channel:
  publication_data_format: json
  namespaces:
    - name: all
      presence: true
      join_leave: true
      force_push_join_leave: true
      allow_presence_for_client: true
      allow_presence_for_subscriber: true
      allow_presence_for_anonymous: true
      history_size: 10
      history_ttl: 60s
      force_recovery: true
      force_recovery_mode: cache
      auto_cache_recover: true
      allowed_delta_types: [fossil]
      delta_publish: true
      allow_tags_filter: true
      channel_regex: "^[0-9]+$"
      publication_data_format: binary
      publication_max_size: 1000
      exclude_publisher: true
      slow_consumer: drop_oldest
      unsubscribed_proxy_enabled: true
      state_proxy_enabled: true
    - name: prices
      slow_consumer: latest
    - name: maps
      subscription_type: map_clients
      map: {mode: ephemeral, key_ttl: 60s}
  proxy:
    unsubscribed: {endpoint: "http://a/"}
    state: {endpoint: "http://a/"}
"#,
    )
    .load(&[], &[])
    .unwrap()
    .config;
    let namespaces = config.namespaces().unwrap();
    let all = namespaces.resolve("all:1").unwrap();
    assert!(all.presence && all.join_leave && all.force_push_join_leave);
    assert!(
        all.allow_presence_for_client
            && all.allow_presence_for_subscriber
            && all.allow_presence_for_anonymous
    );
    assert_eq!(all.recovery_mode, RecoveryMode::Cache);
    assert!(all.auto_cache_recover && all.allow_delta && all.delta_publish && all.allow_tags_filter);
    assert_eq!((all.data_format, all.publication_bytes_max), (DataFormat::Binary, 1000));
    assert_eq!(all.slow_consumer, SlowConsumer::DropOldest);
    assert!(all.exclude_publisher && all.occupancy_events && all.unsubscribed_events && !all.not_offered);
    let pattern = all.channel_pattern.as_ref().unwrap();
    assert!(pattern.matches("7") && !pattern.matches("x"));

    let prices = namespaces.resolve("prices:1").unwrap();
    assert_eq!((prices.slow_consumer, prices.data_format), (SlowConsumer::Latest, DataFormat::Json));
    assert_eq!(prices.channel_pattern, None);
    assert!(namespaces.resolve("maps:1").unwrap().not_offered);
}

#[test]
fn options_that_exclude_each_other_are_reported() {
    for (text, expected) in [
        (
            "slow_consumer = \"latest\"\nallow_positioning = true",
            "channel.without_namespace.slow_consumer = \"latest\" (file w.toml): drops publications without a word, \
             which allow_positioning promises not to happen",
        ),
        (
            "auto_cache_recover = true",
            "channel.without_namespace.auto_cache_recover = true (file w.toml): needs force_recovery, and",
        ),
        (
            "allowed_delta_types = [\"vcdiff\"]",
            "allowed_delta_types = (a list) (file w.toml): must be a list of \"fossil\"",
        ),
        ("force_recovery_mode = \"last\"", "must be one of \"\", \"stream\", \"cache\""),
        ("publication_data_format = \"xml\"", "must be one of \"\", \"json\", \"json_object\", \"binary\""),
        (
            "slow_consumer = \"wait\"",
            "must be one of \"disconnect\", \"drop_oldest\", \"drop_newest\", \"latest\"",
        ),
        ("subscription_type = \"queue\"", "must be one of \"\", \"stream\", \"map\""),
    ] {
        let error = Written::new("w.toml", &format!("[channel.without_namespace]\n{text}\n")).error(&[], &[]);
        assert!(error.contains(expected), "{text}\ngave\n{error}");
    }
}

#[test]
fn options_without_effect_are_named() {
    let text = "[channel.without_namespace]\nforce_push_join_leave = true\ndelta_publish = true\n\
                subscription_type = \"shared_poll\"\n";
    let warnings = Written::new("w.toml", text).warnings();
    for expected in [
        "channel.without_namespace.force_push_join_leave (file w.toml): has no effect without join_leave",
        "channel.without_namespace.delta_publish (file w.toml): has no effect without allowed_delta_types",
        "channel.without_namespace.subscription_type (file w.toml): \"shared_poll\" is not offered: who subscribes to \
         channels of this namespace gets error 108",
    ] {
        assert!(
            warnings.iter().any(|warning| warning.starts_with(expected)),
            "{expected}\nin\n{warnings:#?}"
        );
    }
}
