//! What other threads ask a shard of the server for.

use std::any::Any;
use std::sync::{Arc, mpsc};

use wavecast_websocket::CloseCode;

use crate::message::Message;
use crate::shard::{ConnectionId, Verdict};

/// A request to one shard. Full and ended connections are the shard's to report.
#[derive(Debug)]
pub(super) enum Command {
    Send(ConnectionId, Message),
    SendTo(Box<[ConnectionId]>, Arc<Message>),
    Broadcast(Arc<Message>),
    SendToGroup(Arc<str>, Arc<Message>),
    Ping(ConnectionId, Box<[u8]>),
    Close(ConnectionId, CloseCode, Box<str>),
    Pause(ConnectionId, bool),
    /// The verdict that was to come later.
    Decide(Box<Decided>),
    /// List everybody.
    List(mpsc::SyncSender<Box<[ConnectionId]>>),
}

#[derive(Debug)]
pub(super) struct Decided {
    pub(super) id: ConnectionId,
    pub(super) verdict: Verdict,
    /// In place of the state so far, of the type that the connection's events know.
    pub(super) state: Option<Box<dyn Any + Send>>,
}
