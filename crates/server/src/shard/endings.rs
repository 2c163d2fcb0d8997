//! Out of the server: every way a session ends, and what expires before.

use std::sync::Arc;
use std::time::Duration;

use tracing::info;
use wavecast_net::CloseCode;
use wavecast_net::shard::{ConnectionId, Connections, Leave};
use wavecast_protocol::centrifuge::{Disconnect, Push, Unsubscribed};

use super::PushShard;
use crate::session::{Due, Moment, Session};
use crate::wire;
use crate::wire_form::WireForm;

impl PushShard {
    /// Ends a session from the server's side.
    #[expect(clippy::needless_pass_by_value, reason = "the callers make it for this")]
    pub(super) fn disconnect(
        &mut self,
        connections: &mut Connections,
        id: ConnectionId,
        disconnect: Disconnect,
    ) {
        self.log_disconnect(id, &disconnect);
        self.end(connections, id, &disconnect);
    }

    /// The same without a line in the log: for those who end with all others, of whom there is one.
    fn end(&mut self, connections: &mut Connections, id: ConnectionId, disconnect: &Disconnect) {
        self.send_replies(connections, id);
        self.take_shed(connections);
        if self.unanswered.contains_key(&id) {
            // The answer says it, and nothing stands before that.
            connections.cut(id, code(disconnect), &disconnect.reason);
        } else {
            self.say_good_bye(connections, id, disconnect);
            connections.close(id, code(disconnect), &disconnect.reason);
        }
        self.forget(id, disconnect);
    }

    /// On a WebSocket that goes one way a push says it, too: the code of its close frame cannot be seen everywhere.
    fn say_good_bye(&mut self, connections: &mut Connections, id: ConnectionId, disconnect: &Disconnect) {
        let form = self.sessions.get(id).map(|session| session.wire);
        if let Some(form) = form.filter(|form| *form == WireForm::UniWebSocket) {
            let (code, reason) = (disconnect.code.into(), (&*disconnect.reason).into());
            let push = Push::Disconnect { code, reason, reconnect: false };
            connections.send_frame(id, &wire::push(form, &push)).ok();
        }
    }

    /// Sends what the channels of a session have collected: it comes before whatever is sent next, the end, say.
    pub(super) fn send_runs_of(&mut self, connections: &mut Connections, id: ConnectionId) {
        let channels = self.sessions.get(id).map(|session| session.channels().collect());
        let channels: Vec<_> = channels.unwrap_or_default();
        channels.into_iter().for_each(|channel| self.send_run(connections, channel));
    }

    /// A session is asked to leave. What its client has asked, and somebody is asked about, is answered before; commands
    /// that wait behind that are not begun.
    pub(super) fn asked_to_leave(&mut self, connections: &mut Connections, id: ConnectionId, leave: &Leave) {
        let disconnect =
            Disconnect { code: leave.code.get(), reason: String::from(leave.reason.clone()).into() };
        match self.sessions.get_mut(id) {
            Some(session) if session.holds_commands() => session.leaves_with(disconnect),
            Some(_) => {
                self.send_runs_of(connections, id);
                self.end(connections, id, &disconnect);
            }
            None => connections.close(id, leave.code, &leave.reason),
        }
    }

    /// Ends a session that was asked to leave and waits for nothing any more; `false` for all others.
    pub(super) fn takes_leave(&mut self, connections: &mut Connections, id: ConnectionId) -> bool {
        let leaving = self.sessions.get_mut(id).and_then(Session::takes_leave);
        let Some(disconnect) = leaving else { return false };
        self.send_runs_of(connections, id);
        self.end(connections, id, &disconnect);
        true
    }

    /// Ends a session whose client reads too slowly.
    pub(super) fn cut_slow(&mut self, connections: &mut Connections, id: ConnectionId) {
        self.cut(connections, id, &Disconnect::SLOW);
    }

    /// Ends a session at once: what waits for it is dropped.
    pub(super) fn cut(&mut self, connections: &mut Connections, id: ConnectionId, disconnect: &Disconnect) {
        self.log_disconnect(id, disconnect);
        connections.cut(id, code(disconnect), &disconnect.reason);
        self.forget(id, disconnect);
    }

    fn log_disconnect(&mut self, id: ConnectionId, disconnect: &Disconnect) {
        if let Some(session) = self.sessions.get_mut(id) {
            let client = session.client();
            info!(client, code = disconnect.code, reason = &*disconnect.reason, "disconnected");
        }
    }

    /// The session is over, however it ended: nothing is delivered to it any more, and the back end is told.
    pub(super) fn forget(&mut self, id: ConnectionId, why: &Disconnect) {
        self.gaps.forget(id);
        self.replies.forget(id);
        self.all_end(id, Unsubscribed::DISCONNECT);
        let Some(mut session) = self.sessions.remove(id) else { return };
        self.session_bytes = self.session_bytes.saturating_sub(session.counted());
        if let Some(address) = session.address() {
            self.node.addresses().closed(address);
        }
        if session.is_counted() {
            self.node.counts().client_left(session.user());
            self.tally().ended(session.wire.transport()).add(1);
            self.node.tell_disconnected(&mut session, why);
        }
    }

    /// The session's timer has come.
    pub(super) fn time_is_up(&mut self, connections: &mut Connections, id: ConnectionId) {
        self.take_shed(connections);
        let node = Arc::clone(&self.node);
        let now = self.moment(connections);
        if self.time_to_answer(id, now).is_some_and(|left| left.is_zero()) {
            return self.disconnect(connections, id, Disconnect::STALE);
        }
        loop {
            let Some(session) = self.sessions.get_mut(id) else { return };
            match session.due(now, &node.rules()) {
                Due::Rest(next) => return self.rest(connections, id, now, next),
                Due::Ping => self.ping(connections, id),
                Due::Close(disconnect) => return self.disconnect(connections, id, disconnect),
                Due::Refresh => {
                    let question = session.ask_refresh();
                    self.ask(connections, id, question);
                }
                Due::SubRefresh(channel) => {
                    let name = Arc::clone(self.channels.name(channel));
                    if let Some(question) = session.ask_sub_refresh(channel, &name) {
                        self.ask(connections, id, question);
                    }
                }
                Due::Unsubscribe(channel, why) => self.unsubscribe(connections, id, channel, why),
            }
        }
    }

    fn ping(&mut self, connections: &mut Connections, id: ConnectionId) {
        let Some(session) = self.sessions.get(id) else { return };
        // Nothing goes before the head of an answer.
        if self.unanswered.contains_key(&id) {
            return;
        }
        // Behind a long queue it would come too late to prove anything.
        connections.send_first(id, &self.pings[usize::from(session.wire.number())]).ok();
    }

    /// Sets the timer to what comes first.
    pub(super) fn set_timer(&mut self, connections: &mut Connections, id: ConnectionId, now: Moment) {
        if let Some(session) = self.sessions.get_mut(id) {
            let next = session.next_due(now, &self.node.rules());
            self.rest(connections, id, now, next);
        }
    }

    /// Until something is due with the session, or its request has waited long enough for an answer.
    fn rest(&self, connections: &mut Connections, id: ConnectionId, now: Moment, next: Option<Duration>) {
        match next.into_iter().chain(self.time_to_answer(id, now)).min() {
            Some(next) => connections.set_timer(id, next),
            None => connections.cancel_timer(id),
        }
    }

    /// How long the request of a session may still wait for its answer, if it does and there is a limit.
    fn time_to_answer(&self, id: ConnectionId, now: Moment) -> Option<Duration> {
        self.unanswered.get(&id)?.time_left(now)
    }
}

fn code(disconnect: &Disconnect) -> CloseCode {
    CloseCode::new(disconnect.code).unwrap_or(CloseCode::INTERNAL_ERROR)
}
