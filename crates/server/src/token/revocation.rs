//! Tokens and users that are no longer welcome, although a signature says otherwise.
//!
//! Kept in memory: it survives reconnects, and is gone when the node restarts. So a token that must not come back
//! after a restart needs an `exp` as well. When a table is full and nothing in it has expired, the next revocation is
//! refused and says so: to forget an older one silently would let somebody in who was shut out.

use std::collections::HashMap;
use std::fmt;
use std::sync::{PoisonError, RwLock};

use tokio::sync::watch;

use super::claims::{ConnectionClaims, SubscriptionClaims};

/// Longest name of a token or user, in bytes; a token with a longer `jti` cannot be revoked by it.
const NAME_BYTES_MAX: usize = 255;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevocationLimits {
    /// Entries of each of the three tables (tokens, users' tokens, users), default 100,000: up to 40 MB each with
    /// the longest names, some 10 MB with usual ones.
    pub entries_max: usize,
    /// How long a revocation is kept that says nothing about it, in seconds, default 30 days.
    pub default_ttl_s: i64,
}

impl Default for RevocationLimits {
    fn default() -> Self {
        Self { entries_max: 100_000, default_ttl_s: 30 * 24 * 3600 }
    }
}

/// Why a revocation was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationError {
    /// The name of the token or user is empty or longer than 255 bytes.
    Name,
    /// It would end in the past.
    Expired,
    /// There are as many as are kept, and none of them has expired.
    Full,
}

impl fmt::Display for RevocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RevocationError::Name => "the name must have 1 to 255 bytes",
            RevocationError::Expired => "expire_at is in the past",
            RevocationError::Full => "no more revocations are kept: none of those that are has expired",
        })
    }
}

impl std::error::Error for RevocationError {}

/// Why somebody is not welcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// The token has been revoked by its `jti`.
    Token,
    /// The token was issued before the time from which on the user's tokens count, or does not say when.
    IssuedBefore,
    /// The user is blocked.
    User,
}

/// The revocations of a node. Any thread may ask; a question takes three look-ups under a lock that is held for
/// microseconds. Every question is asked with the time, in Unix seconds.
#[derive(Debug)]
pub struct Revocations {
    limits: RevocationLimits,
    tables: RwLock<Tables>,
    changes: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Tables {
    tokens: Table<()>,
    /// From when on the user's tokens count.
    issued_before: Table<i64>,
    blocked: Table<()>,
}

impl Revocations {
    /// None yet.
    #[must_use]
    pub fn new(limits: RevocationLimits) -> Self {
        Self { limits, tables: RwLock::default(), changes: watch::Sender::default() }
    }

    /// Says when something is revoked from now on, to whoever waits and has to look again.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Revokes one token by its `jti`, until `expire_at_s` or for the default time. Best until the token's `exp`.
    ///
    /// # Errors
    /// See [`RevocationError`]; then nothing has changed.
    pub fn revoke_token(
        &self,
        token_id: &str,
        expire_at_s: Option<i64>,
        now_s: i64,
    ) -> Result<(), RevocationError> {
        let expires = expire_at_s.unwrap_or(now_s.saturating_add(self.limits.default_ttl_s));
        self.change(|tables| tables.tokens.insert(token_id, (), expires, now_s, self.limits.entries_max))
    }

    /// Revokes all tokens of a user that were issued before a time (Unix seconds), or do not say when. A later call
    /// may move that time forward; it never moves back.
    ///
    /// # Errors
    /// See [`RevocationError`]; then nothing has changed.
    pub fn invalidate_user_tokens(
        &self,
        user: &str,
        issued_before_s: i64,
        expire_at_s: Option<i64>,
        now_s: i64,
    ) -> Result<(), RevocationError> {
        let expires = expire_at_s.unwrap_or(now_s.saturating_add(self.limits.default_ttl_s));
        self.change(|tables| {
            let table = &mut tables.issued_before;
            let former = table.get(user, now_s).copied();
            let from = former.map_or(issued_before_s, |former| former.max(issued_before_s));
            table.insert(user, from, expires, now_s, self.limits.entries_max)
        })
    }

    /// Blocks a user, whatever it comes with, until `expire_at_s` or until it is unblocked.
    ///
    /// # Errors
    /// See [`RevocationError`]; then nothing has changed.
    pub fn block_user(
        &self,
        user: &str,
        expire_at_s: Option<i64>,
        now_s: i64,
    ) -> Result<(), RevocationError> {
        let expires = expire_at_s.unwrap_or(i64::MAX);
        self.change(|tables| tables.blocked.insert(user, (), expires, now_s, self.limits.entries_max))
    }

    /// Lets a user in again; whether it was blocked.
    pub fn unblock_user(&self, user: &str) -> bool {
        self.change(|tables| tables.blocked.entries.remove(user).is_some())
    }

    /// Whether a connection token, whose signature is right, is not welcome: to be asked at connect and refresh.
    #[must_use]
    pub fn is_revoked(&self, claims: &ConnectionClaims, now_s: i64) -> Option<Revoked> {
        self.check(&claims.user, claims.token_id.as_deref(), claims.issued_at_s, now_s)
    }

    /// The same for a subscription token: to be asked at subscribe and sub_refresh.
    #[must_use]
    pub fn is_subscription_revoked(&self, claims: &SubscriptionClaims, now_s: i64) -> Option<Revoked> {
        self.check(&claims.user, claims.token_id.as_deref(), claims.issued_at_s, now_s)
    }

    /// Whether a user is blocked who came without a token: by a hook, or a header field.
    #[must_use]
    pub fn is_blocked(&self, user: &str, now_s: i64) -> bool {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        tables.blocked.get(user, now_s).is_some()
    }

    /// How many revocations are kept, those included that have expired and not yet been cleared away.
    #[must_use]
    pub fn len(&self) -> usize {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        tables.tokens.entries.len() + tables.issued_before.entries.len() + tables.blocked.entries.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether somebody who came with such a token is not welcome any more; `token` is its `jti`, `issued` its `iat`.
    pub(crate) fn check(
        &self,
        user: &str,
        token: Option<&str>,
        issued: Option<i64>,
        now_s: i64,
    ) -> Option<Revoked> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        if tables.blocked.get(user, now_s).is_some() {
            return Some(Revoked::User);
        }
        if token.is_some_and(|token| tables.tokens.get(token, now_s).is_some()) {
            return Some(Revoked::Token);
        }
        let from = tables.issued_before.get(user, now_s)?;
        issued.is_none_or(|issued| issued < *from).then_some(Revoked::IssuedBefore)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Tables) -> T) -> T {
        let changed = change(&mut self.tables.write().unwrap_or_else(PoisonError::into_inner));
        self.changes.send_replace(());
        changed
    }
}

impl Default for Revocations {
    fn default() -> Self {
        Self::new(RevocationLimits::default())
    }
}

/// Names with a value and the second from which on they no longer count.
#[derive(Debug)]
struct Table<V> {
    entries: HashMap<Box<str>, (V, i64)>,
    /// No entry ends before this: so a full table is not searched in vain for each revocation that it refuses.
    earliest_end_s: i64,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), earliest_end_s: i64::MAX }
    }
}

impl<V> Table<V> {
    fn get(&self, name: &str, now_s: i64) -> Option<&V> {
        self.entries.get(name).filter(|(_, end_s)| now_s < *end_s).map(|(value, _)| value)
    }

    /// An entry of the same name is replaced, and keeps the later of both ends.
    fn insert(
        &mut self,
        name: &str,
        value: V,
        end_s: i64,
        now_s: i64,
        entries_max: usize,
    ) -> Result<(), RevocationError> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(RevocationError::Name);
        }
        if end_s <= now_s {
            return Err(RevocationError::Expired);
        }
        let former_end_s = self.entries.get(name).map(|(_, end_s)| *end_s);
        if former_end_s.is_none() && self.entries.len() >= entries_max {
            self.clear_away(now_s);
            if self.entries.len() >= entries_max {
                return Err(RevocationError::Full);
            }
        }
        let end_s = former_end_s.map_or(end_s, |former| former.max(end_s));
        self.earliest_end_s = self.earliest_end_s.min(end_s);
        self.entries.insert(name.into(), (value, end_s));
        Ok(())
    }

    fn clear_away(&mut self, now_s: i64) {
        if now_s < self.earliest_end_s {
            return;
        }
        self.entries.retain(|_, (_, end_s)| now_s < *end_s);
        self.earliest_end_s = self.entries.values().map(|(_, end_s)| *end_s).min().unwrap_or(i64::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(user: &str, token_id: Option<&str>, issued_at_s: Option<i64>) -> ConnectionClaims {
        ConnectionClaims {
            user: user.into(),
            token_id: token_id.map(str::to_owned),
            issued_at_s,
            expires_at_s: None,
            connection_expires_at_s: None,
            info: None,
            meta: None,
            subscriptions: Vec::new(),
            capabilities: None,
            tags_filter: None,
        }
    }

    fn small(entries_max: usize) -> Revocations {
        Revocations::new(RevocationLimits { entries_max, ..RevocationLimits::default() })
    }

    #[test]
    fn a_token_is_revoked_until_the_given_time() {
        let revocations = Revocations::default();
        revocations.revoke_token("t1", Some(110), 100).unwrap();
        let token = claims("u", Some("t1"), None);
        assert_eq!(revocations.is_revoked(&token, 100), Some(Revoked::Token));
        assert_eq!(revocations.is_revoked(&token, 109), Some(Revoked::Token));
        assert_eq!(revocations.is_revoked(&token, 110), None);
        assert_eq!(revocations.is_revoked(&claims("u", Some("t2"), None), 100), None);
        assert_eq!(revocations.is_revoked(&claims("u", None, None), 100), None);
        revocations.revoke_token("t1", Some(105), 101).unwrap();
        assert_eq!(revocations.is_revoked(&token, 109), Some(Revoked::Token), "the later end counts");
        revocations.revoke_token("t3", None, 100).unwrap();
        let default_s = RevocationLimits::default().default_ttl_s;
        assert_eq!(
            revocations.is_revoked(&claims("u", Some("t3"), None), 99 + default_s),
            Some(Revoked::Token)
        );
        assert_eq!(revocations.is_revoked(&claims("u", Some("t3"), None), 100 + default_s), None);
    }

    #[test]
    fn older_tokens_of_a_user_are_revoked_and_newer_ones_are_not() {
        let revocations = Revocations::default();
        revocations.invalidate_user_tokens("u", 100, Some(1000), 100).unwrap();
        let issued = |at| claims("u", None, at);
        assert_eq!(revocations.is_revoked(&issued(Some(99)), 200), Some(Revoked::IssuedBefore));
        assert_eq!(revocations.is_revoked(&issued(Some(100)), 200), None);
        assert_eq!(
            revocations.is_revoked(&issued(None), 200),
            Some(Revoked::IssuedBefore),
            "it does not say when"
        );
        assert_eq!(revocations.is_revoked(&claims("v", None, Some(1)), 200), None);
        revocations.invalidate_user_tokens("u", 50, None, 200).unwrap();
        assert_eq!(revocations.is_revoked(&issued(Some(99)), 200), Some(Revoked::IssuedBefore), "never back");
        revocations.invalidate_user_tokens("u", 150, None, 200).unwrap();
        assert_eq!(revocations.is_revoked(&issued(Some(120)), 200), Some(Revoked::IssuedBefore));
    }

    #[test]
    fn a_blocked_user_is_blocked_whatever_it_comes_with() {
        let revocations = Revocations::default();
        revocations.block_user("u", None, 100).unwrap();
        assert_eq!(
            revocations.is_revoked(&claims("u", None, Some(1 << 40)), i64::MAX - 1),
            Some(Revoked::User)
        );
        assert!(revocations.is_blocked("u", 100) && !revocations.is_blocked("v", 100));
        assert!(revocations.unblock_user("u"));
        assert!(!revocations.unblock_user("u"));
        assert_eq!(revocations.is_revoked(&claims("u", None, None), 100), None);
        revocations.block_user("w", Some(110), 100).unwrap();
        assert!(revocations.is_blocked("w", 109) && !revocations.is_blocked("w", 110));
    }

    #[test]
    fn a_full_table_forgets_what_has_expired_and_refuses_the_rest() {
        let revocations = small(2);
        revocations.revoke_token("a", Some(110), 100).unwrap();
        revocations.revoke_token("b", Some(200), 100).unwrap();
        assert_eq!(revocations.revoke_token("c", Some(200), 109), Err(RevocationError::Full));
        revocations.revoke_token("b", Some(300), 109).unwrap();
        revocations.block_user("a", None, 109).unwrap();
        revocations.revoke_token("c", Some(200), 110).unwrap();
        assert_eq!(revocations.len(), 3);
        assert_eq!(revocations.revoke_token("d", Some(400), 199), Err(RevocationError::Full));
        revocations.revoke_token("d", Some(400), 200).unwrap();
        for (token, revoked) in [("a", false), ("b", true), ("c", false), ("d", true)] {
            assert_eq!(
                revocations.is_revoked(&claims("u", Some(token), None), 200).is_some(),
                revoked,
                "{token}"
            );
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let revocations = Revocations::default();
        assert_eq!(revocations.revoke_token("", None, 100), Err(RevocationError::Name));
        assert_eq!(revocations.block_user(&"u".repeat(256), None, 100), Err(RevocationError::Name));
        assert_eq!(revocations.revoke_token("t", Some(100), 100), Err(RevocationError::Expired));
        assert!(revocations.is_empty());
    }
}
