//! The latest state: recovery in cache mode, and publications that carry a version.

use crate::inboxes::{Inboxes, Message};
use std::sync::Arc;
use wavecast_hub::{
    ChannelOptions, Comparison, Filter, Hub, HubLimits, JoinQuery, Publish, Published, Recovery,
    RecoveryMode, ShardId, Since, StreamPosition, Tags,
};

const NOW: u64 = 1_700_000_000_000;
const SHARD: ShardId = ShardId(0);

fn hub() -> (Hub<Arc<Inboxes>>, Arc<Inboxes>) {
    let inboxes = Inboxes::new(1, 16);
    (Hub::new(HubLimits::default(), 1, Arc::clone(&inboxes)), inboxes)
}

fn cache() -> ChannelOptions {
    ChannelOptions {
        history_size: 2,
        history_ttl_ms: 10_000,
        history_meta_ttl_ms: 1_000_000,
        allow_recovery: true,
        recovery_mode: RecoveryMode::Cache,
        ..ChannelOptions::default()
    }
}

fn publish(hub: &Hub<Arc<Inboxes>>, data: &str) -> StreamPosition {
    let publish = Publish { data: data.as_bytes().into(), ..Publish::default() };
    hub.publish("room", publish, &cache(), NOW).unwrap().position
}

/// What the asker is given; `None` for a gap.
fn recover(hub: &Hub<Arc<Inboxes>>, query: JoinQuery<'_>, now_ms: u64) -> Option<Vec<String>> {
    let mut recovery = None;
    let query = JoinQuery { mode: RecoveryMode::Cache, ..query };
    hub.join("room", SHARD, query, &cache(), now_ms, |joined| recovery = Some(joined.recovery)).unwrap();
    match recovery.unwrap() {
        Recovery::Recovered(publications) => {
            Some(publications.iter().map(|p| String::from_utf8(p.data.to_vec()).unwrap()).collect())
        }
        Recovery::Gap => None,
        Recovery::NotAsked => Some(vec!["not asked".to_owned()]),
    }
}

#[test]
fn a_cache_gives_the_latest_to_whoever_lacks_it() {
    let (hub, _) = hub();
    let from = |position: &StreamPosition, now_ms| {
        recover(&hub, JoinQuery { recover: Some(position.as_since()), ..JoinQuery::default() }, now_ms)
    };
    assert_eq!(from(&StreamPosition::default(), NOW), None, "nothing was published");
    let old = publish(&hub, "1");
    let (behind, latest) = (publish(&hub, "2"), publish(&hub, "3"));
    for position in [&StreamPosition::default(), &old, &behind] {
        assert_eq!(from(position, NOW), Some(vec!["3".to_owned()]), "{position}");
    }
    assert_eq!(from(&latest, NOW), Some(vec![]));
    let later = NOW + 10_000;
    assert_eq!((from(&behind, later), from(&latest, later)), (None, Some(vec![])));
}

#[test]
fn a_first_subscription_is_given_the_latest_where_the_channel_wants_it() {
    let (hub, _) = hub();
    publish(&hub, "1");
    let auto = JoinQuery { auto_cache_recover: true, ..JoinQuery::default() };
    assert_eq!(recover(&hub, auto, NOW), Some(vec!["1".to_owned()]));
    assert_eq!(recover(&hub, JoinQuery::default(), NOW), Some(vec!["not asked".to_owned()]));
    let mut recovery = None;
    hub.join("room", SHARD, auto, &cache(), NOW, |joined| recovery = Some(joined.recovery)).unwrap();
    assert_eq!(recovery, Some(Recovery::NotAsked), "the stream mode knows no such thing");
    let asked = JoinQuery { recover: Some(Since { offset: 1, epoch: "other" }), ..auto };
    assert_eq!(recover(&hub, asked, NOW), Some(vec!["1".to_owned()]));
}

#[test]
fn with_a_filter_the_latest_is_the_latest_that_is_wanted() {
    let (hub, _) = hub();
    let wanted = Filter::tag("kind", Comparison::equal("a")).unwrap();
    let position = publish(&hub, "0");
    let tagged = |kind: &str| {
        let tags = Some(Box::new(Tags::from([("kind".to_owned(), kind.to_owned())])));
        let publish = Publish { data: kind.as_bytes().into(), tags, ..Publish::default() };
        hub.publish("room", publish, &cache(), NOW).unwrap().position
    };
    let seen = tagged("a");
    tagged("b");
    let ask = |since: &StreamPosition, publications_max| {
        let query =
            JoinQuery { recover: Some(since.as_since()), filter: Some(&wanted), ..JoinQuery::default() };
        recover(&hub, JoinQuery { publications_max, ..query }, NOW)
    };
    assert_eq!(ask(&position, 2), Some(vec!["a".to_owned()]));
    assert_eq!(ask(&seen, 2), Some(vec![]), "what followed is not for the asker");
    assert_eq!(ask(&position, 1), None, "only so many are looked at");
}

fn versioned(hub: &Hub<Arc<Inboxes>>, version: u64, version_epoch: &str) -> Published {
    let publish = Publish { version, version_epoch: version_epoch.into(), ..Publish::default() };
    hub.publish("room", publish, &cache(), NOW).unwrap()
}

#[test]
fn a_version_that_is_not_newer_is_not_taken() {
    let (hub, inboxes) = hub();
    hub.join("room", SHARD, JoinQuery::default(), &cache(), NOW, drop).unwrap();
    // Version, epoch, whether it is taken.
    let table = [
        (3, "a", true),
        (3, "a", false),
        (2, "a", false),
        (3, "", false),
        (4, "", true),
        (4, "a", true), // the latest was told without an epoch, and "a" is another life
        (1, "b", true),
        (2, "a", true), // the epoch before is a new life, too
        (0, "", true),
        (2, "a", false), // one without a version does not make the late one welcome
    ];
    let mut top = 0;
    for (version, epoch, is_taken) in table {
        top += u64::from(is_taken);
        let published = versioned(&hub, version, epoch);
        assert_eq!(
            (published.position.offset, published.is_suppressed),
            (top, !is_taken),
            "{version}@{epoch}"
        );
    }
    let arrived = std::iter::from_fn(|| inboxes.take(SHARD));
    let offsets: Vec<u64> = arrived
        .map(|message| match message {
            Message::Publication(publication) => publication.offset,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(offsets.into_iter().eq(1..=top), "what is not taken is not delivered");
}

#[test]
fn a_version_outlives_the_history_that_carried_it() {
    let (hub, _) = hub();
    versioned(&hub, 7, "");
    hub.remove_history("room");
    assert!(versioned(&hub, 7, "").is_suppressed);
    assert!(!versioned(&hub, 8, "").is_suppressed);
}

#[test]
fn versions_count_only_where_there_is_history() {
    let (hub, _) = hub();
    let publish = |options: &ChannelOptions, skip_history| {
        let publish = Publish { version: 1, skip_history, ..Publish::default() };
        hub.publish("room", publish, options, NOW).unwrap().is_suppressed
    };
    let counted = ChannelOptions { history_size: 0, history_ttl_ms: 0, force_positioning: true, ..cache() };
    assert_eq!([(); 2].map(|()| publish(&ChannelOptions::default(), false)), [false; 2]);
    assert_eq!([(); 2].map(|()| publish(&counted, false)), [false; 2]);
    assert_eq!([(); 2].map(|()| publish(&cache(), true)), [false; 2]);
    assert_eq!([(); 2].map(|()| publish(&cache(), false)), [false, true]);
}
