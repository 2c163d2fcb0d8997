//! A client that connects again, until it is told to stop or it makes no sense any more.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use wavecast_websocket::keepalive::Intervals;

use super::backoff::Backoff;
use super::error::{Closed, ConnectError};
use super::events::{Error, Events, Retry, serve};
use super::handle::{Requests, Sender, handle};
use super::mask;
use super::options::ConnectOptions;
use super::verdict::{Verdict, after_close, after_refusal, retry_after};

/// Keeps a connection: opens it again, with growing and random delays, when it is lost or was not to be had.
///
/// * Delays have full jitter: attempt *n* comes after a random time from 0 to `delay_base` × 2ⁿ⁻¹, at most `delay_max`;
///   where the server says `Retry-After`, not before that (at most 5 min). The count starts anew when a connection has
///   lasted for `stable_after`.
/// * It stops by itself when the server says what will not change, see [`Verdict::default_after_close`] and
///   [`Verdict::default_after_refusal`]; [`decide`](Self::decide) decides otherwise.
/// * It stops for good when somebody calls [`Sender::close`]: inside any event, from any task, while it is connected,
///   connecting or waiting.
/// * Messages wait in one queue of [`outbox_bytes_max`](ConnectOptions::outbox_bytes_max) bytes, whatever becomes of
///   connections. What was not handed to a connection before it ended goes out through the next, in its order; what
///   was is not sent again, though nobody knows whether it arrived. So a message is sent at most once. When it stops
///   without a connection, what waits is dropped.
/// * It pings a silent server after 25 s and gives it up after 10 s more, unless
///   [`keep_alive`](ConnectOptions::keep_alive) says otherwise: without that a connection that nobody ends can be dead
///   for hours.
///
/// ```no_run
/// # use wavecast_net::MessageRef;
/// # use wavecast_net::client::{ConnectOptions, Events, Reconnect, Sender};
/// # struct Printer;
/// # impl Events for Printer {
/// #     fn message(&mut self, _: &Sender, message: MessageRef<'_>) { println!("{message:?}") }
/// # }
/// # async fn example() {
/// let sender = Reconnect::new(ConnectOptions::new()).start("wss://push.example.com/", Printer);
/// sender.send("goes out as soon as there is a connection").await.ok();
/// # }
/// ```
#[derive(Clone)]
pub struct Reconnect {
    options: ConnectOptions,
    delay_base: Duration,
    delay_max: Duration,
    stable_after: Duration,
    attempts_max: u32,
    decide: Decide,
    seed: Option<u64>,
}

type Decide = Arc<dyn Fn(&Cause<'_>) -> Verdict + Send + Sync>;

/// Why there is no connection (any more).
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Cause<'c> {
    /// It ended.
    Closed(&'c Closed),
    /// It was not to be had.
    Refused(&'c ConnectError),
}

/// How a client came to its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum Ended {
    /// Its connection ended: by this side, or in a way that does not let it connect again.
    Closed(Closed),
    /// There was no connection to be had, and it is not tried again.
    Refused(ConnectError),
    /// It was told to stop while it had no connection.
    Stopped,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(closed) => closed.fmt(f),
            Self::Refused(error) => error.fmt(f),
            Self::Stopped => f.write_str("stopped while there was no connection"),
        }
    }
}

impl Reconnect {
    /// The defaults that each setter names; a connection is opened as `options` say.
    pub fn new(mut options: ConnectOptions) -> Self {
        options.settings.keep_alive.get_or_insert(Intervals::DEFAULT);
        Self {
            decide: Arc::new(|cause| match cause {
                Cause::Closed(closed) => after_close(closed),
                Cause::Refused(error) => after_refusal(error),
            }),
            ..Self::once(options)
        }
    }

    /// For a client that connects once.
    fn once(options: ConnectOptions) -> Self {
        Self {
            options,
            delay_base: Duration::from_millis(500),
            delay_max: Duration::from_secs(30),
            stable_after: Duration::from_secs(10),
            attempts_max: u32::MAX,
            decide: Arc::new(|_| Verdict::Stop),
            seed: None,
        }
    }

    /// The range of the first delay, and the longest delay. Default: 500 ms and 30 s.
    #[must_use]
    pub fn delays(mut self, base: Duration, max: Duration) -> Self {
        self.delay_base = base;
        self.delay_max = max;
        self
    }

    /// How long a connection lasts before attempts are counted from the beginning again. Default: 10 s.
    #[must_use]
    pub fn stable_after(mut self, time: Duration) -> Self {
        self.stable_after = time;
        self
    }

    /// How many attempts may follow each other without a connection that becomes stable; the first connection is not
    /// counted. Default: no limit.
    #[must_use]
    pub fn attempts_max(mut self, attempts: u32) -> Self {
        self.attempts_max = attempts;
        self
    }

    /// Decides whether to connect again, in place of the default. An ending that this side has asked for is not put
    /// to it.
    #[must_use]
    pub fn decide(mut self, decide: impl Fn(&Cause<'_>) -> Verdict + Send + Sync + 'static) -> Self {
        self.decide = Arc::new(decide);
        self
    }

    /// Seeds the jitter, so that a test repeats itself. Default: a random one.
    #[must_use]
    pub fn jitter_seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Runs until it stops. Every event is lent the [`Sender`] that stops it.
    ///
    /// # Cancel safety
    ///
    /// Not cancel-safe: a dropped future ends the connection without a closing handshake and tells no event. To end it
    /// well call [`Sender::close`] and await it.
    pub async fn run(&self, url: &str, mut events: impl Events) -> Ended {
        let (sender, requests) = self.handle();
        self.keep(url, sender, requests, &mut events).await
    }

    /// Runs on a task of its own; [`Sender::ended`] tells when it has stopped.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn start(&self, url: &str, mut events: impl Events + 'static) -> Sender {
        let (sender, requests) = self.handle();
        let (client, url, own) = (self.clone(), url.to_owned(), sender.clone());
        tokio::spawn(async move { client.keep(&url, own, requests, &mut events).await });
        sender
    }

    fn handle(&self) -> (Sender, Requests) {
        let settings = &self.options.settings;
        handle(settings.outbox_bytes_max, settings.send_timeout)
    }

    async fn keep(
        &self,
        url: &str,
        sender: Sender,
        mut requests: Requests,
        events: &mut dyn Events,
    ) -> Ended {
        let ended = self.keep_connected(url, &sender, &mut requests, events).await;
        requests.end(match &ended {
            Ended::Closed(closed) => Some(closed.clone()),
            Ended::Refused(_) | Ended::Stopped => None,
        });
        ended
    }

    async fn keep_connected(
        &self,
        url: &str,
        sender: &Sender,
        requests: &mut Requests,
        events: &mut dyn Events,
    ) -> Ended {
        let mut backoff =
            Backoff::new(Duration::ZERO, self.delay_base, self.delay_max, self.seed.unwrap_or_else(seed));
        let mut attempt = 0;
        loop {
            let (ended, least) = match unless_stopped(requests, self.options.connect(url)).await {
                None => return Ended::Stopped,
                Some(Ok(socket)) => {
                    let opened = Instant::now();
                    let closed = serve(socket, attempt, sender, requests, events).await;
                    if opened.elapsed() >= self.stable_after {
                        attempt = 0;
                    }
                    (Ended::Closed(closed), Duration::ZERO)
                }
                Some(Err(error)) => {
                    let least = retry_after(&error);
                    let error = Error::Connect(error);
                    events.error(sender, &error);
                    let Error::Connect(error) = error else { return Ended::Stopped };
                    (Ended::Refused(error), least)
                }
            };
            let verdict = match &ended {
                Ended::Closed(closed) => (self.decide)(&Cause::Closed(closed)),
                Ended::Refused(error) => (self.decide)(&Cause::Refused(error)),
                Ended::Stopped => Verdict::Stop,
            };
            if verdict == Verdict::Stop || sender.is_closed() || attempt >= self.attempts_max {
                return ended;
            }
            let delay = backoff.delay(attempt).max(least);
            attempt += 1;
            events.retry(sender, &Retry { attempt, delay });
            if unless_stopped(requests, sleep(delay)).await.is_none() {
                return Ended::Stopped;
            }
        }
    }
}

impl ConnectOptions {
    /// Connects once and runs the events until the connection has ended.
    ///
    /// # Cancel safety
    ///
    /// As [`Reconnect::run`].
    pub async fn run(&self, url: &str, events: impl Events) -> Ended {
        Reconnect::once(self.clone()).run(url, events).await
    }

    /// The same on a task of its own; [`Sender::ended`] tells when the connection has ended.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn start(&self, url: &str, events: impl Events + 'static) -> Sender {
        Reconnect::once(self.clone()).start(url, events)
    }
}

impl fmt::Debug for Reconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnect")
            .field("options", &self.options)
            .field("delay_base", &self.delay_base)
            .field("delay_max", &self.delay_max)
            .field("stable_after", &self.stable_after)
            .field("attempts_max", &self.attempts_max)
            .finish_non_exhaustive()
    }
}

/// Does `work`, unless somebody wants to stop before it is done. What is to be sent is taken in meanwhile.
async fn unless_stopped<T>(requests: &mut Requests, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        requests.poll(cx);
        if requests.close().is_some() {
            return Poll::Ready(None);
        }
        work.as_mut().poll(cx).map(Some)
    })
    .await
}

/// Without randomness from the system the time has to do: only the spread of delays depends on it.
fn seed() -> u64 {
    mask::nonce().map_or_else(
        |_| {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            since.map_or(0, |since| since.subsec_nanos().into())
        },
        |bytes| u64::from_le_bytes(bytes[..8].try_into().unwrap_or_default()),
    )
}
