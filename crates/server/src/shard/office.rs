//! Questions to the back office, which may wait, and its answers, which come through the inbox.

use std::sync::Arc;

use wavecast_net::shard::{ConnectionId, Connections};
use wavecast_protocol::centrifuge::{Error, Reply};

use super::PushShard;
use crate::session::{Answered, Context, Question, Unasked};
use crate::shard_event::OfficeAnswer;

impl PushShard {
    /// Asks the back office on behalf of a session. Where that is not possible the command is refused.
    pub(super) fn ask(&mut self, connections: &mut Connections, id: ConnectionId, question: Question) {
        let node = Arc::clone(&self.node);
        let holds = question.holds_commands();
        let ticket = self.next_ticket();
        let (channel, bytes) = (question.subscribes_to().map(Box::from), question.bytes());
        // Room for the answer is kept before anybody is asked.
        if let Err(question) = node.office().ask(self.id, id, ticket, question) {
            return self.not_asked(connections, id, question.unasked());
        }
        if let Some(session) = self.sessions.get_mut(id).filter(|_| holds) {
            session.asked(ticket, channel, bytes);
            self.count_bytes(id);
        }
    }

    fn not_asked(&mut self, connections: &mut Connections, id: ConnectionId, unasked: Unasked) {
        match unasked {
            Unasked::Command(command) => {
                if let Some(session) = self.sessions.get_mut(id) {
                    session.not_asked();
                }
                self.reply(id, &Reply { id: command, body: Err(Error::TOO_MANY_REQUESTS) });
            }
            Unasked::Answered(answered) => self.follow(connections, id, *answered),
        }
    }

    /// Carries out what follows from an answer.
    fn follow(&mut self, connections: &mut Connections, id: ConnectionId, answered: Answered) {
        let node = Arc::clone(&self.node);
        let now = self.moment(connections);
        let Some(session) = self.sessions.get_mut(id) else { return };
        let number_of = |name: &str| self.channels.find(name);
        let cx = Context { rules: &node.rules(), now, number_of: &number_of };
        let step = session.answered(answered, &cx);
        self.carry_out(connections, id, step);
    }

    /// The back office has answered.
    pub(super) fn answered(&mut self, connections: &mut Connections, answer: OfficeAnswer) {
        let OfficeAnswer { connection: id, ticket, answered } = answer;
        self.take_shed(connections);
        let now = self.moment(connections);
        let Some(session) = self.sessions.get_mut(id) else { return };
        let held = session.settles(ticket);
        if !held && answered.held_commands() {
            return;
        }
        self.replies.begin();
        self.follow(connections, id, answered);
        self.send_replies(connections, id);
        if held {
            self.resume(connections, id);
        }
        self.count_bytes(id);
        self.set_timer(connections, id, now);
    }
}
