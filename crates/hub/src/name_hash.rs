//! How names find their place in a table.

use std::hash::Hasher;

/// Hashes names so that nobody outside can choose names that collide: SipHash, begun with the hub's seed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NameHash {
    seed: u64,
}

impl NameHash {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed }
    }

    pub(crate) fn of(self, name: &str) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        hasher.write_u64(self.seed);
        hasher.write(name.as_bytes());
        hasher.finish()
    }
}
