//! What nobody may read in a log: secrets, whatever is wrong around them.

use super::*;

#[test]
fn a_secret_is_never_shown() {
    let loaded = Written::new("w.toml", TOML).load(&[], &[]).unwrap();
    assert!(!format!("{loaded:?}").contains("s3cret"));
    let error = Written::new("w.toml", "[http_api]\nkey = [\"s3cret\"]\n").error(&[], &[]);
    assert_eq!(error, "the configuration has 1 error:\n  http_api.key (file w.toml): must be text");
}

/// A key that was forgotten to be quoted must not end in a log.
#[test]
fn a_file_that_cannot_be_read_does_not_show_its_secrets() {
    let table = [
        ("w.toml", "[client]\ntoken.hmac_secret_key = s3cret", " at line 2 column 25"),
        ("w.toml", "[http_api]\nkey = \"s3cret\nport = 1", " at line 2 column 14"),
        ("w.toml", "http_api.key = 's3cret'\nhttp_api.key = 's3cret'", " at line 2 column 10"),
        ("w.yaml", "http_api:\n  key: \"s3cret\n  port: [", "line 3 column 10"),
        ("w.yaml", "http_api:\n  key: @s3cret", "line 2 column 8"),
        ("w.yaml", "http_api:\n  key: *s3cret", "line 2 column 8"),
        ("w.yaml", "http_api:\n  key: !s3cret s3cret", "line 2 column 8"),
        ("w.yaml", "http_api: {key: 7777777777777777777777777777}", "column"),
        ("w.yml", "{s3cret: 1, [s3cret, 777777777]: 2, 777777777: 3}", "column"),
        ("w.json", "{\"http_api\": {\"key\": s3cret}}", "line 1 column 22"),
        ("w.json", "{\"http_api\": {\"key\": 7777777777e777777777}}", "line 1 column"),
    ];
    for (name, text, place) in table {
        let said = Written::new(name, text).error(&[], &[]);
        assert!(said.starts_with(&format!("cannot read {name}: ")) && said.contains(place), "{text}: {said}");
        assert!(!said.contains("s3cret") && !said.contains("777777777"), "{text}: {said}");
    }
}
