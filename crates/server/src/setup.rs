//! From the configuration to what verifies tokens and calls the back end.

use std::fmt;
use std::sync::Arc;

use crate::config::Config;
use crate::hooks::{HookError, Hooks, HttpHooks, Layers};
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
    // What they would warn of has been said when the configuration was loaded.
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
    let http = HttpHooks::new(&config.http_hooks()).map_err(SetupError::Hook)?;
    let mut layers: Vec<Arc<dyn Hooks>> = handlers.into_iter().collect();
    if http.wants() != Default::default() {
        layers.push(Arc::new(http));
    }
    Ok((!layers.is_empty()).then(|| Arc::new(Layers::new(layers)) as Arc<dyn Hooks>))
}
