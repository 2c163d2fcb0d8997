//! `bench recovery`: whether clients lose nothing that they are not told of, whatever happens to their connections.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::audience::{Audience, SUBSCRIPTIONS_PER_CLIENT};
use super::control::PublishRoute;
use super::cutter::{Cut, Cutter, HALF_OPEN_TIME};
use super::descriptors;
use super::error::BenchError;
use super::following::{Following, TICK};
use super::journal::Counts;
use super::press::Press;
use super::publisher::ApiOptions;
use super::run::progress_bar;
use super::server::{Server, ServerOptions};
use super::stamp;
use super::table::Table;

const API: &str = "/api";
/// Of our own server. Who is gone is noticed soon, and the history is short enough that some recover and others cannot.
const SETTINGS: [&str; 5] = [
    "client.ping_interval=2s",
    "client.pong_timeout=1s",
    "channel.without_namespace.history_size=12",
    "channel.without_namespace.history_ttl=10m",
    "channel.without_namespace.force_recovery=true",
];
/// From the first connection until every subscription stands.
const READY_WAIT: Duration = Duration::from_secs(60);
/// From the last publication until every client has come to it; half-open connections have been reset by then.
const SETTLE_WAIT: Duration = Duration::from_secs(60);

/// Cuts connections at random, restarts the server, and checks that no client misses anything it is not told of
///
/// Resilient clients subscribe, each to four of the channels, while publishers go on. A relay on loopback between clients
/// and server resets connections or leaves them half-open; in the middle of the run the server is ended with SIGTERM and
/// started again, and has forgotten everything. Each client's log of each channel must be gapless and in order, or say
/// where something may be missing, and agree with the offsets and epochs that the publishers were told.
///
/// Another server than our own needs a history and recovery in the channels bench-1, bench-2 and so on, anonymous clients,
/// and an HTTP API. At --url it is not restarted. Exit code 1 when anything was lost, doubled, out of order or made up.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct RecoveryOptions {
    #[command(flatten)]
    server: ServerOptions,

    #[command(flatten)]
    api: ApiOptions,

    /// Clients, each with a connection of its own
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    clients: u32,

    /// Channels (bench-1, bench-2, …); each client subscribes to four of them
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    channels: u32,

    /// Publications a second, to all channels by turns
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,

    /// Bytes of a publication's data
    #[arg(long, default_value_t = 128, value_parser = stamp::parse_payload_bytes)]
    payload: usize,

    /// Seconds for which connections are cut
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,

    /// Cuts a second: three of four are resets, the fourth leaves the connection half-open for up to ten seconds
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    cuts_per_second: u32,

    /// Do not restart the server in the middle
    #[arg(long)]
    no_restart: bool,

    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// What happened.
#[derive(Clone, Debug, Default, Serialize)]
struct RecoveryFigures {
    subscriptions: u64,
    /// Confirmed with offset and epoch.
    publications: u64,
    /// Sent while the server went away: they may have been taken.
    unanswered: u64,
    resets: u64,
    half_open: u64,
    restarts: u64,
    #[serde(flatten)]
    counts: Counts,
}

/// Runs the benchmark and returns what is to be printed.
pub(super) fn run(options: &RecoveryOptions) -> Result<String, BenchError> {
    options.server.check_descriptors(options.clients)?;
    descriptors::check(options.descriptors(), "recovery")?;
    let settings = SETTINGS.map(str::to_owned);
    let server = Server::push_with(&options.server, &settings)?;
    // The server started anew ends with the thread that started it (PR_SET_PDEATHSIG), so that one has to live on.
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().thread_keep_alive(Duration::MAX).build();
    let runtime = runtime.map_err(BenchError::io("starting the clients"))?;
    let figures = runtime.block_on(torture(options, server));
    // Clients and connections of the relay are dropped where they stand.
    runtime.shutdown_background();
    let figures = figures?;
    let report = if options.json {
        serde_json::json!({ "benchmark": "recovery", "clients": options.clients, "run": figures }).to_string()
    } else {
        table(options, &figures)
    };
    match figures.counts.faults() {
        0 => Ok(report),
        faults => {
            let faults = format!("{faults} publications were lost, doubled, out of order or made up");
            Err(BenchError::Faulty { report, faults })
        }
    }
}

impl RecoveryOptions {
    /// Of this process: the client's end, and the relay's two; beside them what is half-open.
    fn descriptors(&self) -> u32 {
        let half_open = u64::from(self.cuts_per_second) * HALF_OPEN_TIME.as_secs();
        u32::try_from(3 * u64::from(self.clients) + 2 * half_open).unwrap_or(u32::MAX)
    }

    /// By the HTTP API: on the server itself unless another is named.
    fn route(&self, server: &Server) -> Result<PublishRoute, BenchError> {
        self.api.route_or(&server.endpoint, API)
    }
}

async fn torture(options: &RecoveryOptions, mut server: Server) -> Result<RecoveryFigures, BenchError> {
    let seed = stamp::now_ns();
    let cutter = Cutter::start(server.endpoint.address, seed).await;
    let cutter = cutter.map_err(BenchError::io("starting the relay"))?;
    let channels: Vec<String> = (1..=options.channels).map(|number| format!("bench-{number}")).collect();
    let url = format!("ws://{}{}", cutter.address, server.endpoint.path);
    let audience =
        Audience::open(&url, options.clients, &channels, seed).await.map_err(BenchError::Server)?;
    let route = options.route(&server)?;
    let press = || Press::start(route, channels, options.payload, options.rate);
    let following = Following::start(audience, &mut server, READY_WAIT, press).await?;
    let mut ordeal = Ordeal { options, server: Some(server), restarting: None, cutter, following };
    let mut figures = ordeal.cut().await?;
    let Ordeal { following, mut server, .. } = ordeal;
    let settled = following.settle(server.as_mut(), SETTLE_WAIT).await?;
    (figures.publications, figures.unanswered) = (settled.publications, settled.unanswered);
    figures.counts = settled.counts;
    Ok(figures)
}

/// A run under way.
struct Ordeal<'o> {
    options: &'o RecoveryOptions,
    /// `None` while it is restarted.
    server: Option<Server>,
    restarting: Option<JoinHandle<Result<Server, BenchError>>>,
    cutter: Cutter,
    following: Following,
}

impl Ordeal<'_> {
    /// Cuts for as long as was asked for, and restarts the server half-way.
    async fn cut(&mut self) -> Result<RecoveryFigures, BenchError> {
        let subscriptions = self.following.audience.subscriptions();
        let mut figures = RecoveryFigures { subscriptions, ..RecoveryFigures::default() };
        let time = Duration::from_secs(self.options.seconds);
        let bar = progress_bar("cutting", time.as_secs());
        let (begun, mut cuts) = (Instant::now(), 0);
        let mut restart = !self.options.no_restart && self.server.as_ref().is_some_and(Server::is_ours);
        while begun.elapsed() < time || self.restarting.is_some() {
            bar.set_position(begun.elapsed().as_secs());
            self.following.check(self.server.as_mut())?;
            if restart && begun.elapsed() > time / 2 {
                restart = false;
                self.restart();
            }
            if let Some(restarting) = self.restarting.take_if(|restarting| restarting.is_finished()) {
                let restarted = restarting.await;
                let server = restarted.map_err(|_| BenchError::Worker("the restart panicked".into()))??;
                self.restarted(server)?;
                figures.restarts += 1;
            }
            let due = begun.elapsed().min(time).as_secs_f64() * f64::from(self.options.cuts_per_second);
            while cuts < due as u64 {
                cuts += 1;
                match self.cutter.cut() {
                    Some(Cut::Reset) => figures.resets += 1,
                    Some(Cut::HalfOpen) => figures.half_open += 1,
                    None => {}
                }
            }
            sleep(TICK).await;
        }
        bar.finish_and_clear();
        Ok(figures)
    }

    /// Ends the server and starts it again, in a thread of its own: that takes as long as it takes.
    fn restart(&mut self) {
        self.restarting = self.server.take().map(|mut server| {
            tokio::task::spawn_blocking(move || {
                server.restart()?;
                Ok(server)
            })
        });
    }

    fn restarted(&mut self, server: Server) -> Result<(), BenchError> {
        self.cutter.aim(server.endpoint.address);
        let route = self.options.route(&server)?;
        self.following.press.move_to(route);
        self.server = Some(server);
        Ok(())
    }
}

fn table(options: &RecoveryOptions, figures: &RecoveryFigures) -> String {
    let each = SUBSCRIPTIONS_PER_CLIENT.min(options.channels as usize);
    let mut table = Table::of_runs(format!(
        "Recovery: {} clients with {each} of {} channels each, {} s, {} cuts a second",
        options.clients, options.channels, options.seconds, options.cuts_per_second
    ));
    let RecoveryFigures { counts, .. } = figures;
    for (label, count) in [
        ("publications", figures.publications),
        ("publications without an answer", figures.unanswered),
        ("deliveries", counts.deliveries),
        ("connections reset", figures.resets),
        ("connections left half-open", figures.half_open),
        ("restarts of the server", figures.restarts),
        ("subscriptions interrupted", counts.interruptions),
        ("recoveries said", counts.recoveries),
        ("gaps said", counts.gaps),
        ("lost, must be 0", counts.lost),
        ("doubled, must be 0", counts.doubled),
        ("out of order, must be 0", counts.out_of_order),
        ("recovered into another epoch, must be 0", counts.pretended),
        ("not what was published, must be 0", counts.foreign),
    ] {
        table.row(label, vec![Some(count as f64)]);
    }
    table.render()
}
