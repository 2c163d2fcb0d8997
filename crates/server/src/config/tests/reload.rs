//! A configuration read anew: what is carried out, what is named, what is refused.

use super::*;

fn config(text: &str) -> Config {
    let mut config = Config::default();
    config.extend_from_str(text, Format::Json).unwrap();
    config
}

fn loaded(config: &Config) -> Loaded {
    let (config, profile) = (config.clone(), Profile::Configured);
    Loaded { config, warnings: Vec::new(), profile, insecure_is_meant: false }
}

#[test]
fn keys_are_taken_or_named() {
    let before = config(
        r#"{"client": {"token": {"hmac_secret_key": "a"}, "ping_interval": "30s"}, "http_server": {"port": 1}}"#,
    );
    let after = config(
        r#"{
            "client": {"token": {"hmac_secret_key": "b"}, "ping_interval": "40s", "channel_limit": 7},
            "http_server": {"port": 2},
            "channel": {"namespaces": [{"name": "chat", "presence": true}]},
            "proxies": [{"name": "one", "endpoint": "http://a/"}]
        }"#,
    );
    let change = before.changed_by(&loaded(&after)).unwrap();
    let taken = ["client.channel_limit", "client.token.hmac_secret_key", "channel.namespaces", "proxies"]
        .map(String::from);
    assert_eq!(change.taken, taken);
    assert_eq!(change.left, ["http_server.port", "client.ping_interval"]);
    assert_eq!(change.config.http_server.port, 1);
    assert_eq!(change.config.client.ping_interval, before.client.ping_interval);
    assert_eq!(change.config.client.channel_limit, 7);
    assert_eq!(change.config.client.token, after.client.token);
    assert_eq!(change.config.channel, after.channel);
    let again = change.config.changed_by(&loaded(&after)).unwrap();
    assert!(again.taken.is_empty(), "{again:?}");
    assert_eq!(again.left.len(), 2, "they wait for the next start");
    assert!(before.changed_by(&loaded(&before)).unwrap().left.is_empty());
}

#[test]
fn what_does_not_fit_what_stays_is_refused() {
    let before = config("{}");
    let after = config(r#"{"client": {"ping_interval": "50s", "pong_timeout": "40s"}}"#);
    let refused = before.changed_by(&loaded(&after)).unwrap_err().to_string();
    assert!(refused.contains("client.pong_timeout") && refused.contains("which is 25s"), "{refused}");
}

#[test]
fn nobody_is_let_in_at_an_address_that_stays() {
    let open_here = r#"{"http_server": {"address": "127.0.0.1"}, "http_api": {"insecure": true}, "client": {"insecure": true}}"#;
    let (before, after) = (config(r#"{"http_server": {"address": "0.0.0.0"}}"#), config(open_here));
    let refused = before.changed_by(&loaded(&after)).unwrap_err().to_string();
    assert!(refused.contains("http_api.insecure") && refused.contains("client.insecure"), "{refused}");
    assert!(refused.contains("0.0.0.0"), "{refused}");
    let meant = Loaded { insecure_is_meant: true, ..loaded(&after) };
    assert!(before.changed_by(&meant).unwrap().taken.contains(&"http_api.insecure".to_owned()));
    assert!(after.changed_by(&loaded(&after)).is_ok());
}

#[test]
fn every_key_is_compared() {
    for path in keys::paths() {
        let (mut before, mut after) = (Config::default(), Config::default());
        let (Some(one), Some(other)) = (keys::slot(&mut before, &path), keys::slot(&mut after, &path)) else {
            panic!("{path} has no place");
        };
        assert!(one == other, "{path} is what it is");
    }
}
