//! A channel as the model knows it: it keeps all and forgets nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use wavecast_hub::{ChannelOptions, Since, StreamPosition};

pub(crate) const TTL_MS: u64 = 100;
pub(crate) const META_TTL_MS: u64 = 250;

/// A channel as the model knows it: every publication of this life, and which of them are held.
#[derive(Default)]
pub(crate) struct ModelChannel {
    pub(crate) options: ChannelOptions,
    pub(crate) epoch: Option<Arc<str>>,
    /// The payload of the publication with offset `index + 1`.
    pub(crate) published: Vec<u64>,
    pub(crate) held: Vec<u64>,
    pub(crate) held_until_ms: u64,
    /// Before this moment the life may not end.
    pub(crate) remembered_until_ms: u64,
    /// This life may have ended before somebody came in to watch over it.
    pub(crate) may_be_over: bool,
    /// The version and its epoch that the latest publication with one carried.
    pub(crate) version: Option<(u64, &'static str)>,
    /// Who is present, by client, as which user.
    pub(crate) members: BTreeMap<u8, u8>,
}

impl ModelChannel {
    pub(crate) fn top(&self) -> u64 {
        self.published.len() as u64
    }

    /// The hub said where the channel stands, and with that used the position.
    pub(crate) fn stands_at(&mut self, position: &StreamPosition, watched: bool, now_ms: u64) {
        if !self.options.has_stream() {
            assert_eq!(*position, StreamPosition::default());
            return;
        }
        if self.epoch.as_ref() != Some(&position.epoch) {
            let may_forget = self.epoch.is_none() || self.may_be_over || (!watched && self.is_over(now_ms));
            assert!(may_forget, "the stream was forgotten too early");
            let (options, members) = (std::mem::take(&mut self.options), std::mem::take(&mut self.members));
            *self = Self { options, members, epoch: Some(Arc::clone(&position.epoch)), ..Self::default() };
        }
        assert_eq!(position.offset, self.top());
        self.remembered_until_ms = now_ms + META_TTL_MS;
        self.may_be_over = false;
    }

    fn is_over(&self, now_ms: u64) -> bool {
        now_ms >= self.remembered_until_ms
    }

    /// Somebody comes in, and is not told where the channel stands.
    pub(crate) fn enter(&mut self, client: u8, user: u8, watched: bool, now_ms: u64) {
        if self.options.presence {
            self.may_be_over |= !watched && self.is_over(now_ms);
            self.members.insert(client, user);
        }
    }

    /// Whether the stream has this version already.
    pub(crate) fn supersedes(&self, version: (u64, &'static str)) -> bool {
        let same_life = |latest: &str| version.1.is_empty() || version.1 == latest;
        version.0 > 0
            && self.options.has_history()
            && self.version.is_some_and(|latest| same_life(latest.1) && version.0 <= latest.0)
    }

    pub(crate) fn publish(&mut self, payload: u64, version: (u64, &'static str), now_ms: u64) {
        if version.0 > 0 {
            self.version = Some(version);
        }
        if now_ms >= self.held_until_ms {
            self.held.clear();
        }
        self.published.push(payload);
        self.held.push(self.top());
        if self.held.len() > self.options.history_size as usize {
            self.held.remove(0);
        }
        self.held_until_ms = now_ms + TTL_MS;
    }

    pub(crate) fn held(&self, now_ms: u64) -> &[u64] {
        if now_ms < self.held_until_ms { &self.held } else { &[] }
    }

    /// The offsets that were missed, `None` for a gap.
    pub(crate) fn missed(&self, since: Since<'_>, publications_max: usize, now_ms: u64) -> Option<Vec<u64>> {
        let epoch = self.epoch.as_deref()?;
        let missed: Vec<u64> = (1..=self.top()).filter(|&offset| offset > since.offset).collect();
        let recovered = (since.epoch.is_empty() || since.epoch == epoch)
            && since.offset <= self.top()
            && missed.iter().all(|offset| self.held(now_ms).contains(offset))
            && missed.len() <= publications_max;
        recovered.then_some(missed)
    }

    /// What brings a cache up to date: nothing, or the latest publication; `None` for a gap.
    pub(crate) fn latest(&self, since: Since<'_>, now_ms: u64) -> Option<Vec<u64>> {
        let epoch = self.epoch.as_deref()?;
        let latest = self.top();
        if since.epoch == epoch && since.offset == latest && latest > 0 {
            return Some(vec![]);
        }
        self.held(now_ms).contains(&latest).then(|| vec![latest])
    }

    /// Present clients and users.
    pub(crate) fn presence(&self) -> (usize, usize) {
        let users: std::collections::BTreeSet<_> = self.members.values().collect();
        (self.members.len(), users.len())
    }
}
