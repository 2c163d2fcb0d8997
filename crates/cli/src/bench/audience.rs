//! Resilient clients, all of them with a journal for each of their channels.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use wavecast_client::{Client, Options, StreamPosition, SubscribeOptions, Subscription, SubscriptionEvent};

use super::journal::{Counts, Journal};
use super::ledger::Ledger;

/// Each client subscribes to so many of the channels.
pub(super) const SUBSCRIPTIONS_PER_CLIENT: usize = 4;
/// What made the run void, and nobody has asked for yet: the first of it is enough.
const TROUBLES_PENDING_MAX: usize = 1;

/// What clients were told, who live as long as their subscriptions: in the runtime that they were opened in.
#[derive(Debug)]
pub(super) struct Audience {
    /// With the channel's number.
    journals: Vec<(usize, Arc<Mutex<Journal>>)>,
    visits: Arc<Mutex<Visits>>,
    troubles: mpsc::Receiver<String>,
}

/// When clients came in and were sent out, in order.
#[derive(Debug, Default)]
struct Visits {
    arrivals: Vec<Instant>,
    closes: Vec<Instant>,
}

impl Audience {
    /// Starts clients for `url`, each with some of the channels.
    pub(super) async fn open(url: &str, count: u32, channels: &[String], seed: u64) -> Result<Self, String> {
        Self::open_with(url, count, channels, |number| options(seed.wrapping_add(number))).await
    }

    /// The same with options of the caller's for each.
    pub(super) async fn open_with(
        url: &str,
        count: u32,
        channels: &[String],
        options: impl Fn(u64) -> Options,
    ) -> Result<Self, String> {
        let (trouble, troubles) = mpsc::channel(TROUBLES_PENDING_MAX);
        let mut audience = Self { journals: Vec::new(), visits: Arc::default(), troubles };
        for number in 0..count as usize {
            let client = Client::connect(url, options(number as u64));
            let client = client.map_err(|error| error.to_string())?;
            // Neighbours have other channels, so that every channel is on many connections.
            for place in 0..SUBSCRIPTIONS_PER_CLIENT.min(channels.len()) {
                let channel = (number * SUBSCRIPTIONS_PER_CLIENT + place) % channels.len();
                let wish = SubscribeOptions { recoverable: true, ..SubscribeOptions::default() };
                let subscription = client.subscribe_with(&channels[channel], wish).await;
                let subscription = subscription.map_err(|error| error.to_string())?;
                let journal = Arc::new(Mutex::new(Journal::default()));
                // One for each client.
                let visits = (place == 0).then(|| Arc::clone(&audience.visits));
                tokio::spawn(follow(subscription, Arc::clone(&journal), visits, trouble.clone()));
                audience.journals.push((channel, journal));
            }
        }
        Ok(audience)
    }

    pub(super) fn subscriptions(&self) -> u64 {
        self.journals.len() as u64
    }

    /// How many subscriptions have stood.
    pub(super) fn begun(&self) -> u64 {
        self.journals.iter().filter(|(_, journal)| lock(journal).has_begun()).count() as u64
    }

    /// How many subscriptions have come to where the publishers have.
    pub(super) fn caught_up(&self, ledger: &Ledger) -> u64 {
        let caught_up = |(channel, journal): &&(usize, Arc<Mutex<Journal>>)| {
            lock(journal).has_reached(ledger.latest(*channel))
        };
        self.journals.iter().filter(caught_up).count() as u64
    }

    /// When clients have come in since then.
    pub(super) fn arrivals_since(&self, begun: Instant) -> Vec<Instant> {
        lock(&self.visits).arrivals.iter().copied().filter(|at| *at > begun).collect()
    }

    /// When clients have lost their connection since then.
    pub(super) fn closes_since(&self, begun: Instant) -> Vec<Instant> {
        lock(&self.visits).closes.iter().copied().filter(|at| *at > begun).collect()
    }

    /// Subscriptions that never came to where their channel stood, as the marks have it.
    pub(super) fn behind(&self, marks: &[Option<StreamPosition>]) -> u64 {
        let is_behind = |(channel, journal): &&(usize, Arc<Mutex<Journal>>)| {
            marks.get(*channel).and_then(Option::as_ref).is_some_and(|mark| !lock(journal).has_passed(mark))
        };
        self.journals.iter().filter(is_behind).count() as u64
    }

    /// Subscriptions that were not told of one gap.
    pub(super) fn not_told_once(&self) -> u64 {
        self.journals.iter().filter(|(_, journal)| lock(journal).gaps() != 1).count() as u64
    }

    /// Fails when a subscription has ended for good.
    pub(super) fn check(&mut self) -> Result<(), String> {
        self.troubles.try_recv().map_or(Ok(()), Err)
    }

    /// Sums up everything that was told.
    pub(super) fn close(&self, ledger: &Ledger) -> Counts {
        let mut sum = Counts::default();
        for (channel, journal) in &self.journals {
            sum += lock(journal).close(*channel, ledger);
        }
        sum
    }
}

/// Quick to notice and quick to come back: a run has no time to lose.
fn options(seed: u64) -> Options {
    Options {
        reconnect_delay_min: Duration::from_millis(50),
        reconnect_delay_max: Duration::from_secs(2),
        ping_delay_max: Duration::from_secs(1),
        jitter_seed: Some(seed),
        ..Options::default()
    }
}

async fn follow(
    mut subscription: Subscription,
    journal: Arc<Mutex<Journal>>,
    visits: Option<Arc<Mutex<Visits>>>,
    trouble: mpsc::Sender<String>,
) {
    while let Some(event) = subscription.next().await {
        if let Some(visits) = &visits {
            match &event {
                SubscriptionEvent::Subscribed { .. } => lock(visits).arrivals.push(Instant::now()),
                SubscriptionEvent::Interrupted(_) => lock(visits).closes.push(Instant::now()),
                _ => {}
            }
        }
        let taken = lock(&journal).take(&event);
        if let Err(reason) = taken {
            let _ = trouble.try_send(format!("channel {}: {reason}", subscription.channel()));
            return;
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
