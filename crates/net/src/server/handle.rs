//! The server from outside of its events: broadcasts, groups, counts, the end.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use wavecast_websocket::CloseCode;

use super::command::Command;
use super::peer::{Peer, PeerError};
use crate::message::{Message, MessageRef};
use crate::shard::{self, ConnectionId, Leave, Remote};

/// A handle to a server: cheap to clone, free to be sent to any thread and used after the server has ended.
#[derive(Clone, Debug)]
pub struct Handle(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    remotes: Box<[Remote<Command>]>,
    open: AtomicUsize,
}

/// All connections of a server that are in a group, whichever shard they live on.
#[derive(Clone, Debug)]
pub struct Group<'h> {
    handle: &'h Handle,
    name: Arc<str>,
}

/// A message to many was not sent, to none of them: the inbox of some shard was full. Wait a little, or drop the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BroadcastError {
    /// The numbers of this server's shards whose inbox was full, counted from 0. None, where it was a shard of another
    /// server: that of a [`Peer`] given to [`Handle::send_to`].
    pub shards: Vec<usize>,
}

impl fmt::Display for BroadcastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.shards[..] {
            [] => f.write_str("the inbox of another server's shard is full; nothing was sent"),
            shards => write!(f, "the inboxes of shards {shards:?} are full; nothing was sent"),
        }
    }
}

impl std::error::Error for BroadcastError {}

impl Handle {
    pub(super) fn new(remotes: Vec<Remote<Command>>) -> Self {
        Self(Arc::new(Shared { remotes: remotes.into(), open: AtomicUsize::new(0) }))
    }

    /// Queues a message for every connection that is open on its shard when the message arrives there. It is framed once for
    /// each shard and shared by all outboxes; whose outbox is full is closed with 1013. Messages of one thread keep their
    /// order. A server that has ended takes nothing, silently.
    ///
    /// # Errors
    /// [`BroadcastError`]: it is sent to all shards or to none.
    pub fn broadcast<'m>(&self, message: impl Into<MessageRef<'m>>) -> Result<(), BroadcastError> {
        let message = Arc::new(Message::copy_of(message.into()));
        self.to_shards(None, || Command::Broadcast(Arc::clone(&message)))
    }

    /// Queues a message for some connections, as [`Handle::broadcast`] does for all. Who has ended is passed over.
    ///
    /// # Errors
    /// [`BroadcastError`]: it is sent to all of them or to none.
    pub fn send_to<'m>(
        &self,
        peers: &[Peer],
        message: impl Into<MessageRef<'m>>,
    ) -> Result<(), BroadcastError> {
        let mut shares: Vec<(&Remote<Command>, Vec<ConnectionId>)> = Vec::new();
        for peer in peers {
            match shares.iter_mut().find(|(remote, _)| remote.is_same(peer.remote())) {
                Some((_, share)) => share.push(peer.id()),
                None => shares.push((peer.remote(), vec![peer.id()])),
            }
        }
        let message = Arc::new(Message::copy_of(message.into()));
        let number = |remote: &Remote<Command>| self.0.remotes.iter().position(|other| other.is_same(remote));
        let commands = shares.into_iter().map(|(remote, share)| {
            (number(remote), remote, Command::SendTo(share.into(), Arc::clone(&message)))
        });
        push_all(commands.collect())
    }

    /// The members of a group ([`Connection::join`](super::Connection::join)), over all shards.
    #[must_use]
    pub fn group(&self, name: &str) -> Group<'_> {
        Group { handle: self, name: name.into() }
    }

    /// Connections that are open, over all shards. One that opens or ends at this moment may be counted or not.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.0.open.load(Relaxed)
    }

    /// A handle to every connection that is open when its shard is asked. Blocks until all shards have answered: not for
    /// events, whose own shard could not.
    ///
    /// # Errors
    /// [`PeerError`] when a shard's inbox is full, when the server has ended, or when `within` is over.
    pub fn peers(&self, within: Duration) -> Result<Vec<Peer>, PeerError> {
        let until = Instant::now() + within;
        let asked = self.0.remotes.iter().map(|remote| {
            let (answer, answered) = mpsc::sync_channel(1);
            remote.try_push(Command::List(answer)).map_err(|_| PeerError)?;
            Ok((remote, answered))
        });
        let asked: Vec<_> = asked.collect::<Result<_, PeerError>>()?;
        let mut peers = Vec::new();
        for (remote, answered) in asked {
            let left = until.saturating_duration_since(Instant::now());
            let ids = answered.recv_timeout(left).map_err(|_| PeerError)?;
            peers.extend(ids.iter().map(|id| Peer::new(*id, remote.clone())));
        }
        Ok(peers)
    }

    /// Ends the server: it stops to listen and closes every connection with this code and reason (at most 123 bytes; what is
    /// longer is cut). What waits for a connection is sent before. [`Running::join`](super::Running::join) returns when all
    /// have gone or `within` is over: whoever is left then is cut off, with 1006. There is always room for this, and a
    /// second call sets the time anew.
    pub fn drain(&self, code: CloseCode, reason: &str, within: Duration) {
        for remote in self.remotes() {
            remote.drain(code, reason, within);
        }
    }

    /// As [`Handle::drain`], with the closes spread over [`Leave::window`]: evenly, over all shards, and in an order of chance;
    /// so that those who reconnect do not come all at once. `within` counts from now, and is longer than the window.
    pub fn drain_over(&self, leave: &Leave, within: Duration) {
        for remote in self.remotes() {
            remote.drain_over(leave.clone(), within);
        }
    }

    /// Closes a share of the connections in the same way, and goes on: of 0 none, of 1 all that are open now. Gives their
    /// number. A second call takes the place of one that is not through: who has not been closed by then stays, unless the
    /// second one chooses it.
    pub fn send_away(&self, share: f64, leave: &Leave) -> usize {
        shard::send_away(self.remotes(), share, leave)
    }

    pub(super) fn remotes(&self) -> &[Remote<Command>] {
        &self.0.remotes
    }

    pub(super) fn remote(&self, shard: usize) -> &Remote<Command> {
        &self.0.remotes[shard]
    }

    pub(super) fn opened(&self) {
        self.0.open.fetch_add(1, Relaxed);
    }

    pub(super) fn closed(&self) {
        self.0.open.fetch_sub(1, Relaxed);
    }

    /// Pushes a command to every shard, or to all but one.
    pub(super) fn to_shards(
        &self,
        but: Option<usize>,
        command: impl Fn() -> Command,
    ) -> Result<(), BroadcastError> {
        let shards = self.0.remotes.iter().enumerate().filter(|(shard, _)| Some(*shard) != but);
        push_all(shards.map(|(shard, remote)| (Some(shard), remote, command())).collect())
    }
}

impl Group<'_> {
    /// Queues a message for the members, as [`Handle::broadcast`] does for everybody. A group without members takes it,
    /// silently.
    ///
    /// # Errors
    /// [`BroadcastError`]: it is sent to all shards or to none.
    pub fn send<'m>(&self, message: impl Into<MessageRef<'m>>) -> Result<(), BroadcastError> {
        let message = Arc::new(Message::copy_of(message.into()));
        self.handle.to_shards(None, || Command::SendToGroup(Arc::clone(&self.name), Arc::clone(&message)))
    }
}

/// Pushes all of the commands or none: room is reserved for each before the first is pushed. The number is that of the
/// shard, where it is one of this server.
fn push_all(commands: Vec<(Option<usize>, &Remote<Command>, Command)>) -> Result<(), BroadcastError> {
    let (ready, full): (Vec<_>, Vec<_>) = commands.into_iter().partition(|(_, remote, _)| remote.reserve());
    if !full.is_empty() {
        ready.iter().for_each(|(_, remote, _)| remote.release());
        return Err(BroadcastError { shards: full.into_iter().filter_map(|(shard, ..)| shard).collect() });
    }
    for (_, remote, command) in ready {
        remote.push_reserved(command);
        remote.wake();
    }
    Ok(())
}
