//! `bench slow`: what clients that never read do to those that do.

use std::thread;

use clap::ValueEnum;
use serde::Serialize;
use serde_json::json;

use super::account::Account;
use super::control::{News, Order, PublishRoute, SleepersPlan, Speech, Woken};
use super::delivery::{self, Amount, Course, Delivery, Source};
use super::descriptors;
use super::endpoint::Endpoint;
use super::error::BenchError;
use super::peak::Peak;
use super::policy::{Policy, SlowFigures};
use super::process::WorkerId;
use super::publisher::Publisher;
use super::run::{LoadSpec, Run, RunOptions};
use super::server::{Server, ServerOptions};
use super::stamp;
use super::table::{Table, median};
use super::window::Pace;

const CHANNEL: &str = "bench";
/// What the kernel takes for a client that never reads: its receive buffer, what is on the way, and what our server lets
/// it hold unsent. Generously, since only what is published beyond it meets the queue.
const KERNEL_BYTES: usize = 256 * 1024;
/// Of our own server: bytes of one send, whose frames are held until the kernel has taken them.
const SEND_BYTES: usize = 128 * 1024;
/// Of our own server: what a frame counts in a client's queue beside its length.
const FRAME_OVERHEAD_BYTES: usize = 32;
/// The push around a publication's data, and the frame's header.
const ENVELOPE_BYTES: usize = 64;
const MIB: f64 = 1024.0 * 1024.0;

/// Publishes to readers of a channel while as many clients never read, under each slow-consumer policy
///
/// Runs come in pairs: the readers alone, then the readers beside the slow clients, each with a server of its own. So much
/// is published that the queues of the slow ones are full from the middle of the run on at the latest. In the end they are
/// woken and read what the server left them: whom it has disconnected, unsubscribed or told of a gap, and whether what it
/// said to have dropped and what it delivered add up.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SlowOptions {
    /// Subscribers that read
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    readers: u32,

    /// Subscribers of the same channel that never read
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    slow: u32,

    /// Policy to measure; may be given several times [default: all of them]
    #[arg(long, value_enum)]
    policy: Vec<Policy>,

    /// Pairs of runs for each policy
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pairs: u32,

    /// Bytes of a publication's data
    #[arg(long, default_value_t = 1024, value_parser = stamp::parse_payload_bytes)]
    payload: usize,

    /// Bytes that may wait for one client: the server's client.queue_max_size
    #[arg(long, default_value_t = 262_144, value_parser = clap::value_parser!(u32).range(4096..=1 << 30))]
    queue: u32,

    /// Publications that are measured [default: twice what fills the queues, but at least 200]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    publications: Option<u32>,

    #[command(flatten)]
    run: RunOptions,
}

/// The readers' figures of one run, and what became of the slow clients.
#[derive(Clone, Debug, Serialize)]
struct Side {
    #[serde(flatten)]
    delivery: Delivery,
    /// Of the server, user space: the most while publishing, less what it was before.
    memory_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slow: Option<SlowFigures>,
}

/// One pair of runs.
#[derive(Clone, Debug, Serialize)]
struct Pair {
    alone: Side,
    beside: Side,
    /// The readers' p99 beside the slow clients ÷ alone.
    p99_ratio: f64,
}

/// Runs the benchmark and returns what is to be printed.
pub(super) fn run(options: &SlowOptions) -> Result<String, BenchError> {
    descriptors::check(options.readers.saturating_add(options.slow), "server")?;
    let policies =
        if options.policy.is_empty() { Policy::value_variants().to_vec() } else { options.policy.clone() };
    let mut figures = Vec::new();
    for policy in policies {
        let pairs = (0..options.pairs).map(|_| measure_pair(options, policy));
        figures.push((policy, pairs.collect::<Result<Vec<_>, _>>()?));
    }
    let report = if options.run.json { json(options, &figures) } else { table(options, &figures) };
    match faults(options, &figures) {
        None => Ok(report),
        Some(faults) => Err(BenchError::Faulty { report, faults }),
    }
}

fn measure_pair(options: &SlowOptions, policy: Policy) -> Result<Pair, BenchError> {
    let alone = measure(options, policy, 0)?;
    let beside = measure(options, policy, options.slow)?;
    let p99_ratio = beside.delivery.latency.p99_us / alone.delivery.latency.p99_us.max(1e-3);
    Ok(Pair { alone, beside, p99_ratio })
}

/// The readers alone where `slow` is 0.
fn measure(options: &SlowOptions, policy: Policy, slow: u32) -> Result<Side, BenchError> {
    let server = Server::push_with(&ServerOptions::default(), &policy.settings(options.queue))?;
    let (endpoint, account) = (server.endpoint.clone(), server.account().cloned());
    let mut run = Run::new(options.run, Some(server));
    let loads = open_readers(&mut run, options, &endpoint)?;
    let sleepers = (slow > 0).then(|| open_sleepers(&mut run, slow, &endpoint)).transpose()?;
    if let Some(account) = &account {
        account.wait_for_rest().map_err(BenchError::io("waiting for the server to be at rest"))?;
    }
    let before = account.as_ref().map(Account::memory_bytes).transpose();
    let before = before.map_err(BenchError::io("reading the server's memory"))?;
    let publisher = Publisher::open(&endpoint, &PublishRoute::Client, CHANNEL, options.payload);
    let publications = options.publications();
    let course = Course {
        label: policy.label(),
        loads: &loads,
        account: account.as_ref(),
        pace: Pace::Window(1),
        warm_up: delivery::warm_up(publications, 1),
        amount: Amount::Publications(publications),
    };
    let peak = account.clone().map(Peak::watch);
    let mut source = Source::Publisher(publisher.map_err(BenchError::Server)?);
    let measured = delivery::measure(&mut run, &mut source, &course);
    let peak = peak.map(Peak::end);
    let (delivery, _) = measured?;
    let published = u64::from(publications + course.warm_up);
    let woken = sleepers.map(|sleepers| wake(&mut run, sleepers)).transpose()?;
    let slow = woken.map(|woken| SlowFigures::new(policy, woken, published, slow));
    let memory_bytes = peak.zip(before).map(|(peak, before)| peak.saturating_sub(before));
    Ok(Side { delivery, memory_bytes, slow })
}

fn open_readers(
    run: &mut Run,
    options: &SlowOptions,
    server: &Endpoint,
) -> Result<Vec<WorkerId>, BenchError> {
    let loads = run.open(&LoadSpec {
        address: server.address,
        speech: Speech::Centrifuge {
            host: server.host.clone(),
            path: server.path.clone(),
            channels: vec![CHANNEL.into()],
            missed: None,
        },
        connections: options.readers,
        opening_max: 128,
        payload_bytes: options.payload,
    })?;
    run.wait_ready(&loads, options.readers)?;
    Ok(loads)
}

fn open_sleepers(run: &mut Run, connections: u32, server: &Endpoint) -> Result<WorkerId, BenchError> {
    descriptors::check(connections, "slow clients'")?;
    let sleepers = run.crew().hire("sleepers")?;
    let plan = SleepersPlan {
        address: server.address,
        host: server.host.clone(),
        path: server.path.clone(),
        channel: CHANNEL.into(),
        connections,
    };
    run.crew().order(sleepers, &Order::Sleepers(plan))?;
    run.wait_ready(&[sleepers], connections)?;
    Ok(sleepers)
}

fn wake(run: &mut Run, sleepers: WorkerId) -> Result<Woken, BenchError> {
    run.crew().order(sleepers, &Order::Wake)?;
    let mut found = Woken::default();
    run.gather(&[sleepers], "waking the slow clients", |_, news| {
        let News::Woken(woken) = news else { return false };
        found = woken;
        true
    })?;
    Ok(found)
}

impl SlowOptions {
    fn publications(&self) -> u32 {
        let fill = (self.queue as usize + KERNEL_BYTES) / (self.payload + ENVELOPE_BYTES);
        self.publications.unwrap_or_else(|| u32::try_from(2 * fill).unwrap_or(u32::MAX).max(200))
    }

    /// What the full queues of the slow clients may hold at most, in bytes: each client its references, and each event loop
    /// the frames behind them, once; beside them one send that the kernel has not taken.
    fn limit_bytes(&self) -> f64 {
        let loops = thread::available_parallelism().map_or(1, usize::from);
        let (queue, frame) = (self.queue as usize, self.payload + ENVELOPE_BYTES);
        let references = (queue / (frame + FRAME_OVERHEAD_BYTES)).max(1) * FRAME_OVERHEAD_BYTES;
        (loops * (queue + SEND_BYTES) + self.slow as usize * references) as f64
    }
}

/// What the server did wrong, in words.
fn faults(options: &SlowOptions, figures: &[(Policy, Vec<Pair>)]) -> Option<String> {
    let pairs = || figures.iter().flat_map(|(_, pairs)| pairs);
    let sides = pairs().flat_map(|pair| [&pair.alone, &pair.beside]);
    let out_of_order = sides.map(|side| side.delivery.out_of_order).sum::<u64>();
    let slow = pairs().filter_map(|pair| pair.beside.slow.as_ref());
    let unaccounted = slow.clone().filter_map(|slow| slow.unaccounted).map(i64::unsigned_abs).sum::<u64>();
    let spared = slow.map(|slow| u64::from(options.slow).saturating_sub(slow.dealt_with)).sum::<u64>();
    let mut faults = Vec::new();
    if out_of_order > 0 {
        faults.push(format!("{out_of_order} deliveries to readers lost, doubled or overtaken"));
    }
    if unaccounted > 0 {
        faults.push(format!(
            "{unaccounted} publications to slow clients neither delivered nor said to be dropped"
        ));
    }
    if spared > 0 {
        faults.push(format!("{spared} slow clients that the policy was not carried out on"));
    }
    (!faults.is_empty()).then(|| faults.join("; "))
}

fn json(options: &SlowOptions, figures: &[(Policy, Vec<Pair>)]) -> String {
    let policies = figures.iter().map(|(policy, pairs)| {
        json!({
            "policy": policy,
            "median": {
                "p99_ratio": median(pairs.iter().map(|pair| pair.p99_ratio)),
                "memory_bytes": median(pairs.iter().filter_map(|pair| pair.beside.memory_bytes.map(|bytes| bytes as f64))),
            },
            "pairs": pairs,
        })
    });
    json!({
        "benchmark": "slow",
        "readers": options.readers,
        "slow": options.slow,
        "payload_bytes": options.payload,
        "queue_bytes": options.queue,
        "memory_limit_bytes": options.limit_bytes(),
        "policies": policies.collect::<Vec<_>>(),
    })
    .to_string()
}

fn table(options: &SlowOptions, figures: &[(Policy, Vec<Pair>)]) -> String {
    let title = format!(
        "Slow clients: {} readers beside {} that never read, {} publications of {} bytes, queues of {} bytes",
        options.readers,
        options.slow,
        options.publications(),
        options.payload,
        options.queue
    );
    let mut table = Table::of_columns(title, figures.iter().map(|(policy, _)| policy.to_string()).collect());
    let column = |take: &dyn Fn(&Pair) -> Option<f64>| {
        figures.iter().map(|(_, pairs)| median(pairs.iter().filter_map(take))).collect::<Vec<_>>()
    };
    let slow = |take: &dyn Fn(&SlowFigures) -> Option<f64>| column(&|pair| take(pair.beside.slow.as_ref()?));
    let sum = |take: &dyn Fn(&Pair) -> u64| {
        figures.iter().map(|(_, pairs)| Some(pairs.iter().map(take).sum::<u64>() as f64)).collect::<Vec<_>>()
    };
    table.row("readers' p50 alone, µs", column(&|pair| Some(pair.alone.delivery.latency.p50_us)));
    table.row(
        "readers' p50 beside slow clients, µs",
        column(&|pair| Some(pair.beside.delivery.latency.p50_us)),
    );
    table.row("readers' p99 alone, µs", column(&|pair| Some(pair.alone.delivery.latency.p99_us)));
    table.row(
        "readers' p99 beside slow clients, µs",
        column(&|pair| Some(pair.beside.delivery.latency.p99_us)),
    );
    table.row("p99 beside ÷ alone, median of pairs", column(&|pair| Some(pair.p99_ratio)));
    let lost = |pair: &Pair| pair.alone.delivery.out_of_order + pair.beside.delivery.out_of_order;
    table.row("readers: lost, doubled or overtaken", sum(&lost));
    table.row("slow clients the policy was carried out on", slow(&|slow| Some(slow.dealt_with as f64)));
    let each = |count: u64| count as f64 / f64::from(options.slow);
    table.row("delivered to a slow client", slow(&|slow| Some(each(slow.woken.deliveries))));
    table.row("dropped and said so, a slow client", slow(&|slow| Some(each(slow.woken.dropped))));
    table.row("neither delivered nor said", slow(&|slow| slow.unaccounted.map(|count| count as f64)));
    let memory = |side: &Side| side.memory_bytes.map(|bytes| bytes as f64 / MIB);
    table.row("memory grown alone, MiB", column(&|pair| memory(&pair.alone)));
    table.row("memory grown beside slow clients, MiB", column(&|pair| memory(&pair.beside)));
    table.row("limit of full queues, MiB", vec![Some(options.limit_bytes() / MIB); figures.len()]);
    table.note(Some("figures are medians of the pairs; lost, doubled or overtaken is their sum"));
    table.note(Some(
        "limit: shared frames once in each event loop, 32 bytes for each of a client's references to them",
    ));
    table.render()
}
