//! Figures side by side for people: one column a run, and the median where there are several.

use std::fmt::Write;

/// Rows of figures under the names of columns.
#[derive(Debug)]
pub(super) struct Table {
    title: String,
    rows: Vec<(String, Vec<Option<f64>>)>,
    notes: Vec<String>,
}

impl Table {
    pub(super) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), rows: Vec::new(), notes: Vec::new() }
    }

    /// A figure with its value in each run; `None` is shown as a dash.
    pub(super) fn row(&mut self, label: impl Into<String>, values: Vec<Option<f64>>) {
        self.rows.push((label.into(), values));
    }

    /// The same rows of several runs, turned into columns.
    pub(super) fn runs(&mut self, prefix: &str, runs: &[Vec<(&'static str, Option<f64>)>]) {
        let Some(first) = runs.first() else { return };
        for (index, (label, _)) in first.iter().enumerate() {
            let values = runs.iter().map(|run| run.get(index).and_then(|(_, value)| *value)).collect();
            self.row(format!("{prefix}{label}"), values);
        }
    }

    /// A line below the table.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Labels to the left, figures to the right; with more than one run, their median first.
    pub(super) fn render(&self) -> String {
        let runs = self.rows.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
        let mut lines = Vec::new();
        if runs > 1 {
            let names = (1..=runs).map(|run| format!("run {run}"));
            lines.push([String::new(), "median".into()].into_iter().chain(names).collect::<Vec<_>>());
        }
        for (label, values) in &self.rows {
            let middle = (runs > 1).then(|| figure(median(values.iter().copied().flatten())));
            let figures = values.iter().map(|value| figure(*value));
            lines.push([label.clone()].into_iter().chain(middle).chain(figures).collect());
        }
        let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max()
        };
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let mut out = format!("{}\n", self.title);
        for line in &lines {
            let mut row = String::from(" ");
            for (column, cell) in line.iter().enumerate() {
                let padding = " ".repeat(widths[column] - cell.chars().count());
                let _ = if column == 0 {
                    write!(row, " {cell}{padding}")
                } else {
                    write!(row, "  {padding}{cell}")
                };
            }
            out.push_str(row.trim_end());
            out.push('\n');
        }
        for note in &self.notes {
            let _ = writeln!(out, "  {note}");
        }
        out
    }
}

/// The middle value, or the mean of the two in the middle.
pub(super) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// As many decimals as a reader can use, thousands set apart.
fn figure(value: Option<f64>) -> String {
    let Some(value) = value else { return "–".into() };
    if value.fract() == 0.0 || value.abs() >= 1000.0 {
        return grouped(value.round() as i64);
    }
    match value.abs() {
        100.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut out = String::from(if value < 0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_odd_even_and_none() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), Some(2.5));
        assert_eq!(median(std::iter::empty()), None);
    }

    #[test]
    fn figures_have_useful_decimals() {
        let shown =
            [Some(0.1234), Some(4.236), Some(123.46), Some(1_234_567.8), Some(16.0), Some(-1234.5), None];
        assert_eq!(shown.map(figure), ["0.123", "4.24", "123.5", "1,234,568", "16", "-1,235", "–"]);
    }

    #[test]
    fn one_run_has_no_median_and_several_have() {
        let mut table = Table::new("title");
        table.runs("", &[vec![("first", Some(1.0)), ("second", None)]]);
        assert_eq!(table.render(), "title\n  first   1\n  second  –\n");
        let mut table = Table::new("title");
        table.runs("", &[vec![("µs", Some(1.5))], vec![("µs", Some(2.5))], vec![("µs", Some(9.0))]]);
        table.note("note");
        assert_eq!(
            table.render(),
            "title\n      median  run 1  run 2  run 3\n  µs    2.50   1.50   2.50      9\n  note\n"
        );
    }
}
