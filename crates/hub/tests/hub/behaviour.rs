//! What the hub promises, one behaviour a test.

use crate::inboxes::{Inboxes, Message};
use std::sync::Arc;
use wavecast_hub::{
    ChannelOptions, HistoryError, HistoryPage, HistoryQuery, Hub, HubLimits, JoinError, JoinQuery, Joined,
    Publish, PublishError, Published, Recovery, ShardId, Since, StreamPosition,
};

const NOW: u64 = 1_700_000_000_000;
const SHARDS: [ShardId; 3] = [ShardId(0), ShardId(1), ShardId(2)];
const ROOM: usize = 4;

fn hub() -> (Hub<Arc<Inboxes>>, Arc<Inboxes>) {
    hub_of(HubLimits::default())
}

fn hub_of(limits: HubLimits) -> (Hub<Arc<Inboxes>>, Arc<Inboxes>) {
    let inboxes = Inboxes::new(3, ROOM);
    (Hub::new(limits, 1, Arc::clone(&inboxes)), inboxes)
}

/// Nothing is kept.
fn plain() -> ChannelOptions {
    ChannelOptions { history_meta_ttl_ms: 1_000_000, ..ChannelOptions::default() }
}

/// Three publications are kept for ten seconds, the position for a thousand.
fn kept() -> ChannelOptions {
    ChannelOptions { history_size: 3, history_ttl_ms: 10_000, allow_recovery: true, ..plain() }
}

/// Channels, and those with subscribers.
fn counts(hub: &Hub<Arc<Inboxes>>) -> (usize, usize) {
    let stats = hub.stats();
    (stats.channels, stats.channels_active)
}

/// Publishes and says where.
fn publish(
    hub: &Hub<Arc<Inboxes>>,
    publish: Publish,
    options: &ChannelOptions,
    now_ms: u64,
) -> StreamPosition {
    let published = hub.publish("room", publish, options, now_ms).unwrap();
    assert!(!published.is_suppressed);
    published.position
}

fn text(data: &str) -> Publish {
    Publish { data: data.as_bytes().into(), ..Publish::default() }
}

fn join(
    hub: &Hub<Arc<Inboxes>>,
    channel: &str,
    shard: ShardId,
    options: &ChannelOptions,
    now_ms: u64,
) -> Joined {
    recover(hub, channel, shard, None, options, now_ms)
}

fn recover(
    hub: &Hub<Arc<Inboxes>>,
    channel: &str,
    shard: ShardId,
    since: Option<Since<'_>>,
    options: &ChannelOptions,
    now_ms: u64,
) -> Joined {
    let mut answer = None;
    let query = JoinQuery { recover: since, ..JoinQuery::default() };
    hub.join(channel, shard, query, options, now_ms, |joined| answer = Some(joined)).unwrap();
    answer.expect("join answers before it returns")
}

fn page(hub: &Hub<Arc<Inboxes>>, query: HistoryQuery<'_>, now_ms: u64) -> Result<HistoryPage, HistoryError> {
    hub.history("room", query, &kept(), now_ms)
}

fn offsets(page: &HistoryPage) -> Vec<u64> {
    page.publications.iter().map(|publication| publication.offset).collect()
}

#[test]
fn a_publication_reaches_every_shard_that_joined_once() {
    let (hub, inboxes) = hub();
    for shard in [SHARDS[0], SHARDS[2], SHARDS[2]] {
        join(&hub, "room", shard, &plain(), NOW);
    }
    assert_eq!(hub.publish("room", text("1"), &plain(), NOW), Ok(Published::default()));

    let mut arrived = Vec::new();
    for shard in SHARDS {
        while let Some(Message::Publication(publication)) = inboxes.take(shard) {
            assert_eq!(
                (&*publication.channel, &*publication.data, publication.offset),
                ("room", b"1".as_slice(), 0)
            );
            arrived.push((shard, publication));
        }
    }
    assert_eq!(arrived.iter().map(|(shard, _)| *shard).collect::<Vec<_>>(), [SHARDS[0], SHARDS[2]]);
    assert!(Arc::ptr_eq(&arrived[0].1, &arrived[1].1), "built once");
    assert_eq!(SHARDS.map(|shard| inboxes.wakes(shard)), [1, 0, 1]);

    hub.leave("room", SHARDS[0], NOW);
    publish(&hub, text("2"), &plain(), NOW);
    assert!(inboxes.take(SHARDS[0]).is_none() && inboxes.take(SHARDS[2]).is_some());
}

#[test]
fn what_nobody_wants_and_nothing_keeps_leaves_no_trace() {
    let (hub, _) = hub();
    assert_eq!(hub.publish("room", text("1"), &plain(), NOW), Ok(Published::default()));
    let skipping = Publish { skip_history: true, ..text("1") };
    assert_eq!(hub.publish("room", skipping, &kept(), NOW), Ok(Published::default()));
    assert_eq!(counts(&hub), (0, 0));

    join(&hub, "room", SHARDS[0], &plain(), NOW);
    join(&hub, "room", SHARDS[1], &plain(), NOW);
    assert_eq!(counts(&hub), (1, 1));
    assert_eq!(hub.channels(10, |name| name.starts_with('r')), ["room".into()] as [Arc<str>; 1]);
    assert!(hub.channels(0, |_| true).is_empty() && hub.channels(10, |_| false).is_empty());
    hub.leave("room", SHARDS[0], NOW);
    hub.leave("room", SHARDS[0], NOW);
    assert_eq!(counts(&hub), (1, 1));
    assert!(hub.has_subscribers("room") && !hub.has_subscribers("roo"));
    hub.leave("room", SHARDS[1], NOW);
    assert!(!hub.has_subscribers("room"));
    assert_eq!(counts(&hub), (0, 0));
}

#[test]
fn a_full_inbox_refuses_the_publication_for_all() {
    let (hub, inboxes) = hub();
    join(&hub, "other", SHARDS[1], &plain(), NOW);
    for _ in 0..ROOM {
        hub.publish("other", text("x"), &plain(), NOW).unwrap();
    }
    for shard in SHARDS {
        join(&hub, "room", shard, &kept(), NOW);
    }
    let refused = hub.publish("room", text("1"), &kept(), NOW);
    assert_eq!(refused, Err(PublishError::Busy { shard: SHARDS[1], publish: text("1") }));
    assert_eq!(SHARDS.map(|shard| inboxes.reserved(shard)), [0, 0, 0]);
    assert_eq!(SHARDS.map(|shard| inboxes.room(shard)), [ROOM, 0, ROOM]);
    assert!(inboxes.take(SHARDS[0]).is_none());

    // No offset was used up.
    inboxes.take(SHARDS[1]).unwrap();
    assert_eq!(publish(&hub, text("1"), &kept(), NOW).offset, 1);
}

#[test]
fn there_are_never_more_channels_than_allowed() {
    let (hub, _) = hub_of(HubLimits { channels_max: 2, stripes: 1 });
    join(&hub, "a", SHARDS[0], &plain(), NOW);
    hub.publish("b", text("1"), &kept(), NOW).unwrap();
    assert_eq!(hub.publish("c", text("1"), &kept(), NOW), Err(PublishError::ChannelLimit));
    assert_eq!(hub.publish("c", text("1"), &plain(), NOW), Ok(Published::default()));
    let refused = hub.join("c", SHARDS[0], JoinQuery::default(), &plain(), NOW, |_| panic!("answered"));
    assert_eq!(refused, Err(JoinError::ChannelLimit));
    assert_eq!(hub.history("c", HistoryQuery::default(), &kept(), NOW), Err(HistoryError::ChannelLimit));
    join(&hub, "b", SHARDS[0], &kept(), NOW);

    hub.leave("a", SHARDS[0], NOW);
    join(&hub, "c", SHARDS[0], &plain(), NOW);
    assert_eq!(counts(&hub), (2, 2));
}

#[test]
fn history_pages_run_both_ways() {
    let (hub, _) = hub();
    let empty = page(&hub, HistoryQuery::default(), NOW).unwrap();
    assert!(empty.publications.is_empty() && empty.position.offset == 0 && !empty.position.epoch.is_empty());
    for data in ["1", "2", "3", "4", "5"] {
        hub.publish("room", text(data), &kept(), NOW).unwrap();
    }
    let epoch = &*empty.position.epoch;
    let query = |since: Option<u64>, limit, reverse| HistoryQuery {
        since: since.map(|offset| Since { offset, epoch }),
        limit,
        reverse,
        ..HistoryQuery::default()
    };
    // 3, 4 and 5 are held.
    for (since, limit, reverse, expected) in [
        (None, 0, false, vec![]),
        (None, -1, false, vec![3, 4, 5]),
        (None, 2, false, vec![3, 4]),
        (None, 9, true, vec![5, 4, 3]),
        (None, 1, true, vec![5]),
        (Some(2), -1, false, vec![3, 4, 5]),
        (Some(3), 1, false, vec![4]),
        (Some(5), -1, false, vec![]),
        (Some(5), -1, true, vec![4, 3]),
        (Some(6), 1, true, vec![5]),
        (Some(3), -1, true, vec![]),
        (Some(1), -1, true, vec![]),
        (Some(0), 0, false, vec![]),
        // What is gone is passed over, as offsets show, and ahead of the stream there is nothing.
        (Some(1), -1, false, vec![3, 4, 5]),
        (Some(0), 2, false, vec![3, 4]),
        (Some(6), -1, false, vec![]),
        (Some(7), -1, true, vec![5, 4, 3]),
    ] {
        let page = page(&hub, query(since, limit, reverse), NOW).unwrap();
        assert_eq!(offsets(&page), expected, "{since:?} {limit} {reverse}");
        assert_eq!(page.position.offset, 5);
    }
    let stranger =
        HistoryQuery { since: Some(Since { offset: 4, epoch: "old" }), limit: 1, ..query(None, 1, true) };
    assert_eq!(page(&hub, stranger, NOW), Err(HistoryError::UnrecoverablePosition));
    let small = HistoryQuery { publications_max: 2, ..query(None, -1, false) };
    assert_eq!(offsets(&page(&hub, small, NOW).unwrap()), [3, 4]);
    assert_eq!(hub.history("room", query(None, -1, false), &plain(), NOW), Ok(HistoryPage::default()));
}

#[test]
fn whoever_comes_back_in_time_is_given_what_was_missed() {
    let (hub, _) = hub();
    let first = join(&hub, "room", SHARDS[0], &kept(), NOW);
    assert_eq!((first.position.offset, &first.recovery), (0, &Recovery::NotAsked));
    hub.leave("room", SHARDS[0], NOW);
    publish(&hub, text("1"), &kept(), NOW);
    publish(&hub, text("2"), &kept(), NOW);

    let back = recover(&hub, "room", SHARDS[0], Some(first.position.as_since()), &kept(), NOW);
    let Recovery::Recovered(missed) = back.recovery else { panic!("{back:?}") };
    assert_eq!(missed.iter().map(|publication| &*publication.data).collect::<Vec<_>>(), [b"1", b"2"]);
    assert_eq!(back.position.offset, 2);
}

#[test]
fn expiry_is_never_mistaken_for_nothing_missed() {
    let (hub, _) = hub();
    let behind = publish(&hub, text("1"), &kept(), NOW);
    let top = publish(&hub, text("2"), &kept(), NOW);
    let later = NOW + 10_000;
    let recovery = |position: &StreamPosition| {
        recover(&hub, "room", SHARDS[0], Some(position.as_since()), &kept(), later).recovery
    };
    for sweep in [false, true] {
        assert_eq!(recovery(&behind), Recovery::Gap, "swept: {sweep}");
        assert_eq!(recovery(&top), Recovery::Recovered(vec![]), "swept: {sweep}");
        hub.expire(later);
    }
    assert_eq!(publish(&hub, text("3"), &kept(), later), StreamPosition { offset: 3, ..top });
}

#[test]
fn removed_history_is_a_gap() {
    let (hub, _) = hub();
    let behind = publish(&hub, text("1"), &kept(), NOW);
    let top = publish(&hub, text("2"), &kept(), NOW);
    hub.remove_history("room");
    hub.remove_history("nowhere");
    let recovery = |position: &StreamPosition| {
        recover(&hub, "room", SHARDS[0], Some(position.as_since()), &kept(), NOW).recovery
    };
    assert_eq!(recovery(&behind), Recovery::Gap);
    assert_eq!(recovery(&top), Recovery::Recovered(vec![]));
}

#[test]
fn skipped_history_is_delivered_and_not_counted() {
    let (hub, inboxes) = hub();
    join(&hub, "room", SHARDS[0], &kept(), NOW);
    publish(&hub, text("1"), &kept(), NOW);
    let skipped = Publish { skip_history: true, ..text("2") };
    assert_eq!(hub.publish("room", skipped, &kept(), NOW), Ok(Published::default()));
    assert_eq!(publish(&hub, text("3"), &kept(), NOW).offset, 2);
    let arrived: Vec<u64> = std::iter::from_fn(|| match inboxes.take(SHARDS[0])? {
        Message::Publication(publication) => Some(publication.offset),
        _ => None,
    })
    .collect();
    assert_eq!(arrived, [1, 0, 2]);
}

#[test]
fn watched_positions_count_without_history() {
    let (hub, _) = hub();
    let watched = ChannelOptions { force_positioning: true, ..plain() };
    let first = publish(&hub, text("1"), &watched, NOW);
    let second = publish(&hub, text("2"), &watched, NOW);
    assert_eq!((first.offset, second.offset), (1, 2));
    let recovery = |position: &StreamPosition| {
        recover(&hub, "room", SHARDS[0], Some(position.as_since()), &watched, NOW).recovery
    };
    assert_eq!(recovery(&first), Recovery::Gap);
    assert_eq!(recovery(&second), Recovery::Recovered(vec![]));
}

#[test]
fn a_channel_without_a_stream_has_no_position_to_recover_from() {
    let (hub, _) = hub();
    let joined = recover(&hub, "room", SHARDS[0], Some(Since::default()), &plain(), NOW);
    assert_eq!(joined, Joined { position: StreamPosition::default(), recovery: Recovery::Gap });
}

#[test]
fn options_that_keep_no_stream_any_more_end_it() {
    let (hub, _) = hub();
    let before = publish(&hub, text("1"), &kept(), NOW);
    publish(&hub, text("2"), &plain(), NOW);
    assert_eq!(counts(&hub), (0, 0));
    let joined = recover(&hub, "room", SHARDS[0], Some(before.as_since()), &kept(), NOW);
    assert_eq!(joined.recovery, Recovery::Gap);
    assert_ne!(joined.position.epoch, before.epoch);
}

#[test]
fn a_forgotten_stream_begins_a_new_life() {
    let (hub, _) = hub();
    let before = publish(&hub, text("1"), &kept(), NOW);
    let meta_ttl = kept().history_meta_ttl_ms;
    hub.expire(NOW + meta_ttl - 1);
    assert_eq!(hub.stats().channels, 1);
    assert_eq!(hub.expire(NOW + meta_ttl).channels, 1);
    assert_eq!(hub.stats().channels, 0);
    let after = publish(&hub, text("2"), &kept(), NOW + meta_ttl);
    assert_eq!(after.offset, 1);
    assert_ne!(after.epoch, before.epoch);
}

#[test]
fn a_position_that_somebody_watches_is_not_forgotten() {
    let (hub, _) = hub();
    let meta_ttl = kept().history_meta_ttl_ms;
    publish(&hub, text("1"), &kept(), NOW);
    let joined = join(&hub, "room", SHARDS[0], &kept(), NOW);
    hub.expire(NOW + 5 * meta_ttl);
    hub.leave("room", SHARDS[0], NOW + 5 * meta_ttl);
    hub.expire(NOW + 6 * meta_ttl - 1);
    let back = join(&hub, "room", SHARDS[0], &kept(), NOW + 6 * meta_ttl - 1);
    assert_eq!(back.position, joined.position);
}

#[test]
fn a_stream_without_publications_is_forgotten_soon() {
    let (hub, _) = hub();
    let options = ChannelOptions { history_meta_ttl_ms: 30 * 24 * 3_600_000, ..kept() };
    hub.history("room", HistoryQuery::default(), &options, NOW).unwrap();
    hub.expire(NOW + 5 * 60 * 1000 - 1);
    assert_eq!(hub.stats().channels, 1);
    hub.expire(NOW + 5 * 60 * 1000);
    assert_eq!(hub.stats().channels, 0);
}

#[test]
fn sweeping_is_bounded_and_reaches_everything() {
    let (hub, _) = hub();
    const CHANNELS: usize = 60_000;
    for index in 0..CHANNELS {
        hub.publish(&format!("room{index}"), text("1"), &kept(), NOW).unwrap();
    }
    let later = NOW + kept().history_meta_ttl_ms;
    let mut calls = 0;
    let mut freed = 0;
    while hub.stats().channels > 0 {
        let swept = hub.expire(later);
        assert!(swept.channels <= 16 * 1024, "{swept:?}");
        assert_eq!(swept.channels, swept.publications);
        freed += swept.channels;
        calls += 1;
        assert!(calls < 100, "a channel is never reached");
    }
    assert_eq!(freed, CHANNELS);
    assert!(calls > 4, "{calls}");
}
