//! From the configuration to what verifies tokens and calls the back end.

use std::fmt;
use std::sync::Arc;

use crate::config::{self, Config};
use crate::hooks::{
    EventSettings, HookError, HookSettings, Hooks, HttpHooks, HttpSettings, Layers, Meaning, StatusTransform,
};
use crate::http_client::TlsOptions;
use crate::session::Verifiers;
use crate::token::{self, VerifiersError};

/// What of the configuration cannot be used. Secrets are not shown.
#[derive(Debug)]
pub enum SetupError {
    /// Keys of tokens.
    Keys(VerifiersError),
    /// A hook.
    Hook(HookError),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys(error) => error.fmt(f),
            Self::Hook(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SetupError {}

/// Those who verify tokens, where keys are configured.
///
/// # Errors
/// Names every key that cannot be used.
pub(crate) fn verifiers(config: &Config) -> Result<Verifiers, SetupError> {
    let made = token::Verifiers::new(&config.client).map_err(SetupError::Keys)?;
    for warning in made.warnings() {
        tracing::warn!("{warning}");
    }
    let with_keys = |verifier: Arc<token::Verifier>| Some(verifier).filter(|verifier| verifier.has_keys());
    Ok(Verifiers { connection: with_keys(made.connection), subscription: with_keys(made.subscription) })
}

/// Who answers hooks: Rust handlers first, then the back end that the configuration names. `None` if nobody does.
///
/// # Errors
/// Names the first hook that cannot be called.
pub(crate) fn hooks(
    config: &Config,
    handlers: Option<Arc<dyn Hooks>>,
) -> Result<Option<Arc<dyn Hooks>>, SetupError> {
    let http = HttpHooks::new(&http_settings(config)).map_err(SetupError::Hook)?;
    let mut layers: Vec<Arc<dyn Hooks>> = handlers.into_iter().collect();
    if http.wants() != Default::default() {
        layers.push(Arc::new(http));
    }
    Ok((!layers.is_empty()).then(|| Arc::new(Layers::new(layers)) as Arc<dyn Hooks>))
}

/// How events are queued.
pub(crate) fn event_settings(config: &Config) -> EventSettings {
    let events = &config.events;
    EventSettings {
        events_max: events.queue_size,
        backoff_min: events.retry_delay_min,
        backoff_max: events.retry_delay_max,
        give_up_after: events.give_up_after,
        channel_vacated_delay: config.channel.vacated_delay,
        ..EventSettings::default()
    }
}

fn http_settings(config: &Config) -> HttpSettings {
    let (client, channel) = (&config.client.proxy, &config.channel.proxy);
    let called =
        |hook: &config::Hook| (!hook.endpoint.is_empty() && !hook.is_handler()).then(|| hook_settings(hook));
    let named =
        config.proxies.iter().filter_map(|named| Some((named.name.clone(), called(&named.settings)?)));
    HttpSettings {
        connect: client.connect.on().and_then(called),
        refresh: client.refresh.on().and_then(called),
        subscribe: called(&channel.subscribe),
        sub_refresh: called(&channel.sub_refresh),
        publish: called(&channel.publish),
        rpc: called(&config.rpc.proxy),
        named: named.collect(),
        disconnected: client.disconnected.on().and_then(called),
        unsubscribed: called(&channel.unsubscribed),
        occupancy: called(&channel.state),
    }
}

fn hook_settings(hook: &config::Hook) -> HookSettings {
    let transforms = hook
        .status_to_code_transforms
        .iter()
        .cloned()
        .map(|transform| StatusTransform { status_code: transform.status, to: meaning(transform.outcome) });
    let headers = hook.static_headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned()));
    HookSettings {
        endpoint: hook.endpoint.expose().to_owned(),
        timeout: hook.timeout,
        http_headers: hook.http_headers.clone(),
        emulated_headers: hook.emulated_headers.clone(),
        static_headers: headers.collect(),
        tls: TlsOptions {
            enabled: hook.tls.enabled,
            cert_pem: hook.tls.cert_pem.clone(),
            key_pem: hook.tls.key_pem.clone(),
            server_ca_pem: hook.tls.server_ca_pem.clone(),
            insecure_skip_verify: hook.tls.insecure_skip_verify,
            server_name: hook.tls.server_name.clone(),
        },
        include_connection_meta: hook.include_connection_meta,
        binary_encoding: hook.binary_encoding,
        status_to_code_transforms: transforms.collect(),
        concurrency: hook.concurrency,
    }
}

fn meaning(outcome: config::StatusOutcome) -> Meaning {
    use wavecast_protocol::centrifuge::{Disconnect, Error};
    match outcome {
        config::StatusOutcome::Error { code, message, temporary } => {
            Meaning::Error(Error { code, message: message.into(), temporary })
        }
        config::StatusOutcome::Disconnect { code, reason } => {
            Meaning::Disconnect(Disconnect { code, reason: reason.into() })
        }
    }
}
