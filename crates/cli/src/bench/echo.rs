//! `bench echo`: messages that come back, the measure of a plain WebSocket server.

use std::time::Instant;

use serde::Serialize;

use super::account::Account;
use super::control::{News, Order, Speech};
use super::error::BenchError;
use super::latency::LatencySummary;
use super::run::{LoadSpec, Run, RunOptions, progress_bar};
use super::server::{Server, ServerOptions};
use super::stamp;
use super::table::{Table, median};

const ECHOES_BY_DEFAULT: u32 = 500_000;

/// Sends messages that the server sends back
#[derive(Clone, Debug, clap::Args)]
pub(super) struct EchoOptions {
    #[command(flatten)]
    server: ServerOptions,

    /// Connections
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    connections: u32,

    /// Bytes of a message
    #[arg(long, default_value_t = 128, value_parser = stamp::parse_payload_bytes)]
    payload: usize,

    /// Messages under way on each connection: as many are sent as have come back
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    outstanding: u32,

    /// Messages of each connection [default: 500,000 in all, but at least 50]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    messages: Option<u32>,

    /// Runs, each with new connections (and a new server, unless --url is given)
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,

    #[command(flatten)]
    run: RunOptions,
}

/// One run's figures.
#[derive(Clone, Debug, Serialize)]
struct EchoFigures {
    echoes: u64,
    elapsed_s: f64,
    echoes_per_s: f64,
    /// Of the server, user and system: a receive and a send.
    cpu_us_per_echo: Option<f64>,
    latency: LatencySummary,
    echoes_per_read: f64,
    out_of_order: u64,
}

/// Runs the benchmark and returns what is to be printed.
pub(super) fn run(options: &EchoOptions) -> Result<String, BenchError> {
    options.server.check_descriptors(options.connections)?;
    let figures = (0..options.runs).map(|_| measure(options)).collect::<Result<Vec<_>, _>>()?;
    if options.run.json {
        let json = serde_json::json!({
            "benchmark": "echo",
            "connections": options.connections,
            "payload_bytes": options.payload,
            "outstanding": options.outstanding,
            "median": { "cpu_us_per_echo": median(figures.iter().filter_map(|run| run.cpu_us_per_echo)) },
            "runs": figures,
        });
        return Ok(json.to_string());
    }
    Ok(table(options, &figures))
}

fn measure(options: &EchoOptions) -> Result<EchoFigures, BenchError> {
    let server = Server::echo(&options.server)?;
    let (endpoint, account) = (server.endpoint.clone(), server.account().cloned());
    let mut run = Run::new(options.run, Some(server));
    let loads = run.open(&LoadSpec {
        address: endpoint.address,
        speech: Speech::Echo { host: endpoint.host, path: endpoint.path },
        connections: options.connections,
        opening_max: 128,
        payload_bytes: options.payload,
    })?;
    run.wait_ready(&loads, options.connections)?;
    if let Some(account) = &account {
        account.wait_for_rest().map_err(BenchError::io("waiting for the server to be at rest"))?;
    }
    let messages = options.messages.unwrap_or_else(|| (ECHOES_BY_DEFAULT / options.connections).max(50));
    let order = |messages: u32| Order::Echo {
        messages,
        outstanding: options.outstanding,
        payload_bytes: options.payload,
    };
    run.order_all(&loads, &order((messages / 10).max(1)))?;
    run.gather(&loads, "warming up", |_, news| news == News::Finished)?;
    run.begin(&loads)?;
    let cpu = || account.as_ref().map(Account::cpu).transpose();
    let before = cpu().map_err(BenchError::io("reading the server's processor time"))?;
    let begun = Instant::now();
    run.order_all(&loads, &order(messages))?;
    let bar = progress_bar("echoing", u64::from(messages) * u64::from(options.connections));
    let mut returned = vec![0; loads.len()];
    run.gather(&loads, "waiting for the echoes", |load, news| {
        if let News::Returned { messages } = news
            && let Some(place) = loads.iter().position(|&id| id == load)
        {
            returned[place] = messages;
            bar.set_position(returned.iter().sum());
        }
        news == News::Finished
    })?;
    let elapsed = begun.elapsed();
    let after = cpu().map_err(BenchError::io("reading the server's processor time"))?;
    bar.finish_and_clear();
    let (report, latency) = run.report(&loads)?;
    let echoes = report.deliveries.max(1) as f64;
    let used = after.zip(before).map(|(after, before)| after.since(&before).as_secs_f64() * 1e6);
    Ok(EchoFigures {
        echoes: report.deliveries,
        elapsed_s: elapsed.as_secs_f64(),
        echoes_per_s: echoes / elapsed.as_secs_f64().max(1e-9),
        cpu_us_per_echo: used.map(|used| used / echoes),
        latency: latency.summary(),
        echoes_per_read: echoes / report.reads.max(1) as f64,
        out_of_order: report.out_of_order,
    })
}

fn table(options: &EchoOptions, figures: &[EchoFigures]) -> String {
    let mut table = Table::of_runs(format!(
        "Echo: {} connections, payload {} bytes, {} outstanding each",
        options.connections, options.payload, options.outstanding
    ));
    let column = |take: fn(&EchoFigures) -> Option<f64>| figures.iter().map(take).collect::<Vec<_>>();
    table.row("echoes", column(|run| Some(run.echoes as f64)));
    table.row("echoes/s", column(|run| Some(run.echoes_per_s)));
    table.row("latency p50, µs", column(|run| Some(run.latency.p50_us)));
    table.row("latency p99, µs", column(|run| Some(run.latency.p99_us)));
    table.row("latency p99.9, µs", column(|run| Some(run.latency.p999_us)));
    table.row("latency max, µs", column(|run| Some(run.latency.max_us)));
    table.row("echoes per read", column(|run| Some(run.echoes_per_read)));
    table.row("lost, doubled or overtaken", column(|run| Some(run.out_of_order as f64)));
    table.row("CPU per echo, µs", column(|run| run.cpu_us_per_echo));
    table.note(options.server.note());
    table.render()
}
