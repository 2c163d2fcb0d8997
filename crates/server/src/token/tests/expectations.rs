//! Whom a token is from and for.

use serde_json::json;

use super::fixture::{NOW, hs, verifier, with_secret};
use crate::config::Token;
use crate::token::{Flaw, Refusal};

#[test]
fn issuer_and_audience() {
    let issuer = Token { issuer: "https://id.test".into(), ..with_secret() };
    let issuer_regex = Token { issuer_regex: "^https://(a|b)\\.test$".into(), ..with_secret() };
    let audience = Token { audience: "push".into(), ..with_secret() };
    let audience_regex = Token { audience_regex: "^push-".into(), ..with_secret() };
    let both = Token { audience: "push".into(), ..issuer.clone() };
    let (wrong_issuer, wrong_audience) = (Some(Flaw::Issuer), Some(Flaw::Audience));
    let table = [
        (&issuer, json!({"iss": "https://id.test"}), None),
        (&issuer, json!({"iss": "https://id.test/"}), wrong_issuer),
        (&issuer, json!({"iss": ""}), wrong_issuer),
        (&issuer, json!({}), wrong_issuer),
        (&issuer_regex, json!({"iss": "https://b.test"}), None),
        (&issuer_regex, json!({"iss": "https://c.test"}), wrong_issuer),
        (&issuer_regex, json!({"iss": "https://b.test.evil"}), wrong_issuer),
        (&issuer_regex, json!({}), wrong_issuer),
        (&audience, json!({"aud": "push"}), None),
        (&audience, json!({"aud": ["other", "push"]}), None),
        (&audience, json!({"aud": ["other"]}), wrong_audience),
        (&audience, json!({"aud": []}), wrong_audience),
        (&audience, json!({"aud": ""}), wrong_audience),
        (&audience, json!({}), wrong_audience),
        (&audience_regex, json!({"aud": ["x", "push-1"]}), None),
        (&audience_regex, json!({"aud": "my-push-1"}), wrong_audience),
        (&both, json!({"iss": "https://id.test", "aud": "push"}), None),
        (&both, json!({"iss": "x", "aud": "x"}), wrong_issuer),
        (&both, json!({"iss": "https://id.test"}), wrong_audience),
    ];
    for (settings, claims, flaw) in table {
        let result = verifier(settings).verify_connection(&hs(&claims), NOW);
        assert_eq!(result.err(), flaw.map(Refusal::Invalid), "{claims}");
        let mut there = claims.clone();
        there["channel"] = "c".into();
        let result = verifier(settings).verify_subscription(&hs(&there), NOW);
        assert_eq!(result.err(), flaw.map(Refusal::Invalid), "{there}");
    }
}

#[test]
fn a_pattern_that_is_open_at_an_end_is_warned_about() {
    for (pattern, warnings) in [("^a$", 0), ("a", 1), ("^a", 1), ("a$", 1), ("^(a|b)$", 0), ("^a$|b", 1)] {
        let settings = Token { issuer_regex: pattern.into(), ..with_secret() };
        assert_eq!(verifier(&settings).warnings().len(), warnings, "{pattern}");
    }
}
