//! Every algorithm with keys of its own, and no key with an algorithm of another.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use super::fixture::{NOW, SECRET, TestKey, ecdsa, ed25519, hs_with, other_rsa, rsa, verifier, with_secret};
use crate::config::Token;
use crate::token::key::{PublicKey, Verdict};
use crate::token::{Algorithm, Flaw, KeyName, Refusal, SignError, Signer, TokenLimits, Verifier};

const HMAC: [Algorithm; 3] = [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512];
const ECDSA: [Algorithm; 3] = [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512];

fn configured(key: &TestKey) -> (Token, KeyName) {
    let pem = key.public_pem.clone();
    if key.algorithms.contains(&Algorithm::Rs256) {
        (Token { rsa_public_key: pem, ..Token::default() }, KeyName::RsaPublicKey)
    } else {
        (Token { ecdsa_public_key: pem, ..Token::default() }, KeyName::EcdsaPublicKey)
    }
}

#[test]
fn hmac_tokens_are_verified_by_the_secret() {
    let verifier = verifier(&with_secret());
    for algorithm in HMAC {
        let token = hs_with(algorithm, SECRET, &json!({"sub": "u"}));
        let proof = verifier.prove(&token, NOW).unwrap();
        assert_eq!((proof.algorithm, proof.key), (algorithm, KeyName::HmacSecretKey));
        assert_eq!(verifier.verify_connection(&token, NOW).unwrap().user, "u");
        let other = hs_with(algorithm, "another", &json!({"sub": "u"}));
        assert_eq!(verifier.prove(&other, NOW), Err(Refusal::Invalid(Flaw::Signature)));
    }
}

#[test]
fn public_keys_verify_each_of_their_algorithms() {
    for key in [rsa(), &ecdsa(Algorithm::Es256), &ecdsa(Algorithm::Es384), &ecdsa(Algorithm::Es512)] {
        let (settings, name) = configured(key);
        let verifier = verifier(&settings);
        for &algorithm in key.algorithms {
            let token = key.sign(algorithm, &json!({"sub": "u"}), None);
            let proof = verifier.prove(&token, NOW).unwrap();
            assert_eq!((proof.algorithm, &proof.key), (algorithm, &name));
            // A bit of each part turned over: whatever else it is, it is not valid.
            for at in [token.len() - 10, token.len() / 2, token.find('.').unwrap() + 5] {
                let mut bytes = token.clone().into_bytes();
                bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
                let turned = String::from_utf8(bytes).unwrap();
                assert!(matches!(verifier.prove(&turned, NOW), Err(Refusal::Invalid(_))), "{algorithm} {at}");
            }
        }
    }
    let (settings, _) = configured(rsa());
    let foreign = other_rsa().sign(Algorithm::Rs256, &json!({"sub": "u"}), None);
    assert_eq!(verifier(&settings).prove(&foreign, NOW), Err(Refusal::Invalid(Flaw::Signature)));
}

/// RFC 8725 §2.1: the token names the algorithm, but only the key decides.
#[test]
fn a_public_key_is_no_secret_and_no_curve_is_another() {
    let es256 = ecdsa(Algorithm::Es256);
    for key in [rsa(), &es256] {
        let (settings, _) = configured(key);
        let verifier = verifier(&settings);
        for secret in [key.public_pem.clone(), key.public_pem.trim_end().to_owned(), String::from("x")] {
            for algorithm in HMAC {
                let token = hs_with(algorithm, &secret, &json!({"sub": "u"}));
                assert_eq!(verifier.prove(&token, NOW), Err(Refusal::Invalid(Flaw::NoKey)), "{algorithm}");
            }
        }
    }
    let (settings, _) = configured(&es256);
    let verifier = verifier(&settings);
    for algorithm in [Algorithm::Es384, Algorithm::Es512] {
        let token = ecdsa(algorithm).sign(algorithm, &json!({"sub": "u"}), None);
        assert_eq!(verifier.prove(&token, NOW), Err(Refusal::Invalid(Flaw::NoKey)), "{algorithm}");
    }
    let token = rsa().sign(Algorithm::Rs256, &json!({"sub": "u"}), None);
    assert_eq!(verifier.prove(&token, NOW), Err(Refusal::Invalid(Flaw::NoKey)));
    let token = ed25519().sign(Algorithm::EdDsa, &json!({"sub": "u"}), None);
    assert_eq!(verifier.prove(&token, NOW), Err(Refusal::Invalid(Flaw::NoKey)));
}

#[test]
fn a_signature_is_for_one_algorithm_of_its_key() {
    let (settings, _) = configured(rsa());
    let verifier = verifier(&settings);
    let token = rsa().sign(Algorithm::Rs256, &json!({"sub": "u"}), None);
    let (_, rest) = token.split_once('.').unwrap();
    for algorithm in ["RS384", "RS512", "PS256"] {
        let header = URL_SAFE_NO_PAD.encode(format!("{{\"alg\":\"{algorithm}\"}}"));
        let renamed = format!("{header}.{rest}");
        assert_eq!(verifier.prove(&renamed, NOW), Err(Refusal::Invalid(Flaw::Signature)), "{algorithm}");
    }
}

#[test]
fn without_a_key_every_token_is_refused() {
    let verifier = verifier(&Token::default());
    assert!(!verifier.has_keys());
    for algorithm in HMAC {
        let token = hs_with(algorithm, "x", &json!({"sub": "u"}));
        assert_eq!(verifier.prove(&token, NOW), Err(Refusal::Invalid(Flaw::NoKey)));
    }
    // HMAC with an empty key can be computed by everybody; here it cannot even be made.
    assert_eq!(Signer::hmac(Algorithm::Hs256, &"".into()).unwrap_err(), SignError::NoSecret);
    let empty = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"");
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#), URL_SAFE_NO_PAD.encode("{}"));
    let signature = URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&empty, signed.as_bytes()));
    let token = format!("{signed}.{signature}");
    assert_eq!(verifier.prove(&token, NOW), Err(Refusal::Invalid(Flaw::NoKey)));
}

#[test]
fn the_previous_secret_counts_until_its_time() {
    let token = hs_with(Algorithm::Hs256, "previous", &json!({"sub": "u"}));
    let at = |until: u64, now_s: i64| {
        let settings = Token {
            hmac_previous_secret_key: "previous".into(),
            hmac_previous_secret_key_valid_until: until,
            ..with_secret()
        };
        verifier(&settings).prove(&token, now_s).map(|proof| proof.key)
    };
    assert_eq!(at(0, NOW), Ok(KeyName::HmacPreviousSecretKey));
    assert_eq!(at(NOW.unsigned_abs(), NOW), Ok(KeyName::HmacPreviousSecretKey));
    assert_eq!(at(NOW.unsigned_abs() - 1, NOW), Err(Refusal::Invalid(Flaw::Signature)));
}

#[test]
fn keys_may_be_text_base64_or_a_file() {
    let key = rsa();
    let path = std::env::temp_dir().join(format!("wavecast-token-{}.pem", std::process::id()));
    std::fs::write(&path, &key.public_pem).unwrap();
    let token = key.sign(Algorithm::Rs256, &json!({"sub": "u"}), None);
    for value in [key.public_pem.clone(), STANDARD.encode(&key.public_pem), path.to_str().unwrap().into()] {
        let settings = Token { rsa_public_key: value, ..Token::default() };
        assert!(verifier(&settings).prove(&token, NOW).is_ok());
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn everything_that_is_wrong_with_keys_is_named_at_once() {
    let wrong = Token {
        rsa_public_key: ecdsa(Algorithm::Es256).public_pem,
        ecdsa_public_key: rsa().private_pem.clone(),
        hmac_previous_secret_key: "s3cret".into(),
        user_id_claim: "user.id".into(),
        issuer: "a".into(),
        issuer_regex: "(".into(),
        audience_regex: "(".into(),
        jwks_public_endpoint: "certs".into(),
        ..Token::default()
    };
    let error = Verifier::new(&wrong, TokenLimits::default()).unwrap_err();
    let keys: Vec<_> = error.0.iter().map(|problem| problem.key).collect();
    assert_eq!(
        keys,
        [
            "issuer_regex",
            "audience_regex",
            "jwks_public_endpoint",
            "rsa_public_key",
            "ecdsa_public_key",
            "hmac_previous_secret_key",
            "user_id_claim"
        ]
    );
    assert!(error.to_string().contains("private key"), "{error}");
}

#[test]
fn a_small_rsa_key_is_refused() {
    // 1024 bits, made with openssl and forgotten.
    let small = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDjZjZX5RLdbK8qVpcdr4vn0NjpjzfkbFleFsihmas1z7zagPgvDT\
                 P6qp7Ng57CdTzCR5IoHH3ePpZtVuapkfQIyj1fn50H4vI/I1Lg3dfNlUDHWLvSUk+hwfaK728SK7l9/43vS+06Z4QS\
                 xyN6QqIfOriBVOzXAFNPPJqhgEXPHwIDAQAB";
    let text = format!("-----BEGIN PUBLIC KEY-----\n{small}\n-----END PUBLIC KEY-----\n");
    let settings = Token { rsa_public_key: text, ..Token::default() };
    let error = Verifier::new(&settings, TokenLimits::default()).unwrap_err();
    assert_eq!(error.to_string(), "rsa_public_key is not an RSA public key of 2048 to 8192 bits");
}

/// Tokens and keys from RFC 7515 A.3 and RFC 8037 A.4, and the example that every library knows.
#[test]
fn tokens_that_others_have_signed() {
    let settings = Token { hmac_secret_key: "your-256-bit-secret".into(), ..Token::default() };
    let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE\
                 2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";
    let claims = verifier(&settings).verify_connection(token, NOW).unwrap();
    assert_eq!((claims.user.as_str(), claims.issued_at_s), ("1234567890", Some(1_516_239_022)));

    let point = [
        vec![4],
        URL_SAFE_NO_PAD.decode("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU").unwrap(),
        URL_SAFE_NO_PAD.decode("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0").unwrap(),
    ]
    .concat();
    let signed = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19\
                  yb290Ijp0cnVlfQ";
    let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let key = PublicKey::fixed(Algorithm::Es256, &point).unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert_eq!(key.verify(Algorithm::Es256, signed.as_bytes(), &signature), Verdict::Right);
    assert_eq!(key.verify(Algorithm::Es256, b"other", &signature), Verdict::Wrong);

    let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
    let signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let key = PublicKey::fixed(Algorithm::EdDsa, &x).unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert_eq!(key.verify(Algorithm::EdDsa, signed.as_bytes(), &signature), Verdict::Right);
}

#[test]
fn claims_are_any_object_and_nothing_else() {
    #[derive(serde::Serialize)]
    struct Claims {
        sub: &'static str,
    }
    let signer = Signer::hmac(Algorithm::Hs256, &SECRET.into()).unwrap();
    let token = signer.sign(&Claims { sub: "u" }, None).unwrap();
    assert_eq!(token, hs_with(Algorithm::Hs256, SECRET, &json!({"sub": "u"})));
    let no_text = std::collections::BTreeMap::from([((1, 2), 3)]);
    assert_eq!(signer.sign(&no_text, None), Err(SignError::Claims));
    for claims in [json!(["sub"]), json!("{"), json!(null)] {
        assert_eq!(signer.sign(&claims, None), Err(SignError::Claims), "{claims}");
    }
}

#[test]
fn a_signer_takes_only_keys_of_its_algorithm() {
    let es256 = ecdsa(Algorithm::Es256);
    let ed25519 = ed25519();
    for algorithm in Algorithm::ALL {
        for key in [rsa(), &es256, &ed25519] {
            let made = Signer::private_key(algorithm, &key.private_pem);
            assert_eq!(made.is_ok(), key.algorithms.contains(&algorithm), "{algorithm} {:?}", key.algorithms);
        }
        assert_eq!(Signer::hmac(algorithm, &SECRET.into()).is_ok(), HMAC.contains(&algorithm));
    }
    for algorithm in ECDSA {
        assert!(matches!(Signer::private_key(algorithm, &rsa().public_pem), Err(SignError::NoKey(..))));
    }
}
