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

    /// The session that clients and back ends know by this id, if it lives here.
    pub(super) fn of_client(&self, client: &str) -> Option<&Session> {
        let slots = (0..self.0.len() as u32).filter_map(|slot| self.0.get(slot)?.as_ref());
        slots.into_iter().find(|session| session.client() == client)
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Session> {
        self.0.get_mut(id.slot())?.take_if(|session| session.connection == id)
    }
}
