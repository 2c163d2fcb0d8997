//! From a command to its room.

use wavecast_protocol::centrifuge::{Command, Disconnect, Error, Reply, Request, Res};

use super::refusal::Refused;
use super::rules::Rules;
use super::state::{Phase, Session};
use super::step::Step;
use super::timing::Moment;
use crate::channels::ChannelNumber;

/// What a session needs to decide.
pub(crate) struct Context<'x> {
    pub(crate) rules: &'x Rules,
    pub(crate) now: Moment,
    /// Finds a channel that somebody on this shard is in.
    pub(crate) number_of: &'x dyn Fn(&str) -> Option<ChannelNumber>,
}

impl Session {
    /// Takes a command.
    pub(crate) fn command<'c>(&mut self, command: Command<'c>, cx: &Context<'_>) -> Step<'c> {
        let Command { id, request } = command;
        if !matches!(request, Request::Pong) && !self.may_command_now(cx) {
            return Step::Close(Disconnect::TOO_MANY_REQUESTS);
        }
        let step = match (self.phase, request) {
            (_, Request::Pong) => return self.pong(cx.now, cx.rules),
            (Phase::Waiting, Request::Connect(request)) => {
                let step = self.connect(id, request, cx);
                self.note_refusal(&step);
                step
            }
            // The first command is connect, there is no second one, and nothing follows one that was refused.
            (Phase::Waiting | Phase::Connecting | Phase::Welcomed | Phase::Refused, _)
            | (_, Request::Connect(_)) => Err(Disconnect::BAD_REQUEST.into()),
            (_, request) if names_no_channel(&request) => Err(Disconnect::BAD_REQUEST.into()),
            (_, Request::Subscribe(request)) => self.subscribe(id, request, cx),
            (_, Request::Unsubscribe(request)) => Ok(self.unsubscribe(id, (cx.number_of)(&request.channel))),
            (_, Request::Publish(request)) => self.publish(id, request, cx),
            (_, Request::History(request)) => self.history(id, request, cx),
            (_, Request::Presence(request)) => self.presence(id, request.channel, false, cx),
            (_, Request::PresenceStats(request)) => self.presence(id, request.channel, true, cx),
            (_, Request::Rpc(request)) => self.rpc(id, &request, cx),
            (_, Request::Refresh(request)) => self.refresh(id, &request, cx),
            (_, Request::SubRefresh(request)) => self.sub_refresh(id, &request, cx),
            (_, Request::Ping) => Ok(Step::Reply(Reply { id, body: Ok(Res::Ping) })),
            // Nobody takes messages that want no answer.
            (_, Request::Send(_)) => Err(Disconnect::NOT_AVAILABLE.into()),
        };
        let step = self.with_a_key_once(step);
        step.unwrap_or_else(|refused| refused.step(id))
    }

    /// A key that was fetched and is still wanted is not to be had at the moment.
    fn with_a_key_once<'c>(&mut self, step: Result<Step<'c>, Refused>) -> Result<Step<'c>, Refused> {
        let wants_key = matches!(step, Err(Refused::Key(..)));
        match std::mem::replace(&mut self.has_fetched_key, wants_key) {
            true if wants_key => {
                self.has_fetched_key = false;
                Err(Error::INTERNAL.into())
            }
            _ => step,
        }
    }

    /// After an error in place of the connect reply the client may say nothing more on this connection.
    fn note_refusal(&mut self, step: &Result<Step<'_>, Refused>) {
        if let Err(Refused::Error(_)) = step {
            self.phase = Phase::Refused;
        }
    }

    /// A command was refused since its question could not be asked. If it was connect, nothing more is taken.
    pub(crate) fn not_asked(&mut self) {
        self.has_fetched_key = false;
        if matches!(self.phase, Phase::Waiting | Phase::Connecting) {
            self.phase = Phase::Refused;
        }
    }

    /// Takes one command of what `client.command_rate_limit` gives.
    /// The commands of a session that goes one way are the server's own, made of the one request that there is.
    fn may_command_now(&mut self, cx: &Context<'_>) -> bool {
        if self.wire.is_one_way() {
            return true;
        }
        let bucket = self.identity.as_mut().and_then(|identity| identity.commands.as_mut());
        bucket.is_none_or(|bucket| bucket.take(cx.now.shard_ms))
    }
}

/// Whether a command that is about a channel leaves out which.
fn names_no_channel(request: &Request<'_>) -> bool {
    match request {
        Request::Subscribe(request) => request.channel.is_empty(),
        Request::Unsubscribe(request) => request.channel.is_empty(),
        Request::Publish(request) => request.channel.is_empty(),
        Request::History(request) => request.channel.is_empty(),
        Request::Presence(request) => request.channel.is_empty(),
        Request::PresenceStats(request) => request.channel.is_empty(),
        Request::SubRefresh(request) => request.channel.is_empty(),
        _ => false,
    }
}
