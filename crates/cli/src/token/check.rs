//! `wavecast token check`: would this server take this token?

use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::{Map, Value};
use wavecast_server::token::{Proof, Refusal, Unverified, Verifier, Verifiers};

use super::date::{self, now_s};
use crate::configuration::Configuration;
use crate::exit::wrong_use;

/// Longest token that is read from standard input, in bytes; the server takes 16 KiB.
const INPUT_BYTES_MAX: u64 = 64 * 1024;

/// Says whether the server would take a token
///
/// It reads the configuration as serve does, fetches a key set where one is configured, and says which key has verified
/// the token, its claims, and when it expires. Whether it has been revoked only the running server knows. Exit codes: 0
/// valid, 1 not valid, 2 wrong use or a configuration that cannot be used.
#[derive(Args, Debug)]
pub(super) struct Check {
    /// The token, or `-` to read it from standard input
    token: String,
    #[command(flatten)]
    configuration: Configuration,
}

/// Runs the command.
pub(super) fn run(check: &Check) -> ExitCode {
    let verifiers = match verifiers(check) {
        Ok(verifiers) => verifiers,
        Err(error) => return wrong_use(&error),
    };
    let token = match token(&check.token) {
        Ok(token) => token,
        Err(error) => return wrong_use(&error),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return wrong_use(&error),
    };
    let unverified = match Unverified::read(&token) {
        Ok(unverified) => unverified,
        Err(flaw) => {
            println!("not valid: {}", Refusal::Invalid(flaw));
            return ExitCode::FAILURE;
        }
    };
    let claims: Map<String, Value> = serde_json::from_str(&unverified.claims).unwrap_or_default();
    let is_subscription = claims.get("channel").is_some_and(|channel| *channel != "");
    let now_s = now_s();
    let verdict = runtime.block_on(verify(&verifiers, is_subscription, &token, now_s));
    let has_own_keys = !Arc::ptr_eq(&verifiers.connection, &verifiers.subscription);
    let section = if is_subscription && has_own_keys { "client.subscription_token" } else { "client.token" };
    let kind = if is_subscription { "subscription" } else { "connection" };
    print!("{}", report(&verdict, &unverified, &claims, (kind, section), now_s));
    if verdict.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn verifiers(check: &Check) -> Result<Verifiers, String> {
    let loaded = check.configuration.load().map_err(|error| error.to_string())?;
    let verifiers = Verifiers::new(&loaded.config.client).map_err(|error| error.to_string())?;
    for warning in verifiers.warnings() {
        eprintln!("wavecast: {warning}");
    }
    Ok(verifiers)
}

fn token(argument: &str) -> Result<String, String> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let input = io::read_to_string(io::Read::take(io::stdin(), INPUT_BYTES_MAX));
    input.map(|text| text.trim().to_owned()).map_err(|error| format!("cannot read standard input: {error}"))
}

/// As a session does it: verify, fetch the key when told so, verify again.
async fn verify(
    verifiers: &Verifiers,
    is_subscription: bool,
    token: &str,
    now_s: i64,
) -> Result<Proof, Refusal> {
    let verifier: &Verifier = if is_subscription { &verifiers.subscription } else { &verifiers.connection };
    let once = || {
        if is_subscription {
            verifier.verify_subscription(token, now_s)?;
        } else {
            verifier.verify_connection(token, now_s)?;
        }
        verifier.prove(token, now_s)
    };
    match once() {
        Err(Refusal::KeyWanted(key)) => {
            verifier.fetch_key(&key).await;
            let again = once();
            if let (Err(Refusal::KeyUnavailable), Some(Err(problem))) = (&again, verifier.try_key_set().await)
            {
                eprintln!("wavecast: {problem}");
            }
            again
        }
        known => known,
    }
}

fn report(
    verdict: &Result<Proof, Refusal>,
    unverified: &Unverified,
    claims: &Map<String, Value>,
    (kind, section): (&str, &str),
    now_s: i64,
) -> String {
    let mut text = match verdict {
        Ok(_) => format!("valid {kind} token\n"),
        Err(refusal) => format!("not valid as a {kind} token: {refusal}\n"),
    };
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<12}{value}");
    };
    line("algorithm", unverified.algorithm.name());
    if let Ok(proof) = verdict {
        line("verified by", &format!("{section}: {}", proof.key));
    } else if !unverified.key_id.is_empty() {
        line("names key", &format!("{:?}", unverified.key_id));
    }
    for (claim, name) in [("nbf", "valid from"), ("exp", "expires"), ("expire_at", "ends"), ("iat", "issued")]
    {
        if let Some(time_s) = claims.get(claim).and_then(Value::as_i64) {
            // An `expire_at` of 0 is not a date: the connection has no end.
            let shown = if claim == "expire_at" && time_s <= 0 {
                "never".into()
            } else {
                date::display(time_s, now_s)
            };
            line(name, &shown);
        }
    }
    if !claims.contains_key("exp") {
        line("expires", "never");
    }
    let heading = if verdict.is_ok() { "claims" } else { "claims, as far as the token says" };
    let claims = serde_json::to_string_pretty(claims).unwrap_or_default().replace('\n', "\n  ");
    let _ = writeln!(text, "  {heading}\n  {claims}");
    text
}
