//! What verifying tokens needs of the configuration.

use super::settings::Config;
use crate::token::TokenLimits;

impl Config {
    /// What a token may cost at most.
    pub fn token_limits(&self) -> TokenLimits {
        TokenLimits { subscriptions_max: self.client.channel_limit }
    }
}
