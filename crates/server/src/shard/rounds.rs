//! Rounds through the channels of a shard: a part of them at a time, so that no turn is long.

use std::ops::Range;
use std::time::{Duration, Instant};

/// A round has so many parts, spread over its time.
const PARTS: u32 = 16;

/// How far the shard has come in its round.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    /// Places in the table of channels that have had their turn.
    looked_at: usize,
    next: Option<Instant>,
}

impl Rounds {
    /// The places whose turn it is now, perhaps none, and when to ask again. A round takes `delay`; zero: there are none.
    pub(super) fn look(
        &mut self,
        now: Instant,
        delay: Duration,
        places: usize,
    ) -> (Range<usize>, Option<Duration>) {
        let interval = delay / PARTS;
        if interval.is_zero() || places == 0 {
            self.next = None;
            return (0..0, None);
        }
        let next = *self.next.get_or_insert(now + interval);
        if now < next {
            return (0..0, Some(next - now));
        }
        self.next = Some(now + interval);
        let from = if self.looked_at < places { self.looked_at } else { 0 };
        let to = places.min(from + places.div_ceil(PARTS as usize));
        self.looked_at = to;
        (from..to, Some(interval))
    }

    /// These places could not be looked at: they are the next ones again.
    pub(super) fn not_looked_at(&mut self, part: Range<usize>) {
        self.looked_at = part.start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_its_turn_in_a_round() {
        let (began, delay) = (Instant::now(), Duration::from_secs(16));
        for places in [1, 15, 16, 17, 1000] {
            let mut rounds = Rounds::default();
            assert_eq!(rounds.look(began, delay, places), (0..0, Some(Duration::from_secs(1))));
            let parts = (1..=16).map(|s| rounds.look(began + Duration::from_secs(s), delay, places).0);
            let mut looked_at = vec![0; places];
            parts.flatten().for_each(|place| looked_at[place] += 1);
            assert!(looked_at.iter().all(|times| *times > 0), "{looked_at:?}");
        }
        let mut rounds = Rounds::default();
        rounds.look(began, delay, 32);
        let part = rounds.look(began + delay, delay, 32).0;
        rounds.not_looked_at(part.clone());
        assert_eq!(rounds.look(began + 2 * delay, delay, 32).0, part);
        assert_eq!(Rounds::default().look(began, Duration::ZERO, 7), (0..0, None), "never");
        assert_eq!(Rounds::default().look(began, delay, 0), (0..0, None), "nothing to look at");
    }
}
