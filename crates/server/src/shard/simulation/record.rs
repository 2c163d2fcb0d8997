//! What was published, in the order in which the hub gave it its place: heard by a shard that has joined every channel,
//! and never has too little room.

use std::collections::BTreeMap;

use wavecast_hub::Event;
use wavecast_net::MessageRef;
use wavecast_net::shard::{Close, ConnectionId, Connections, Handler, Opening};

use crate::inboxes::ShardEvent;

/// All publications by channel.
#[derive(Debug, Default)]
pub(super) struct Record(BTreeMap<String, Vec<Entry>>);

/// One publication.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) offset: u64,
    pub(super) data: String,
}

impl Record {
    /// The channel's publications; in a channel with a stream the one with offset *n* stands at *n* - 1.
    pub(super) fn of(&self, channel: &str) -> &[Entry] {
        self.0.get(channel).map_or(&[], Vec::as_slice)
    }

    /// How often something was published in a channel.
    pub(super) fn count(&self, channel: &str, data: &str) -> usize {
        self.of(channel).iter().filter(|entry| entry.data == data).count()
    }
}

impl Handler for Record {
    type Event = ShardEvent;

    fn event(&mut self, _: &mut Connections, event: ShardEvent) {
        let ShardEvent::Channel(Event::Publication(publication)) = event else {
            panic!("the witness asks nothing")
        };
        let data = String::from_utf8(publication.data.to_vec()).unwrap();
        let channel = self.0.entry(publication.channel.to_string()).or_default();
        let entry = Entry { offset: publication.offset, data };
        assert!(entry.offset == 0 || entry.offset == channel.len() as u64 + 1, "the hub counts: {entry:?}");
        channel.push(entry);
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
