mod environment;
mod extend;
mod namespaces;
mod profile;
mod real_files;
mod reload;
mod secrets;
mod sections;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;

/// A file in a directory of its own, removed when the test ends.
struct Written(PathBuf);

impl Written {
    fn new(name: &str, text: &str) -> Self {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("wavecast-config-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn load(&self, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
        load_from(Some(&self.0), owned(variables), &overrides(flags))
    }

    /// What a user would read, with the file's directory left out.
    fn error(&self, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> String {
        let text = self.load(variables, flags).unwrap_err().to_string();
        text.replace(&format!("{}/", self.0.parent().unwrap().display()), "")
    }

    fn warnings(&self) -> Vec<String> {
        let directory = format!("{}/", self.0.parent().unwrap().display());
        self.load(&[], &[]).unwrap().warnings.iter().map(|w| w.to_string().replace(&directory, "")).collect()
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.0.parent().unwrap());
    }
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect()
}

fn overrides(flags: &[(&str, &str)]) -> Overrides {
    Overrides { values: owned(flags), insecure: false }
}

fn without_file(variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    load_from(None, owned(variables), &overrides(flags))
}

const TOML: &str = r##"
http_server = { address = "127.0.0.1", port = 9000 }
[client]
allowed_origins = ["https://example.com", "https://*.example.com"]
ping_interval = "30s"
channel_limit = 64
token.hmac_secret_key = "s3cret-of-thirty-two-bytes-or-more"
[channel]
history_meta_ttl = "48h"
[channel.without_namespace]
history_size = 10
history_ttl = "1m30s"
force_recovery = true
[[channel.namespaces]]
name = "chat"
history_size = 100
history_ttl = "300s"
allow_subscribe_for_client = true
[[channel.namespaces]]
name = "news.eu"
allow_subscribe_for_anonymous = true
[http_api]
key = "s3cret"
"##;

const YAML: &str = r##"
http_server:
  address: 127.0.0.1
  port: 9000
client:
  allowed_origins: ["https://example.com", "https://*.example.com"]
  ping_interval: 30s
  channel_limit: 64
  token: {hmac_secret_key: s3cret-of-thirty-two-bytes-or-more}
channel:
  history_meta_ttl: 48h
  without_namespace:
    history_size: 10
    history_ttl: 1m30s
    force_recovery: true
  namespaces:
    - name: chat
      history_size: 100
      history_ttl: 300s
      allow_subscribe_for_client: true
    - name: news.eu
      allow_subscribe_for_anonymous: true
http_api:
  key: s3cret
"##;

const JSON: &str = r##"{
  "http_server": { "address": "127.0.0.1", "port": 9000 },
  "client": {
    "allowed_origins": ["https://example.com", "https://*.example.com"],
    "ping_interval": "30s", "channel_limit": 64, "token": { "hmac_secret_key": "s3cret-of-thirty-two-bytes-or-more" }
  },
  "channel": {
    "history_meta_ttl": "48h",
    "without_namespace": { "history_size": 10, "history_ttl": "1m30s", "force_recovery": true },
    "namespaces": [
      { "name": "chat", "history_size": 100, "history_ttl": "300s", "allow_subscribe_for_client": true },
      { "name": "news.eu", "allow_subscribe_for_anonymous": true }
    ]
  },
  "http_api": { "key": "s3cret" }
}"##;

#[test]
fn toml_yaml_and_json_say_the_same() {
    let toml = Written::new("wavecast.toml", TOML).load(&[], &[]).unwrap();
    let yaml = Written::new("wavecast.yaml", YAML).load(&[], &[]).unwrap();
    let json = Written::new("wavecast.json", JSON).load(&[], &[]).unwrap();
    assert_eq!(toml.config, yaml.config);
    assert_eq!(toml.config, json.config);
    assert!(toml.warnings.is_empty(), "{:?}", toml.warnings);

    let config = toml.config;
    assert_eq!(toml.profile, Profile::Configured);
    assert_eq!(config.http_server.listen(), "127.0.0.1:9000".parse().unwrap());
    assert_eq!(config.client.ping_interval, Duration::from_secs(30));
    assert_eq!(config.client.pong_timeout, Duration::from_secs(8), "the default");
    assert!(config.client.allowed_origins.allows("https://a.example.com"));
    assert_eq!(config.http_api.key.expose(), "s3cret");
    let namespaces = config.namespaces().unwrap();
    assert_eq!(namespaces.resolve("anything").unwrap().history_ttl_ms, 90_000);
    assert_eq!(namespaces.resolve("chat:1").unwrap().history_size, 100);
    assert!(namespaces.resolve("news.eu:1").unwrap().allow_subscribe_for_anonymous);
    assert!(namespaces.resolve("else:1").is_err());
}

#[test]
fn flags_override_variables_and_variables_the_file() {
    let file = Written::new("wavecast.toml", TOML);
    let variables = [("CENTRIFUGO_HTTP_SERVER_PORT", "9001"), ("WAVECAST_CLIENT_CHANNEL_LIMIT", "65")];
    let loaded = file.load(&variables, &[("http_server.port", "9002")]).unwrap();
    assert_eq!(loaded.config.http_server.port, 9002);
    assert_eq!(loaded.config.client.channel_limit, 65);
    let more = [
        ("WAVECAST_CHANNEL_NAMESPACES", "chat extra"),
        ("WAVECAST_CHANNEL_NAMESPACES_CHAT_HISTORY_SIZE", "7"),
    ];
    let namespaces = file.load(&more, &[]).unwrap().config.channel.namespaces;
    assert_eq!(namespaces[0].settings.history_size, 7, "overridden");
    assert_eq!(namespaces[0].settings.history_ttl, Duration::from_secs(300), "kept from the file");
    assert_eq!(namespaces[1].name, "extra");
}

#[test]
fn several_errors_are_reported_together_and_readably() {
    let file = Written::new(
        "wavecast.yaml",
        "http_server: {port: 99999}\nclient: {ping_interval: 25, allowed_origins: [example.com]}\nlog: {level: loud}\n",
    );
    let variables = [("CENTRIFUGO_ENGINE_TYPE", "redis"), ("WAVECAST_HTTP_API_INSECURE", "maybe")];
    let error = file.error(&variables, &[("shard.count", "129"), ("client.chanel_limit", "3")]);
    assert_eq!(
        error,
        r#"the configuration has 8 errors:
  client.allowed_origins = (a list) (file wavecast.yaml): must be a list of origins such as "https://example.com", "https://*.example.com" or "*"
  client.ping_interval = 25 (file wavecast.yaml): must be a duration such as "25s", "1m30s" or "720h" (units: h, m, s, ms, us), from 1s to 1h
  http_server.port = 99999 (file wavecast.yaml): must be a port from 0 to 65535 (0 = any free port)
  log.level = "loud" (file wavecast.yaml): must be one of "trace", "debug", "info", "warn", "error", "fatal", "none"
  engine.type = "redis" (environment variable CENTRIFUGO_ENGINE_TYPE): only the engine in memory is there; set it to "memory" or remove the key
  http_api.insecure = "maybe" (environment variable WAVECAST_HTTP_API_INSECURE): must be true or false
  shard.count = "129" (command line): must be a whole number from 0 to 128
  client.chanel_limit (command line): there is no such key; did you mean client.channel_limit?"#
    );
}

#[test]
fn values_that_do_not_fit_together_are_reported() {
    for (text, expected) in [
        (
            "[client]\nping_interval = \"5s\"\n",
            "client.pong_timeout = 8s (the default): must be shorter than client.ping_interval, which is 5s",
        ),
        (
            "[channel.without_namespace]\nhistory_size = 10\n",
            "channel.without_namespace.history_size = 10 (file w.toml): needs history_ttl as well, such as \"300s\"",
        ),
        (
            "[[channel.namespaces]]\nname = \"chat\"\nforce_recovery = true\n",
            "channel.namespaces.chat.force_recovery = true (file w.toml): \
             recovery needs history: set history_size and history_ttl as well",
        ),
        (
            "[channel]\nhistory_meta_ttl = \"1m\"\n[channel.without_namespace]\nhistory_size = 1\nhistory_ttl = \"2m\"\n",
            "channel.history_meta_ttl = 1m (file w.toml): \
             must not be shorter than channel.without_namespace.history_ttl, which is 2m",
        ),
        (
            "[[channel.namespaces]]\nname = \"chat\"\n[[channel.namespaces]]\nname = \"chat\"\n",
            "channel.namespaces = \"chat\" (file w.toml): each namespace's name must be used once",
        ),
        (
            "[[channel.namespaces]]\nhistory_size = 1\n",
            "channel.namespaces[0].name (file w.toml): each entry must have a name",
        ),
        (
            "[[channel.namespaces]]\nname = \"a b\"\n",
            "channel.namespaces = \"a b\" (file w.toml): \
             a namespace's name must be two or more of letters, digits, '-', '_' and '.'",
        ),
        (
            "[health]\nhandler_prefix = \"/api\"\n",
            "health.handler_prefix = \"/api\" (file w.toml): is the path of http_api.handler_prefix already",
        ),
        (
            "[uni_websocket]\nenabled = true\nhandler_prefix = \"/connection/websocket\"\n",
            "uni_websocket.handler_prefix = \"/connection/websocket\" (file w.toml): \
             is the path of websocket.handler_prefix already",
        ),
        (
            "[sse]\nenabled = true\n[poll]\nenabled = true\nhandler_prefix = \"/emulation\"\n",
            "poll.handler_prefix = \"/emulation\" (file w.toml): is the path of emulation.handler_prefix already",
        ),
        (
            "[http_server.internal_tls]\nenabled = true\ncert_pem = \"x\"\nkey_pem = \"y\"\n",
            "http_server.internal_tls.enabled = true (file w.toml): needs http_server.internal_port",
        ),
        ("[http_server.tls_autocert]\nenabled = true\n", "http_server.tls_autocert.host_whitelist"),
        (
            "[http_server.tls_autocert]\nenabled = true\nhost_whitelist = [\"a.test\"]\n[http_server.tls]\nenabled = true\n",
            "http_server.tls.enabled = true (file w.toml): cannot be together with http_server.tls_autocert.enabled",
        ),
        (
            "[http_server.tls_autocert]\nenabled = true\nhost_whitelist = [\"a.test\"]\n[http_server.tls]\nclient_ca_pem = \"x\"\n",
            "http_server.tls.client_ca_pem (file w.toml): cannot be together with http_server.tls_autocert.enabled",
        ),
        (
            "[http_server.tls_autocert]\nhost_whitelist = [\"*.a.test\"]\n",
            "must be a list of names of hosts such as \"push.example.com\", without ports or \"*\"",
        ),
        (
            "[http_server.tls_autocert]\nenabled = true\nhost_whitelist = [\"a.test\"]\ndirectory_url = \"http://a\"\n",
            "http_server.tls_autocert.directory_url = \"http://a\" (file w.toml): must be an https:// URL",
        ),
        (
            "[http_server]\ninternal_port = \"ops\"\n",
            "http_server.internal_port = \"ops\" (file w.toml): must be a port from 0 to 65535 (0 = any free port), or",
        ),
        (
            "[http_server]\nunix_socket_mode = 660\n",
            "http_server.unix_socket_mode = 660 (file w.toml): must be permissions as an octal number in quotes",
        ),
        (
            "[http_server]\ntrusted_proxies = [\"10.0.0.0/8\", \"proxy.local\"]\n",
            "or \"unix\" for the Unix socket; \"proxy.local\" is none",
        ),
        (
            "[http_server]\nclient_address_header = \"via\"\n",
            "http_server.client_address_header = \"via\" (file w.toml): must be one of \"x-forwarded-for\"",
        ),
        (
            "[http_server.proxy_protocol]\nenabled = true\n",
            "http_server.proxy_protocol.enabled = true (file w.toml): needs http_server.trusted_proxies",
        ),
        (
            "[channel]\nuser_boundary = \":\"\n",
            "channel.user_boundary = \":\" (file w.toml): is used by channel.namespace_boundary already",
        ),
        (
            "[http_api]\nhandler_prefix = \"/api/\"\n",
            "http_api.handler_prefix = \"/api/\" (file w.toml): \
             must be a path such as \"/connection/websocket\", with no \"/\" at its end",
        ),
    ] {
        let error = Written::new("w.toml", text).error(&[], &[]);
        assert!(error.contains(expected), "{text}\ngave\n{error}");
    }
}

#[test]
fn what_decides_who_may_do_something_stops_the_start() {
    for (text, expected) in [
        (
            "[client]\ninsecure_skip_token_signature_verify = true\n",
            "client.insecure_skip_token_signature_verify = true (file w.toml): signatures of tokens are",
        ),
        (
            "[broker]\nenabled = true\ntype = \"nats\"\n",
            "broker.type = \"nats\" (file w.toml): only the engine",
        ),
        (
            "[channel.without_namespace]\nsubscribe_stream_proxy_enabled = true\n",
            "channel.without_namespace.subscribe_stream_proxy_enabled = true (file w.toml)",
        ),
        (
            "[[channel.namespaces]]\nname = \"chat\"\nchannel_regex = \"^(x\"\n",
            "channel.namespaces.chat.channel_regex = \"^(x\" (file w.toml): must be a regular expression: unclosed",
        ),
        (
            "[[consumers]]\nname = \"k\"\npassword = \"hush\"\n",
            "consumers = (a list) (file w.toml): publications enter",
        ),
    ] {
        let error = Written::new("w.toml", text).error(&[], &[]);
        assert!(error.contains(expected), "{text}\ngave\n{error}");
        assert!(!error.contains("hush"), "a secret is shown: {error}");
    }
}

#[test]
fn known_keys_that_are_off_pass_silently_and_the_rest_is_named() {
    let file = Written::new(
        "w.toml",
        r#"
        misspelt = 1
        [engine]
        type = "memory"
        [client]
        concurrency = 8
        allow_anonymous_connect_without_tokens = true
        token = { hmac_secret_key = "", rsa_public_key = "" }
        proxy = { connect = { enabled = false, endpoint = "http://localhost/connect", timeout = "1s" } }
        [channel]
        publication_data_format = "json"
        [channel.proxy.subscribe]
        grpc = { compression = true }
        [channel.without_namespace]
        subscribe_stream_proxy_enabled = false
        subscribe_stream_proxy_name = "backend"
        subscription_type = "map"
        histroy_size = 3
        [websocket]
        read_buffer_size = 512
        [http_api]
        key = "k"
        "#,
    );
    assert_eq!(
        file.warnings(),
        [
            "channel.proxy.subscribe.grpc.compression (file w.toml) is not carried out and has no effect: \
             back ends are called over HTTP",
            "channel.without_namespace.histroy_size (file w.toml) is not a known key and has no effect; \
             did you mean channel.without_namespace.history_size?",
            "channel.without_namespace.subscribe_stream_proxy_name (file w.toml) is not carried out and has no effect: \
             the hook it names is not enabled",
            "client.allow_anonymous_connect_without_tokens (file w.toml) is not a known key and has no effect; \
             did you mean client.allow_anonymous_connect_without_token?",
            "client.concurrency (file w.toml) is not carried out and has no effect: \
             commands of one connection are handled in order",
            "misspelt (file w.toml) is not a known key and has no effect",
            "websocket.read_buffer_size (file w.toml) is not carried out and has no effect: \
             buffers are managed by the event loops",
            "no client can connect: set a key below client.token, enable client.proxy.connect, or set \
             client.allow_anonymous_connect_without_token",
            "channel.without_namespace.subscription_type (file w.toml): \"map\" is not offered: who subscribes to \
             channels of this namespace gets error 108",
        ]
    );
}

#[test]
fn an_api_without_a_key_is_named() {
    let warnings = Written::new("w.toml", "client.allow_anonymous_connect_without_token = true").warnings();
    assert_eq!(warnings, ["http_api.key is not set, so every call of the HTTP API will be answered 401"]);
}

#[test]
fn files_that_cannot_be_read_say_why() {
    assert_eq!(
        Written::new("wavecast.ini", "").error(&[], &[]),
        "cannot tell how to read wavecast.ini: its name must end in .toml, .yaml, .yml or .json"
    );
    let missing =
        load_from(Some(Path::new("/nowhere/w.toml")), [], &Overrides::default()).unwrap_err().to_string();
    assert!(missing.starts_with("cannot read /nowhere/w.toml: No such file"), "{missing}");
    for (name, text) in [("w.toml", "a = "), ("w.json", "{"), ("w.yaml", "a: [")] {
        let error = Written::new(name, text).error(&[], &[]);
        assert!(error.starts_with(&format!("cannot read {name}: ")) && error.contains("line"), "{error}");
    }
    assert_eq!(
        Written::new("w.json", "[]").error(&[], &[]),
        "cannot read w.json: it must hold sections and keys at its top"
    );
}

#[test]
fn no_two_keys_share_a_variable() {
    let names: std::collections::BTreeSet<String> = keys::paths().map(|path| keys::variable(&path)).collect();
    assert_eq!(names.len(), keys::paths().count());
    for path in keys::paths() {
        let known = match keys::hook_option(&path) {
            Some(option) => centrifugo::find_hook_option(option),
            None => centrifugo::find(&path),
        };
        assert!(known.is_none(), "{path} stands in both tables");
    }
    for option in keys::options(keys::List::Channels) {
        assert!(centrifugo::find_channel_option(option).is_none(), "{option} stands in both tables");
    }
}

#[test]
fn the_reference_shows_centrifugos_defaults() {
    let keys = reference();
    let default = |path: &str| keys.iter().find(|key| key.path == path).unwrap().default.clone();
    for (path, expected) in [
        ("http_server.port", "8000"),
        ("client.ping_interval", "\"25s\""),
        ("client.allowed_origins", "[]"),
        ("channel.history_meta_ttl", "\"720h\""),
        ("channel.private_prefix", "\"$\""),
        ("http_api.key", "\"\""),
        ("websocket.message_size_limit", "65536"),
        ("channel.without_namespace.history_ttl", "\"0s\""),
        ("health.enabled", "true"),
    ] {
        assert_eq!(default(path), expected, "{path}");
    }
}
