//! `bench connect`: what it costs a server to let a client in, and to keep it.

use std::time::Instant;

use serde::Serialize;

use super::control::Speech;
use super::error::BenchError;
use super::limit::{self, LimitSpec};
use super::run::{LoadSpec, Run, RunOptions};
use super::server::{Server, ServerOptions};
use super::table::{Table, median};

/// The raw send that connections are measured in: the usual fan-out.
const RAW_PAYLOAD_BYTES: usize = 128;
const RAW_DELIVERIES: u32 = 200_000;

/// Opens N connections and keeps them: handshake, connect, subscribe, idle memory
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ConnectOptions {
    #[command(flatten)]
    server: ServerOptions,

    /// Connections
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    connections: u32,

    /// Channels that each connection subscribes to (bench-1, bench-2, …)
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=128))]
    subscriptions: u32,

    /// Connections on their way at the same time
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=4096))]
    opening: u32,

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
struct ConnectFigures {
    elapsed_s: f64,
    connections_per_s: f64,
    /// Of the server, user and system, from accept to the last reply.
    cpu_us_per_connection: Option<f64>,
    /// Of the server, user space, with all connections idle, less what it was before.
    memory_bytes_per_connection: Option<f64>,
    raw_send_us: Option<f64>,
    /// What a connection costs, in raw sends.
    raw_sends_per_connection: Option<f64>,
}

/// Runs the benchmark and returns what is to be printed.
pub(super) fn run(options: &ConnectOptions) -> Result<String, BenchError> {
    options.server.check_descriptors(options.connections)?;
    let figures = (0..options.runs).map(|_| measure(options)).collect::<Result<Vec<_>, _>>()?;
    if options.run.json {
        let json = serde_json::json!({
            "benchmark": "connect",
            "connections": options.connections,
            "subscriptions": options.subscriptions,
            "median": {
                "cpu_us_per_connection": median(figures.iter().filter_map(|run| run.cpu_us_per_connection)),
                "raw_sends_per_connection": median(figures.iter().filter_map(|run| run.raw_sends_per_connection)),
                "memory_bytes_per_connection": median(figures.iter().filter_map(|run| run.memory_bytes_per_connection)),
            },
            "runs": figures,
        });
        return Ok(json.to_string());
    }
    let mut table = Table::of_runs(format!(
        "Connect: {} connections, {} subscriptions each",
        options.connections, options.subscriptions
    ));
    let column = |take: fn(&ConnectFigures) -> Option<f64>| figures.iter().map(take).collect::<Vec<_>>();
    table.row("connections/s", column(|run| Some(run.connections_per_s)));
    table.row("CPU per connection, µs", column(|run| run.cpu_us_per_connection));
    if !options.no_limit {
        table.row("raw send, µs", column(|run| run.raw_send_us));
        table.row("connection ÷ raw send", column(|run| run.raw_sends_per_connection));
    }
    table.row("memory per idle connection, bytes", column(|run| run.memory_bytes_per_connection));
    table.note(options.server.note());
    Ok(table.render())
}

fn measure(options: &ConnectOptions) -> Result<ConnectFigures, BenchError> {
    let mut figures = measure_server(options)?;
    if !options.no_limit {
        figures.raw_send_us = raw_send_us(options.connections, options.run)?;
        let costs = figures.cpu_us_per_connection.zip(figures.raw_send_us);
        figures.raw_sends_per_connection = costs.map(|(connection, raw)| connection / raw);
    }
    Ok(figures)
}

/// What a raw send costs to as many sockets as the server had, so that the caches are equally full.
pub(super) fn raw_send_us(connections: u32, options: RunOptions) -> Result<Option<f64>, BenchError> {
    let raw = LimitSpec {
        subscribers: connections,
        payload_bytes: RAW_PAYLOAD_BYTES,
        frame_bytes: 0,
        publications: (RAW_DELIVERIES / connections).clamp(20, 2000),
        messages_per_send: 1,
        threads: 1,
    };
    Ok(limit::measure(&raw, options)?.delivery.cpu_us_per_delivery)
}

fn measure_server(options: &ConnectOptions) -> Result<ConnectFigures, BenchError> {
    let server = Server::push(&options.server)?;
    let (endpoint, account) = (server.endpoint.clone(), server.account().cloned());
    let mut run = Run::new(options.run, Some(server));
    if let Some(account) = &account {
        account.wait_for_rest().map_err(BenchError::io("waiting for the server to be at rest"))?;
    }
    let sample = || account.as_ref().map(|account| Ok((account.cpu()?, account.memory_bytes()?))).transpose();
    let before = sample().map_err(BenchError::io("reading the server's account"))?;
    let begun = Instant::now();
    let loads = run.open(&LoadSpec {
        address: endpoint.address,
        speech: Speech::Centrifuge {
            host: endpoint.host,
            path: endpoint.path,
            channels: (1..=options.subscriptions).map(|number| format!("bench-{number}")).collect(),
            missed: None,
        },
        connections: options.connections,
        opening_max: options.opening,
        payload_bytes: RAW_PAYLOAD_BYTES,
    })?;
    run.wait_ready(&loads, options.connections)?;
    let elapsed = begun.elapsed();
    let after = sample().map_err(BenchError::io("reading the server's account"))?;
    if let Some(account) = &account {
        account.wait_for_rest().map_err(BenchError::io("waiting for the server to be at rest"))?;
    }
    let idle = sample().map_err(BenchError::io("reading the server's account"))?;
    let each = |total: f64| total / f64::from(options.connections);
    let cpu =
        after.zip(before.as_ref()).map(|((after, _), (before, _))| after.since(before).as_secs_f64() * 1e6);
    let memory =
        idle.zip(before.as_ref()).map(|((_, idle), (_, before))| idle.saturating_sub(*before) as f64);
    Ok(ConnectFigures {
        elapsed_s: elapsed.as_secs_f64(),
        connections_per_s: f64::from(options.connections) / elapsed.as_secs_f64().max(1e-9),
        cpu_us_per_connection: cpu.map(each),
        memory_bytes_per_connection: memory.map(each),
        raw_send_us: None,
        raw_sends_per_connection: None,
    })
}
