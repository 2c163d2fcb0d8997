//! `bench reconnect`: what it costs a server when everybody comes back at once and asks for what was missed.

use std::time::Instant;

use serde::Serialize;
use serde_json::json;

use super::account::Account;
use super::connect;
use super::control::{Missed, PublishRoute, Speech};
use super::dialogue::Dialogue;
use super::endpoint::Endpoint;
use super::error::BenchError;
use super::publisher::Publisher;
use super::run::{LoadSpec, Run, RunOptions};
use super::scan::{Layout, Line};
use super::server::{Server, ServerOptions};
use super::stamp::{self, Stamp};
use super::table::{Table, median};

const CHANNEL: &str = "bench";
/// Of our own server: a stream that holds whatever `--publications` allows.
const SETTINGS: [&str; 3] = [
    "channel.without_namespace.history_size=300",
    "channel.without_namespace.history_ttl=10m",
    "channel.without_namespace.force_recovery=true",
];

/// N clients come back at once and recover what they have missed
///
/// Each of them opens a connection, connects and subscribes to one channel from a position behind which the publications
/// stand that it has missed. Each has to get exactly those, in the reply that says that nothing is missing. Another server
/// than our own needs a history and recovery in the channel `bench`, and anonymous clients that may publish to it.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ReconnectOptions {
    #[command(flatten)]
    server: ServerOptions,

    /// Clients, each with a connection of its own
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    clients: u32,

    /// Publications that each has missed
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=300))]
    publications: u32,

    /// Bytes of a publication's data
    #[arg(long, default_value_t = 100, value_parser = stamp::parse_payload_bytes)]
    payload: usize,

    /// Connections on their way at the same time [default: all of them]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    opening: Option<u32>,

    /// Do not measure a raw send in the same run
    #[arg(long)]
    no_limit: bool,

    /// Runs, each with new connections (and a new server, unless --url is given)
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,

    #[command(flatten)]
    run: RunOptions,
}

/// One run's figures.
#[derive(Clone, Debug, Serialize)]
struct ReconnectFigures {
    elapsed_s: f64,
    clients_per_s: f64,
    /// Clients that got exactly what they had missed.
    recovered: u64,
    /// Of the server, user and system, from accept to the last reply.
    cpu_us_per_client: Option<f64>,
    /// Handshake and frame headers included.
    wire_bytes_per_client: f64,
    raw_send_us: Option<f64>,
    /// What a client costs that comes back, in raw sends.
    raw_sends_per_client: Option<f64>,
}

/// Runs the benchmark and returns what is to be printed.
pub(super) fn run(options: &ReconnectOptions) -> Result<String, BenchError> {
    options.server.check_descriptors(options.clients)?;
    let figures = (0..options.runs).map(|_| measure(options)).collect::<Result<Vec<_>, _>>()?;
    let report = if options.run.json { json(options, &figures) } else { table(options, &figures) };
    let missing = |run: &ReconnectFigures| u64::from(options.clients) - run.recovered;
    match figures.iter().map(missing).sum::<u64>() {
        0 => Ok(report),
        faults => {
            let faults =
                format!("{faults} clients did not get exactly the {} publications", options.publications);
            Err(BenchError::Faulty { report, faults })
        }
    }
}

fn measure(options: &ReconnectOptions) -> Result<ReconnectFigures, BenchError> {
    let mut figures = measure_server(options)?;
    if !options.no_limit {
        figures.raw_send_us = connect::raw_send_us(options.clients, options.run)?;
        let costs = figures.cpu_us_per_client.zip(figures.raw_send_us);
        figures.raw_sends_per_client = costs.map(|(client, raw)| client / raw);
    }
    Ok(figures)
}

fn measure_server(options: &ReconnectOptions) -> Result<ReconnectFigures, BenchError> {
    let server = Server::push_with(&options.server, &SETTINGS.map(str::to_owned))?;
    let (endpoint, account) = (server.endpoint.clone(), server.account().cloned());
    let mut run = Run::new(options.run, Some(server));
    let missed = publish(options, &endpoint).map_err(BenchError::Server)?;
    if let Some(account) = &account {
        account.wait_for_rest().map_err(BenchError::io("waiting for the server to be at rest"))?;
    }
    let cpu = || account.as_ref().map(Account::cpu).transpose();
    let before = cpu().map_err(BenchError::io("reading the server's processor time"))?;
    let begun = Instant::now();
    let loads = run.open(&LoadSpec {
        address: endpoint.address,
        speech: Speech::Centrifuge {
            host: endpoint.host,
            path: endpoint.path,
            channels: vec![CHANNEL.into()],
            missed: Some(missed),
        },
        connections: options.clients,
        opening_max: options.opening.unwrap_or(options.clients),
        // What was missed comes in one frame.
        payload_bytes: options.payload * options.publications as usize,
    })?;
    run.wait_ready(&loads, options.clients)?;
    let elapsed = begun.elapsed();
    let after = cpu().map_err(BenchError::io("reading the server's processor time"))?;
    let (report, _) = run.report(&loads)?;
    let used = after.zip(before).map(|(after, before)| after.since(&before).as_secs_f64() * 1e6);
    let clients = f64::from(options.clients);
    Ok(ReconnectFigures {
        elapsed_s: elapsed.as_secs_f64(),
        clients_per_s: clients / elapsed.as_secs_f64().max(1e-9),
        recovered: report.recovered,
        cpu_us_per_client: used.map(|used| used / clients),
        wire_bytes_per_client: report.bytes as f64 / clients,
        raw_send_us: None,
        raw_sends_per_client: None,
    })
}

/// Publishes what everybody is to have missed, and returns the position before it. It is in the stream when this returns.
fn publish(options: &ReconnectOptions, server: &Endpoint) -> Result<Missed, String> {
    let mut witness = Dialogue::open(server, &[])?;
    let reply = witness.ask(2, json!({"subscribe": {"channel": CHANNEL, "recoverable": true}}))?;
    let position = &reply["subscribe"];
    let Some(epoch) = position["epoch"].as_str().filter(|epoch| !epoch.is_empty()) else {
        return Err(format!("the channel {CHANNEL} has no recovery: {reply}"));
    };
    let mut publisher = Publisher::open(server, &PublishRoute::Client, CHANNEL, options.payload)?;
    for sequence in 1..=options.publications {
        publisher.publish(Stamp { sent_ns: stamp::now_ns(), sequence })?;
    }
    let (mut layout, mut delivered) = (Layout::default(), 0);
    while delivered < options.publications {
        witness.wait(|line| {
            layout.lines(line, |line| delivered += u32::from(matches!(line, Line::Delivery(_))));
        })?;
    }
    let offset = position["offset"].as_u64().unwrap_or(0);
    Ok(Missed { epoch: epoch.to_owned(), offset, publications: options.publications })
}

fn json(options: &ReconnectOptions, figures: &[ReconnectFigures]) -> String {
    json!({
        "benchmark": "reconnect",
        "clients": options.clients,
        "publications": options.publications,
        "payload_bytes": options.payload,
        "median": {
            "cpu_us_per_client": median(figures.iter().filter_map(|run| run.cpu_us_per_client)),
            "raw_sends_per_client": median(figures.iter().filter_map(|run| run.raw_sends_per_client)),
        },
        "runs": figures,
    })
    .to_string()
}

fn table(options: &ReconnectOptions, figures: &[ReconnectFigures]) -> String {
    let mut table = Table::of_runs(format!(
        "Reconnect: {} clients at once, each has missed {} publications of {} bytes",
        options.clients, options.publications, options.payload
    ));
    let column = |take: fn(&ReconnectFigures) -> Option<f64>| figures.iter().map(take).collect::<Vec<_>>();
    table.row("clients/s", column(|run| Some(run.clients_per_s)));
    table.row("clients that got exactly what they missed", column(|run| Some(run.recovered as f64)));
    table.row("bytes on the wire per client", column(|run| Some(run.wire_bytes_per_client)));
    table.row("CPU per client, µs", column(|run| run.cpu_us_per_client));
    if !options.no_limit {
        table.row("raw send, µs", column(|run| run.raw_send_us));
        table.row("client ÷ raw send", column(|run| run.raw_sends_per_client));
    }
    table.note(options.server.note());
    table.render()
}
