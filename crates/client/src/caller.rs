//! How requests of all handles get to the task, and their answers back.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::data::Data;
use crate::error::RequestError;
use crate::inbox::Command;
use crate::options::Options;
use crate::request::{Answer, HistoryPage, HistoryQuery, Presence, PresenceStats, Question, Request};

/// What every handle has of the client. As long as there is one the client goes on.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) options: Arc<Options>,
    /// How many requests may be under way at once, over all handles.
    places: Arc<Semaphore>,
}

impl Caller {
    pub(crate) fn new(commands: mpsc::Sender<Command>, options: Arc<Options>) -> Self {
        let places = options.requests_max.clamp(1, Semaphore::MAX_PERMITS);
        Self { commands, options, places: Arc::new(Semaphore::new(places)) }
    }

    pub(crate) async fn publish(&self, channel: &str, data: Data) -> Result<(), RequestError> {
        let data = self.encodable(data)?;
        self.ask(Question::Publish { channel: channel.to_owned(), data }, Answer::Done).await
    }

    pub(crate) async fn rpc(&self, method: &str, data: Data) -> Result<Data, RequestError> {
        let data = self.encodable(data)?;
        self.ask(Question::Rpc { method: method.to_owned(), data }, Answer::Rpc).await
    }

    pub(crate) async fn send(&self, data: Data) -> Result<(), RequestError> {
        let data = self.encodable(data)?;
        self.ask(Question::Send { data }, Answer::Done).await
    }

    pub(crate) async fn presence(&self, channel: &str) -> Result<Presence, RequestError> {
        self.ask(Question::Presence { channel: channel.to_owned() }, Answer::Presence).await
    }

    pub(crate) async fn presence_stats(&self, channel: &str) -> Result<PresenceStats, RequestError> {
        self.ask(Question::PresenceStats { channel: channel.to_owned() }, Answer::PresenceStats).await
    }

    pub(crate) async fn history(
        &self,
        channel: &str,
        query: HistoryQuery,
    ) -> Result<HistoryPage, RequestError> {
        let answer = |to| Answer::History(to, channel.to_owned());
        self.ask(Question::History { channel: channel.to_owned(), query }, answer).await
    }

    fn encodable(&self, data: Data) -> Result<Data, RequestError> {
        data.encodable(self.options.encoding).map_err(RequestError::Data)
    }

    async fn ask<T>(
        &self,
        question: Question,
        answer: impl FnOnce(oneshot::Sender<Result<T, RequestError>>) -> Answer,
    ) -> Result<T, RequestError> {
        let deadline = Instant::now() + self.options.request_timeout;
        let (reply, answered) = oneshot::channel();
        let handed_over = timeout_at(deadline, async {
            let place = self.places.clone().acquire_owned().await.map_err(|_| RequestError::Closed)?;
            let request = Request { question, deadline, answer: answer(reply), place: Arc::new(place) };
            self.commands.send(Command::Request(request)).await.map_err(|_| RequestError::Closed)
        });
        handed_over.await.map_err(|_| RequestError::NotSent)??;
        answered.await.map_err(|_| RequestError::Closed)?
    }
}

/// The JSON of what the user gave.
pub(crate) fn json(data: &(impl Serialize + ?Sized)) -> Result<Data, RequestError> {
    Data::json(data).map_err(RequestError::Data)
}
