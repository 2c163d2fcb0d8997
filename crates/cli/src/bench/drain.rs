//! `bench drain`: whether a server that is told to end hands its clients over at the pace it promises, and loses nothing unsaid.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use wavecast_client::{Options, StreamPosition};
use wavecast_server::config;

use super::audience::{Audience, SUBSCRIPTIONS_PER_CLIENT};
use super::control::PublishRoute;
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
const SETTINGS: [&str; 3] = [
    "channel.without_namespace.history_size=1000",
    "channel.without_namespace.history_ttl=10m",
    "channel.without_namespace.force_recovery=true",
];
/// From the first connection until every subscription stands.
const READY_WAIT: Duration = Duration::from_secs(120);
/// How long publishers are at work before the signal.
const WARM_UP: Duration = Duration::from_secs(2);
/// From the signal until a second server has the port.
const TAKE_OVER_WAIT: Duration = Duration::from_secs(10);
/// Everybody is back within the window and this.
const BACK_WAIT: Duration = Duration::from_secs(10);
/// From the last publication until every client has come to it.
const SETTLE_WAIT: Duration = Duration::from_secs(30);
/// A server asks so many connections a second to leave at least, however long its window is.
const PACE_MIN: f64 = 10.0;
/// In what time closes and arrivals are counted, to see how fast they come at most.
const SECOND: Duration = Duration::from_secs(1);
/// In what time arrivals are judged: after a stall of the machine a second has what the one before should have had.
const JUDGED_SECONDS: u32 = 3;

/// Ends a server under load, starts a second one on its port, and checks how the clients come over
///
/// Clients subscribe, each to four of the channels, and publishers go on. The server gets SIGTERM; a second one is started on
/// the same port as soon as that is free. All clients must be back within the window and ten seconds; they must arrive at
/// no more than twice the pace of the window in any three seconds; each must have had, before its close, whatever the server
/// had taken before the signal; and each subscription must be told by the second server that it could not be recovered.
///
/// Clients wait as those of Centrifuge do before they come back: 0.5 to 1 s, and longer after each failure. Exit code 1
/// when any of this does not hold.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct DrainOptions {
    /// Set a key of the servers' configuration
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// Clients, each with a connection of its own
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    clients: u32,

    /// Channels (bench-1, bench-2, …); each client subscribes to four of them
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    channels: u32,

    /// Publications a second, to all channels by turns
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,

    /// Bytes of a publication's data
    #[arg(long, default_value_t = 128, value_parser = stamp::parse_payload_bytes)]
    payload: usize,

    /// Time over which the server closes its connections (shutdown.drain)
    #[arg(long, default_value = "10s", value_parser = config::parse_duration)]
    window: Duration,

    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// What happened.
#[derive(Clone, Debug, Default, Serialize)]
struct DrainFigures {
    subscriptions: u64,
    publications: u64,
    /// Sent while the server went away: they may have been taken.
    unanswered: u64,
    /// From the signal.
    port_taken_ms: u64,
    first_closed_ms: u64,
    last_closed_ms: u64,
    all_back_ms: u64,
    ended_ms: u64,
    /// What the window promises, connections a second.
    paced_per_s: f64,
    closes_per_s_max: u64,
    arrivals_per_s_max: u64,
    arrivals_per_3s_max: u64,
    #[serde(flatten)]
    counts: Counts,
    /// Subscriptions that had not had what was published before the signal when they were closed.
    cut_short: u64,
    /// Subscriptions that were not told of a gap, or of more than one.
    not_told_once: u64,
}

/// Runs the benchmark and returns what is to be printed.
pub(super) fn run(options: &DrainOptions) -> Result<String, BenchError> {
    descriptors::check(options.clients, "server")?;
    descriptors::check(options.clients, "drain")?;
    let window = format!("shutdown.drain={}us", options.window.as_micros());
    let settings = SETTINGS.iter().map(|&setting| setting.to_owned()).chain([window]);
    let settings: Vec<String> = settings.chain(options.set.iter().cloned()).collect();
    let server = Server::push_with(&ServerOptions::default(), &settings)?;
    // A server ends with the thread that started it (PR_SET_PDEATHSIG), so that one has to live on.
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().thread_keep_alive(Duration::MAX).build();
    let runtime = runtime.map_err(BenchError::io("starting the clients"))?;
    let figures = runtime.block_on(hand_over(options, server));
    // Clients are dropped where they stand.
    runtime.shutdown_background();
    let figures = figures?;
    let report = if options.json {
        serde_json::json!({ "benchmark": "drain", "clients": options.clients, "run": figures }).to_string()
    } else {
        table(options, &figures)
    };
    match figures.faults(options) {
        faults if faults.is_empty() => Ok(report),
        faults => Err(BenchError::Faulty { report, faults: faults.join("; ") }),
    }
}

impl DrainOptions {
    /// By the HTTP API of the server itself.
    fn route(server: &Server) -> Result<PublishRoute, BenchError> {
        ApiOptions::default().route_or(&server.endpoint, API)
    }

    /// What the window promises.
    fn paced_per_s(&self) -> f64 {
        (f64::from(self.clients) / self.window.as_secs_f64().max(1e-6)).max(PACE_MIN)
    }
}

impl DrainFigures {
    fn faults(&self, options: &DrainOptions) -> Vec<String> {
        let back_max = options.window + BACK_WAIT;
        let mut faults = Vec::new();
        let mut expect = |holds: bool, fault: String| (!holds).then(|| faults.push(fault));
        let counts = &self.counts;
        expect(
            counts.faults() == 0,
            format!("{} publications were lost, doubled or made up", counts.faults()),
        );
        expect(
            self.cut_short == 0,
            format!("{} subscriptions were closed before their time", self.cut_short),
        );
        let unsaid = self.not_told_once;
        expect(
            unsaid == 0,
            format!("{unsaid} subscriptions were not told once that something may be missing"),
        );
        expect(
            counts.recoveries == 0,
            format!("{} subscriptions were told that nothing is missing", counts.recoveries),
        );
        expect(
            Duration::from_millis(self.all_back_ms) <= back_max,
            format!("all were back after {} ms, not within {} ms", self.all_back_ms, back_max.as_millis()),
        );
        expect(
            self.arrivals_per_3s_max as f64 <= (2.0 * f64::from(JUDGED_SECONDS) * self.paced_per_s).ceil(),
            format!(
                "{} came in {JUDGED_SECONDS} s, at a pace of {:.0} a second",
                self.arrivals_per_3s_max, self.paced_per_s
            ),
        );
        faults
    }
}

async fn hand_over(options: &DrainOptions, mut server: Server) -> Result<DrainFigures, BenchError> {
    let seed = stamp::now_ns();
    let channels: Vec<String> = (1..=options.channels).map(|number| format!("bench-{number}")).collect();
    let url = format!("ws://{}{}", server.endpoint.address, server.endpoint.path);
    // What is not said here is as clients of Centrifuge have it: the delays of a reconnect above all.
    let wishes = |number| Options { jitter_seed: Some(seed.wrapping_add(number)), ..Options::default() };
    let audience = Audience::open_with(&url, options.clients, &channels, wishes);
    let audience = audience.await.map_err(BenchError::Server)?;
    let route = DrainOptions::route(&server)?;
    let press = || Press::start(route, channels, options.payload, options.rate);
    let mut following = Following::start(audience, &mut server, READY_WAIT, press).await?;
    let warm = Instant::now();
    while warm.elapsed() < WARM_UP {
        following.check(Some(&mut server))?;
        sleep(TICK).await;
    }
    let mut change = Change { options, server, following };
    let (mut figures, marks) = change.hand_over().await?;
    let settled = change.following.settle(Some(&mut change.server), SETTLE_WAIT).await?;
    (figures.publications, figures.unanswered) = (settled.publications, settled.unanswered);
    figures.counts = settled.counts;
    figures.cut_short = settled.audience.behind(&marks);
    figures.not_told_once = settled.audience.not_told_once();
    Ok(figures)
}

/// A run under way.
struct Change<'o> {
    options: &'o DrainOptions,
    /// The first, and then the second.
    server: Server,
    following: Following,
}

impl Change<'_> {
    /// Ends the first server and waits until everybody is at the second. Where each channel stood before, too.
    async fn hand_over(&mut self) -> Result<(DrainFigures, Vec<Option<StreamPosition>>), BenchError> {
        let options = self.options;
        let marks = self.following.press.latest();
        let signal = Instant::now();
        self.server.ask_to_end()?;
        let second: JoinHandle<Result<Server, BenchError>> = tokio::task::spawn_blocking({
            let command = self.server.successor();
            move || command.start(TAKE_OVER_WAIT)
        });
        let second = second.await.map_err(|_| BenchError::Worker("the second start panicked".into()))??;
        let port_taken_ms = since(signal, Instant::now());
        let mut first = std::mem::replace(&mut self.server, second);
        let clients = u64::from(options.clients);
        let bar = progress_bar("coming over", clients);
        let mut ended_ms = None;
        while self.following.audience.arrivals_since(signal).len() < options.clients as usize
            || ended_ms.is_none()
        {
            bar.set_position(self.following.audience.arrivals_since(signal).len() as u64);
            self.following.check(Some(&mut self.server))?;
            if ended_ms.is_none() && first.has_ended()? {
                ended_ms = Some(since(signal, Instant::now()));
            }
            if signal.elapsed() > options.window + 4 * BACK_WAIT {
                let back = self.following.audience.arrivals_since(signal).len();
                return Err(BenchError::Server(format!("{back} of {clients} clients came back")));
            }
            sleep(TICK).await;
        }
        bar.finish_and_clear();
        let (closes, arrivals) =
            (self.following.audience.closes_since(signal), self.following.audience.arrivals_since(signal));
        let figures = DrainFigures {
            subscriptions: self.following.audience.subscriptions(),
            port_taken_ms,
            first_closed_ms: closes.first().map_or(0, |at| since(signal, *at)),
            last_closed_ms: closes.last().map_or(0, |at| since(signal, *at)),
            all_back_ms: arrivals.last().map_or(0, |at| since(signal, *at)),
            ended_ms: ended_ms.unwrap_or_default(),
            paced_per_s: options.paced_per_s(),
            closes_per_s_max: most_within(&closes, SECOND),
            arrivals_per_s_max: most_within(&arrivals, SECOND),
            arrivals_per_3s_max: most_within(&arrivals, JUDGED_SECONDS * SECOND),
            ..DrainFigures::default()
        };
        Ok((figures, marks))
    }
}

fn since(begun: Instant, at: Instant) -> u64 {
    u64::try_from(at.saturating_duration_since(begun).as_millis()).unwrap_or(u64::MAX)
}

/// The most of these times that lie within one span, wherever it begins. They are in order.
fn most_within(times: &[Instant], span: Duration) -> u64 {
    let (mut first, mut most) = (0, 0);
    for (last, at) in times.iter().enumerate() {
        while *at - times[first] >= span {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most as u64
}

fn table(options: &DrainOptions, figures: &DrainFigures) -> String {
    let each = SUBSCRIPTIONS_PER_CLIENT.min(options.channels as usize);
    let mut table = Table::of_runs(format!(
        "Drain: {} clients with {each} of {} channels each, over {:?}",
        options.clients, options.channels, options.window
    ));
    let DrainFigures { counts, .. } = figures;
    let seconds = |ms: u64| ms as f64 / 1000.0;
    for (label, figure) in [
        ("publications", figures.publications as f64),
        ("publications without an answer", figures.unanswered as f64),
        ("deliveries", counts.deliveries as f64),
        ("second server has the port, s after SIGTERM", seconds(figures.port_taken_ms)),
        ("first close, s", seconds(figures.first_closed_ms)),
        ("last close, s", seconds(figures.last_closed_ms)),
        ("all back, s", seconds(figures.all_back_ms)),
        ("first server has ended, s", seconds(figures.ended_ms)),
        ("pace of the window, connections a second", figures.paced_per_s),
        ("closes in the fullest second", figures.closes_per_s_max as f64),
        ("arrivals in the fullest second", figures.arrivals_per_s_max as f64),
        ("arrivals in the fullest 3 s", figures.arrivals_per_3s_max as f64),
        ("gaps said", counts.gaps as f64),
        ("subscriptions without exactly one gap, must be 0", figures.not_told_once as f64),
        ("recoveries said, must be 0", counts.recoveries as f64),
        ("closed before what came before the signal, must be 0", figures.cut_short as f64),
        ("lost, doubled, out of order or made up, must be 0", counts.faults() as f64),
    ] {
        table.row(label, vec![Some(figure)]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_span_is_found() {
        let begun = Instant::now();
        let at = |ms: &[u64]| ms.iter().map(|&ms| begun + Duration::from_millis(ms)).collect::<Vec<_>>();
        for (times, most) in [
            (&[][..], 0),
            (&[5], 1),
            (&[0, 1000, 2000], 1),
            (&[0, 999, 1998], 2),
            (&[0, 10, 20, 5000, 5001, 5002, 5999], 4),
        ] {
            assert_eq!(most_within(&at(times), SECOND), most, "{times:?}");
        }
    }
}
