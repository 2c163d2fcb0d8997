//! `bench fanout`: one publication in, N deliveries out.

use serde::Serialize;

use super::account::Account;
use super::control::{News, Order, PublishRoute, QuietPlan, Speech};
use super::delivery::{self, Amount, Course, Delivery, Source};
use super::endpoint::Endpoint;
use super::error::BenchError;
use super::latency::{Latency, LatencySummary};
use super::limit::{self, LimitFigures, LimitSpec, ShapeOptions};
use super::process::WorkerId;
use super::publisher::{ApiOptions, Publisher};
use super::run::{LoadSpec, Run, RunOptions};
use super::server::{Server, ServerOptions};
use super::table::{Table, median};
use super::window::Pace;

const RUNS_OF_A_COMPARISON: u32 = 5;
const QUIET_INTERVAL_MS: u64 = 50;
/// In the quiet measurement the busy channel never pauses: while one publication is delivered the next is there.
const QUIET_OUTSTANDING: u32 = 2;

/// Publishes to one channel with N subscribers
#[derive(Clone, Debug, clap::Args)]
pub(super) struct FanoutOptions {
    #[command(flatten)]
    server: ServerOptions,

    #[command(flatten)]
    api: ApiOptions,

    /// Subscribers of the channel, each with a connection of its own
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    subscribers: u32,

    #[command(flatten)]
    shape: ShapeOptions,

    /// Publications under way: the next is sent when the oldest has reached everyone
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    outstanding: u32,

    /// Channel to publish to
    #[arg(long, default_value = "bench")]
    channel: String,

    /// Measure how long a quiet channel (CHANNEL-quiet, one publication every 50 ms) takes meanwhile
    #[arg(long, conflicts_with_all = ["outstanding", "limit"])]
    quiet: bool,

    /// Publications to the quiet channel
    #[arg(long, default_value_t = 200, requires = "quiet", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    quiet_publications: u32,

    /// After each run, measure the kernel's limit for the same deliveries, and give the ratio pair by pair
    #[arg(long)]
    limit: bool,

    /// In each run, measure subscribers that take compression too (RFC 7692), and give the ratio to those that do not, pair
    /// by pair. The payload is full of records then; our own server is told to compress
    #[arg(long, conflicts_with_all = ["quiet", "limit"])]
    compressed: bool,

    /// Threads of the raw sender that --limit measures: to compare like with like, as many as the server has shards
    #[arg(long, default_value_t = 1, requires = "limit", value_parser = limit::threads())]
    raw_threads: u32,

    /// Runs, each with new connections (and a new server, unless --url is given) [default: 1, or 5 of a comparison]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: Option<u32>,

    #[command(flatten)]
    run: RunOptions,
}

/// One run's figures.
#[derive(Clone, Debug, Serialize)]
struct FanoutFigures {
    #[serde(flatten)]
    delivery: Delivery,
    /// Of the server, user space, per subscriber: with all of them at rest, less what it was before they came.
    memory_bytes_per_connection: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quiet_latency: Option<LatencySummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<LimitFigures>,
    /// Processor time per delivery, server ÷ raw sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    /// The same to subscribers that take compression.
    #[serde(skip_serializing_if = "Option::is_none")]
    compressed: Option<Delivery>,
    /// Processor time per delivery, compressed ÷ plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    compressed_ratio: Option<f64>,
}

/// Runs the benchmark and returns what is to be printed.
pub(super) fn run(options: &FanoutOptions) -> Result<String, BenchError> {
    options.server.check_descriptors(options.subscribers)?;
    let runs =
        options.runs.unwrap_or(if options.limit || options.compressed { RUNS_OF_A_COMPARISON } else { 1 });
    let mut figures = Vec::new();
    for _ in 0..runs {
        let mut measured = measure(options, false)?;
        if options.compressed {
            let compressed = measure(options, true)?.delivery;
            let costs = compressed.cpu_us_per_delivery.zip(measured.delivery.cpu_us_per_delivery);
            measured.compressed_ratio = costs.map(|(compressed, plain)| compressed / plain);
            measured.compressed = Some(compressed);
        }
        if options.limit {
            let limit = limit::measure(&limit_of(options, &measured.delivery), options.run)?;
            let costs = measured.delivery.cpu_us_per_delivery.zip(limit.delivery.cpu_us_per_delivery);
            measured.ratio = costs.map(|(server, raw)| server / raw);
            measured.limit = Some(limit);
        }
        figures.push(measured);
    }
    if options.run.json {
        return Ok(json(options, &figures));
    }
    Ok(table(options, &figures))
}

/// The raw sender does the same deliveries: as many, to as many, as long on the wire, as many at once.
fn limit_of(options: &FanoutOptions, delivery: &Delivery) -> LimitSpec {
    LimitSpec {
        subscribers: options.subscribers,
        payload_bytes: options.shape.payload,
        frame_bytes: delivery.wire_bytes_per_delivery.round() as usize,
        publications: delivery.publications.next_multiple_of(options.outstanding),
        messages_per_send: options.outstanding,
        threads: options.raw_threads,
    }
}

/// `compressed`: subscribers take compression.
fn measure(options: &FanoutOptions, compressed: bool) -> Result<FanoutFigures, BenchError> {
    let settings = options.compressed.then(|| "websocket.compression=true".to_owned());
    let server = Server::push_with(&options.server, settings.as_slice())?;
    let (endpoint, account) = (server.endpoint.clone(), server.account().cloned());
    let route = options.api.route(&endpoint)?;
    let mut run = Run::new(options.run, Some(server));
    let memory = || account.as_ref().map(Account::memory_bytes).transpose();
    let empty = memory().map_err(BenchError::io("reading the server's memory"))?;
    let speech = Speech::Centrifuge {
        host: endpoint.host.clone(),
        path: endpoint.path.clone(),
        channels: vec![options.channel.clone()],
        missed: None,
    };
    let loads = run.open(&LoadSpec {
        address: endpoint.address,
        speech: if compressed { Speech::Compressed(speech.into()) } else { speech },
        connections: options.subscribers,
        opening_max: 128,
        payload_bytes: options.shape.payload,
    })?;
    run.wait_ready(&loads, options.subscribers)?;
    if let Some(account) = &account {
        account.wait_for_rest().map_err(BenchError::io("waiting for the server to be at rest"))?;
    }
    let full = memory().map_err(BenchError::io("reading the server's memory"))?;
    let publisher = Publisher::open(&endpoint, &route, &options.channel, options.shape.payload);
    let publisher = publisher.map_err(BenchError::Server)?;
    let publisher = if options.compressed { publisher.of_records() } else { publisher };
    let mut source = Source::Publisher(publisher);
    let publications = options.shape.publications(options.subscribers, options.outstanding);
    let (outstanding, amount) = if options.quiet {
        (QUIET_OUTSTANDING, Amount::While(open_quiet(&mut run, options, &route, &endpoint)?))
    } else {
        (options.outstanding, Amount::Publications(publications))
    };
    let course = Course {
        label: "publishing",
        loads: &loads,
        account: account.as_ref(),
        pace: Pace::Window(outstanding),
        warm_up: delivery::warm_up(publications, outstanding),
        amount,
    };
    let (delivery, quiet) = delivery::measure(&mut run, &mut source, &course)?;
    let quiet_latency = quiet.map(|report| {
        let mut latency = Latency::new();
        latency.add(&report.latency);
        latency.summary()
    });
    let grown = full.zip(empty).map(|(full, empty)| full.saturating_sub(empty) as f64);
    let memory_bytes_per_connection = grown.map(|bytes| bytes / f64::from(options.subscribers));
    Ok(FanoutFigures {
        delivery,
        memory_bytes_per_connection,
        quiet_latency,
        limit: None,
        ratio: None,
        compressed: None,
        compressed_ratio: None,
    })
}

/// Starts the quiet observer and waits until it has subscribed.
fn open_quiet(
    run: &mut Run,
    options: &FanoutOptions,
    route: &PublishRoute,
    server: &Endpoint,
) -> Result<WorkerId, BenchError> {
    let quiet = run.crew().hire("quiet")?;
    let plan = QuietPlan {
        address: server.address,
        host: server.host.clone(),
        path: server.path.clone(),
        channel: format!("{}-quiet", options.channel),
        route: route.clone(),
        payload_bytes: options.shape.payload,
        interval_ms: QUIET_INTERVAL_MS,
        publications: options.quiet_publications,
    };
    run.crew().order(quiet, &Order::Quiet(plan))?;
    run.gather(&[quiet], "subscribing to the quiet channel", |_, news| news == News::Ready)?;
    Ok(quiet)
}

fn json(options: &FanoutOptions, figures: &[FanoutFigures]) -> String {
    serde_json::json!({
        "benchmark": "fanout",
        "subscribers": options.subscribers,
        "payload_bytes": options.shape.payload,
        "outstanding": if options.quiet { QUIET_OUTSTANDING } else { options.outstanding },
        "median": {
            "cpu_us_per_delivery": median(figures.iter().filter_map(|run| run.delivery.cpu_us_per_delivery)),
            "ratio": median(figures.iter().filter_map(|run| run.ratio)),
            "compressed_ratio": median(figures.iter().filter_map(|run| run.compressed_ratio)),
        },
        "runs": figures,
    })
    .to_string()
}

fn table(options: &FanoutOptions, figures: &[FanoutFigures]) -> String {
    let outstanding = if options.quiet { QUIET_OUTSTANDING } else { options.outstanding };
    let mut table = Table::of_runs(format!(
        "Fan-out: {} subscribers, payload {} bytes, {outstanding} outstanding",
        options.subscribers, options.shape.payload
    ));
    let column = |take: fn(&FanoutFigures) -> Option<f64>| figures.iter().map(take).collect::<Vec<_>>();
    table.columns(&figures.iter().map(|run| run.delivery.rows()).collect::<Vec<_>>());
    table.row("memory per connection, bytes", column(|run| run.memory_bytes_per_connection));
    if options.quiet {
        table.row("quiet channel p50, µs", column(|run| Some(run.quiet_latency?.p50_us)));
        table.row("quiet channel p99, µs", column(|run| Some(run.quiet_latency?.p99_us)));
        table.row("quiet channel max, µs", column(|run| Some(run.quiet_latency?.max_us)));
    }
    if options.limit {
        let raw =
            |run: &FanoutFigures| run.limit.as_ref().and_then(|limit| limit.delivery.cpu_us_per_delivery);
        let threads = options.raw_threads;
        let label = if threads == 1 { String::new() } else { format!(" on {threads} threads") };
        table.row(format!("raw send{label}, CPU per delivery, µs"), column(raw));
        table.row("server ÷ raw send", column(|run| run.ratio));
    }
    if options.compressed {
        let cost = |run: &FanoutFigures| run.compressed.as_ref()?.cpu_us_per_delivery;
        let bytes = |run: &FanoutFigures| run.compressed.as_ref().map(|c| c.wire_bytes_per_delivery);
        table.row("compressed: bytes on the wire per delivery", column(bytes));
        table.row("compressed: CPU per delivery, µs", column(cost));
        table.row("compressed ÷ plain", column(|run| run.compressed_ratio));
    }
    table.note(options.server.note());
    table.render()
}
