//! What keeps a session and its subscriptions alive: new tokens of the client, and the hooks that are asked in its stead.

use std::sync::Arc;

use wavecast_hub::ChannelOptions;
use wavecast_protocol::centrifuge::{
    Disconnect, Error, RefreshRequest, RefreshResult, Reply, Res, SubRefreshRequest, SubRefreshResult,
};

use super::command::Context;
use super::connect::check_claims;
use super::filter;
use super::identity::TokenMark;
use super::joining::Anew;
use super::question::{Question, TokenKind};
use super::refusal::Refused;
use super::state::{More, Session, Subscription};
use super::step::Step;
use super::wish::seconds;
use crate::channels::ChannelNumber;
use crate::hooks::{Answer, RefreshCall, RefreshGrant, SubRefreshCall, SubRefreshGrant};
use crate::payload;
use crate::token::Capabilities;

/// How long a connection or subscription lives on, in seconds, when the hook that keeps it alive does not answer.
const GRACE_S: i64 = 60;

impl Session {
    /// A new token for the connection.
    pub(super) fn refresh<'c>(
        &mut self,
        id: u32,
        request: &RefreshRequest<'c>,
        cx: &Context<'_>,
    ) -> Result<Step<'c>, Refused> {
        let rules = cx.rules;
        if request.token.is_empty() {
            return Err(Disconnect::BAD_REQUEST.into());
        }
        let Some(verifier) = rules.connection_tokens.as_ref().filter(|_| !rules.hooks().refresh) else {
            return Err(Disconnect::BAD_REQUEST.into());
        };
        let claims = verifier.verify_connection(&request.token, cx.now.unix_i64()).map_err(|refusal| {
            let (invalid, expired) = (Disconnect::INVALID_TOKEN, Disconnect::EXPIRED);
            Refused::of_token(refusal, TokenKind::Connection, invalid.into(), expired.into())
        })?;
        if *claims.user != *self.user() {
            return Err(Disconnect::INVALID_TOKEN.into());
        }
        check_claims(&claims, cx)?;
        let expire_at_s = seconds(claims.connection_expires_at_s);
        if expire_at_s > 0 && expire_at_s <= cx.now.unix_s() {
            return Err(Error::EXPIRED.into());
        }
        let mark = TokenMark::of(&claims);
        let before = self.identity.as_ref().and_then(|identity| identity.token.as_deref());
        if before.is_some_and(|before| before.scope != mark.scope) {
            // The client has to connect anew to have the subscriptions of this token, and its filters.
            return Err(Disconnect::INSUFFICIENT_STATE.into());
        }
        let identity = self.identity.get_or_insert_default();
        if let Err(problem) = identity.renew(claims) {
            tracing::info!(%problem, "connection token refused: its tags filter");
            return Err(Disconnect::INVALID_TOKEN.into());
        }
        identity.token = Some(Box::new(mark));
        identity.expires_ms = (expire_at_s > 0).then(|| cx.now.told(expire_at_s));
        identity.client_refreshes = true;
        let result = RefreshResult {
            expires: expire_at_s > 0,
            ttl: if expire_at_s > 0 { cx.now.ttl(expire_at_s) } else { 0 },
            ..RefreshResult::default()
        };
        Ok(Step::Refreshed(Reply { id, body: Ok(Res::Refresh(result)) }))
    }

    /// A new token for a subscription.
    pub(super) fn sub_refresh<'c>(
        &mut self,
        id: u32,
        request: &SubRefreshRequest<'c>,
        cx: &Context<'_>,
    ) -> Result<Step<'c>, Refused> {
        if request.kind != 0 {
            return Err(Error::NOT_AVAILABLE.into());
        }
        let options = cx.rules.options(&request.channel)?;
        let index = (cx.number_of)(&request.channel).and_then(|number| self.find(number));
        let index = index.ok_or(Error::PERMISSION_DENIED)?;
        let verifier = cx.rules.subscription_tokens.as_ref().ok_or(Error::NOT_AVAILABLE)?;
        if options.sub_refresh_hook.is_some() {
            return Err(Disconnect::BAD_REQUEST.into());
        }
        let claims = verifier.verify_subscription(&request.token, cx.now.unix_i64()).map_err(|refusal| {
            let (invalid, expired) = (Disconnect::INVALID_TOKEN, Error::EXPIRED);
            Refused::of_token(refusal, TokenKind::Subscription, invalid.into(), expired.into())
        })?;
        self.check_subscription_claims(&request.channel, &claims, cx)?;
        let expire_at_s = seconds(claims.subscription_expires_at_s);
        if expire_at_s > 0 && expire_at_s <= cx.now.unix_s() {
            return Err(Error::EXPIRED.into());
        }
        let filter = claims.tags_filter.map(|filter| filter::of_json(filter.get().as_bytes())).transpose();
        let filter = filter.map_err(|problem| {
            tracing::info!(%problem, "subscription token refused: its tags filter makes no sense");
            Error::PERMISSION_DENIED
        })?;
        let info = Arc::new(self.client_info(self.who(), claims.info.map(payload::embedded)));
        let result = SubRefreshResult {
            expires: expire_at_s > 0,
            ttl: if expire_at_s > 0 { cx.now.ttl(expire_at_s) } else { 0 },
        };
        let reply = Reply { id, body: Ok(Res::SubRefresh(result)) };
        let Subscription { channel, marks, more, .. } = &mut self.subscriptions[index];
        let channel = *channel;
        let set_filter = more.as_ref().and_then(|more| more.set_filter.as_deref());
        if filter.as_ref() != set_filter {
            // With the token that it has now the client gets another subscription.
            return match Anew::insufficient_state(marks.by_server) {
                Anew::Subscribe(why) => Ok(Step::Outdated { reply, channel, why }),
                Anew::Connect(why) => Err(why.into()),
            };
        }
        marks.client_refreshes = true;
        // One that was like most is not any more.
        let more = more.get_or_insert_with(|| {
            // Nobody was told that it came, and nobody is told that it goes.
            let options =
                ChannelOptions { presence: false, join_leave: false, ..ChannelOptions::clone(options) };
            Box::new(More::new(Arc::new(options), Arc::clone(&info)))
        });
        more.expires_ms = (expire_at_s > 0).then(|| cx.now.told(expire_at_s));
        more.allowed = claims.allowed.unwrap_or_default();
        more.info = info;
        Ok(Step::Renewed { reply: Some(reply), channel })
    }

    /// The hook says whether the connection is still good; one that fails to answer gives it a little longer.
    pub(super) fn refreshed_by_hook(
        &mut self,
        answer: Answer<RefreshGrant>,
        cx: &Context<'_>,
    ) -> Step<'static> {
        let grant = match answer {
            Answer::Ok(grant) => grant,
            Answer::Error(error) if error.temporary => RefreshGrant {
                expire_at: cx.now.unix_i64().saturating_add(GRACE_S),
                ..RefreshGrant::default()
            },
            Answer::Disconnect(disconnect) => return Step::Close(disconnect),
            Answer::Error(_) | Answer::NotHandled => return Step::Close(Disconnect::EXPIRED),
        };
        if grant.expired {
            return Step::Close(Disconnect::EXPIRED);
        }
        let capabilities = match grant.caps.as_deref().map(Capabilities::of_hook).transpose() {
            Ok(capabilities) => capabilities,
            Err(problem) => {
                tracing::warn!(%problem, "the refresh hook gave capabilities that make no sense");
                return Step::Close(Disconnect::SERVER_ERROR);
            }
        };
        let identity = self.identity.get_or_insert_default();
        identity.is_asked = false;
        identity.expires_ms = at(grant.expire_at, cx);
        identity.info = grant.info.or(identity.info.take());
        identity.meta = grant.meta.or(identity.meta.take());
        identity.capabilities = capabilities.map(Box::new).or(identity.capabilities.take());
        Step::Nothing
    }

    /// The same for a subscription.
    pub(super) fn sub_refreshed_by_hook(
        &mut self,
        answer: Answer<SubRefreshGrant>,
        channel: &str,
        cx: &Context<'_>,
    ) -> Step<'static> {
        // It may have ended meanwhile, and another one begun that has asked nothing.
        let index = (cx.number_of)(channel).and_then(|number| self.find(number));
        let asks = |index: &usize| self.subscriptions[*index].more.as_ref().is_some_and(|more| more.is_asked);
        let Some(index) = index.filter(asks) else { return Step::Nothing };
        let grant = match answer {
            Answer::Ok(grant) => grant,
            Answer::Error(error) if error.temporary => SubRefreshGrant {
                expire_at: cx.now.unix_i64().saturating_add(GRACE_S),
                ..SubRefreshGrant::default()
            },
            Answer::Disconnect(disconnect) => return Step::Close(disconnect),
            Answer::Error(_) | Answer::NotHandled => {
                SubRefreshGrant { expired: true, ..SubRefreshGrant::default() }
            }
        };
        if grant.expired {
            let Subscription { channel, marks, .. } = &self.subscriptions[index];
            return match Anew::expired(marks.by_server) {
                Anew::Subscribe(why) => Step::Unsubscribe(*channel, why),
                Anew::Connect(why) => Step::Close(why),
            };
        }
        let info = grant.info.map(|info| Arc::new(self.client_info(self.who(), Some(info))));
        let Subscription { channel, more, .. } = &mut self.subscriptions[index];
        let is_news = info.is_some();
        if let Some(more) = more {
            more.is_asked = false;
            more.expires_ms = at(grant.expire_at, cx);
            more.info = info.unwrap_or_else(|| Arc::clone(&more.info));
        }
        if is_news { Step::Renewed { reply: None, channel: *channel } } else { Step::Nothing }
    }
}

impl Session {
    /// The question whether the connection is still good.
    pub(crate) fn ask_refresh(&self) -> Question {
        Question::Refresh { call: RefreshCall { caller: self.caller() } }
    }

    /// The question whether a subscription is still good; `None` if nobody answers it.
    pub(crate) fn ask_sub_refresh(&self, channel: ChannelNumber, name: &str) -> Option<Question> {
        let more = self.subscriptions.get(self.find(channel)?)?.more.as_ref()?;
        let hook = more.options.sub_refresh_hook.clone()?;
        let call = SubRefreshCall { caller: self.caller(), hook, channel: name.into() };
        Some(Question::SubRefresh { call })
    }
}

/// When something expires that a hook gives a time for; 0 and what lies before the epoch mean never.
fn at(expire_at: i64, cx: &Context<'_>) -> Option<u64> {
    u64::try_from(expire_at).ok().filter(|&at| at > 0).map(|at| cx.now.at_unix(at))
}
