//! `wavecast token` as a process: made here, checked here, and by nobody else's configuration.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

const SECRET: &str = "client.token.hmac_secret_key=s3cret-s3cret-s3cret-s3cret-s3cret";

fn wavecast(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wavecast"));
    let ours = |name: &str| name.starts_with("WAVECAST_") || name.starts_with("CENTRIFUGO_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(ours)) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> Output {
    wavecast(arguments).output().unwrap()
}

/// A token, and what was said about it.
fn create(arguments: &[&str]) -> (String, String) {
    let output = run(&[&["token", "create"], arguments].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    (String::from_utf8(output.stdout).unwrap().trim().to_owned(), said)
}

fn check(token: &str, setting: &str) -> (Option<i32>, String) {
    let output = run(&["token", "check", token, "--set", setting]);
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn what_is_made_is_valid_and_says_what_it_should() {
    let (token, said) = create(&[
        "connection",
        "--user",
        "ann",
        "--channel",
        "a",
        "--channel",
        "b",
        "--ttl",
        "10m",
        "--id",
        "t1",
        "--info",
        r#"{"n":1}"#,
        "--claims",
        r#"{"meta":{"x":2},"iat":null}"#,
        "--set",
        SECRET,
    ]);
    assert_eq!(said, "");
    let (code, report) = check(&token, SECRET);
    assert_eq!(code, Some(0), "{report}");
    for words in [
        "valid connection token",
        "hmac_secret_key",
        "HS256",
        "(in ",
        "\"ann\"",
        "\"meta\"",
        "\"t1\"",
        "\"b\"",
    ] {
        assert!(report.contains(words), "{words}: {report}");
    }
    assert!(!report.contains("issued") && !report.contains("s3cret"), "{report}");
    let (token, _) = create(&["subscription", "--channel", "c", "--ttl", "0", "--set", SECRET]);
    let (code, report) = check(&token, SECRET);
    assert_eq!(code, Some(0), "{report}");
    assert!(report.contains("valid subscription token") && report.contains("never"), "{report}");
}

#[test]
fn a_token_from_standard_input() {
    let (token, _) = create(&["connection", "--set", SECRET]);
    let mut checking = wavecast(&["token", "check", "-", "--set", SECRET]).spawn().unwrap();
    checking.stdin.take().unwrap().write_all(format!("{token}\n").as_bytes()).unwrap();
    assert!(checking.wait().unwrap().success());
}

#[test]
fn what_is_not_valid_ends_with_1_and_the_reason() {
    let (token, _) = create(&["connection", "--user", "ann", "--set", SECRET]);
    let (other, _) = create(&["connection", "--set", "client.token.hmac_secret_key=another-secret"]);
    let (expired, said) = create(&["connection", "--claims", r#"{"exp":1}"#, "--set", SECRET]);
    assert!(said.contains("expired"), "{said}");
    for (token, setting, reason) in [
        (other.as_str(), SECRET, "the signature does not fit"),
        (&expired, SECRET, "expired"),
        (&token, "client.token.audience=push", "no key is configured"),
        ("nonsense", SECRET, "three parts"),
        ("eyJhbGciOiJub25lIn0.e30.", SECRET, "alg is none"),
    ] {
        let (code, report) = check(token, setting);
        assert_eq!(code, Some(1), "{report}");
        assert!(report.starts_with("not valid") && report.contains(reason), "{reason}: {report}");
    }
}

#[test]
fn wrong_use_ends_with_2() {
    for arguments in [
        &["token", "check", "x", "--config", "no/such/file.toml"][..],
        &["token", "check", "x", "--set", "client.token.rsa_public_key=nonsense"],
        &["token", "check"],
        &["token", "create", "connection"],
        &["token", "create", "subscription", "--set", SECRET],
        &["token", "create", "connection", "--ttl", "1w", "--set", SECRET],
        &["token", "create", "connection", "--claims", "[]", "--set", SECRET],
        &["token", "create", "connection", "--algorithm", "none", "--set", SECRET],
        &["token", "create", "connection", "--algorithm", "RS256", "--set", SECRET],
        &["token", "create", "connection", "--private-key", "no/such/key.pem"],
    ] {
        let output = run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}

#[test]
fn a_private_key_signs_what_its_public_key_verifies() {
    // Made with openssl for this test: a P-256 key.
    let private = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgHX/uCG0TEHb0ySyl\n\
        +jqc+OjOYoTuAlHJ7W6B1FlsBUOhRANCAAT6VNGwyyRMxolrIWI6J5YNeJ72B1wt\n\
        Gh5cErZetyimiUi7B8FFb3qcevUvjpNJ7rFZtiF9StamGyKjueui6NMk\n-----END PRIVATE KEY-----\n";
    let public = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE+lTRsMskTMaJayFiOieWDXie9gdc\n\
        LRoeXBK2XrcopolIuwfBRW96nHr1L46TSe6xWbYhfUrWphsio7nroujTJA==\n-----END PUBLIC KEY-----\n";
    let folder = std::env::temp_dir();
    let (private_file, public_file) = (
        folder.join(format!("wavecast-{}-private.pem", std::process::id())),
        folder.join(format!("wavecast-{}-public.pem", std::process::id())),
    );
    std::fs::write(&private_file, private).unwrap();
    std::fs::write(&public_file, public).unwrap();
    let setting = format!("client.token.ecdsa_public_key={}", public_file.display());
    let (token, said) =
        create(&["connection", "--private-key", private_file.to_str().unwrap(), "--set", &setting]);
    assert_eq!(said, "");
    let (code, report) = check(&token, &setting);
    assert_eq!(code, Some(0), "{report}");
    assert!(report.contains("ES256") && report.contains("ecdsa_public_key"), "{report}");
    std::fs::remove_file(private_file).unwrap();
    std::fs::remove_file(public_file).unwrap();
}
