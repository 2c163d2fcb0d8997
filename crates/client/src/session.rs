//! One connection's life above the socket: commands with their ids and time-outs, replies, pushes,
//! and the watch over the server's pings. It does no I/O; frames to be sent wait in
//! [`Session::frame`].

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use wavecast_net::client::{CloseCode, Closed, MessageRef};
use wavecast_protocol::centrifuge::{
    self, Command, ConnectResult, Disconnect, Error, Push, Reply, Res, ServerMessage, UnsubscribeRequest,
    json,
};

use crate::channels::{Ask, Channels};
use crate::error::{Cause, RequestError};
use crate::request::{Answer, Request};

/// Commands are put together in one frame up to here; servers limit a message to 64 KiB by default.
const FRAME_BYTES_MAX: usize = 16 * 1_024;

#[derive(Debug)]
pub(crate) struct Session {
    frames: VecDeque<Vec<u8>>,
    pending: HashMap<u32, Pending>,
    deadlines: BTreeSet<(Instant, u32)>,
    last_id: u32,
    request_timeout: Duration,
    ping_delay_max: Duration,
    /// The session's id, once the server has accepted it.
    client: Option<String>,
    /// Whether the server wants its pings answered.
    pong: bool,
    /// How long the server may be silent, and until when: none where it sends no pings.
    silence_max: Option<Duration>,
    dead_at: Option<Instant>,
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
    Answer(Answer),
}

/// How a session ended, and what follows from it.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) cause: Cause,
    pub(crate) next: Next,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Reconnect,
    /// Reconnect with another token.
    RenewToken,
    /// Reconnect with another token, and without positions.
    StartAnew,
    /// The client is over.
    Stop,
}

impl Session {
    /// A session whose connect command is the first thing to be sent.
    pub(crate) fn new(
        connect: centrifuge::Request<'_>,
        request_timeout: Duration,
        ping_delay_max: Duration,
        now: Instant,
    ) -> Self {
        let mut session = Self {
            frames: VecDeque::new(),
            pending: HashMap::new(),
            deadlines: BTreeSet::new(),
            last_id: 0,
            request_timeout,
            ping_delay_max,
            client: None,
            pong: false,
            silence_max: None,
            dead_at: None,
        };
        session.command(connect, Awaited::Connect, now + request_timeout);
        session
    }

    /// The session's id, once the server has accepted it.
    pub(crate) fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    /// Commands without an answer yet.
    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The next text frame to be sent.
    pub(crate) fn frame(&self) -> Option<&[u8]> {
        self.frames.front().map(Vec::as_slice)
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
        }
    }

    pub(crate) fn request(&mut self, request: Request) {
        let Request { question, deadline, answer } = request;
        self.command(question.to_protocol(), Awaited::Answer(answer), deadline);
    }

    /// A message came in.
    pub(crate) fn received(
        &mut self,
        message: MessageRef<'_>,
        channels: &mut Channels,
        now: Instant,
    ) -> Result<(), End> {
        let MessageRef::Text(text) = message else {
            return Err(End::misbehaved("a binary message where JSON was asked for"));
        };
        self.dead_at = self.silence_max.map(|silence| now + silence);
        for message in json::messages(text) {
            match message.map_err(End::misbehaved)? {
                ServerMessage::Reply(reply) => self.replied(reply, channels, now)?,
                ServerMessage::Push(push) => pushed(&push, channels, now)?,
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
        request.into_iter().chain(self.dead_at).min()
    }

    /// Ends what has waited too long.
    pub(crate) fn expire(&mut self, now: Instant) -> Result<(), End> {
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

    fn replied(&mut self, reply: Reply<'_>, channels: &mut Channels, now: Instant) -> Result<(), End> {
        // An answer that came too late is to nobody.
        let Some(Pending { deadline, what }) = self.pending.remove(&reply.id) else { return Ok(()) };
        self.deadlines.remove(&(deadline, reply.id));
        match (what, reply.body) {
            (Awaited::Connect, Ok(Res::Connect(result))) => self.connected(&result, now),
            (Awaited::Connect, Err(error)) => return Err(End::connect_refused(&error)),
            (Awaited::Subscribe { channel, number }, Ok(Res::Subscribe(result))) => {
                channels.accepted(&channel, number, &result);
            }
            (Awaited::Subscribe { channel, number }, Err(error)) => {
                channels.refused(&channel, number, &error, now);
            }
            // An unsubscribe that fails leaves nothing to be unsubscribed.
            (Awaited::Unsubscribe, _) => {}
            (Awaited::Answer(answer), body) => {
                if !answer.give(body) {
                    return Err(End::misbehaved("a reply of another kind than the request"));
                }
            }
            (Awaited::Connect | Awaited::Subscribe { .. }, Ok(_)) => {
                return Err(End::misbehaved("a reply of another kind than the request"));
            }
        }
        Ok(())
    }

    fn connected(&mut self, result: &ConnectResult<'_>, now: Instant) {
        self.client = Some(result.client.clone().into_owned());
        self.pong = result.pong;
        let ping = Duration::from_secs(result.ping.into());
        self.silence_max = (!ping.is_zero()).then(|| ping + self.ping_delay_max);
        self.dead_at = self.silence_max.map(|silence| now + silence);
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
        let mut line = Vec::new();
        json::encode_command(command, &mut line);
        match self.frames.back_mut() {
            Some(frame) if frame.len() + line.len() < FRAME_BYTES_MAX => {
                frame.push(b'\n');
                frame.extend_from_slice(&line);
            }
            _ => self.frames.push_back(line),
        }
    }
}

fn pushed(push: &Push<'_>, channels: &mut Channels, now: Instant) -> Result<(), End> {
    match push {
        Push::Publication { channel, publication } => channels.published(channel, publication, now),
        Push::Join { channel, info } => channels.joined(channel, info),
        Push::Leave { channel, info } => channels.left(channel, info),
        Push::Unsubscribe { channel, code, reason } => channels.unsubscribed(channel, *code, reason, now),
        Push::Disconnect { code, reason, .. } => return Err(End::disconnected(*code, reason)),
        // Subscriptions that the server makes, and messages outside channels, have no API here.
        Push::Message { .. } | Push::Subscribe { .. } | Push::Connect(_) | Push::Refresh { .. } => {}
    }
    Ok(())
}

impl End {
    /// The transport failed, or was closed without a code of the push protocol.
    pub(crate) fn transport(error: impl std::fmt::Display) -> Self {
        Self { cause: Cause::transport(error), next: Next::Reconnect }
    }

    /// The user wants it so.
    pub(crate) fn local(reason: &str) -> Self {
        Self { cause: Cause::new(Cause::LOCAL, reason), next: Next::Stop }
    }

    /// The connection was closed with a close frame.
    pub(crate) fn closed(closed: Option<&Closed>) -> Self {
        match closed {
            // The same message would be too big the next time.
            Some(closed) if closed.code == CloseCode::MESSAGE_TOO_BIG => {
                Self { cause: Cause::new(closed.code.get().into(), "message size limit"), next: Next::Stop }
            }
            Some(closed) if closed.code.get() >= Disconnect::CONNECTION_CLOSED.code => {
                Self::disconnected(closed.code.get().into(), &closed.reason)
            }
            Some(closed) => Self::transport(closed),
            None => Self::transport("connection closed"),
        }
    }

    fn disconnected(code: u32, reason: &str) -> Self {
        let next = match code {
            _ if code == u32::from(Disconnect::STATE_INVALIDATED.code) => Next::StartAnew,
            3_500..=3_999 | 4_500..=4_999 => Next::Stop,
            _ => Next::Reconnect,
        };
        Self { cause: Cause::new(code, reason), next }
    }

    fn connect_refused(error: &Error) -> Self {
        let next = match error {
            _ if error.code == Error::TOKEN_EXPIRED.code => Next::RenewToken,
            _ if error.temporary || error.code < Error::INTERNAL.code => Next::Reconnect,
            _ => Next::Stop,
        };
        Self { cause: Cause::new(error.code, error.message.clone()), next }
    }

    fn misbehaved(error: impl std::fmt::Display) -> Self {
        Self::transport(format_args!("the server does not speak the protocol: {error}"))
    }
}
