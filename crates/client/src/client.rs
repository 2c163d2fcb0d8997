//! The client as its user sees it: a handle to the task that owns the connection.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Serialize;
use tokio::sync::{mpsc, oneshot, watch};
use wavecast_net::client::Url;

use crate::caller::{Caller, json};
use crate::data::Data;
use crate::error::{Cause, ConnectError, RequestError, SubscribeError};
use crate::inbox::{Command, Signals};
use crate::options::{Options, SubscribeOptions};
use crate::request::{HistoryPage, HistoryQuery, Presence, PresenceStats};
use crate::server_events::ServerEvents;
use crate::state::State;
use crate::subscription::Subscription;
use crate::task::Task;

/// Commands on their way from handles to the task. What waits longer waits in the handles' futures.
const COMMANDS_MAX: usize = 64;

/// A connection to a push server that is kept up until the client is closed.
///
/// Clones share one connection. When all of them and all subscriptions have been dropped, the
/// connection is closed as well.
///
/// Requests (publish, rpc, send, presence, history) wait for a connection if there is none, and for
/// their answer, in all within the [`request_timeout`](Options::request_timeout). Their
/// [`RequestError`] tells apart what was surely not done and what may have been.
#[derive(Debug, Clone)]
pub struct Client {
    caller: Caller,
    signals: Arc<Signals>,
    state: watch::Receiver<State>,
}

impl Client {
    /// Starts a client for `url`, such as `wss://push.example.com/connection/websocket`.
    ///
    /// It returns at once; the connection is made, and made again, in a task of its own. Whether that
    /// works shows in [`states`](Self::states).
    ///
    /// # Errors
    ///
    /// [`ConnectError`], for a URL or options that can never work.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, or in one whose I/O or timer is not enabled.
    pub fn connect(url: &str, mut options: Options) -> Result<Self, ConnectError> {
        let parsed: Url = url.parse().map_err(ConnectError::Url)?;
        if parsed.is_secure() && cfg!(not(feature = "tls")) {
            return Err(ConnectError::TlsUnavailable);
        }
        if let Some(data) = options.data.take() {
            options.data = Some(data.encodable(options.encoding).map_err(|_| ConnectError::Data)?);
        }
        let options = Arc::new(options);
        let signals = Arc::new(Signals::default());
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let (publish_state, state) = watch::channel(State::Connecting { failures: 0, cause: None });
        let task = Task::new(url.to_owned(), options.clone(), inbox, signals.clone(), publish_state);
        tokio::spawn(task.run());
        Ok(Self { caller: Caller::new(commands, options), signals, state })
    }

    /// Subscribes to a channel with the default [`SubscribeOptions`].
    ///
    /// It does not wait for the server, whose answer is the subscription's first event.
    ///
    /// # Errors
    ///
    /// [`SubscribeError`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves no subscription behind.
    pub async fn subscribe(&self, channel: &str) -> Result<Subscription, SubscribeError> {
        self.subscribe_with(channel, SubscribeOptions::default()).await
    }

    /// Subscribes to a channel.
    ///
    /// # Errors
    ///
    /// [`SubscribeError`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves no subscription behind.
    pub async fn subscribe_with(
        &self,
        channel: &str,
        options: SubscribeOptions,
    ) -> Result<Subscription, SubscribeError> {
        let options = options.checked(self.caller.options.encoding)?;
        let channel: Arc<str> = channel.into();
        let (reply, opened) = oneshot::channel();
        let command = Command::Subscribe { channel: channel.clone(), options, reply };
        self.caller.commands.send(command).await.map_err(|_| SubscribeError::Closed)?;
        let events = opened.await.map_err(|_| SubscribeError::Closed)??;
        Ok(Subscription::new(channel, events, self.caller.clone()))
    }

    /// What the server does on its own account, from here on: the subscriptions that it makes for this
    /// client, and messages outside channels.
    ///
    /// One listener at a time: whoever calls this last gets the events, and the one before is told the
    /// end. What happened before is not told, except that it begins with a
    /// [`Subscribed`](crate::SubscriptionEvent::Subscribed) for each channel that the server has
    /// subscribed the client to by then.
    ///
    /// # Errors
    ///
    /// [`SubscribeError::Closed`].
    ///
    /// # Cancel safety
    ///
    /// Of a dropped future it is open whether it has ended the listener before.
    pub async fn server_events(&self) -> Result<ServerEvents, SubscribeError> {
        let (reply, opened) = oneshot::channel();
        let listen = Command::Listen { reply };
        self.caller.commands.send(listen).await.map_err(|_| SubscribeError::Closed)?;
        let events = opened.await.map_err(|_| SubscribeError::Closed)?;
        Ok(ServerEvents::new(events, self.caller.clone()))
    }

    /// Publishes JSON to a channel, and waits until the server has taken it.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    ///
    /// # Cancel safety
    ///
    /// After dropping the future it is open whether the publication takes place.
    pub async fn publish(&self, channel: &str, data: &(impl Serialize + ?Sized)) -> Result<(), RequestError> {
        self.publish_data(channel, json(data)?).await
    }

    /// Like [`publish`](Self::publish), of a payload that is there already: with the JSON encoding it
    /// has to be JSON, with Protobuf it may be any bytes.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    ///
    /// # Cancel safety
    ///
    /// After dropping the future it is open whether the publication takes place.
    pub async fn publish_data(&self, channel: &str, data: impl Into<Data>) -> Result<(), RequestError> {
        self.caller.publish(channel, data.into()).await
    }

    /// Calls a method of the back end with JSON, and returns what it answers.
    ///
    /// # Errors
    ///
    /// [`RequestError`]; what the back end itself refuses is [`RequestError::Refused`] with its code.
    ///
    /// # Cancel safety
    ///
    /// After dropping the future it is open whether the call takes place.
    pub async fn rpc(&self, method: &str, data: &(impl Serialize + ?Sized)) -> Result<Data, RequestError> {
        self.rpc_data(method, json(data)?).await
    }

    /// Like [`rpc`](Self::rpc), with a payload that is there already: with the JSON encoding it has to
    /// be JSON, with Protobuf it may be any bytes.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    ///
    /// # Cancel safety
    ///
    /// After dropping the future it is open whether the call takes place.
    pub async fn rpc_data(&self, method: &str, data: impl Into<Data>) -> Result<Data, RequestError> {
        self.caller.rpc(method, data.into()).await
    }

    /// Sends JSON to the back end without an answer: success means that the socket's outbox has taken it. A server
    /// that does not take such messages ends the connection for good (code 3508).
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    ///
    /// # Cancel safety
    ///
    /// After dropping the future it is open whether the message is sent.
    pub async fn send(&self, data: &(impl Serialize + ?Sized)) -> Result<(), RequestError> {
        self.send_data(json(data)?).await
    }

    /// Like [`send`](Self::send), of a payload that is there already: with the JSON encoding it has to
    /// be JSON, with Protobuf it may be any bytes.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    ///
    /// # Cancel safety
    ///
    /// After dropping the future it is open whether the message is sent.
    pub async fn send_data(&self, data: impl Into<Data>) -> Result<(), RequestError> {
        self.caller.send(data.into()).await
    }

    /// Asks who is in a channel.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe: asking changes nothing.
    pub async fn presence(&self, channel: &str) -> Result<Presence, RequestError> {
        self.caller.presence(channel).await
    }

    /// Asks how many are in a channel.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe: asking changes nothing.
    pub async fn presence_stats(&self, channel: &str) -> Result<PresenceStats, RequestError> {
        self.caller.presence_stats(channel).await
    }

    /// Asks for a channel's history.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe: asking changes nothing.
    pub async fn history(&self, channel: &str, query: HistoryQuery) -> Result<HistoryPage, RequestError> {
        self.caller.history(channel, query).await
    }

    /// The state, now and whenever it changes.
    pub fn states(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Waits until the client is over, and tells why: because of [`close`](Self::close), or because
    /// the server wants it never to come back.
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe.
    pub async fn closed(&self) -> Cause {
        let mut state = self.state.clone();
        match state.wait_for(|state| matches!(state, State::Closed(_))).await.as_deref() {
            Ok(State::Closed(cause)) => cause.clone(),
            _ => Cause::new(Cause::LOCAL, "client closed"),
        }
    }

    /// Closes the connection for good and waits for it; subscriptions end, waiting requests fail.
    ///
    /// # Cancel safety
    ///
    /// The first poll begins to close; a dropped future only does not wait for the end.
    pub async fn close(&self) {
        self.signals.closing.store(true, Ordering::SeqCst);
        self.signals.attention.notify_one();
        self.closed().await;
    }
}
