//! One run: a server, then a crowd, then a time that is measured.

use std::thread;
use std::time::{Duration, Instant};

use super::super::account::{Account, CpuSample};
use super::super::control::{CrowdPlan, CrowdReport, News, Order, PublishRoute, ScenePlan};
use super::super::error::BenchError;
use super::super::latency::Latency;
use super::super::process::WorkerId;
use super::super::publisher::ApiOptions;
use super::super::run::{Run, RunOptions, progress_bar};
use super::super::server::{Server, ServerOptions};
use super::figures::{Delay, Figures};
use super::post::{Post, Recipients};

const API: &str = "/api";
/// Visitors that come in at the same time.
const OPENING_MAX: u32 = 64;
/// A server that has just started does what is done once, and so it does when everybody has come; what visitors do takes
/// as long to come into its stride. Runs that are shorter rest shorter.
const REST_MAX: Duration = Duration::from_secs(2);
/// For so long at most the server is watched before anybody comes.
const IDLE_MAX: Duration = Duration::from_secs(5);

/// What is to be measured.
#[derive(Clone, Debug)]
pub(super) struct Course {
    pub(super) name: &'static str,
    /// Who does what, for people.
    pub(super) shape: String,
    pub(super) scene: ScenePlan,
    pub(super) visitors: u32,
    /// From where to where each of the delays is.
    pub(super) ways: &'static [&'static str],
    pub(super) seconds: u32,
    /// What comes in by the HTTP API.
    pub(super) mail: Option<Mail>,
}

/// Notifications a second, to each of the visitors by turns and to all of them; 0: none.
#[derive(Clone, Debug)]
pub(super) struct Mail {
    pub(super) api: ApiOptions,
    pub(super) to_one: u32,
    pub(super) to_all: u32,
}

impl Course {
    /// Measures with a server of its own.
    pub(super) fn run(&self, server: &ServerOptions, options: RunOptions) -> Result<Figures, BenchError> {
        let server = Server::demos(server)?;
        let (endpoint, account) = (server.endpoint.clone(), server.account().cloned());
        let arguments = server.arguments().to_vec();
        let mail = self.mail.as_ref();
        let route = mail.map(|mail| mail.api.route_or(&endpoint, API)).transpose()?;
        let mut run = Run::new(options.beside(self.time()), Some(server));
        let rest = self.time().min(REST_MAX);
        self.pass(&mut run, "starting", rest)?;
        let idle = self.measured(&mut run, account.as_ref(), "idle", self.time().min(IDLE_MAX), None)?;
        let memory = |account: &Account| account.memory_bytes();
        let before = account.as_ref().map(memory).transpose().map_err(memory_error)?;
        let crowd = run.crew().hire("crowd")?;
        let plan = CrowdPlan {
            address: endpoint.address,
            host: endpoint.host,
            path: endpoint.path,
            scene: self.scene.clone(),
            opening_max: OPENING_MAX,
        };
        run.crew().order(crowd, &Order::Crowd(plan))?;
        run.wait_ready(&[crowd], self.visitors)?;
        self.pass(&mut run, "settling in", rest)?;
        let after = account.as_ref().map(memory).transpose().map_err(memory_error)?;
        run.begin(&[crowd])?;
        self.pass(&mut run, "warming up", rest)?;
        run.begin(&[crowd])?;
        let load =
            Account::open(run.crew().pid(crowd)).map_err(BenchError::io("reading the crowd's account"))?;
        let mut posts = route.map(|route| self.post(&route)).transpose()?.unwrap_or_default();
        let busy = self.measured(&mut run, account.as_ref(), self.name, self.time(), Some(&load))?;
        let mut during = self.report(&mut run, crowd, &Order::Report)?;
        let mut deliveries = 0;
        for (post, recipients) in posts.drain(..) {
            let sent = post.end()?;
            during.publications += sent;
            deliveries += sent * u64::from(recipients);
        }
        let last = self.report(&mut run, crowd, &Order::Hush { deliveries })?;
        Ok(self.figures(&arguments, &idle, &busy, after.zip(before), &during, &last))
    }

    /// Begins to send, each with how many get it.
    fn post(&self, route: &PublishRoute) -> Result<Vec<(Post, u32)>, BenchError> {
        let Some(Mail { to_one, to_all, .. }) = self.mail else { return Ok(Vec::new()) };
        let kinds =
            [(Recipients::Each(self.visitors), to_one, 1), (Recipients::Everybody, to_all, self.visitors)];
        let wanted = kinds.into_iter().filter(|(_, per_second, _)| *per_second > 0);
        wanted.map(|(who, per_second, reach)| Ok((Post::start(route, who, per_second)?, reach))).collect()
    }

    fn time(&self) -> Duration {
        Duration::from_secs(u64::from(self.seconds))
    }

    /// Lets time pass, and fails as soon as server or crowd do.
    fn pass(&self, run: &mut Run, during: &'static str, time: Duration) -> Result<(), BenchError> {
        let begun = Instant::now();
        let bar = progress_bar(during, time.as_secs());
        while let left = time.saturating_sub(begun.elapsed())
            && !left.is_zero()
        {
            bar.set_position(begun.elapsed().as_secs());
            if let Some((_, news)) = run.next(&format!("{}: {during}", self.name))? {
                return Err(BenchError::Worker(format!("unexpected news: {news:?}")));
            }
            thread::sleep(left.min(Duration::from_millis(1)));
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// What the processes use in this time.
    fn measured(
        &self,
        run: &mut Run,
        server: Option<&Account>,
        during: &'static str,
        time: Duration,
        load: Option<&Account>,
    ) -> Result<Used, BenchError> {
        let sample = |account: &Account| account.cpu().map_err(BenchError::io("reading the processor time"));
        let (begun, before) =
            (Instant::now(), [server.map(sample).transpose()?, load.map(sample).transpose()?]);
        self.pass(run, during, time)?;
        let after = [server.map(sample).transpose()?, load.map(sample).transpose()?];
        let seconds = begun.elapsed().as_secs_f64().max(1e-9);
        let used = |after: &Option<CpuSample>, before: &Option<CpuSample>| {
            Some(after.as_ref()?.since(before.as_ref()?).as_secs_f64())
        };
        Ok(Used { seconds, server_s: used(&after[0], &before[0]), load_s: used(&after[1], &before[1]) })
    }

    fn report(&self, run: &mut Run, crowd: WorkerId, order: &Order) -> Result<CrowdReport, BenchError> {
        run.crew().order(crowd, order)?;
        let mut found = CrowdReport::default();
        run.gather(&[crowd], "collecting the crowd's report", |_, news| {
            let News::Crowd(report) = news else { return false };
            found = report;
            true
        })?;
        Ok(found)
    }

    fn figures(
        &self,
        arguments: &[String],
        idle: &Used,
        busy: &Used,
        memory: Option<(u64, u64)>,
        during: &CrowdReport,
        last: &CrowdReport,
    ) -> Figures {
        let per_second = |count: u64| count as f64 / busy.seconds;
        let grown = memory.map(|(after, before)| after.saturating_sub(before));
        let delays = self.ways.iter().zip(&during.delays).map(|(way, buckets)| {
            let mut delay = Latency::new();
            delay.add(buckets);
            Delay { way, summary: delay.summary() }
        });
        Figures {
            demo: self.name,
            shape: self.shape.clone(),
            server: arguments.join(" "),
            connections: self.visitors,
            seconds: busy.seconds,
            publications_per_s: per_second(during.publications),
            deliveries_per_s: per_second(during.deliveries),
            bytes_per_s: per_second(during.bytes),
            server_cpu_percent: busy.percent(busy.server_s),
            idle_cpu_percent: idle.percent(idle.server_s),
            cpu_us_per_delivery: busy.server_s.map(|used| used * 1e6 / during.deliveries.max(1) as f64),
            crowd_cpu_percent: busy.percent(busy.load_s),
            memory_bytes_per_connection: grown.map(|grown| grown as f64 / f64::from(self.visitors)),
            skipped: last.skipped,
            lost: last.lost,
            doubled: last.doubled,
            refused: last.refused,
            parts_per_s: during
                .parts
                .iter()
                .map(|(name, count)| (name.clone(), per_second(*count)))
                .collect(),
            delays: delays.collect(),
        }
    }
}

/// Processor time of a while.
#[derive(Debug)]
struct Used {
    seconds: f64,
    /// `None` for a server whose process is not known.
    server_s: Option<f64>,
    load_s: Option<f64>,
}

impl Used {
    /// Of one core.
    fn percent(&self, used_s: Option<f64>) -> Option<f64> {
        used_s.map(|used_s| 100.0 * used_s / self.seconds)
    }
}

fn memory_error(error: std::io::Error) -> BenchError {
    BenchError::io("reading the server's memory")(error)
}
