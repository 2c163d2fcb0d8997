//! Whose connection it is that came in at a listener all shards share: each shard's in turn.

use std::collections::VecDeque;

use super::remote::Remote;
use crate::driver::Guest;

/// The shards of a server, as one of them deals connections out to them.
pub(super) struct Deal<E> {
    shards: Vec<Remote<E>>,
    own: usize,
    next: usize,
    /// Those that are ours; emptied each turn, so at most one turn's accepts.
    ours: VecDeque<Guest>,
}

impl<E> Deal<E> {
    /// For a shard without others.
    pub(super) fn alone() -> Self {
        Self::new(Vec::new(), 0)
    }

    pub(super) fn new(shards: Vec<Remote<E>>, own: usize) -> Self {
        Self { shards, own, next: own, ours: VecDeque::new() }
    }

    /// Gives a connection to the shard that has its turn. One that cannot take it (its control lane is full, or it has
    /// ended) leaves it to us.
    pub(super) fn out(&mut self, guest: Guest) {
        let turn = self.next;
        self.next = (turn + 1) % self.shards.len().max(1);
        let left = match self.shards.get(turn) {
            Some(shard) if turn != self.own => shard.receive_guest(guest).err(),
            _ => Some(guest),
        };
        self.ours.extend(left);
    }

    /// The next that is ours.
    pub(super) fn own(&mut self) -> Option<Guest> {
        self.ours.pop_front()
    }
}
