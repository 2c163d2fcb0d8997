//! Making room: the oldest history goes, and nobody is told that nothing is missing.

use crate::inboxes::Inboxes;
use wavecast_hub::{ChannelOptions, Hub, HubLimits, JoinQuery, Publish, Recovery, ShardId, StreamPosition};

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
