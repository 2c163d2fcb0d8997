//! Keys of the poll endpoint.

use super::key::{HOUR, Key, MIB, SECOND, key};
use crate::config::settings::Config;
use crate::config::slot::Slot;

/// `poll.*`.
pub(super) const POLL: &[Key<Config>] = &[
    key("poll.enabled", "publications for the asking, without a session", |c| {
        Slot::Switch(&mut c.poll.enabled)
    }),
    key("poll.handler_prefix", "path of the poll endpoint", |c| Slot::Path(&mut c.poll.handler_prefix)),
    key("poll.wait_max", "the longest a poll waits, whatever it asks for", |c| {
        Slot::Time(&mut c.poll.wait_max, SECOND..=HOUR)
    }),
    key("poll.waiting_limit", "polls that may wait at once; beyond: 503", |c| {
        Slot::Number(&mut c.poll.waiting_limit, 1..=1_000_000)
    }),
    key(
        "poll.response_max_size",
        "bytes of publications in one answer; the rest is for the next poll",
        |c| Slot::Number(&mut c.poll.response_max_size, 1024..=64 * MIB),
    ),
    key("poll.unsent_max_size", "bytes of answers that wait to be sent; beyond: 503", |c| {
        Slot::Number(&mut c.poll.unsent_max_size, MIB..=1024 * 1024 * MIB)
    }),
];
