//! What tokens give a session, and what becomes of it when they are renewed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use wavecast_hub::Recovery;

use super::{Led, Walk, at};
use crate::config::{ChannelSettings, Config, Overrides, Token, load_from};
use crate::session::{Due, Rules, Verifiers};
use crate::token::{Algorithm, Signer, TokenLimits, Verifier};

const SECRET: &str = "a secret that is long enough for all of them";

/// A session of ann's, let in by a token with these claims beside her name.
fn ann(claims: &Value, change: impl FnOnce(&mut Config)) -> Walk {
    let mut config = load_from(None, [], &Overrides::default()).unwrap().config;
    // Nobody may do anything.
    config.channel.without_namespace = ChannelSettings::default();
    change(&mut config);
    let settings = Token { hmac_secret_key: SECRET.into(), ..Token::default() };
    let verifier = Some(Arc::new(Verifier::new(&settings, TokenLimits::default()).unwrap()));
    let verifiers = Verifiers { connection: verifier.clone(), subscription: verifier };
    let mut walk = Walk::with_rules(Rules::new(&config, config.namespaces().unwrap(), verifiers));
    let said = walk.say(&json!({"id": 1, "connect": {"token": sign(claims)}}).to_string());
    assert!(matches!(said, Led::Json(_)), "{said:?}");
    walk
}

/// A token of ann's.
fn sign(claims: &Value) -> String {
    let mut all = json!({"sub": "ann"});
    for (name, value) in claims.as_object().unwrap() {
        all[name] = value.clone();
    }
    let signer = Signer::hmac(Algorithm::Hs256, &SECRET.into()).unwrap();
    signer.sign(&all, None).unwrap()
}

/// Subscribes to `c` with a token.
fn subscribe(walk: &mut Walk, claims: &Value) {
    let command = json!({"id": 2, "subscribe": {"channel": "c", "token": sign(claims)}});
    assert_eq!(walk.say(&command.to_string()), Led::Join("c".into()));
    walk.hub_answers("c", &at(0, Recovery::NotAsked));
}

fn sub_refresh(walk: &mut Walk, claims: &Value) -> Led {
    walk.say(&json!({"id": 3, "sub_refresh": {"channel": "c", "token": sign(claims)}}).to_string())
}

#[test]
fn a_subscription_is_refreshed_by_a_token_that_could_have_made_it() {
    let mut walk = ann(&json!({}), |_| {});
    subscribe(&mut walk, &json!({"channel": "c", "exp": 1_700_000_100}));
    let renewal = json!({"channel": "c", "exp": 1_700_000_200, "jti": "a"});
    assert_eq!(
        sub_refresh(&mut walk, &renewal),
        Led::Json(r#"{"id":3,"sub_refresh":{"expires":true,"ttl":200}}"#.into())
    );
    assert_eq!(sub_refresh(&mut walk, &json!({"channel": "c", "client": "x"})), Led::Close(3500));
    assert_eq!(sub_refresh(&mut walk, &json!({"channel": "d"})), Led::Close(3500));
    let past = json!({"channel": "c", "exp": 1_700_000_200, "expire_at": 1_600_000_000});
    assert_eq!(sub_refresh(&mut walk, &past), Led::Error(110));
    walk.rules.revocations.revoke_token("a", None, 1_700_000_000).unwrap();
    assert_eq!(sub_refresh(&mut walk, &renewal), Led::Close(3500));
}

#[test]
fn a_subscription_that_would_have_lived_for_ever_expires_when_its_new_token_says_so() {
    let open = |config: &mut Config| config.channel.without_namespace.allow_subscribe_for_client = true;
    let mut walk = ann(&json!({}), open);
    assert_eq!(walk.say(r#"{"id":2,"subscribe":{"channel":"c"}}"#), Led::Join("c".into()));
    walk.hub_answers("c", &at(0, Recovery::NotAsked));
    let said = sub_refresh(&mut walk, &json!({"channel": "c", "exp": 1_700_000_001}));
    assert_eq!(said, Led::Json(r#"{"id":3,"sub_refresh":{"expires":true,"ttl":1}}"#.into()));
    walk.passes(Duration::from_secs(1) + walk.rules.expired_sub_close_delay);
    let mut due = walk.due();
    while matches!(due, Due::Ping) {
        due = walk.due();
    }
    assert!(matches!(due, Due::Unsubscribe(_, why) if why.code == 2501), "{due:?}");
}

/// Its client comes when the whole seconds are over that it was told, up to one after the time itself.
#[test]
fn the_delay_to_refresh_counts_from_when_the_client_was_told_to() {
    let delay = Duration::from_secs(1);
    let mut walk = ann(&json!({}), |config| {
        config.client.expired_close_delay = delay;
        config.client.expired_sub_close_delay = delay;
        // No pings among what is due.
        config.client.ping_interval = Duration::ZERO;
    });
    walk.passes(Duration::from_millis(10));
    let (exp, told) = (1_700_000_004, Duration::from_secs(4));
    let renewal = json!({"id": 2, "refresh": {"token": sign(&json!({"exp": exp}))}});
    let said = walk.say(&renewal.to_string());
    assert!(matches!(&said, Led::Json(json) if json.contains(r#""ttl":4"#)), "{said:?}");
    subscribe(&mut walk, &json!({"channel": "c", "exp": exp}));
    walk.passes(told + delay - Duration::from_millis(1));
    let due = walk.due();
    assert!(matches!(due, Due::Rest(Some(time)) if time == Duration::from_millis(1)), "{due:?}");
    walk.passes(Duration::from_millis(1));
    let due = walk.due();
    assert!(matches!(&due, Due::Close(why) if why.code == 3005), "{due:?}");
    walk.say(&json!({"id": 4, "refresh": {"token": sign(&json!({"exp": exp + 60}))}}).to_string());
    let due = walk.due();
    assert!(matches!(due, Due::Unsubscribe(_, why) if why.code == 2501), "{due:?}");
}

#[test]
fn a_subscription_allows_what_its_token_says_as_long_as_it_lasts() {
    let with_history = |config: &mut Config| {
        let settings = &mut config.channel.without_namespace;
        (settings.history_size, settings.history_ttl) = (10, Duration::from_secs(60));
        settings.presence = true;
    };
    let commands = [
        r#"{"id":4,"publish":{"channel":"c","data":1}}"#,
        r#"{"id":5,"history":{"channel":"c","limit":3}}"#,
        r#"{"id":6,"presence":{"channel":"c"}}"#,
    ];
    let say_all = |walk: &mut Walk| commands.map(|command| walk.say(command));
    let all = [Led::Publish("c".into(), "1".into()), Led::History(3), Led::Presence("c".into(), false)];
    let nothing = [103, 103, 103].map(Led::Error);
    let mut walk = ann(&json!({}), with_history);
    subscribe(&mut walk, &json!({"channel": "c", "allow": ["pub", "hst", "prs"]}));
    assert_eq!(say_all(&mut walk), all);
    sub_refresh(&mut walk, &json!({"channel": "c", "allow": []}));
    assert_eq!(say_all(&mut walk), nothing, "it is taken back");
    sub_refresh(&mut walk, &json!({"channel": "c", "allow": ["pub", "hst", "prs"]}));
    assert_eq!(walk.say(r#"{"id":7,"unsubscribe":{"channel":"c"}}"#), Led::Leave);
    assert_eq!(say_all(&mut walk), nothing, "it is over");

    let mut walk = ann(&json!({}), with_history);
    subscribe(&mut walk, &json!({"channel": "c"}));
    assert_eq!(say_all(&mut walk), nothing);
}

#[test]
fn a_new_token_with_another_filter_is_one_to_connect_with() {
    let refresh = |walk: &mut Walk, claims: &Value| {
        walk.say(&json!({"id": 2, "refresh": {"token": sign(claims)}}).to_string())
    };
    let filter = |color: &str| json!({"key": "color", "cmp": "eq", "val": color});
    let mut walk = ann(&json!({"tags_filter": filter("red")}), |_| {});
    assert!(matches!(refresh(&mut walk, &json!({"tags_filter": filter("red")})), Led::Json(_)));
    assert_eq!(refresh(&mut walk, &json!({"tags_filter": filter("green")})), Led::Close(3010));
    let mut walk = ann(&json!({"tags_filter": filter("red")}), |_| {});
    assert_eq!(refresh(&mut walk, &json!({})), Led::Close(3010), "the filter is gone");
    let subs = |color| json!({"subs": {"c": {"tags_filter": filter(color)}}});
    let mut walk = ann(&subs("red"), |_| {});
    assert!(matches!(refresh(&mut walk, &subs("red")), Led::Json(_)));
    assert_eq!(refresh(&mut walk, &subs("green")), Led::Close(3010));
}

#[test]
fn a_subscription_whose_new_token_has_another_filter_is_to_be_begun_anew() {
    let claims = |color: &str| {
        let filter = json!({"key": "color", "cmp": "eq", "val": color});
        json!({"channel": "c", "exp": 1_700_000_100, "tags_filter": filter})
    };
    let mut walk = ann(&json!({}), |_| {});
    subscribe(&mut walk, &claims("red"));
    assert!(matches!(sub_refresh(&mut walk, &claims("red")), Led::Json(_)));
    assert_eq!(sub_refresh(&mut walk, &claims("green")), Led::Leave);
    for (first, second) in
        [(json!({"channel": "c"}), claims("red")), (claims("red"), json!({"channel": "c"}))]
    {
        let mut walk = ann(&json!({}), |_| {});
        subscribe(&mut walk, &first);
        assert_eq!(sub_refresh(&mut walk, &second), Led::Leave, "{first} and {second}");
    }
    // The filter of the connection has its own token.
    let mut walk = ann(&json!({"tags_filter": {"key": "a", "cmp": "ex"}}), |_| {});
    subscribe(&mut walk, &claims("red"));
    assert!(matches!(sub_refresh(&mut walk, &claims("red")), Led::Json(_)));
    let senseless = json!({"channel": "c", "tags_filter": {"cmp": "?"}});
    assert_eq!(sub_refresh(&mut walk, &senseless), Led::Error(103));
}

#[test]
fn an_empty_cache_is_nothing_unrecoverable() {
    let cache = |config: &mut Config| {
        let settings = &mut config.channel.without_namespace;
        (settings.history_size, settings.history_ttl) = (1, Duration::from_secs(60));
        (settings.force_recovery, settings.auto_cache_recover) = (true, true);
        settings.force_recovery_mode = "cache".into();
    };
    let mut walk = ann(&json!({}), cache);
    let token = sign(&json!({"channel": "c"}));
    let command = json!({"id": 2, "subscribe": {"channel": "c", "token": token, "flag": 3}});
    assert_eq!(walk.say(&command.to_string()), Led::Join("c".into()));
    let (reply, live, _) = walk.hub_answers("c", &at(0, Recovery::Gap));
    assert!(live && reply.contains(r#""was_recovering":true"#), "{reply}");
}

#[test]
fn who_has_not_come_as_far_as_others_know_does_not_leave_after_a_refresh() {
    let mut walk = ann(&json!({}), |config| {
        config.channel.without_namespace.presence = true;
        config.channel.without_namespace.join_leave = true;
    });
    let off = json!({"value": false});
    let alone = json!({"channel": "c", "override": {"presence": off, "join_leave": off}});
    subscribe(&mut walk, &alone);
    assert!(matches!(sub_refresh(&mut walk, &alone), Led::Json(_)));
    let live = walk.session.take_all_live();
    let told: Vec<_> = live.iter().filter_map(|live| live.terms.as_ref()).collect();
    assert!(told.iter().all(|(options, _)| !options.presence && !options.join_leave), "{told:?}");
}
