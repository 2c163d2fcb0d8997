//! `wavecast check` as a process, with configurations as people have them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::Command;

const BACKEND_KEY: (&str, &str) = ("CENTRIFUGO_VAR_BACKEND_KEY", "hush");

/// Exit code and output, with the directory of the files left out.
fn check(arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wavecast"));
    let output =
        command.arg("check").args(arguments).env_clear().envs(variables.iter().copied()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap().replace(&format!("{}/", directory().display()), "");
    (output.status.code().unwrap(), text)
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/configurations")
}

fn file(name: &str) -> String {
    directory().join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_chat_in_json_is_served_as_it_is() {
    let (code, text) = check(&["--config", &file("chat.json")], &[]);
    assert_eq!(
        text,
        "\
warning: admin.enabled (file chat.json) is not carried out and has no effect: the console is not there yet
warning: admin.password (file chat.json) is not carried out and has no effect: the console is not there yet
warning: admin.secret (file chat.json) is not carried out and has no effect: the console is not there yet
the configuration: no errors, 3 warnings
"
    );
    assert_eq!(code, 0);
}

#[test]
fn demos_that_were_asked_for_need_room_and_others_give_way() {
    let chat = ["--set", "channel.namespaces=chat", "--set", "http_api.key=k"];
    let (code, text) = check(&chat, &[]);
    assert!(code == 0 && !text.contains("demo"), "they are off: {text}");
    let back_end = ["--set", "rpc.proxy.endpoint=http://localhost:3000/rpc", "--set", "http_api.key=k"];
    for (settings, said) in [
        (
            &chat,
            "the namespace \"chat\" for themselves, and channel.namespaces has it; set demo.enabled to false",
        ),
        (&back_end, "and rpc.proxy names a back end; set demo.enabled to false"),
    ] {
        let (code, text) = check(&[&settings[..], &["--set", "demo.enabled=true"]].concat(), &[]);
        assert!(text.contains("\nerror: demo.enabled: ") && text.contains(said), "{text}");
        assert_eq!(code, 1);
    }
}

#[test]
fn a_feed_in_yaml_is_served_with_what_is_not_offered_named() {
    let (code, text) = check(&["--config", &file("feed.yaml")], &[BACKEND_KEY]);
    assert_eq!(
        text,
        "\
warning: channel.namespaces.board.map.key_ttl (file feed.yaml) is not carried out and has no effect: \
maps and shared polls are not offered: who subscribes to one gets error 108
warning: channel.namespaces.board.map.mode (file feed.yaml) is not carried out and has no effect: \
maps and shared polls are not offered: who subscribes to one gets error 108
warning: client.presence_update_interval (file feed.yaml) is not carried out and has no effect: \
presence ends with the subscription and needs no refreshing
warning: channel.namespaces.board.subscription_type (file feed.yaml): \"map\" is not offered: who subscribes to \
channels of this namespace gets error 108
the configuration: no errors, 4 warnings
"
    );
    assert_eq!(code, 0);

    let (code, text) = check(&["--config", &file("feed.yaml")], &[]);
    assert!(
        text.contains("the environment variable CENTRIFUGO_VAR_BACKEND_KEY that it names is not set"),
        "{text}"
    );
    assert_eq!(code, 1);
}

#[test]
fn a_cluster_in_toml_is_refused_with_every_reason() {
    let (code, text) = check(&["--config", &file("cluster.toml")], &[]);
    assert_eq!(code, 1);
    assert!(!text.contains("hush"), "{text}");
    for expected in [
        "error: http_server.tls.cert_pem (file cluster.toml): is neither PEM, nor PEM in base64, nor the path",
        "error: engine.type = \"redis\" (file cluster.toml): only the engine in memory is there",
        "error: client.insecure_skip_token_signature_verify = true (file cluster.toml): signatures of tokens",
        "error: client.token.issuer_regex (file cluster.toml): cannot be set beside issuer",
        "error: client.proxy.connect.endpoint = \"grpc://backend:12000\" (file cluster.toml): must be an http:// or",
        "error: channel.without_namespace.history_size = 10 (file cluster.toml): needs history_ttl as well",
        "error: channel.without_namespace.force_recovery = true (file cluster.toml): recovery needs history",
        "error: channel.without_namespace.subscribe_proxy_name = \"backend\" (file cluster.toml): must be \"default\"",
        "error: channel.namespaces.stream.subscribe_stream_proxy_enabled = true (file cluster.toml): subscriptions are",
        "error: consumers = (a list) (file cluster.toml): publications enter by the HTTP API",
        "warning: channel.namespaces.stream.histroy_ttl (file cluster.toml) is not a known key and has no effect",
        "warning: engine.redis.address (file cluster.toml) is not carried out and has no effect",
        "warning: uni_grpc.enabled (file cluster.toml) is not carried out and has no effect",
    ] {
        assert!(text.lines().any(|line| line.starts_with(expected)), "{expected}\nis not in\n{text}");
    }
    let counts = text.lines().last().unwrap();
    assert_eq!(counts, "the configuration: 11 errors, 3 warnings", "{text}");
}

#[test]
fn exit_codes_tell_errors_from_wrong_use() {
    let chat = file("chat.json");
    assert_eq!(check(&["--config", &chat, "--strict"], &[]).0, 1, "warnings count");
    let (code, text) = check(&["--config", &chat, "--strict", "--set", "admin.enabled=false"], &[]);
    assert!(text.ends_with("the configuration: 3 errors, no warnings\n"), "{text}");
    assert_eq!(code, 1);
    let (code, text) = check(&["--strict"], &[]);
    assert_eq!(
        text,
        "there is no configuration, which means the development profile: no errors, no warnings\n"
    );
    assert_eq!(code, 0);
    assert_eq!(check(&["--config", "/nowhere.toml"], &[]).0, 1);
    let (code, text) = check(&["--set", "client.chanel_limit=3"], &[("WAVECAST_CLIENT_INSECURE", "true")]);
    assert!(text.contains("there is no such key; did you mean client.channel_limit?"), "{text}");
    assert_eq!(code, 1);
    assert_eq!(check(&["--set", "nothing"], &[]).0, 2);
    assert_eq!(check(&["--unknown"], &[]).0, 2);
}

#[test]
fn who_is_left_to_a_handler_is_refused_where_there_is_none() {
    let (code, text) = check(&["--set", "rpc.proxy.endpoint=handler:"], &[]);
    assert!(
        text.contains("error: rpc.proxy.endpoint = \"handler:\": there is no handler in this program"),
        "{text}"
    );
    assert_eq!(code, 1);
}
