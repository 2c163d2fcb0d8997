//! Figures side by side for people: one column a run with the median before them, or columns with names of their own.

use std::fmt::Write;

/// Rows of figures under the names of columns.
#[derive(Debug)]
pub(super) struct Table {
    title: String,
    columns: Columns,
    rows: Vec<(String, Vec<Option<f64>>)>,
    notes: Vec<String>,
}

#[derive(Debug)]
enum Columns {
    Runs,
    Named(Vec<String>),
}

impl Table {
    /// Columns are runs of the same thing.
    pub(super) fn of_runs(title: String) -> Self {
        Self { title, columns: Columns::Runs, rows: Vec::new(), notes: Vec::new() }
    }

    /// Columns are different things.
    pub(super) fn of_columns(title: String, names: Vec<String>) -> Self {
        Self { title, columns: Columns::Named(names), rows: Vec::new(), notes: Vec::new() }
    }

    /// A figure with its value in each run; `None` is shown as a dash.
    pub(super) fn row(&mut self, label: impl Into<String>, values: Vec<Option<f64>>) {
        self.rows.push((label.into(), values));
    }

    /// Adds columns that have the same rows.
    pub(super) fn columns(&mut self, columns: &[Vec<(&'static str, Option<f64>)>]) {
        let Some(first) = columns.first() else { return };
        for (index, (label, _)) in first.iter().enumerate() {
            let values =
                columns.iter().map(|column| column.get(index).and_then(|(_, value)| *value)).collect();
            self.row(*label, values);
        }
    }

    /// A line below the table.
    pub(super) fn note(&mut self, text: Option<&str>) {
        self.notes.extend(text.map(str::to_owned));
    }

    /// Labels to the left, figures to the right; with more than one run, their median first.
    pub(super) fn render(&self) -> String {
        let count = self.rows.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
        let with_median = count > 1 && matches!(self.columns, Columns::Runs);
        let mut lines = match &self.columns {
            Columns::Runs if count > 1 => {
                let runs = (1..=count).map(|run| format!("run {run}"));
                vec![[String::new(), "median".into()].into_iter().chain(runs).collect::<Vec<_>>()]
            }
            Columns::Runs => Vec::new(),
            Columns::Named(names) => vec![[String::new()].into_iter().chain(names.iter().cloned()).collect()],
        };
        for (label, values) in &self.rows {
            let middle = with_median.then(|| figure(median(values.iter().copied().flatten())));
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
        let mut table = Table::of_runs("title".into());
        table.columns(&[vec![("first", Some(1.0)), ("second", None)]]);
        assert_eq!(table.render(), "title\n  first   1\n  second  –\n");
        let mut table = Table::of_runs("title".into());
        table.columns(&[vec![("µs", Some(1.5))], vec![("µs", Some(2.5))], vec![("µs", Some(9.0))]]);
        table.note(Some("note"));
        assert_eq!(
            table.render(),
            "title\n      median  run 1  run 2  run 3\n  µs    2.50   1.50   2.50      9\n  note\n"
        );
    }

    #[test]
    fn named_columns_have_no_median() {
        let mut table = Table::of_columns("title".into(), vec!["a".into(), "b".into()]);
        table.columns(&[vec![("µs", Some(1.5))], vec![("µs", Some(22.5))]]);
        assert_eq!(table.render(), "title\n         a      b\n  µs  1.50  22.50\n");
    }
}
