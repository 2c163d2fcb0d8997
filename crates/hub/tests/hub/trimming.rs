//! Making room: the oldest history goes, and nobody is told that nothing is missing.

use crate::inboxes::Inboxes;
use std::sync::{Arc, Mutex, Weak};
use wavecast_hub::{
    ChannelOptions, Delivery, Event, HistoryQuery, Hub, HubLimits, JoinQuery, Publication, Publish, Recovery,
    ShardId, StreamPosition,
};

const NOW: u64 = 1_700_000_000_000;

fn kept() -> ChannelOptions {
    ChannelOptions {
        history_size: 100,
        history_ttl_ms: 100_000,
        history_meta_ttl_ms: 1_000_000,
        allow_recovery: true,
        ..ChannelOptions::default()
    }
}

#[test]
fn trimming_drops_the_oldest_and_is_a_gap() {
    let hub = Hub::new(HubLimits { stripes: 1, ..HubLimits::default() }, 1, Inboxes::new(1, 64));
    let options = kept();
    let publish = |channel: &str, now_ms| {
        let publish = Publish { data: vec![b'x'; 1000].into(), ..Publish::default() };
        hub.publish(channel, publish, &options, now_ms).unwrap().position
    };
    // The idle channel's are older than all but one of the busy one's.
    let first = publish("busy", NOW);
    let idle = [1, 2, 3].map(|ms| publish("idle", NOW + ms));
    let busy: Vec<StreamPosition> = (4..14).map(|ms| publish("busy", NOW + ms)).collect();
    let before = hub.stats().bytes_history;

    assert_eq!(hub.trim_history(0).publications, 0);
    let trimmed = hub.trim_history(3000);
    assert!(trimmed.publications == 3 && trimmed.bytes >= 3000, "{trimmed:?}");
    assert_eq!(hub.stats().bytes_history, before - trimmed.bytes);
    let recovery = |channel: &str, position: &StreamPosition| {
        let query = JoinQuery { recover: Some(position.as_since()), ..JoinQuery::default() };
        let mut recovery = None;
        hub.join(channel, ShardId(0), query, &options, NOW + 20, |joined| recovery = Some(joined.recovery))
            .unwrap();
        match recovery.unwrap() {
            Recovery::Recovered(missed) => Some(missed.len()),
            _ => None,
        }
    };
    assert_eq!(recovery("busy", &StreamPosition { offset: 0, ..first.clone() }), None);
    assert_eq!(recovery("busy", &first), Some(10));
    assert_eq!([0, 1, 2].map(|at| recovery("idle", &idle[at])), [None, Some(1), Some(0)]);

    hub.trim_history(usize::MAX);
    assert_eq!(hub.stats().bytes_history, 0);
    assert_eq!((recovery("busy", &busy[8]), recovery("busy", &busy[9])), (None, Some(0)));
    assert_eq!(publish("busy", NOW + 30), StreamPosition { offset: 12, ..first });
}

#[test]
fn trimming_is_bounded_and_goes_on() {
    let hub = Hub::new(HubLimits::default(), 1, Inboxes::new(1, 64));
    const CHANNELS: usize = 30_000;
    for index in 0..CHANNELS {
        hub.publish(&format!("room{index}"), Publish::default(), &kept(), NOW).unwrap();
    }
    let enough = hub.stats().bytes_history / 2;
    let mut calls = 0;
    while let too_many @ 1.. = hub.stats().bytes_history.saturating_sub(enough) {
        let trimmed = hub.trim_history(too_many);
        assert!(trimmed.publications <= 16 * 1024 && trimmed.bytes < too_many + 1000, "{trimmed:?}");
        calls += 1;
        assert!(calls < 50, "it does not go on");
    }
    assert!(calls > 1 && hub.stats().bytes_history > enough - 1000, "{calls}");
}

/// Looks, whenever a stripe is locked that something is pushed from, whether a publication still lives.
#[derive(Default)]
struct Witness {
    watched: Mutex<Weak<Publication>>,
    seen: Mutex<Vec<bool>>,
}

impl Witness {
    fn look(&self) {
        let lives = self.watched.lock().unwrap().strong_count() > 0;
        self.seen.lock().unwrap().push(lives);
    }
}

impl Delivery for Witness {
    fn reserve(&self, _: ShardId) -> bool {
        true
    }
    fn release(&self, _: ShardId) {}
    fn push(&self, _: ShardId, _: Event) {
        self.look();
    }
    fn wake(&self, _: ShardId) {}
}

/// Whoever waits for the lock must not wait until a long history has been freed.
#[test]
fn what_has_expired_is_dropped_when_the_lock_is_free() {
    let publish = |hub: &Hub<Arc<Witness>>, options: &ChannelOptions, now_ms| {
        hub.publish("room", Publish { data: vec![b'x'; 100].into(), ..Publish::default() }, options, now_ms)
            .unwrap();
    };
    let one = ChannelOptions { history_size: 1, ..kept() };
    let none = ChannelOptions::default();
    // A publication, a join and a page of history when the time is up; one that has no place; a channel that keeps none.
    for (name, options, later) in [
        ("publish", kept(), NOW + 200_000),
        ("join", kept(), NOW + 200_000),
        ("history", kept(), NOW + 200_000),
        ("publish", one, NOW + 1),
        ("publish", none.clone(), NOW + 1),
        ("join", none, NOW + 1),
    ] {
        let witness = Arc::new(Witness::default());
        let hub = Hub::new(HubLimits::default(), 1, Arc::clone(&witness));
        hub.join("room", ShardId(0), JoinQuery::default(), &kept(), NOW, |_| {}).unwrap();
        publish(&hub, &kept(), NOW);
        let all = HistoryQuery { limit: -1, ..HistoryQuery::default() };
        let page = hub.history("room", all, &kept(), NOW).unwrap();
        *witness.watched.lock().unwrap() = Arc::downgrade(&page.publications[0]);
        drop(page);
        witness.seen.lock().unwrap().clear();
        match name {
            "publish" => publish(&hub, &options, later),
            "join" => {
                let query = JoinQuery::default();
                hub.join("room", ShardId(0), query, &options, later, |_| witness.look()).unwrap();
            }
            _ => {
                assert!(hub.history("room", all, &options, later).unwrap().publications.is_empty());
                witness.seen.lock().unwrap().push(true);
            }
        }
        assert_eq!(*witness.seen.lock().unwrap(), [true], "{name} with {options:?}: under the lock");
        assert_eq!(witness.watched.lock().unwrap().strong_count(), 0, "{name} with {options:?}: afterwards");
    }
}
