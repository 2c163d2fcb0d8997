//! The one task that owns the connection: connect, serve, back off, and again.

use std::collections::VecDeque;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
#[cfg(feature = "tls")]
use wavecast_net::client::TlsFault;
use wavecast_net::client::{
    Backoff, CloseCode, ConnectError, ConnectOptions, Limits, MessageRef, RecvError, TrySendError, WebSocket,
};
use wavecast_protocol::centrifuge::{self, ConnectRequest, Encoding};

use crate::end::{End, Next};
use crate::error::{Cause, RequestError};
use crate::fetches::{Fetches, Owner};
use crate::inbox::{Command, Signals};
use crate::options::Options;
use crate::request::Request;
use crate::session::Session;
use crate::state::State;
use crate::subscriptions::Subscriptions;
use crate::token::{NoToken, Token};

pub(crate) struct Task {
    url: String,
    options: Arc<Options>,
    transport: ConnectOptions,
    commands: mpsc::Receiver<Command>,
    signals: Arc<Signals>,
    state: watch::Sender<State>,
    subscriptions: Subscriptions,
    fetches: Fetches,
    /// Requests that wait for a session; each has its place among those under way.
    requests: VecDeque<Request>,
    backoff: Backoff,
    /// The latest token, until the server has something against it.
    token: Option<String>,
}

impl Task {
    pub(crate) fn new(
        url: String,
        options: Arc<Options>,
        commands: mpsc::Receiver<Command>,
        signals: Arc<Signals>,
        state: watch::Sender<State>,
    ) -> Self {
        let seed = options.jitter_seed.unwrap_or_else(random_seed);
        let (min, max) = (options.reconnect_delay_min, options.reconnect_delay_max);
        let subscriptions =
            Subscriptions::new(&options, Backoff::new(min, min, max, !seed), &signals.attention);
        Self {
            transport: transport(&options),
            backoff: Backoff::new(min, min, max, seed),
            requests: VecDeque::new(),
            token: None,
            url,
            options,
            commands,
            signals,
            state,
            subscriptions,
            fetches: Fetches::default(),
        }
    }

    /// Runs until the user or the server wants the client to end.
    pub(crate) async fn run(mut self) {
        let cause = self.keep_connected().await;
        self.subscriptions.close(&cause);
        for request in self.requests.drain(..) {
            request.answer.fail(RequestError::Closed);
        }
        self.state.send_replace(State::Closed(cause));
    }

    async fn keep_connected(&mut self) -> Cause {
        let mut failures = 0;
        loop {
            let (end, lasted) = match self.open().await {
                Err(stop) => return stop.cause,
                Ok(Err(end)) => (end, false),
                Ok(Ok(socket)) => self.serve(socket).await,
            };
            match end.next {
                Next::Reconnect => {}
                Next::StartAnew => {
                    self.token = None;
                    self.subscriptions.forget();
                }
                // The same token again would be refused again.
                Next::RenewToken if self.options.token.as_ref().is_none_or(Token::is_fixed) => {
                    return end.cause;
                }
                Next::RenewToken => self.token = None,
                Next::Stop => return end.cause,
            }
            failures = if lasted { 1 } else { failures + 1_u32 };
            self.state.send_replace(State::Connecting { failures, cause: Some(end.cause) });
            let delay = self.backoff.delay(failures - 1);
            if let Err(stop) = self.while_offline(sleep(delay)).await {
                return stop.cause;
            }
        }
    }

    /// Fetches a token if need be, and opens the connection. A token outlives a connection that does not
    /// come about: the back end is not asked again for each attempt.
    async fn open(&mut self) -> Result<Result<WebSocket, End>, End> {
        if self.token.is_none()
            && let Some(source) = self.options.token.clone()
        {
            match self.while_offline(source.get(self.options.connect_timeout)).await? {
                Ok(token) => self.token = Some(token),
                Err(NoToken::Unauthorized) => return Err(End::unauthorized()),
                Err(NoToken::Failed(reason)) => return Ok(Err(End::transport(reason))),
            }
        }
        let dial = dial(self.url.clone(), self.options.encoding, self.transport.clone());
        self.while_offline(dial).await
    }

    /// Does `work` while looking after the user's wishes as far as that goes without a session.
    async fn while_offline<T>(&mut self, work: impl Future<Output = T>) -> Result<T, End> {
        let mut work = pin!(work);
        loop {
            let deadline = self.requests.front().map(|request| request.deadline);
            tokio::select! {
                done = &mut work => return Ok(done),
                command = self.commands.recv() => self.take(command)?,
                () = self.signals.attention.notified() => self.look_around()?,
                (owner, token) = self.fetches.next() => self.fetched(owner, token, None)?,
                () = reached(deadline) => self.expire_requests(Instant::now()),
            }
        }
    }

    /// One session, from connect to its end; also says whether it lasted longer than the longest
    /// delay, so that a server that accepts and drops us at once is not asked every time without one.
    async fn serve(&mut self, mut socket: WebSocket) -> (End, bool) {
        let begin = Instant::now();
        let connect = connect_request(&self.options, self.token.as_deref(), &self.subscriptions);
        let mut session = Session::new(connect, &self.options, self.backoff.clone(), begin);
        let end = self.drive(&mut session, &mut socket).await;
        let lasted = session.is_accepted() && begin.elapsed() > self.options.reconnect_delay_max;
        session.lost();
        if end.next != Next::Stop {
            // Otherwise subscriptions are told the end, not an interruption.
            self.subscriptions.disconnected(&end.cause);
        }
        let close = socket.close(CloseCode::NORMAL, "");
        if end.next == Next::Stop {
            let _ = close.await;
        } else {
            // The next connection does not wait for the end of this one: the close frame has to do.
            let _ = timeout(Duration::ZERO, close).await;
        }
        (end, lasted)
    }

    async fn drive(&mut self, session: &mut Session, socket: &mut WebSocket) -> End {
        let mut announced = false;
        loop {
            if !announced && let Some(state) = session.state() {
                announced = true;
                self.state.send_replace(state);
                self.subscriptions.channels.connected();
            }
            if announced {
                self.hand_over(session);
            }
            write_frames(session, socket);
            let turn = self.turn(session, socket).await;
            let went_on = match turn {
                Turn::Room => Ok(()),
                Turn::Received(Ok(Some(outcome))) => outcome,
                Turn::Received(Ok(None)) => Err(End::closed(socket.closed())),
                Turn::Received(Err(error)) => Err(End::transport(error)),
                Turn::Command(command) => self.take(command),
                Turn::Attention => self.look_around(),
                Turn::Fetched(owner, token) => self.fetched(owner, token, Some(session)),
                Turn::Time => self.expire(session),
            };
            if let Err(end) = went_on {
                return end;
            }
        }
    }

    /// Waits for the next thing to happen.
    async fn turn(&mut self, session: &mut Session, socket: &mut WebSocket) -> Turn {
        let request = self.requests.front().map(|request| request.deadline);
        let due_at = self.subscriptions.channels.due_at();
        let deadline = [session.deadline(), due_at, request].into_iter().flatten().min();
        let (commands, subscriptions) = (&mut self.commands, &mut self.subscriptions);
        // Both at once: while the outbox is full, what the server sends must still be read.
        let traffic = poll_fn(|cx| {
            if session.frame().is_some() && socket.poll_ready(cx).is_ready() {
                return Poll::Ready(Turn::Room);
            }
            let mut received =
                |message: MessageRef<'_>| session.received(message, subscriptions, Instant::now());
            socket.poll_recv_with(cx, &mut received).map(Turn::Received)
        });
        tokio::select! {
            turn = traffic => turn,
            command = commands.recv() => Turn::Command(command),
            () = self.signals.attention.notified() => Turn::Attention,
            (owner, token) = self.fetches.next() => Turn::Fetched(owner, token),
            () = reached(deadline) => Turn::Time,
        }
    }

    /// Turns wishes into commands.
    fn hand_over(&mut self, session: &mut Session) {
        let now = Instant::now();
        let channels = &mut self.subscriptions.channels;
        let within = self.options.connect_timeout;
        while self.fetches.has_room()
            && let Some(fetch) = channels.next_fetch()
        {
            let call = fetch.token.get(fetch.channel.to_string(), within);
            self.fetches.channel(fetch.channel, fetch.serial, call);
        }
        while let Some(ask) = channels.next_ask() {
            session.ask(ask, channels, now);
        }
        for request in self.requests.drain(..) {
            session.request(request);
        }
    }

    fn take(&mut self, command: Option<Command>) -> Result<(), End> {
        match command {
            None => return Err(End::local("client dropped")),
            Some(Command::Request(request)) => self.requests.push_back(request),
            Some(Command::Subscribe { channel, options, reply }) => {
                // Who does not wait for the answer any more drops the subscription with it.
                drop(reply.send(self.subscriptions.channels.open(&channel, options)));
            }
            Some(Command::Listen { reply }) => drop(reply.send(self.subscriptions.server.listen())),
        }
        Ok(())
    }

    fn look_around(&mut self) -> Result<(), End> {
        if self.signals.closing.load(Ordering::SeqCst) {
            return Err(End::local("client closed"));
        }
        self.subscriptions.sweep();
        Ok(())
    }

    fn expire(&mut self, session: &mut Session) -> Result<(), End> {
        let now = Instant::now();
        let channels = &mut self.subscriptions.channels;
        channels.look_after(now);
        session.expire(channels, now)?;
        if session.needs_token(now)
            && let Some(token) = self.options.token.clone()
        {
            self.fetches.connection(token.get(self.options.connect_timeout));
        }
        self.expire_requests(now);
        Ok(())
    }

    /// A call for a token has come to its end.
    fn fetched(
        &mut self,
        owner: Owner,
        token: Result<String, NoToken>,
        session: Option<&mut Session>,
    ) -> Result<(), End> {
        let now = Instant::now();
        match (owner, token) {
            (Owner::Channel { channel, serial }, token) => {
                self.subscriptions.channels.fetched(&channel, serial, token, now);
            }
            (Owner::Connection, Ok(token)) => {
                if let Some(session) = session.filter(|session| session.is_accepted()) {
                    session.refresh(&token, now);
                }
                self.token = Some(token);
            }
            (Owner::Connection, Err(NoToken::Unauthorized)) => return Err(End::unauthorized()),
            (Owner::Connection, Err(NoToken::Failed(_))) => {
                if let Some(session) = session {
                    session.no_token(now);
                }
            }
        }
        Ok(())
    }

    fn expire_requests(&mut self, now: Instant) {
        while self.requests.front().is_some_and(|request| request.deadline <= now) {
            if let Some(request) = self.requests.pop_front() {
                request.answer.fail(RequestError::NotSent);
            }
        }
    }
}

/// What a served connection waits for.
enum Turn {
    /// The outbox has room for a frame.
    Room,
    /// A message was received and dealt with, or the connection is over.
    Received(Result<Option<Result<(), End>>, RecvError>),
    Command(Option<Command>),
    Attention,
    Fetched(Owner, Result<String, NoToken>),
    Time,
}

async fn dial(url: String, encoding: Encoding, transport: ConnectOptions) -> Result<WebSocket, End> {
    match transport.connect(&url).await {
        Ok(socket) if encoding == Encoding::Protobuf && socket.protocol().is_none() => {
            Err(End::transport("the server does not offer Protobuf"))
        }
        Ok(socket) => Ok(socket),
        Err(error) if is_final(&error) => Err(End { next: Next::Stop, ..End::transport(error) }),
        Err(error) => Err(End::transport(error)),
    }
}

/// Whether it is about the options, and not about the server: the next attempt would be the same.
fn is_final(error: &ConnectError) -> bool {
    match error {
        ConnectError::Request(_) | ConnectError::ProxyUrl(_) => true,
        #[cfg(feature = "tls")]
        ConnectError::Tls(error) => matches!(error.fault(), TlsFault::Config(_)),
        _ => false,
    }
}

fn transport(options: &Options) -> ConnectOptions {
    let bytes_max = options.message_bytes_max;
    let limits =
        Limits { message_bytes_max: bytes_max, frame_bytes_max: bytes_max as u64, ..Limits::DEFAULT };
    let transport = ConnectOptions::new()
        .limits(limits)
        .connect_timeout(options.connect_timeout)
        .handshake_timeout(options.connect_timeout);
    #[cfg(feature = "tls")]
    let transport = transport.tls(options.tls.clone());
    let transport = match &options.proxy {
        Some(proxy) => transport.through(proxy.clone()),
        None if options.proxy_from_environment => transport.proxy_from_environment(),
        None => transport,
    };
    let transport = match options.encoding {
        // As other clients do: who asks for nothing speaks JSON.
        Encoding::Json => transport,
        Encoding::Protobuf => transport.protocol(Encoding::Protobuf.subprotocol()),
    };
    let add = |transport: ConnectOptions, (name, value): &(String, String)| transport.header(name, value);
    options.headers.iter().fold(transport, add)
}

fn connect_request<'o>(
    options: &'o Options,
    token: Option<&'o str>,
    subscriptions: &'o Subscriptions,
) -> centrifuge::Request<'o> {
    centrifuge::Request::Connect(ConnectRequest {
        token: token.unwrap_or_default().into(),
        data: options.data.as_ref().map_or(&[], |data| data.as_bytes()),
        subs: subscriptions.server.positions(),
        name: options.name.as_str().into(),
        version: options.version.as_str().into(),
        ..ConnectRequest::default()
    })
}

/// Sends frames as long as the outbox takes them. Failures show when receiving.
fn write_frames(session: &mut Session, socket: &mut WebSocket) {
    while let Some(frame) = session.frame() {
        match socket.try_send(frame) {
            Ok(()) => session.frame_sent(),
            Err(TrySendError::Full) => return,
            Err(_) => session.drop_frames(),
        }
    }
}

async fn reached(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

/// Without randomness from the system the time has to do: only the spread of delays depends on it.
fn random_seed() -> u64 {
    getrandom::u64().unwrap_or_else(|_| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| since.subsec_nanos().into())
    })
}
