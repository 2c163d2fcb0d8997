//! When publications are made, and in which time their costs are counted.

use std::time::Duration;

/// Long enough for a rate that brings a hundred publications in it.
const TIME_MIN: Duration = Duration::from_secs(10);
/// So many publications of a slow rate, where that fits.
const PUBLICATIONS_WANTED: u32 = 4;
/// Publications come in the middle part of their intervals, one transport after the other: processor time that one of them
/// needs is no delay of the others, and each arrives in the time in which it is counted.
const EARLIEST: f64 = 0.3;
const LATEST: f64 = 0.7;

/// The time that belongs to one rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub(super) per_minute: u32,
    pub(super) interval: Duration,
    /// Published before anything is counted, so that whoever polls seldom is in its stride: it fetches then as much from
    /// before as it leaves for later.
    pub(super) lead: u32,
    /// Published while it is counted.
    pub(super) publications: u32,
}

impl Window {
    /// At least one interval, and otherwise no longer than `longest`.
    pub(super) fn new(per_minute: u32, longest: Duration, slowest_poll: Duration) -> Self {
        let interval = Duration::from_secs(60) / per_minute.max(1);
        let time = (interval * PUBLICATIONS_WANTED).max(TIME_MIN).min(longest);
        let publications = (time.as_secs_f64() / interval.as_secs_f64()).floor().max(1.0) as u32;
        // Where even the slowest poll falls behind a publication and before the end of its interval, nothing is left over.
        let is_seldom = interval.mul_f64(1.0 - LATEST) >= slowest_poll;
        let lead = if is_seldom { 0.0 } else { (slowest_poll.as_secs_f64() / interval.as_secs_f64()).ceil() };
        Self { per_minute, interval, lead: lead as u32, publications }
    }

    /// How long costs are counted.
    pub(super) fn time(&self) -> Duration {
        self.interval * self.publications
    }

    /// How long publications are made before.
    pub(super) fn lead_time(&self) -> Duration {
        self.interval * self.lead
    }

    /// When in its interval a publication comes to the transport at this place of so many.
    pub(super) fn phase(&self, place: usize, places: usize) -> Duration {
        self.interval.mul_f64(EARLIEST + (LATEST - EARLIEST) * place as f64 / places.max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(per_minute: u32) -> Window {
        Window::new(per_minute, Duration::from_secs(60), Duration::from_secs(5))
    }

    #[test]
    fn slow_rates_are_watched_for_as_long_as_it_takes_and_fast_ones_shortly() {
        let seconds = |per_minute| (window(per_minute).publications, window(per_minute).time().as_secs());
        assert_eq!(
            [seconds(1), seconds(6), seconds(60), seconds(600)],
            [(1, 60), (4, 40), (10, 10), (100, 10)]
        );
        let short = Window::new(1, Duration::from_secs(2), Duration::from_secs(5));
        assert_eq!((short.publications, short.time().as_secs()), (1, 60), "one publication at least");
    }

    #[test]
    fn who_polls_seldom_is_in_its_stride_before_it_is_counted() {
        let lead = |per_minute| (window(per_minute).lead, window(per_minute).lead_time().as_secs());
        assert_eq!([lead(1), lead(6), lead(60), lead(600)], [(0, 0), (1, 10), (5, 5), (50, 5)]);
    }

    #[test]
    fn transports_take_turns_in_an_interval() {
        let phases: Vec<_> = (0..6).map(|place| window(600).phase(place, 6).as_millis()).collect();
        assert!(phases.is_sorted_by(|earlier, later| earlier < later), "{phases:?}");
        assert!(phases[0] >= 29 && phases[5] <= 70, "{phases:?}");
    }
}
