//! Delivers what the lanes have ready.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

use super::lanes::{Batch, Lanes, QueueFull, Settled};
use crate::hooks::events::{Event, Undelivered};
use crate::hooks::handlers::Hooks;
use crate::hooks::kind::Wants;
use crate::hooks::settings::EventSettings;

/// How long a shutdown waits before it looks again, should it have missed the last delivery.
const DRAIN_LOOK: Duration = Duration::from_secs(1);

/// What became of events since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventCounts {
    /// Delivered.
    pub delivered: u64,
    /// Deliveries that failed and were, or will be, tried again.
    pub failures: u64,
    /// Taken and never delivered: too old, or left at the shutdown.
    pub lost: u64,
    /// Not taken, because the queue was full.
    pub refused: u64,
    /// Channels left and occupied again so soon that neither was told, counted as two.
    pub swallowed: u64,
    /// Waiting or under way at this moment.
    pub waiting: usize,
    /// What these take in memory, bytes.
    pub bytes: usize,
}

#[derive(Debug, Default)]
struct Counters {
    delivered: AtomicU64,
    failures: AtomicU64,
    lost: AtomicU64,
    refused: AtomicU64,
    swallowed: AtomicU64,
}

struct Shared {
    lanes: Mutex<Lanes>,
    /// Something is ready, or the queue ends.
    changed: Notify,
    /// Nothing waits and nothing is under way.
    emptied: Notify,
    ended: AtomicBool,
    counters: Counters,
    /// What is delivered; the hooks may be exchanged.
    wants: ArcSwap<Wants>,
    concurrency: usize,
}

/// The queue of events. Dropping it gives up what waits; see [`drain`](Self::drain).
pub struct EventQueue(Arc<Shared>);

impl EventQueue {
    /// Starts to deliver to these hooks, on this runtime. `seed` draws the pauses after failures.
    pub fn start(runtime: &Handle, hooks: Arc<dyn Hooks>, settings: &EventSettings, seed: u64) -> Self {
        let shared = Arc::new(Shared {
            lanes: Mutex::new(Lanes::new(settings.clone(), seed)),
            changed: Notify::new(),
            emptied: Notify::new(),
            ended: AtomicBool::new(false),
            counters: Counters::default(),
            wants: ArcSwap::from_pointee(hooks.wants()),
            concurrency: settings.concurrency.max(1),
        });
        runtime.spawn(dispatch(Arc::clone(&shared), hooks));
        Self(shared)
    }

    /// Whether such events are delivered at all: whoever would have to make one can spare it otherwise.
    pub fn wants(&self) -> Wants {
        **self.0.wants.load()
    }

    /// Such events are delivered from now on.
    pub(crate) fn deliver_only(&self, wants: Wants) {
        self.0.wants.store(Arc::new(wants));
    }

    /// Takes an event for delivery. Never blocks for longer than a few operations on maps take, so that an event loop may
    /// call it, and may do so under a lock of its own; the order of calls is the order of delivery for each session and
    /// each channel. An event that nobody wants is passed over.
    ///
    /// # Errors
    /// When there is no room; it is counted and logged, and the event is lost. Those that wait stay.
    pub fn try_push(&self, event: Event) -> Result<(), QueueFull> {
        if !self.wants().has(event.hook()) {
            return Ok(());
        }
        let name = event.name();
        let pushed = {
            let mut lanes = self.0.lanes();
            // Under the lock, so that nothing is pushed behind the back of a queue that has been cleared.
            if self.0.ended.load(Relaxed) { Err(QueueFull) } else { lanes.push(event, Instant::now()) }
        };
        match pushed {
            Ok(swallowed) => {
                self.0.counters.swallowed.fetch_add(swallowed as u64, Relaxed);
                self.0.changed.notify_one();
                Ok(())
            }
            Err(full) => {
                self.0.refuse(name);
                Err(full)
            }
        }
    }

    /// What became of events since the start.
    pub fn counts(&self) -> EventCounts {
        let Counters { delivered, failures, lost, refused, swallowed } = &self.0.counters;
        let lanes = self.0.lanes();
        EventCounts {
            delivered: delivered.load(Relaxed),
            failures: failures.load(Relaxed),
            lost: lost.load(Relaxed),
            refused: refused.load(Relaxed),
            swallowed: swallowed.load(Relaxed),
            waiting: lanes.len(),
            bytes: lanes.bytes(),
        }
    }

    /// For the shutdown: tells all that waits, at once, and ends the queue when that is done or the time is up. What is left
    /// then is lost, and logged. How many that is.
    ///
    /// Dropping the future leaves the queue working.
    pub async fn drain(&self, limit: Duration) -> usize {
        self.0.lanes().drain(Instant::now());
        self.0.changed.notify_one();
        let emptied = async {
            while self.0.lanes().len() > 0 {
                let _ = tokio::time::timeout(DRAIN_LOOK, self.0.emptied.notified()).await;
            }
        };
        let _ = tokio::time::timeout(limit, emptied).await;
        let (left, under_way) = {
            let mut lanes = self.0.lanes();
            self.0.ended.store(true, Relaxed);
            (lanes.clear(), lanes.len())
        };
        self.0.changed.notify_one();
        self.0.lose(&left, "the server shuts down");
        if under_way > 0 {
            self.0.counters.lost.fetch_add(under_way as u64, Relaxed);
            tracing::warn!(events = under_way, "deliveries under way were cut off by the shutdown");
        }
        left.len() + under_way
    }
}

impl Drop for EventQueue {
    fn drop(&mut self) {
        self.0.ended.store(true, Relaxed);
        self.0.changed.notify_one();
    }
}

impl fmt::Debug for EventQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventQueue").field(&self.counts()).finish()
    }
}

impl Shared {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse(&self, event: &str) {
        let refused = self.counters.refused.fetch_add(1, Relaxed) + 1;
        // Named at 1, 2, 4, 8…: a flood must not become one of the log.
        if refused.is_power_of_two() {
            tracing::warn!(
                event,
                refused,
                "an event for the back end is lost: the queue is full or has ended"
            );
        }
    }

    fn lose(&self, events: &[Event], why: &str) {
        self.counters.lost.fetch_add(events.len() as u64, Relaxed);
        for event in events {
            let Event { sequence, attempt, time_ms, what } = event;
            let (event, client, channel) = (event.name(), what.client(), what.channel());
            tracing::warn!(
                event,
                client,
                channel,
                sequence,
                attempt,
                time_ms,
                "an event for the back end is lost: {why}"
            );
        }
    }

    fn settle(&self, batch: Batch, result: &Result<(), Undelivered>) {
        let key = batch.key.clone();
        let (Settled { delivered, lost }, empty) = {
            let mut lanes = self.lanes();
            let settled = lanes.settle(batch, result, Instant::now());
            (settled, lanes.len() == 0)
        };
        self.counters.delivered.fetch_add(delivered as u64, Relaxed);
        if let Err(Undelivered { problem, .. }) = result {
            let failures = self.counters.failures.fetch_add(1, Relaxed) + 1;
            if failures.is_power_of_two() {
                tracing::warn!(%key, problem, failures, "events for the back end were not delivered, and wait");
            }
        }
        self.lose(&lost, "it was tried for too long");
        if empty {
            self.emptied.notify_one();
        }
    }
}

type Flights = JoinSet<Result<(), Undelivered>>;

async fn dispatch(shared: Arc<Shared>, hooks: Arc<dyn Hooks>) {
    let mut flights = Flights::new();
    // What each of them delivers, also for when it panics.
    let mut batches = HashMap::new();
    while !shared.ended.load(Relaxed) {
        let wakes_at = start(&shared, &hooks, &mut flights, &mut batches);
        let has_room = flights.len() < shared.concurrency;
        tokio::select! {
            () = shared.changed.notified() => {}
            Some(done) = flights.join_next_with_id() => {
                let (id, result) = match done {
                    Ok((id, result)) => (id, result),
                    Err(error) => {
                        let problem = "the handler panicked".to_owned();
                        (error.id(), Err(Undelivered { delivered: 0, problem }))
                    }
                };
                if let Some(batch) = batches.remove(&id) {
                    shared.settle(Arc::unwrap_or_clone(batch), &result);
                }
            }
            // Without room nothing could be started then; the end of a delivery comes first.
            () = sleep_until(wakes_at), if has_room && wakes_at.is_some() => {}
        }
    }
}

/// Starts as many deliveries as there may be, and says when there will be more to start.
fn start(
    shared: &Shared,
    hooks: &Arc<dyn Hooks>,
    flights: &mut Flights,
    batches: &mut HashMap<Id, Arc<Batch>>,
) -> Option<Instant> {
    while flights.len() < shared.concurrency {
        let next = shared.lanes().next(Instant::now());
        let Some(batch) = next.map(Arc::new) else { break };
        let (hooks, events) = (Arc::clone(hooks), Arc::clone(&batch));
        let flight = flights.spawn(async move { deliver(&*hooks, &events.events).await });
        batches.insert(flight.id(), batch);
    }
    shared.lanes().wakes_at()
}

async fn deliver(hooks: &dyn Hooks, events: &[Event]) -> Result<(), Undelivered> {
    let limit = hooks.limit().saturating_mul(u32::try_from(events.len()).unwrap_or(u32::MAX));
    tokio::time::timeout(limit, hooks.deliver(events)).await.unwrap_or_else(|_| {
        Err(Undelivered { delivered: 0, problem: format!("the handler was not done within {limit:?}") })
    })
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
