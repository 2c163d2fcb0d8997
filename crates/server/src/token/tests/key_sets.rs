//! Key sets over a real connection: rotation, failure, floods.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::fixture::{NOW, SECRET, ecdsa, ed25519, hs, other_rsa, rsa};
use crate::config::Token;
use crate::token::key_sets::KeySetPolicy;
use crate::token::{Algorithm, Flaw, KeyName, Proof, Refusal, TokenLimits, Verifier};

/// What the server does with a request.
#[derive(Clone)]
enum Answer {
    Status(u16, String),
    Silence,
}

/// An identity provider that answers every path alike and counts.
#[derive(Clone)]
struct Provider {
    address: String,
    answer: Arc<Mutex<Answer>>,
    requests: Arc<Mutex<Vec<String>>>,
    at_once: Arc<AtomicUsize>,
    at_once_max: Arc<AtomicUsize>,
}

impl Provider {
    async fn start(keys: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Self {
            address: listener.local_addr().unwrap().to_string(),
            answer: Arc::new(Mutex::new(Answer::Silence)),
            requests: Arc::default(),
            at_once: Arc::default(),
            at_once_max: Arc::default(),
        };
        provider.serve_keys(keys);
        let serving = provider.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        provider
    }

    fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    fn serve_keys(&self, keys: &[Value]) {
        self.answer(Answer::Status(200, json!({"keys": keys}).to_string()));
    }

    fn requests(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            let head = String::from_utf8_lossy(&buffer[..length]).into_owned();
            self.requests.lock().unwrap().push(head.split(' ').nth(1).unwrap_or_default().to_owned());
            let at_once = self.at_once.fetch_add(1, SeqCst) + 1;
            self.at_once_max.fetch_max(at_once, SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            self.at_once.fetch_sub(1, SeqCst);
            let answer = self.answer.lock().unwrap().clone();
            match answer {
                Answer::Status(status, body) => {
                    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n", body.len());
                    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
                }
                Answer::Silence => std::future::pending().await,
            }
        }
    }

    fn settings(&self) -> Token {
        Token {
            jwks_public_endpoint: format!("http://{}/certs", self.address).as_str().into(),
            ..Token::default()
        }
    }
}

/// Times that no test sees pass, however busy the machine is; a test that does takes shorter ones.
fn policy() -> KeySetPolicy {
    KeySetPolicy {
        fresh: Duration::from_secs(60),
        grace: Duration::from_secs(60),
        pause: Duration::from_secs(20),
        timeout: Duration::from_secs(20),
        attempts: 2,
        bytes_max: 16 * 1024,
        sets_max: 2,
    }
}

fn verifier_with(settings: &Token) -> Verifier {
    verifier_by(settings, policy())
}

fn verifier_by(settings: &Token, policy: KeySetPolicy) -> Verifier {
    Verifier::with_policy(settings, TokenLimits::default(), policy).unwrap()
}

/// As a session does it: ask, fetch when told so, ask again.
async fn prove(verifier: &Verifier, token: &str) -> Result<Proof, Refusal> {
    match verifier.prove(token, NOW) {
        Err(Refusal::KeyWanted(key)) => {
            verifier.fetch_key(&key).await;
            verifier.prove(token, NOW)
        }
        known => known,
    }
}

fn rs256(key_id: &str) -> String {
    rsa().sign(Algorithm::Rs256, &json!({"sub": "u"}), Some(key_id))
}

#[tokio::test]
async fn keys_of_every_kind_are_fetched_once() {
    let (es256, es384, es512) = (ecdsa(Algorithm::Es256), ecdsa(Algorithm::Es384), ecdsa(Algorithm::Es512));
    let ed25519 = ed25519();
    let all = [("rsa", rsa()), ("p256", &es256), ("p384", &es384), ("p521", &es512), ("ed", &ed25519)];
    let keys: Vec<_> = all.iter().map(|(name, key)| key.entry(name, &json!({"use": "sig"}))).collect();
    let provider = Provider::start(&keys).await;
    let verifier = verifier_with(&provider.settings());
    for (name, key) in all {
        for &algorithm in key.algorithms {
            let token = key.sign(algorithm, &json!({"sub": "u"}), Some(name));
            let proof = prove(&verifier, &token).await.unwrap();
            assert_eq!(proof.algorithm, algorithm);
            assert!(matches!(proof.key, KeyName::KeySet(_)));
        }
    }
    assert_eq!(provider.requests(), 1);
}

#[tokio::test]
async fn keys_that_may_not_verify_do_not() {
    let secret = json!({"kty": "oct", "kid": "oct", "k": "czNjcmV0", "alg": "HS256"});
    let keys = [
        rsa().entry("enc", &json!({"use": "enc"})),
        rsa().entry("ops", &json!({"key_ops": ["encrypt"]})),
        rsa().entry("rs512", &json!({"alg": "RS512"})),
        rsa().entry("oaep", &json!({"alg": "RSA-OAEP"})),
        ecdsa(Algorithm::Es256).entry("curve", &json!({"crv": "secp256k1"})),
        ecdsa(Algorithm::Es256).entry("point", &json!({"x": "AAAA"})),
        rsa().entry("types", &json!({"n": 7})),
        secret,
        json!(7),
        rsa().entry("good", &json!({"key_ops": ["verify"], "x5c": ["..."], "use": null})),
        other_rsa().entry("good", &json!({})),
    ];
    let provider = Provider::start(&keys).await;
    let verifier = verifier_with(&provider.settings());
    assert!(prove(&verifier, &rs256("good")).await.is_ok(), "the first of two with one name");
    for name in ["enc", "ops", "oaep", "curve", "point", "types", "oct", "missing"] {
        assert_eq!(prove(&verifier, &rs256(name)).await, Err(Refusal::Invalid(Flaw::UnknownKey)), "{name}");
    }
    assert_eq!(
        prove(&verifier, &rs256("rs512")).await,
        Err(Refusal::Invalid(Flaw::NoKey)),
        "another algorithm"
    );
    let foreign = other_rsa().sign(Algorithm::Rs256, &json!({}), Some("good"));
    assert_eq!(prove(&verifier, &foreign).await, Err(Refusal::Invalid(Flaw::Signature)));
    assert_eq!(provider.requests(), 1);
}

#[tokio::test]
async fn with_a_key_set_the_other_keys_verify_nothing() {
    let provider = Provider::start(&[rsa().entry("a", &json!({}))]).await;
    let settings = Token { hmac_secret_key: SECRET.into(), ..provider.settings() };
    let verifier = verifier_with(&settings);
    assert_eq!(verifier.warnings().len(), 1);
    assert_eq!(prove(&verifier, &hs(&json!({}))).await, Err(Refusal::Invalid(Flaw::NoKeyId)));
    let signer = crate::token::Signer::hmac(Algorithm::Hs256, &SECRET.into()).unwrap();
    let token = signer.sign(&json!({}), Some("a")).unwrap();
    assert_eq!(prove(&verifier, &token).await, Err(Refusal::Invalid(Flaw::NoKey)));
}

#[tokio::test]
async fn a_new_key_is_found_and_an_old_one_forgotten() {
    let (pause, fresh) = (Duration::from_secs(2), Duration::from_secs(3));
    let provider = Provider::start(&[rsa().entry("old", &json!({}))]).await;
    let verifier = verifier_by(&provider.settings(), KeySetPolicy { pause, fresh, ..policy() });
    assert!(prove(&verifier, &rs256("old")).await.is_ok());
    provider.serve_keys(&[rsa().entry("new", &json!({}))]);
    tokio::time::sleep(pause).await;
    assert!(prove(&verifier, &rs256("new")).await.is_ok(), "an unknown name has the set fetched again");
    assert_eq!(prove(&verifier, &rs256("old")).await, Err(Refusal::Invalid(Flaw::UnknownKey)));
    assert_eq!(provider.requests(), 2);
    provider.serve_keys(&[other_rsa().entry("new", &json!({}))]);
    tokio::time::sleep(fresh).await;
    assert_eq!(
        prove(&verifier, &rs256("new")).await,
        Err(Refusal::Invalid(Flaw::Signature)),
        "a set is fetched anew when it is no longer fresh"
    );
}

#[tokio::test]
async fn while_the_provider_is_down_known_keys_count_for_a_while() {
    let (pause, fresh, grace) = (Duration::from_secs(1), Duration::from_secs(1), Duration::from_secs(5));
    let provider = Provider::start(&[rsa().entry("a", &json!({}))]).await;
    let verifier = verifier_by(&provider.settings(), KeySetPolicy { pause, fresh, grace, ..policy() });
    assert!(prove(&verifier, &rs256("a")).await.is_ok());
    let fetched = tokio::time::Instant::now();
    for answer in [Answer::Status(500, String::new()), Answer::Status(200, "no key set".into())] {
        provider.answer(answer);
        tokio::time::sleep(pause).await;
        assert_eq!(prove(&verifier, &rs256("b")).await, Err(Refusal::KeyUnavailable));
    }
    tokio::time::sleep(pause).await;
    assert!(prove(&verifier, &rs256("a")).await.is_ok(), "no longer fresh, and still taken");
    tokio::time::sleep_until(fetched + fresh + grace).await;
    assert_eq!(prove(&verifier, &rs256("a")).await, Err(Refusal::KeyUnavailable));
    provider.serve_keys(&[rsa().entry("a", &json!({}))]);
    tokio::time::sleep(pause).await;
    assert!(prove(&verifier, &rs256("a")).await.is_ok(), "it is back");
}

#[tokio::test]
async fn a_provider_that_gives_no_set_is_given_up() {
    let large = json!({"keys": [], "padding": "x".repeat(17 * 1024)}).to_string();
    for answer in [
        Answer::Silence,
        Answer::Status(404, json!({"keys": []}).to_string()),
        Answer::Status(302, String::new()),
        Answer::Status(200, large),
        Answer::Status(200, json!({"keys": []}).to_string()),
        Answer::Status(200, json!({"keys": 7}).to_string()),
        Answer::Status(200, "[]".into()),
    ] {
        let provider = Provider::start(&[]).await;
        // Only silence is waited out.
        let timeout = Duration::from_millis(if matches!(answer, Answer::Silence) { 1_500 } else { 20_000 });
        provider.answer(answer);
        let verifier = verifier_by(&provider.settings(), KeySetPolicy { timeout, ..policy() });
        let began = std::time::Instant::now();
        assert_eq!(prove(&verifier, &rs256("a")).await, Err(Refusal::KeyUnavailable));
        assert!(began.elapsed() < Duration::from_secs(15));
        assert_eq!(provider.requests(), 2, "tried twice");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let settings =
        Token { jwks_public_endpoint: format!("http://{nobody}/").as_str().into(), ..Token::default() };
    assert_eq!(prove(&verifier_with(&settings), &rs256("a")).await, Err(Refusal::KeyUnavailable));
}

#[tokio::test]
async fn a_flood_of_names_is_one_request_at_a_time_and_few_in_all() {
    let provider = Provider::start(&[rsa().entry("a", &json!({}))]).await;
    let pause = Duration::from_secs(1);
    let verifier = Arc::new(verifier_by(&provider.settings(), KeySetPolicy { pause, ..policy() }));
    let began = std::time::Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..500 {
        let verifier = Arc::clone(&verifier);
        tasks.spawn(async move {
            tokio::time::sleep(Duration::from_millis(5 * at)).await;
            let header = base64::Engine::encode(
                &base64::engine::general_purpose::URL_SAFE_NO_PAD,
                format!(r#"{{"alg":"RS256","kid":"k{at}"}}"#),
            );
            let refused = prove(&verifier, &format!("{header}.e30.AAAA")).await.unwrap_err();
            assert_eq!(refused, Refusal::Invalid(Flaw::UnknownKey));
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let most = began.elapsed().as_millis() / pause.as_millis() + 1;
    assert!(provider.requests() as u128 <= most, "{} requests, at most {most}", provider.requests());
    assert_eq!(provider.at_once_max.load(SeqCst), 1);
    assert!(prove(&verifier, &rs256("a")).await.is_ok(), "who is known is not held up");
}

/// CVE-2026-49998 of Centrifugo: the name of a key is one issuer's, and says nothing to another's tokens.
#[tokio::test]
async fn one_issuers_key_does_not_verify_anothers_tokens() {
    let provider = Provider::start(&[rsa().entry("default", &json!({}))]).await;
    let settings = Token {
        jwks_public_endpoint: format!("http://{}/{{{{tenant}}}}/certs", provider.address).as_str().into(),
        issuer_regex: "^https://id\\.test/(?P<tenant>a|b|c)$".into(),
        ..Token::default()
    };
    let verifier = verifier_with(&settings);
    let token = |tenant: &str| {
        let claims = json!({"iss": format!("https://id.test/{tenant}")});
        rsa().sign(Algorithm::Rs256, &claims, Some("default"))
    };
    assert!(prove(&verifier, &token("a")).await.is_ok());
    provider.serve_keys(&[other_rsa().entry("default", &json!({}))]);
    assert_eq!(prove(&verifier, &token("b")).await, Err(Refusal::Invalid(Flaw::Signature)));
    assert!(prove(&verifier, &token("a")).await.is_ok());
    assert_eq!(prove(&verifier, &token("d")).await, Err(Refusal::Invalid(Flaw::Issuer)), "nobody is asked");
    assert_eq!(*provider.requests.lock().unwrap(), ["/a/certs", "/b/certs"]);
    // A third set makes room for itself.
    assert!(prove(&verifier, &token("c")).await.is_err());
    assert!(matches!(verifier.prove(&token("a"), NOW), Err(Refusal::KeyWanted(_))));
    assert!(!matches!(verifier.prove(&token("b"), NOW), Err(Refusal::KeyWanted(_))));
}
