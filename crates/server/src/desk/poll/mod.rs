//! The poll endpoint: `GET /connection/poll?channels=a,b&since=POSITION&wait=SECONDS`.
//!
//! `refusal` is why there is no answer, `writing` the answer as JSON, `reply` as HTTP. What there is to be
//! had, and whether it may be, the [`Backend`] says; here is what a poll waits for beside publications: its time, the end of its
//! client, and that of the server.

mod refusal;
mod reply;
mod writing;

use std::sync::Arc;
use std::time::Duration;

use hyper::http::request::Parts;
use tokio::sync::{Semaphore, watch};
use tokio::time::sleep;

use self::writing::Writing;
use super::answer::Answer;
use super::backend::Backend;
use super::exchange::Watch;
use super::seats::Seat;
use crate::asked::Asked;
use crate::config::{self, Config};
use crate::polling::PollCall;

/// What waits, whatever configuration it came under.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    /// Polls that may begin to wait.
    places: Arc<Semaphore>,
    places_max: usize,
    /// Answers on their way.
    written: Arc<Writing>,
}

impl Waiting {
    pub(super) fn new(settings: &config::Poll) -> Self {
        let places_max = settings.waiting_limit.min(Semaphore::MAX_PERMITS);
        let written = Arc::new(Writing::new(settings.unsent_max_size));
        Self { places: Arc::new(Semaphore::new(places_max)), places_max, written }
    }

    /// Polls that wait at this moment.
    pub(super) fn polls(&self) -> usize {
        self.places_max - self.places.available_permits()
    }
}

/// Who answers polls.
#[derive(Debug)]
pub(super) struct Polls<B> {
    backend: Arc<B>,
    config: Arc<Config>,
    draining: watch::Receiver<bool>,
    waiting: Waiting,
}

impl<B: Backend> Polls<B> {
    pub(super) fn new(
        backend: Arc<B>,
        config: Arc<Config>,
        draining: watch::Receiver<bool>,
        waiting: Waiting,
    ) -> Self {
        Self { backend, config, draining, waiting }
    }

    /// Answers a poll.
    pub(super) async fn answer(&self, head: &Parts) -> Answer {
        let limit = self.config.client.channel_limit;
        let request = match Asked::of(head.uri.query().unwrap_or_default(), &head.headers, limit) {
            Ok(request) => request,
            Err(problem) => return refusal::bad_request(&problem),
        };
        let wait = request.wait.min(self.config.poll.wait_max);
        let waits = !wait.is_zero() && !*self.draining.borrow();
        let Ok(permit) = waits.then(|| self.waiting.places.try_acquire()).transpose() else {
            return refusal::too_many_wait();
        };
        if let Some(seat) = head.extensions.get::<Arc<Seat>>().filter(|_| waits) {
            seat.is_of_client();
        }
        let Asked { channels, since, token, in_address, .. } = request;
        let call = PollCall { channels, since, token: &token, fields: &head.headers, waits };
        let polled = self.backend.poll(call, self.patience(wait, head)).await;
        drop(permit);
        match polled {
            Ok(page) => match self.waiting.written.write(&page) {
                Some(written) => reply::page(&written, &head.headers, waits || in_address),
                None => refusal::too_many_unsent(),
            },
            Err(refused) => refusal::refused(&refused),
        }
    }

    /// Ends when a poll has waited long enough, or its client may have gone away, or this server is about to.
    async fn patience(&self, wait: Duration, head: &Parts) {
        let mut draining = self.draining.clone();
        // The sender lives as long as the desk, so the wait ends only when it is told to.
        let drained = async { draining.wait_for(|draining| *draining).await.is_ok() };
        let gone = async {
            match head.extensions.get::<Watch>() {
                Some(watch) => watch.gone().await,
                // Over HTTP/2 whoever goes takes the whole exchange along.
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sleep(wait) => {}
            _ = drained => {}
            () = gone => {}
        }
    }
}
