//! What was published, and who came and went, in the order in which the hub gave it its place: heard by a shard that has
//! joined every channel, and never has too little room. From that follows what each stream covers, at any moment.

use std::collections::BTreeMap;

use wavecast_hub::{Event, Publication, StreamPosition, Tags};
use wavecast_net::MessageRef;
use wavecast_net::shard::{Close, ConnectionId, Connections, Handler, Opening};

use super::kind::Kind;
use crate::shard_event::ShardEvent;

/// All that has happened, by channel.
#[derive(Debug, Default)]
pub(super) struct Record {
    channels: BTreeMap<String, Channel>,
    /// Unix milliseconds; the world moves it.
    pub(super) now_ms: u64,
}

/// What has happened in one channel.
#[derive(Debug, Default)]
pub(super) struct Channel {
    /// In the first life of a stream the publication with offset *n* stands at *n* - 1.
    pub(super) entries: Vec<Entry>,
    pub(super) members: Vec<Member>,
    lives: Vec<Life>,
    /// What the stream covered, since each change of it.
    pub(super) states: Vec<State>,
    expires_ms: u64,
}

/// One publication.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) offset: u64,
    pub(super) data: Vec<u8>,
    pub(super) is_json: bool,
    pub(super) tags: Option<Box<Tags>>,
    pub(super) exclude: Option<Box<[Box<str>]>>,
}

/// Somebody has come, or gone.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) joined: bool,
    pub(super) client: String,
    pub(super) user: String,
    /// So many publications came before.
    pub(super) at: usize,
}

/// One life of a stream.
#[derive(Debug)]
struct Life {
    epoch: String,
    /// So many publications came before.
    base: usize,
}

/// What a stream covers: the publications from `low` to `top`, without the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    life: usize,
    pub(super) low: u64,
    pub(super) top: u64,
    /// The place of its offset 1 among the entries.
    pub(super) base: usize,
}

impl Record {
    /// The channel's publications.
    pub(super) fn of(&self, channel: &str) -> &[Entry] {
        self.channels.get(channel).map_or(&[], |channel| &channel.entries)
    }

    /// What has happened in a channel.
    pub(super) fn channel(&self, channel: &str) -> &Channel {
        self.channels.get(channel).unwrap_or_else(|| panic!("nobody has joined {channel}"))
    }

    /// How often something was published in a channel.
    pub(super) fn count(&self, channel: &str, data: &[u8]) -> usize {
        self.of(channel).iter().filter(|entry| entry.data == data).count()
    }

    /// The witness has joined, again perhaps: says whether the stream has a new life.
    pub(super) fn joined(&mut self, channel: &str, position: &StreamPosition) -> bool {
        let channel = self.channels.entry(channel.to_owned()).or_default();
        let is_new = channel.lives.last().is_none_or(|life| *life.epoch != *position.epoch);
        if is_new {
            assert_eq!(position.offset, 0, "a life begins with nothing");
            channel.lives.push(Life { epoch: position.epoch.as_ref().into(), base: channel.entries.len() });
            channel.note(0, 0);
        }
        is_new
    }

    /// Histories whose time is up are gone.
    pub(super) fn time_passes(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        for channel in self.channels.values_mut().filter(|channel| channel.expires_ms <= now_ms) {
            let top = channel.state().top;
            channel.loses_up_to(top);
        }
    }

    /// Of a channel's history only so much is left.
    pub(super) fn is_left(&mut self, channel: &str, count: usize) {
        let channel = self.channels.get_mut(channel).unwrap();
        let low = channel.state().top - count as u64;
        assert!(low >= channel.state().low, "what has gone does not come back");
        channel.loses_up_to(low);
    }

    fn published(&mut self, publication: &Publication) {
        let kind = Kind::of(&publication.channel);
        let channel = self.channels.get_mut(&*publication.channel).unwrap();
        let State { low, top, .. } = channel.state();
        let offset = if kind.positioned { top + 1 } else { 0 };
        assert_eq!(publication.offset, offset, "the hub counts");
        channel.entries.push(Entry {
            offset,
            data: publication.data.to_vec(),
            is_json: publication.is_json,
            tags: publication.tags.clone(),
            exclude: publication.exclude.clone(),
        });
        // Without offsets the states count all the same, for those who ask what there was at which time.
        let top = top + 1;
        channel.note(low.max(top.saturating_sub(kind.history)), top);
        channel.expires_ms = self.now_ms + kind.history_ttl.as_millis() as u64;
    }
}

impl Channel {
    pub(super) fn state(&self) -> State {
        *self.states.last().unwrap()
    }

    pub(super) fn epoch(&self, state: State) -> &str {
        &self.lives[state.life].epoch
    }

    /// The states from a moment on whose stream has this name.
    pub(super) fn states_since(&self, known: usize, epoch: &str) -> impl Iterator<Item = State> {
        self.states[known..].iter().copied().filter(move |state| self.epoch(*state) == epoch)
    }

    /// Who was there after so many comings and goings, and each time since.
    pub(super) fn present_since(&self, known: usize) -> impl Iterator<Item = BTreeMap<&str, &str>> {
        (known..=self.members.len()).map(|count| self.present_after(count))
    }

    fn present_after(&self, count: usize) -> BTreeMap<&str, &str> {
        let mut present = BTreeMap::new();
        for Member { joined, client, user, .. } in &self.members[..count] {
            if *joined {
                present.insert(client.as_str(), user.as_str());
            } else {
                present.remove(client.as_str());
            }
        }
        present
    }

    fn loses_up_to(&mut self, low: u64) {
        let state = self.state();
        if state.low < low {
            self.note(low, state.top);
        }
    }

    fn note(&mut self, low: u64, top: u64) {
        let life = self.lives.len() - 1;
        self.states.push(State { life, low, top, base: self.lives[life].base });
    }
}

impl Handler for Record {
    type Event = ShardEvent;

    fn event(&mut self, _: &mut Connections, event: ShardEvent) {
        let ShardEvent::Channel(event) = event else { panic!("the witness asks nothing") };
        let (membership, joined) = match event {
            Event::Publication(publication) => return self.published(&publication),
            Event::Join(membership) => (membership, true),
            Event::Leave(membership) => (membership, false),
        };
        let channel = self.channels.get_mut(&*membership.channel).unwrap();
        let (client, user) = (membership.info.client.to_string(), membership.info.user.to_string());
        channel.members.push(Member { joined, client, user, at: channel.entries.len() });
    }

    fn open(&mut self, _: &mut Connections, _: ConnectionId, _: &Opening<'_>) {
        unreachable!("nobody connects to the witness");
    }

    fn message(&mut self, _: &mut Connections, _: ConnectionId, _: MessageRef<'_>) {
        unreachable!("nobody connects to the witness");
    }

    fn close(&mut self, _: &mut Connections, _: ConnectionId, _: &Close<'_>) {
        unreachable!("nobody connects to the witness");
    }
}
