//! The hub under real threads: publishers race each other, sweeps, and shards that join and leave.

use crate::inboxes::{Inboxes, Message};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};
use wavecast_hub::{
    ChannelOptions, ClientInfo, Hub, HubLimits, JoinQuery, PresenceStats, Publish, PublishError, Recovery,
    ShardId, StreamPosition,
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
    let give_up = Instant::now() + Duration::from_secs(120);
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

#[test]
fn presence_is_exact_while_clients_race() {
    const CLIENTS: u32 = 4_000;
    let inboxes = Inboxes::jostling(SHARDS, ROOM);
    let limits = HubLimits { stripes: 2, ..HubLimits::default() };
    let hub = Hub::new(limits, 1, Arc::clone(&inboxes));
    let attended = ChannelOptions { presence: true, join_leave: true, ..ChannelOptions::default() };
    let info = |client: u32| {
        let (client, user) = (client.to_string().into(), (client % 7).to_string().into());
        Arc::new(ClientInfo { client, user, ..ClientInfo::default() })
    };
    // A client in ten stays; the others come, are told of anew, and go, sometimes with the whole shard.
    thread::scope(|scope| {
        for shard in (0..SHARDS).map(ShardId) {
            let (hub, inboxes, attended) = (&hub, &inboxes, &attended);
            scope.spawn(move || {
                for client in (0..CLIENTS).filter(|client| client % u32::from(SHARDS) == u32::from(shard.0)) {
                    let channel = CHANNELS[client as usize / 100 % CHANNELS.len()];
                    hub.join(channel, shard, JoinQuery::default(), attended, NOW, drop).unwrap();
                    let (info, announce) = (info(client), client % 2 == 0);
                    hub.enter(channel, &info, attended, announce).unwrap();
                    hub.enter(channel, &info, attended, false).unwrap();
                    let stats = hub.presence_stats(channel);
                    assert!(stats.clients > 0 && (1..=7).contains(&stats.users), "{stats:?}");
                    if !client.is_multiple_of(10) {
                        hub.exit(channel, &info, announce);
                    }
                    if client % 3 == 0 {
                        hub.leave(channel, shard, NOW);
                    }
                    while inboxes.take(shard).is_some() {}
                }
            });
        }
        scope.spawn(|| (0..1000).for_each(|_| _ = (hub.expire(NOW), hub.trim_history(1))));
    });
    let of_channel = |channel: &str| {
        let here = |client: &u32| CHANNELS[*client as usize / 100 % CHANNELS.len()] == channel;
        (0..CLIENTS).step_by(10).filter(here).collect::<Vec<_>>()
    };
    for channel in CHANNELS {
        let expected = of_channel(channel);
        let list = hub.presence(channel, CLIENTS as usize);
        let mut clients: Vec<u32> = list.clients.iter().map(|info| info.client.parse().unwrap()).collect();
        clients.sort_unstable();
        assert_eq!(clients, expected);
        let users: BTreeSet<u32> = clients.iter().map(|client| client % 7).collect();
        let stats = PresenceStats { clients: clients.len(), users: users.len() };
        assert_eq!(hub.presence_stats(channel), stats);
        clients.iter().for_each(|&client| hub.exit(channel, &info(client), true));
        (0..SHARDS).for_each(|shard| hub.leave(channel, ShardId(shard), NOW));
    }
    let stats = hub.stats();
    assert_eq!(
        (stats.channels, stats.channels_active, stats.bytes_presence),
        (0, 0, 0),
        "something is left over"
    );
    for shard in (0..SHARDS).map(ShardId) {
        while inboxes.take(shard).is_some() {}
        assert_eq!((inboxes.room(shard), inboxes.reserved(shard)), (ROOM, 0), "a reservation leaked");
    }
}

#[test]
fn what_is_told_of_occupancy_alternates_while_shards_race() {
    let inboxes = Inboxes::jostling(SHARDS, ROOM);
    let hub = Hub::new(HubLimits::default(), 1, Arc::clone(&inboxes));
    let watched = ChannelOptions { occupancy_events: true, ..ChannelOptions::default() };
    thread::scope(|scope| {
        for shard in (0..SHARDS).map(ShardId) {
            let (hub, watched) = (&hub, &watched);
            scope.spawn(move || {
                for _ in 0..2_000 {
                    hub.join("a", shard, JoinQuery::default(), watched, NOW, drop).unwrap();
                    thread::yield_now();
                    hub.leave("a", shard, NOW);
                }
            });
        }
    });
    let told: Vec<bool> = inboxes.take_occupancy().into_iter().map(|(_, occupied)| occupied).collect();
    assert!(told.chunks(2).all(|pair| pair == [true, false]), "occupied, vacated, occupied…");
}

#[test]
fn the_list_of_channels_is_whole_while_others_come_and_go() {
    const STAYING: usize = 3_000;
    let hub = Hub::new(HubLimits { stripes: 1, ..HubLimits::default() }, 1, Inboxes::new(1, ROOM));
    let join = |name: &str| {
        hub.join(name, ShardId(0), JoinQuery::default(), &ChannelOptions::default(), NOW, drop).unwrap();
    };
    (0..STAYING).for_each(|number| join(&format!("stays-{number}")));
    let listing = AtomicUsize::new(1);
    thread::scope(|scope| {
        scope.spawn(|| {
            let done = Done(&listing);
            for _ in 0..100 {
                let mut names = hub.channels(usize::MAX, |name| name.starts_with("stays-"));
                assert_eq!(names.len(), STAYING);
                names.sort_unstable();
                names.dedup();
                assert_eq!(names.len(), STAYING, "some twice, some not at all");
            }
            drop(done);
        });
        // The table grows, and shrinks when it is swept.
        while listing.load(Ordering::SeqCst) > 0 {
            (0..20_000).for_each(|number| join(&format!("goes-{number}")));
            (0..20_000).for_each(|number| hub.leave(&format!("goes-{number}"), ShardId(0), NOW));
            hub.expire(NOW);
        }
    });
    assert_eq!(hub.channels(7, |_| true).len(), 7);
}
