//! Who is there on one shard: everybody, and the members of each group.
//!
//! Members stand in dense arrays, so that a broadcast is one walk. Each connection remembers where it stands: to leave is to
//! move the last one into its place.

use std::collections::HashMap;
use std::fmt;

use crate::shard::{ConnectionId, Slots};

/// Longest name of a group, in bytes.
pub const GROUP_NAME_BYTES_MAX: usize = 255;

/// Everybody on a shard, and its groups.
pub(super) struct Roster {
    everybody: Vec<ConnectionId>,
    seats: Slots<Seat>,
    numbers: HashMap<Box<str>, u32>,
    groups: Vec<Group>,
    free: Vec<u32>,
    groups_max: usize,
    memberships_max: usize,
}

/// What is kept of one connection: 16 bytes.
#[derive(Default)]
struct Seat {
    /// Its place among everybody, counted from 1; 0 where it is not there.
    place: u32,
    /// Absent until it joins a group.
    memberships: Option<Box<Memberships>>,
}

#[derive(Default)]
struct Memberships(Vec<Membership>);

#[derive(Clone, Copy)]
struct Membership {
    group: u32,
    place: u32,
}

struct Group {
    name: Box<str>,
    members: Vec<ConnectionId>,
}

/// Why a connection did not join a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinError {
    /// The connection has ended.
    Closed,
    /// The name is empty, or longer than 255 bytes.
    Name,
    /// The shard has as many groups as [`Options::groups_max`](crate::Options::groups_max) allows.
    TooManyGroups,
    /// The connection is in as many groups as
    /// [`Options::groups_of_connection_max`](crate::Options::groups_of_connection_max) allows.
    TooManyMemberships,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the connection has ended",
            Self::Name => "the name of a group has 1 to 255 bytes",
            Self::TooManyGroups => "the shard has as many groups as it may have",
            Self::TooManyMemberships => "the connection is in as many groups as it may be",
        })
    }
}

impl std::error::Error for JoinError {}

impl Seat {
    fn memberships(&self) -> &[Membership] {
        self.memberships.as_deref().map_or(&[], |mine| &mine.0)
    }
}

impl Roster {
    pub(super) fn new(groups_max: usize, memberships_max: usize) -> Self {
        Self {
            everybody: Vec::new(),
            seats: Slots::new(),
            numbers: HashMap::new(),
            groups: Vec::new(),
            free: Vec::new(),
            groups_max,
            memberships_max,
        }
    }

    pub(super) fn everybody(&self) -> &[ConnectionId] {
        &self.everybody
    }

    pub(super) fn members(&self, group: &str) -> &[ConnectionId] {
        self.numbers.get(group).map_or(&[], |number| &self.groups[*number as usize].members)
    }

    /// The groups that a connection is in, in no order.
    pub(super) fn groups_of(&self, id: ConnectionId) -> impl Iterator<Item = &str> {
        let seat = self.seats.get(id.slot());
        let mine = seat.map_or(&[][..], Seat::memberships);
        mine.iter().map(|membership| &*self.groups[membership.group as usize].name)
    }

    /// A connection has opened.
    pub(super) fn enter(&mut self, id: ConnectionId) {
        self.seats.reach(id.slot());
        self.everybody.push(id);
        self.seats[id.slot()] = Seat { place: self.everybody.len() as u32, memberships: None };
    }

    /// A connection has ended: it is nowhere any more.
    pub(super) fn depart(&mut self, id: ConnectionId) {
        if !self.is_there(id) {
            return;
        }
        let Seat { place, memberships } = std::mem::take(&mut self.seats[id.slot()]);
        for membership in memberships.into_iter().flat_map(|mine| mine.0) {
            self.remove(membership);
        }
        let at = place as usize - 1;
        self.everybody.swap_remove(at);
        if let Some(moved) = self.everybody.get(at) {
            self.seats[moved.slot()].place = place;
        }
    }

    /// Adds a connection to a group, which springs into being. Again is nothing.
    pub(super) fn join(&mut self, id: ConnectionId, name: &str) -> Result<(), JoinError> {
        if !self.is_there(id) {
            return Err(JoinError::Closed);
        }
        if name.is_empty() || name.len() > GROUP_NAME_BYTES_MAX {
            return Err(JoinError::Name);
        }
        let known = self.numbers.get(name).copied();
        let mine = self.seats[id.slot()].memberships();
        if known.is_some_and(|group| mine.iter().any(|membership| membership.group == group)) {
            return Ok(());
        }
        if mine.len() >= self.memberships_max {
            return Err(JoinError::TooManyMemberships);
        }
        let group = match known {
            Some(group) => group,
            None if self.numbers.len() >= self.groups_max => return Err(JoinError::TooManyGroups),
            None => self.found(name),
        };
        let members = &mut self.groups[group as usize].members;
        let membership = Membership { group, place: members.len() as u32 };
        members.push(id);
        self.seats[id.slot()].memberships.get_or_insert_default().0.push(membership);
        Ok(())
    }

    /// Takes a connection out of a group; `false`: it was not in it.
    pub(super) fn leave(&mut self, id: ConnectionId, name: &str) -> bool {
        let Some(&group) = self.numbers.get(name).filter(|_| self.is_there(id)) else { return false };
        let memberships = &mut self.seats[id.slot()].memberships;
        let Some(Memberships(mine)) = memberships.as_deref_mut() else { return false };
        let Some(at) = mine.iter().position(|membership| membership.group == group) else { return false };
        let membership = mine.swap_remove(at);
        if mine.is_empty() {
            *memberships = None;
        }
        self.remove(membership);
        true
    }

    fn is_there(&self, id: ConnectionId) -> bool {
        let place = self.seats.get(id.slot()).map_or(0, |seat| seat.place);
        place > 0 && self.everybody[place as usize - 1] == id
    }

    fn found(&mut self, name: &str) -> u32 {
        let group = Group { name: name.into(), members: Vec::new() };
        let number = if let Some(number) = self.free.pop() {
            self.groups[number as usize] = group;
            number
        } else {
            self.groups.push(group);
            self.groups.len() as u32 - 1
        };
        self.numbers.insert(name.into(), number);
        number
    }

    /// Frees the place of a membership, and the group with its last member.
    fn remove(&mut self, Membership { group: number, place }: Membership) {
        let group = &mut self.groups[number as usize];
        group.members.swap_remove(place as usize);
        if let Some(moved) = group.members.get(place as usize) {
            let theirs = self.seats[moved.slot()].memberships.as_deref_mut();
            if let Some(membership) = theirs.and_then(|all| all.0.iter_mut().find(|m| m.group == number)) {
                membership.place = place;
            }
        }
        if group.members.is_empty() {
            self.numbers.remove(&std::mem::take(&mut group.name));
            group.members = Vec::new();
            self.free.push(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(slot: u32) -> ConnectionId {
        ConnectionId::for_tests(slot, 0)
    }

    #[test]
    fn a_seat_is_small() {
        assert_eq!(size_of::<Seat>(), 16);
    }

    #[test]
    fn bounds_are_kept_and_told() {
        let mut roster = Roster::new(2, 2);
        assert_eq!(roster.join(id(0), "a"), Err(JoinError::Closed));
        (0..3).for_each(|n| roster.enter(id(n)));
        assert_eq!(
            (roster.join(id(0), ""), roster.join(id(0), &"x".repeat(256))),
            (Err(JoinError::Name), Err(JoinError::Name))
        );
        assert_eq!(
            (roster.join(id(0), "a"), roster.join(id(0), "a"), roster.join(id(1), "b")),
            (Ok(()), Ok(()), Ok(()))
        );
        assert_eq!(roster.join(id(2), "c"), Err(JoinError::TooManyGroups));
        assert_eq!(roster.join(id(0), "b"), Ok(()));
        roster.depart(id(1));
        assert!(roster.leave(id(0), "b"));
        assert_eq!(roster.join(id(2), "c"), Ok(()), "an empty group is none");
        assert_eq!(roster.join(id(0), "c"), Ok(()));
        roster.depart(id(2));
        assert_eq!(roster.join(id(0), "d"), Err(JoinError::TooManyMemberships));
    }

    #[test]
    fn a_name_of_yesterday_is_nobody() {
        let mut roster = Roster::new(9, 9);
        roster.enter(id(0));
        roster.depart(id(0));
        let next = ConnectionId::for_tests(0, 1);
        roster.enter(next);
        roster.join(next, "a").unwrap();
        assert_eq!(roster.join(id(0), "a"), Err(JoinError::Closed));
        assert!(!roster.leave(id(0), "a"));
        roster.depart(id(0));
        assert_eq!((roster.everybody(), roster.members("a")), (&[next][..], &[next][..]));
    }

    proptest! {
        #[test]
        fn it_is_as_a_plain_model_says(steps in prop::collection::vec((0..4u8, 0..8u32, 0..4usize), 0..200)) {
            let names = ["a", "b", "c", "d"];
            let mut roster = Roster::new(100, 100);
            let mut there = std::collections::BTreeMap::<u32, std::collections::BTreeSet<usize>>::new();
            for (what, slot, group) in steps {
                match what {
                    0 if !there.contains_key(&slot) => {
                        roster.enter(id(slot));
                        there.insert(slot, Default::default());
                    }
                    1 => {
                        roster.depart(id(slot));
                        there.remove(&slot);
                    }
                    2 => {
                        let joined = roster.join(id(slot), names[group]).is_ok();
                        prop_assert_eq!(joined, there.contains_key(&slot));
                        if let Some(groups) = there.get_mut(&slot) { groups.insert(group); }
                    }
                    _ => {
                        let left = roster.leave(id(slot), names[group]);
                        prop_assert_eq!(left, there.get_mut(&slot).is_some_and(|groups| groups.remove(&group)));
                    }
                }
                let mut everybody: Vec<_> = roster.everybody().iter().map(|id| id.slot()).collect();
                everybody.sort_unstable();
                prop_assert_eq!(everybody, there.keys().copied().collect::<Vec<_>>());
                for (group, name) in names.iter().enumerate() {
                    let mut members: Vec<_> = roster.members(name).iter().map(|id| id.slot()).collect();
                    members.sort_unstable();
                    let expected: Vec<_> = there.iter().filter(|(_, g)| g.contains(&group)).map(|(s, _)| *s).collect();
                    prop_assert_eq!(members, expected);
                }
                for (slot, groups) in &there {
                    let mut of: Vec<_> = roster.groups_of(id(*slot)).collect();
                    of.sort_unstable();
                    prop_assert_eq!(of, groups.iter().map(|g| names[*g]).collect::<Vec<_>>());
                }
            }
        }
    }
}
