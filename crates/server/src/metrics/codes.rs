//! A number for each code that comes: of closes, of errors, of answers.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::counter::Shared;

/// So many different codes are told apart. Ours are some forty; back ends add their own, and may add any.
const CODES_MAX: usize = 64;
/// A place that no code has taken.
const FREE: u32 = u32::MAX;

/// A bounded table without a lock. The codes that come first have a place of their own, what comes when all are taken is
/// counted together.
#[derive(Debug)]
pub(crate) struct Codes {
    places: [(AtomicU32, Shared); CODES_MAX],
    others: Shared,
}

impl Default for Codes {
    fn default() -> Self {
        Self {
            places: std::array::from_fn(|_| (AtomicU32::new(FREE), Shared::default())),
            others: Shared::default(),
        }
    }
}

impl Codes {
    /// Stands for all codes that have no place.
    pub(crate) const OTHER: u32 = FREE;

    /// A code as the label of a metric.
    pub(crate) fn label(code: u32) -> String {
        if code == Self::OTHER { "other".into() } else { code.to_string() }
    }

    /// One more with this code.
    pub(crate) fn add(&self, code: u32) {
        self.of(code).add(1);
    }

    /// Every code that has come, with its number; the others, if there are any, with [`Codes::OTHER`].
    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, u64)> {
        let taken = self.places.iter().map(|(code, number)| (code.load(Relaxed), number.get()));
        let taken = taken.filter(|(code, _)| *code != FREE);
        taken.chain([(Self::OTHER, self.others.get())]).filter(|(_, number)| *number > 0)
    }

    fn of(&self, code: u32) -> &Shared {
        if code == FREE {
            return &self.others;
        }
        for (place, number) in &self.places {
            let mut taken = place.load(Relaxed);
            if taken == FREE {
                // Whoever loses a free place looks who has got it.
                taken =
                    place.compare_exchange(FREE, code, Relaxed, Relaxed).map_or_else(|other| other, |_| code);
            }
            if taken == code {
                return number;
            }
        }
        &self.others
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_first_has_a_place_and_the_rest_share_one() {
        let codes = Codes::default();
        for code in (0..100).chain(0..50) {
            codes.add(code);
        }
        let all: Vec<_> = codes.all().collect();
        assert_eq!(all.len(), CODES_MAX + 1);
        assert_eq!((all[0], all[49], all[50], all[63]), ((0, 2), (49, 2), (50, 1), (63, 1)));
        assert_eq!(all[64], (Codes::OTHER, 36));
    }

    #[test]
    fn threads_that_come_at_once_lose_nothing() {
        let codes = Codes::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..4000).for_each(|n| codes.add(n % 40)));
            }
        });
        let all: Vec<_> = codes.all().collect();
        assert_eq!(all.len(), 40);
        assert!(all.iter().all(|(_, number)| *number == 400), "{all:?}");
    }
}
