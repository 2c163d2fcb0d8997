//! Publications with an idempotency key, of the API or of a hook, happen once: who asks again gets the first answer.
//!
//! Kept in this node's memory, per channel and key, for `http_api.idempotency_ttl` (5 minutes), at most
//! `http_api.idempotency_cache_size` of them (65,536); beyond, the oldest is forgotten.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;
use wavecast_hub::StreamPosition;
use wavecast_protocol::centrifuge::Error;

/// The longest key, in bytes.
pub(crate) const KEY_BYTES_MAX: usize = 255;

/// What was published under which key.
#[derive(Debug)]
pub struct Idempotency {
    remembered: Mutex<Remembered>,
    ttl: Duration,
    keys_max: usize,
}

/// Filled when the publication has its place; empty while it is on its way, or if it failed.
type Outcome = Arc<OnceCell<StreamPosition>>;

#[derive(Debug, Default)]
struct Remembered {
    by_name: HashMap<Arc<str>, Outcome>,
    /// The same names, the oldest first.
    by_age: VecDeque<(Instant, Arc<str>)>,
}

impl Idempotency {
    /// Remembers keys for a time, and at most so many.
    pub fn new(ttl: Duration, keys_max: usize) -> Self {
        Self { remembered: Mutex::default(), ttl, keys_max }
    }

    /// Publishes, unless that has been done under this key: then the place it got then is the answer. While another
    /// request is at it this one waits, and takes over if the other fails.
    ///
    /// # Errors
    /// What the publication fails with; then nothing is remembered.
    pub async fn once(
        &self,
        channel: &str,
        key: &str,
        publish: impl Future<Output = Result<StreamPosition, Error>>,
    ) -> Result<StreamPosition, Error> {
        let outcome = self.outcome(channel, key);
        outcome.get_or_try_init(|| publish).await.cloned()
    }

    /// The same for those who must not wait. Where another request with the key is on its way at this moment both may
    /// publish.
    ///
    /// # Errors
    /// What the publication fails with; then nothing is remembered.
    pub(crate) fn once_now(
        &self,
        channel: &str,
        key: &str,
        publish: impl FnOnce() -> Result<StreamPosition, Error>,
    ) -> Result<StreamPosition, Error> {
        let outcome = self.outcome(channel, key);
        if let Some(position) = outcome.get() {
            return Ok(position.clone());
        }
        let position = publish()?;
        outcome.set(position.clone()).ok();
        Ok(position)
    }

    fn outcome(&self, channel: &str, key: &str) -> Outcome {
        // The length keeps a channel that ends like a key begins apart from another pair.
        let name: Arc<str> = format!("{}:{channel}{key}", channel.len()).into();
        let now = Instant::now();
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.forget(|age, count| count > self.keys_max || now.duration_since(age) >= self.ttl);
        if let Some(outcome) = remembered.by_name.get(&name) {
            return Arc::clone(outcome);
        }
        remembered.forget(|_, count| count >= self.keys_max);
        let outcome = Outcome::default();
        remembered.by_name.insert(Arc::clone(&name), Arc::clone(&outcome));
        remembered.by_age.push_back((now, name));
        outcome
    }
}

impl Remembered {
    /// Forgets from the oldest on, as long as its age or the count is reason to.
    fn forget(&mut self, is_reason: impl Fn(Instant, usize) -> bool) {
        while let Some((age, _)) = self.by_age.front() {
            if !is_reason(*age, self.by_age.len()) {
                break;
            }
            if let Some((_, name)) = self.by_age.pop_front() {
                self.by_name.remove(&name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Counter(AtomicU64);

    impl Counter {
        async fn publish(&self) -> Result<StreamPosition, Error> {
            let offset = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            Ok(StreamPosition { offset, epoch: "e".into() })
        }
    }

    async fn offset(cache: &Idempotency, counter: &Counter, channel: &str, key: &str) -> u64 {
        cache.once(channel, key, counter.publish()).await.unwrap().offset
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_counts_per_channel_and_for_its_time() {
        let (cache, counter) = (Idempotency::new(Duration::from_secs(300), 10), Counter(AtomicU64::new(0)));
        assert_eq!(offset(&cache, &counter, "a", "k").await, 1);
        assert_eq!(offset(&cache, &counter, "a", "k").await, 1);
        assert_eq!(offset(&cache, &counter, "b", "k").await, 2);
        assert_eq!(offset(&cache, &counter, "ak", "").await, 3, "channel and key do not run together");
        tokio::time::advance(Duration::from_secs(299)).await;
        assert_eq!(offset(&cache, &counter, "a", "k").await, 1);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(offset(&cache, &counter, "a", "k").await, 4);
    }

    #[tokio::test]
    async fn the_oldest_is_forgotten_when_there_are_too_many() {
        let (cache, counter) = (Idempotency::new(Duration::from_secs(300), 2), Counter(AtomicU64::new(0)));
        for key in ["1", "2", "3"] {
            offset(&cache, &counter, "a", key).await;
        }
        assert_eq!(offset(&cache, &counter, "a", "2").await, 2);
        assert_eq!(offset(&cache, &counter, "a", "3").await, 3);
        assert_eq!(offset(&cache, &counter, "a", "1").await, 4, "forgotten");
        let remembered = cache.remembered.lock().unwrap();
        assert_eq!((remembered.by_name.len(), remembered.by_age.len()), (2, 2));
    }

    #[tokio::test]
    async fn a_failure_is_not_remembered() {
        let (cache, counter) = (Idempotency::new(Duration::from_secs(300), 2), Counter(AtomicU64::new(0)));
        let failed = cache.once("a", "k", async { Err(Error::TOO_MANY_REQUESTS) }).await;
        assert_eq!(failed, Err(Error::TOO_MANY_REQUESTS));
        assert_eq!(offset(&cache, &counter, "a", "k").await, 1);
    }

    #[tokio::test]
    async fn two_at_the_same_time_publish_once() {
        let (cache, counter) = (Idempotency::new(Duration::from_secs(300), 2), Counter(AtomicU64::new(0)));
        let slow = async {
            tokio::task::yield_now().await;
            counter.publish().await
        };
        let (first, second) =
            tokio::join!(cache.once("a", "k", slow), cache.once("a", "k", counter.publish()));
        assert_eq!((first.unwrap().offset, second.unwrap().offset), (1, 1));
    }
}
