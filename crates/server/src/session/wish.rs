//! What a subscription is wished to be like, and on which terms it is granted.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use wavecast_hub::{ChannelOptions, Filter, RecoveryMode};
use wavecast_protocol::centrifuge::{Error, SubscribeRequest};

use super::filter;
use crate::hooks::{Overrides, SubscribeGrant};
use crate::payload;
use crate::token::{self, Allowed, SubscriptionClaims};

/// The client asks for error 112 instead of `recovered: false`.
const FLAG_REJECT_UNRECOVERED: i64 = 2;
/// The name of the deltas that are spoken.
pub(super) const FOSSIL: &str = "fossil";

/// What a connect command would like the server to subscribe the client to, and from where that is to be recovered, if at all.
pub(crate) type Wishes = BTreeMap<Box<str>, Option<(u64, Cow<'static, str>)>>;

/// What a client wishes for, apart from who it is and what entitles it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish<'c> {
    pub(crate) channel: Cow<'c, str>,
    pub(crate) recover: Option<(u64, Cow<'c, str>)>,
    pub(crate) positioned: bool,
    pub(crate) recoverable: bool,
    pub(crate) join_leave: bool,
    pub(crate) delta: bool,
    pub(crate) rejects_unrecovered: bool,
    pub(crate) filter: Option<Filter>,
}

/// On which terms it is allowed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grant {
    pub(crate) info: Option<Box<[u8]>>,
    pub(crate) data: Box<[u8]>,
    /// Unix seconds; 0: never.
    pub(crate) expire_at_s: u64,
    pub(crate) client_refreshes: bool,
    pub(crate) overrides: Overrides,
    /// What the client may do in the channel beside what its namespace allows.
    pub(crate) allowed: Allowed,
    /// In cache mode the latest publication comes with it.
    pub(crate) cache_recover: bool,
    pub(crate) filter: Option<Filter>,
}

/// A subscription that the server makes.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServerSubscription {
    pub(crate) channel: Box<str>,
    /// Its terms. They are not the client's to refresh.
    pub(crate) grant: Grant,
}

impl ServerSubscription {
    /// A subscription to a channel, as its namespace has it.
    pub(crate) fn to(channel: impl Into<Box<str>>) -> Self {
        Self { channel: channel.into(), grant: Grant::default() }
    }

    /// A subscription that a hook makes, with terms of its own.
    ///
    /// # Errors
    /// 100 when it makes no sense.
    pub(crate) fn of_hook(channel: String, grant: SubscribeGrant) -> Result<Self, Error> {
        Ok(Self { channel: channel.into(), grant: Grant::of_hook(grant)? })
    }

    /// A subscription that a connection token makes.
    ///
    /// # Errors
    /// What is wrong with its filter.
    pub(super) fn of_token(wanted: token::ServerSubscription) -> Result<Self, String> {
        let grant = Grant {
            info: wanted.info.map(payload::embedded),
            data: wanted.data.map(payload::embedded).unwrap_or_default(),
            overrides: wanted.options,
            filter: wanted.tags_filter.map(|filter| filter::of_json(filter.get().as_bytes())).transpose()?,
            ..Grant::default()
        };
        Ok(Self { channel: wanted.channel.into(), grant })
    }
}

impl Grant {
    /// What a hook has granted.
    ///
    /// # Errors
    /// 100 when it makes no sense: its fault, not the client's.
    pub(super) fn of_hook(grant: SubscribeGrant) -> Result<Self, Error> {
        let filter = grant.tags_filter.as_deref().map(filter::of_json).transpose().map_err(|problem| {
            tracing::warn!(%problem, "a hook gave a tags filter that makes no sense");
            Error::INTERNAL
        })?;
        let allowed = Allowed::from_words(&grant.allow).ok_or_else(|| {
            tracing::warn!(allow = ?grant.allow, "a hook allows what there is not");
            Error::INTERNAL
        })?;
        Ok(Self {
            info: grant.info,
            data: grant.data.unwrap_or_default(),
            expire_at_s: u64::try_from(grant.expire_at).unwrap_or(0),
            client_refreshes: false,
            overrides: grant.overrides,
            allowed,
            cache_recover: grant.cache_recover,
            filter,
        })
    }

    /// What a subscription token grants.
    ///
    /// # Errors
    /// What is wrong with its filter.
    pub(super) fn of_token(claims: SubscriptionClaims) -> Result<Self, String> {
        Ok(Self {
            info: claims.info.map(payload::embedded),
            data: claims.data.map(payload::embedded).unwrap_or_default(),
            expire_at_s: seconds(claims.subscription_expires_at_s),
            client_refreshes: true,
            overrides: claims.options,
            allowed: claims.allowed.unwrap_or_default(),
            cache_recover: false,
            filter: claims.tags_filter.map(|filter| filter::of_json(filter.get().as_bytes())).transpose()?,
        })
    }

    /// The channel's options, as this subscription has them.
    pub(super) fn options(&self, options: Arc<ChannelOptions>) -> Arc<ChannelOptions> {
        let Overrides { presence, join_leave, force_recovery, force_positioning, force_push_join_leave } =
            self.overrides;
        let caches = self.cache_recover && options.recovery_mode == RecoveryMode::Cache;
        if self.overrides == Overrides::default() && !caches {
            return options;
        }
        let mut own = ChannelOptions::clone(&options);
        for (option, overridden) in [
            (&mut own.presence, presence),
            (&mut own.join_leave, join_leave),
            (&mut own.force_recovery, force_recovery),
            (&mut own.force_positioning, force_positioning),
            (&mut own.force_push_join_leave, force_push_join_leave),
        ] {
            *option = overridden.unwrap_or(*option);
        }
        own.auto_cache_recover |= caches;
        Arc::new(own)
    }
}

impl<'c> Wish<'c> {
    /// What a request asks for.
    ///
    /// # Errors
    /// 107 for a filter where none is allowed (it must not be passed over: its client would get too much), for one that
    /// makes no sense, and for a filter together with deltas.
    pub(super) fn of(request: SubscribeRequest<'c>, options: &ChannelOptions) -> Result<Self, Error> {
        let delta = request.delta == FOSSIL;
        let filter = match request.tf {
            None => None,
            Some(_) if !options.allow_tags_filter => {
                let message = "bad request: this channel takes no tags filter (allow_tags_filter)";
                return Err(Error { message: message.into(), ..Error::BAD_REQUEST });
            }
            Some(_) if delta => {
                let message = "bad request: deltas and a tags filter exclude each other";
                return Err(Error { message: message.into(), ..Error::BAD_REQUEST });
            }
            Some(tf) => Some(filter::of_client(&tf)?),
        };
        Ok(Self {
            channel: request.channel,
            recover: request.recover.then_some((request.offset, request.epoch)),
            positioned: request.positioned,
            recoverable: request.recoverable,
            join_leave: request.join_leave,
            delta,
            rejects_unrecovered: request.flag & FLAG_REJECT_UNRECOVERED != 0,
            filter,
        })
    }

    /// The same, free of the message it came in.
    pub(crate) fn into_owned(self) -> Wish<'static> {
        Wish {
            channel: self.channel.into_owned().into(),
            recover: self.recover.map(|(offset, epoch)| (offset, epoch.into_owned().into())),
            positioned: self.positioned,
            recoverable: self.recoverable,
            join_leave: self.join_leave,
            delta: self.delta,
            rejects_unrecovered: self.rejects_unrecovered,
            filter: self.filter,
        }
    }
}

/// When something expires, Unix seconds; 0: never. What expired before the epoch expires now.
pub(super) fn seconds(at: Option<i64>) -> u64 {
    at.map_or(0, |at| u64::try_from(at).unwrap_or(1).max(1))
}

/// A payload that is passed on; `None` if there is none.
pub(super) fn given(data: &[u8]) -> Option<Box<[u8]>> {
    (!data.is_empty()).then(|| data.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Action;

    #[test]
    fn a_hook_allows_what_there_is() {
        let grant = |word: &str| SubscribeGrant { allow: vec![word.into()], ..SubscribeGrant::default() };
        let allowed = Grant::of_hook(grant("pub")).unwrap().allowed;
        assert!(allowed.contains(Action::Publish) && !allowed.contains(Action::History));
        assert_eq!(Grant::of_hook(grant("everything")).unwrap_err(), Error::INTERNAL);
    }
}
