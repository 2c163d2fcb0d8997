//! Everything that is wrong with a token, and exactly what it is refused for.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::json;

use super::fixture::{NOW, hs, hs_raw, verifier, with_secret};
use crate::token::{Flaw, Refusal};

const HEADER: &str = r#"{"alg":"HS256"}"#;

#[test]
fn the_form_of_a_token() {
    let good = hs(&json!({"sub": "u"}));
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let with_header = |header: &str| hs_raw(header, b"{}");
    let table = [
        (String::new(), Flaw::Parts),
        ("x".into(), Flaw::Parts),
        (".".into(), Flaw::Parts),
        (format!("{header}.{claims}"), Flaw::Parts),
        (format!("{good}."), Flaw::Parts),
        (format!(".{good}"), Flaw::Parts),
        (format!("{good}.{signature}.x"), Flaw::Parts),
        ("..".into(), Flaw::Header),
        ("x".repeat(16 * 1024 + 1), Flaw::TooLong),
        (format!("{good}{}", "A".repeat(16 * 1024)), Flaw::TooLong),
        (format!(" {good}"), Flaw::Base64),
        (format!("{good}\n"), Flaw::Base64),
        (format!("{header}.{claims}.{signature}="), Flaw::Base64),
        (format!("{header}.!{claims}.{signature}"), Flaw::Base64),
        (format!("{header}.{}.{signature}", STANDARD.encode([0xff; 9])), Flaw::Base64),
        (format!("{}.{claims}.{signature}", URL_SAFE.encode(r#"{"alg":"HS256"} "#)), Flaw::Base64),
        (format!("{header}.{claims}."), Flaw::Signature),
        (format!("{header}.{claims}.{}", &signature[..40]), Flaw::Signature),
        (format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(r#"{"sub":"v"}"#)), Flaw::Signature),
        (with_header(""), Flaw::Header),
        (with_header("[]"), Flaw::Header),
        (with_header("{}"), Flaw::Header),
        (with_header(r#"{"alg":null}"#), Flaw::Header),
        (with_header(r#"{"alg":7}"#), Flaw::Header),
        (with_header(r#"{"alg":"HS256","alg":"none"}"#), Flaw::Header),
        (with_header(r#"{"alg":"HS256","kid":7}"#), Flaw::Header),
        (with_header(&format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "k".repeat(257))), Flaw::Header),
        (with_header(r#"{"alg":"HS256","crit":["exp"]}"#), Flaw::Critical),
        (with_header(r#"{"alg":"HS256","crit":null}"#), Flaw::Critical),
        (with_header(r#"{"alg":"none"}"#), Flaw::Algorithm),
        (with_header(r#"{"alg":"None"}"#), Flaw::Algorithm),
        (with_header(r#"{"alg":""}"#), Flaw::Algorithm),
        (with_header(r#"{"alg":"hs256"}"#), Flaw::Algorithm),
        (with_header(r#"{"alg":"HS1"}"#), Flaw::Algorithm),
        (with_header(r#"{"alg":"RS256"}"#), Flaw::NoKey),
        (with_header(r#"{"alg":"ES256"}"#), Flaw::NoKey),
        (with_header(r#"{"alg":"HS512"}"#), Flaw::Signature),
        (format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#)), Flaw::Algorithm),
        (hs_raw(HEADER, b""), Flaw::Payload),
        (hs_raw(HEADER, b"[]"), Flaw::Payload),
        (hs_raw(HEADER, b"\"text\""), Flaw::Payload),
        (hs_raw(HEADER, b"null"), Flaw::Payload),
        (hs_raw(HEADER, b"{} {}"), Flaw::Payload),
        (hs_raw(HEADER, b"\xff\xfe"), Flaw::Payload),
        (hs_raw(HEADER, br#"{"sub":"a","sub":"b"}"#), Flaw::Payload),
    ];
    let verifier = verifier(&with_secret());
    for (token, flaw) in table {
        let shown = &token[..token.len().min(100)];
        let refused = Refusal::Invalid(flaw);
        assert_eq!(verifier.verify_connection(&token, NOW).unwrap_err(), refused, "{shown}");
        assert_eq!(verifier.verify_subscription(&token, NOW).unwrap_err(), refused, "{shown}");
    }
}

#[test]
fn the_type_of_each_claim() {
    let both = [
        ("sub", json!(7)),
        ("sub", json!(["u"])),
        ("exp", json!("soon")),
        ("exp", json!(true)),
        ("exp", json!(1e300)),
        ("nbf", json!({})),
        ("iat", json!("1")),
        ("jti", json!(1)),
        ("iss", json!(7)),
        ("aud", json!(7)),
        ("aud", json!([7])),
        ("expire_at", json!("1")),
        ("expire_at", json!(1.5)),
        ("b64info", json!(7)),
        ("b64info", json!("!")),
        ("b64info", json!("YQ")),
        ("tags_filter", json!("a")),
        ("tags_filter", json!([])),
    ];
    let of_connections = [
        ("channel", json!(7)),
        ("channels", json!("a")),
        ("channels", json!([7])),
        ("channels", json!({})),
        ("subs", json!([])),
        ("subs", json!({"a": 7})),
        ("subs", json!({"a": {"b64data": "!"}})),
        ("subs", json!({"a": {"override": []}})),
        ("subs", json!({"a": {"override": {"presence": true}}})),
        ("subs", json!({"a": {"override": {"presence": {"value": 1}}}})),
        ("subs", json!({"a": {"tags_filter": 7}})),
        ("caps", json!({})),
        ("caps", json!([7])),
        ("caps", json!([{"channels": ["("], "match": "regex", "allow": []}])),
        ("caps", json!([{"channels": ["a"], "allow": ["everything"]}])),
        ("caps", json!(vec![json!({}); 65])),
    ];
    let of_subscriptions = [
        ("channel", json!(7)),
        ("client", json!(7)),
        ("b64data", json!("!")),
        ("override", json!({"join_leave": 1})),
        ("allow", json!("sub")),
        ("allow", json!(["all"])),
    ];
    let verifier = verifier(&with_secret());
    for (claim, value) in both.iter().chain(&of_connections) {
        let mut claims = json!({"sub": "u"});
        claims[claim] = value.clone();
        let refused = verifier.verify_connection(&hs(&claims), NOW).unwrap_err();
        assert_eq!(refused, Refusal::Invalid(Flaw::Claim(claim)), "{claims}");
    }
    for (claim, value) in both.iter().chain(&of_subscriptions) {
        let mut claims = json!({"sub": "u", "channel": "c"});
        claims[claim] = value.clone();
        let refused = verifier.verify_subscription(&hs(&claims), NOW).unwrap_err();
        assert_eq!(refused, Refusal::Invalid(Flaw::Claim(claim)), "{claims}");
    }
}

#[test]
fn the_time_of_a_token() {
    let verifier = verifier(&with_secret());
    let connection = |claims| verifier.verify_connection(&hs(&claims), NOW).map(|_| ());
    for (claims, verdict) in [
        (json!({"exp": NOW + 1}), Ok(())),
        (json!({"exp": NOW}), Err(Refusal::Expired)),
        (json!({"exp": NOW - 1}), Err(Refusal::Expired)),
        (json!({"exp": 0}), Err(Refusal::Expired)),
        (json!({"exp": -5}), Err(Refusal::Expired)),
        (json!({"exp": NOW as f64 + 0.9}), Err(Refusal::Expired)),
        (json!({"exp": null}), Ok(())),
        (json!({"nbf": NOW}), Ok(())),
        (json!({"nbf": NOW + 1}), Err(Refusal::NotYetValid)),
        (json!({"nbf": NOW + 1, "exp": NOW}), Err(Refusal::Expired)),
        (json!({"iat": NOW + 1000}), Ok(())),
    ] {
        assert_eq!(connection(claims.clone()), verdict, "{claims}");
        let mut subscription = claims.clone();
        subscription["channel"] = "c".into();
        let verdict_there = verifier.verify_subscription(&hs(&subscription), NOW).map(|_| ());
        assert_eq!(verdict_there, verdict, "{subscription}");
    }
    let forged = hs(&json!({"exp": NOW - 1})).replace('.', ".A");
    assert!(
        matches!(verifier.verify_connection(&forged, NOW), Err(Refusal::Invalid(_))),
        "not told that it is old"
    );
}

#[test]
fn each_kind_of_token_is_for_its_own_use() {
    let verifier = verifier(&with_secret());
    let subscription = hs(&json!({"sub": "u", "channel": "c"}));
    let connection = hs(&json!({"sub": "u"}));
    assert_eq!(
        verifier.verify_connection(&subscription, NOW).unwrap_err(),
        Refusal::Invalid(Flaw::ForSubscription)
    );
    assert_eq!(
        verifier.verify_subscription(&connection, NOW).unwrap_err(),
        Refusal::Invalid(Flaw::ForConnection)
    );
}

#[test]
fn more_channels_than_a_connection_may_have() {
    let verifier = verifier(&with_secret());
    let names = |count: usize| (0..count).map(|at| format!("c{at}")).collect::<Vec<_>>();
    let subs =
        |count| names(count).into_iter().map(|name| (name, json!({}))).collect::<serde_json::Map<_, _>>();
    assert_eq!(
        verifier.verify_connection(&hs(&json!({"channels": names(128)})), NOW).unwrap().subscriptions.len(),
        128
    );
    for claims in [json!({"channels": names(129)}), json!({"subs": subs(129)})] {
        let refused = verifier.verify_connection(&hs(&claims), NOW).unwrap_err();
        assert_eq!(refused, Refusal::Invalid(Flaw::TooManySubscriptions));
    }
}

proptest! {
    /// Whatever comes, the answer is a refusal and no panic.
    #[test]
    fn noise_is_refused(token in "[A-Za-z0-9_.\\-]{0,200}", text in ".{0,100}") {
        let verifier = verifier(&with_secret());
        prop_assert!(verifier.verify_connection(&token, NOW).is_err());
        prop_assert!(verifier.verify_subscription(&text, NOW).is_err());
    }

    /// Claims that the back end made badly are refused, or read, and nothing else happens.
    #[test]
    fn signed_noise_does_no_harm(claims in prop::collection::vec(any::<u8>(), 0..200), json in "[\\[\\]{}:,\"a0 ]{0,60}") {
        let verifier = verifier(&with_secret());
        prop_assert!(verifier.verify_connection(&hs_raw(HEADER, &claims), NOW).is_err());
        let _ = verifier.verify_connection(&hs_raw(HEADER, format!("{{\"subs\":{json}}}").as_bytes()), NOW);
        let _ = verifier.verify_connection(&hs_raw(HEADER, format!("{{\"caps\":[{json}]}}").as_bytes()), NOW);
    }
}
