//! `bench echo`: messages that come back, the measure of a plain WebSocket server.

use std::time::Instant;

use serde::Serialize;

use super::account::Account;
use super::contest::{self, Contender, Rival};
use super::control::{News, Order, Speech};
use super::error::BenchError;
use super::latency::LatencySummary;
use super::run::{LoadSpec, Run, RunOptions, progress_bar};
use super::server::{Server, ServerOptions};
use super::stamp;
use super::table::{Table, median};

const ECHOES_BY_DEFAULT: u32 = 500_000;
/// Where messages are long, fewer of them take as long.
const BYTES_BY_DEFAULT: u64 = 4 << 30;
const RUNS_OF_A_COMPARISON: u32 = 5;
const MATRIX_PAYLOADS: [usize; 3] = [16, 1024, 16_384];
const MATRIX_OUTSTANDING: [u32; 2] = [1, 16];

/// Sends messages that the server sends back
#[derive(Clone, Debug, clap::Args)]
pub(super) struct EchoOptions {
    #[command(flatten)]
    server: ServerOptions,

    /// Threads of our own server
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    shards: u32,

    /// Connections
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    connections: u32,

    /// Bytes of a message; may be given several times
    #[arg(long, default_values_t = [128], value_parser = stamp::parse_echo_bytes)]
    payload: Vec<usize>,

    /// Messages under way on each connection: as many are sent as have come back; may be given several times
    #[arg(long, default_values_t = [1], value_parser = clap::value_parser!(u32).range(1..=1024))]
    outstanding: Vec<u32>,

    /// 16, 1024 and 16384 bytes, each with 1 and 16 outstanding
    #[arg(long, conflicts_with_all = ["payload", "outstanding"])]
    matrix: bool,

    /// Messages of each connection [default: 500,000 in all, or 4 GiB if that is less, but at least 50]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    messages: Option<u32>,

    /// Measure beside the server what the kernel alone costs, by turns, and give the ratio run by run
    #[arg(long)]
    limit: bool,

    /// Measure another program beside the server, likewise; may be given several times. A command with arguments, split
    /// at spaces, whose output names a ws:// URL
    #[arg(long, value_name = "NAME=COMMAND", value_parser = Rival::parse)]
    beside: Vec<Rival>,

    /// Runs, each with new connections (and a new server, unless --url is given) [default: 1, or 5 of a comparison]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: Option<u32>,

    #[command(flatten)]
    run: RunOptions,
}

/// What one table is about.
#[derive(Clone, Copy, Debug, Serialize)]
struct Cell {
    payload_bytes: usize,
    outstanding: u32,
    /// Of each connection.
    messages: u32,
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
    let contenders = contenders(options);
    let runs = options.runs.unwrap_or(if contenders.len() > 1 { RUNS_OF_A_COMPARISON } else { 1 });
    let (mut tables, mut measured) = (String::new(), Vec::new());
    for cell in cells(options) {
        let figures = contest::hold(&contenders, runs, |contender| measure(options, cell, contender))?;
        tables.push_str(&table(options, cell, &contenders, &figures));
        tables.push('\n');
        measured.push(json(cell, &contenders, &figures));
    }
    if options.run.json {
        let report = serde_json::json!({
            "benchmark": "echo", "connections": options.connections, "cells": measured
        });
        return Ok(report.to_string());
    }
    Ok(tables)
}

fn contenders(options: &EchoOptions) -> Vec<Contender> {
    let raw = options.limit.then_some(Contender::Raw);
    let rivals = options.beside.iter().cloned().map(Contender::Rival);
    [Contender::Server].into_iter().chain(raw).chain(rivals).collect()
}

fn cells(options: &EchoOptions) -> Vec<Cell> {
    let (payloads, outstanding) = if options.matrix {
        (&MATRIX_PAYLOADS[..], &MATRIX_OUTSTANDING[..])
    } else {
        (&options.payload[..], &options.outstanding[..])
    };
    let messages = |payload_bytes: usize| {
        let by_bytes = BYTES_BY_DEFAULT / payload_bytes as u64;
        let in_all =
            u32::try_from(by_bytes).map_or(ECHOES_BY_DEFAULT, |echoes| echoes.min(ECHOES_BY_DEFAULT));
        options.messages.unwrap_or_else(|| (in_all / options.connections).max(50))
    };
    let of_payload = |&payload_bytes: &usize| {
        let messages = messages(payload_bytes);
        outstanding.iter().map(move |&outstanding| Cell { payload_bytes, outstanding, messages })
    };
    payloads.iter().flat_map(of_payload).collect()
}

fn measure(options: &EchoOptions, cell: Cell, contender: &Contender) -> Result<EchoFigures, BenchError> {
    let server = match contender {
        Contender::Server => Server::echo(&options.server, options.shards)?,
        Contender::Raw => Server::raw_echo()?,
        Contender::Rival(rival) => Server::program(&rival.command)?,
    };
    let (endpoint, account) = (server.endpoint.clone(), server.account().cloned());
    let mut run = Run::new(options.run, Some(server));
    let loads = run.open(&LoadSpec {
        address: endpoint.address,
        speech: Speech::Echo { host: endpoint.host, path: endpoint.path },
        connections: options.connections,
        opening_max: 128,
        payload_bytes: cell.payload_bytes,
    })?;
    run.wait_ready(&loads, options.connections)?;
    if let Some(account) = &account {
        account.wait_for_rest().map_err(BenchError::io("waiting for the server to be at rest"))?;
    }
    let Cell { payload_bytes, outstanding, messages } = cell;
    let order = |messages: u32| Order::Echo { messages, outstanding, payload_bytes };
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

fn costs(figures: &[Vec<EchoFigures>]) -> Vec<Vec<Option<f64>>> {
    figures.iter().map(|runs| runs.iter().map(|run| run.cpu_us_per_echo).collect()).collect()
}

fn json(cell: Cell, contenders: &[Contender], figures: &[Vec<EchoFigures>]) -> serde_json::Value {
    let costs = costs(figures);
    let of_each = contenders.iter().zip(figures).zip(&costs).map(|((contender, runs), cost)| {
        let ratios = contest::ratios(&costs[0], cost);
        serde_json::json!({
            "name": contender.name(),
            "median": {
                "cpu_us_per_echo": median(cost.iter().copied().flatten()),
                "server_to_this": median(ratios.into_iter().flatten()),
            },
            "runs": runs,
        })
    });
    serde_json::json!({ "cell": cell, "contenders": of_each.collect::<Vec<_>>() })
}

fn table(
    options: &EchoOptions,
    cell: Cell,
    contenders: &[Contender],
    figures: &[Vec<EchoFigures>],
) -> String {
    let title = format!(
        "Echo: {} connections, payload {} bytes, {} outstanding each",
        options.connections, cell.payload_bytes, cell.outstanding
    );
    let is_alone = contenders.len() == 1;
    let mut table = if is_alone {
        Table::of_runs(title)
    } else {
        Table::of_columns(title, contenders.iter().map(Contender::name).collect())
    };
    let mut row = |label: &str, take: fn(&EchoFigures) -> f64| {
        let of_each = figures.iter().map(|runs| runs.iter().map(|run| Some(take(run))).collect());
        let mut of_each: Vec<Vec<Option<f64>>> = of_each.collect();
        let values = if is_alone { of_each.remove(0) } else { contest::medians(&of_each) };
        table.row(label, values);
    };
    row("echoes", |run| run.echoes as f64);
    row("echoes/s", |run| run.echoes_per_s);
    row("latency p50, µs", |run| run.latency.p50_us);
    row("latency p99, µs", |run| run.latency.p99_us);
    row("latency p99.9, µs", |run| run.latency.p999_us);
    row("latency max, µs", |run| run.latency.max_us);
    row("echoes per read", |run| run.echoes_per_read);
    row("lost, doubled or overtaken", |run| run.out_of_order as f64);
    let mut costs = costs(figures);
    if is_alone {
        table.row("CPU per echo, µs", costs.remove(0));
    } else {
        contest::compare(&mut table, "CPU per echo, µs", &costs);
    }
    table.note(options.server.note());
    table.render()
}
