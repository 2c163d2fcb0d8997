//! Ids of sessions: random, so that nobody can name the session of another.

/// Ids drawn from the system in one call.
const BATCH: usize = 64;

/// A supply of ids, filled by one system call for many.
#[derive(Debug)]
pub(super) struct ClientIds {
    drawn: [[u8; 16]; BATCH],
    left: usize,
}

impl Default for ClientIds {
    fn default() -> Self {
        Self { drawn: [[0; 16]; BATCH], left: 0 }
    }
}

impl ClientIds {
    /// A new id: a UUID of version 4 (RFC 9562 §5.4).
    ///
    /// # Panics
    /// If the system has no randomness to give: no id would be safe.
    pub(super) fn next(&mut self) -> [u8; 16] {
        if self.left == 0 {
            getrandom::fill(self.drawn.as_flattened_mut()).expect("the system gives randomness");
            self.left = BATCH;
        }
        self.left -= 1;
        let mut id = self.drawn[self.left];
        id[6] = id[6] & 0x0f | 0x40;
        id[8] = id[8] & 0x3f | 0x80;
        id
    }
}
