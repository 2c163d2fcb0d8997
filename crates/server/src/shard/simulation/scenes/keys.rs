//! Tokens whose keys have to be fetched first, while other commands wait.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::super::peer::Peer;
use super::super::world::World;
use super::{enter, hear, subscribe};
use crate::config::Token;
use crate::office::Asked;
use crate::orders::{Order, Target};
use crate::session::{Answered, Question, Verifiers};
use crate::token::{Algorithm, Signer, TokenLimits, Verifier};

/// A provider of keys that answers once, and a token with these claims that it has signed.
fn provider(claims: &Value) -> (Token, String) {
    let pair = Ed25519KeyPair::generate().unwrap();
    let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    let keys = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "1", "use": "sig", "x": public}]});
    let body = keys.to_string();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/keys", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    });
    let pem = STANDARD.encode(pair.to_pkcs8v1().unwrap().as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----\n");
    let signer = Signer::private_key(Algorithm::EdDsa, &pem).unwrap();
    let token = signer.sign(&claims, Some("1")).unwrap();
    (Token { jwks_public_endpoint: endpoint.into(), ..Token::default() }, token)
}

#[test]
fn what_waits_for_a_key_is_answered_in_order() {
    let (settings, token) = provider(&json!({"sub": "ann"}));
    let verifier = Arc::new(Verifier::new(&settings, TokenLimits::default()).unwrap());
    let verifiers = Verifiers { connection: Some(Arc::clone(&verifier)), subscription: None };
    let mut world = World::verifying(verifiers, 7, |_| {});
    let mut peer = Peer::connect(&world.networks[0]);
    let connect = json!({"id": 1, "connect": {"token": token}});
    peer.say(&format!("{connect}\n{{\"id\":2,\"ping\":{{}}}}"));
    hear(&mut world, &mut peer);
    peer.say(r#"{"id":3,"ping":{}}"#);
    assert!(hear(&mut world, &mut peer).is_empty(), "all of it waits");
    fetch_key(&world, &verifier);
    let ids: Vec<_> = hear(&mut world, &mut peer).iter().map(|reply| reply["id"].as_u64()).collect();
    assert_eq!(ids, [Some(1), Some(2), Some(3)]);
}

/// Fetches the key that is asked for, and says so.
fn fetch_key(world: &World, verifier: &Verifier) {
    let asked = world.node.office().take_asked().pop().unwrap();
    let Asked { question: Question::Key { key, .. }, answer } = asked else { panic!("the key is wanted") };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(verifier.fetch_key(&key));
    answer(Answered::Key);
}

#[test]
fn what_the_back_end_ends_while_a_key_is_fetched_is_not_made() {
    for (channel, is_ended) in [(Some("plain:a"), true), (None, true), (Some("plain:b"), false)] {
        let (settings, token) = provider(&json!({"channel": "plain:a"}));
        let verifier = Arc::new(Verifier::new(&settings, TokenLimits::default()).unwrap());
        let verifiers = Verifiers { connection: None, subscription: Some(Arc::clone(&verifier)) };
        let mut world = World::verifying(verifiers, 7, |_| {});
        let mut peer = enter(&mut world, 0, "");
        let command = json!({"id": 2, "subscribe": {"channel": "plain:a", "token": token}});
        peer.say(&format!("{command}\n{}", subscribe(3, "plain:b")));
        hear(&mut world, &mut peer);
        world.order(channel, |done| Order::Unsubscribe {
            target: Target::default(),
            channel: channel.map(Box::from),
            done,
        });
        world.turn(20);
        world.backend.expect_orders_done();
        fetch_key(&world, &verifier);
        let heard = hear(&mut world, &mut peer);
        let ended: Vec<_> = (heard.iter())
            .filter(|message| message["push"]["unsubscribe"]["code"] == 2000)
            .map(|message| message["push"]["channel"].as_str().unwrap())
            .collect();
        assert_eq!(ended, if is_ended { &["plain:a"][..] } else { &[] }, "{channel:?}: {heard:?}");
        let made = heard.iter().filter(|message| message["subscribe"].is_object()).count();
        assert_eq!((made, world.node.info().num_subs), (2, 2 - ended.len()), "{channel:?}: {heard:?}");
    }
}
