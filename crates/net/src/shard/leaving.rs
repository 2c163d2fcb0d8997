//! Connections that are to leave, one after the other: all of them in a drain, some where a server has too many.
//!
//! Who is told to leave comes back at once, here or to another server, and has a handshake and its subscriptions done. So
//! closes are paced: spread evenly over a window, in an order of chance, because connections that came one after the other
//! often have something in common, a channel, say, or a proxy.

use std::time::{Duration, Instant};

use super::connections::Connections;
use super::event::{ConnectionId, Leave};
use super::handler::Handler;

/// Closes come in small groups, so far apart: what a handler does for all of a group (sends what a channel has collected, say) it does
/// once for each.
const STEP: Duration = Duration::from_millis(16);
/// A shard that was held up goes on from where it was, at no more than twice its pace: it takes no more than this for
/// time that was its own.
const CATCH_UP: Duration = Duration::from_millis(64);

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    Everybody,
    /// So many, or all where there are fewer.
    Some(usize),
}

/// A number of connections on their way out.
pub(super) struct Leaving {
    leave: Leave,
    whom: Whom,
    /// Who leaves does so behind the events that had come in before: up to this one.
    behind: u64,
    course: Option<Course>,
}

struct Course {
    began: Instant,
    /// When the last group went.
    last: Option<Instant>,
    /// Those that are left, the next one last.
    left: Vec<ConnectionId>,
    total: usize,
}

impl Leaving {
    pub(super) fn new(leave: Leave, whom: Whom, behind: u64) -> Self {
        Self { leave, whom, behind, course: None }
    }

    pub(super) fn whom(&self) -> Whom {
        self.whom
    }

    /// The event behind which it begins.
    pub(super) fn behind(&self) -> u64 {
        self.behind
    }

    /// Asks those whose time has come. `false` when all have been asked and the window is over.
    pub(super) fn go_on<H: Handler>(&mut self, handler: &mut H, connections: &mut Connections) -> bool {
        let now = connections.now;
        let Self { leave, whom, course, .. } = self;
        let course = course.get_or_insert_with(|| Course::begin(connections, *whom));
        for _ in 0..course.due(now, leave.window) {
            if let Some(id) = course.left.pop()
                && connections.is_open(id)
            {
                handler.leave(connections, id, leave);
            }
        }
        !course.left.is_empty() || now < course.began + leave.window
    }

    /// Asks who came in when those who leave had been counted: nobody stays behind them.
    pub(super) fn ask_late<H: Handler>(
        &self,
        handler: &mut H,
        connections: &mut Connections,
        id: ConnectionId,
    ) {
        if self.whom == Whom::Everybody && self.course.is_some() && connections.is_open(id) {
            handler.leave(connections, id, &self.leave);
        }
    }

    /// How long nobody's time comes; `None` before it has begun.
    pub(super) fn rest(&self, now: Instant) -> Option<Duration> {
        let Course { began, last, left, total } = self.course.as_ref()?;
        let next = match left.len() {
            0 => *began + self.leave.window,
            left => {
                let due = *began + share(self.leave.window, total - left, *total);
                last.map_or(due, |last| due.max(last + STEP))
            }
        };
        Some(next.saturating_duration_since(now))
    }
}

impl Course {
    fn begin(connections: &mut Connections, whom: Whom) -> Self {
        let slots = 0..connections.table.len() as u32;
        let mut left: Vec<_> = slots
            .filter(|&slot| {
                let connection = &connections.table[slot];
                connection.is_open() && !connection.flags.closing
            })
            .map(|slot| connections.id(slot))
            .collect();
        let total = match whom {
            Whom::Everybody => left.len(),
            Whom::Some(count) => count.min(left.len()),
        };
        for n in 0..total {
            let other = n + connections.below(left.len() - n);
            left.swap(n, other);
        }
        left.truncate(total);
        Self { began: connections.now, last: None, left, total }
    }

    /// How many are to go now.
    fn due(&mut self, now: Instant, window: Duration) -> usize {
        let left = self.left.len();
        if window.is_zero() {
            return left;
        }
        let since = self.last.map_or(STEP, |last| now.saturating_duration_since(last));
        if since < STEP {
            return 0;
        }
        self.last = Some(now);
        let gone = self.total - left;
        let due = (count(self.total, now.saturating_duration_since(self.began), window) + 1).min(self.total);
        let most = count(2 * self.total, since.min(CATCH_UP), window).max(1);
        due.saturating_sub(gone).min(most)
    }
}

/// The part of a time that passes until the `n`th of `total`.
fn share(window: Duration, n: usize, total: usize) -> Duration {
    let nanos = window.as_nanos() * n as u128 / total.max(1) as u128;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// How many of `total` go in a part of the window.
fn count(total: usize, part: Duration, window: Duration) -> usize {
    let count = total as u128 * part.as_nanos() / window.as_nanos().max(1);
    usize::try_from(count).unwrap_or(usize::MAX)
}
