//! `wavecast token create`: a token for a connection or for a subscription.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use wavecast_server::config::{Config, Secret};
use wavecast_server::token::{Algorithm, Refusal, Signer, Verifiers};

use super::date::now_s;
use crate::configuration::Configuration;
use crate::exit::wrong_use;

/// Makes a token
///
/// It is signed with hmac_secret_key of the configuration (client.token, or client.subscription_token where that is
/// enabled), or with --private-key, and goes to standard output, alone. Whether the configuration would take it is said
/// on standard error.
#[derive(Args, Debug)]
pub(super) struct Create {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Subcommand, Debug)]
enum Kind {
    Connection(Connection),
    Subscription(Subscription),
}

/// Makes a token that a client connects with
#[derive(Args, Debug)]
struct Connection {
    /// Channel to be subscribed to with the connection; may be given several times
    #[arg(long = "channel", value_name = "CHANNEL")]
    channels: Vec<String>,
    #[command(flatten)]
    token: Token,
}

/// Makes a token that a client subscribes to one channel with
#[derive(Args, Debug)]
struct Subscription {
    /// The channel
    #[arg(long)]
    channel: String,
    #[command(flatten)]
    token: Token,
}

#[derive(Args, Debug)]
struct Token {
    /// The user's id; without it the user is anonymous
    #[arg(long, default_value = "", hide_default_value = true)]
    user: String,
    /// How long it can be used: 30s, 10m, 1h or 7d; 0 = for ever
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = seconds)]
    ttl: i64,
    /// What others learn of the user, as JSON
    #[arg(long, value_name = "JSON", value_parser = json_value)]
    info: Option<Value>,
    /// Id of the token (jti), by which it can be revoked
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Further claims, a JSON object; they win over what the other options say, and null takes a claim out
    #[arg(long, value_name = "JSON", value_parser = json_object)]
    claims: Option<Map<String, Value>>,
    /// Private key to sign with: a PEM file
    #[arg(long, value_name = "FILE")]
    private_key: Option<String>,
    /// Algorithm; without it HS256, or the first that the private key is for
    #[arg(long, value_name = "NAME", value_parser = algorithm)]
    algorithm: Option<Algorithm>,
    /// Name of the key in a key set (kid)
    #[arg(long, value_name = "NAME")]
    kid: Option<String>,
    #[command(flatten)]
    configuration: Configuration,
}

/// Exit codes: 0 made, 2 wrong use, a configuration that cannot be read or a key that does not sign.
pub(super) fn run(create: &Create) -> ExitCode {
    match make(create) {
        Ok(token) => {
            println!("{token}");
            ExitCode::SUCCESS
        }
        Err(error) => wrong_use(&error),
    }
}

fn make(create: &Create) -> Result<String, String> {
    let (token, is_subscription) = match &create.kind {
        Kind::Connection(connection) => (&connection.token, false),
        Kind::Subscription(subscription) => (&subscription.token, true),
    };
    let config = token.configuration.load().map_err(|error| error.to_string())?.config;
    let signer = token.signer(secret(&config, is_subscription))?;
    let now_s = now_s();
    let mut claims = token.claims(now_s);
    match &create.kind {
        Kind::Subscription(subscription) => {
            claims.insert("channel".into(), subscription.channel.clone().into())
        }
        Kind::Connection(connection) if !connection.channels.is_empty() => {
            claims.insert("channels".into(), json!(connection.channels))
        }
        Kind::Connection(_) => None,
    };
    for (name, value) in token.claims.iter().flatten() {
        claims.insert(name.clone(), value.clone());
    }
    claims.retain(|_, value| !value.is_null());
    let made = signer.sign(&claims, token.kid.as_deref()).map_err(|error| error.to_string())?;
    if let Some(problem) = objection(&config, is_subscription, &made, now_s) {
        eprintln!("wavecast: the server would not take this token: {problem}");
    }
    Ok(made)
}

/// The secret that the server would verify such a token with.
fn secret(config: &Config, is_subscription: bool) -> &Secret {
    let own = &config.client.subscription_token;
    let token = if is_subscription && own.enabled { &own.token } else { &config.client.token };
    &token.hmac_secret_key
}

/// Why a server with this configuration would refuse the token; `None` as well when only a key set could say.
fn objection(config: &Config, is_subscription: bool, token: &str, now_s: i64) -> Option<String> {
    let verifiers = match Verifiers::new(&config.client) {
        Ok(verifiers) => verifiers,
        Err(error) => return Some(error.to_string()),
    };
    let verified = if is_subscription {
        verifiers.subscription.verify_subscription(token, now_s).map(|_| ())
    } else {
        verifiers.connection.verify_connection(token, now_s).map(|_| ())
    };
    match verified {
        Ok(()) | Err(Refusal::KeyWanted(_)) => None,
        Err(refusal) => Some(refusal.to_string()),
    }
}

impl Token {
    fn claims(&self, now_s: i64) -> Map<String, Value> {
        let mut claims = Map::new();
        claims.insert("sub".into(), self.user.clone().into());
        claims.insert("iat".into(), now_s.into());
        if self.ttl > 0 {
            claims.insert("exp".into(), now_s.saturating_add(self.ttl).into());
        }
        if let Some(info) = &self.info {
            claims.insert("info".into(), info.clone());
        }
        if let Some(id) = &self.id {
            claims.insert("jti".into(), id.clone().into());
        }
        claims
    }

    fn signer(&self, secret: &Secret) -> Result<Signer, String> {
        let Some(key) = &self.private_key else {
            if secret.is_empty() {
                return Err(
                    "the configuration has no hmac_secret_key to sign with; give --private-key".into()
                );
            }
            let algorithm = self.algorithm.unwrap_or(Algorithm::Hs256);
            return Signer::hmac(algorithm, secret).map_err(|error| error.to_string());
        };
        if let Some(algorithm) = self.algorithm {
            return Signer::private_key(algorithm, key).map_err(|error| error.to_string());
        }
        let candidates =
            [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::EdDsa];
        let mut refused = String::new();
        for algorithm in candidates {
            match Signer::private_key(algorithm, key) {
                Ok(signer) => return Ok(signer),
                Err(error) => refused = error.to_string(),
            }
        }
        Err(refused)
    }
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    Algorithm::from_name(text).ok_or_else(|| {
        let names: Vec<_> = Algorithm::ALL.iter().map(|algorithm| algorithm.name()).collect();
        format!("must be one of {}", names.join(", "))
    })
}

fn json_value(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))
}

fn json_object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("is not a JSON object: {error}"))
}

fn seconds(text: &str) -> Result<i64, String> {
    const FORM: &str = "must be a time such as 30s, 10m, 1h or 7d, or 0";
    if text == "0" {
        return Ok(0);
    }
    let end = text.find(|c: char| !c.is_ascii_digit()).ok_or(FORM)?;
    let (number, unit) = text.split_at(end);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(FORM.into()),
    };
    number.parse::<i64>().ok().and_then(|number| number.checked_mul(seconds)).ok_or_else(|| FORM.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        for (text, expected) in [("0", 0), ("30s", 30), ("10m", 600), ("1h", 3600), ("7d", 604_800)] {
            assert_eq!(seconds(text), Ok(expected));
        }
        for text in
            ["", "1", "h", "-1h", "1.5h", "1 h", "1w", "1h30m", "9999999999999999999s", "99999999999999999d"]
        {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
