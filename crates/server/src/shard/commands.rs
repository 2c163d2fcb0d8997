//! From messages to commands, one after the other; those that have to wait stand in the session's queue.

use std::sync::Arc;

use tracing::info;
use wavecast_net::shard::{ConnectionId, Connections};

use super::PushShard;
use crate::metrics::CommandKind;
use crate::session::{Context, Step};

impl PushShard {
    /// A message has come in.
    pub(super) fn message_of(&mut self, connections: &mut Connections, id: ConnectionId, message: &[u8]) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        if session.holds_commands() {
            // An answer to a ping is no command, and must not be late because of one.
            if session.wire.is_pong(message) {
                return self.commands(connections, id, message);
            }
            let pause = session.push_back(message, &self.node.rules());
            self.count_bytes(id);
            // A stream has nothing to be read from: what is too much is refused.
            if pause && !connections.is_stream(id) {
                connections.pause(id, true);
            }
            return;
        }
        self.commands(connections, id, message);
    }

    /// Takes the commands of a message in order, until one of them has to wait for an answer.
    fn commands(&mut self, connections: &mut Connections, id: ConnectionId, message: &[u8]) {
        let node = Arc::clone(&self.node);
        let now = self.moment(connections);
        let Some(encoding) = self.sessions.get(id).map(|session| session.wire.encoding()) else { return };
        self.replies.begin();
        let mut commands = encoding.commands(message);
        loop {
            let from_here = commands.rest();
            let Some(command) = commands.next() else { break };
            let command = match command {
                Ok(command) => command,
                Err(error) => {
                    info!(%error, "not a command");
                    return self.disconnect(connections, id, error.disconnect());
                }
            };
            let Some(session) = self.sessions.get_mut(id) else { return };
            let tally = &node.metrics().shards[usize::from(self.id.0)];
            let kind = CommandKind::of(&command.request);
            let number_of = |name: &str| self.channels.find(name);
            let cx = Context { rules: &node.rules(), now, number_of: &number_of };
            let step = session.command(command, &cx);
            let is_tried_again = matches!(&step, Step::Ask(question) if question.is_tried_again());
            if !is_tried_again {
                tally.commands(session.wire.transport(), kind).add(1);
            }
            self.carry_out(connections, id, step);
            if self.refused.as_ref().is_some_and(|(refused, _)| *refused == id) {
                break;
            }
            let Some(session) = self.sessions.get_mut(id) else { return };
            if session.holds_commands() {
                let rest = if is_tried_again { from_here } else { commands.rest() };
                if !rest.is_empty() {
                    session.push_front(rest);
                }
                break;
            }
            if self.replies.is_long() && !self.send_replies(connections, id) {
                // It does not read what it asks for, and is cut off when the turn ends.
                return;
            }
        }
        self.send_replies(connections, id);
    }

    /// What was waited for is there: takes the commands that have waited, until one of them has to wait again.
    pub(super) fn resume(&mut self, connections: &mut Connections, id: ConnectionId) {
        if self.takes_leave(connections, id) {
            return;
        }
        loop {
            let Some(session) = self.sessions.get_mut(id) else { return };
            let Some(message) = session.next_message() else { break };
            self.commands(connections, id, &message);
        }
        self.count_bytes(id);
        let Some(session) = self.sessions.get_mut(id) else { return };
        if session.resumes_reading(&self.node.rules()) {
            connections.pause(id, false);
        }
    }
}
