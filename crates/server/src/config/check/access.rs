//! Who may connect: tokens, and the channel that each user is subscribed to.

use crate::config::assemble::Assembly;
use crate::config::settings::{Config, Token};
use crate::token::{Verifiers, VerifiersError};

pub(super) fn check(assembly: &mut Assembly, config: &Config) {
    let client = &config.client;
    // What makes sense of a section of tokens is for the room that verifies them to say.
    match Verifiers::new(client) {
        Ok(verifiers) => verifiers.warnings().iter().for_each(|warning| assembly.warn(warning)),
        Err(VerifiersError(problems)) => {
            for (key, problem) in problems {
                assembly.complain_unseen(&key, problem);
            }
        }
    }
    check_previous_secret(assembly, "client.token", &client.token);
    if client.subscription_token.enabled {
        let token = &client.subscription_token.token;
        check_previous_secret(assembly, "client.subscription_token", token);
        if !token.has_key() {
            let allowed = "needs a key below client.subscription_token, such as hmac_secret_key; without one every \
                           subscription token would be refused";
            assembly.complain("client.subscription_token.enabled", "true".into(), allowed.into());
        }
    } else if client.subscription_token.token.has_key() {
        assembly.warn(
            "client.subscription_token has keys, but is not enabled: subscription tokens are verified with those of \
             client.token",
        );
    }
    if !client.token.has_key() && claims_are_checked(&client.token) {
        assembly.warn("client.token says what claims must be, but has no key: every token will be refused");
    }
    let anybody_connects = client.insecure
        || client.allow_anonymous_connect_without_token
        || client.token.has_key()
        || client.proxy.connect.enabled
        || !client.user_id_http_header.is_empty();
    if !anybody_connects {
        assembly.warn(
            "no client can connect: set a key below client.token, enable client.proxy.connect, or set \
             client.allow_anonymous_connect_without_token",
        );
    }
    check_personal_channel(assembly, config);
}

fn check_previous_secret(assembly: &mut Assembly, section: &str, token: &Token) {
    if token.hmac_previous_secret_key_valid_until > 0 && token.hmac_previous_secret_key.is_empty() {
        let key = format!("{section}.hmac_previous_secret_key_valid_until");
        assembly.warn_of(&key, "there is no hmac_previous_secret_key that it could end");
    }
}

fn claims_are_checked(token: &Token) -> bool {
    [&token.audience, &token.audience_regex, &token.issuer, &token.issuer_regex, &token.user_id_claim]
        .into_iter()
        .any(|claim| !claim.is_empty())
}

fn check_personal_channel(assembly: &mut Assembly, config: &Config) {
    const SECTION: &str = "client.subscribe_to_user_personal_channel";
    let personal = &config.client.subscribe_to_user_personal_channel;
    if !personal.enabled {
        return;
    }
    let name = &personal.personal_channel_namespace;
    let settings = if name.is_empty() {
        Some(&config.channel.without_namespace)
    } else {
        config.channel.namespaces.iter().find(|entry| entry.name == *name).map(|entry| &entry.settings)
    };
    match settings {
        None => assembly.complain(
            &format!("{SECTION}.personal_channel_namespace"),
            format!("{name:?}"),
            "is not in channel.namespaces".into(),
        ),
        Some(settings) if personal.single_connection && !settings.presence => assembly.complain(
            &format!("{SECTION}.single_connection"),
            "true".into(),
            "needs presence in the namespace of the personal channel".into(),
        ),
        Some(_) => {}
    }
}
