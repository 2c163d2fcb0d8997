//! One connection's life above the socket: commands with their ids and time-outs, replies, pushes,
//! and the watch over the server's pings. It does no I/O; frames to be sent wait in
//! [`Session::frame`].

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use wavecast_net::client::{Backoff, MessageRef};
use wavecast_protocol::centrifuge::{
    self, Command, ConnectResult, Encoding, Error, RefreshRequest, RefreshResult, Reply, Res, ServerMessage,
    UnsubscribeRequest,
};

use crate::channels::{Ask, Channels};
use crate::data::Data;
use crate::end::{End, is_transient};
use crate::error::RequestError;
use crate::expiry::Expiry;
use crate::frames::Frames;
use crate::options::Options;
use crate::request::{Answer, Place, Request};
use crate::state::State;
use crate::subscriptions::Subscriptions;

#[derive(Debug)]
pub(crate) struct Session {
    encoding: Encoding,
    frames: Frames,
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

/// A command whose reply is awaited, or its being sent where there is no reply.
#[derive(Debug)]
struct Pending {
    deadline: Instant,
    what: Awaited,
    /// Of a request of the user's.
    _place: Option<Place>,
}

#[derive(Debug)]
enum Awaited {
    Connect,
    Subscribe {
        channel: Arc<str>,
        number: u64,
    },
    Unsubscribe,
    Refresh,
    SubRefresh {
        channel: Arc<str>,
        number: u64,
    },
    Answer(Answer),
    /// That it has been sent.
    Sending(Answer),
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
            frames: Frames::new(options.encoding),
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

    /// The next message to be sent.
    pub(crate) fn frame(&self) -> Option<MessageRef<'_>> {
        self.frames.front()
    }

    /// The frame has been sent.
    pub(crate) fn frame_sent(&mut self) {
        for id in self.frames.sent() {
            if let Entry::Occupied(entry) = self.pending.entry(id)
                && matches!(entry.get().what, Awaited::Sending(..))
                && let Pending { deadline, what: Awaited::Sending(answer), .. } = entry.remove()
            {
                self.deadlines.remove(&(deadline, id));
                answer.sent();
            }
        }
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
        let Request { question, deadline, answer, place } = request;
        let id = self.next_id();
        // The server does not learn the id of what it is not to answer.
        let has_reply = question.has_reply();
        let command = Command { id: if has_reply { id } else { 0 }, request: question.to_protocol() };
        self.frames.push(&command, Some((id, place.clone())));
        let what = if has_reply { Awaited::Answer(answer) } else { Awaited::Sending(answer) };
        self.wait(id, what, deadline, Some(place));
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
                ServerMessage::Ping if self.pong => self.frames.push_pong(),
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
                Some(Awaited::Answer(answer) | Awaited::Sending(answer)) => {
                    answer.fail(RequestError::TimedOut);
                }
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
            if let Awaited::Answer(answer) | Awaited::Sending(answer) = pending.what {
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
        let Some(Pending { deadline, what, .. }) = self.pending.remove(&reply.id) else { return Ok(()) };
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
            (Awaited::Sending(answer), _) => {
                answer.fail(RequestError::ConnectionLost);
                return Err(End::misbehaved("a reply to a message that asks for none"));
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
        let id = self.next_id();
        self.frames.push(&Command { id, request }, None);
        self.wait(id, what, deadline, None);
    }

    /// 0 would mean that no reply is wanted.
    fn next_id(&mut self) -> u32 {
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        self.last_id
    }

    fn wait(&mut self, id: u32, what: Awaited, deadline: Instant, place: Option<Place>) {
        self.pending.insert(id, Pending { deadline, what, _place: place });
        self.deadlines.insert((deadline, id));
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;
    use tokio::sync::oneshot::{self, Receiver, error::TryRecvError};

    use super::*;
    use crate::request::Question;

    type Sent = Receiver<Result<(), RequestError>>;

    fn session(now: Instant) -> Session {
        let options = Options::default();
        let connect = centrifuge::Request::Connect(centrifuge::ConnectRequest::default());
        Session::new(connect, &options, Backoff::new(Duration::ZERO, Duration::ZERO, Duration::ZERO, 1), now)
    }

    fn send(session: &mut Session, now: Instant) -> Sent {
        let (to, sent) = oneshot::channel();
        let data = Data::from(&b"{}"[..]);
        let place = Arc::new(Arc::new(Semaphore::new(1)).try_acquire_owned().expect("a place"));
        let (question, answer) = (Question::Send { data }, Answer::Done(to));
        session.request(Request { question, deadline: now + Duration::from_secs(5), answer, place });
        sent
    }

    #[test]
    fn a_message_counts_as_sent_when_the_socket_has_taken_it() {
        let now = Instant::now();
        let mut session = session(now);
        let mut sent = send(&mut session, now);
        assert!(matches!(sent.try_recv(), Err(TryRecvError::Empty)));
        session.frame_sent();
        assert!(matches!(sent.try_recv(), Ok(Ok(()))));
        assert_eq!(session.pending.len(), 1, "the answer to connect is awaited as before");
    }

    #[test]
    fn a_message_that_was_not_sent_is_lost_with_the_connection() {
        let now = Instant::now();
        let mut session = session(now);
        let mut sent = send(&mut session, now);
        session.drop_frames();
        session.lost();
        assert!(matches!(sent.try_recv(), Ok(Err(RequestError::ConnectionLost))));
    }
}
