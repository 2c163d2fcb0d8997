//! What the back end asks of a session: to be subscribed, to be refreshed, to be gone if it was revoked.

use std::borrow::Cow;

use wavecast_protocol::centrifuge::{Error, Push};

use super::command::Context;
use super::joining::By;
use super::rules::Rules;
use super::state::Session;
use super::step::Join;
use super::timing::Moment;
use super::wish::ServerSubscription;

impl Session {
    /// The subscription to ask the hub for; `None` if the session is subscribed already.
    ///
    /// # Errors
    /// 102 and 107 for the channel, 106 where the session has as many as it may have, 108 where it is not offered.
    pub(crate) fn subscribe_by_backend(
        &self,
        by: By,
        subscription: ServerSubscription,
        since: Option<(u64, Cow<'static, str>)>,
        cx: &Context<'_>,
    ) -> Result<Option<Join<'static>>, Error> {
        match self.may_join(&subscription.channel, cx) {
            Ok(()) => self.server_join(by, subscription, since, self.who(), cx).map(Some),
            Err(error) if error.code == Error::ALREADY_SUBSCRIBED.code => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The connection lives until another time; 0: for good.
    pub(crate) fn refresh_by_backend(
        &mut self,
        expire_at_s: u64,
        info: Option<&[u8]>,
        now: Moment,
    ) -> Push<'static> {
        let identity = self.identity.get_or_insert_default();
        identity.expires_ms = (expire_at_s > 0).then(|| now.told(expire_at_s));
        if let Some(info) = info {
            identity.info = Some(info.into());
        }
        let ttl = if expire_at_s > 0 { now.ttl(expire_at_s) } else { 0 };
        Push::Refresh { expires: expire_at_s > 0, ttl }
    }

    /// Whether a revocation means this session.
    pub(crate) fn is_revoked(&self, rules: &Rules, now: Moment) -> bool {
        let (revocations, now_s) = (&rules.revocations, now.unix_i64());
        match self.identity.as_ref().and_then(|identity| identity.token.as_deref()) {
            Some(mark) => {
                revocations.check(self.user(), mark.id.as_deref(), mark.issued_at_s, now_s).is_some()
            }
            // It came without a token, so none of a user's tokens matters.
            None => revocations.is_blocked(self.user(), now_s),
        }
    }
}
