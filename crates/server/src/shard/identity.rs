//! Ids of sessions: random, so that nobody can name the session of another, and yet found without an index.
//!
//! Four of the sixteen bytes say in which slot of its shard a session is, hidden behind a mask of the process; the rest is
//! drawn from the system. Whoever looks a session up by its id looks into that slot, and compares all of it.

/// Ids drawn from the system in one call.
const BATCH: usize = 64;
/// Which bytes hold the slot: the last ones, which are all free (RFC 9562 §5.4).
const SLOT_AT: usize = 12;

/// A supply of ids, filled by one system call for many.
#[derive(Debug)]
pub(super) struct ClientIds {
    drawn: [[u8; 16]; BATCH],
    left: usize,
    mask: u32,
}

impl ClientIds {
    /// `mask` hides the slots; the same on all shards of a node, new in each process.
    pub(super) fn new(mask: u32) -> Self {
        Self { drawn: [[0; 16]; BATCH], left: 0, mask }
    }

    /// A new id for the session in this slot: a UUID of version 4 (RFC 9562 §5.4), 90 of its bits random.
    ///
    /// # Panics
    /// If the system has no randomness to give: no id would be safe.
    pub(super) fn next(&mut self, slot: u32) -> [u8; 16] {
        if self.left == 0 {
            getrandom::fill(self.drawn.as_flattened_mut()).expect("the system gives randomness");
            self.left = BATCH;
        }
        self.left -= 1;
        let mut id = self.drawn[self.left];
        id[6] = id[6] & 0x0f | 0x40;
        id[8] = id[8] & 0x3f | 0x80;
        // What is random about the id goes into the mask, too: equal slots do not look alike.
        let hidden = slot ^ self.mask ^ scatter(&id);
        id[SLOT_AT..].copy_from_slice(&hidden.to_be_bytes());
        id
    }

    /// The slot of the session with this id, if there is such a session on this shard.
    pub(super) fn slot_of(&self, id: &[u8; 16]) -> u32 {
        let [.., a, b, c, d] = *id;
        u32::from_be_bytes([a, b, c, d]) ^ self.mask ^ scatter(id)
    }
}

/// A number from the random part of an id (FNV-1a).
fn scatter(id: &[u8; 16]) -> u32 {
    id[..SLOT_AT].iter().fold(0x811c_9dc5, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn an_id_leads_to_its_slot_and_is_a_uuid() {
        let mut ids = ClientIds::new(0xdead_beef);
        let mut seen = HashSet::new();
        for slot in (0..200).chain([u32::MAX]) {
            let id = ids.next(slot);
            assert_eq!(ids.slot_of(&id), slot);
            assert_eq!((id[6] >> 4, id[8] >> 6), (4, 2));
            assert!(seen.insert(id));
        }
    }
}
