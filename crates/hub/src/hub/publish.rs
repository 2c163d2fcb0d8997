//! Publishing: a publication gets its place in the stream and goes to the shards.

use super::Hub;
use crate::delivery::{Delivery, Event, ShardId};
use crate::history::Outdated;
use crate::options::ChannelOptions;
use crate::position::StreamPosition;
use crate::publication::{DeltaSlot, Publication, Publish};
use crate::stripe::Channel;
use std::fmt;
use std::sync::Arc;

/// What became of a publication.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Published {
    /// Its place in the stream; offset 0 and an empty epoch if it has none. Of one that was not taken, the place of the
    /// latest before it.
    pub position: StreamPosition,
    /// The stream has this version of the state or a later one: nobody was sent anything.
    pub is_suppressed: bool,
}

/// Why a publication was not taken. Nothing of it has happened then: no offset, no history, no delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishError {
    /// The inbox of a shard with subscribers is full.
    Busy {
        /// The shard.
        shard: ShardId,
        /// The publication, for another attempt.
        publish: Publish,
    },
    /// The channel would be one too many.
    ChannelLimit,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy { shard, .. } => write!(f, "the inbox of shard {shard} is full"),
            Self::ChannelLimit => f.write_str("the hub has as many channels as it may have"),
        }
    }
}

impl std::error::Error for PublishError {}

impl<D: Delivery> Hub<D> {
    /// Publishes into a channel: to the history, if the options keep one, and to all shards with subscribers.
    ///
    /// Where nobody subscribes and nothing is kept, nothing happens. [`Publish::version`] counts where there is
    /// history.
    ///
    /// # Errors
    /// [`PublishError::Busy`] if any target has no room: then no shard gets it and no offset is used up.
    pub fn publish(
        &self,
        channel: &str,
        publish: Publish,
        options: &ChannelOptions,
        now_ms: u64,
    ) -> Result<Published, PublishError> {
        let hash = self.names.of(channel);
        let wants_place = options.has_stream() && !publish.skip_history;
        // Dropped after the lock, which is declared behind it.
        let mut outdated = Outdated::default();
        let mut stripe = self.lock(hash);
        let Some(mut entry) = stripe.edit_or_insert(hash, channel, || wants_place && self.admit(channel))
        else {
            return if wants_place { Err(PublishError::ChannelLimit) } else { Ok(Published::default()) };
        };
        if wants_place
            && let Some(position) = self.superseded(&mut entry, &publish, options, now_ms, &mut outdated)
        {
            return Ok(Published { position, is_suppressed: true });
        }
        let shards = entry.shards;
        for (reserved, shard) in shards.iter().enumerate() {
            if !self.delivery.reserve(shard) {
                shards.iter().take(reserved).for_each(|shard| self.delivery.release(shard));
                return Err(PublishError::Busy { shard, publish });
            }
        }
        let (publication, position) = self.place(&mut entry, publish, options, now_ms, &mut outdated);
        drop(entry);
        shards.iter().for_each(|shard| {
            self.delivery.push(shard, Event::Publication(Arc::clone(&publication)));
        });
        if shards.is_empty() && !wants_place {
            self.remove_if_vacant(&mut stripe, hash, channel);
        }
        drop(stripe);
        shards.iter().for_each(|shard| self.delivery.wake(shard));
        Ok(Published { position, is_suppressed: false })
    }

    /// Where the stream stands, if it has the version that is to be published or a later one.
    fn superseded(
        &self,
        entry: &mut Channel,
        publish: &Publish,
        options: &ChannelOptions,
        now_ms: u64,
        outdated: &mut Outdated,
    ) -> Option<StreamPosition> {
        if publish.version == 0 || !options.has_history() {
            return None;
        }
        let stream = self.stream(entry, options, now_ms, outdated)?;
        stream.has_version(publish.version, &publish.version_epoch).then(|| stream.position())
    }

    /// Gives the publication its place, if it gets one, and builds what everybody shares.
    fn place(
        &self,
        entry: &mut Channel,
        publish: Publish,
        options: &ChannelOptions,
        now_ms: u64,
        outdated: &mut Outdated,
    ) -> (Arc<Publication>, StreamPosition) {
        let Publish { data, is_json, info, tags, skip_history, time_ms, delta, exclude, .. } = publish;
        let version = (publish.version, publish.version_epoch);
        let channel = Arc::clone(&entry.name);
        let stream = self.stream(entry, options, now_ms, outdated).filter(|_| !skip_history);
        let offset = stream.as_ref().map_or(0, |stream| stream.next_offset());
        let publication = Arc::new(Publication {
            channel,
            offset,
            data,
            is_json,
            info,
            tags,
            time_ms,
            delta: delta || options.delta_publish,
            exclude,
            delta_slot: DeltaSlot::default(),
        });
        let position = stream.map_or_else(StreamPosition::default, |stream| {
            stream.append(&publication, options, now_ms, outdated);
            if version.0 > 0 && options.has_history() {
                stream.set_version(version.0, version.1);
            }
            stream.position()
        });
        (publication, position)
    }
}
