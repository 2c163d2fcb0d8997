//! The hub under real threads: publishers race each other, sweeps, and shards that join and leave.

use crate::inboxes::{Inboxes, Message};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};
use wavecast_hub::{
    ChannelOptions, Hub, HubLimits, JoinQuery, Publish, PublishError, Recovery, ShardId, StreamPosition,
};

const SHARDS: u16 = 3;
const PUBLISHERS: usize = 3;
const PUBLICATIONS: usize = 4_000;
const CHANNELS: [&str; 4] = ["a", "b", "c", "d"];
const ROOM: usize = 64;
const NOW: u64 = 1_000_000;

fn options() -> ChannelOptions {
    ChannelOptions {
        // All is held, so that nothing can excuse a gap.
        history_size: (PUBLISHERS * PUBLICATIONS) as u32,
        history_ttl_ms: 1_000_000,
        history_meta_ttl_ms: 1_000_000,
        force_recovery: true,
        ..ChannelOptions::default()
    }
}

/// One shard: reads its inbox, and now and then leaves a channel and comes back from where it was.
struct Shard {
    id: ShardId,
    hub: Arc<Hub<Arc<Inboxes>>>,
    inboxes: Arc<Inboxes>,
    /// What has been seen of each channel it is in; `false` until the answer to the join has arrived.
    channels: BTreeMap<String, (StreamPosition, bool)>,
    taken: usize,
}

impl Shard {
    fn join(&mut self, channel: &str, since: Option<&StreamPosition>) {
        let query = JoinQuery {
            recover: since.map(StreamPosition::as_since),
            publications_max: usize::MAX,
            ..JoinQuery::default()
        };
        let answer = |joined| self.inboxes.joined(self.id, channel, joined);
        self.hub.join(channel, self.id, query, &options(), NOW, answer).unwrap();
        self.channels.insert(channel.to_owned(), (since.cloned().unwrap_or_default(), false));
    }

    /// Takes one message; `false` when there is none.
    fn turn(&mut self) -> bool {
        let Some(message) = self.inboxes.take(self.id) else { return false };
        self.taken += 1;
        match message {
            Message::Joined { channel, joined } => {
                let (reached, live) = self.channels.get_mut(&channel).unwrap();
                match joined.recovery {
                    Recovery::Recovered(missed) => {
                        let given = missed.iter().map(|publication| publication.offset);
                        assert!(given.eq(reached.offset + 1..=joined.position.offset));
                    }
                    Recovery::NotAsked => {}
                    Recovery::Gap => panic!("everything is held"),
                }
                (*reached, *live) = (joined.position, true);
            }
            Message::Publication(publication) => {
                let (reached, live) = self.channels.get_mut(&*publication.channel).unwrap();
                if *live {
                    assert_eq!(publication.offset, reached.offset + 1, "lost, repeated or out of order");
                    reached.offset = publication.offset;
                }
            }
            Message::Join(_) | Message::Leave(_) => panic!("nobody announces anything"),
        }
        if self.taken.is_multiple_of(19) {
            let channel = CHANNELS[self.taken / 19 % CHANNELS.len()];
            let (reached, live) = self.channels[channel].clone();
            if live {
                self.hub.leave(channel, self.id, NOW);
                self.join(channel, Some(&reached));
            }
        }
        true
    }
}

fn publish_all(hub: &Hub<Arc<Inboxes>>) {
    let options = options();
    let give_up = Instant::now() + Duration::from_secs(30);
    for number in 0..PUBLICATIONS {
        // All at the same channel for a while, so that they meet.
        let channel = CHANNELS[number / 50 % CHANNELS.len()];
        let mut publish = Publish { data: number.to_le_bytes().into(), ..Publish::default() };
        loop {
            match hub.publish(channel, publish, &options, NOW) {
                Ok(_) => break,
                Err(PublishError::Busy { publish: given_back, .. }) => publish = given_back,
                Err(PublishError::ChannelLimit) => panic!("there are only {} channels", CHANNELS.len()),
            }
            assert!(Instant::now() < give_up, "an inbox stays full");
            thread::yield_now();
        }
    }
}

/// Counts a publisher out, however it ends, so that the others end, too.
struct Done<'a>(&'a AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn nobody_misses_or_repeats_anything_while_threads_race() {
    let inboxes = Inboxes::jostling(SHARDS, ROOM);
    let limits = HubLimits { stripes: 2, ..HubLimits::default() };
    let hub = Arc::new(Hub::new(limits, 1, Arc::clone(&inboxes)));
    let publishing = AtomicUsize::new(PUBLISHERS);
    let everybody_joined = Barrier::new(PUBLISHERS + usize::from(SHARDS));

    thread::scope(|scope| {
        for _ in 0..PUBLISHERS {
            let (hub, publishing, everybody_joined) = (&hub, &publishing, &everybody_joined);
            scope.spawn(move || {
                let _done = Done(publishing);
                everybody_joined.wait();
                publish_all(hub);
            });
        }
        scope.spawn(|| {
            while publishing.load(Ordering::SeqCst) > 0 {
                hub.expire(NOW);
                thread::yield_now();
            }
        });
        for id in (0..SHARDS).map(ShardId) {
            let (hub, inboxes) = (Arc::clone(&hub), Arc::clone(&inboxes));
            let (publishing, everybody_joined) = (&publishing, &everybody_joined);
            scope.spawn(move || {
                let mut shard = Shard { id, hub, inboxes, channels: BTreeMap::new(), taken: 0 };
                CHANNELS.iter().for_each(|channel| shard.join(channel, None));
                everybody_joined.wait();
                loop {
                    // Read before the turn: what was published before is in the inbox by then.
                    let last_turn = publishing.load(Ordering::SeqCst) == 0;
                    while shard.turn() {}
                    if last_turn {
                        break;
                    }
                    thread::yield_now();
                }
                let all = (PUBLISHERS * PUBLICATIONS / CHANNELS.len()) as u64;
                for (reached, live) in shard.channels.values() {
                    assert!(live);
                    assert_eq!(reached.offset, all);
                }
            });
        }
    });
    for shard in (0..SHARDS).map(ShardId) {
        assert_eq!((inboxes.room(shard), inboxes.reserved(shard)), (ROOM, 0), "a reservation leaked");
    }
}

#[test]
fn nothing_is_published_while_a_join_is_answered() {
    let inboxes = Inboxes::new(1, ROOM);
    let hub = Hub::new(HubLimits::default(), 1, Arc::clone(&inboxes));
    let shard = ShardId(0);
    thread::scope(|scope| {
        let answer = |joined| {
            scope.spawn(|| hub.publish("a", Publish::default(), &options(), NOW).unwrap());
            thread::sleep(Duration::from_millis(50));
            inboxes.joined(shard, "a", joined);
        };
        hub.join("a", shard, JoinQuery::default(), &options(), NOW, answer).unwrap();
    });
    assert!(
        matches!(inboxes.take(shard), Some(Message::Joined { joined, .. }) if joined.position.offset == 0)
    );
    assert!(
        matches!(inboxes.take(shard), Some(Message::Publication(publication)) if publication.offset == 1)
    );
}
