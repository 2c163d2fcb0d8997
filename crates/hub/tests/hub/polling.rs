//! Polls: what follows a position, in parts that continue exactly, and the next publication, which nobody waits past.

use crate::inboxes::Inboxes;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex};
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;
use wavecast_hub::{
    ChannelOptions, Hub, HubLimits, PollError, PollQuery, Polled, Publish, RecoveryMode, Since,
    StreamPosition, WaitTicket,
};

const NOW: u64 = 1_000_000;

/// Three publications are kept for ten seconds, the position for a thousand.
fn kept() -> ChannelOptions {
    ChannelOptions {
        history_size: 3,
        history_ttl_ms: 10_000,
        history_meta_ttl_ms: 1_000_000,
        ..ChannelOptions::default()
    }
}

fn hub() -> Hub<Arc<Inboxes>> {
    Hub::new(HubLimits::default(), 1, Inboxes::new(1, 4))
}

fn publish(hub: &Hub<Arc<Inboxes>>) -> StreamPosition {
    hub.publish("room", Publish::default(), &kept(), NOW).unwrap().position
}

fn poll(hub: &Hub<Arc<Inboxes>>, since: Option<&StreamPosition>, publications_max: usize) -> Polled {
    let query =
        PollQuery { since: since.map(StreamPosition::as_since), publications_max, ..PollQuery::default() };
    hub.poll("room", query, &kept(), NOW, None).unwrap()
}

fn offsets(polled: &Polled) -> Vec<u64> {
    polled.publications.iter().map(|publication| publication.offset).collect()
}

/// Counts how often it rings, and can be waited for.
#[derive(Default)]
struct Bell {
    rung: AtomicUsize,
    is_rung: Mutex<bool>,
    rings: Condvar,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.fetch_add(1, Ordering::SeqCst);
        *self.is_rung.lock().unwrap() = true;
        self.rings.notify_all();
    }
}

impl Bell {
    fn rung(&self) -> usize {
        self.rung.load(Ordering::SeqCst)
    }

    /// Waits for it; `false` if it is silent for so long that nobody can be about to ring it.
    fn wait(&self) -> bool {
        let patience = Duration::from_secs(20);
        let waited = self.rings.wait_timeout_while(self.is_rung.lock().unwrap(), patience, |rung| !*rung);
        *waited.unwrap().0
    }
}

fn wait(hub: &Hub<Arc<Inboxes>>, bell: &Arc<Bell>, since: Option<&StreamPosition>) -> Option<WaitTicket> {
    let query = PollQuery { since: since.map(StreamPosition::as_since), ..PollQuery::default() };
    hub.poll("room", query, &kept(), NOW, Some(&Waker::from(Arc::clone(bell)))).unwrap().waiting
}

#[test]
fn whoever_names_no_position_is_told_where_now_is() {
    let hub = hub();
    let polled = poll(&hub, None, 300);
    assert_eq!((offsets(&polled), polled.position.offset), (vec![], 0));
    let top = publish(&hub);
    assert_eq!(poll(&hub, None, 300), Polled { position: top.clone(), ..Polled::default() });
    let polled = poll(&hub, Some(&polled.position), 300);
    assert_eq!((offsets(&polled), &polled.position, polled.is_gap), (vec![1], &top, false));
}

#[test]
fn a_part_is_continued_exactly() {
    let hub = hub();
    let mut position = poll(&hub, None, 300).position;
    (0..3).for_each(|_| drop(publish(&hub)));
    for (expected, has_more) in [(vec![1, 2], true), (vec![3], false), (vec![], false)] {
        let polled = poll(&hub, Some(&position), 2);
        assert_eq!((offsets(&polled), polled.has_more, polled.is_gap), (expected, has_more, false));
        position = polled.position;
    }
    let least = poll(&hub, Some(&StreamPosition { offset: 0, ..position }), 0);
    assert_eq!(offsets(&least), [1], "a poll always gets on");
}

#[test]
fn what_is_not_there_any_more_is_a_gap_with_a_way_on() {
    let hub = hub();
    let before = poll(&hub, None, 300).position;
    let top = (0..4).map(|_| publish(&hub)).last().unwrap();
    let gap = Polled { position: top.clone(), is_gap: true, ..Polled::default() };
    assert_eq!(poll(&hub, Some(&before), 300), gap, "the first of four has gone");
    let other_life = StreamPosition { offset: 3, epoch: "other".into() };
    assert_eq!(poll(&hub, Some(&other_life), 300), gap);
    let ahead = StreamPosition { offset: 5, ..top.clone() };
    assert_eq!(poll(&hub, Some(&ahead), 300), gap);
    assert_eq!(offsets(&poll(&hub, Some(&StreamPosition { offset: 1, ..top }), 300)), [2, 3, 4]);
}

#[test]
fn a_cache_has_its_latest_for_whoever_lacks_it() {
    let hub = hub();
    let asked = |since, auto_cache_recover| {
        let query =
            PollQuery { since, mode: RecoveryMode::Cache, auto_cache_recover, ..PollQuery::default() };
        let polled = hub.poll("room", query, &kept(), NOW, None).unwrap();
        (offsets(&polled), polled.position.offset, polled.is_gap)
    };
    assert_eq!(asked(None, true), (vec![], 0, false), "nothing was named, so nothing is missing");
    let top = (0..4).map(|_| publish(&hub)).last().unwrap();
    assert_eq!(asked(None, false), (vec![], 4, false));
    assert_eq!(asked(None, true), (vec![4], 4, false));
    assert_eq!(asked(Some(Since { offset: 1, epoch: &top.epoch }), false), (vec![4], 4, false));
    assert_eq!(asked(Some(top.as_since()), false), (vec![], 4, false));
    hub.remove_history("room");
    assert_eq!(asked(Some(Since { offset: 1, epoch: &top.epoch }), false), (vec![], 4, true));
}

#[test]
fn a_channel_without_a_stream_cannot_be_polled() {
    let hub = Hub::new(HubLimits { channels_max: 1, ..HubLimits::default() }, 1, Inboxes::new(1, 4));
    let asked = |channel, options: &ChannelOptions| {
        hub.poll(channel, PollQuery::default(), options, NOW, None).map(|polled| polled.position.offset)
    };
    assert_eq!(asked("room", &ChannelOptions::default()), Err(PollError::NoStream));
    assert_eq!(asked("room", &kept()), Ok(0));
    assert_eq!(asked("hall", &kept()), Err(PollError::ChannelLimit));
}

#[test]
fn the_next_publication_wakes_whoever_waits_once() {
    let (hub, bell, other) = (hub(), Arc::<Bell>::default(), Arc::<Bell>::default());
    let ticket = wait(&hub, &bell, None).expect("there is nothing yet");
    let others = wait(&hub, &other, None).expect("nor for anybody else");
    assert_ne!(ticket, others);
    hub.stop_waiting("room", others);
    assert_eq!((bell.rung(), Arc::strong_count(&other)), (0, 1), "nothing is kept of who has gone");
    let skipped = Publish { skip_history: true, ..Publish::default() };
    hub.publish("room", skipped, &kept(), NOW).unwrap();
    assert_eq!(bell.rung(), 0, "what has no place cannot be polled");
    let top = publish(&hub);
    publish(&hub);
    assert_eq!((bell.rung(), other.rung(), Arc::strong_count(&bell)), (1, 0, 1));
    hub.stop_waiting("room", ticket);
    assert_eq!(wait(&hub, &bell, Some(&top)), None, "there is something already");
    assert_eq!(
        wait(&hub, &bell, Some(&StreamPosition { offset: 9, ..top })),
        None,
        "a gap is not waited for"
    );
}

#[test]
fn a_stream_that_ends_wakes_whoever_waits() {
    let (hub, bell) = (hub(), Arc::<Bell>::default());
    wait(&hub, &bell, None).unwrap();
    let plain = ChannelOptions::default();
    hub.publish("room", Publish::default(), &plain, NOW).unwrap();
    assert_eq!(bell.rung(), 1);
    wait(&hub, &bell, None).unwrap();
    drop(hub);
    assert_eq!(bell.rung(), 2);
}

#[test]
fn a_stream_that_is_waited_for_is_not_forgotten() {
    let (hub, bell) = (hub(), Arc::<Bell>::default());
    let ticket = wait(&hub, &bell, None).unwrap();
    let bytes = hub.stats().bytes_channels;
    let sweep = |now_ms| while hub.expire(now_ms).channels > 0 {};
    sweep(NOW * 1000);
    assert_eq!((hub.stats().channels, bell.rung()), (1, 0));
    hub.stop_waiting("room", ticket);
    assert!(hub.stats().bytes_channels < bytes, "who waits is counted");
    sweep(NOW * 1000);
    assert_eq!(hub.stats().channels, 0);
}

/// What happens between two polls of a client.
#[derive(Debug, Clone)]
enum Act {
    Publish,
    /// So many at most; whether the client gets the answer.
    Poll(usize, bool),
    RemoveHistory,
    Forget,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => Just(Act::Publish),
        6 => (1..4_usize, any::<bool>()).prop_map(|(max, arrives)| Act::Poll(max, arrives)),
        1 => Just(Act::RemoveHistory),
        1 => Just(Act::Forget),
    ];
    proptest::collection::vec(act, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// A client whose answers may get lost, and which then asks again from where it was, has each publication once and in
    /// order, or is told of a gap in the place where one is missing.
    #[test]
    fn each_publication_once_or_a_gap(acts in acts()) {
        let hub = hub();
        let mut now_ms = NOW;
        // Publications are told apart by their data: offsets begin again with a new life.
        let (mut published, mut seen) = (0_u32, 0_u32);
        let mut position = hub.poll("room", PollQuery::default(), &kept(), now_ms, None).unwrap().position;
        for act in acts {
            match act {
                Act::Publish => {
                    published += 1;
                    let publish = Publish { data: published.to_be_bytes().into(), ..Publish::default() };
                    hub.publish("room", publish, &kept(), now_ms).unwrap();
                }
                Act::RemoveHistory => hub.remove_history("room"),
                Act::Forget => {
                    now_ms += 2_000_000;
                    while hub.expire(now_ms).channels > 0 {}
                }
                Act::Poll(publications_max, arrives) => {
                    let since = Some(position.as_since());
                    let query = PollQuery { since, publications_max, ..PollQuery::default() };
                    let polled = hub.poll("room", query, &kept(), now_ms, None).unwrap();
                    if !arrives {
                        continue;
                    }
                    prop_assert!(polled.publications.len() <= publications_max);
                    if polled.is_gap {
                        prop_assert!(polled.publications.is_empty() && !polled.has_more);
                        // The client loads its state anew, which has all that was published.
                        seen = published;
                    }
                    for publication in &polled.publications {
                        seen += 1;
                        prop_assert_eq!(&*publication.data, &seen.to_be_bytes()[..]);
                    }
                    prop_assert!(polled.has_more || seen == published, "{} of {}", seen, published);
                    position = polled.position;
                }
            }
        }
    }
}

/// Publishers, and clients that poll and wait: whoever waits is woken by what it has not seen, and nothing comes twice.
#[test]
fn nobody_waits_past_a_publication() {
    const PUBLISHERS: usize = 3;
    const CLIENTS: usize = 4;
    const PUBLICATIONS: u64 = 3_000;
    let options = ChannelOptions { history_size: 100_000, history_ttl_ms: 1_000_000, ..kept() };
    let (hub, options) = (Arc::new(hub()), Arc::new(options));
    let all = PUBLISHERS as u64 * PUBLICATIONS;
    let start = Arc::new(Barrier::new(PUBLISHERS + CLIENTS));
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|_| {
            let (hub, options, start) = (Arc::clone(&hub), Arc::clone(&options), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                for count in 0..PUBLICATIONS {
                    hub.publish("room", Publish::default(), &options, NOW).unwrap();
                    if count % 64 == 0 {
                        thread::sleep(Duration::from_micros(200));
                    }
                }
            })
        })
        .collect();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (hub, options, start) = (Arc::clone(&hub), Arc::clone(&options), Arc::clone(&start));
            thread::spawn(move || {
                let mut position =
                    hub.poll("room", PollQuery::default(), &options, NOW, None).unwrap().position;
                assert_eq!(position.offset, 0);
                start.wait();
                let mut tickets = BTreeSet::new();
                while position.offset < all {
                    let bell = Arc::<Bell>::default();
                    let query = PollQuery { since: Some(position.as_since()), ..PollQuery::default() };
                    let waker = Waker::from(Arc::clone(&bell));
                    let polled = hub.poll("room", query, &options, NOW, Some(&waker)).unwrap();
                    assert!(!polled.is_gap);
                    for publication in &polled.publications {
                        assert_eq!(publication.offset, position.offset + 1, "lost, repeated or out of order");
                        position.offset += 1;
                    }
                    assert_eq!(position, polled.position);
                    if let Some(ticket) = polled.waiting {
                        assert!(tickets.insert(format!("{ticket:?}")), "a ticket is given once");
                        assert!(bell.wait(), "nobody rang, and {} of {all} are here", position.offset);
                        assert_eq!(bell.rung(), 1);
                    }
                }
            })
        })
        .collect();
    publishers.into_iter().chain(clients).for_each(|thread| thread.join().unwrap());
}
