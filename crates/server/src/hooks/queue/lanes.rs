//! What is to be delivered when. No task and no clock: time is an argument, so that tests say what time it is.
//!
//! Each session and each channel with events has a lane. A lane is ready, under way (one delivery at most, which keeps the
//! order), or rests after a failure. A `vacated` is held for a while first: an `occupied` that comes meanwhile takes it back.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;
use crate::hooks::events::{Event, Undelivered, What};
use crate::hooks::settings::EventSettings;

/// The longest that a lane rests while the queue is emptied for the shutdown.
const DRAIN_BACKOFF_MAX: Duration = Duration::from_millis(200);

/// An event was not taken: as many wait as may, or as many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueFull;

impl fmt::Display for QueueFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue of events is full")
    }
}

impl std::error::Error for QueueFull {}

/// Whose order is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Session(Arc<str>),
    Channel(Arc<str>),
}

impl Key {
    fn of(event: &Event) -> Self {
        match &event.what {
            What::Disconnected(end) => Self::Session(Arc::clone(&end.client)),
            What::Unsubscribed(end) => Self::Session(Arc::clone(&end.client)),
            What::Occupied(channel) | What::Vacated(channel) => Self::Channel(Arc::clone(channel)),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(client) => write!(f, "client {client}"),
            Self::Channel(channel) => write!(f, "channel {channel}"),
        }
    }
}

/// Events of one lane that are delivered together.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub(super) key: Key,
    pub(super) events: Vec<Event>,
    /// When each was queued.
    since: Vec<Instant>,
}

/// What became of a delivery.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// Events that were delivered.
    pub(super) delivered: usize,
    /// Events that are lost, since they are too old to be tried again.
    pub(super) lost: Vec<Event>,
}

#[derive(Debug, Default)]
struct Lane {
    events: VecDeque<Event>,
    /// When each of them was queued.
    since: VecDeque<Instant>,
    under_way: bool,
    /// Deliveries that failed in a row.
    failures: u32,
}

/// A moment, with a number that keeps those of the same moment apart.
type Due = (Instant, u64);

/// All lanes.
#[derive(Debug)]
pub(super) struct Lanes {
    settings: EventSettings,
    backoff: Backoff,
    lanes: HashMap<Key, Lane>,
    /// Lanes with events that nothing keeps from being delivered, each once.
    ready: VecDeque<Key>,
    /// Lanes that rest after a failure.
    resting: BTreeMap<Due, Key>,
    /// Channels that were vacated, and may be occupied again before it is told.
    held: BTreeMap<Due, Event>,
    held_by_channel: HashMap<Arc<str>, Due>,
    /// Of all events here, those under way included.
    events: usize,
    bytes: usize,
    last_due: u64,
    last_sequence: u64,
    draining: bool,
}

impl Lanes {
    pub(super) fn new(settings: EventSettings, seed: u64) -> Self {
        Self {
            backoff: Backoff::new(seed, settings.backoff_min, settings.backoff_max),
            settings,
            lanes: HashMap::new(),
            ready: VecDeque::new(),
            resting: BTreeMap::new(),
            held: BTreeMap::new(),
            held_by_channel: HashMap::new(),
            events: 0,
            bytes: 0,
            last_due: 0,
            last_sequence: 0,
            draining: false,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.events
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes an event, and says how many need not be told because of it: 2 when a channel is occupied again soon enough, itself
    /// included. When there is no room the event is refused and what is there stays: it may be under way, and the oldest are
    /// the first to be given up.
    pub(super) fn push(&mut self, mut event: Event, now: Instant) -> Result<usize, QueueFull> {
        if let What::Occupied(channel) = &event.what
            && let Some(due) = self.held_by_channel.remove(channel)
        {
            if let Some(held) = self.held.remove(&due) {
                self.forget(&held);
            }
            return Ok(2);
        }
        if let What::Vacated(channel) = &event.what
            && self.held_by_channel.contains_key(channel)
        {
            return Ok(1);
        }
        let bytes = event.bytes();
        if self.events >= self.settings.events_max || self.bytes + bytes > self.settings.bytes_max {
            return Err(QueueFull);
        }
        self.events += 1;
        self.bytes += bytes;
        if let What::Occupied(_) | What::Vacated(_) = event.what {
            self.last_sequence += 1;
            event.sequence = self.last_sequence;
        }
        match &event.what {
            What::Vacated(channel) if !self.draining => {
                let due = self.due(now + self.settings.channel_vacated_delay);
                self.held_by_channel.insert(Arc::clone(channel), due);
                self.held.insert(due, event);
            }
            _ => self.enqueue(event, now),
        }
        Ok(0)
    }

    fn enqueue(&mut self, event: Event, now: Instant) {
        let key = Key::of(&event);
        let lane = self.lanes.entry(key.clone()).or_default();
        let was_empty = lane.events.is_empty();
        lane.events.push_back(event);
        lane.since.push_back(now);
        // An empty lane is not ready; one that has failed has what failed in it.
        if was_empty && !lane.under_way {
            self.ready.push_back(key);
        }
    }

    /// What may be delivered at this time, in the order in which it became so.
    pub(super) fn next(&mut self, now: Instant) -> Option<Batch> {
        self.wake(now);
        let key = self.ready.pop_front()?;
        let lane = self.lanes.get_mut(&key)?;
        let hook = lane.events.front()?.hook();
        let longest = lane.events.len().min(self.settings.batch_max.max(1));
        let count = lane.events.iter().take(longest).take_while(|event| event.hook() == hook).count();
        let mut events: Vec<_> = lane.events.drain(..count).collect();
        for event in &mut events {
            event.attempt = event.attempt.saturating_add(1);
        }
        lane.under_way = true;
        Some(Batch { key, events, since: lane.since.drain(..count).collect() })
    }

    /// Moves what has waited long enough to where it is delivered from.
    fn wake(&mut self, now: Instant) {
        while let Some(entry) = self.resting.first_entry()
            && entry.key().0 <= now
        {
            self.ready.push_back(entry.remove());
        }
        while let Some(entry) = self.held.first_entry()
            && (entry.key().0 <= now || self.draining)
        {
            let event = entry.remove();
            if let What::Vacated(channel) = &event.what {
                self.held_by_channel.remove(channel);
            }
            self.enqueue(event, now);
        }
    }

    /// When [`next`](Self::next) may have something that it has not now, unless something is pushed or settled before.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        let resting = self.resting.first_key_value().map(|((at, _), _)| *at);
        let held = self.held.first_key_value().map(|((at, _), _)| *at);
        resting.into_iter().chain(held).min()
    }

    /// Takes back a batch after its delivery.
    pub(super) fn settle(&mut self, batch: Batch, result: &Result<(), Undelivered>, now: Instant) -> Settled {
        let Batch { key, events, since } = batch;
        let delivered = match result {
            Ok(()) => events.len(),
            Err(undelivered) => undelivered.delivered.min(events.len()),
        };
        let mut settled = Settled { delivered, lost: Vec::new() };
        let cleared = !self.lanes.contains_key(&key);
        let mut again = Vec::new();
        for (place, (event, since)) in events.into_iter().zip(since).enumerate() {
            if place < delivered {
                self.forget(&event);
            } else if cleared || now.saturating_duration_since(since) >= self.settings.give_up_after {
                self.forget(&event);
                settled.lost.push(event);
            } else {
                again.push((event, since));
            }
        }
        self.land(key, again, result.is_ok(), now);
        settled
    }

    /// Puts what has to be tried again before what has come since, and says when the lane goes on.
    fn land(&mut self, key: Key, again: Vec<(Event, Instant)>, success: bool, now: Instant) {
        let Some(lane) = self.lanes.get_mut(&key) else { return };
        lane.under_way = false;
        for (event, since) in again.into_iter().rev() {
            lane.events.push_front(event);
            lane.since.push_front(since);
        }
        if lane.events.is_empty() {
            self.lanes.remove(&key);
            return;
        }
        if success {
            lane.failures = 0;
            self.ready.push_back(key);
            return;
        }
        lane.failures = lane.failures.saturating_add(1);
        let failures = lane.failures;
        let pause = self.backoff.pause(failures);
        let pause = if self.draining { pause.min(DRAIN_BACKOFF_MAX) } else { pause };
        let due = self.due(now + pause);
        self.resting.insert(due, key);
    }

    /// From here on nothing is held, and lanes rest only briefly.
    pub(super) fn drain(&mut self, now: Instant) {
        self.draining = true;
        for (_, key) in std::mem::take(&mut self.resting) {
            self.ready.push_back(key);
        }
        self.wake(now);
    }

    /// Takes out all that waits; what is under way stays.
    pub(super) fn clear(&mut self) -> Vec<Event> {
        let held = std::mem::take(&mut self.held).into_values();
        let waiting = std::mem::take(&mut self.lanes).into_values().flat_map(|lane| lane.events);
        let all: Vec<_> = held.chain(waiting).collect();
        self.ready.clear();
        self.resting.clear();
        self.held_by_channel.clear();
        for event in &all {
            self.forget(event);
        }
        all
    }

    fn forget(&mut self, event: &Event) {
        self.events -= 1;
        self.bytes -= event.bytes();
    }

    fn due(&mut self, at: Instant) -> Due {
        self.last_due += 1;
        (at, self.last_due)
    }
}
