//! Requests of the user that have exactly one answer: publish, rpc, presence, history.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;
use wavecast_protocol::centrifuge::{
    self, HistoryRequest, HistoryResult, PresenceRequest, PresenceResult, PresenceStatsRequest,
    PublishRequest, Res, RpcRequest, SendRequest,
};

use crate::data::Data;
use crate::error::{RequestError, ServerError};
use crate::publication::{ClientInfo, Publication, StreamPosition};

/// What part of a channel's history is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Most publications: 0 asks for the position alone, a negative number for as many as the server
    /// gives. Default: -1.
    pub limit: i32,
    /// Begin behind this position; in reverse, before it. Default: at the stream's beginning, or its
    /// end in reverse.
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPage {
    /// The publications, in the order that was asked for.
    pub publications: Vec<Publication>,
    /// The top of the stream.
    pub position: StreamPosition,
}

/// Who is in a channel, by the id of the session.
pub type Presence = BTreeMap<String, ClientInfo>;

/// How many are in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PresenceStats {
    /// Sessions.
    pub clients: u32,
    /// Different users.
    pub users: u32,
}

/// A request on its way, and where its answer goes.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) question: Question,
    /// An answer, if only "too late", is given by then.
    pub(crate) deadline: Instant,
    pub(crate) answer: Answer,
    pub(crate) place: Place,
}

/// A place among the requests under way: given back when the request has its answer and, if that is
/// "too late", does not wait to be sent any more either.
pub(crate) type Place = Arc<OwnedSemaphorePermit>;

/// What is asked. Data in it fit the encoding of the connection.
#[derive(Debug)]
pub(crate) enum Question {
    Publish { channel: String, data: Data },
    Rpc { method: String, data: Data },
    Send { data: Data },
    Presence { channel: String },
    PresenceStats { channel: String },
    History { channel: String, query: HistoryQuery },
}

type To<T> = oneshot::Sender<Result<T, RequestError>>;

/// Where an answer of some kind goes.
#[derive(Debug)]
pub(crate) enum Answer {
    /// To a publish; to a send, which has no other answer than having been sent.
    Done(To<()>),
    Rpc(To<Data>),
    Presence(To<Presence>),
    PresenceStats(To<PresenceStats>),
    History(To<HistoryPage>, String),
}

impl Question {
    pub(crate) fn to_protocol(&self) -> centrifuge::Request<'_> {
        match self {
            Self::Publish { channel, data } => centrifuge::Request::Publish(PublishRequest {
                channel: channel.into(),
                data: data.as_bytes(),
                ..PublishRequest::default()
            }),
            Self::Rpc { method, data } => {
                centrifuge::Request::Rpc(RpcRequest { data: data.as_bytes(), method: method.into() })
            }
            Self::Send { data } => centrifuge::Request::Send(SendRequest { data: data.as_bytes() }),
            Self::Presence { channel } => {
                centrifuge::Request::Presence(PresenceRequest { channel: channel.into() })
            }
            Self::PresenceStats { channel } => {
                centrifuge::Request::PresenceStats(PresenceStatsRequest { channel: channel.into() })
            }
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

    /// Whether the server answers it.
    pub(crate) fn has_reply(&self) -> bool {
        !matches!(self, Self::Send { .. })
    }
}

impl Answer {
    /// Passes the server's answer on; false if it does not fit the question. The user may have given
    /// up waiting, which is no concern here.
    pub(crate) fn give(self, body: Result<Res<'_>, centrifuge::Error>) -> bool {
        match (self, body) {
            (answer, Err(error)) => answer.fail(RequestError::Refused(ServerError::from(error))),
            (Self::Done(to), Ok(Res::Publish)) => drop(to.send(Ok(()))),
            (Self::Rpc(to), Ok(Res::Rpc(result))) => drop(to.send(Ok(result.data.into()))),
            (Self::Presence(to), Ok(Res::Presence(result))) => drop(to.send(Ok(presence(&result)))),
            (Self::PresenceStats(to), Ok(Res::PresenceStats(stats))) => {
                drop(to.send(Ok(PresenceStats { clients: stats.num_clients, users: stats.num_users })));
            }
            (Self::History(to, channel), Ok(Res::History(result))) => {
                drop(to.send(Ok(history(&channel.into(), result))));
            }
            (answer, Ok(_)) => {
                answer.fail(RequestError::ConnectionLost);
                return false;
            }
        }
        true
    }

    /// It has been sent, which is all that can be known.
    pub(crate) fn sent(self) {
        if let Self::Done(to) = self {
            drop(to.send(Ok(())));
        }
    }

    pub(crate) fn fail(self, error: RequestError) {
        match self {
            Self::Done(to) => drop(to.send(Err(error))),
            Self::Rpc(to) => drop(to.send(Err(error))),
            Self::Presence(to) => drop(to.send(Err(error))),
            Self::PresenceStats(to) => drop(to.send(Err(error))),
            Self::History(to, _) => drop(to.send(Err(error))),
        }
    }
}

fn presence(result: &PresenceResult<'_>) -> Presence {
    let clients = result.presence.iter();
    clients.map(|(client, info)| (client.clone().into_owned(), ClientInfo::from(info))).collect()
}

fn history(channel: &Arc<str>, result: HistoryResult<'_>) -> HistoryPage {
    let publications = result.publications.iter();
    HistoryPage {
        publications: publications
            .map(|publication| Publication::new(channel.clone(), publication, publication.data.into()))
            .collect(),
        position: StreamPosition { offset: result.offset, epoch: result.epoch.into_owned() },
    }
}

impl From<centrifuge::Error> for ServerError {
    fn from(error: centrifuge::Error) -> Self {
        Self { code: error.code, message: error.message.into_owned(), temporary: error.temporary }
    }
}
