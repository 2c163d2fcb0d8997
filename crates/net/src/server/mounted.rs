//! A server inside somebody's HTTP server.

use super::{Handle, Running};
use crate::mount::Mount;

impl Running {
    /// Where requests of somebody's HTTP server are brought to: see [`mount`](crate::mount).
    #[must_use]
    pub fn mount(&self) -> Mount {
        self.handle.mount()
    }
}

impl Handle {
    /// As [`Running::mount`].
    #[must_use]
    pub fn mount(&self) -> Mount {
        Mount::new(self.remotes().to_vec())
    }
}
