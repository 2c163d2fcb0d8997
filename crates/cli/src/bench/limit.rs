//! `bench limit`: what the kernel alone costs, per delivery.

use clap::builder::RangedI64ValueParser;
use serde::Serialize;

use super::account::Account;
use super::control::{News, Order, Speech};
use super::delivery::{self, Amount, Course, Delivery, Source};
use super::descriptors;
use super::error::BenchError;
use super::run::{LoadSpec, Run, RunOptions};
use super::stamp;
use super::table::Table;
use super::window::Pace;

/// Deliveries that take long enough for a steady figure and short enough to wait for.
const DELIVERIES_BY_DEFAULT: u32 = 500_000;
/// With few rounds, the first and the last of them would make the figure.
const ROUNDS_BY_DEFAULT: u32 = 20;

/// Measures what one non-blocking send costs to each of N sockets, by messages a send
#[derive(Clone, Debug, clap::Args)]
pub(super) struct LimitOptions {
    /// Sockets that are sent to
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    subscribers: u32,

    #[command(flatten)]
    shape: ShapeOptions,

    /// Messages a send; may be given several times
    #[arg(long, default_values_t = [1, 4, 16], value_parser = clap::value_parser!(u32).range(1..=1024))]
    messages: Vec<u32>,

    /// Threads that share the sockets
    #[arg(long, default_value_t = 1, value_parser = threads())]
    threads: u32,

    #[command(flatten)]
    run: RunOptions,
}

/// How large publications are, and how many.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct ShapeOptions {
    /// Bytes of a publication's data
    #[arg(long, default_value_t = 128, value_parser = stamp::parse_payload_bytes)]
    pub(super) payload: usize,

    /// Publications that are measured [default: 500,000 deliveries' worth, between 50 and 5,000, but 20 times what is
    /// under way at once]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    publications: Option<u32>,
}

impl ShapeOptions {
    /// `at_once`: how many are under way at the same time.
    pub(super) fn publications(&self, subscribers: u32, at_once: u32) -> u32 {
        let steady = (DELIVERIES_BY_DEFAULT / subscribers.max(1)).clamp(50, 5000);
        self.publications.unwrap_or_else(|| steady.max(ROUNDS_BY_DEFAULT * at_once))
    }
}

/// Reads a number of sending threads.
pub(super) fn threads() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=128)
}

/// What is to be sent to whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct LimitSpec {
    pub(super) subscribers: u32,
    pub(super) payload_bytes: usize,
    /// Length of a frame on the wire; 0: what the payload and the usual envelope make.
    pub(super) frame_bytes: usize,
    pub(super) publications: u32,
    pub(super) messages_per_send: u32,
    /// They share the sockets: each sends to its own.
    pub(super) threads: u32,
}

/// The raw sender's figures.
#[derive(Clone, Debug, Serialize)]
pub(super) struct LimitFigures {
    pub(super) subscribers: u32,
    pub(super) messages_per_send: u32,
    pub(super) threads: u32,
    #[serde(flatten)]
    pub(super) delivery: Delivery,
}

/// Runs the benchmark and returns what is to be printed.
pub(super) fn run(options: &LimitOptions) -> Result<String, BenchError> {
    let spec = |messages_per_send: u32| LimitSpec {
        subscribers: options.subscribers,
        payload_bytes: options.shape.payload,
        frame_bytes: 0,
        publications: options
            .shape
            .publications(options.subscribers, messages_per_send)
            .next_multiple_of(messages_per_send),
        messages_per_send,
        threads: options.threads,
    };
    let measured = options.messages.iter().map(|&messages| measure(&spec(messages), options.run));
    let figures = measured.collect::<Result<Vec<_>, _>>()?;
    if options.run.json {
        return Ok(serde_json::json!({"benchmark": "limit", "runs": figures}).to_string());
    }
    let title = format!(
        "What the kernel alone costs: {} sockets, payload {} bytes, {} sending thread{}",
        options.subscribers,
        options.shape.payload,
        options.threads,
        if options.threads == 1 { "" } else { "s" }
    );
    let names = figures.iter().map(|column| format!("{} a send", column.messages_per_send)).collect();
    let mut table = Table::of_columns(title, names);
    table.columns(&figures.iter().map(|column| column.delivery.rows()).collect::<Vec<_>>());
    Ok(table.render())
}

/// One raw sender, one lot after another.
pub(super) fn measure(spec: &LimitSpec, options: RunOptions) -> Result<LimitFigures, BenchError> {
    descriptors::check(spec.subscribers, "raw sender")?;
    let mut run = Run::new(options, None);
    let sender = run.crew().hire("raw-sender")?;
    let order = Order::RawSender {
        receivers: spec.subscribers,
        threads: spec.threads,
        payload_bytes: spec.payload_bytes,
        frame_bytes: spec.frame_bytes,
    };
    run.crew().order(sender, &order)?;
    let mut listening = None;
    run.gather(&[sender], "starting the raw sender", |_, news| {
        if let News::Listening { address } = news {
            listening = Some(address);
        }
        listening.is_some()
    })?;
    let address = listening.ok_or_else(|| BenchError::Worker("the raw sender does not listen".into()))?;
    let loads = run.open(&LoadSpec {
        address,
        speech: Speech::Raw,
        connections: spec.subscribers,
        opening_max: 128,
        payload_bytes: spec.payload_bytes,
    })?;
    // A connection is ready here when it is connected, there when it is accepted: both must have happened.
    let everyone = loads.iter().copied().chain([sender]).collect::<Vec<_>>();
    run.wait_ready(&everyone, spec.subscribers)?;
    let account =
        Account::open(run.crew().pid(sender)).map_err(BenchError::io("reading the raw sender's account"))?;
    let course = Course {
        label: "raw sender",
        loads: &loads,
        account: Some(&account),
        pace: Pace::Lot(spec.messages_per_send),
        warm_up: delivery::warm_up(spec.publications, spec.messages_per_send)
            .next_multiple_of(spec.messages_per_send),
        amount: Amount::Publications(spec.publications),
    };
    let (delivery, _) = delivery::measure(&mut run, &mut Source::RawSender(sender), &course)?;
    let LimitSpec { subscribers, messages_per_send, threads, .. } = *spec;
    Ok(LimitFigures { subscribers, messages_per_send, threads, delivery })
}
