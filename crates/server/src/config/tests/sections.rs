//! Sections that occur more than once: tokens and hooks. And what is checked about them as a whole.

use super::*;
use crate::hooks::Hook as HookKind;

#[test]
fn tokens_and_hooks_are_read() {
    let loaded = Written::new(
        "w.toml",
        r#"
        [client.token]
        hmac_secret_key = "hush-a-of-thirty-two-bytes-or-more"
        audience_regex = "^app-(?P<tenant>[a-z]+)$"
        user_id_claim = "uid"
        [client.subscription_token]
        enabled = true
        hmac_secret_key = "hush-b-of-thirty-two-bytes-or-more"
        hmac_previous_secret_key = "hush-c-of-thirty-two-bytes-or-more"
        hmac_previous_secret_key_valid_until = 1767225600
        [client.proxy.connect]
        enabled = true
        endpoint = "http://localhost:3000/connect?key=hush-d"
        timeout = "500ms"
        http_headers = ["Cookie"]
        [client.proxy.connect.http.static_headers]
        X-Key = "hush-e"
        [client.proxy.disconnected]
        enabled = true
        endpoint = "handler:"
        [channel.proxy.subscribe]
        endpoint = "http://localhost:3000/subscribe"
        concurrency = 3
        http.tls = { key_pem = "hush-f", cert_pem = "c" }
        [[proxies]]
        name = "other"
        endpoint = "https://other/"
        binary_encoding = true
        [channel.without_namespace]
        subscribe_proxy_enabled = true
        publish_proxy_enabled = true
        publish_proxy_name = "other"
        [http_api]
        key = "hush-g"
        "#,
    );
    let loaded = loaded.load(&[], &[]).unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert!(!format!("{loaded:?} {loaded:#?}").contains("hush"), "a secret is shown");
    let config = loaded.config;
    assert_eq!(config.client.token.hmac_secret_key.expose(), "hush-a-of-thirty-two-bytes-or-more");
    assert_eq!(config.client.token.user_id_claim, "uid");
    let token = &config.client.subscription_token;
    assert!(token.enabled);
    assert_eq!(token.token.hmac_previous_secret_key_valid_until, 1_767_225_600);

    let hooks = config.http_hooks();
    let connect = &hooks.own[&HookKind::Connect];
    assert_eq!(connect.endpoint, "http://localhost:3000/connect?key=hush-d");
    assert_eq!((connect.timeout, connect.concurrency), (Duration::from_millis(500), 64));
    assert_eq!(connect.static_headers["X-Key"], "hush-e");
    assert!(!hooks.own.contains_key(&HookKind::Disconnected), "a handler inside the process answers");
    assert!(config.client.proxy.disconnected.on().unwrap().is_handler());
    assert_eq!(hooks.own[&HookKind::Subscribe].concurrency, 3);
    assert!(!hooks.own.contains_key(&HookKind::Publish) && hooks.named["other"].binary_encoding);
    let namespaces = config.namespaces().unwrap();
    let options = namespaces.resolve("a").unwrap();
    assert_eq!(options.subscribe_hook.as_deref(), Some("default"));
    assert_eq!(options.publish_hook.as_deref(), Some("other"));
    assert_eq!(options.sub_refresh_hook, None);
}

#[test]
fn what_is_switched_on_needs_somebody_to_ask() {
    for (text, expected) in [
        (
            "client.proxy.connect.enabled = true",
            "client.proxy.connect.endpoint (the default): is needed by client.proxy.connect.enabled",
        ),
        (
            "channel.without_namespace.subscribe_proxy_enabled = true",
            "channel.proxy.subscribe.endpoint (the default): is needed by \
             channel.without_namespace.subscribe_proxy_enabled",
        ),
        (
            "channel.without_namespace.state_proxy_enabled = true",
            "channel.proxy.state.endpoint (the default): is needed by channel.without_namespace.state_proxy_enabled",
        ),
        (
            "channel.without_namespace = { publish_proxy_enabled = true, publish_proxy_name = \"b\" }",
            "channel.without_namespace.publish_proxy_name = \"b\" (file w.toml): must be \"default\", which is \
             channel.proxy.publish, or the name of an entry of proxies",
        ),
        (
            "[[rpc.namespaces]]\nname = \"chat\"\nproxy_enabled = true\nproxy_name = \"b\"",
            "rpc.namespaces.chat.proxy_name = \"b\" (file w.toml): must be \"default\", which is rpc.proxy, or",
        ),
        ("[[proxies]]\nname = \"back\"", "proxies.back.endpoint (the default): is needed by proxies"),
        (
            "[[proxies]]\nname = \"default\"\nendpoint = \"http://a/\"",
            "proxies = \"default\" (file w.toml): this name means the hook of the section itself",
        ),
        (
            "rpc.proxy.endpoint = \"grpc://localhost:12000\"",
            "rpc.proxy.endpoint = \"grpc://localhost:12000\" (file w.toml): must be an http:// or https:// URL: back \
             ends are called over HTTP, not over gRPC",
        ),
        (
            "rpc.proxy.endpoint = \"ftp://user:hush@localhost\"",
            "rpc.proxy.endpoint (file w.toml): must be an http:// or https:// URL such as",
        ),
        (
            "rpc.proxy.http.tls = { enabled = true, cert_pem = \"c\" }",
            "rpc.proxy.http.tls.key_pem (the default): is needed by rpc.proxy.http.tls.cert_pem",
        ),
        (
            "rpc.proxy.http.tls = { enabled = true, server_ca_pem = \"/nowhere/ca.pem\" }",
            "rpc.proxy.http.tls.server_ca_pem (file w.toml): ",
        ),
        (
            "rpc.proxy.http.status_to_code_transforms = [{ status_code = 404 }]",
            "rpc.proxy.http.status_to_code_transforms = (a list) (file w.toml): must be a list whose every entry has a \
             code either in to_error or in to_disconnect (status 404)",
        ),
        (
            "client.subscription_token.enabled = true",
            "client.subscription_token.enabled = true (file w.toml): needs a key below client.subscription_token",
        ),
        (
            "client.token = { audience = \"a\", audience_regex = \"b\" }",
            "client.token.audience_regex (file w.toml): cannot be set beside audience",
        ),
        (
            "client.token.issuer_regex = \"(\"",
            "client.token.issuer_regex = \"(\" (file w.toml): must be a regular",
        ),
        (
            "client.token.user_id_claim = \"a.b\"",
            "client.token.user_id_claim = \"a.b\" (file w.toml): must be a claim's",
        ),
        (
            "client.subscribe_to_user_personal_channel = { enabled = true, personal_channel_namespace = \"p\" }",
            "personal_channel_namespace = \"p\" (file w.toml): is not in channel.namespaces",
        ),
        (
            "client.subscribe_to_user_personal_channel = { enabled = true, single_connection = true }",
            "single_connection = true (file w.toml): needs presence",
        ),
        (
            "memory.max = \"1MiB\"",
            "memory.max = 1048576 (file w.toml): must be 0 (no limit) or at least 16 MiB",
        ),
        (
            "memory.max = \"1 MiBs\"",
            "memory.max = \"1 MiBs\" (file w.toml): must be a number of bytes, which may",
        ),
        (
            "events.retry_delay_min = \"1m\"",
            "events.retry_delay_min = 1m (file w.toml): must not be longer than events.retry_delay_max, which is 20s",
        ),
    ] {
        let error = Written::new("w.toml", text).error(&[], &[]);
        assert!(error.contains(expected), "{text}\ngave\n{error}");
        assert!(!error.contains("hush"), "{error}");
    }
}

#[test]
fn what_lets_nobody_in_or_has_no_effect_is_named() {
    for (text, expected) in [
        ("", "no client can connect: set a key below client.token"),
        ("client.token.audience = \"a\"", "client.token says what claims must be, but has no key"),
        (
            "client.subscription_token.hmac_secret_key = \"hush\"",
            "client.subscription_token has keys, but is not enabled",
        ),
        (
            "client.token.hmac_previous_secret_key_valid_until = 5",
            "client.token.hmac_previous_secret_key_valid_until (file w.toml): there is no hmac_previous_secret_key",
        ),
    ] {
        let warnings = Written::new("w.toml", text).warnings();
        assert!(warnings.iter().any(|warning| warning.contains(expected)), "{text}\ngave\n{warnings:#?}");
        assert!(!format!("{warnings:?}").contains("hush"), "{warnings:?}");
    }
    for way in [
        "client.insecure = true\nhttp_server.address = \"localhost\"",
        "client.allow_anonymous_connect_without_token = true",
        "client.token.jwks_public_endpoint = \"https://a/jwks\"",
        "client.proxy.connect = { enabled = true, endpoint = \"http://a/\" }",
        "client.user_id_http_header = \"X-User-Id\"",
    ] {
        let warnings = Written::new("w.toml", way).warnings();
        assert!(
            !warnings.iter().any(|warning| warning.contains("no client can connect")),
            "{way}: {warnings:?}"
        );
    }
}
