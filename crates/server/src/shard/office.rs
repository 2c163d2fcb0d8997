//! Questions to the back office, which may wait, and its answers, which come through the inbox.

use std::sync::Arc;

use wavecast_net::shard::{ConnectionId, Connections};
use wavecast_protocol::centrifuge::{Error, Reply};

use super::PushShard;
use crate::session::{Context, Question};
use crate::shard_event::OfficeAnswer;

impl PushShard {
    /// Asks the back office on behalf of a session. Where that is not possible the command is refused.
    pub(super) fn ask(&mut self, connections: &mut Connections, id: ConnectionId, question: Question) {
        let node = Arc::clone(&self.node);
        let (command, holds) = (question.command(), question.holds_commands());
        let ticket = self.next_ticket();
        // Room for the answer is kept before anybody is asked.
        if !node.office().ask(self.id, id, ticket, question) {
            if command > 0 {
                self.reply(id, &Reply { id: command, body: Err(Error::TOO_MANY_REQUESTS) });
            } else {
                self.disconnect(connections, id, wavecast_protocol::centrifuge::Disconnect::SERVER_ERROR);
            }
            return;
        }
        if let Some(session) = self.sessions.get_mut(id).filter(|_| holds) {
            session.asked(ticket);
        }
    }

    /// The back office has answered.
    pub(super) fn answered(&mut self, connections: &mut Connections, answer: OfficeAnswer) {
        let OfficeAnswer { connection: id, ticket, answered } = answer;
        self.take_shed(connections);
        let node = Arc::clone(&self.node);
        let now = self.moment(connections);
        let Some(session) = self.sessions.get_mut(id) else { return };
        let held = session.settles(ticket);
        if !held && answered.held_commands() {
            return;
        }
        let number_of = |name: &str| self.channels.find(name);
        let cx = Context { rules: node.rules(), now, number_of: &number_of };
        let step = session.answered(answered, &cx);
        self.replies.begin();
        self.carry_out(connections, id, step);
        self.send_replies(connections, id);
        if held {
            self.resume(connections, id);
        }
        self.set_timer(connections, id, now);
    }
}
