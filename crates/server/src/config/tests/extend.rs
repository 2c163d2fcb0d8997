//! A text on top of a configuration that is there already.

use super::*;

fn base() -> Config {
    without_file(&[], &[("client.channel_limit", "7"), ("channel.namespaces", "news")]).unwrap().config
}

const TEXTS: [(Format, &str); 3] = [
    (
        Format::Json,
        r#"{"channel": {"namespaces": [{"name": "chat", "presence": true}]}, "client": {"ping_interval": "30s"}}"#,
    ),
    (
        Format::Toml,
        "client.ping_interval = \"30s\"\n[[channel.namespaces]]\nname = \"chat\"\npresence = true",
    ),
    (Format::Yaml, "client: {ping_interval: 30s}\nchannel:\n  namespaces: [{name: chat, presence: true}]"),
];

#[test]
fn what_the_text_says_is_set_and_everything_else_stays() {
    for (format, text) in TEXTS {
        let mut config = base();
        let warnings = config.extend_from_str(text, format).unwrap();
        assert!(warnings.is_empty(), "those of before are not said again: {warnings:?}");
        assert_eq!(config.client.ping_interval, Duration::from_secs(30));
        assert_eq!(config.client.channel_limit, 7);
        let names: Vec<_> = config.channel.namespaces.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["news", "chat"], "{format:?}");
        assert!(config.channel.namespaces[1].settings.presence);
    }
    let mut config = base();
    assert!(config.extend_from_str("", Format::Yaml).unwrap().is_empty());
    assert_eq!(config, base());
}

#[test]
fn an_entry_that_is_there_is_changed_where_the_text_speaks_of_it() {
    let mut config = base();
    for text in [
        r#"{"channel": {"namespaces": [{"name": "news", "history_size": 5, "history_ttl": "1m"}]}}"#,
        r#"{"channel": {"namespaces": [{"name": "news", "history_ttl": "2m"}]}}"#,
    ] {
        config.extend_from_str(text, Format::Json).unwrap();
    }
    let [news] = &config.channel.namespaces[..] else { panic!("{:?}", config.channel.namespaces) };
    assert_eq!((news.settings.history_size, news.settings.history_ttl), (5, Duration::from_secs(120)));
}

#[test]
fn what_is_wrong_is_said_as_of_a_file_and_nothing_is_set() {
    let mut config = base();
    let text = r#"{
        "client": {"ping_interval": "soon", "channel_limit": 3},
        "channel": {"namespaces": [{"name": "chat", "publish_proxy_enabled": true}, {"name": "chat"}]}
    }"#;
    let error = config.extend_from_str(text, Format::Json).unwrap_err().to_string();
    for said in [
        "client.ping_interval = \"soon\" (the program): must be",
        "each namespace's name must be used once",
        "channel.proxy.publish.endpoint (the program): is needed by channel.namespaces.chat",
    ] {
        assert!(error.contains(said), "{said:?} is not in {error}");
    }
    assert_eq!(config, base());
    for (format, text) in [(Format::Json, "{"), (Format::Toml, "a ="), (Format::Yaml, "- a")] {
        let error = config.extend_from_str(text, format).unwrap_err();
        assert!(matches!(error, ConfigError::Text { .. }), "{error}");
        assert!(error.to_string().starts_with("cannot read the configuration text: "), "{error}");
    }
}

#[test]
fn a_key_that_nobody_knows_is_warned_of() {
    let mut config = base();
    let warnings = config.extend_from_str(r#"{"client": {"chanel_limit": 3}}"#, Format::Json).unwrap();
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!(
        warning.to_string(),
        "client.chanel_limit (the program) is not a known key and has no effect; did you mean client.channel_limit?"
    );
}
