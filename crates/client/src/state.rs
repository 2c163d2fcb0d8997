//! What a client is about.

use crate::data::Data;
use crate::error::Cause;

/// What a client is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It tries to connect, or waits before it tries again.
    Connecting {
        /// Failures since a connection last stood for a while; 0 at first.
        failures: u32,
        /// The latest failure.
        cause: Option<Cause>,
    },
    /// It is connected.
    Connected {
        /// The session's id.
        client: String,
        /// What the back end says about the connection, if anything.
        data: Option<Data>,
    },
    /// It is over, by the user's wish or the server's, and will not connect again.
    Closed(Cause),
}
