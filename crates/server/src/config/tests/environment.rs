//! Variables: how their names are read, and what of them is a list, an object, a secret.

use super::*;

#[test]
fn the_environment_says_the_same_and_ours_wins() {
    let loaded = without_file(
        &[
            ("WAVECAST_HTTP_SERVER_ADDRESS", "127.0.0.1"),
            ("CENTRIFUGO_HTTP_SERVER_PORT", "7000"),
            ("WAVECAST_HTTP_SERVER_PORT", "9000"),
            ("CENTRIFUGO_CLIENT_ALLOWED_ORIGINS", "https://example.com https://*.example.com"),
            ("CENTRIFUGO_CLIENT_PING_INTERVAL", "30s"),
            ("WAVECAST_CLIENT_CHANNEL_LIMIT", "64"),
            ("CENTRIFUGO_CLIENT_TOKEN_HMAC_SECRET_KEY", "s3cret-of-thirty-two-bytes-or-more"),
            ("CENTRIFUGO_CLIENT_TOKEN_AUDIENCE", ""),
            ("WAVECAST_CHANNEL_HISTORY_META_TTL", "48h"),
            ("WAVECAST_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE", "10"),
            ("WAVECAST_CHANNEL_WITHOUT_NAMESPACE_HISTORY_TTL", "1m30s"),
            ("WAVECAST_CHANNEL_WITHOUT_NAMESPACE_FORCE_RECOVERY", "true"),
            ("CENTRIFUGO_CHANNEL_NAMESPACES", "chat news.eu"),
            ("CENTRIFUGO_CHANNEL_NAMESPACES_CHAT_HISTORY_SIZE", "100"),
            ("CENTRIFUGO_CHANNEL_NAMESPACES_CHAT_HISTORY_TTL", "300s"),
            ("CENTRIFUGO_CHANNEL_NAMESPACES_CHAT_ALLOW_SUBSCRIBE_FOR_CLIENT", "true"),
            ("CENTRIFUGO_CHANNEL_NAMESPACES_NEWS_EU_ALLOW_SUBSCRIBE_FOR_ANONYMOUS", "1"),
            ("CENTRIFUGO_HTTP_API_KEY", "s3cret"),
            ("UNRELATED", "1"),
        ],
        &[],
    )
    .unwrap();
    assert_eq!(loaded.config, Written::new("wavecast.toml", TOML).load(&[], &[]).unwrap().config);
    assert_eq!(loaded.profile, Profile::Configured);
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
}

#[test]
fn a_namespace_whose_name_begins_like_another_keeps_its_options() {
    let loaded = without_file(
        &[
            ("WAVECAST_CHANNEL_NAMESPACES", "chat chat_map"),
            ("WAVECAST_CHANNEL_NAMESPACES_CHAT_MAP_HISTORY_SIZE", "5"),
            ("WAVECAST_CHANNEL_NAMESPACES_CHAT_MAP_HISTORY_TTL", "5s"),
            ("WAVECAST_HTTP_SERVER_ADDRESS", "127.0.0.1"),
        ],
        &[],
    )
    .unwrap();
    let namespaces = loaded.config.namespaces().unwrap();
    assert_eq!(namespaces.resolve("chat_map:1").unwrap().history_size, 5);
    assert_eq!(namespaces.resolve("chat:1").unwrap().history_size, 0);
}

#[test]
fn variables_that_name_nothing_are_named_and_stop_keys_stop() {
    let loaded =
        without_file(&[("WAVECAST_HTTP_SERVR_PORT", "1"), ("WAVECAST_CONFIG", "x.toml")], &[]).unwrap();
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["environment variable WAVECAST_HTTP_SERVR_PORT names no known key and has no effect"]
    );
    assert_eq!(loaded.profile, Profile::Development);

    let error =
        without_file(&[("CENTRIFUGO_GRPC_API_KEY", "hush"), ("CENTRIFUGO_CONSUMERS_K_KEY", "hush")], &[]);
    let error = error.unwrap_err().to_string();
    let expected = "consumers.k_key (environment variable CENTRIFUGO_CONSUMERS_K_KEY): publications enter";
    assert!(error.contains(expected), "{error}");
    assert!(!error.contains("hush"), "{error}");
}

#[test]
fn service_links_of_kubernetes_are_nobodys_configuration() {
    let loaded = without_file(
        &[
            ("WAVECAST_SERVICE_HOST", "10.0.0.1"),
            ("WAVECAST_SERVICE_PORT_HTTP", "8000"),
            ("CENTRIFUGO_PORT", "tcp://10.0.0.1:8000"),
            ("CENTRIFUGO_PORT_8000_TCP_ADDR", "10.0.0.1"),
        ],
        &[],
    )
    .unwrap();
    assert_eq!((loaded.profile, loaded.warnings.len()), (Profile::Development, 0));
}

#[test]
fn an_empty_variable_is_none() {
    let file = Written::new("w.toml", TOML);
    let variables = [
        ("CENTRIFUGO_CLIENT_PING_INTERVAL", ""),
        ("WAVECAST_CHANNEL_NAMESPACES", ""),
        ("WAVECAST_HTTP_API_KEY", ""),
    ];
    assert_eq!(file.load(&variables, &[]).unwrap().config, file.load(&[], &[]).unwrap().config);
    assert_eq!(without_file(&[("WAVECAST_HTTP_API_KEY", "")], &[]).unwrap().profile, Profile::Development);
}

#[test]
fn hooks_and_namespaces_of_methods_are_named_by_lists() {
    let loaded = without_file(
        &[
            ("CENTRIFUGO_PROXIES", "back back-end"),
            ("CENTRIFUGO_PROXIES_BACK_ENDPOINT", "http://back/"),
            ("CENTRIFUGO_PROXIES_BACK_END_ENDPOINT", "http://back-end/"),
            ("CENTRIFUGO_PROXIES_BACK_END_HTTP_HEADERS", "Cookie X-Real-Ip"),
            ("CENTRIFUGO_PROXIES_BACK_END_HTTP_TLS_SERVER_NAME", "inside"),
            ("CENTRIFUGO_RPC_NAMESPACES", "chat"),
            ("CENTRIFUGO_RPC_NAMESPACES_CHAT_PROXY_ENABLED", "True"),
            ("WAVECAST_RPC_NAMESPACES_CHAT_PROXY_NAME", "back-end"),
            ("CENTRIFUGO_RPC_WITHOUT_NAMESPACE_PROXY_ENABLED", "true"),
            ("CENTRIFUGO_RPC_PROXY_ENDPOINT", "http://rpc/"),
        ],
        &[],
    )
    .unwrap();
    let config = loaded.config;
    assert_eq!(config.proxies[0].settings.endpoint.expose(), "http://back/");
    let hook = config.hook("back-end", &config.rpc.proxy).unwrap();
    assert_eq!(hook.endpoint.expose(), "http://back-end/");
    assert_eq!(hook.http_headers, ["Cookie", "X-Real-Ip"]);
    assert_eq!(hook.tls.server_name, "inside");
    assert_eq!(config.rpc.resolve("chat:send").unwrap().proxy_name, "back-end");
    assert!(config.rpc.resolve("send").unwrap().proxy_enabled);
    assert!(config.rpc.resolve("else:send").is_none());
    assert_eq!(config.hook("default", &config.rpc.proxy).unwrap().endpoint.expose(), "http://rpc/");
}

#[test]
fn options_of_entries_in_the_file_stand_in_variables_too() {
    let file = Written::new(
        "w.yaml",
        "channel: {namespaces: [{name: chat, history_size: 5, history_ttl: 5s}]}\n\
         proxies: [{name: back, endpoint: 'http://back/'}]\n",
    );
    let variables =
        [("CENTRIFUGO_CHANNEL_NAMESPACES_CHAT_HISTORY_SIZE", "7"), ("CENTRIFUGO_PROXIES_BACK_TIMEOUT", "3s")];
    let config = file.load(&variables, &[]).unwrap().config;
    assert_eq!(config.channel.namespaces[0].settings.history_size, 7);
    assert_eq!(config.channel.namespaces[0].settings.history_ttl, Duration::from_secs(5));
    assert_eq!(config.proxies[0].settings.timeout, Duration::from_secs(3));
}

#[test]
fn a_list_of_entries_may_be_json_and_takes_the_place_of_the_files() {
    let file = Written::new(
        "w.yaml",
        "channel: {namespaces: [{name: chat, history_size: 5, history_ttl: 5s}, {name: news}]}\n",
    );
    let json =
        r#"[{"name": "chat", "presence": true}, {"name": "ab", "history_size": 1, "history_ttl": "1s"}]"#;
    let variables =
        [("CENTRIFUGO_CHANNEL_NAMESPACES", json), ("WAVECAST_CHANNEL_NAMESPACES_AB_HISTORY_SIZE", "2")];
    let namespaces = file.load(&variables, &[]).unwrap().config.channel.namespaces;
    let names: Vec<_> = namespaces.iter().map(|namespace| namespace.name.as_str()).collect();
    assert_eq!(names, ["chat", "ab"]);
    assert!(namespaces[0].settings.presence);
    assert_eq!(namespaces[0].settings.history_size, 0, "nothing is left of the file's");
    assert_eq!(namespaces[1].settings.history_size, 2, "a variable for one option wins over the list");

    let flags = [("proxies", r#"[{"name": "back", "endpoint": "http://back/"}]"#)];
    assert_eq!(file.load(&[], &flags).unwrap().config.proxies[0].settings.endpoint.expose(), "http://back/");
    for (broken, expected) in [
        (
            "[{\"name\": \"hush\"",
            "channel.namespaces (environment variable CENTRIFUGO_CHANNEL_NAMESPACES): must be a list",
        ),
        (
            "[{\"nam\": \"hush\"}]",
            "channel.namespaces[0].name (environment variable CENTRIFUGO_CHANNEL_NAMESPACES)",
        ),
        ("{\"name\": 1}", "must be a list"),
    ] {
        let error = file.error(&[("CENTRIFUGO_CHANNEL_NAMESPACES", broken)], &[]);
        assert!(error.contains(expected), "{broken}\ngave\n{error}");
        assert!(!error.contains("hush"), "{error}");
    }
}

#[test]
fn headers_and_transforms_are_json_and_name_variables() {
    let variables = [
        ("CENTRIFUGO_CLIENT_PROXY_CONNECT_ENABLED", "true"),
        ("CENTRIFUGO_CLIENT_PROXY_CONNECT_ENDPOINT", "https://user:hush@back/connect"),
        (
            "CENTRIFUGO_CLIENT_PROXY_CONNECT_HTTP_STATIC_HEADERS",
            r#"{"Authorization": "Bearer ${CENTRIFUGO_VAR_TOKEN}", "X-Other": "${HOME} ${WAVECAST_VAR_X}"}"#,
        ),
        ("CENTRIFUGO_VAR_TOKEN", "hush"),
        ("WAVECAST_VAR_X", "y"),
        (
            "CENTRIFUGO_CLIENT_PROXY_CONNECT_HTTP_STATUS_TO_CODE_TRANSFORMS",
            r#"[{"status_code": 404, "to_error": {"code": 404, "message": "not found"}}]"#,
        ),
    ];
    let loaded = without_file(&variables, &[]).unwrap();
    let hook = loaded.config.client.proxy.connect.on().unwrap();
    assert_eq!(hook.static_headers["Authorization"].expose(), "Bearer hush");
    assert_eq!(hook.static_headers["X-Other"].expose(), "${HOME} y", "only variables made for it");
    assert_eq!(hook.status_to_code_transforms[0].status, 404);
    assert!(!format!("{loaded:?}").contains("hush"));

    for (text, expected) in [
        (
            "{\"X\": \"${CENTRIFUGO_VAR_NONE}\"}",
            "the environment variable CENTRIFUGO_VAR_NONE that it names is not set",
        ),
        ("{\"X\": \"hush\\n\"}", "must be names of headers with their values"),
        ("X: hush", "must be names of headers with their values"),
    ] {
        let error =
            without_file(&[("WAVECAST_RPC_PROXY_HTTP_STATIC_HEADERS", text)], &[]).unwrap_err().to_string();
        let key =
            "rpc.proxy.http.static_headers (environment variable WAVECAST_RPC_PROXY_HTTP_STATIC_HEADERS): ";
        assert!(error.contains(&format!("{key}{expected}")), "{text}\ngave\n{error}");
        assert!(!error.contains("hush"), "{error}");
    }
}

/// Every key has a variable, with both prefixes, and the variable finds it again.
#[test]
fn every_key_can_be_a_variable() {
    for path in keys::paths() {
        for prefix in ["WAVECAST", "CENTRIFUGO"] {
            let name = format!("{prefix}_{}", keys::variable(&path));
            let (settings, warnings) = source::environment(&[(name.clone(), "1".into())], &[]);
            let found: Vec<_> = settings.iter().map(|setting| setting.path.as_str()).collect();
            assert_eq!((found, warnings.len()), (vec![path.as_str()], 0), "{name}");
        }
    }
}
