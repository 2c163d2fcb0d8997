//! From the configuration to what verifies tokens and calls the back end.

use std::fmt;
use std::sync::Arc;

use crate::config::{self, Config};
use crate::hooks::{HookError, Hooks, HttpHooks, Layers};
use crate::session::Verifiers;
use crate::token::{KeyError, Verifier};

/// What of the configuration cannot be used. Secrets are not shown.
#[derive(Debug)]
pub enum SetupError {
    /// Keys of tokens.
    Keys {
        /// The section they stand in.
        section: &'static str,
        /// What is wrong with each.
        error: KeyError,
    },
    /// A hook.
    Hook(HookError),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys { section, error } => write!(f, "{section}: {error}"),
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
    let client = &config.client;
    // What a verifier would warn of has been said when the configuration was loaded.
    let verifier = |section, token: &config::Token| {
        let verifier = Verifier::new(&token.into(), config.token_limits());
        let verifier = verifier.map_err(|error| SetupError::Keys { section, error })?;
        Ok(Some(Arc::new(verifier)).filter(|_| token.has_key()))
    };
    let connection = verifier("client.token", &client.token)?;
    let own = &client.subscription_token;
    let subscription =
        if own.enabled { verifier("client.subscription_token", &own.token)? } else { connection.clone() };
    Ok(Verifiers { connection, subscription })
}

/// Who answers hooks: Rust handlers first, then the back end that the configuration names. `None` if nobody does.
///
/// # Errors
/// Names the first hook that cannot be called.
pub(crate) fn hooks(
    config: &Config,
    handlers: Option<Arc<dyn Hooks>>,
) -> Result<Option<Arc<dyn Hooks>>, SetupError> {
    let http = HttpHooks::new(&config.http_hooks()).map_err(SetupError::Hook)?;
    let mut layers: Vec<Arc<dyn Hooks>> = handlers.into_iter().collect();
    if http.wants() != Default::default() {
        layers.push(Arc::new(http));
    }
    Ok((!layers.is_empty()).then(|| Arc::new(Layers::new(layers)) as Arc<dyn Hooks>))
}
