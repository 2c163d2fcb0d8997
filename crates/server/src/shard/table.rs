//! The sessions of a shard, by the slot of their connection.

use wavecast_net::shard::{ConnectionId, Slots};

use crate::session::Session;

/// Sessions by slot; a session is found only under its own connection's id.
#[derive(Debug, Default)]
pub(super) struct Sessions(Slots<Option<Session>>);

impl Sessions {
    pub(super) fn insert(&mut self, session: Session) {
        let slot = session.connection.slot();
        self.0.reach(slot);
        self.0[slot] = Some(session);
    }

    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Session> {
        self.0.get_mut(id.slot())?.as_mut().filter(|session| session.connection == id)
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Session> {
        self.0.get_mut(id.slot())?.take_if(|session| session.connection == id)
    }
}
