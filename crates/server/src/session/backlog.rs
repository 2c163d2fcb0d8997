//! The commands that wait behind one that does.

use wavecast_protocol::centrifuge::Disconnect;

use super::pending::Pending;
use super::rules::Rules;
use super::state::Session;

impl Session {
    pub(super) fn pending_mut(&mut self) -> &mut Pending {
        self.pending.get_or_insert_default()
    }

    /// Lets go of the box when nothing is in it.
    pub(super) fn drop_idle_pending(&mut self) {
        self.pending.take_if(|pending| pending.is_over());
    }

    /// Whether commands have to wait.
    pub(crate) fn holds_commands(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.holds_commands())
    }

    /// Has it end as soon as nothing is waited for.
    pub(crate) fn leaves_with(&mut self, disconnect: Disconnect) {
        self.pending_mut().leaving = Some(Box::new(disconnect));
    }

    /// How it ends, if it was to and waits for nothing any more.
    pub(crate) fn takes_leave(&mut self) -> Option<Disconnect> {
        let pending = self.pending.as_mut().filter(|pending| !pending.holds_commands())?;
        pending.leaving.take().map(|disconnect| *disconnect)
    }

    /// A message has to wait behind the others. Says whether so much waits that reading has to pause.
    pub(crate) fn push_back(&mut self, message: &[u8], rules: &Rules) -> bool {
        let pending = self.pending_mut();
        pending.push_back(message);
        let pauses = !pending.is_paused && pending.backlog_bytes() > rules.pending_commands_max;
        pending.is_paused |= pauses;
        pauses
    }

    /// What is left of a message has to wait; it came before the others.
    pub(crate) fn push_front(&mut self, message: &[u8]) {
        self.pending_mut().push_front(message);
    }

    /// The next message, if none has to wait any more.
    pub(crate) fn next_message(&mut self) -> Option<Box<[u8]>> {
        self.pending.as_mut()?.next_message()
    }

    /// Whether reading was paused and need not be any more.
    pub(crate) fn resumes_reading(&mut self, rules: &Rules) -> bool {
        let Some(pending) = self.pending.as_mut() else { return false };
        let resumes = pending.is_paused && pending.backlog_bytes() <= rules.pending_commands_max / 2;
        pending.is_paused &= !resumes;
        self.drop_idle_pending();
        resumes
    }

    /// Whether so much waits that nothing is taken from the client.
    pub(crate) fn is_paused(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.is_paused)
    }
}
