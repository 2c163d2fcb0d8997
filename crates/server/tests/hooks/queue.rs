//! The limits of the queue of events, channels that flap, and the end.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};
use wavecast_server::hooks::{EventQueue, EventSettings, Handlers, Hook, QueueFull, Wants};

use crate::recorder::{Random, Recorder, Say, disconnected, emptied, occupied, queue, unsubscribed, vacated};

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
