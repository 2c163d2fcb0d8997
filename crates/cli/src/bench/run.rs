//! One run: the server, the workers and the deadline that bounds every wait.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::control::{LoadPlan, News, Order, Report, Speech};
use super::descriptors;
use super::error::BenchError;
use super::latency::Latency;
use super::process::{Crew, WorkerId};
use super::server::Server;

/// From here on a load is divided: below the descriptors of a usual process, and below the ports of one source address.
const CONNECTIONS_PER_LOAD_MAX: u32 = 14_000;
/// How long to wait for one piece of news before looking at deadline and server again.
const NEWS_WAIT: Duration = Duration::from_millis(100);
const DEATH_WAIT: Duration = Duration::from_millis(200);

/// What every benchmark takes.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct RunOptions {
    /// Seconds after which a run is given up
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,

    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(super) json: bool,
}

impl RunOptions {
    /// For a run that takes this long by intention, beside everything that may go wrong.
    pub(super) fn beside(self, time: Duration) -> Self {
        Self { timeout: self.timeout.saturating_add(time.as_secs()), ..self }
    }
}

/// Connections to be opened.
#[derive(Clone, Debug)]
pub(super) struct LoadSpec {
    pub(super) address: SocketAddr,
    pub(super) speech: Speech,
    pub(super) connections: u32,
    pub(super) opening_max: u32,
    pub(super) payload_bytes: usize,
}

/// A run under way. Dropping it ends all of its processes.
#[derive(Debug)]
pub(super) struct Run {
    // Workers go first, so that none of them reports the end of the server.
    crew: Crew,
    server: Option<Server>,
    timeout: Duration,
    begun: Instant,
}

impl Run {
    pub(super) fn new(options: RunOptions, server: Option<Server>) -> Self {
        let timeout = Duration::from_secs(options.timeout);
        Self { crew: Crew::new(), server, timeout, begun: Instant::now() }
    }

    pub(super) fn crew(&mut self) -> &mut Crew {
        &mut self.crew
    }

    /// News of a worker, or `None` after a short while without any.
    ///
    /// Fails when the deadline has passed (`during` tells what it hit), a worker has failed, or the server has died: which
    /// is then the error, because it is what made the workers fail.
    pub(super) fn next(&mut self, during: &str) -> Result<Option<(WorkerId, News)>, BenchError> {
        let news = self.crew.next(NEWS_WAIT);
        if news.is_err() {
            thread::sleep(DEATH_WAIT);
        }
        if !matches!(news, Ok(Some(_)))
            && let Some(died) = self.server.as_mut().and_then(Server::died)
        {
            return Err(died);
        }
        if self.begun.elapsed() > self.timeout {
            return Err(BenchError::TimeOut { during: during.into(), limit: self.timeout });
        }
        news
    }

    /// Waits for news of the given workers until `take` has said `true` once for each of them.
    pub(super) fn gather(
        &mut self,
        from: &[WorkerId],
        during: &str,
        mut take: impl FnMut(WorkerId, News) -> bool,
    ) -> Result<(), BenchError> {
        let mut missing = from.to_vec();
        while !missing.is_empty() {
            if let Some((id, news)) = self.next(during)?
                && take(id, news)
            {
                missing.retain(|&worker| worker != id);
            }
        }
        Ok(())
    }

    /// Starts as many load processes as the connections need, gives them their plans and waits until all are ready.
    pub(super) fn open(&mut self, spec: &LoadSpec) -> Result<Vec<WorkerId>, BenchError> {
        let shares = divide(spec.connections, CONNECTIONS_PER_LOAD_MAX);
        for &share in &shares {
            descriptors::check(share, "load")?;
        }
        let loads = shares.iter().map(|_| self.crew.hire("load")).collect::<Result<Vec<_>, _>>()?;
        for (place, (&load, &connections)) in loads.iter().zip(&shares).enumerate() {
            let plan = LoadPlan {
                address: spec.address,
                source: (shares.len() > 1).then(|| loopback_source(spec.address, place)).flatten(),
                speech: spec.speech.clone(),
                connections,
                opening_max: spec.opening_max.div_ceil(shares.len() as u32),
                frame_bytes_max: frame_bytes_max(spec.payload_bytes),
            };
            self.crew.order(load, &Order::Load(plan))?;
        }
        Ok(loads)
    }

    /// Waits until every connection is ready, and shows how far it has come.
    pub(super) fn wait_ready(&mut self, loads: &[WorkerId], connections: u32) -> Result<(), BenchError> {
        let bar = progress_bar("connecting", u64::from(connections));
        let mut ready: Vec<(WorkerId, u32)> = Vec::new();
        let during = format!("opening {connections} connections");
        self.gather(loads, &during, |id, news| {
            if let News::Progress { connections } = news {
                ready.retain(|&(load, _)| load != id);
                ready.push((id, connections));
                bar.set_position(ready.iter().map(|&(_, connections)| u64::from(connections)).sum());
            }
            news == News::Ready
        })?;
        bar.finish_and_clear();
        Ok(())
    }

    /// Makes the workers forget what they have counted.
    pub(super) fn begin(&mut self, workers: &[WorkerId]) -> Result<(), BenchError> {
        self.order_all(workers, &Order::Begin)?;
        self.gather(workers, "beginning to count", |_, news| news == News::Begun)
    }

    pub(super) fn order_all(&mut self, workers: &[WorkerId], order: &Order) -> Result<(), BenchError> {
        workers.iter().try_for_each(|&worker| self.crew.order(worker, order))
    }

    /// What all loads together have counted.
    pub(super) fn report(&mut self, loads: &[WorkerId]) -> Result<(Report, Latency), BenchError> {
        self.order_all(loads, &Order::Report)?;
        let (mut sum, mut latency) = (Report::default(), Latency::new());
        self.gather(loads, "collecting the reports", |_, news| {
            let News::Report(report) = news else { return false };
            sum.deliveries += report.deliveries;
            sum.out_of_order += report.out_of_order;
            sum.bytes += report.bytes;
            sum.reads += report.reads;
            sum.recovered += report.recovered;
            latency.add(&report.latency);
            true
        })?;
        Ok((sum, latency))
    }
}

/// A bar on the terminal; nothing where standard error is none.
pub(super) fn progress_bar(what: &'static str, length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>12} [{bar:40}] {human_pos}/{human_len} {eta}");
    let bar = ProgressBar::new(length).with_message(what);
    match style {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

/// Parts of nearly equal size, none above `max`.
fn divide(connections: u32, max: u32) -> Vec<u32> {
    let parts = connections.div_ceil(max).max(1);
    (0..parts).map(|part| connections / parts + u32::from(part < connections % parts)).collect()
}

/// A source address for one of several loads: 127.0.0.2 and on. Only for a loopback server.
fn loopback_source(server: SocketAddr, place: usize) -> Option<Ipv4Addr> {
    let place = u8::try_from(place + 2).ok()?;
    (server.is_ipv4() && server.ip().is_loopback()).then_some(Ipv4Addr::new(127, 0, 0, place))
}

/// Room for a publication in its envelope, and for a server that puts many into one frame.
fn frame_bytes_max(payload_bytes: usize) -> usize {
    (payload_bytes * 32).clamp(128 * 1024, 64 * 1024 * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_divided_evenly_and_below_the_limit() {
        assert_eq!(divide(1, 14_000), [1]);
        assert_eq!(divide(14_000, 14_000), [14_000]);
        assert_eq!(divide(15_001, 14_000), [7501, 7500]);
        assert_eq!(divide(50_000, 14_000), [12_500; 4]);
    }

    #[test]
    fn sources_are_loopback_only_and_run_out_in_good_order() {
        let here = SocketAddr::from(([127, 0, 0, 1], 80));
        assert_eq!(loopback_source(here, 0), Some(Ipv4Addr::new(127, 0, 0, 2)));
        assert_eq!(loopback_source(here, 254), None);
        assert_eq!(loopback_source(SocketAddr::from(([192, 0, 2, 1], 80)), 0), None);
    }
}
