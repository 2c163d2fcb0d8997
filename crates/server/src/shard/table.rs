//! The sessions of a shard: by the slot of their connection, and those of named users by user.

use std::collections::HashMap;

use wavecast_net::shard::{ConnectionId, Slots};

use crate::session::Session;

/// Sessions by slot; a session is found only under its own connection's id.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    slots: Slots<Option<Session>>,
    /// Connections of each named user; anonymous ones are not listed.
    users: HashMap<Box<str>, Vec<ConnectionId>>,
}

impl Sessions {
    pub(super) fn insert(&mut self, session: Session) {
        let slot = session.connection.slot();
        self.slots.reach(slot);
        self.slots[slot] = Some(session);
    }

    pub(super) fn get(&self, id: ConnectionId) -> Option<&Session> {
        self.slots.get(id.slot())?.as_ref().filter(|session| session.connection == id)
    }

    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Session> {
        self.slots.get_mut(id.slot())?.as_mut().filter(|session| session.connection == id)
    }

    /// The session in a slot.
    pub(super) fn at(&self, slot: u32) -> Option<&Session> {
        self.slots.get(slot)?.as_ref()
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Session> {
        let session = self.slots.get_mut(id.slot())?.take_if(|session| session.connection == id)?;
        self.unlist(&session);
        Some(session)
    }

    /// The session's user is known: it is found by it from now on.
    pub(super) fn list(&mut self, id: ConnectionId) {
        let Some(session) = self.slots.get(id.slot()).and_then(Option::as_ref) else { return };
        if !session.user().is_empty() {
            self.users.entry(session.user().into()).or_insert_with(|| Vec::with_capacity(1)).push(id);
        }
    }

    fn unlist(&mut self, session: &Session) {
        let Some(connections) = self.users.get_mut(session.user()) else { return };
        connections.retain(|&id| id != session.connection);
        if connections.is_empty() {
            self.users.remove(session.user());
        }
    }

    /// The connections of a user; for the empty name those of all anonymous sessions, for which the whole table is looked
    /// through.
    pub(super) fn of_user(&self, user: &str) -> Vec<ConnectionId> {
        if !user.is_empty() {
            return self.users.get(user).cloned().unwrap_or_default();
        }
        self.all().filter(|session| session.user().is_empty()).map(|session| session.connection).collect()
    }

    /// Every session.
    pub(super) fn all(&self) -> impl Iterator<Item = &Session> {
        (0..self.slots.len() as u32).filter_map(|slot| self.at(slot))
    }

    /// Nobody is listed.
    #[cfg(test)]
    pub(super) fn has_no_users(&self) -> bool {
        self.users.is_empty()
    }
}
