//! How many publications are under way at once.

use super::process::WorkerId;

/// When the next publication is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Always so many outstanding: the next is sent when the oldest has reached everyone.
    Window(u32),
    /// So many at once, the next lot when all of them have reached everyone.
    Lot(u32),
}

/// Publications sent and arrived, numbered from 1.
#[derive(Debug)]
pub(super) struct Window {
    pace: Pace,
    sent: u32,
    /// What each load has seen reach all of its subscribers.
    reached: Vec<(WorkerId, u32)>,
}

impl Window {
    pub(super) fn new(pace: Pace, loads: &[WorkerId]) -> Self {
        Self { pace, sent: 0, reached: loads.iter().map(|&load| (load, 0)).collect() }
    }

    /// Every subscriber has received all publications up to this one.
    pub(super) fn arrived(&self) -> u32 {
        self.reached.iter().map(|&(_, sequence)| sequence).min().unwrap_or(self.sent)
    }

    pub(super) fn sent(&self) -> u32 {
        self.sent
    }

    /// How many to send now, so that no more than `last` are sent in all.
    pub(super) fn due(&self, last: u32) -> u32 {
        let outstanding = self.sent - self.arrived();
        let due = match self.pace {
            Pace::Window(size) => size.saturating_sub(outstanding),
            Pace::Lot(size) if outstanding == 0 => size,
            Pace::Lot(_) => 0,
        };
        due.min(last.saturating_sub(self.sent))
    }

    /// Counts publications as sent; the first of them has the number that is returned.
    pub(super) fn send(&mut self, count: u32) -> u32 {
        self.sent += count;
        self.sent - count + 1
    }

    pub(super) fn reach(&mut self, load: WorkerId, sequence: u32) {
        for (id, reached) in &mut self.reached {
            if *id == load {
                *reached = sequence.clamp(*reached, self.sent);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_slides_with_the_slowest_load() {
        let mut window = Window::new(Pace::Window(4), &[1, 2]);
        assert_eq!(window.due(10), 4);
        assert_eq!(window.send(4), 1);
        assert_eq!(window.due(10), 0);
        window.reach(1, 4);
        assert_eq!(window.due(10), 0);
        window.reach(2, 1);
        assert_eq!((window.arrived(), window.due(10)), (1, 1));
        assert_eq!(window.send(1), 5);
        window.reach(1, 5);
        window.reach(2, 5);
        assert_eq!(window.due(7), 2);
        assert_eq!(window.due(5), 0);
    }

    #[test]
    fn lot_waits_for_all_of_it() {
        let mut window = Window::new(Pace::Lot(16), &[0]);
        assert_eq!(window.due(40), 16);
        window.send(16);
        window.reach(0, 15);
        assert_eq!(window.due(40), 0);
        window.reach(0, 16);
        assert_eq!(window.due(40), 16);
        window.send(16);
        window.reach(0, 32);
        assert_eq!(window.due(40), 8);
    }

    #[test]
    fn what_was_not_sent_cannot_arrive() {
        let mut window = Window::new(Pace::Window(1), &[0]);
        window.reach(0, 9);
        assert_eq!(window.arrived(), 0);
    }
}
