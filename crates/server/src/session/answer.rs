//! What the back office answers, and what follows from it.

use wavecast_protocol::centrifuge::{Error, Reply};

use super::command::Context;
use super::pending::{Ticket, Undecided};
use super::question::Answered;
use super::state::Session;
use super::step::Step;
use crate::hooks::{Answer, Caller};

impl Session {
    /// Notes that the back office has been asked, whether the client may subscribe to this channel, say, with a question of so
    /// many bytes; commands wait for it.
    pub(crate) fn asked(&mut self, ticket: Ticket, channel: Option<Box<str>>, bytes: usize) {
        let pending = self.pending_mut();
        (pending.asked, pending.asked_bytes) = (Some(ticket), bytes);
        pending.undecided = channel.map(|channel| Undecided { channel, is_ended: false });
    }

    /// Whether this is the answer that is waited for; it is not any more.
    pub(crate) fn settles(&mut self, ticket: Ticket) -> bool {
        let Some(pending) = self.pending.as_mut() else { return false };
        let is_it = pending.asked == Some(ticket);
        if is_it {
            (pending.asked, pending.asked_bytes) = (None, 0);
            self.drop_idle_pending();
        }
        is_it
    }

    /// What follows from an answer of the back office.
    pub(crate) fn answered(&mut self, answered: Answered, cx: &Context<'_>) -> Step<'static> {
        let (id, step) = match answered {
            Answered::Key => return Step::Nothing,
            Answered::Connect(answer, draft) => return self.connect_answered(answer, draft, cx),
            Answered::Refresh(answer) => return self.refreshed_by_hook(answer, cx),
            Answered::SubRefresh(answer, channel) => return self.sub_refreshed_by_hook(answer, &channel, cx),
            Answered::Subscribe(answer, draft) => {
                let is_ended = self.decides();
                (draft.id, answer.map(|grant| self.subscribe_granted(grant, draft, is_ended, cx)))
            }
            Answered::Publish(answer, draft) => {
                (draft.id, answer.map(|grant| self.publish_granted(grant, draft)))
            }
            Answered::Rpc(answer, id) => {
                (id, answer.map(|grant| Step::RpcResult { id, data: grant.data.unwrap_or_default() }))
            }
        };
        match step {
            Answer::Ok(step) => step,
            Answer::Error(error) => Step::Reply(Reply { id, body: Err(error) }),
            Answer::Disconnect(disconnect) => Step::Close(disconnect),
            Answer::NotHandled => Step::Reply(Reply { id, body: Err(Error::NOT_AVAILABLE) }),
        }
    }

    /// Who asks, as the hooks are told.
    pub(super) fn caller(&self) -> Caller {
        Caller {
            client: self.client().into(),
            user: self.user().into(),
            transport: self.wire.transport().name(),
            encoding: self.wire.encoding(),
            meta: self.identity.as_ref().and_then(|identity| identity.meta.clone()),
            headers: self.handshake.as_ref().and_then(|handshake| handshake.headers.clone()),
        }
    }
}
