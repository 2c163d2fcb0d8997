//! Publishers that go on whatever happens to the server, and keep the ledger of what it tells them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;
use wavecast_client::StreamPosition;

use super::control::PublishRoute;
use super::ledger::Ledger;
use super::publisher::Api;
use super::stamp::{self, Stamp};

/// They share the channels; each channel has one, so that the order of its publications is known.
const PUBLISHERS_MAX: usize = 4;
/// Rest of a publisher that nobody answers.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);
/// What a publisher has missed longer ago than this is not made up for.
const LATE_MAX: Duration = Duration::from_secs(1);
/// For the first publication in a channel, and for the last.
const CONFIRMATION_WAIT: Duration = Duration::from_secs(20);

/// Publishers at work, each in a thread.
#[derive(Debug)]
pub(super) struct Press {
    office: Arc<Office>,
    publishers: Vec<JoinHandle<Result<(), String>>>,
}

/// What the publishers share.
#[derive(Debug)]
struct Office {
    channels: Vec<String>,
    payload_bytes: usize,
    /// Between two publications of one publisher.
    interval: Duration,
    route: Mutex<PublishRoute>,
    ledger: Mutex<Ledger>,
    ended: AtomicBool,
}

impl Press {
    /// Starts to publish, by the HTTP API at `route`, so many publications a second to all channels by turns.
    pub(super) fn start(route: PublishRoute, channels: Vec<String>, payload_bytes: usize, rate: u32) -> Self {
        let publishers = channels.len().clamp(1, PUBLISHERS_MAX);
        let office = Arc::new(Office {
            interval: Duration::from_secs(1).mul_f64(publishers as f64 / f64::from(rate.max(1))),
            ledger: Mutex::new(Ledger::new(channels.len())),
            channels,
            payload_bytes,
            route: Mutex::new(route),
            ended: AtomicBool::new(false),
        });
        let publish = |number: usize| {
            let office = Arc::clone(&office);
            thread::spawn(move || Publisher { office, connection: None, number, of: publishers }.run())
        };
        let publishers = (0..publishers).map(publish).collect();
        Self { office, publishers }
    }

    /// The server is there from now on.
    pub(super) fn move_to(&self, route: PublishRoute) {
        *lock(&self.office.route) = route;
    }

    /// Where the latest publication of each channel stands that the server has confirmed.
    pub(super) fn latest(&self) -> Vec<Option<StreamPosition>> {
        let ledger = lock(&self.office.ledger);
        (0..self.office.channels.len()).map(|channel| ledger.latest(channel).cloned()).collect()
    }

    /// Fails when a publisher has given up.
    pub(super) fn check(&mut self) -> Result<(), String> {
        match self.publishers.iter().position(JoinHandle::is_finished) {
            Some(place) => join(self.publishers.swap_remove(place)),
            None => Ok(()),
        }
    }

    /// Asks for the end: one more publication in each channel, that has to be confirmed.
    pub(super) fn end(&self) {
        self.office.ended.store(true, Ordering::Relaxed);
    }

    /// Whether all of them have ended.
    pub(super) fn has_ended(&self) -> bool {
        self.publishers.iter().all(JoinHandle::is_finished)
    }

    /// Waits for the end, and hands out the ledger.
    pub(super) fn close(self) -> Result<Ledger, String> {
        self.end();
        self.publishers.into_iter().try_for_each(join)?;
        Ok(std::mem::replace(&mut *lock(&self.office.ledger), Ledger::new(0)))
    }
}

fn join(publisher: JoinHandle<Result<(), String>>) -> Result<(), String> {
    publisher.join().map_err(|_| "a publisher panicked")?
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Publisher {
    office: Arc<Office>,
    connection: Option<Api>,
    /// Its channels are every `of`-th from this one on.
    number: usize,
    of: usize,
}

impl Publisher {
    fn run(mut self) -> Result<(), String> {
        let channels: Vec<usize> = (self.number..self.office.channels.len()).step_by(self.of).collect();
        let mut sequences = vec![0; channels.len()];
        for (&channel, sequence) in channels.iter().zip(&mut sequences) {
            self.confirm(channel, sequence)?;
        }
        let mut due = Instant::now();
        for place in (0..channels.len()).cycle() {
            due = (due + self.office.interval).max(Instant::now().checked_sub(LATE_MAX).unwrap_or(due));
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if self.office.ended.load(Ordering::Relaxed) {
                break;
            }
            // A server that is away will be back, or the last publication is not confirmed.
            if self.publish(channels[place], &mut sequences[place]).is_err() {
                thread::sleep(RETRY_INTERVAL);
            }
        }
        let ends = channels.iter().zip(&mut sequences);
        ends.into_iter().try_for_each(|(&channel, sequence)| self.confirm(channel, sequence))
    }

    /// Publishes until it has been confirmed.
    fn confirm(&mut self, channel: usize, sequence: &mut u32) -> Result<(), String> {
        let begun = Instant::now();
        while let Err(reason) = self.publish(channel, sequence) {
            if begun.elapsed() > CONFIRMATION_WAIT {
                return Err(format!("publishing by the HTTP API: {reason}"));
            }
            thread::sleep(RETRY_INTERVAL);
        }
        Ok(())
    }

    /// Publishes once. A sequence number that was sent is never used again: it may have been taken.
    fn publish(&mut self, channel: usize, sequence: &mut u32) -> Result<(), String> {
        let mut api = match self.connection.take() {
            Some(api) => api,
            None => {
                let route = lock(&self.office.route).clone();
                Api::open(&route)?
            }
        };
        *sequence += 1;
        let name = Value::from(self.office.channels[channel].as_str());
        let mut body = format!(r#"{{"channel":{name},"data":"#).into_bytes();
        let stamp = Stamp { sent_ns: stamp::now_ns(), sequence: *sequence };
        stamp::write_payload(stamp, self.office.payload_bytes, &mut body);
        body.push(b'}');
        let position = api.publish(&body).and_then(|answer| position(&answer));
        let mut ledger = lock(&self.office.ledger);
        match position {
            Ok(position) => {
                ledger.confirm(channel, *sequence, position);
                self.connection = Some(api);
                Ok(())
            }
            Err(reason) => {
                ledger.note_unanswered(channel, *sequence);
                Err(reason)
            }
        }
    }
}

/// Where the server says that a publication stands.
fn position(answer: &[u8]) -> Result<StreamPosition, String> {
    #[derive(Deserialize)]
    struct Answer {
        result: Place,
    }
    #[derive(Deserialize)]
    struct Place {
        #[serde(default)]
        offset: u64,
        #[serde(default)]
        epoch: String,
    }
    let Answer { result } = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
    if result.offset == 0 || result.epoch.is_empty() {
        return Err("the channel keeps no history: a publication has no position".into());
    }
    Ok(StreamPosition { offset: result.offset, epoch: result.epoch })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publication_has_a_position_or_was_not_confirmed() {
        let place = position(br#"{"result":{"offset":3,"epoch":"e"}}"#);
        assert_eq!(place, Ok(StreamPosition { offset: 3, epoch: "e".into() }));
        for answer in [r#"{"result":{}}"#, r#"{"error":{"code":111}}"#, "", r#"{"result":{"offset":3}}"#] {
            assert!(position(answer.as_bytes()).is_err(), "{answer}");
        }
    }
}
