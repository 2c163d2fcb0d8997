//! The subscribe command: what is wished for, who allows it, on which terms.

use std::rc::Rc;
use std::sync::Arc;

use wavecast_hub::{ChannelOptions, Filter, RecoveryMode, SlowConsumer};
use wavecast_protocol::centrifuge::{Disconnect, Error, Reply, SubscribeRequest};

use super::command::Context;
use super::joining::{By, Expiry, Joining, Marks, Terms};
use super::permission::Who;
use super::question::{Question, SubscribeDraft, TokenKind};
use super::refusal::Refused;
use super::state::Session;
use super::step::{Join, Step};
use super::wish::{FOSSIL, Grant, Wish, given};
use crate::channels::ChannelNumber;
use crate::hooks::{SubscribeCall, SubscribeGrant};
use crate::token::{Allowed, SubscriptionClaims};

impl Session {
    pub(super) fn subscribe<'c>(
        &mut self,
        id: u32,
        request: SubscribeRequest<'c>,
        cx: &Context<'_>,
    ) -> Result<Step<'c>, Refused> {
        let rules = cx.rules;
        // It may have waited for a key, and be tried again.
        let is_ended = self.decides();
        if !matches!(&*request.delta, "" | FOSSIL) {
            return Err(Disconnect::BAD_REQUEST.into());
        }
        let options = rules.options(&request.channel)?;
        self.may_join(&request.channel, cx)?;
        // Maps and shared polls are not offered.
        if request.kind != 0 || options.not_offered {
            return Err(Error::NOT_AVAILABLE.into());
        }
        let options = Arc::clone(options);
        let (token, data) = (request.token.clone(), request.data);
        let wish = Wish::of(request, &options)?;
        if !token.is_empty() {
            let Some(verifier) = &rules.subscription_tokens else {
                return Err(Error::PERMISSION_DENIED.into());
            };
            let claims = verifier.verify_subscription(&token, cx.now.unix_i64()).map_err(|refusal| {
                let (invalid, expired) = (Error::PERMISSION_DENIED, Error::TOKEN_EXPIRED);
                Refused::of_token(refusal, TokenKind::Subscription, invalid.into(), expired.into())
                    .of_subscribing_to(&wish.channel)
            })?;
            let grant = self.granted_by_token(&wish.channel, claims, cx)?;
            let join = self.join(self.who(), By::Client(id), wish, options, grant, cx);
            return Ok(Step::Join(Box::new(join.unless_ended(is_ended))));
        }
        if let Some(hook) = hook_that_decides(&wish.channel, &options, cx) {
            let call = SubscribeCall {
                caller: self.caller(),
                hook,
                channel: wish.channel.as_ref().into(),
                token: Box::default(),
                data: given(data),
            };
            let draft = SubscribeDraft { id, wish: wish.into_owned(), options };
            return Ok(Step::Ask(Question::Subscribe { call, draft }));
        }
        if !self.who().may_subscribe(&wish.channel, &options, rules) {
            return Err(Error::PERMISSION_DENIED.into());
        }
        let join = self.join(self.who(), By::Client(id), wish, options, Grant::default(), cx);
        Ok(Step::Join(Box::new(join)))
    }

    fn granted_by_token(
        &self,
        channel: &str,
        claims: SubscriptionClaims,
        cx: &Context<'_>,
    ) -> Result<Grant, Refused> {
        self.check_subscription_claims(channel, &claims, cx)?;
        Grant::of_token(claims).map_err(|problem| {
            tracing::info!(%problem, "subscription token refused: its tags filter makes no sense");
            Error::PERMISSION_DENIED.into()
        })
    }

    /// What no signature says: whether a subscription token is for this session and channel, and still good.
    ///
    /// # Errors
    /// 3500.
    pub(super) fn check_subscription_claims(
        &self,
        channel: &str,
        claims: &SubscriptionClaims,
        cx: &Context<'_>,
    ) -> Result<(), Disconnect> {
        let is_for_us = *claims.channel == *channel
            && *claims.user == *self.user()
            && claims.client.as_deref().is_none_or(|client| client == self.client());
        let revoked = cx.rules.revocations.is_subscription_revoked(claims, cx.now.unix_i64());
        if is_for_us && revoked.is_none() {
            return Ok(());
        }
        tracing::info!(is_for_us, ?revoked, "subscription token refused");
        Err(Disconnect::INVALID_TOKEN)
    }

    /// The hook has allowed it.
    pub(super) fn subscribe_granted(
        &self,
        grant: SubscribeGrant,
        draft: SubscribeDraft,
        is_ended: bool,
        cx: &Context<'_>,
    ) -> Step<'static> {
        let SubscribeDraft { id, wish, options } = draft;
        // The back end may have subscribed the session meanwhile.
        match self.may_join(&wish.channel, cx).and_then(|()| Grant::of_hook(grant)) {
            Ok(grant) => {
                let join = self.join(self.who(), By::Client(id), wish, options, grant, cx);
                Step::Join(Box::new(join.unless_ended(is_ended)))
            }
            Err(error) => Step::Reply(Reply { id, body: Err(error) }),
        }
    }

    /// All is decided: the hub is to be asked.
    pub(super) fn join<'c>(
        &self,
        who: Who<'_>,
        by: By,
        wish: Wish<'c>,
        options: Arc<ChannelOptions>,
        grant: Grant,
        cx: &Context<'_>,
    ) -> Join<'c> {
        let own = grant.options(Arc::clone(&options));
        let has_positions = options.has_stream() && options.slow_consumer != SlowConsumer::Latest;
        let mut marks = marks(who, &by, &wish, &own, &grant, cx).where_possible(has_positions);
        // Who cannot subscribe again has to connect again.
        marks.by_server |= self.wire.is_one_way();
        let recover = wish.recover.clone().filter(|_| marks.recoverable);
        let gets_latest =
            own.recovery_mode == RecoveryMode::Cache && own.auto_cache_recover && marks.recoverable;
        // Whoever is given the latest at the first subscription is told as if it had asked for it.
        let since = match &wish.recover {
            Some((offset, _)) => Some(*offset),
            None => gets_latest.then_some(0),
        };
        let channel = wish.channel.clone();
        // Of a cache the latest is all there is to have: nothing of it is unrecoverable.
        let rejects_unrecovered = wish.rejects_unrecovered && own.recovery_mode == RecoveryMode::Stream;
        let terms = self.terms(who, wish, &own, grant, cx).map(Box::new);
        let joining = Joining {
            // The shard numbers the channel when it enters it.
            channel: ChannelNumber::default(),
            by,
            marks,
            since,
            rejects_unrecovered,
            ending: None,
            terms,
        };
        Join { channel, options, recover, gets_latest, joining }
    }

    /// What is particular about a subscription; `None` for one that is like most.
    fn terms(
        &self,
        who: Who<'_>,
        wish: Wish<'_>,
        options: &Arc<ChannelOptions>,
        grant: Grant,
        cx: &Context<'_>,
    ) -> Option<Terms> {
        let may_see = || who.check_presence(&wish.channel, options, Some(grant.allowed), cx.rules).is_ok();
        let join_leave =
            options.force_push_join_leave || (wish.join_leave && options.join_leave && may_see());
        let of_connection = who.0.and_then(|identity| identity.filter.as_deref().cloned());
        let set_filter = grant.filter.map(Rc::new);
        // All of them have to match: what the server set, and what the client wishes.
        let others = [of_connection, wish.filter].into_iter().flatten().reduce(Filter::and);
        let filter = match (&set_filter, others) {
            (Some(set), Some(others)) => Some(Rc::new(Filter::clone(set).and(others))),
            (set, None) => set.clone(),
            (None, others) => others.map(Rc::new),
        };
        // A delta needs to know what its subscriber has, and a filter leaves holes in that.
        let delta = wish.delta && options.allow_delta && filter.is_none();
        let expires = (grant.expire_at_s > 0).then(|| {
            let (at_s, now) = (grant.expire_at_s, cx.now);
            let at_ms = if grant.client_refreshes { now.told(at_s) } else { now.at_unix(at_s) };
            Expiry { at_ms, ttl: now.ttl(at_s) }
        });
        let is_told_of = options.presence || options.join_leave || options.unsubscribed_events;
        let is_particular = join_leave
            || delta
            || is_told_of
            || filter.is_some()
            || expires.is_some()
            || grant.info.is_some()
            || grant.allowed != Allowed::default()
            || !grant.data.is_empty();
        is_particular.then(|| Terms {
            options: Arc::clone(options),
            info: Arc::new(self.client_info(who, grant.info)),
            data: grant.data,
            allowed: grant.allowed,
            expires,
            delta,
            join_leave,
            filter,
            set_filter,
        })
    }
}

/// The subscribe hook decides where the namespace has one, unless the name itself says who may.
pub(super) fn hook_that_decides(
    channel: &str,
    options: &ChannelOptions,
    cx: &Context<'_>,
) -> Option<Arc<str>> {
    let names = cx.rules.namespaces.rules();
    let is_limited = options.allow_user_limited_channels && names.is_user_limited(channel);
    let by_name = names.is_private(channel) || is_limited;
    options.subscribe_hook.clone().filter(|_| !by_name)
}

impl Marks {
    /// There is no position, whatever a subscription's own options say, where the channel counts no offsets, or drops what is
    /// old without a word.
    fn where_possible(self, has_positions: bool) -> Self {
        let (positioned, recoverable) = (self.positioned && has_positions, self.recoverable && has_positions);
        Self { positioned, recoverable, ..self }
    }
}

/// A client may ask for a position where the namespace lets it, or where it can read the history anyway.
fn marks(
    who: Who<'_>,
    by: &By,
    wish: &Wish<'_>,
    options: &ChannelOptions,
    grant: &Grant,
    cx: &Context<'_>,
) -> Marks {
    let reads = (wish.recoverable || wish.positioned)
        && who.check_history(&wish.channel, options, Some(grant.allowed), cx.rules).is_ok();
    let recoverable = options.has_history()
        && (options.force_recovery || (wish.recoverable && (options.allow_recovery || reads)));
    let positioned =
        recoverable || options.force_positioning || (wish.positioned && (options.allow_positioning || reads));
    let by_server = !matches!(by, By::Client(_));
    Marks { positioned, recoverable, by_server, client_refreshes: grant.client_refreshes }
}

/// Whether somebody who may be subscribed to a channel may recover there, or read the history anyway.
pub(super) fn may_recover(
    who: Who<'_>,
    channel: &str,
    options: &ChannelOptions,
    allowed: Allowed,
    cx: &Context<'_>,
) -> bool {
    let reads = || who.check_history(channel, options, Some(allowed), cx.rules).is_ok();
    options.has_history() && (options.force_recovery || options.allow_recovery || reads())
}
