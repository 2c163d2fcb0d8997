//! The presence commands: who may ask who is there.

use std::borrow::Cow;

use super::command::Context;
use super::refusal::Refused;
use super::state::Session;
use super::step::Step;

impl Session {
    pub(super) fn presence<'c>(
        &self,
        id: u32,
        channel: Cow<'c, str>,
        only_counts: bool,
        cx: &Context<'_>,
    ) -> Result<Step<'c>, Refused> {
        let options = cx.rules.options(&channel)?;
        let number = (cx.number_of)(&channel);
        self.who().check_presence(&channel, options, self.subscribed(number), cx.rules)?;
        Ok(Step::Presence { id, channel, only_counts })
    }
}
