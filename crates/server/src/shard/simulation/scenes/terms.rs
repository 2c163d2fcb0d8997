//! What is particular about one subscription: it concerns nobody else in the channel.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use wavecast_net::Options;

use super::super::peer::Peer;
use super::super::world::World;
use super::leaving::come_in;
use super::{enter, fill, hear, may_subscribe, subscribe, world};
use crate::config::Token;
use crate::hooks::{Answer, Overrides, SubRefreshGrant, SubscribeGrant};
use crate::office::Asked;
use crate::orders::{Order, Target};
use crate::session::{Answered, Question, ServerSubscription, Verifiers};
use crate::token::{Algorithm, Signer, TokenLimits, Verifier};

const SECRET: &str = "a secret that is long enough for all of them";

/// The back end subscribes everybody to a channel.
fn order_into(world: &mut World, channel: &str, overrides: Overrides) {
    let mut subscription = ServerSubscription::to(channel);
    subscription.grant.overrides = overrides;
    world.order(Some(channel), |done| Order::Subscribe {
        target: Target::default(),
        subscription: subscription.clone(),
        since: None,
        done,
    });
}

fn offsets(heard: &[Value]) -> Vec<u64> {
    heard.iter().filter_map(|message| message["push"]["pub"]["offset"].as_u64()).collect()
}

#[test]
fn who_wants_no_position_leaves_the_others_theirs() {
    let mut world = world(1 << 20);
    let mut watched = enter(&mut world, 0, &subscribe(2, "counted:a"));
    fill(&mut world, "counted:a", 2, 1);
    assert_eq!(offsets(&hear(&mut world, &mut watched)), [1, 2]);
    let mut other = enter(&mut world, 0, "");
    let unwatched = Overrides { force_positioning: Some(false), ..Overrides::default() };
    order_into(&mut world, "counted:a", unwatched);
    let heard = hear(&mut world, &mut other);
    assert!(heard[0]["push"]["subscribe"]["positioned"].is_null(), "{heard:?}");
    fill(&mut world, "counted:a", 2, 1);
    assert_eq!(offsets(&hear(&mut world, &mut watched)), [3, 4], "the stream goes on");
    assert_eq!(hear(&mut world, &mut other).len(), 2);
}

#[test]
fn nobody_has_a_position_where_the_channel_counts_none() {
    let mut world = world(1 << 20);
    let mut client = enter(&mut world, 0, "");
    let wished =
        Overrides { force_positioning: Some(true), force_recovery: Some(true), ..Overrides::default() };
    for channel in ["plain:a", "latest:a"] {
        order_into(&mut world, channel, wished);
        let heard = hear(&mut world, &mut client);
        let told = &heard[0]["push"]["subscribe"];
        assert!(told.is_object() && told["positioned"].is_null() && told["epoch"].is_null(), "{heard:?}");
        fill(&mut world, channel, 1, 1);
        assert_eq!(hear(&mut world, &mut client).len(), 1);
    }
}

/// A server that verifies subscription tokens.
fn with_tokens() -> World {
    let settings = Token { hmac_secret_key: SECRET.into(), ..Token::default() };
    let verifier = Arc::new(Verifier::new(&settings, TokenLimits::default()).unwrap());
    World::verifying(Verifiers { connection: None, subscription: Some(verifier) }, 7, |_| {})
}

/// A command that comes with a subscription token of `room:a` with these claims.
fn with_token(id: u32, command: &str, mut claims: Value) -> String {
    (claims["channel"], claims["exp"]) = ("room:a".into(), 1_700_001_000.into());
    let signer = Signer::hmac(Algorithm::Hs256, &SECRET.into()).unwrap();
    let token = signer.sign(&claims, None).unwrap();
    json!({"id": id, command: {"channel": "room:a", "token": token}}).to_string()
}

/// What is known of the only client of a channel, beside its name.
fn known(world: &World, channel: &str) -> String {
    let clients = world.node.hub().presence(channel, 2).clients;
    let [client] = &*clients else { panic!("{clients:?}") };
    String::from_utf8_lossy(client.chan_info.as_deref().unwrap_or_default()).into_owned()
}

#[test]
fn what_a_new_token_says_of_a_client_is_known_from_then_on() {
    let mut world = with_tokens();
    let mut client = enter(&mut world, 0, &with_token(2, "subscribe", json!({"info": "before"})));
    assert_eq!(known(&world, "room:a"), r#""before""#);
    let mut other = enter(&mut world, 0, r#"{"id":2,"subscribe":{"channel":"room:a","join_leave":true}}"#);
    other.close();
    hear(&mut world, &mut other);
    let mut other = enter(&mut world, 0, "");
    for (id, claims, after) in [(3, json!({"info": "after"}), r#""after""#), (4, json!({}), "")] {
        client.say(&with_token(id, "sub_refresh", claims));
        let heard = hear(&mut world, &mut client);
        assert!(heard.len() == 1 && heard[0]["sub_refresh"].is_object(), "nobody is told: {heard:?}");
        assert_eq!(known(&world, "room:a"), after);
    }
    client.say(&with_token(5, "sub_refresh", json!({"info": "last"})));
    hear(&mut world, &mut client);
    other.say(r#"{"id":2,"subscribe":{"channel":"room:a","join_leave":true}}"#);
    hear(&mut world, &mut other);
    client.say(r#"{"id":6,"unsubscribe":{"channel":"room:a"}}"#);
    hear(&mut world, &mut client);
    let heard = hear(&mut world, &mut other);
    assert_eq!(heard[0]["push"]["leave"]["info"]["chan_info"], "last", "{heard:?}");
}

#[test]
fn a_new_token_with_another_filter_ends_the_subscription_that_it_does_not_fit() {
    let mut world = with_tokens();
    let mut client = enter(&mut world, 0, &with_token(2, "subscribe", json!({})));
    let filter = json!({"tags_filter": {"key": "color", "cmp": "eq", "val": "red"}});
    client.say(&with_token(3, "sub_refresh", filter.clone()));
    let heard = hear(&mut world, &mut client);
    assert_eq!(heard[0]["sub_refresh"]["expires"], true, "{heard:?}");
    assert_eq!(heard[1]["push"]["unsubscribe"]["code"], 2500, "{heard:?}");
    assert_eq!(world.node.info().num_subs, 0);
    client.say(&with_token(4, "subscribe", filter.clone()));
    hear(&mut world, &mut client);
    fill(&mut world, "room:a", 1, 1);
    assert!(hear(&mut world, &mut client).is_empty(), "it has no color");
    client.say(&with_token(5, "sub_refresh", filter));
    assert_eq!(hear(&mut world, &mut client).len(), 1, "it is the same");
}

#[test]
fn a_subscription_that_the_server_made_and_a_token_changes_ends_with_its_connection() {
    let mut world = with_tokens();
    let mut client = enter(&mut world, 0, "");
    order_into(&mut world, "room:a", Overrides::default());
    hear(&mut world, &mut client);
    client.say(&with_token(3, "sub_refresh", json!({"tags_filter": {"key": "color", "cmp": "ex"}})));
    hear(&mut world, &mut client);
    assert_eq!((client.closed, world.node.info().num_subs), (Some(3010), 0));
}

#[test]
fn what_the_hook_says_of_a_client_is_known_from_then_on() {
    let mut world = World::asking(7, 1, &Options::default(), |config| {
        let asked = config.channel.namespaces.iter_mut().find(|namespace| namespace.name == "asked");
        asked.unwrap().settings.presence = true;
    });
    let mut client = Peer::connect(&world.networks[0]);
    come_in(&mut world, &mut client, &subscribe(2, "asked:a"));
    let expire_at = |world: &World| (world.node.now_ms() / 1000 + 5) as i64;
    let info = |info: &str| Some(info.as_bytes().into());
    let answer = may_subscribe(&mut world);
    let grant = SubscribeGrant { expire_at: expire_at(&world), info: info("1"), ..SubscribeGrant::default() };
    answer(grant);
    hear(&mut world, &mut client);
    assert_eq!(known(&world, "asked:a"), "1");
    for (said, after) in [(info("2"), "2"), (None, "2")] {
        world.advance(Duration::from_secs(6));
        hear(&mut world, &mut client);
        let Some(Asked { question: Question::SubRefresh { call }, answer }) = world.backend.take_question()
        else {
            panic!("is it still good?");
        };
        let grant = SubRefreshGrant { expire_at: expire_at(&world), info: said, expired: false };
        answer(Answered::SubRefresh(Answer::Ok(grant), call.channel));
        assert!(hear(&mut world, &mut client).is_empty());
        assert_eq!(known(&world, "asked:a"), after);
    }
}
