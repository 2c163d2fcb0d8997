//! What the connections of one shard share, beside the shard's own table of them.

use std::sync::Arc;

use super::command::Command;
use super::handle::{BroadcastError, Handle};
use super::peer::Peer;
use super::roster::Roster;
use crate::frame::Frame;
use crate::message::{Message, MessageRef};
use crate::options::Options;
use crate::shard::{ConnectionId, Connections};

/// One shard's share of the server.
pub(super) struct Hall {
    pub(super) roster: Roster,
    pub(super) handle: Handle,
    /// The number of the shard.
    shard: usize,
}

impl Hall {
    pub(super) fn new(handle: Handle, shard: usize, options: &Options) -> Self {
        let roster = Roster::new(options.groups_max, options.groups_of_connection_max);
        Self { roster, handle, shard }
    }

    pub(super) fn peer(&self, id: ConnectionId) -> Peer {
        Peer::new(id, self.handle.remote(self.shard).clone())
    }

    /// Sends to everybody on all shards but one connection: by inbox to the others, at once to this one.
    pub(super) fn broadcast(
        &self,
        connections: &mut Connections,
        message: MessageRef<'_>,
        but: Option<ConnectionId>,
    ) -> Result<(), BroadcastError> {
        // Nothing is copied for other shards where there are none.
        if self.handle.remotes().len() > 1 {
            let owned = Arc::new(Message::copy_of(message));
            self.handle.to_shards(Some(self.shard), || Command::Broadcast(Arc::clone(&owned)))?;
        }
        fan_out(connections, self.roster.everybody(), message, but);
        Ok(())
    }

    /// As [`Hall::broadcast`], to the members of a group.
    pub(super) fn send_to_group(
        &self,
        connections: &mut Connections,
        group: &str,
        message: MessageRef<'_>,
        but: Option<ConnectionId>,
    ) -> Result<(), BroadcastError> {
        if self.handle.remotes().len() > 1 {
            let (name, owned) = (Arc::<str>::from(group), Arc::new(Message::copy_of(message)));
            let command = || Command::SendToGroup(Arc::clone(&name), Arc::clone(&owned));
            self.handle.to_shards(Some(self.shard), command)?;
        }
        fan_out(connections, self.roster.members(group), message, but);
        Ok(())
    }

    /// Carries out what another thread asks for. Full and ended connections are the shard's to report.
    pub(super) fn carry_out(&self, connections: &mut Connections, command: Command) {
        match command {
            Command::Send(id, message) => {
                connections.send(id, (&message).into()).ok();
            }
            Command::SendTo(ids, message) => fan_out(connections, &ids, (&*message).into(), None),
            Command::Broadcast(message) => {
                fan_out(connections, self.roster.everybody(), (&*message).into(), None);
            }
            Command::SendToGroup(group, message) => {
                fan_out(connections, self.roster.members(&group), (&*message).into(), None);
            }
            Command::Ping(id, payload) => {
                connections.ping(id, &payload).ok();
            }
            Command::Close(id, code, reason) => connections.close(id, code, &reason),
            Command::Pause(id, paused) => connections.pause(id, paused),
            Command::Decide(decided) => connections.decide(decided.id, decided.verdict),
            Command::List(answer) => {
                // Whoever asked may have given up.
                answer.try_send(self.roster.everybody().into()).ok();
            }
        }
    }
}

/// Queues a message for many: framed once, and compressed once where that is on.
fn fan_out(
    connections: &mut Connections,
    targets: &[ConnectionId],
    message: MessageRef<'_>,
    but: Option<ConnectionId>,
) {
    if targets.is_empty() {
        return;
    }
    let frame = Frame::message(message);
    let mut wave = connections.begin(targets.len());
    for &id in targets.iter().filter(|id| Some(**id) != but) {
        // Who has ended is passed over, and who has no room is the shard's to close.
        connections.add(&mut wave, id, &frame).ok();
    }
    connections.launch(wave);
}
