//! The poll endpoint: `GET /connection/poll?channels=a,b&since=POSITION&wait=SECONDS`.
//!
//! `refusal` is why there is no answer, `writing` the answer as JSON, `reply` as HTTP. What there is to be
//! had, and whether it may be, the [`Backend`] says; here is what a poll waits for beside publications: its time, the end of its
//! client, and that of the server.

mod refusal;
mod reply;
mod writing;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use hyper::http::request::Parts;
use tokio::sync::watch;
use tokio::time::sleep;

use self::writing::Writing;
use super::answer::Answer;
use super::backend::Backend;
use super::exchange::Watch;
use super::seats::Seat;
use crate::asked::Asked;
use crate::config::{self, Config};
use crate::metrics::{PollOutcome, PollTally};
use crate::polling::PollCall;

/// What waits, whatever configuration it came under.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    tally: Arc<PollTally>,
    polls_max: usize,
    /// Answers on their way.
    written: Arc<Writing>,
}

impl Waiting {
    pub(super) fn new(settings: &config::Poll, tally: &Arc<PollTally>) -> Self {
        let written = Arc::new(Writing::new(settings.unsent_max_size, Arc::clone(tally)));
        Self { tally: Arc::clone(tally), polls_max: settings.waiting_limit, written }
    }

    /// Polls that wait at this moment.
    pub(super) fn polls(&self) -> usize {
        self.tally.waiting()
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
    pub(super) async fn answer(&self, head: &Parts, peer: SocketAddr) -> Answer {
        let polled = self.polled(head, peer).await;
        let (answer, outcome) = polled.unwrap_or_else(|refusal| (refusal, PollOutcome::Refused));
        self.waiting.tally.outcome(outcome).add(1);
        answer
    }

    /// The answer to a poll, and what it tells; or why there is none.
    async fn polled(&self, head: &Parts, peer: SocketAddr) -> Result<(Answer, PollOutcome), Answer> {
        let limit = self.config.client.channel_limit;
        let request = Asked::of(head.uri.query().unwrap_or_default(), &head.headers, limit)
            .map_err(|problem| refusal::bad_request(&problem))?;
        let wait = request.wait.min(self.config.poll.wait_max);
        let waits = !wait.is_zero() && !*self.draining.borrow();
        let place = match waits {
            true => Some(self.waiting.tally.wait(self.waiting.polls_max).ok_or_else(refusal::too_many_wait)?),
            false => None,
        };
        if let Some(seat) = head.extensions.get::<Arc<Seat>>().filter(|_| waits) {
            seat.is_of_client();
        }
        let Asked { channels, since, token, in_address, .. } = request;
        let address = peer.ip();
        let call = PollCall { channels, since, token: &token, fields: &head.headers, address, waits };
        let page = self.backend.poll(call, self.patience(wait, head)).await;
        drop(place);
        let page = page.map_err(|refused| refusal::refused(&refused))?;
        let written = self.waiting.written.write(&page).ok_or_else(refusal::too_many_unsent)?;
        let answer = reply::page(&written, &head.headers, waits || in_address);
        if answer.status() == StatusCode::NOT_MODIFIED {
            return Ok((answer, PollOutcome::Nothing));
        }
        self.waiting.tally.publications.add(page.publications.len() as u64);
        let outcome = match (page.gaps.is_empty(), page.publications.is_empty()) {
            (false, _) => PollOutcome::Gap,
            (true, false) => PollOutcome::Publications,
            (true, true) => PollOutcome::Nothing,
        };
        Ok((answer, outcome))
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
