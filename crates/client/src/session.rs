//! One connection's life above the socket: commands with their ids and time-outs, replies, pushes,
//! and the watch over the server's pings. It does no I/O; frames to be sent wait in
//! [`Session::frame`].

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use wavecast_net::client::MessageRef;
use wavecast_protocol::centrifuge::{
    self, Command, ConnectResult, Encoding, Error, RefreshRequest, RefreshResult, Reply, Res, ServerMessage,
    UnsubscribeRequest,
};

use crate::backoff::Backoff;
use crate::channels::{Ask, Channels};
use crate::data::Data;
use crate::end::{End, is_transient};
use crate::error::RequestError;
use crate::expiry::Expiry;
use crate::options::Options;
use crate::request::{Answer, Request};
use crate::state::State;
use crate::subscriptions::Subscriptions;

/// Commands are put together in one frame up to here; servers limit a message to 64 KiB by default.
const FRAME_BYTES_MAX: usize = 16 * 1_024;

#[derive(Debug)]
pub(crate) struct Session {
    encoding: Encoding,
    frames: VecDeque<Vec<u8>>,
    pending: HashMap<u32, Pending>,
    deadlines: BTreeSet<(Instant, u32)>,
    last_id: u32,
    request_timeout: Duration,
    ping_delay_max: Duration,
    /// Who the server says we are, once it has accepted the session.
    accepted: Option<Accepted>,
    /// Of the connection's token, where another one can be had.
    expiry: Expiry,
    can_renew: bool,
    backoff: Backoff,
    /// Whether the server wants its pings answered.
    pong: bool,
    /// How long the server may be silent, and until when: none where it sends no pings.
    silence_max: Option<Duration>,
    dead_at: Option<Instant>,
}

#[derive(Debug)]
struct Accepted {
    client: String,
    data: Option<Data>,
}

/// A command whose reply is awaited.
#[derive(Debug)]
struct Pending {
    deadline: Instant,
    what: Awaited,
}

#[derive(Debug)]
enum Awaited {
    Connect,
    Subscribe { channel: Arc<str>, number: u64 },
    Unsubscribe,
    Refresh,
    SubRefresh { channel: Arc<str>, number: u64 },
    Answer(Answer),
}

impl Session {
    /// A session whose connect command is the first thing to be sent.
    pub(crate) fn new(
        connect: centrifuge::Request<'_>,
        options: &Options,
        backoff: Backoff,
        now: Instant,
    ) -> Self {
        let request_timeout = options.request_timeout;
        let mut session = Self {
            encoding: options.encoding,
            frames: VecDeque::new(),
            pending: HashMap::new(),
            deadlines: BTreeSet::new(),
            last_id: 0,
            request_timeout,
            ping_delay_max: options.ping_delay_max,
            accepted: None,
            expiry: Expiry::default(),
            can_renew: options.token.as_ref().is_some_and(|token| !token.is_fixed()),
            backoff,
            pong: false,
            silence_max: None,
            dead_at: None,
        };
        session.command(connect, Awaited::Connect, now + request_timeout);
        session
    }

    /// Whether the server has accepted the session.
    pub(crate) fn is_accepted(&self) -> bool {
        self.accepted.is_some()
    }

    /// The state that a client with this session is in, once the server has accepted it.
    pub(crate) fn state(&self) -> Option<State> {
        let Accepted { client, data } = self.accepted.as_ref()?;
        Some(State::Connected { client: client.clone(), data: data.clone() })
    }

    /// Commands without an answer yet.
    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The next message to be sent.
    pub(crate) fn frame(&self) -> Option<MessageRef<'_>> {
        let frame = self.frames.front()?;
        Some(match self.encoding {
            // Commands are encoded from strings and checked JSON.
            Encoding::Json => MessageRef::Text(std::str::from_utf8(frame).unwrap_or_default()),
            Encoding::Protobuf => MessageRef::Binary(frame),
        })
    }

    /// The frame has been sent.
    pub(crate) fn frame_sent(&mut self) {
        self.frames.pop_front();
    }

    /// Nothing more can be sent.
    pub(crate) fn drop_frames(&mut self) {
        self.frames.clear();
    }

    pub(crate) fn ask(&mut self, ask: Ask, channels: &Channels, now: Instant) {
        let deadline = now + self.request_timeout;
        match ask {
            Ask::Subscribe { channel, number } => {
                if let Some(request) = channels.request(&channel, number) {
                    let awaited = Awaited::Subscribe { channel: channel.clone(), number };
                    self.command(centrifuge::Request::Subscribe(request), awaited, deadline);
                }
            }
            Ask::Unsubscribe { channel } => {
                let request = UnsubscribeRequest { channel: channel.as_ref().into() };
                self.command(centrifuge::Request::Unsubscribe(request), Awaited::Unsubscribe, deadline);
            }
            Ask::Refresh { channel, number } => {
                if let Some(request) = channels.refresh_request(&channel, number) {
                    let awaited = Awaited::SubRefresh { channel: channel.clone(), number };
                    self.command(centrifuge::Request::SubRefresh(request), awaited, deadline);
                }
            }
        }
    }

    pub(crate) fn request(&mut self, request: Request) {
        let Request { question, deadline, answer } = request;
        if question.has_reply() {
            self.command(question.to_protocol(), Awaited::Answer(answer), deadline);
        } else {
            self.append(&Command { id: 0, request: question.to_protocol() });
            answer.sent();
        }
    }

    /// Whether it is time to fetch another token: true once, until [`refresh`](Self::refresh) or
    /// [`no_token`](Self::no_token).
    pub(crate) fn needs_token(&mut self, now: Instant) -> bool {
        self.expiry.is_due(now)
    }

    /// Goes on with another token.
    pub(crate) fn refresh(&mut self, token: &str, now: Instant) {
        let request = centrifuge::Request::Refresh(RefreshRequest { token: token.into() });
        self.command(request, Awaited::Refresh, now + self.request_timeout);
    }

    /// There is no other token yet; it is fetched again later.
    pub(crate) fn no_token(&mut self, now: Instant) {
        self.expiry.failed(&mut self.backoff, now);
    }

    /// A message came in.
    pub(crate) fn received(
        &mut self,
        message: MessageRef<'_>,
        subscriptions: &mut Subscriptions,
        now: Instant,
    ) -> Result<(), End> {
        self.dead_at = self.silence_max.map(|silence| now + silence);
        let bytes = match message {
            MessageRef::Text(text) if !self.encoding.is_binary() => text.as_bytes(),
            MessageRef::Binary(bytes) if self.encoding.is_binary() => bytes,
            _ => return Err(End::misbehaved("a message in another encoding than was asked for")),
        };
        for message in self.encoding.messages(bytes) {
            match message.map_err(End::misbehaved)? {
                ServerMessage::Reply(reply) => self.replied(reply, subscriptions, now)?,
                ServerMessage::Push(push) => subscriptions.pushed(&push, now)?,
                ServerMessage::Ping if self.pong => {
                    self.append(&Command { id: 0, request: centrifuge::Request::Pong });
                }
                ServerMessage::Ping => {}
            }
        }
        Ok(())
    }

    /// The next point in time at which [`expire`](Self::expire) has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let request = self.deadlines.first().map(|(deadline, _)| *deadline);
        [request, self.dead_at, self.expiry.at()].into_iter().flatten().min()
    }

    /// Ends what has waited too long.
    pub(crate) fn expire(&mut self, channels: &mut Channels, now: Instant) -> Result<(), End> {
        if self.dead_at.is_some_and(|at| at <= now) {
            return Err(End::transport("no ping from the server in time"));
        }
        while let Some(&(deadline, id)) = self.deadlines.first()
            && deadline <= now
        {
            self.deadlines.pop_first();
            match self.pending.remove(&id).map(|pending| pending.what) {
                Some(Awaited::Answer(answer)) => answer.fail(RequestError::TimedOut),
                Some(Awaited::Connect) => return Err(End::transport("no answer to connect in time")),
                Some(Awaited::Refresh) => self.no_token(now),
                Some(Awaited::SubRefresh { channel, number }) => {
                    channels.refresh_timed_out(&channel, number, now);
                }
                // What the server thinks of the subscription is unknown: only a new connection settles it.
                Some(Awaited::Subscribe { .. } | Awaited::Unsubscribe) => {
                    return Err(End::transport("no answer about a subscription in time"));
                }
                None => {}
            }
        }
        Ok(())
    }

    /// The connection is gone: what was asked may or may not have been done.
    pub(crate) fn lost(self) {
        for (_, pending) in self.pending {
            if let Awaited::Answer(answer) = pending.what {
                answer.fail(RequestError::ConnectionLost);
            }
        }
    }

    fn replied(
        &mut self,
        reply: Reply<'_>,
        subscriptions: &mut Subscriptions,
        now: Instant,
    ) -> Result<(), End> {
        // An answer that came too late is to nobody.
        let Some(Pending { deadline, what }) = self.pending.remove(&reply.id) else { return Ok(()) };
        self.deadlines.remove(&(deadline, reply.id));
        let channels = &mut subscriptions.channels;
        match (what, reply.body) {
            (Awaited::Connect, Ok(Res::Connect(result))) => {
                self.connected(&result, now);
                subscriptions.server.connected(&result.subs)?;
            }
            (Awaited::Connect, Err(error)) => return Err(End::refused(&error)),
            (Awaited::Subscribe { channel, number }, Ok(Res::Subscribe(result))) => {
                channels.accepted(&channel, number, &result, now);
            }
            (Awaited::Subscribe { channel, number }, Err(error)) => {
                channels.refused(&channel, number, &error, now);
            }
            // An unsubscribe that fails leaves nothing to be unsubscribed.
            (Awaited::Unsubscribe, _) => {}
            (Awaited::Refresh, Ok(Res::Refresh(result))) => self.refreshed(&result, now),
            (Awaited::Refresh, Err(error)) => self.not_refreshed(&error, now)?,
            (Awaited::SubRefresh { channel, number }, Ok(Res::SubRefresh(result))) => {
                channels.refreshed(&channel, number, Ok(result), now);
            }
            (Awaited::SubRefresh { channel, number }, Err(error)) => {
                channels.refreshed(&channel, number, Err(&error), now);
            }
            (Awaited::Answer(answer), body) => {
                if !answer.give(body) {
                    return Err(End::misbehaved("a reply of another kind than the request"));
                }
            }
            (
                Awaited::Connect | Awaited::Subscribe { .. } | Awaited::Refresh | Awaited::SubRefresh { .. },
                Ok(_),
            ) => {
                return Err(End::misbehaved("a reply of another kind than the request"));
            }
        }
        Ok(())
    }

    fn connected(&mut self, result: &ConnectResult<'_>, now: Instant) {
        let client = result.client.clone().into_owned();
        self.accepted = Some(Accepted { client, data: Data::present(result.data) });
        self.pong = result.pong;
        let ping = Duration::from_secs(result.ping.into());
        self.silence_max = (!ping.is_zero()).then(|| ping + self.ping_delay_max);
        self.dead_at = self.silence_max.map(|silence| now + silence);
        self.expiry.granted(result.expires && self.can_renew, result.ttl, now);
    }

    fn refreshed(&mut self, result: &RefreshResult<'_>, now: Instant) {
        self.expiry.granted(result.expires, result.ttl, now);
    }

    /// The server may be busy, or the token may have been too old already: then another one is fetched
    /// after a while. Anything else is its last word.
    fn not_refreshed(&mut self, error: &Error, now: Instant) -> Result<(), End> {
        if error.code != Error::TOKEN_EXPIRED.code && !is_transient(error) {
            return Err(End::refused(error));
        }
        self.no_token(now);
        Ok(())
    }

    fn command(&mut self, request: centrifuge::Request<'_>, what: Awaited, deadline: Instant) {
        // 0 would mean that no reply is wanted.
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        let id = self.last_id;
        self.append(&Command { id, request });
        self.pending.insert(id, Pending { deadline, what });
        self.deadlines.insert((deadline, id));
    }

    /// Adds a command to the last frame, or to a new one where that is full.
    fn append(&mut self, command: &Command<'_>) {
        let mut bytes = Vec::new();
        self.encoding.encode_command(command, &mut bytes);
        match self.frames.back_mut() {
            Some(frame) if frame.len() + bytes.len() < FRAME_BYTES_MAX => {
                self.encoding.separate(frame);
                frame.extend_from_slice(&bytes);
            }
            _ => self.frames.push_back(bytes),
        }
    }
}
