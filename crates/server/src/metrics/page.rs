//! Metrics as Prometheus reads them: the text format 0.0.4, or OpenMetrics 1.0.
//!
//! Written here, since the library of the Prometheus project (`prometheus-client`) writes OpenMetrics only, and the others
//! keep the numbers themselves, in atomics that all threads share. The two formats are near relatives:
//!
//! | | 0.0.4 | OpenMetrics |
//! | --- | --- | --- |
//! | a counter's family | has the name of its sample | has it without `_total` |
//! | an `_info` | is a gauge | is an info |
//! | units | | stand in a line of their own, and end the family's name |
//! | the end | | `# EOF` |

use std::fmt::Write as _;

use super::histogram::Reading;

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `text/plain; version=0.0.4`.
    Text,
    /// `application/openmetrics-text; version=1.0.0`.
    OpenMetrics,
}

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
    /// Always 1: what it says stands in its labels.
    Info,
    /// A counter whose name does not end as those of counters do: to keep its name in OpenMetrics it says nothing of its kind
    /// there.
    OldCounter,
}

/// A metric with all its samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) labels: &'static [&'static str],
    pub(crate) help: &'static str,
}

/// Families that are being written.
#[derive(Debug)]
pub(crate) struct Page {
    form: Form,
    text: String,
}

/// The samples of one family.
#[derive(Debug)]
pub(crate) struct Samples<'p> {
    page: &'p mut Page,
    family: &'static Family,
}

impl Kind {
    /// Its name in the format 0.0.4, and in the documentation.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Counter | Self::OldCounter => "counter",
            Self::Gauge | Self::Info => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl Family {
    const fn kind_in(&self, form: Form) -> &'static str {
        match (form, self.kind) {
            (Form::OpenMetrics, Kind::Info) => "info",
            (Form::OpenMetrics, Kind::OldCounter) => "unknown",
            (_, kind) => kind.name(),
        }
    }

    fn name_in(&self, form: Form) -> &'static str {
        let suffix = match (form, self.kind) {
            (Form::OpenMetrics, Kind::Counter) => "_total",
            (Form::OpenMetrics, Kind::Info) => "_info",
            _ => "",
        };
        self.name.strip_suffix(suffix).unwrap_or(self.name)
    }
}

impl Page {
    pub(crate) fn new(form: Form) -> Self {
        Self { form, text: String::with_capacity(32 * 1024) }
    }

    /// Begins a family; all of its samples follow.
    pub(crate) fn family(&mut self, family: &'static Family) -> Samples<'_> {
        let name = family.name_in(self.form);
        let kind = family.kind_in(self.form);
        _ = writeln!(self.text, "# HELP {name} {}\n# TYPE {name} {kind}", escaped(family.help));
        let unit = ["seconds", "bytes"].into_iter().find(|unit| name.ends_with(&format!("_{unit}")));
        if let (Form::OpenMetrics, Some(unit)) = (self.form, unit) {
            _ = writeln!(self.text, "# UNIT {name} {unit}");
        }
        Samples { page: self, family }
    }

    /// All of it.
    pub(crate) fn finish(mut self) -> String {
        if self.form == Form::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

impl Samples<'_> {
    /// A sample, with a value for each label of the family.
    pub(crate) fn count(&mut self, labels: &[&str], value: u64) -> &mut Self {
        self.begin("", labels, None);
        _ = writeln!(self.page.text, "{value}");
        self
    }

    /// The same of a number with a fraction.
    pub(crate) fn number(&mut self, labels: &[&str], value: f64) -> &mut Self {
        self.begin("", labels, None);
        _ = writeln!(self.page.text, "{value}");
        self
    }

    /// All samples of a histogram.
    pub(crate) fn histogram(&mut self, labels: &[&str], reading: &Reading<'_>) -> &mut Self {
        let mut within = 0;
        for (n, more) in reading.within.iter().enumerate() {
            within += more;
            // With a point, as OpenMetrics has it: bounds are compared as words.
            let bound = reading.bounds.get(n).map_or_else(|| "+Inf".to_owned(), |bound| format!("{bound:?}"));
            self.begin("_bucket", labels, Some(&bound));
            _ = writeln!(self.page.text, "{within}");
        }
        self.begin("_sum", labels, None);
        _ = writeln!(self.page.text, "{}", reading.sum_s);
        self.begin("_count", labels, None);
        _ = writeln!(self.page.text, "{within}");
        self
    }

    fn begin(&mut self, suffix: &str, labels: &[&str], bound: Option<&str>) {
        debug_assert_eq!(labels.len(), self.family.labels.len(), "{}", self.family.name);
        let text = &mut self.page.text;
        text.push_str(self.family.name);
        text.push_str(suffix);
        let given = self.family.labels.iter().copied().zip(labels.iter().copied());
        let mut mark = '{';
        for (label, value) in given.chain(bound.map(|bound| ("le", bound))) {
            _ = write!(text, "{mark}{label}=\"{}\"", escaped(value));
            mark = ',';
        }
        if mark == ',' {
            text.push('}');
        }
        text.push(' ');
    }
}

/// Both formats want three characters escaped in a label's value; in a help text OpenMetrics wants the same, and 0.0.4 takes
/// it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::histogram::Histogram;

    static CALLS: Family =
        Family { name: "calls_total", kind: Kind::Counter, labels: &["method"], help: "Calls.\nAll." };
    static OLD: Family = Family { name: "old_calls", kind: Kind::OldCounter, labels: &[], help: "Calls." };
    static BUILD: Family = Family { name: "build_info", kind: Kind::Info, labels: &["v"], help: "Build." };
    static WAIT: Family =
        Family { name: "wait_seconds", kind: Kind::Histogram, labels: &["a"], help: "Waits." };

    fn written(form: Form) -> String {
        let histogram = Histogram::default();
        histogram.observe(Duration::from_millis(1500));
        let mut page = Page::new(form);
        page.family(&CALLS).count(&["a"], 7).count(&["q\"\\\n"], 1);
        page.family(&OLD).number(&[], 1.5);
        page.family(&BUILD).count(&["1"], 1);
        page.family(&WAIT).histogram(&["x"], &histogram.read());
        page.finish()
    }

    #[test]
    fn the_classic_format() {
        let text = written(Form::Text);
        assert!(text.starts_with(
            "# HELP calls_total Calls.\\nAll.\n# TYPE calls_total counter\ncalls_total{method=\"a\"} 7\n\
             calls_total{method=\"q\\\"\\\\\\n\"} 1\n# HELP old_calls Calls.\n# TYPE old_calls counter\nold_calls 1.5\n\
             # HELP build_info Build.\n# TYPE build_info gauge\nbuild_info{v=\"1\"} 1\n"
        ));
        assert!(text.contains(
            "wait_seconds_bucket{a=\"x\",le=\"1.0\"} 0\nwait_seconds_bucket{a=\"x\",le=\"2.5\"} 1\n"
        ));
        assert!(text.ends_with(
            "wait_seconds_bucket{a=\"x\",le=\"+Inf\"} 1\nwait_seconds_sum{a=\"x\"} 1.5\nwait_seconds_count{a=\"x\"} 1\n"
        ));
    }

    #[test]
    fn open_metrics() {
        let text = written(Form::OpenMetrics);
        for part in [
            "# TYPE calls counter\ncalls_total{method=\"a\"} 7\n",
            "# TYPE old_calls unknown\nold_calls 1.5\n",
            "# TYPE build info\nbuild_info{v=\"1\"} 1\n",
            "# TYPE wait_seconds histogram\n# UNIT wait_seconds seconds\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(text.ends_with("\n# EOF\n"));
    }
}
