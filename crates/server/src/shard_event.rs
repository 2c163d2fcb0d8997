//! What reaches a shard of the push server through its inbox.

use std::sync::Arc;

use wavecast_hub::{Event, Joined};
use wavecast_net::shard::ConnectionId;

use crate::channels::ChannelNumber;
use crate::orders::Order;
use crate::session::{Answered, Ticket};
use crate::streams::{Said, StreamOpening};

/// What reaches a shard of the push server through its inbox.
#[derive(Debug)]
pub(crate) enum ShardEvent {
    /// Something has happened in a channel that this shard has joined.
    Channel(Event),
    /// The hub's answer to a join. It stands in the inbox before every publication that followed it.
    Joined(Box<Answer>),
    /// A client has unsubscribed; what was published before stands before it.
    Left(Box<Parting>),
    /// Where the streams of some channels stand; what was published before stands before it.
    Stand(Vec<Standing>),
    /// The back office has answered a question of a session.
    Answered(Box<OfficeAnswer>),
    /// A session comes in by a stream; told with its connection.
    Opening(Box<StreamOpening>),
    /// The client of such a session says something.
    Said(Box<Said>),
    /// The back end wants something done with sessions.
    Order(Box<Order>),
}

/// Who leaves which channel, and the command that is answered then.
#[derive(Debug)]
pub(crate) struct Parting {
    pub(crate) connection: ConnectionId,
    pub(crate) ticket: Ticket,
    pub(crate) command: u32,
    pub(crate) channel: ChannelNumber,
}

/// Up to where something was published in a channel.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) channel: Arc<str>,
    pub(crate) offset: u64,
}

/// What the back office says to which question of which session.
#[derive(Debug)]
pub(crate) struct OfficeAnswer {
    pub(crate) connection: ConnectionId,
    pub(crate) ticket: Ticket,
    pub(crate) answered: Answered,
}

/// Who asked the hub to join which channel, and what it said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) connection: ConnectionId,
    pub(crate) channel: ChannelNumber,
    pub(crate) joined: Joined,
}
