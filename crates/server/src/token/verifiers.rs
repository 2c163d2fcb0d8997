//! The two verifiers of a server: for connections and for subscriptions.

use std::fmt;
use std::sync::Arc;

use super::settings::{KeyError, TokenLimits};
use super::verifier::Verifier;
use crate::config::{Client, Token};

/// What verifies the tokens of clients. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Verifiers {
    /// For connection tokens: `client.token`.
    pub connection: Arc<Verifier>,
    /// For subscription tokens: `client.subscription_token` when that is enabled, else the same as for connections,
    /// key sets and their cache included.
    pub subscription: Arc<Verifier>,
}

/// Everything that is wrong with the keys of both sections: the whole key, and what is wrong with it. No value is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiersError(pub Vec<(String, String)>);

impl fmt::Display for VerifiersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tokens cannot be verified as configured:")?;
        self.0.iter().try_for_each(|(key, problem)| write!(f, "\n  {key} {problem}"))
    }
}

impl std::error::Error for VerifiersError {}

const CONNECTION: &str = "client.token";
const SUBSCRIPTION: &str = "client.subscription_token";

impl Verifiers {
    /// Makes both of the configuration; reads the files that it names.
    ///
    /// # Errors
    /// Everything that is wrong at once.
    pub fn new(client: &Client) -> Result<Self, VerifiersError> {
        let limits = TokenLimits { subscriptions_max: client.channel_limit };
        let mut problems = Vec::new();
        let mut make = |section: &str, token: &Token| match Verifier::new(token, limits) {
            Ok(verifier) => Some(Arc::new(verifier)),
            Err(KeyError(wrong)) => {
                problems.extend(wrong.into_iter().map(|one| (format!("{section}.{}", one.key), one.problem)));
                None
            }
        };
        let connection = make(CONNECTION, &client.token);
        let own = &client.subscription_token;
        let subscription =
            if own.enabled { make(SUBSCRIPTION, &own.token) } else { connection.as_ref().map(Arc::clone) };
        match (connection, subscription) {
            (Some(connection), Some(subscription)) => Ok(Self { connection, subscription }),
            _ => Err(VerifiersError(problems)),
        }
    }

    /// What the operator should know, beginning with the whole key that it is about.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let of = |section: &str, verifier: &Verifier| {
            verifier.warnings().iter().map(|warning| format!("{section}.{warning}")).collect::<Vec<_>>()
        };
        let mut warnings = of(CONNECTION, &self.connection);
        if !Arc::ptr_eq(&self.connection, &self.subscription) {
            warnings.extend(of(SUBSCRIPTION, &self.subscription));
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SubscriptionToken;

    fn client(token: &str, own: Option<&str>) -> Client {
        let with = |key: &str| Token { rsa_public_key: key.into(), ..Token::default() };
        Client {
            token: with(token),
            subscription_token: SubscriptionToken { enabled: own.is_some(), token: with(own.unwrap_or("?")) },
            ..Client::default()
        }
    }

    #[test]
    fn subscriptions_have_keys_of_their_own_where_that_is_enabled() {
        let same = Verifiers::new(&client("", None)).unwrap();
        assert!(Arc::ptr_eq(&same.connection, &same.subscription), "what is not enabled does not count");
        let own = Verifiers::new(&client("", Some(""))).unwrap();
        assert!(!Arc::ptr_eq(&own.connection, &own.subscription));
    }

    #[test]
    fn what_is_wrong_in_both_sections_is_named_at_once() {
        let VerifiersError(problems) = Verifiers::new(&client("?", Some("?"))).unwrap_err();
        let keys: Vec<_> = problems.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["client.token.rsa_public_key", "client.subscription_token.rsa_public_key"]);
    }
}
