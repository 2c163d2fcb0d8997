//! Where a channel stands between two fan-outs: it has one wave at a time, and rests after it.

use std::time::{Duration, Instant};

use wavecast_net::shard::WaveId;

/// After a wave a channel rests for this part of the wave's time…
const REST_PART: u32 = 16;
/// …and no longer than this.
const REST_MAX: Duration = Duration::from_millis(2);

/// Where the channel stands between two fan-outs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Wave {
    /// The next one may start.
    #[default]
    None,
    /// One is under way.
    UnderWay { id: WaveId, since: Instant },
    /// One has just ended, and the next may not start before.
    Resting { until: Instant },
}

impl Wave {
    /// A fan-out has begun that takes more than a turn. Says whether none was under way.
    pub(super) fn launched(&mut self, id: WaveId, now: Instant) -> bool {
        let before = std::mem::replace(self, Self::UnderWay { id, since: now });
        !matches!(before, Self::UnderWay { .. })
    }

    /// Looks whether the wave has ended; says whether it is still under way. After a wave a channel rests for a small part
    /// of the time that the wave took: what is published in answer to it comes in a burst, and then goes with one wave
    /// instead of two.
    pub(super) fn look(&mut self, now: Instant, is_under_way: impl Fn(WaveId) -> bool) -> bool {
        let Self::UnderWay { id, since } = *self else { return false };
        if is_under_way(id) {
            return true;
        }
        let rest = (now.duration_since(since) / REST_PART).min(REST_MAX);
        *self = Self::Resting { until: now + rest };
        false
    }

    /// How long a run has to wait for the wave to end (zero: nobody knows) or the rest to be over; a full run does not wait
    /// for a rest.
    pub(super) fn has_to_wait(&mut self, now: Instant, is_full: bool) -> Option<Duration> {
        match *self {
            Self::None => None,
            Self::UnderWay { .. } => Some(Duration::ZERO),
            Self::Resting { until } if now < until && !is_full => Some(until - now),
            Self::Resting { .. } => {
                *self = Self::None;
                None
            }
        }
    }
}
