//! The history command: who may look back, and how far.

use std::sync::Arc;

use wavecast_protocol::centrifuge::HistoryRequest;

use super::command::Context;
use super::refusal::Refused;
use super::state::Session;
use super::step::{History, Step};

impl Session {
    pub(super) fn history<'c>(
        &self,
        id: u32,
        request: HistoryRequest<'c>,
        cx: &Context<'_>,
    ) -> Result<Step<'c>, Refused> {
        let options = cx.rules.options(&request.channel)?;
        let number = (cx.number_of)(&request.channel);
        self.who().check_history(&request.channel, options, self.subscribed(number), cx.rules)?;
        Ok(Step::History(Box::new(History {
            id,
            channel: request.channel,
            options: Arc::clone(options),
            since: request.since.map(|since| (since.offset, since.epoch)),
            limit: request.limit,
            reverse: request.reverse,
            // What the server keeps from the client in the stream is not to be had here either.
            filter: self.identity.as_ref().and_then(|identity| identity.filter.as_deref().cloned()),
        })))
    }
}
