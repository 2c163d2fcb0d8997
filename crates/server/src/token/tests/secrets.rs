//! Secrets never show: not in settings, not in errors, not in what refuses a token.

use serde_json::json;

use super::fixture::{NOW, SECRET, hs, rsa, verifier};
use crate::config::Token;
use crate::token::{Algorithm, Signer, TokenLimits, Verifier};

#[test]
fn nothing_that_can_be_printed_holds_a_secret() {
    let settings = Token {
        hmac_secret_key: "s3cret-one".into(),
        hmac_previous_secret_key: "s3cret-two".into(),
        ..Token::default()
    };
    let verifier = verifier(&settings);
    let token = hs(&json!({"sub": "s3cret-user", "info": "s3cret-info"}));
    let refusal = verifier.verify_connection(&token, NOW).unwrap_err();
    let signer = Signer::hmac(Algorithm::Hs256, &settings.hmac_secret_key).unwrap();
    let wrong = Token {
        rsa_public_key: rsa().private_pem.clone(),
        ecdsa_public_key: "s3cret-three".into(),
        jwks_public_endpoint: "https://u:s3cret-four@id.test/".into(),
        ..Token::default()
    };
    let error = Verifier::new(&wrong, TokenLimits::default()).unwrap_err();
    let no_key = Signer::private_key(Algorithm::Rs256, "s3cret-five").unwrap_err();
    let printed = format!(
        "{settings:?} {verifier:?} {:?} {refusal:?} {refusal} {signer:?} {error:?} {error} {no_key:?} {no_key}",
        verifier.warnings()
    );
    let key_line = rsa().private_pem.lines().nth(1).unwrap();
    for secret in ["s3cret", SECRET, key_line, token.as_str()] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
