//! Whom the server asks: key sets and hooks.

use std::sync::Arc;
use std::time::Duration;

use wavecast_server::config::Config;
use wavecast_server::hooks::{HookSettings, HttpSettings};
use wavecast_server::http_client::{FetchError, HttpClient, TlsOptions};
use wavecast_server::token::Verifiers;

use super::client::http_client;
use super::clock::Clock;
use super::finding::Finding;

/// Keys for tokens, and the key sets among them.
pub(super) async fn key_sets(config: &Config, timeout: Duration, clock: &Clock) -> Vec<Finding> {
    let verifiers = match Verifiers::new(&config.client) {
        Ok(verifiers) => verifiers,
        Err(error) => return vec![Finding::problem("tokens", &error.to_string(), "")],
    };
    let mut findings = Vec::new();
    let own = &config.client.subscription_token;
    let mut sections = vec![("client.token", &verifiers.connection, &config.client.token)];
    if !Arc::ptr_eq(&verifiers.connection, &verifiers.subscription) {
        sections.push(("client.subscription_token", &verifiers.subscription, &own.token));
    }
    for (section, verifier, token) in sections {
        let subject = format!("{section}.jwks_public_endpoint");
        match verifier.try_key_set().await {
            Some(Ok(keys)) => {
                findings.push(Finding::ok(&subject, &format!("{keys} keys")));
                findings.extend(date(token.jwks_public_endpoint.expose(), &subject, timeout, clock).await);
            }
            Some(Err(problem)) => findings.push(Finding::problem(
                &subject,
                &problem,
                "tokens are refused until it answers: is the URL right, and can it be reached from here?",
            )),
            None if token.jwks_public_endpoint.is_empty() => {}
            None => findings.push(Finding::ok(&subject, "not asked: its address depends on the token")),
        }
    }
    findings
}

/// The clock of whoever signs, against ours.
async fn date(url: &str, whose: &str, timeout: Duration, clock: &Clock) -> Option<Finding> {
    let answer = http_client(whose, timeout, TlsOptions::default()).ok()?.get(url).await.ok()?;
    clock.compare(whose, answer.headers().get("date").and_then(|date| date.to_str().ok()))
}

/// Every hook that is called over HTTP, each address once.
pub(super) async fn hooks(config: &Config, timeout: Duration, clock: &Clock) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut asked: Vec<&str> = Vec::new();
    let settings = config.http_hooks();
    for (name, hook) in all(&settings) {
        if asked.contains(&hook.endpoint.as_str()) {
            continue;
        }
        asked.push(&hook.endpoint);
        let subject = format!("hook {name}");
        match http_client(&subject, timeout, hook.tls.clone()) {
            Ok(client) => findings.extend(ask(&client, &subject, hook, clock).await),
            Err(finding) => findings.push(finding),
        }
    }
    findings
}

fn all(settings: &HttpSettings) -> Vec<(String, &HookSettings)> {
    let own = settings.own.iter().map(|(kind, hook)| (kind.name().to_owned(), hook));
    own.chain(settings.named.iter().map(|(name, hook)| (format!("{name:?}"), hook))).collect()
}

/// A GET, so that nothing is done there: hooks are called with POST.
async fn ask(client: &HttpClient, subject: &str, hook: &HookSettings, clock: &Clock) -> Vec<Finding> {
    let answer = match client.get(&hook.endpoint).await {
        Ok(answer) => answer,
        Err(error) => {
            let remedy = match error {
                FetchError::Connect(_) => {
                    "is it running, is the address right, and can it be reached from here?"
                }
                FetchError::TimedOut(_) => {
                    "clients wait as long, and are refused then: what is it waiting for?"
                }
                FetchError::TooLarge(_) | FetchError::Broken(_) => "is it an HTTP server?",
            };
            return vec![Finding::problem(subject, &error.to_string(), remedy)];
        }
    };
    let status = answer.status().as_u16();
    let text = format!("it answers ({status} to a GET)");
    let mut findings = vec![match status {
        404 => Finding::warning(
            subject,
            &text,
            "that is right where only POST has a handler; is the path right?",
        ),
        300..=399 => {
            Finding::warning(subject, &text, "redirects are not followed: give the address it leads to")
        }
        500.. => Finding::warning(subject, &text, "is it well, and is what stands before it?"),
        _ => Finding::ok(subject, &text),
    }];
    findings.extend(clock.compare(subject, answer.headers().get("date").and_then(|date| date.to_str().ok())));
    findings
}
