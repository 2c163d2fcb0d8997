//! Where a figure stands on a logarithmic axis.

/// Whole decades between two places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    /// Powers of ten.
    from: i32,
    to: i32,
    begin: f64,
    end: f64,
}

impl Scale {
    /// For all of these figures; what is not above zero has no place.
    pub(super) fn of(values: impl Iterator<Item = f64>, begin: f64, end: f64) -> Self {
        let logs = values.filter(|value| *value > 0.0 && value.is_finite()).map(f64::log10);
        let (least, most) = logs
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), log| (least.min(log), most.max(log)));
        if least > most {
            return Self { from: 0, to: 1, begin, end };
        }
        let from = least.floor() as i32;
        Self { from, to: (most.ceil() as i32).max(from + 1), begin, end }
    }

    /// `None` where there is no such figure on a logarithmic axis.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        if value <= 0.0 || !value.is_finite() {
            return None;
        }
        let share = (value.log10() - f64::from(self.from)) / f64::from(self.to - self.from);
        Some(self.begin + (self.end - self.begin) * share)
    }

    /// Each power of ten, and where it stands.
    pub(super) fn ticks(&self) -> impl Iterator<Item = (f64, f64)> {
        let scale = *self;
        (self.from..=self.to).filter_map(move |power| {
            let value = 10_f64.powi(power);
            Some((value, scale.place(value)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decades_stand_at_equal_distances_and_hold_all_figures() {
        let scale = Scale::of([3.0, 250.0, 0.0].into_iter(), 100.0, 400.0);
        let ticks: Vec<_> = scale.ticks().collect();
        assert_eq!(ticks, [(1.0, 100.0), (10.0, 200.0), (100.0, 300.0), (1000.0, 400.0)]);
        assert_eq!((scale.place(10.0), scale.place(0.0), scale.place(f64::NAN)), (Some(200.0), None, None));
    }

    #[test]
    fn one_figure_or_none_has_a_scale_too() {
        assert_eq!(Scale::of([10.0].into_iter(), 0.0, 1.0).ticks().count(), 2);
        assert_eq!(Scale::of(std::iter::empty(), 0.0, 1.0).ticks().count(), 2);
    }
}
