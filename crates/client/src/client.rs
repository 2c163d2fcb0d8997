//! The client as its user sees it: a handle to the task that owns the connection.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Serialize;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};
use wavecast_net::client::Url;

use crate::error::{Cause, ConnectError, RequestError, SubscribeError};
use crate::inbox::{Command, Signals};
use crate::options::{Options, SubscribeOptions};
use crate::request::{Answer, HistoryPage, HistoryQuery, Question, Request};
use crate::state::State;
use crate::subscription::Subscription;
use crate::task::Task;

/// Commands on their way from handles to the task. What waits longer waits in the handles' futures.
const COMMANDS_MAX: usize = 64;

/// A connection to a push server that is kept up until the client is closed.
///
/// Clones share one connection. When all of them and all subscriptions have been dropped, the
/// connection is closed as well.
#[derive(Debug, Clone)]
pub struct Client {
    commands: mpsc::Sender<Command>,
    signals: Arc<Signals>,
    state: watch::Receiver<State>,
    options: Arc<Options>,
}

impl Client {
    /// Starts a client for `url`, such as `ws://127.0.0.1:8000/connection/websocket`.
    ///
    /// It returns at once; the connection is made, and made again, in a task of its own. Whether that
    /// works shows in [`states`](Self::states).
    ///
    /// # Errors
    ///
    /// [`ConnectError`], for a URL that can never work.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, or in one whose I/O or timer is not enabled.
    pub fn connect(url: &str, options: Options) -> Result<Self, ConnectError> {
        let parsed: Url = url.parse().map_err(ConnectError::Url)?;
        if parsed.is_secure() {
            return Err(ConnectError::TlsUnavailable);
        }
        let options = Arc::new(options);
        let signals = Arc::new(Signals::default());
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let (publish_state, state) = watch::channel(State::Connecting { failures: 0, cause: None });
        let task = Task::new(url.to_owned(), options.clone(), inbox, signals.clone(), publish_state);
        tokio::spawn(task.run());
        Ok(Self { commands, signals, state, options })
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
        let channel: Arc<str> = channel.into();
        let (reply, opened) = oneshot::channel();
        let command = Command::Subscribe { channel: channel.clone(), options, reply };
        self.commands.send(command).await.map_err(|_| SubscribeError::Closed)?;
        let events = opened.await.map_err(|_| SubscribeError::Closed)??;
        Ok(Subscription::new(channel, events, self.commands.clone()))
    }

    /// Publishes JSON to a channel, and waits until the server has taken it.
    ///
    /// Without a connection it waits for one, within the
    /// [`request_timeout`](Options::request_timeout).
    ///
    /// # Errors
    ///
    /// [`RequestError`], which tells apart what was surely not published and what may have been.
    ///
    /// # Cancel safety
    ///
    /// After dropping the future it is open whether the publication takes place.
    pub async fn publish(&self, channel: &str, data: &(impl Serialize + ?Sized)) -> Result<(), RequestError> {
        let data = serde_json::to_vec(data).map_err(RequestError::Data)?;
        let question = Question::Publish { channel: channel.to_owned(), data: on_one_line(data) };
        let (reply, answer) = oneshot::channel();
        self.request(question, Answer::Publish(reply)).await?;
        answer.await.map_err(|_| RequestError::Closed)?
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
        let question = Question::History { channel: channel.to_owned(), query };
        let (reply, answer) = oneshot::channel();
        self.request(question, Answer::History(reply, channel.to_owned())).await?;
        answer.await.map_err(|_| RequestError::Closed)?
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

    async fn request(&self, question: Question, answer: Answer) -> Result<(), RequestError> {
        let deadline = Instant::now() + self.options.request_timeout;
        let command = Command::Request(Request { question, deadline, answer });
        match timeout_at(deadline, self.commands.send(command)).await {
            Ok(sent) => sent.map_err(|_| RequestError::Closed),
            Err(_) => Err(RequestError::NotSent),
        }
    }
}

/// In JSON a line break can only be white space between tokens, but on the wire it ends a command.
fn on_one_line(mut json: Vec<u8>) -> Vec<u8> {
    for byte in &mut json {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    json
}
