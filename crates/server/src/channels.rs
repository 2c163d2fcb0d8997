//! The channels that a shard has subscribers of: who they are, and what was published since the last turn.
//!
//! Subscribers stand in a dense array, so that a fan-out walks through memory in order. Publications of one turn are framed
//! once, one behind the other, into the channel's *run*: one piece of memory and one reference for each subscriber, however
//! many publications it holds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wavecast_hub::Publication;
use wavecast_net::Frame;
use wavecast_net::shard::{ConnectionId, WaveId};

use crate::wire;

/// From this length on a run is sent, and as long as it cannot be the shard takes no more events.
pub(crate) const RUN_BYTES_MAX: usize = 64 * 1024;
/// After a wave a channel rests for this part of the wave's time…
const REST_PART: u32 = 16;
/// …and no longer than this.
const REST_MAX: Duration = Duration::from_millis(2);
/// A run's memory is kept for the next one up to this size.
const RUN_BYTES_KEPT: usize = 4 * 1024;

/// A channel's number on its shard; used again when nobody is left in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ChannelNumber(u32);

/// The channels of one shard.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    numbers: HashMap<Arc<str>, ChannelNumber>,
    table: Vec<Channel>,
    free: Vec<ChannelNumber>,
    /// Channels whose run is not empty.
    pending: Vec<ChannelNumber>,
    /// Some run is as long as it may be.
    full: bool,
    /// Channels with a wave that was under way when last looked at.
    waves: Vec<ChannelNumber>,
    /// Scratch for one publication.
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Channel {
    name: Arc<str>,
    /// Sessions that are subscribed or joining.
    interested: u32,
    subscribers: Vec<ConnectionId>,
    /// Framed publications that the subscribers have not been given yet.
    run: Vec<u8>,
    is_pending: bool,
    /// The offset up to which the subscribers have everything; 0 while it is not known.
    offset: u64,
    wave: Wave,
}

/// Where the channel stands between two fan-outs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wave {
    /// The next one may start.
    None,
    /// One is under way.
    UnderWay { id: WaveId, since: Instant },
    /// One has just ended, and the next may not start before.
    Resting { until: Instant },
}

/// What became of a publication.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It stands in the run, or nobody wants it.
    Taken,
    /// Something is missing before it: who watches its position must be told.
    Gap(ChannelNumber),
}

/// A run that is to be sent.
#[derive(Debug)]
pub(crate) struct Run<'c> {
    pub(crate) frame: Frame,
    pub(crate) subscribers: &'c [ConnectionId],
    pub(crate) channel: ChannelNumber,
}

impl Channels {
    /// The number of a channel that somebody on this shard is in.
    pub(crate) fn find(&self, name: &str) -> Option<ChannelNumber> {
        self.numbers.get(name).copied()
    }

    /// Somebody wants to be in the channel: [`Channels::release`] takes it back.
    pub(crate) fn enter(&mut self, name: &str) -> ChannelNumber {
        if let Some(number) = self.find(name) {
            self.at(number).interested += 1;
            return number;
        }
        let name: Arc<str> = name.into();
        let channel = Channel {
            name: Arc::clone(&name),
            interested: 1,
            subscribers: Vec::new(),
            run: Vec::new(),
            is_pending: false,
            offset: 0,
            wave: Wave::None,
        };
        let number = if let Some(number) = self.free.pop() {
            *self.at(number) = channel;
            number
        } else {
            self.table.push(channel);
            ChannelNumber(u32::try_from(self.table.len() - 1).expect("no shard has 2^32 connections"))
        };
        self.numbers.insert(name, number);
        number
    }

    /// Somebody is not interested any more. Gives the name when nobody is.
    pub(crate) fn release(&mut self, number: ChannelNumber) -> Option<Arc<str>> {
        let channel = self.at(number);
        channel.interested -= 1;
        if channel.interested > 0 {
            return None;
        }
        debug_assert!(channel.subscribers.is_empty());
        channel.run = Vec::new();
        let name = Arc::clone(&channel.name);
        self.numbers.remove(&name);
        self.free.push(number);
        Some(name)
    }

    /// A connection goes live; gives its place. What is in the run is not for it: take it before with
    /// [`Channels::take_run`].
    pub(crate) fn add(&mut self, number: ChannelNumber, connection: ConnectionId) -> u32 {
        let channel = self.at(number);
        channel.subscribers.push(connection);
        (channel.subscribers.len() - 1) as u32
    }

    /// The place that the next connection will get.
    pub(crate) fn next_place(&self, number: ChannelNumber) -> u32 {
        self.table[number.0 as usize].subscribers.len() as u32
    }

    /// Takes a connection out. Gives the one that stands in its place now.
    pub(crate) fn remove(&mut self, number: ChannelNumber, place: u32) -> Option<ConnectionId> {
        let channel = self.at(number);
        channel.subscribers.swap_remove(place as usize);
        if channel.subscribers.is_empty() {
            channel.run.clear();
        }
        channel.subscribers.get(place as usize).copied()
    }

    /// The subscribers of a channel, all taken out.
    pub(crate) fn remove_all(&mut self, number: ChannelNumber) -> Vec<ConnectionId> {
        let channel = self.at(number);
        channel.run.clear();
        std::mem::take(&mut channel.subscribers)
    }

    /// The name of a channel.
    pub(crate) fn name(&self, number: ChannelNumber) -> &Arc<str> {
        &self.table[number.0 as usize].name
    }

    /// From here on the channel's offsets are watched, if they were not before.
    pub(crate) fn starts_at(&mut self, number: ChannelNumber, offset: u64) {
        let channel = self.at(number);
        if channel.subscribers.is_empty() {
            channel.offset = offset;
        }
    }

    /// Puts a publication into its channel's run.
    pub(crate) fn append(&mut self, publication: &Publication) -> Appended {
        let Some(number) = self.find(&publication.channel) else { return Appended::Taken };
        let channel = &mut self.table[number.0 as usize];
        if channel.subscribers.is_empty() {
            return Appended::Taken;
        }
        if publication.offset > 0 {
            if publication.offset <= channel.offset {
                return Appended::Taken;
            }
            if publication.offset > channel.offset + 1 {
                return Appended::Gap(number);
            }
            channel.offset = publication.offset;
        }
        wire::frame_publication(publication, &mut self.scratch, &mut channel.run);
        self.full |= channel.run.len() >= RUN_BYTES_MAX;
        if !std::mem::replace(&mut channel.is_pending, true) {
            self.pending.push(number);
        }
        Appended::Taken
    }

    /// Channels with something to send. Give the list back with [`Channels::recycle`].
    pub(crate) fn take_pending(&mut self) -> Vec<ChannelNumber> {
        self.full = false;
        std::mem::take(&mut self.pending)
    }

    /// The channel's run has to wait for a wave: look again next turn.
    pub(crate) fn keep_pending(&mut self, number: ChannelNumber) {
        self.full |= self.at(number).run.len() >= RUN_BYTES_MAX;
        self.pending.push(number);
    }

    /// Takes the memory of a list back that has been worked through.
    pub(crate) fn recycle(&mut self, mut list: Vec<ChannelNumber>) {
        list.clear();
        list.append(&mut self.pending);
        self.pending = list;
    }

    /// Nobody is in any channel.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.free.len() == self.table.len()
    }

    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether some run is as long as it may be.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// A fan-out of the channel has begun that takes more than a turn.
    pub(crate) fn launched(&mut self, number: ChannelNumber, id: WaveId, now: Instant) {
        let before = std::mem::replace(&mut self.at(number).wave, Wave::UnderWay { id, since: now });
        if !matches!(before, Wave::UnderWay { .. }) {
            self.waves.push(number);
        }
    }

    /// Looks which waves have ended. After a wave a channel rests for a small part of the time that the wave took: what
    /// is published in answer to it comes in a burst, and then goes with one wave instead of two.
    pub(crate) fn end_waves(&mut self, now: Instant, is_under_way: impl Fn(WaveId) -> bool) {
        let table = &mut self.table;
        self.waves.retain(|number| {
            let wave = &mut table[number.0 as usize].wave;
            let Wave::UnderWay { id, since } = *wave else { return false };
            if is_under_way(id) {
                return true;
            }
            let rest = (now.duration_since(since) / REST_PART).min(REST_MAX);
            *wave = Wave::Resting { until: now + rest };
            false
        });
    }

    /// How long the channel's run has to wait for its wave to end (zero: nobody knows) or its rest to be over.
    pub(crate) fn has_to_wait(&mut self, number: ChannelNumber, now: Instant) -> Option<Duration> {
        let channel = self.at(number);
        match channel.wave {
            Wave::None => None,
            Wave::UnderWay { .. } => Some(Duration::ZERO),
            Wave::Resting { until } if now < until && channel.run.len() < RUN_BYTES_MAX => Some(until - now),
            Wave::Resting { .. } => {
                channel.wave = Wave::None;
                None
            }
        }
    }

    /// The run and whom it is for; `None` if there is nothing to send.
    pub(crate) fn take_run(&mut self, number: ChannelNumber) -> Option<Run<'_>> {
        let channel = self.at(number);
        channel.is_pending = false;
        if channel.run.is_empty() {
            return None;
        }
        let frame = Frame::new(&channel.run);
        channel.run.clear();
        channel.run.shrink_to(RUN_BYTES_KEPT);
        Some(Run { frame, subscribers: &channel.subscribers, channel: number })
    }

    fn at(&mut self, number: ChannelNumber) -> &mut Channel {
        &mut self.table[number.0 as usize]
    }
}
