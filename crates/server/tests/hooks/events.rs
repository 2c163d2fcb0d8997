//! The queue of events: order, and retries until an event is too old, with a clock that tests move.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};
use wavecast_server::hooks::{EventQueue, EventSettings, Hook, HttpHooks, HttpSettings};

use crate::backend::Backend;
use crate::recorder::{Random, Recorder, Say, disconnected, emptied, queue, unsubscribed};

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
