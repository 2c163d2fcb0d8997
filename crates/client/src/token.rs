//! Where tokens come from: fixed ones, and call-backs that fetch one.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;

/// What a failed token source may return: [`Unauthorized`] for "no access", anything else for "try
/// again later".
pub type TokenError = Box<dyn Error + Send + Sync>;

/// The answer of a token source that there is no token and none to be had: the client, or the
/// subscription, ends with code 101 instead of trying again.
///
/// ```
/// use wavecast_client::{SubscriptionToken, Unauthorized};
///
/// let token = SubscriptionToken::fetched(|channel| async move {
///     match channel.as_str() {
///         "staff" => Err(Unauthorized.into()),
///         _ => Ok(format!("a token for {channel}, from the back end")),
///     }
/// });
/// # drop(token);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unauthorized;

impl fmt::Display for Unauthorized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unauthorized")
    }
}

impl Error for Unauthorized {}

type Fetching = Pin<Box<dyn Future<Output = Result<String, TokenError>> + Send>>;

/// Where the connection token comes from.
#[derive(Clone)]
pub struct Token(Source<dyn Fn() -> Fetching + Send + Sync>);

/// Where the token of a subscription comes from.
#[derive(Clone)]
pub struct SubscriptionToken(Source<dyn Fn(String) -> Fetching + Send + Sync>);

enum Source<F: ?Sized> {
    Fixed(String),
    Fetch(Arc<F>),
}

impl Token {
    /// One token for the life of the client. When it has expired, the client closes with code 109.
    pub fn fixed(token: impl Into<String>) -> Self {
        Self(Source::Fixed(token.into()))
    }

    /// Asks `fetch` for a token before the first connect, when the time of the one that it gave is up,
    /// and whenever the server says that it has expired. While `fetch` fails, does not answer within
    /// the [`connect_timeout`](crate::Options::connect_timeout) or panics, the client tries again, with
    /// back-off; with [`Unauthorized`] it ends.
    pub fn fetched<F, R>(fetch: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<String, TokenError>> + Send + 'static,
    {
        Self(Source::Fetch(Arc::new(move || Box::pin(fetch()))))
    }

    pub(crate) fn is_fixed(&self) -> bool {
        matches!(self.0, Source::Fixed(_))
    }

    pub(crate) async fn get(self, within: Duration) -> Result<String, NoToken> {
        match self.0 {
            Source::Fixed(token) => Ok(token),
            Source::Fetch(fetch) => guarded(async move { fetch().await }, within).await,
        }
    }
}

impl SubscriptionToken {
    /// One token for the life of the subscription. When it has expired, the subscription ends with
    /// code 109.
    pub fn fixed(token: impl Into<String>) -> Self {
        Self(Source::Fixed(token.into()))
    }

    /// Asks `fetch`, which is given the channel, for a token before the first subscribe, when the time
    /// of the one that it gave is up, and whenever the server says that it has expired. While `fetch`
    /// fails, does not answer within the [`connect_timeout`](crate::Options::connect_timeout) or
    /// panics, the subscription tries again, with back-off; with [`Unauthorized`] it ends.
    ///
    /// The client makes at most 16 such calls at a time, for all its subscriptions together.
    pub fn fetched<F, R>(fetch: F) -> Self
    where
        F: Fn(String) -> R + Send + Sync + 'static,
        R: Future<Output = Result<String, TokenError>> + Send + 'static,
    {
        Self(Source::Fetch(Arc::new(move |channel| Box::pin(fetch(channel)))))
    }

    /// The token, if no call is needed for it.
    pub(crate) fn as_fixed(&self) -> Option<&str> {
        match &self.0 {
            Source::Fixed(token) => Some(token),
            Source::Fetch(_) => None,
        }
    }

    pub(crate) async fn get(self, channel: String, within: Duration) -> Result<String, NoToken> {
        match self.0 {
            Source::Fixed(token) => Ok(token),
            Source::Fetch(fetch) => guarded(async move { fetch(channel).await }, within).await,
        }
    }
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoToken {
    /// There is none to be had.
    Unauthorized,
    /// The reason; another try may succeed.
    Failed(String),
}

/// Waits for a call-back of the user's, which may hang or panic.
async fn guarded(
    fetching: impl Future<Output = Result<String, TokenError>>,
    within: Duration,
) -> Result<String, NoToken> {
    let mut fetching = Box::pin(fetching);
    let caught = std::future::poll_fn(move |cx| {
        // What panicked is never polled again.
        let polled = catch_unwind(AssertUnwindSafe(|| fetching.as_mut().poll(cx)));
        polled.unwrap_or_else(|_| Poll::Ready(Err("the call-back panicked".into())))
    });
    match timeout(within, caught).await {
        Ok(Ok(token)) if token.is_empty() => Err(NoToken::Unauthorized),
        Ok(Ok(token)) => Ok(token),
        Ok(Err(error)) if error.is::<Unauthorized>() => Err(NoToken::Unauthorized),
        Ok(Err(error)) => Err(NoToken::Failed(format!("no token: {error}"))),
        Err(_) => Err(NoToken::Failed("no token within the time-out".to_owned())),
    }
}

impl<F: ?Sized> Clone for Source<F> {
    fn clone(&self) -> Self {
        match self {
            Self::Fixed(token) => Self::Fixed(token.clone()),
            Self::Fetch(fetch) => Self::Fetch(fetch.clone()),
        }
    }
}

/// Tokens stay out of logs.
impl<F: ?Sized> fmt::Debug for Source<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Fixed(_)) { "fixed" } else { "fetched" })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({:?})", self.0)
    }
}

impl fmt::Debug for SubscriptionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubscriptionToken({:?})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_back_may_refuse_fail_panic_or_hang() {
        let get = |fetch: fn() -> Fetching| Token(Source::Fetch(Arc::new(fetch))).get(Duration::from_secs(5));
        assert_eq!(get(|| Box::pin(async { Ok("a".to_owned()) })).await, Ok("a".to_owned()));
        assert_eq!(get(|| Box::pin(async { Ok(String::new()) })).await, Err(NoToken::Unauthorized));
        assert_eq!(get(|| Box::pin(async { Err(Unauthorized.into()) })).await, Err(NoToken::Unauthorized));
        let failed = |reason: &str| Err(NoToken::Failed(reason.to_owned()));
        assert_eq!(get(|| Box::pin(async { Err("away".into()) })).await, failed("no token: away"));
        assert_eq!(get(|| Box::pin(std::future::pending())).await, failed("no token within the time-out"));
        let panicked = failed("no token: the call-back panicked");
        assert_eq!(get(|| Box::pin(async { panic!("oh") })).await, panicked);
        assert_eq!(get(|| panic!("oh")).await, panicked);
    }
}
