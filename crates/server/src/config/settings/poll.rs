//! `poll.*`: publications for the asking, without a session.

use std::time::Duration;

/// `poll.*` (own).
#[derive(Debug, Clone, PartialEq)]
pub struct Poll {
    /// `enabled`: there is a poll endpoint. Default false; the development profile has it.
    pub enabled: bool,
    /// `handler_prefix`: its path, default `/connection/poll`.
    pub handler_prefix: String,
    /// `wait_max`: the longest a poll waits, whatever it asks for, default 25 s: shorter than proxies wait for an answer.
    pub wait_max: Duration,
    /// `waiting_limit`: polls that may wait at once, default 10,000; one beyond is answered 503. As many connections
    /// on which one waits, or has waited, do not count for `http_server.connection_limit`.
    pub waiting_limit: usize,
    /// `response_max_size`: bytes of publications in one answer, default 1 MiB, or one publication of any size; the rest is
    /// for the next poll.
    pub response_max_size: usize,
    /// `unsent_max_size`: bytes of all answers that wait to be sent, one that several are sent once, default 256 MiB; beyond it
    /// polls that would bring something are answered 503.
    pub unsent_max_size: usize,
}

impl Default for Poll {
    fn default() -> Self {
        Self {
            enabled: false,
            handler_prefix: "/connection/poll".into(),
            wait_max: Duration::from_secs(25),
            waiting_limit: 10_000,
            response_max_size: 1024 * 1024,
            unsent_max_size: 256 * 1024 * 1024,
        }
    }
}
