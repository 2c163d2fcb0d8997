//! What a token says is what the session gets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::fixture::{NOW, hs, hs_raw, verifier, with_secret};
use crate::config::Token;
use crate::hooks::Overrides;
use crate::token::{Action, ConnectionClaims, Payload, SubscriptionClaims};

fn connection(claims: &serde_json::Value) -> ConnectionClaims {
    verifier(&with_secret()).verify_connection(&hs(claims), NOW).unwrap()
}

fn subscription(claims: &serde_json::Value) -> SubscriptionClaims {
    verifier(&with_secret()).verify_subscription(&hs(claims), NOW).unwrap()
}

fn as_json(text: &str) -> Option<Payload> {
    Some(Payload { bytes: text.as_bytes().into(), is_json: true })
}

#[test]
fn a_connection_token_with_everything() {
    let claims = connection(&json!({
        "sub": "u", "jti": "t1", "iat": NOW - 1, "exp": NOW + 10, "expire_at": NOW + 100,
        "info": {"name": "Ann"}, "meta": {"role": 1}, "unknown": [1, 2],
        "subs": {
            "b": {"info": {"a": 1}, "data": 7, "tags_filter": {"key": "k"}, "override": {
                "presence": {"value": true}, "join_leave": {"value": false}, "force_recovery": {},
                "force_positioning": null}},
            "a": {}
        },
        "channels": ["ignored"],
        "caps": [{"channels": ["news:*"], "match": "wildcard", "allow": ["sub", "hst"]}],
        "tags_filter": {"key": "lang", "cmp": "eq", "val": "de"}
    }));
    assert_eq!((claims.user.as_str(), claims.token_id.as_deref()), ("u", Some("t1")));
    assert_eq!(
        (claims.issued_at_s, claims.expires_at_s, claims.connection_expires_at_s),
        (Some(NOW - 1), Some(NOW + 10), Some(NOW + 100))
    );
    assert_eq!(claims.info, as_json(r#"{"name":"Ann"}"#));
    assert_eq!(claims.meta.unwrap().get(), r#"{"role":1}"#);
    assert_eq!(claims.tags_filter.unwrap().get(), r#"{"cmp":"eq","key":"lang","val":"de"}"#);
    let capabilities = claims.capabilities.unwrap();
    assert!(
        capabilities.allows("news:a", Action::Subscribe) && capabilities.allows("news:a", Action::History)
    );
    assert!(!capabilities.allows("news:a", Action::Publish) && !capabilities.allows("b", Action::Subscribe));
    let [a, b] = &claims.subscriptions[..] else { panic!("two channels, in order") };
    assert_eq!((a.channel.as_str(), &a.info, a.options), ("a", &None, Overrides::default()));
    assert_eq!((b.channel.as_str(), &b.info, &b.data), ("b", &as_json(r#"{"a":1}"#), &as_json("7")));
    assert_eq!(b.tags_filter.as_ref().unwrap().get(), r#"{"key":"k"}"#);
    assert_eq!(
        b.options,
        Overrides {
            presence: Some(true),
            join_leave: Some(false),
            force_recovery: Some(false),
            force_positioning: None,
            force_push_join_leave: None,
        }
    );
}

#[test]
fn an_empty_token_is_an_anonymous_user() {
    let claims = connection(&json!({}));
    assert_eq!(claims.user, "");
    assert!(claims.token_id.is_none() && claims.connection_expires_at_s.is_none() && claims.info.is_none());
    assert!(claims.subscriptions.is_empty() && claims.capabilities.is_none() && claims.meta.is_none());
}

#[test]
fn when_a_connection_ends() {
    for (claims, end) in [
        (json!({"exp": NOW + 10}), Some(NOW + 10)),
        (json!({"exp": NOW + 10, "expire_at": 0}), None),
        (json!({"exp": NOW + 10, "expire_at": -1}), None),
        (json!({"exp": NOW + 10, "expire_at": NOW + 5}), Some(NOW + 5)),
        (json!({"exp": NOW + 10, "expire_at": null}), Some(NOW + 10)),
        (json!({"expire_at": 7}), Some(7)),
        (json!({}), None),
    ] {
        assert_eq!(connection(&claims).connection_expires_at_s, end, "{claims}");
        let mut there = claims.clone();
        there["channel"] = "c".into();
        assert_eq!(subscription(&there).subscription_expires_at_s, end, "{there}");
    }
}

#[test]
fn channels_are_subscriptions_where_there_are_no_subs() {
    let claims = connection(&json!({"channels": ["b", "a", "b"], "subs": {}}));
    let names: Vec<_> = claims.subscriptions.iter().map(|sub| sub.channel.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn info_may_be_any_bytes() {
    let claims = connection(&json!({"b64info": STANDARD.encode([0, 255]), "info": {"not": "this"}}));
    assert_eq!(claims.info, Some(Payload { bytes: [0, 255].into(), is_json: false }));
    let claims = connection(&json!({"b64info": STANDARD.encode("{\"a\":\n1}")}));
    assert_eq!(claims.info, as_json(r#"{"a":1}"#));
    let claims = connection(&json!({"b64info": "", "info": "text"}));
    assert_eq!(claims.info, as_json("\"text\""));
}

#[test]
fn json_of_a_token_is_on_one_line() {
    let token = hs_raw(r#"{"alg":"HS256"}"#, b"{\"info\":{\r\n \"a\":\n\"\\n\"},\"meta\":[1,\n2]}");
    let claims = verifier(&with_secret()).verify_connection(&token, NOW).unwrap();
    assert_eq!(claims.info, as_json(r#"{ "a":"\n"}"#));
    assert_eq!(claims.meta.unwrap().get(), "[1,2]");
}

#[test]
fn a_subscription_token_with_everything() {
    let claims = subscription(&json!({
        "sub": "u", "channel": "c", "client": "s1", "jti": "t", "iat": 5, "exp": NOW + 1, "expire_at": 0,
        "info": 1, "data": [2], "override": {"force_push_join_leave": {"value": true}}, "allow": ["pub"],
        "tags_filter": {"key": "k"}
    }));
    assert_eq!(
        (claims.user.as_str(), claims.channel.as_str(), claims.client.as_deref()),
        ("u", "c", Some("s1"))
    );
    assert_eq!(
        (claims.token_id.as_deref(), claims.issued_at_s, claims.expires_at_s),
        (Some("t"), Some(5), Some(NOW + 1))
    );
    assert_eq!(claims.subscription_expires_at_s, None);
    assert_eq!((claims.info, claims.data), (as_json("1"), as_json("[2]")));
    assert_eq!(claims.options.force_push_join_leave, Some(true));
    assert!(claims.allowed.unwrap().contains(Action::Publish));
    assert!(!claims.allowed.unwrap().contains(Action::Subscribe));
    assert!(claims.tags_filter.is_some());
    let bare = subscription(&json!({"channel": "c", "client": ""}));
    assert!(bare.client.is_none() && bare.allowed.is_none() && bare.user.is_empty());
}

#[test]
fn the_user_may_be_in_another_claim() {
    let settings = Token { user_id_claim: "user_id".into(), ..with_secret() };
    let verifier = verifier(&settings);
    for (value, user) in [(json!("u"), "u"), (json!(42), "42"), (json!(null), "")] {
        let token = hs(&json!({"sub": "other", "user_id": value, "channel": ""}));
        assert_eq!(verifier.verify_connection(&token, NOW).unwrap().user, user);
    }
    for value in [json!(1.5), json!(true), json!([])] {
        assert!(verifier.verify_connection(&hs(&json!({"user_id": value})), NOW).is_err(), "{value}");
    }
}
