//! What hooks need of the configuration.

use wavecast_protocol::centrifuge::{Disconnect, Error};

use super::keys::{List, placed_hooks};
use super::settings::{Config, Hook, StatusOutcome, StatusTransform, Tls};
use crate::hooks::{
    EventSettings, Hook as Kind, HookSettings, HttpSettings, Meaning, StatusTransform as Transform, Wants,
};
use crate::http_client::TlsOptions;

impl Config {
    /// The hooks that are called over HTTP. One that a handler inside the process answers is not among them.
    pub fn http_hooks(&self) -> HttpSettings {
        let own = placed_hooks(self).filter(|placed| placed.is_on != Some(false));
        HttpSettings {
            own: own.filter_map(|placed| Some((placed.kind, over_http(placed.hook)?))).collect(),
            named: self
                .proxies
                .iter()
                .filter_map(|entry| Some((entry.name.clone(), over_http(&entry.settings)?)))
                .collect(),
        }
    }

    /// The sections that leave their hook to a handler inside the process (`handler:`) where there is none that wants it.
    pub fn unanswered_hooks(&self, wants: Wants) -> Vec<String> {
        let own = placed_hooks(self)
            .filter(|placed| {
                placed.is_on != Some(false) && placed.hook.is_handler() && !wants.has(placed.kind)
            })
            .map(|placed| placed.section.to_owned());
        let wants_named = Kind::NAMED.into_iter().any(|kind| wants.has(kind));
        let named = self
            .proxies
            .iter()
            .filter(|entry| entry.settings.is_handler() && !wants_named)
            .map(|entry| format!("{}.{}", List::Hooks.path(), entry.name));
        own.chain(named).collect()
    }

    /// How events wait for their hooks.
    pub fn event_queue(&self) -> EventSettings {
        let events = &self.events;
        EventSettings {
            events_max: events.queue_size,
            bytes_max: events.queue_max_size,
            concurrency: events.concurrency,
            backoff_min: events.retry_delay_min,
            backoff_max: events.retry_delay_max,
            give_up_after: events.give_up_after,
            channel_vacated_delay: self.channel.vacated_delay,
            ..EventSettings::default()
        }
    }
}

fn over_http(hook: &Hook) -> Option<HookSettings> {
    let called = !hook.endpoint.is_empty() && !hook.is_handler();
    called.then(|| HookSettings {
        endpoint: hook.endpoint.expose().to_owned(),
        timeout: hook.timeout,
        http_headers: hook.http_headers.clone(),
        emulated_headers: hook.emulated_headers.clone(),
        static_headers: hook
            .static_headers
            .iter()
            .map(|(name, value)| (name.clone(), value.expose().to_owned()))
            .collect(),
        tls: (&hook.tls).into(),
        include_connection_meta: hook.include_connection_meta,
        binary_encoding: hook.binary_encoding,
        status_to_code_transforms: hook.status_to_code_transforms.iter().map(transform).collect(),
        concurrency: hook.concurrency,
    })
}

impl From<&Tls> for TlsOptions {
    fn from(tls: &Tls) -> Self {
        Self {
            enabled: tls.enabled,
            cert_pem: tls.cert_pem.clone(),
            key_pem: tls.key_pem.clone(),
            server_ca_pem: tls.server_ca_pem.clone(),
            insecure_skip_verify: tls.insecure_skip_verify,
            server_name: tls.server_name.clone(),
        }
    }
}

fn transform(transform: &StatusTransform) -> Transform {
    let to = match &transform.outcome {
        StatusOutcome::Error { code, message, temporary } => {
            Meaning::Error(Error { code: *code, message: message.clone().into(), temporary: *temporary })
        }
        StatusOutcome::Disconnect { code, reason } => {
            Meaning::Disconnect(Disconnect { code: *code, reason: reason.clone().into() })
        }
    };
    Transform { status_code: transform.status, to }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_configured_is_as_hooks_have_it_themselves() {
        let mut config = Config::default();
        assert_eq!(config.event_queue(), EventSettings::default());
        config.rpc.proxy.endpoint = "http://localhost".into();
        let settings = HookSettings { endpoint: "http://localhost".into(), ..HookSettings::default() };
        assert_eq!(config.http_hooks().own, [(Kind::Rpc, settings)].into());
    }
}
