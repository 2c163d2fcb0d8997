//! Measuring deliveries: the same loop for a push server and for the raw sender.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::account::Account;
use super::control::{News, Order, Report};
use super::error::BenchError;
use super::latency::{Latency, LatencySummary};
use super::process::WorkerId;
use super::publisher::Publisher;
use super::run::{Run, progress_bar};
use super::stamp::{self, Stamp};
use super::window::{Pace, Window};

/// Where publications come from.
#[derive(Debug)]
pub(super) enum Source {
    /// Into the server, which delivers them.
    Publisher(Publisher),
    /// The raw sender makes and delivers them by itself.
    RawSender(WorkerId),
}

/// How much is published.
#[derive(Clone, Copy, Debug)]
pub(super) enum Amount {
    Publications(u32),
    /// For as long as this worker takes: until its report.
    While(WorkerId),
}

/// What is measured, and against whose account.
#[derive(Debug)]
pub(super) struct Course<'a> {
    pub(super) label: &'static str,
    pub(super) loads: &'a [WorkerId],
    pub(super) account: Option<&'a Account>,
    pub(super) pace: Pace,
    pub(super) warm_up: u32,
    pub(super) amount: Amount,
}

/// Figures of one measured interval.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Delivery {
    pub(super) publications: u32,
    pub(super) deliveries: u64,
    pub(super) elapsed_s: f64,
    pub(super) deliveries_per_s: f64,
    /// Of the sending process, user and system; `None` when it is not known.
    pub(super) cpu_us_per_delivery: Option<f64>,
    pub(super) latency: LatencySummary,
    /// Frame header included.
    pub(super) wire_bytes_per_delivery: f64,
    /// How many deliveries the load found in one read.
    pub(super) deliveries_per_read: f64,
    /// Share of a core that the busiest load process used: near 1, rate and latency are the load's and not the server's.
    pub(super) load_share: f64,
    /// Lost, doubled or overtaken: anything but 0 is a fault of the server.
    pub(super) out_of_order: u64,
}

/// Publications before the measured ones: a tenth, but enough to fill the window twice and never many.
pub(super) fn warm_up(publications: u32, outstanding: u32) -> u32 {
    (publications / 10).min(500).max(2 * outstanding)
}

/// Warms up, then measures; with the report of the worker that set the amount, if one did.
pub(super) fn measure(
    run: &mut Run,
    source: &mut Source,
    course: &Course<'_>,
) -> Result<(Delivery, Option<Report>), BenchError> {
    let mut window = Window::new(course.pace, course.loads);
    drive(run, source, &mut window, Amount::Publications(course.warm_up), "warming up")?;
    if let Some(account) = course.account {
        account.wait_for_rest().map_err(BenchError::io("waiting for the server to be at rest"))?;
    }
    run.begin(course.loads)?;
    let cpu = |account: &Account| account.cpu().map_err(BenchError::io("reading the processor time"));
    let open = |&load: &WorkerId| Account::open(run.crew().pid(load));
    let load_accounts = course.loads.iter().map(open).collect::<Result<Vec<_>, _>>();
    let load_accounts = load_accounts.map_err(BenchError::io("reading the load's account"))?;
    let loads_before = load_accounts.iter().map(cpu).collect::<Result<Vec<_>, _>>()?;
    let cpu_before = course.account.map(cpu).transpose()?;
    if let Amount::While(worker) = course.amount {
        run.begin(&[worker])?;
    }
    let begun = Instant::now();
    let worker_report = drive(run, source, &mut window, course.amount, course.label)?;
    let elapsed = begun.elapsed();
    let cpu_after = course.account.map(cpu).transpose()?;
    let cpu_used = cpu_after.zip(cpu_before).map(|(after, before)| after.since(&before));
    let loads_after = load_accounts.iter().map(cpu).collect::<Result<Vec<_>, _>>()?;
    let loads_used = loads_after.iter().zip(&loads_before).map(|(after, before)| after.since(before));
    let (report, latency) = run.report(course.loads)?;
    let interval = Interval { elapsed, cpu_used, load_used: loads_used.max().unwrap_or_default() };
    Ok((Delivery::new(window.sent() - course.warm_up, &interval, &report, &latency), worker_report))
}

/// Publishes at the window's pace until the amount is reached and everything has arrived.
fn drive(
    run: &mut Run,
    source: &mut Source,
    window: &mut Window,
    amount: Amount,
    label: &'static str,
) -> Result<Option<Report>, BenchError> {
    let first = window.sent();
    let (bar, mut worker_report) = match amount {
        Amount::Publications(count) => (progress_bar(label, u64::from(count)), None),
        Amount::While(_) => (indicatif::ProgressBar::new_spinner().with_message(label), None),
    };
    loop {
        let last = match amount {
            Amount::Publications(count) => first.saturating_add(count),
            Amount::While(_) if worker_report.is_some() => window.sent(),
            Amount::While(_) => u32::MAX,
        };
        let due = window.due(last);
        if due > 0 {
            let first_due = window.send(due);
            source.send(run, first_due, due)?;
        }
        if window.arrived() >= last {
            bar.finish_and_clear();
            return Ok(worker_report);
        }
        let during =
            || format!("{label} (publication {} had not reached every subscriber)", window.arrived() + 1);
        match run.next(label) {
            Ok(Some((load, News::Reached { sequence }))) => {
                window.reach(load, sequence);
                bar.set_position(u64::from(window.arrived().saturating_sub(first)));
            }
            Ok(Some((worker, News::Report(report)))) if matches!(amount, Amount::While(id) if id == worker) =>
            {
                worker_report = Some(report);
            }
            Ok(Some((_, news))) => return Err(BenchError::Worker(format!("unexpected news: {news:?}"))),
            Ok(None) => source.check()?,
            Err(BenchError::TimeOut { limit, .. }) => {
                return Err(BenchError::TimeOut { during: during(), limit });
            }
            Err(error) => return Err(error),
        }
    }
}

impl Source {
    fn send(&mut self, run: &mut Run, first: u32, count: u32) -> Result<(), BenchError> {
        match self {
            Self::RawSender(worker) => run.crew().order(*worker, &Order::Send { messages: count }),
            Self::Publisher(publisher) => (first..first + count)
                .try_for_each(|sequence| publisher.publish(Stamp { sent_ns: stamp::now_ns(), sequence }))
                .map_err(BenchError::Server),
        }
    }

    fn check(&mut self) -> Result<(), BenchError> {
        match self {
            Self::RawSender(_) => Ok(()),
            Self::Publisher(publisher) => publisher.check().map_err(BenchError::Server),
        }
    }
}

/// What the clocks say of a measured interval.
#[derive(Debug)]
struct Interval {
    elapsed: Duration,
    cpu_used: Option<Duration>,
    /// By the busiest load.
    load_used: Duration,
}

impl Delivery {
    fn new(publications: u32, interval: &Interval, report: &Report, latency: &Latency) -> Self {
        let deliveries = report.deliveries.max(1) as f64;
        let elapsed_s = interval.elapsed.as_secs_f64().max(1e-9);
        Self {
            publications,
            deliveries: report.deliveries,
            elapsed_s,
            deliveries_per_s: report.deliveries as f64 / elapsed_s,
            cpu_us_per_delivery: interval.cpu_used.map(|used| used.as_secs_f64() * 1e6 / deliveries),
            load_share: interval.load_used.as_secs_f64() / elapsed_s,
            latency: latency.summary(),
            wire_bytes_per_delivery: report.bytes as f64 / deliveries,
            deliveries_per_read: deliveries / report.reads.max(1) as f64,
            out_of_order: report.out_of_order,
        }
    }

    /// For a table.
    pub(super) fn rows(&self) -> Vec<(&'static str, Option<f64>)> {
        vec![
            ("publications", Some(f64::from(self.publications))),
            ("deliveries/s", Some(self.deliveries_per_s)),
            ("latency p50, µs", Some(self.latency.p50_us)),
            ("latency p99, µs", Some(self.latency.p99_us)),
            ("latency p99.9, µs", Some(self.latency.p999_us)),
            ("latency max, µs", Some(self.latency.max_us)),
            ("bytes on the wire per delivery", Some(self.wire_bytes_per_delivery)),
            ("deliveries per read", Some(self.deliveries_per_read)),
            ("busiest load, share of a core", Some(self.load_share)),
            ("lost, doubled or overtaken", Some(self.out_of_order as f64)),
            ("CPU per delivery, µs", self.cpu_us_per_delivery),
        ]
    }
}
