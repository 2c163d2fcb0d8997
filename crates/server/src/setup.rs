//! From the configuration to what verifies tokens and calls the back end.

use std::fmt;
use std::sync::Arc;

use wavecast_net::tls::{ServerTls, TlsError};

use crate::acme::{self, Acme};
use crate::config::{Config, HttpServer, ListenerTlsError};
use crate::hooks::{HookError, Hooks, HttpHooks, Layers};
use crate::session::Verifiers;
use crate::token::{self, VerifiersError};

/// What of the configuration cannot be used. Secrets are not shown.
#[derive(Debug)]
pub enum SetupError {
    /// Keys of tokens.
    Keys(VerifiersError),
    /// The certificate of the listener, or its key.
    Tls(ListenerTlsError),
    /// Certificates that are to be fetched.
    Autocert(TlsError),
    /// A hook.
    Hook(HookError),
    /// Sections whose `endpoint` is `handler:`, and no handler inside the process wants what they are for. Never empty.
    NoHandler(Vec<String>),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
            Self::Autocert(error) => write!(f, "http_server.tls_autocert: {error}"),
            Self::Hook(error) => error.fmt(f),
            Self::NoHandler(sections) => write!(
                f,
                "the endpoint of {} is \"handler:\", and there is no handler inside the process that answers: set a URL, or \
                 serve from a program that brings one",
                sections.join(" and ")
            ),
        }
    }
}

impl std::error::Error for SetupError {}

/// TLS of the listener, and what fetches its certificates where that is configured. Reads files.
///
/// # Errors
/// Names what cannot be used.
pub(crate) fn tls(settings: &HttpServer) -> Result<(Option<ServerTls>, Option<Acme>), SetupError> {
    if settings.tls_autocert.enabled {
        let (tls, acme) = acme::prepare(settings).map_err(SetupError::Autocert)?;
        return Ok((Some(tls), Some(acme)));
    }
    Ok((settings.tls.load().map_err(SetupError::Tls)?, None))
}

/// Those who verify tokens, where keys are configured.
///
/// # Errors
/// Names every key that cannot be used.
pub(crate) fn verifiers(config: &Config) -> Result<Verifiers, SetupError> {
    let made = token::Verifiers::new(&config.client).map_err(SetupError::Keys)?;
    // What they would warn of has been said when the configuration was loaded.
    let with_keys = |verifier: Arc<token::Verifier>| Some(verifier).filter(|verifier| verifier.has_keys());
    Ok(Verifiers { connection: with_keys(made.connection), subscription: with_keys(made.subscription) })
}

/// Who answers hooks: Rust handlers first, then the back end that the configuration names.
///
/// # Errors
/// Names the first hook that cannot be called, and what is left to handlers that are not there.
pub(crate) fn hooks(config: &Config, handlers: Option<&Arc<dyn Hooks>>) -> Result<Layers, SetupError> {
    let wants = handlers.map(|handlers| handlers.wants()).unwrap_or_default();
    let unanswered = config.unanswered_hooks(wants);
    if !unanswered.is_empty() {
        return Err(SetupError::NoHandler(unanswered));
    }
    let http = HttpHooks::new(&config.http_hooks()).map_err(SetupError::Hook)?;
    let mut layers: Vec<Arc<dyn Hooks>> = handlers.into_iter().cloned().collect();
    if http.wants() != Default::default() {
        layers.push(Arc::new(http));
    }
    Ok(Layers::new(layers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Hook, Named};
    use crate::hooks::{Handlers, Hook as Kind, Wants};

    struct Wanting(Wants);

    impl Handlers for Wanting {
        fn wants(&self) -> Wants {
            self.0
        }
    }

    #[test]
    fn who_is_left_to_a_handler_needs_one() {
        let handler = Hook { endpoint: "handler:".into(), ..Hook::default() };
        let mut config = Config::default();
        config.client.proxy.refresh.hook = handler.clone();
        assert_eq!(hooks(&config, None).unwrap().wants(), Wants::NOTHING, "it is not switched on");
        config.client.proxy.connect.enabled = true;
        config.client.proxy.connect.hook = handler.clone();
        config.channel.proxy.publish = handler.clone();
        config.proxies.push(Named { name: "b".into(), settings: handler });
        let refused = |wants: &[Kind]| {
            let handlers = Wanting(wants.iter().copied().collect());
            let handlers: Arc<dyn Hooks> = Arc::new(handlers);
            hooks(&config, Some(&handlers)).err().map(|error| error.to_string()).unwrap_or_default()
        };
        let all = "client.proxy.connect and channel.proxy.publish and proxies.b is \"handler:\"";
        assert!(hooks(&config, None).err().unwrap().to_string().contains(all));
        assert!(refused(&[]).contains(all));
        assert!(refused(&[Kind::Connect, Kind::Rpc]).contains("endpoint of channel.proxy.publish is"));
        assert_eq!(refused(&[Kind::Connect, Kind::Publish]), "");
    }
}
