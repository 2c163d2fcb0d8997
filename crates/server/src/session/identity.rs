//! Who a session is, once its connect command has said so.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use serde_json::Value;
use serde_json::value::RawValue;
use wavecast_hub::Filter;

use super::filter;
use crate::payload;
use crate::rate::Bucket;
use crate::token::{Capabilities, ConnectionClaims};

/// What is known of a session's user, and what it may do beside what its channels' namespaces say.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    /// The user's id; empty for an anonymous one.
    pub(crate) user: Box<str>,
    /// What others in a channel may know of the user.
    pub(crate) info: Option<Box<[u8]>>,
    /// What the hooks are told of the user, and nobody else.
    pub(crate) meta: Option<Arc<[u8]>>,
    /// What the token allows.
    pub(crate) capabilities: Option<Box<Capabilities>>,
    /// A filter over tags that every subscription has.
    pub(crate) filter: Option<Box<Filter>>,
    /// When the connection expires. Milliseconds of the shard.
    pub(super) expires_ms: Option<u64>,
    /// The client, not the server, sees to its being refreshed.
    pub(super) client_refreshes: bool,
    /// The hook has been asked about it and has not answered.
    pub(super) is_asked: bool,
    /// What revocations are compared with.
    pub(crate) token: Option<Box<TokenMark>>,
    /// How fast it may go.
    pub(super) commands: Option<Bucket>,
    pub(super) publications: Option<Bucket>,
}

impl Identity {
    /// Takes over what a token says of the user, whose name stays.
    ///
    /// # Errors
    /// What is wrong with its filter; nothing has changed then.
    pub(super) fn renew(&mut self, claims: ConnectionClaims) -> Result<(), String> {
        let filter = claims.tags_filter.map(|json| filter::of_json(json.get().as_bytes())).transpose()?;
        self.filter = filter.map(Box::new);
        self.info = claims.info.map(payload::embedded);
        self.meta = claims.meta.map(|meta| meta.get().as_bytes().into());
        self.capabilities = claims.capabilities.map(Box::new);
        Ok(())
    }

    /// What it takes in memory, about, bytes.
    pub(crate) fn bytes(&self) -> usize {
        let info = self.info.as_ref().map_or(0, |info| info.len());
        let meta = self.meta.as_ref().map_or(0, |meta| meta.len());
        let compiled = self.capabilities.as_ref().map_or(0, |capabilities| capabilities.bytes())
            + self.filter.as_ref().map_or(0, |filter| filter.bytes_held());
        // The user stands in the shard's list of users as well.
        size_of::<Self>() + 2 * self.user.len() + info + meta + compiled
    }

    /// There is nothing to remember.
    pub(super) fn is_nobody(&self) -> bool {
        let Self {
            user, info, meta, capabilities, filter, expires_ms, token, commands, publications, ..
        } = self;
        user.is_empty()
            && info.is_none()
            && meta.is_none()
            && capabilities.is_none()
            && filter.is_none()
            && expires_ms.is_none()
            && token.is_none()
            && commands.is_none()
            && publications.is_none()
    }
}

/// What a revocation names a token by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TokenMark {
    /// The token's id, if it has one.
    pub(crate) id: Option<Box<str>>,
    /// When it was issued, Unix seconds, if it says so.
    pub(crate) issued_at_s: Option<i64>,
    /// Stands for what of it is part of the subscriptions that have been made: the channels that it subscribes to, and the
    /// filters of publications. Another token with others is another thing.
    pub(super) scope: u64,
}

impl TokenMark {
    pub(super) fn of(claims: &ConnectionClaims) -> Self {
        let mut subscriptions: Vec<(&str, Option<String>)> = (claims.subscriptions.iter())
            .map(|wanted| (wanted.channel.as_str(), wanted.tags_filter.as_deref().map(canonical)))
            .collect();
        subscriptions.sort_unstable();
        let mut scope = DefaultHasher::new();
        (subscriptions, claims.tags_filter.as_deref().map(canonical)).hash(&mut scope);
        Self {
            id: claims.token_id.as_deref().map(Into::into),
            issued_at_s: claims.issued_at_s,
            scope: scope.finish(),
        }
    }
}

/// The same text for the same JSON, whatever the order of its fields and the white space between them.
fn canonical(json: &RawValue) -> String {
    serde_json::from_str::<Value>(json.get())
        .map_or_else(|_| json.get().to_owned(), |value| value.to_string())
}
