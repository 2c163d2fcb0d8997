//! From a command to its room.

use wavecast_protocol::centrifuge::{Command, Disconnect, Error, Reply, Request, Res};

use super::rules::Rules;
use super::state::{Phase, Session};
use super::step::Step;
use crate::channels::ChannelNumber;

impl Session {
    /// Takes a command. `number_of` finds a channel that somebody on this shard is subscribed to.
    pub(crate) fn command<'c>(
        &mut self,
        command: Command<'c>,
        rules: &Rules,
        number_of: impl Fn(&str) -> Option<ChannelNumber>,
    ) -> Step<'c> {
        let Command { id, request } = command;
        match (self.phase, request) {
            (_, Request::Pong) => self.pong(),
            (Phase::Waiting, Request::Connect(request)) => self.connect(id, &request, rules),
            // The first command is connect, and there is no second one.
            (Phase::Waiting, _) | (_, Request::Connect(_)) => Step::Close(Disconnect::BAD_REQUEST),
            (_, Request::Subscribe(request)) => {
                let number = number_of(&request.channel);
                answer(id, self.subscribe(id, request, rules, number))
            }
            (_, Request::Unsubscribe(request)) => self.unsubscribe(id, number_of(&request.channel)),
            (_, Request::Publish(request)) => {
                let number = number_of(&request.channel);
                answer(id, self.publish(id, request, rules, number))
            }
            (_, Request::History(request)) => {
                let number = number_of(&request.channel);
                answer(id, self.history(id, request, rules, number))
            }
            (_, Request::Ping) => Step::Reply(Reply { id, body: Ok(Res::Ping) }),
            (_, Request::Send(_)) => Step::Close(Disconnect::NOT_AVAILABLE),
            (
                _,
                Request::Presence(_)
                | Request::PresenceStats(_)
                | Request::Rpc(_)
                | Request::Refresh(_)
                | Request::SubRefresh(_),
            ) => Step::Reply(Reply { id, body: Err(Error::NOT_AVAILABLE) }),
        }
    }
}

fn answer(id: u32, step: Result<Step<'_>, Error>) -> Step<'_> {
    step.unwrap_or_else(|error| Step::Reply(Reply { id, body: Err(error) }))
}
