//! Who is in a channel: its members by client, and how many of them each user has.

use crate::footprint::shrink;
use crate::name_hash::NameHash;
use crate::publication::ClientInfo;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::sync::Arc;

/// The members of a channel, as many as were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PresenceList {
    /// The members, in no order.
    pub clients: Vec<Arc<ClientInfo>>,
    /// There are more than these.
    pub is_cut: bool,
}

/// How many are in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PresenceStats {
    /// Clients: sessions.
    pub clients: usize,
    /// Different users among them. All anonymous clients together are one, as Centrifugo has it.
    pub users: usize,
}

/// The members of one channel. Whoever calls passes the hub's hash, so that it is kept once.
#[derive(Debug, Default)]
pub(crate) struct Members {
    clients: HashTable<Arc<ClientInfo>>,
    users: HashTable<User>,
    /// What the entries of both tables hold.
    bytes: usize,
}

/// A user with at least one client here.
#[derive(Debug)]
struct User {
    name: Box<str>,
    clients: u32,
}

impl Members {
    pub(crate) fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Adds the client, or puts what is known of it now in the place of what was.
    pub(crate) fn insert(&mut self, hash: NameHash, info: &Arc<ClientInfo>) {
        let before = match self.clients.entry(
            hash.of(&info.client),
            |member| member.client == info.client,
            |member| hash.of(&member.client),
        ) {
            Entry::Occupied(mut entry) => Some(std::mem::replace(entry.get_mut(), Arc::clone(info))),
            Entry::Vacant(entry) => {
                entry.insert(Arc::clone(info));
                None
            }
        };
        self.bytes += info.bytes_held();
        self.bytes -= before.as_ref().map_or(0, |before| before.bytes_held());
        if before.as_ref().is_some_and(|before| before.user == info.user) {
            return;
        }
        self.add_user(hash, &info.user);
        if let Some(before) = before {
            self.remove_user(hash, &before.user);
        }
    }

    /// Takes the client out, if it is there.
    pub(crate) fn remove(&mut self, hash: NameHash, client: &str) {
        let found = self.clients.find_entry(hash.of(client), |member| *member.client == *client);
        let Ok(entry) = found else { return };
        let (member, _) = entry.remove();
        self.bytes -= member.bytes_held();
        self.remove_user(hash, &member.user);
        shrink(&mut self.clients, |member| hash.of(&member.client));
    }

    /// Up to `clients_max` members.
    pub(crate) fn list(&self, clients_max: usize) -> PresenceList {
        let clients = self.clients.iter().take(clients_max).cloned().collect();
        PresenceList { clients, is_cut: self.clients.len() > clients_max }
    }

    pub(crate) fn stats(&self) -> PresenceStats {
        PresenceStats { clients: self.clients.len(), users: self.users.len() }
    }

    /// Memory held, bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes + self.clients.allocation_size() + self.users.allocation_size()
    }

    fn add_user(&mut self, hash: NameHash, name: &str) {
        match self.users.entry(hash.of(name), |user| *user.name == *name, |user| hash.of(&user.name)) {
            Entry::Occupied(mut entry) => entry.get_mut().clients += 1,
            Entry::Vacant(entry) => {
                entry.insert(User { name: name.into(), clients: 1 });
                self.bytes += name.len();
            }
        }
    }

    fn remove_user(&mut self, hash: NameHash, name: &str) {
        let Ok(mut entry) = self.users.find_entry(hash.of(name), |user| *user.name == *name) else { return };
        entry.get_mut().clients -= 1;
        if entry.get().clients == 0 {
            entry.remove();
            self.bytes -= name.len();
            shrink(&mut self.users, |user| hash.of(&user.name));
        }
    }
}

#[cfg(test)]
impl Members {
    /// What [`Members::bytes`] has to be, counted anew.
    pub(crate) fn recount(&self) -> usize {
        let clients: usize = self.clients.iter().map(|member| member.bytes_held()).sum();
        let users: usize = self.users.iter().map(|user| user.name.len()).sum();
        clients + users + self.clients.allocation_size() + self.users.allocation_size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: NameHash = NameHash::new(1);

    fn info(client: &str, user: &str) -> Arc<ClientInfo> {
        Arc::new(ClientInfo { client: client.into(), user: user.into(), ..ClientInfo::default() })
    }

    fn counts(members: &Members) -> (usize, usize) {
        let stats = members.stats();
        (stats.clients, stats.users)
    }

    #[test]
    fn users_are_counted_by_their_clients() {
        let mut members = Members::default();
        for (client, user, expected) in [
            ("a", "1", (1, 1)),
            ("b", "1", (2, 1)),
            ("c", "", (3, 2)),
            ("d", "", (4, 2)),
            ("a", "1", (4, 2)),
            ("a", "2", (4, 3)),
            ("b", "2", (4, 2)),
        ] {
            members.insert(HASH, &info(client, user));
            assert_eq!(counts(&members), expected, "{client} {user}");
        }
        for (client, expected) in
            [("a", (3, 2)), ("a", (3, 2)), ("nobody", (3, 2)), ("b", (2, 1)), ("c", (1, 1)), ("d", (0, 0))]
        {
            members.remove(HASH, client);
            assert_eq!(counts(&members), expected, "{client}");
        }
        assert!(members.is_empty());
    }

    #[test]
    fn a_list_says_whether_it_is_cut() {
        let mut members = Members::default();
        ["a", "b", "c"].iter().for_each(|client| members.insert(HASH, &info(client, client)));
        for (max, length, is_cut) in [(0, 0, true), (2, 2, true), (3, 3, false), (4, 3, false)] {
            let list = members.list(max);
            assert_eq!((list.clients.len(), list.is_cut), (length, is_cut), "{max}");
        }
    }

    #[test]
    fn entering_again_replaces_what_is_known() {
        let mut members = Members::default();
        members.insert(HASH, &info("a", "1"));
        let later = Arc::new(ClientInfo { chan_info: Some((*b"{}").into()), ..(*info("a", "1")).clone() });
        members.insert(HASH, &later);
        assert_eq!(members.list(9).clients, [later]);
    }
}
