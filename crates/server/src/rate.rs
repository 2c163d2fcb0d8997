//! How fast something may go: so many a second, and as many at once.

/// A bucket that fills steadily up to what one second brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bucket {
    per_second: u32,
    /// Thousandths of what may be taken at once.
    left_milli: u64,
    filled_ms: u64,
}

impl Bucket {
    /// A full bucket; `None` for a rate of 0, which means that there is no limit.
    pub(crate) fn new(per_second: u32, now_ms: u64) -> Option<Self> {
        (per_second > 0).then_some(Self {
            per_second,
            left_milli: u64::from(per_second) * 1000,
            filled_ms: now_ms,
        })
    }

    /// Takes one; `false` if there is none.
    pub(crate) fn take(&mut self, now_ms: u64) -> bool {
        let per_second = u64::from(self.per_second);
        let gained = now_ms.saturating_sub(self.filled_ms).saturating_mul(per_second);
        self.left_milli = self.left_milli.saturating_add(gained).min(per_second * 1000);
        self.filled_ms = now_ms;
        let is_there = self.left_milli >= 1000;
        if is_there {
            self.left_milli -= 1000;
        }
        is_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_brings_what_the_rate_says_and_no_more_is_saved() {
        let mut bucket = Bucket::new(3, 1_000).unwrap();
        assert_eq!((0..5).filter(|_| bucket.take(1_000)).count(), 3);
        assert_eq!((0..5).filter(|_| bucket.take(1_400)).count(), 1);
        assert_eq!((0..5).filter(|_| bucket.take(900_000)).count(), 3);
        assert!(Bucket::new(0, 0).is_none());
    }
}
