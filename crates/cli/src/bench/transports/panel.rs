//! One part of the picture: lines over the rates, or a row for each transport.

use std::fmt::Write;

use super::scale::Scale;

/// Where a panel lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Room for the panel's name.
const NAME: f64 = 34.0;
/// Room for the numbers of an axis, below and at the left.
const BELOW: f64 = 24.0;
const BESIDE: f64 = 48.0;
/// Room for the names of rows.
const ROW_NAMES: f64 = 84.0;
/// Room for a figure at the end of its bar.
const FIGURE: f64 = 44.0;

/// One line: the number of its colour, and its figures at the rates.
pub(super) type Line = (usize, Vec<(u32, f64)>);

/// One row: the number of its colour, its name, and its figures: from and to, or one.
pub(super) type Row = (usize, String, Option<(f64, f64)>);

impl Frame {
    /// Lines over the rates, both axes logarithmic.
    pub(super) fn lines(self, name: &str, rates: &[(u32, String)], lines: &[Line], out: &mut String) {
        self.name(name, out);
        let (left, right) = (self.left + BESIDE, self.left + self.width - 12.0);
        let (top, bottom) = (self.top + NAME, self.top + self.height - BELOW);
        let figures = lines.iter().flat_map(|(_, points)| points.iter().map(|(_, value)| *value));
        let up = Scale::of(figures, bottom, top);
        for (value, y) in up.ticks() {
            let _ = write!(out, r#"<path class="grid" d="M{left:.1} {y:.1}H{right:.1}"/>"#);
            let (x, y) = (left - 8.0, y + 4.0);
            let _ = write!(
                out,
                r#"<text class="soft" x="{x:.1}" y="{y:.1}" text-anchor="end">{}</text>"#,
                number(value)
            );
        }
        // The slowest rate stands at the left edge and the fastest at the right one, whatever decades they are in.
        let logs: Vec<f64> = rates.iter().map(|(rate, _)| f64::from(*rate).log10()).collect();
        let (first, last) = (logs.first().copied().unwrap_or(0.0), logs.last().copied().unwrap_or(0.0));
        let margin = 14.0;
        let across = |rate: u32| {
            let share = (f64::from(rate).log10() - first) / (last - first).max(1e-9);
            left + margin + (right - left - 2.0 * margin) * share
        };
        for (rate, words) in rates {
            let (x, y) = (across(*rate), bottom + 18.0);
            let _ = write!(
                out,
                r#"<text class="soft" x="{x:.1}" y="{y:.1}" text-anchor="middle">{words}</text>"#
            );
        }
        for (colour, points) in lines {
            let places: Vec<(f64, f64)> =
                points.iter().filter_map(|(rate, value)| Some((across(*rate), up.place(*value)?))).collect();
            let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
            let _ = write!(out, r#"<path class="line c{colour}" d="M{}"/>"#, path.join("L"));
            for (x, y) in places {
                let _ = write!(out, r#"<circle class="dot c{colour}" cx="{x:.1}" cy="{y:.1}" r="3.5"/>"#);
            }
        }
    }

    /// A row for each transport, from one figure to another on a logarithmic axis.
    pub(super) fn ranges(self, name: &str, rows: &[Row], out: &mut String) {
        self.name(name, out);
        let (left, right) = (self.left + ROW_NAMES + 12.0, self.left + self.width - 24.0);
        let bottom = self.top + self.height - BELOW;
        let figures = rows.iter().filter_map(|(.., figures)| *figures).flat_map(|(from, to)| [from, to]);
        let along = Scale::of(figures, left, right);
        for (value, x) in along.ticks() {
            let top = self.top + NAME - 6.0;
            let _ = write!(out, r#"<path class="grid" d="M{x:.1} {top:.1}V{bottom:.1}"/>"#);
            let y = bottom + 18.0;
            let _ = write!(
                out,
                r#"<text class="soft" x="{x:.1}" y="{y:.1}" text-anchor="middle">{}</text>"#,
                number(value)
            );
        }
        for ((colour, name, figures), y) in rows.iter().zip(self.rows(rows.len())) {
            self.row_name(name, y, out);
            let Some((from, to)) = figures.and_then(|(from, to)| along.place(from).zip(along.place(to)))
            else {
                continue;
            };
            let _ = write!(out, r#"<path class="range c{colour}" d="M{from:.1} {y:.1}H{to:.1}"/>"#);
            let _ = write!(out, r#"<circle class="dot c{colour}" cx="{from:.1}" cy="{y:.1}" r="5"/>"#);
            let _ = write!(out, r#"<path class="end c{colour}" d="M{to:.1} {:.1}v12"/>"#, y - 6.0);
        }
    }

    /// A bar for each transport, from zero.
    pub(super) fn bars(self, name: &str, rows: &[Row], out: &mut String) {
        self.name(name, out);
        let (left, right) = (self.left + ROW_NAMES + 12.0, self.left + self.width - FIGURE);
        let most = rows.iter().filter_map(|(.., figures)| Some(figures.as_ref()?.1)).fold(0.0, f64::max);
        for ((colour, name, figures), y) in rows.iter().zip(self.rows(rows.len())) {
            self.row_name(name, y, out);
            let value = figures.map(|(_, value)| value);
            let width = value.map_or(0.0, |value| (right - left) * value / most.max(1e-9));
            let _ = write!(
                out,
                r#"<rect class="bar c{colour}" x="{left:.1}" y="{:.1}" width="{width:.1}" height="14" rx="2"/>"#,
                y - 7.0
            );
            let words = value.map_or_else(|| "–".into(), |value| format!("{value:.1}"));
            let (x, y) = (left + width + 6.0, y + 4.5);
            let _ = write!(out, r#"<text x="{x:.1}" y="{y:.1}">{words}</text>"#);
        }
    }

    fn name(self, name: &str, out: &mut String) {
        let _ = write!(
            out,
            r#"<text class="name" x="{:.1}" y="{:.1}">{name}</text>"#,
            self.left,
            self.top + 14.0
        );
    }

    /// The middle of each row.
    fn rows(self, count: usize) -> impl Iterator<Item = f64> {
        let height = (self.height - NAME - BELOW) / count.max(1) as f64;
        (0..count).map(move |row| self.top + NAME + height * (row as f64 + 0.5))
    }

    fn row_name(self, name: &str, y: f64, out: &mut String) {
        let (x, y) = (self.left + ROW_NAMES, y + 4.5);
        let _ = write!(out, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="end">{name}</text>"#);
    }
}

/// A power of ten, as short as it can be read.
fn number(value: f64) -> String {
    match value {
        1_000_000.0.. => format!("{} M", value / 1e6),
        1000.0.. => format!("{} k", value / 1e3),
        1.0.. => format!("{value}"),
        _ => format!("{value:.*}", -value.log10().floor() as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_ten_are_short() {
        let shown = [1e6, 1e5, 1e3, 10.0, 1.0, 0.1, 0.01].map(number);
        assert_eq!(shown, ["1 M", "100 k", "1 k", "10", "1", "0.1", "0.01"]);
    }
}
