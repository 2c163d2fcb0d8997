//! Who answers hooks: a trait to write handlers with, and one to hold them by.

use std::future::{Future, ready};
use std::pin::Pin;
use std::time::Duration;

use super::answer::Answer;
use super::calls::{
    ConnectCall, ConnectGrant, PublishCall, PublishGrant, RefreshCall, RefreshGrant, RpcCall, RpcGrant,
    SubRefreshCall, SubRefreshGrant, SubscribeCall, SubscribeGrant,
};
use super::events::{Disconnected, Event, Undelivered, Unsubscribed, What};
use super::headers::HeaderNames;
use super::kind::{Hook, Wants};

/// The longest that a handler may take where nothing else is said: 10 s.
pub const HANDLER_LIMIT: Duration = Duration::from_secs(10);

/// Hooks as Rust functions: implement what [`wants`](Self::wants) names, as plain `async fn`s, and leave the rest.
///
/// A handler runs on the server's runtime and must not block. One that panics, or takes longer than the longest
/// limit of all hooks, is answered for with error 100. A future may be dropped before it is done.
///
/// One that publishes, or asks who is there, is made with the node that it is for:
/// [`PushServer::start_with`](crate::PushServer::start_with) gives it.
///
/// ```
/// use wavecast_server::hooks::{Answer, Handlers, Hook, SubscribeCall, SubscribeGrant, Wants};
///
/// struct Rooms;
///
/// impl Handlers for Rooms {
///     fn wants(&self) -> Wants {
///         Wants::NOTHING.and(Hook::Subscribe)
///     }
///
///     async fn subscribe(&self, call: SubscribeCall) -> Answer<SubscribeGrant> {
///         if call.channel.ends_with(&*call.caller.user) {
///             Answer::Ok(SubscribeGrant::default())
///         } else {
///             Answer::Error(wavecast_protocol::centrifuge::Error::PERMISSION_DENIED)
///         }
///     }
/// }
/// ```
pub trait Handlers: Send + Sync {
    /// What is handled. Asked once, at the start; what is not named is never called.
    fn wants(&self) -> Wants;

    /// Headers of a client that calls shall carry. Asked once, at the start. Default: none.
    fn headers(&self) -> HeaderNames {
        HeaderNames::default()
    }

    /// The longest that a call, or the delivery of one event, may take. Asked once, at the start. Default
    /// [`HANDLER_LIMIT`].
    fn limit(&self) -> Duration {
        HANDLER_LIMIT
    }

    /// May this client connect, and as whom? Not handled: it is anonymous, where that is allowed.
    fn connect(&self, _call: ConnectCall) -> impl Future<Output = Answer<ConnectGrant>> + Send {
        ready(Answer::NotHandled)
    }

    /// Is this connection still good? An error that is temporary leaves it 60 s more, then this is asked again;
    /// [`Answer::Disconnect`] ends it with its code; any other error, and not handled, with 3005.
    fn refresh(&self, _call: RefreshCall) -> impl Future<Output = Answer<RefreshGrant>> + Send {
        ready(Answer::NotHandled)
    }

    /// May this client subscribe? Not handled: error 108.
    fn subscribe(&self, _call: SubscribeCall) -> impl Future<Output = Answer<SubscribeGrant>> + Send {
        ready(Answer::NotHandled)
    }

    /// Is this subscription still good? An error that is temporary leaves it 60 s more, then this is asked again;
    /// [`Answer::Disconnect`] ends the connection with its code; any other error, and not handled, let it expire.
    fn sub_refresh(&self, _call: SubRefreshCall) -> impl Future<Output = Answer<SubRefreshGrant>> + Send {
        ready(Answer::NotHandled)
    }

    /// May this client publish this? Not handled: error 108.
    fn publish(&self, _call: PublishCall) -> impl Future<Output = Answer<PublishGrant>> + Send {
        ready(Answer::NotHandled)
    }

    /// A method that the client calls. Not handled: error 108.
    fn rpc(&self, _call: RpcCall) -> impl Future<Output = Answer<RpcGrant>> + Send {
        ready(Answer::NotHandled)
    }

    /// A connection ended. An error (words for the log) makes the event come again, and what follows in its session waits.
    fn disconnected(
        &self,
        _event: &Event,
        _what: &Disconnected,
    ) -> impl Future<Output = Result<(), String>> + Send {
        ready(Ok(()))
    }

    /// A subscription ended. Errors are as with [`disconnected`](Self::disconnected).
    fn unsubscribed(
        &self,
        _event: &Event,
        _what: &Unsubscribed,
    ) -> impl Future<Output = Result<(), String>> + Send {
        ready(Ok(()))
    }

    /// A channel got its first subscriber. Errors are as with [`disconnected`](Self::disconnected).
    fn occupied(&self, _event: &Event, _channel: &str) -> impl Future<Output = Result<(), String>> + Send {
        ready(Ok(()))
    }

    /// A channel lost its last subscriber. Errors are as with [`disconnected`](Self::disconnected).
    fn vacated(&self, _event: &Event, _channel: &str) -> impl Future<Output = Result<(), String>> + Send {
        ready(Ok(()))
    }
}

/// A hook's answer that is on its way.
pub type Answering<'h, T> = Pin<Box<dyn Future<Output = Answer<T>> + Send + 'h>>;

/// A delivery that is on its way.
pub type Delivering<'h> = Pin<Box<dyn Future<Output = Result<(), Undelivered>> + Send + 'h>>;

/// Hooks of any kind, as the server holds them: `Arc<dyn Hooks>`. Whoever implements [`Handlers`] is one.
pub trait Hooks: Send + Sync {
    /// See [`Handlers::wants`].
    fn wants(&self) -> Wants;
    /// See [`Handlers::headers`].
    fn headers(&self) -> HeaderNames;
    /// See [`Handlers::limit`].
    fn limit(&self) -> Duration;
    /// See [`Handlers::connect`].
    fn connect(&self, call: ConnectCall) -> Answering<'_, ConnectGrant>;
    /// See [`Handlers::refresh`].
    fn refresh(&self, call: RefreshCall) -> Answering<'_, RefreshGrant>;
    /// See [`Handlers::subscribe`].
    fn subscribe(&self, call: SubscribeCall) -> Answering<'_, SubscribeGrant>;
    /// See [`Handlers::sub_refresh`].
    fn sub_refresh(&self, call: SubRefreshCall) -> Answering<'_, SubRefreshGrant>;
    /// See [`Handlers::publish`].
    fn publish(&self, call: PublishCall) -> Answering<'_, PublishGrant>;
    /// See [`Handlers::rpc`].
    fn rpc(&self, call: RpcCall) -> Answering<'_, RpcGrant>;
    /// Delivers events of one session or one channel, in their order; all of them are for the same hook, and there is at
    /// least one.
    fn deliver<'h>(&'h self, events: &'h [Event]) -> Delivering<'h>;
    /// Calls that brought no answer that counts, since the start, for each hook that is called over a network. By default
    /// there is none.
    fn failures(&self) -> Vec<HookFailures> {
        Vec::new()
    }
}

/// How often a hook has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookFailures {
    /// The kind of hook.
    pub hook: Hook,
    /// Its name in the configuration: "default", or an entry of `proxies`.
    pub name: Box<str>,
    /// Refused, too late, with a wrong answer, or without a turn.
    pub failures: u64,
}

impl<H: Handlers> Hooks for H {
    fn wants(&self) -> Wants {
        Handlers::wants(self)
    }

    fn headers(&self) -> HeaderNames {
        Handlers::headers(self)
    }

    fn limit(&self) -> Duration {
        Handlers::limit(self)
    }

    fn connect(&self, call: ConnectCall) -> Answering<'_, ConnectGrant> {
        Box::pin(Handlers::connect(self, call))
    }

    fn refresh(&self, call: RefreshCall) -> Answering<'_, RefreshGrant> {
        Box::pin(Handlers::refresh(self, call))
    }

    fn subscribe(&self, call: SubscribeCall) -> Answering<'_, SubscribeGrant> {
        Box::pin(Handlers::subscribe(self, call))
    }

    fn sub_refresh(&self, call: SubRefreshCall) -> Answering<'_, SubRefreshGrant> {
        Box::pin(Handlers::sub_refresh(self, call))
    }

    fn publish(&self, call: PublishCall) -> Answering<'_, PublishGrant> {
        Box::pin(Handlers::publish(self, call))
    }

    fn rpc(&self, call: RpcCall) -> Answering<'_, RpcGrant> {
        Box::pin(Handlers::rpc(self, call))
    }

    fn deliver<'h>(&'h self, events: &'h [Event]) -> Delivering<'h> {
        Box::pin(async move {
            for (delivered, event) in events.iter().enumerate() {
                let told = match &event.what {
                    What::Disconnected(what) => self.disconnected(event, what).await,
                    What::Unsubscribed(what) => self.unsubscribed(event, what).await,
                    What::Occupied(channel) => self.occupied(event, channel).await,
                    What::Vacated(channel) => self.vacated(event, channel).await,
                };
                told.map_err(|problem| Undelivered { delivered, problem })?;
            }
            Ok(())
        })
    }
}
