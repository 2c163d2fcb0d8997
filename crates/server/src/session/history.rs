//! The history command: who may look back, and how far.

use wavecast_protocol::centrifuge::{Error, HistoryRequest};

use super::rules::Rules;
use super::state::Session;
use super::step::{History, Step};
use crate::channels::ChannelNumber;

impl Session {
    pub(super) fn history<'c>(
        &self,
        id: u32,
        request: HistoryRequest<'c>,
        rules: &Rules,
        number: Option<ChannelNumber>,
    ) -> Result<Step<'c>, Error> {
        let options = rules.options(&request.channel)?;
        let users = options.allow_history_for_client
            || (options.allow_history_for_subscriber && self.is_subscribed(number));
        if !rules.insecure && !self.is_allowed(users, options.allow_history_for_anonymous) {
            return Err(Error::PERMISSION_DENIED);
        }
        Ok(Step::History(History {
            id,
            channel: request.channel,
            options: options.clone(),
            since: request.since.map(|since| (since.offset, since.epoch)),
            limit: request.limit,
            reverse: request.reverse,
        }))
    }
}
