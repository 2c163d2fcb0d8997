//! Requests of the user that have exactly one answer: publish and history.

use tokio::sync::oneshot;
use tokio::time::Instant;
use wavecast_protocol::centrifuge::{self, HistoryRequest, PublishRequest, Res};

use crate::error::{RequestError, ServerError};
use crate::publication::{Publication, StreamPosition};

/// What part of a channel's history is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Most publications: 0 asks for the position alone, a negative number for as many as the server
    /// gives. Default: -1.
    pub limit: i32,
    /// Begin behind this position. Default: at the stream's beginning, or its end in reverse.
    pub since: Option<StreamPosition>,
    /// The newest first. Default: no.
    pub reverse: bool,
}

impl Default for HistoryQuery {
    fn default() -> Self {
        Self { limit: -1, since: None, reverse: false }
    }
}

/// A part of a channel's history.
#[derive(Debug, Clone)]
pub struct HistoryPage {
    /// The publications, in the order that was asked for.
    pub publications: Vec<Publication>,
    /// The top of the stream.
    pub position: StreamPosition,
}

/// A request on its way, and where its answer goes.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) question: Question,
    /// An answer, if only "too late", is given by then.
    pub(crate) deadline: Instant,
    pub(crate) answer: Answer,
}

#[derive(Debug)]
pub(crate) enum Question {
    /// The data is JSON without line breaks.
    Publish {
        channel: String,
        data: Vec<u8>,
    },
    History {
        channel: String,
        query: HistoryQuery,
    },
}

#[derive(Debug)]
pub(crate) enum Answer {
    Publish(oneshot::Sender<Result<(), RequestError>>),
    History(oneshot::Sender<Result<HistoryPage, RequestError>>, String),
}

impl Question {
    pub(crate) fn to_protocol(&self) -> centrifuge::Request<'_> {
        match self {
            Self::Publish { channel, data } => centrifuge::Request::Publish(PublishRequest {
                channel: channel.into(),
                data,
                ..PublishRequest::default()
            }),
            Self::History { channel, query } => centrifuge::Request::History(HistoryRequest {
                channel: channel.into(),
                limit: query.limit,
                since: query.since.as_ref().map(|since| centrifuge::StreamPosition {
                    offset: since.offset,
                    epoch: since.epoch.as_str().into(),
                }),
                reverse: query.reverse,
            }),
        }
    }
}

impl Answer {
    /// Passes the server's answer on; false if it does not fit the question. The user may have given
    /// up waiting, which is no concern here.
    pub(crate) fn give(self, body: Result<Res<'_>, centrifuge::Error>) -> bool {
        match (self, body) {
            (answer, Err(error)) => answer.fail(RequestError::Refused(ServerError::from(error))),
            (Self::Publish(to), Ok(Res::Publish)) => drop(to.send(Ok(()))),
            (Self::History(to, channel), Ok(Res::History(result))) => {
                let channel = channel.into();
                let page = HistoryPage {
                    publications: result
                        .publications
                        .iter()
                        .map(|publication| Publication::new(std::sync::Arc::clone(&channel), publication))
                        .collect(),
                    position: StreamPosition { offset: result.offset, epoch: result.epoch.into_owned() },
                };
                drop(to.send(Ok(page)));
            }
            (answer, Ok(_)) => {
                answer.fail(RequestError::ConnectionLost);
                return false;
            }
        }
        true
    }

    pub(crate) fn fail(self, error: RequestError) {
        match self {
            Self::Publish(to) => drop(to.send(Err(error))),
            Self::History(to, _) => drop(to.send(Err(error))),
        }
    }
}

impl From<centrifuge::Error> for ServerError {
    fn from(error: centrifuge::Error) -> Self {
        Self { code: error.code, message: error.message.into_owned(), temporary: error.temporary }
    }
}
