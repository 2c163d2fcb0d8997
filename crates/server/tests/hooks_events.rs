//! The queue of events: order, retries, limits and the end, with a clock that tests move.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

mod backend;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backend::Backend;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};
use wavecast_server::hooks::{
    Disconnected, Event, EventQueue, EventSettings, Handlers, Hook, HttpHooks, HttpSettings, QueueFull,
    Unsubscribed, Wants, What,
};

const ALL: [Hook; 3] = [Hook::Disconnected, Hook::Unsubscribed, Hook::Occupancy];

/// Writes down what it is told, and when; refuses, delays or panics as it is told to.
struct Recorder {
    seen: Mutex<Vec<(Instant, Event)>>,
    say: Box<dyn Fn(&Event) -> Say + Send + Sync>,
    under_way: Mutex<(usize, usize)>,
}

enum Say {
    Yes,
    After(Duration),
    No,
    Panic,
}

impl Recorder {
    fn new(say: impl Fn(&Event) -> Say + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { seen: Mutex::default(), say: Box::new(say), under_way: Mutex::default() })
    }

    async fn told(&self, event: &Event) -> Result<(), String> {
        {
            let mut under_way = self.under_way.lock().unwrap();
            under_way.0 += 1;
            under_way.1 = under_way.1.max(under_way.0);
        }
        let said = (self.say)(event);
        if let Say::After(pause) = said {
            sleep(pause).await;
        }
        self.under_way.lock().unwrap().0 -= 1;
        match said {
            Say::Yes | Say::After(_) => {
                self.seen.lock().unwrap().push((Instant::now(), event.clone()));
                Ok(())
            }
            Say::No => Err("not now".into()),
            Say::Panic => panic!("a handler that panics"),
        }
    }

    fn seen(&self) -> Vec<Event> {
        self.seen.lock().unwrap().iter().map(|(_, event)| event.clone()).collect()
    }

    fn names(&self) -> Vec<String> {
        let name = |event: &Event| match &event.what {
            What::Occupied(channel) => format!("+{channel}"),
            What::Vacated(channel) => format!("-{channel}"),
            What::Disconnected(end) => format!("disconnected {}", end.client),
            What::Unsubscribed(end) => format!("unsubscribed {}", end.client),
        };
        self.seen().iter().map(name).collect()
    }
}

struct Told(Arc<Recorder>);

impl Handlers for Told {
    fn wants(&self) -> Wants {
        ALL.into_iter().collect()
    }

    async fn disconnected(&self, event: &Event, _: &Disconnected) -> Result<(), String> {
        self.0.told(event).await
    }

    async fn unsubscribed(&self, event: &Event, _: &Unsubscribed) -> Result<(), String> {
        self.0.told(event).await
    }

    async fn occupied(&self, event: &Event, _: &str) -> Result<(), String> {
        self.0.told(event).await
    }

    async fn vacated(&self, event: &Event, _: &str) -> Result<(), String> {
        self.0.told(event).await
    }
}

fn queue(recorder: &Arc<Recorder>, settings: &EventSettings) -> EventQueue {
    EventQueue::start(&Handle::current(), Arc::new(Told(Arc::clone(recorder))), settings, 1)
}

fn unsubscribed(client: &str, sequence: u64) -> Event {
    let channel = format!("channel-{sequence}").as_str().into();
    Event::unsubscribed(
        sequence,
        1,
        Unsubscribed { client: client.into(), channel, ..Unsubscribed::default() },
    )
}

fn disconnected(client: &str, sequence: u64) -> Event {
    Event::disconnected(sequence, 1, Disconnected { client: client.into(), ..Disconnected::default() })
}

fn occupied(channel: &str) -> Event {
    Event::occupied(channel.into(), 1)
}

fn vacated(channel: &str) -> Event {
    Event::vacated(channel.into(), 1)
}

/// Randomness from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

async fn emptied(queue: &EventQueue) {
    for _ in 0..100_000 {
        if queue.counts().waiting == 0 {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not become empty: {queue:?}");
}

#[tokio::test(start_paused = true)]
async fn a_session_is_told_in_order_and_alone() {
    let recorder = Recorder::new(|_| Say::After(Duration::from_millis(10)));
    let queue = queue(&recorder, &EventSettings::default());
    for sequence in 1..=100 {
        queue.try_push(unsubscribed("a", sequence)).unwrap();
    }
    queue.try_push(disconnected("a", 101)).unwrap();
    emptied(&queue).await;
    let sequences: Vec<_> = recorder.seen().iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, (1..=101).collect::<Vec<_>>());
    assert_eq!(recorder.under_way.lock().unwrap().1, 1);
    assert_eq!(queue.counts().delivered, 101);
}

#[tokio::test(start_paused = true)]
async fn sessions_are_told_side_by_side_within_the_limit() {
    let recorder = Recorder::new(|_| Say::After(Duration::from_secs(1)));
    let queue = queue(&recorder, &EventSettings { concurrency: 8, ..EventSettings::default() });
    for client in 0..80 {
        queue.try_push(disconnected(&client.to_string(), 1)).unwrap();
    }
    let began = Instant::now();
    emptied(&queue).await;
    assert_eq!(recorder.under_way.lock().unwrap().1, 8);
    assert!((10..12).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_fails_holds_nobody_else_up() {
    let recorder = Recorder::new(|event| if event.what.client() == Some("bad") { Say::No } else { Say::Yes });
    let queue = queue(&recorder, &EventSettings { concurrency: 1, ..EventSettings::default() });
    for sequence in 1..=5 {
        queue.try_push(unsubscribed("bad", sequence)).unwrap();
        queue.try_push(unsubscribed("good", sequence)).unwrap();
    }
    sleep(Duration::from_secs(1)).await;
    assert_eq!(recorder.names(), vec!["unsubscribed good"; 5]);
    assert_eq!(queue.counts().waiting, 5);
}

#[tokio::test(start_paused = true)]
async fn what_failed_comes_again_where_it_failed() {
    // The third of five fails twice.
    let fails = Mutex::new(2);
    let recorder = Recorder::new(move |event| {
        let mut fails = fails.lock().unwrap();
        if event.sequence == 3 && *fails > 0 {
            *fails -= 1;
            return Say::No;
        }
        Say::Yes
    });
    let queue = queue(&recorder, &EventSettings::default());
    for sequence in 1..=5 {
        queue.try_push(unsubscribed("a", sequence)).unwrap();
    }
    emptied(&queue).await;
    let told: Vec<_> = recorder.seen().iter().map(|event| (event.sequence, event.attempt)).collect();
    assert_eq!(told, [(1, 1), (2, 1), (3, 3), (4, 3), (5, 3)]);
    let counts = queue.counts();
    assert_eq!((counts.delivered, counts.failures, counts.lost), (5, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_has_failed() {
    let panics = Mutex::new(1);
    let recorder = Recorder::new(move |_| {
        let mut panics = panics.lock().unwrap();
        if *panics > 0 {
            *panics -= 1;
            return Say::Panic;
        }
        Say::Yes
    });
    let queue = queue(&recorder, &EventSettings::default());
    queue.try_push(disconnected("a", 1)).unwrap();
    emptied(&queue).await;
    assert_eq!(recorder.seen()[0].attempt, 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_is_lost_and_counted() {
    let recorder = Recorder::new(|event| if event.sequence == 1 { Say::No } else { Say::Yes });
    let settings = EventSettings { give_up_after: Duration::from_secs(60), ..EventSettings::default() };
    let queue = queue(&recorder, &settings);
    queue.try_push(unsubscribed("a", 1)).unwrap();
    sleep(Duration::from_secs(59)).await;
    queue.try_push(unsubscribed("a", 2)).unwrap();
    assert!(recorder.seen().is_empty());
    sleep(Duration::from_secs(120)).await;
    assert_eq!(recorder.seen().iter().map(|event| event.sequence).collect::<Vec<_>>(), [2]);
    let counts = queue.counts();
    assert_eq!((counts.lost, counts.delivered, counts.waiting, counts.bytes), (1, 1, 0, 0));
    assert!(counts.failures > 5);
}

#[tokio::test(start_paused = true)]
async fn retries_back_off() {
    let recorder = Recorder::new(|_| Say::No);
    let queue = queue(&recorder, &EventSettings::default());
    queue.try_push(disconnected("a", 1)).unwrap();
    sleep(Duration::from_secs(3000)).await;
    let failures = queue.counts().failures;
    // A pause is 10 s on average once it has grown.
    assert!((200..450).contains(&failures), "{failures}");
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_and_keeps_what_it_has() {
    let recorder = Recorder::new(|_| Say::After(Duration::from_secs(1)));
    let queue = queue(&recorder, &EventSettings { events_max: 10, ..EventSettings::default() });
    for sequence in 1..=15 {
        let pushed = queue.try_push(disconnected(&sequence.to_string(), sequence));
        assert_eq!(pushed, if sequence <= 10 { Ok(()) } else { Err(QueueFull) });
    }
    assert_eq!((queue.counts().waiting, queue.counts().refused), (10, 5));
    emptied(&queue).await;
    assert_eq!(queue.counts().bytes, 0);
    let told: BTreeSet<_> = recorder.seen().iter().map(|event| event.sequence).collect();
    assert_eq!(told, (1..=10).collect());
    queue.try_push(disconnected("16", 16)).unwrap();
}

#[tokio::test(start_paused = true)]
async fn bytes_are_a_limit_too() {
    let recorder = Recorder::new(|_| Say::Yes);
    let queue = queue(&recorder, &EventSettings { bytes_max: 10_000, ..EventSettings::default() });
    let large = "x".repeat(4000);
    queue.try_push(disconnected(&large, 1)).unwrap();
    queue.try_push(occupied(&large)).unwrap();
    assert_eq!(queue.try_push(disconnected(&large, 2)), Err(QueueFull));
    emptied(&queue).await;
    assert_eq!(recorder.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_flaps_is_not_told_of() {
    let recorder = Recorder::new(|_| Say::Yes);
    let queue = queue(&recorder, &EventSettings::default());
    queue.try_push(occupied("a")).unwrap();
    for _ in 0..10_000 {
        queue.try_push(vacated("a")).unwrap();
        queue.try_push(occupied("a")).unwrap();
        assert!(queue.counts().waiting <= 1, "nothing heaps up");
    }
    sleep(Duration::from_millis(2000)).await;
    assert_eq!(recorder.names(), ["+a"]);
    assert_eq!(queue.counts().swallowed, 20_000);
    queue.try_push(vacated("a")).unwrap();
    sleep(Duration::from_millis(999)).await;
    assert_eq!(recorder.names(), ["+a"], "it waits");
    queue.try_push(vacated("a")).unwrap();
    sleep(Duration::from_millis(2)).await;
    assert_eq!(recorder.names(), ["+a", "-a"]);
    queue.try_push(occupied("a")).unwrap();
    sleep(Duration::from_millis(1)).await;
    assert_eq!(recorder.names(), ["+a", "-a", "+a"]);
    let sequences: Vec<_> = recorder.seen().iter().map(|event| event.sequence).collect();
    assert!(sequences.is_sorted(), "{sequences:?}");
}

#[tokio::test(start_paused = true)]
async fn a_channel_alternates_whatever_happens() {
    let random = Mutex::new(Random(99));
    let recorder = Recorder::new(move |_| match random.lock().unwrap().below(3) {
        0 => Say::No,
        1 => Say::After(Duration::from_millis(300)),
        _ => Say::Yes,
    });
    let queue = queue(&recorder, &EventSettings::default());
    let mut random = Random(5);
    let mut is_occupied = [false; 5];
    for _ in 0..2000 {
        let channel = usize::try_from(random.below(5)).unwrap();
        let name = channel.to_string();
        is_occupied[channel] = !is_occupied[channel];
        queue.try_push(if is_occupied[channel] { occupied(&name) } else { vacated(&name) }).unwrap();
        sleep(Duration::from_millis(random.below(500))).await;
    }
    emptied(&queue).await;
    for (channel, is_occupied) in is_occupied.into_iter().enumerate() {
        let of_channel = |name: &String| name[1..] == channel.to_string();
        let names: Vec<_> = recorder.names().into_iter().filter(of_channel).collect();
        assert!(names.len() > 10 && names[0].starts_with('+'), "{names:?}");
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        assert_eq!(names.last().unwrap().starts_with('+'), is_occupied);
    }
}

#[tokio::test(start_paused = true)]
async fn the_shutdown_tells_what_waits_without_delays() {
    let fails = Mutex::new(3);
    let recorder = Recorder::new(move |_| {
        let mut fails = fails.lock().unwrap();
        if *fails > 0 {
            *fails -= 1;
            return Say::No;
        }
        Say::Yes
    });
    let slow = EventSettings {
        backoff_min: Duration::from_secs(1000),
        backoff_max: Duration::from_secs(1000),
        channel_vacated_delay: Duration::from_secs(1000),
        ..EventSettings::default()
    };
    let queue = queue(&recorder, &slow);
    queue.try_push(disconnected("a", 1)).unwrap();
    queue.try_push(vacated("c")).unwrap();
    sleep(Duration::from_secs(1)).await;
    assert!(recorder.seen().is_empty());
    let began = Instant::now();
    assert_eq!(queue.drain(Duration::from_secs(30)).await, 0);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    let names: BTreeSet<_> = recorder.names().into_iter().collect();
    assert_eq!(names, ["disconnected a".to_owned(), "-c".to_owned()].into());
    assert_eq!(queue.try_push(disconnected("b", 1)), Err(QueueFull), "it has ended");
}

#[tokio::test(start_paused = true)]
async fn the_shutdown_waits_no_longer_than_its_time() {
    let recorder = Recorder::new(|event| match event.what.client() {
        Some("hangs") => Say::After(Duration::from_secs(1000)),
        _ => Say::No,
    });
    let queue = queue(&recorder, &EventSettings::default());
    queue.try_push(disconnected("hangs", 1)).unwrap();
    queue.try_push(disconnected("fails", 1)).unwrap();
    queue.try_push(vacated("held")).unwrap();
    let began = Instant::now();
    assert_eq!(queue.drain(Duration::from_secs(2)).await, 3);
    assert_eq!(began.elapsed().as_secs(), 2);
    assert_eq!(queue.counts().lost, 3);
    assert!(recorder.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_nobody_wants_is_not_kept() {
    struct Deaf;
    impl Handlers for Deaf {
        fn wants(&self) -> Wants {
            Wants::NOTHING.and(Hook::Disconnected)
        }
    }
    let queue = EventQueue::start(&Handle::current(), Arc::new(Deaf), &EventSettings::default(), 1);
    queue.try_push(unsubscribed("a", 1)).unwrap();
    queue.try_push(occupied("a")).unwrap();
    assert_eq!(queue.counts().waiting, 0);
    queue.try_push(disconnected("a", 1)).unwrap();
    assert_eq!(queue.counts().waiting, 1);
}

/// 10,000 events of 300 sessions to a back end that fails at random, over HTTP: each session's events come in order, none is
/// lost, and one comes twice only where the back end took it and then failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_with_a_back_end_that_fails_at_random() {
    const SESSIONS: u64 = 300;
    const EVENTS: u64 = 10_000;
    /// Sequence and attempt of what each session was told.
    type Took = BTreeMap<String, Vec<(u64, u64)>>;
    let took: Arc<Mutex<Took>> = Arc::default();
    let random = Arc::new(Mutex::new(Random(0x5eed)));
    let log = Arc::clone(&took);
    let backend = Backend::start(move |asked| {
        let luck = random.lock().unwrap().below(10);
        if luck >= 2 {
            // Taken, but with 2 the answer is a failure all the same.
            let mut log = log.lock().unwrap();
            for event in asked.json()["events"].as_array().unwrap() {
                let seen = log.entry(event["client"].as_str().unwrap().to_owned()).or_default();
                seen.push((event["sequence"].as_u64().unwrap(), event["attempt"].as_u64().unwrap()));
            }
        }
        Box::pin(async move {
            match luck {
                0 => (503, String::new()),
                1 => (200, r#"{"error":{"code":100,"message":"not now"}}"#.to_owned()),
                2 => (500, String::new()),
                _ => (200, r#"{"result":{}}"#.to_owned()),
            }
        })
    })
    .await;
    let own = [Hook::Disconnected, Hook::Unsubscribed].map(|kind| (kind, backend.settings("/events")));
    let settings = HttpSettings { own: own.into(), ..HttpSettings::default() };
    let hooks = Arc::new(HttpHooks::new(&settings).unwrap());
    let events = EventSettings {
        backoff_min: Duration::from_millis(1),
        backoff_max: Duration::from_millis(20),
        ..EventSettings::default()
    };
    let queue = EventQueue::start(&Handle::current(), hooks, &events, 7);
    let mut random = Random(0xe7e4);
    let mut pushed = BTreeMap::new();
    for _ in 0..EVENTS {
        let client = format!("session-{}", random.below(SESSIONS));
        let sequence = pushed.entry(client.clone()).and_modify(|count| *count += 1).or_insert(1_u64);
        let event = if *sequence % 20 == 0 {
            disconnected(&client, *sequence)
        } else {
            unsubscribed(&client, *sequence)
        };
        queue.try_push(event).unwrap();
        if random.below(50) == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }
    assert_eq!(queue.drain(Duration::from_secs(120)).await, 0);
    let counts = queue.counts();
    assert_eq!((counts.delivered, counts.lost, counts.refused, counts.bytes), (EVENTS, 0, 0, 0));
    let took = took.lock().unwrap();
    for (client, count) in &pushed {
        let mut expected = 1;
        for &(sequence, attempt) in &took[client] {
            if sequence < expected {
                assert!(attempt > 1, "{client}: {sequence} comes again without saying so");
            } else {
                assert_eq!(sequence, expected, "{client}: {:?}", took[client]);
                expected += 1;
            }
        }
        assert_eq!(expected, count + 1, "{client}");
    }
}
