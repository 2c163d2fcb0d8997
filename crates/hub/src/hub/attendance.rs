//! Attendance: clients come into channels and go out of them, and who is there can be asked for.

use super::{Hub, JoinError};
use crate::delivery::{Delivery, Event, ShardSet};
use crate::options::ChannelOptions;
use crate::presence::{Members, PresenceList, PresenceStats};
use crate::publication::{ClientInfo, Membership};
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl<D: Delivery> Hub<D> {
    /// A client has come into the channel: it is present from now on, where the options keep presence, and with
    /// `announce` the shards in the channel are told, its own among them.
    ///
    /// A client that is there already is there once; what is known of it is replaced. Call it after the client's
    /// shard has joined, and [`Hub::exit`] before it leaves.
    ///
    /// # Errors
    /// [`JoinError::ChannelLimit`]; nothing has happened then. It cannot be where a shard is in the channel.
    pub fn enter(
        &self,
        channel: &str,
        info: &Arc<ClientInfo>,
        options: &ChannelOptions,
        announce: bool,
    ) -> Result<(), JoinError> {
        let hash = self.names.of(channel);
        let mut stripe = self.lock(hash);
        let Some(mut entry) =
            stripe.edit_or_insert(hash, channel, || options.presence && self.admit(channel))
        else {
            return if options.presence { Err(JoinError::ChannelLimit) } else { Ok(()) };
        };
        if options.presence {
            entry.change_members(|members| members.insert(self.names, info));
        }
        let told = if announce {
            self.announce(entry.shards, Event::Join, &entry.name, info)
        } else {
            ShardSet::default()
        };
        drop(entry);
        drop(stripe);
        told.iter().for_each(|shard| self.delivery.wake(shard));
        Ok(())
    }

    /// A client has gone out of the channel: it is present no longer, and with `announce` the shards that are in the
    /// channel are told. The client counts by its id, whatever else `info` says.
    pub fn exit(&self, channel: &str, info: &Arc<ClientInfo>, announce: bool) {
        let hash = self.names.of(channel);
        let mut stripe = self.lock(hash);
        let Some(mut entry) = stripe.edit(hash, channel) else { return };
        // Whatever the options say now: they may have said something else when it came.
        if entry.members().is_some() {
            entry.change_members(|members| members.remove(self.names, &info.client));
        }
        let told = if announce {
            self.announce(entry.shards, Event::Leave, &entry.name, info)
        } else {
            ShardSet::default()
        };
        drop(entry);
        self.remove_if_vacant(&mut stripe, hash, channel);
        drop(stripe);
        told.iter().for_each(|shard| self.delivery.wake(shard));
    }

    /// Who is in the channel: up to `clients_max` members, and whether there are more.
    pub fn presence(&self, channel: &str, clients_max: usize) -> PresenceList {
        let hash = self.names.of(channel);
        let stripe = self.lock(hash);
        let members = stripe.get(hash, channel).and_then(|entry| entry.members());
        members.map_or_else(PresenceList::default, |members| members.list(clients_max))
    }

    /// How many are in the channel; the counts are kept, not made.
    pub fn presence_stats(&self, channel: &str) -> PresenceStats {
        let hash = self.names.of(channel);
        let stripe = self.lock(hash);
        let members = stripe.get(hash, channel).and_then(|entry| entry.members());
        members.map_or_else(PresenceStats::default, Members::stats)
    }

    /// Tells the shards of a join or a leave, and gives back those that had room for it.
    fn announce(
        &self,
        shards: ShardSet,
        event: impl Fn(Arc<Membership>) -> Event,
        channel: &Arc<str>,
        info: &Arc<ClientInfo>,
    ) -> ShardSet {
        let mut told = ShardSet::default();
        if shards.is_empty() {
            return told;
        }
        let membership = Membership { channel: Arc::clone(channel), info: Arc::clone(info) };
        let membership = Arc::new(membership);
        for shard in shards.iter() {
            if self.delivery.reserve(shard) {
                self.delivery.push(shard, event(Arc::clone(&membership)));
                told.insert(shard);
            } else {
                self.notices_dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        told
    }
}
