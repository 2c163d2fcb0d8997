//! What came of the runs: for people a table, for programs JSON.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use super::super::latency::LatencySummary;
use super::super::table::Table;

const MB: f64 = 1e6;
const KIB: f64 = 1024.0;

/// Figures of one demo.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Figures {
    pub(super) demo: &'static str,
    /// Who did what.
    pub(super) shape: String,
    /// What the server was started with.
    pub(super) server: String,
    pub(super) connections: u32,
    pub(super) seconds: f64,
    pub(super) publications_per_s: f64,
    pub(super) deliveries_per_s: f64,
    /// That the visitors have read.
    pub(super) bytes_per_s: f64,
    /// Of one core.
    pub(super) server_cpu_percent: Option<f64>,
    /// The same before the first visitor.
    pub(super) idle_cpu_percent: Option<f64>,
    pub(super) cpu_us_per_delivery: Option<f64>,
    /// Of the visitors: near 100, delays are theirs and not the server's.
    pub(super) crowd_cpu_percent: Option<f64>,
    /// Of the server, user space: from before the first visitor until all are in.
    pub(super) memory_bytes_per_connection: Option<f64>,
    pub(super) skipped: u64,
    pub(super) lost: u64,
    pub(super) doubled: u64,
    pub(super) refused: u64,
    /// What deliveries and publications consist of.
    pub(super) parts_per_s: BTreeMap<String, f64>,
    pub(super) delays: Vec<Delay>,
}

/// How long something took to arrive.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Delay {
    /// From where to where.
    pub(super) way: &'static str,
    #[serde(flatten)]
    pub(super) summary: LatencySummary,
}

/// What the server did wrong, in words.
pub(super) fn faults(figures: &[Figures]) -> Option<String> {
    let faults = figures.iter().flat_map(|figures| {
        let counts = [
            (figures.lost, "lost"),
            (figures.doubled, "doubled or out of order"),
            (figures.refused, "commands refused"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        counts.map(|(count, what)| format!("{}: {count} {what}", figures.demo))
    });
    let faults: Vec<_> = faults.collect();
    (!faults.is_empty()).then(|| faults.join("; "))
}

/// One JSON object.
pub(super) fn json(seconds: u32, figures: &[Figures]) -> String {
    json!({ "benchmark": "demo", "seconds": seconds, "demos": figures }).to_string()
}

/// A column for each demo.
pub(super) fn table(seconds: u32, figures: &[Figures], note: Option<&str>) -> String {
    let title =
        format!("Demo applications: {seconds} s of each, all visitors in one process on this machine");
    let mut table = Table::of_columns(title, figures.iter().map(|figures| figures.demo.to_owned()).collect());
    let columns: Vec<_> = figures.iter().map(Figures::rows).collect();
    table.columns(&columns);
    let ways = figures.iter().map(|figures| figures.delays.len()).max().unwrap_or(0);
    for way in 0..ways {
        let label = if way == 0 { "delay" } else { "second delay" };
        let figure = |take: fn(&LatencySummary) -> f64| {
            figures
                .iter()
                .map(|figures| figures.delays.get(way).map(|delay| take(&delay.summary) / 1e3))
                .collect()
        };
        table.row(format!("{label} p50, ms"), figure(|summary| summary.p50_us));
        table.row(format!("{label} p99, ms"), figure(|summary| summary.p99_us));
        table.row(format!("{label} max, ms"), figure(|summary| summary.max_us));
    }
    for figures in figures {
        table.note(Some(&format!("{}: {}", figures.demo, figures.shape)));
        for (Delay { way, .. }, label) in figures.delays.iter().zip(["delay", "second delay"]) {
            table.note(Some(&format!("{}, {label}: {way}", figures.demo)));
        }
        let parts = figures.parts_per_s.iter().map(|(name, count)| format!("{name} {count:.0}"));
        let parts = parts.collect::<Vec<_>>().join(", ");
        table.note((!parts.is_empty()).then(|| format!("{}, a second: {parts}", figures.demo)).as_deref());
    }
    if let Some(first) = figures.first().filter(|first| !first.server.is_empty()) {
        table.note(Some(&format!("server: wavecast {}", first.server)));
    }
    table.note(note);
    table.render()
}

impl Figures {
    fn rows(&self) -> Vec<(&'static str, Option<f64>)> {
        vec![
            ("connections", Some(f64::from(self.connections))),
            ("publications/s", Some(self.publications_per_s.round())),
            ("deliveries/s", Some(self.deliveries_per_s.round())),
            ("to visitors, MB/s", Some(self.bytes_per_s / MB)),
            ("server CPU, % of one core", self.server_cpu_percent),
            ("the same without visitors, %", self.idle_cpu_percent),
            ("server CPU per delivery, µs", self.cpu_us_per_delivery),
            ("memory of a connection, KiB", self.memory_bytes_per_connection.map(|bytes| bytes / KIB)),
            ("visitors' own CPU, % of one core", self.crowd_cpu_percent),
            ("skipped, newest only", Some(self.skipped as f64)),
            ("lost, must be 0", Some(self.lost as f64)),
            ("doubled or out of order, must be 0", Some(self.doubled as f64)),
            ("refused, must be 0", Some(self.refused as f64)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(demo: &'static str, delays: &[&'static str]) -> Figures {
        let summary =
            LatencySummary { samples: 1, p50_us: 1500.0, p99_us: 2500.0, p999_us: 2600.0, max_us: 2750.0 };
        Figures {
            demo,
            shape: "two visitors".into(),
            server: "serve --port 0".into(),
            connections: 2,
            seconds: 1.0,
            publications_per_s: 3.0,
            deliveries_per_s: 6.0,
            bytes_per_s: 1e6,
            server_cpu_percent: None,
            idle_cpu_percent: None,
            cpu_us_per_delivery: None,
            crowd_cpu_percent: None,
            memory_bytes_per_connection: Some(2048.0),
            skipped: 4,
            lost: 0,
            doubled: 0,
            refused: 0,
            parts_per_s: BTreeMap::from([("inputs".to_owned(), 7.0)]),
            delays: delays.iter().map(|way| Delay { way, summary }).collect(),
        }
    }

    #[test]
    fn each_demo_has_a_column_and_says_what_its_delays_are() {
        let shown = table(
            15,
            &[figures("chat", &["to others"]), figures("game", &["and back", "to watchers"])],
            None,
        );
        let row = |label: &str| {
            let line = shown.lines().find(|line| line.trim_start().starts_with(label)).unwrap_or_default();
            line.trim_start()
                .trim_start_matches(label)
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(row("delay p99, ms"), ["2.50", "2.50"], "{shown}");
        assert_eq!(row("second delay max, ms"), ["–", "2.75"], "{shown}");
        assert_eq!(row("memory of a connection, KiB"), ["2", "2"], "{shown}");
        assert_eq!(row("server CPU, % of one core"), ["–", "–"], "{shown}");
        for note in [
            "chat: two visitors",
            "game, second delay: to watchers",
            "chat, a second: inputs 7",
            "wavecast serve --port 0",
        ] {
            assert!(shown.contains(note), "{note} is missing:\n{shown}");
        }
    }

    #[test]
    fn whatever_must_be_zero_is_a_fault_and_what_only_the_newest_is_promised_of_is_none() {
        let well = figures("monitoring", &[]);
        assert_eq!(faults(std::slice::from_ref(&well)), None);
        let ill = Figures { lost: 2, refused: 1, ..figures("chat", &[]) };
        let worse = Figures { doubled: 3, ..figures("game", &[]) };
        let expected = "chat: 2 lost; chat: 1 commands refused; game: 3 doubled or out of order";
        assert_eq!(faults(&[well, ill, worse]).as_deref(), Some(expected));
    }
}
