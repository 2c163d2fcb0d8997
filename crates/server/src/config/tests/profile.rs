//! The development profile, and addresses that others can reach.

use super::*;

#[test]
fn without_configuration_it_is_the_development_profile() {
    let loaded = without_file(&[("WAVECAST_LOG_LEVEL", "debug")], &[("http_server.port", "8001")]).unwrap();
    assert_eq!(loaded.profile, Profile::Development);
    let config = &loaded.config;
    assert_eq!(config.http_server.listen(), "127.0.0.1:8001".parse().unwrap());
    assert!(config.http_api.insecure && config.pages.enabled);
    assert!(config.client.allow_anonymous_connect_without_token);
    assert!(config.demo.enabled);
    let namespaces = config.namespaces().unwrap();
    let options = namespaces.resolve("any:channel").unwrap();
    assert_eq!((options.history_size, options.history_ttl_ms), (300, 300_000));
    assert!(
        options.force_recovery && options.allow_publish_for_anonymous && options.allow_history_for_client
    );
    assert_eq!(loaded.profile.describe(config)[0], "development profile: no configuration was given");
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);

    let quiet = without_file(&[], &[("demo.enabled", "false")]).unwrap();
    assert_eq!((quiet.profile, quiet.config.demo.enabled), (Profile::Development, false));

    for configured in [("WAVECAST_HTTP_API_KEY", "k"), ("WAVECAST_CLIENT_CHANNEL_LIMIT", "5")] {
        let loaded = without_file(&[configured], &[]).unwrap();
        assert_eq!(loaded.profile, Profile::Configured);
        assert!(!loaded.config.http_api.insecure && !loaded.config.demo.enabled);
        assert!(loaded.config.namespaces().unwrap().resolve("any:channel").is_err());
    }
    let empty = Written::new("w.yaml", "# nothing\n").load(&[], &[]).unwrap();
    assert_eq!((empty.profile, empty.config), (Profile::Configured, Config::default()));
}

#[test]
fn a_public_address_needs_keys_or_the_word_insecure() {
    let error = without_file(&[], &[("http_server.address", "0.0.0.0")]).unwrap_err().to_string();
    assert!(
        error.contains(
            "http_server.address = \"0.0.0.0\" (command line): other machines can reach this address"
        ),
        "{error}"
    );
    let values = vec![("http_server.address".to_owned(), "0.0.0.0".to_owned())];
    let exposed = load_from(None, [], &Overrides { values, insecure: true }).unwrap();
    assert_eq!(exposed.profile, Profile::Exposed);
    assert!(exposed.config.http_api.insecure && exposed.config.pages.enabled);
    assert!(exposed.profile.describe(&exposed.config)[1].contains("nothing keeps them out"));
    let text = "[client]\ninsecure = true\n[http_api]\ninsecure = true\n";
    let file = Written::new("w.toml", text);
    let error = file.error(&[], &[("http_server.address", "192.0.2.1")]);
    assert_eq!(
        error,
        "the configuration has 2 errors:\n  client.insecure = true (file w.toml): clients need no credentials, and \
         other machines can reach the address \"192.0.2.1\"; set it to false, listen on 127.0.0.1, or say --insecure \
         if you mean it\n  http_api.insecure = true (file w.toml): the HTTP API needs no key, and other machines can \
         reach the address \"192.0.2.1\"; set it to false, listen on 127.0.0.1, or say --insecure if you mean it"
    );
    assert!(file.load(&[], &[]).is_err(), "every interface is the default");
    for address in ["127.0.0.1", "::1", "[::1]", "localhost", "127.8.8.8", "::ffff:127.0.0.1"] {
        assert!(file.load(&[], &[("http_server.address", address)]).is_ok(), "{address}");
    }
    // With a port of its own the API is reached there, and clients where they are.
    let error = file.error(&[], &[("http_server.internal_address", "127.0.0.1")]);
    assert!(error.contains("has 1 error") && error.contains("client.insecure"), "{error}");
    let inside = [("http_server.address", "127.0.0.1"), ("http_server.internal_address", "192.0.2.1")];
    let error = file.error(&[], &inside);
    assert!(error.contains("has 1 error") && error.contains("needs no key, and other machines"), "{error}");
    assert!(error.contains("\"192.0.2.1\""), "{error}");
    let meant = Overrides { values: Vec::new(), insecure: true };
    assert!(load_from(Some(&file.0), [], &meant).is_ok());
}
