//! Who is there: presence, joins and leaves, occupied and vacated channels.

use crate::inboxes::{Inboxes, Message};
use std::sync::Arc;
use wavecast_hub::{
    ChannelOptions, ClientInfo, Hub, HubLimits, HubStats, JoinError, JoinQuery, PresenceList, PresenceStats,
    Publish, ShardId,
};

const NOW: u64 = 1_700_000_000_000;
const SHARDS: [ShardId; 2] = [ShardId(0), ShardId(1)];
const ROOM: usize = 4;

fn hub() -> (Hub<Arc<Inboxes>>, Arc<Inboxes>) {
    let inboxes = Inboxes::new(2, ROOM);
    (Hub::new(HubLimits { channels_max: 2, stripes: 1 }, 1, Arc::clone(&inboxes)), inboxes)
}

fn attended() -> ChannelOptions {
    ChannelOptions { presence: true, join_leave: true, ..ChannelOptions::default() }
}

fn client(client: &str, user: &str) -> Arc<ClientInfo> {
    Arc::new(ClientInfo { client: client.into(), user: user.into(), ..ClientInfo::default() })
}

fn join(hub: &Hub<Arc<Inboxes>>, shard: ShardId, options: &ChannelOptions) {
    hub.join("room", shard, JoinQuery::default(), options, NOW, drop).unwrap();
}

/// What a shard was told, in short.
fn told(inboxes: &Inboxes, shard: ShardId) -> Vec<String> {
    let name = |message| match message {
        Message::Join(membership) => format!("+{}", membership.info.client),
        Message::Leave(membership) => format!("-{}", membership.info.client),
        other => panic!("{other:?}"),
    };
    std::iter::from_fn(|| inboxes.take(shard).map(name)).collect()
}

#[test]
fn joins_and_leaves_reach_every_shard_in_the_channel_in_order() {
    let (hub, inboxes) = hub();
    let (a, b) = (client("a", "1"), client("b", "2"));
    join(&hub, SHARDS[0], &attended());
    hub.enter("room", &a, &attended(), true).unwrap();
    join(&hub, SHARDS[1], &attended());
    hub.enter("room", &b, &attended(), true).unwrap();
    hub.exit("room", &a, true);
    hub.leave("room", SHARDS[0], NOW);
    hub.exit("room", &b, true);
    assert_eq!(told(&inboxes, SHARDS[0]), ["+a", "+b", "-a"]);
    assert_eq!(told(&inboxes, SHARDS[1]), ["+b", "-a", "-b"]);
    assert_eq!(SHARDS.map(|shard| inboxes.wakes(shard)), [3, 3]);

    hub.enter("room", &a, &attended(), false).unwrap();
    hub.exit("room", &a, false);
    assert!(told(&inboxes, SHARDS[1]).is_empty(), "nobody asked to announce it");
}

#[test]
fn a_full_inbox_is_passed_over_and_counted() {
    let (hub, inboxes) = hub();
    SHARDS.iter().for_each(|&shard| join(&hub, shard, &attended()));
    for _ in 0..ROOM {
        hub.publish("room", Publish::default(), &attended(), NOW).unwrap();
    }
    (0..ROOM).for_each(|_| assert!(inboxes.take(SHARDS[1]).is_some()));
    hub.enter("room", &client("a", "1"), &attended(), true).unwrap();
    assert_eq!(told(&inboxes, SHARDS[1]), ["+a"]);
    assert_eq!((hub.stats().notices_dropped, inboxes.room(SHARDS[0])), (1, 0));
    assert_eq!(SHARDS.map(|shard| inboxes.reserved(shard)), [0, 0]);
    assert_eq!(hub.presence_stats("room").clients, 1, "present all the same");
}

#[test]
fn presence_holds_the_channel_until_everybody_has_gone() {
    let (hub, _) = hub();
    let kept = ChannelOptions { history_size: 1, history_ttl_ms: 10, history_meta_ttl_ms: 10, ..attended() };
    join(&hub, SHARDS[0], &kept);
    hub.publish("room", Publish::default(), &kept, NOW).unwrap();
    hub.enter("room", &client("a", "1"), &kept, false).unwrap();
    hub.leave("room", SHARDS[0], NOW);
    hub.expire(NOW + 1000);
    assert_eq!(hub.presence_stats("room"), PresenceStats { clients: 1, users: 1 });
    hub.exit("room", &client("nobody", ""), false);
    assert_eq!(hub.presence("room", 9).clients, [client("a", "1")]);
    hub.exit("room", &client("a", ""), false);
    assert_eq!(hub.presence("room", 9), PresenceList::default());
    hub.expire(NOW + 1000);
    assert_eq!(hub.stats(), HubStats::default());
}

#[test]
fn presence_is_kept_only_where_the_options_say_so_and_ends_wherever_it_was_kept() {
    let (hub, _) = hub();
    let plain = ChannelOptions::default();
    hub.enter("room", &client("a", "1"), &plain, true).unwrap();
    assert_eq!((hub.presence_stats("room"), hub.stats().channels), (PresenceStats::default(), 0));
    hub.enter("room", &client("a", "1"), &attended(), true).unwrap();
    assert_eq!(hub.presence_stats("room").clients, 1);
    hub.exit("room", &client("a", "1"), true);
    assert_eq!(hub.stats().channels, 0);
}

#[test]
fn presence_counts_as_a_channel() {
    let (hub, _) = hub();
    hub.enter("one", &client("a", "1"), &attended(), true).unwrap();
    hub.enter("two", &client("a", "1"), &attended(), true).unwrap();
    let refused = hub.enter("three", &client("a", "1"), &attended(), true);
    assert_eq!(refused, Err(JoinError::ChannelLimit));
    assert_eq!(hub.enter("three", &client("a", "1"), &ChannelOptions::default(), true), Ok(()));
}

#[test]
fn the_back_end_hears_of_the_first_and_of_the_last_shard() {
    let (hub, inboxes) = hub();
    let told = || {
        let told = inboxes.take_occupancy().into_iter();
        told.map(|(channel, occupied)| (channel.to_string(), occupied)).collect::<Vec<_>>()
    };
    let watched = ChannelOptions { occupancy_events: true, ..attended() };
    join(&hub, SHARDS[0], &watched);
    assert_eq!(told(), [("room".to_owned(), true)]);
    join(&hub, SHARDS[0], &watched);
    join(&hub, SHARDS[1], &watched);
    hub.enter("room", &client("a", "1"), &watched, true).unwrap();
    hub.leave("room", SHARDS[0], NOW);
    hub.exit("room", &client("a", "1"), true);
    assert_eq!(told(), []);
    hub.leave("room", SHARDS[1], NOW);
    hub.leave("room", SHARDS[1], NOW);
    assert_eq!(told(), [("room".to_owned(), false)]);
    assert_eq!(hub.stats(), HubStats::default());

    // What was not told is not taken back.
    join(&hub, SHARDS[0], &attended());
    join(&hub, SHARDS[1], &watched);
    SHARDS.iter().for_each(|&shard| hub.leave("room", shard, NOW));
    assert_eq!(told(), []);
}
