//! JSON Web Tokens, signed as RFC 7515 says.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The secret that tokens of the tests are signed with.
pub const SECRET: &str = "a secret of the tests that is long enough";

/// A token with these claims.
#[must_use]
pub fn sign(claims: &Value) -> String {
    sign_with(SECRET, claims)
}

/// A token of somebody with this secret.
#[must_use]
pub fn sign_with(secret: &str, claims: &Value) -> String {
    let part = |claims: &Value| URL_SAFE_NO_PAD.encode(claims.to_string());
    let signed = format!("{}.{}", part(&json!({ "alg": "HS256" })), part(claims));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Seconds since 1970, as tokens count them; `later` may be negative.
///
/// # Panics
/// Where the clock stands before 1970.
#[must_use]
pub fn seconds(later: i64) -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is right");
    since.as_secs().cast_signed() + later
}
