//! What may be wrong with a token section of the configuration, and what a token may cost.

use std::fmt;

/// What a token may cost at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenLimits {
    /// Server-side subscriptions (`subs`, `channels`) of one token, default 128: `client.channel_limit`.
    pub subscriptions_max: usize,
}

impl Default for TokenLimits {
    fn default() -> Self {
        Self { subscriptions_max: 128 }
    }
}

/// One thing that is wrong: the key, without the section before it, and what is wrong with it. No value is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyProblem {
    /// The key's name within the section, such as `rsa_public_key`.
    pub key: &'static str,
    /// What is wrong, to follow the key's name.
    pub problem: String,
}

/// Everything that is wrong with a token section. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyError(pub Vec<KeyProblem>);

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, KeyProblem { key, problem }) in self.0.iter().enumerate() {
            write!(f, "{}{key} {problem}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for KeyError {}
