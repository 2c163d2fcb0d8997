//! `bench transports`: what each way to a client costs, with the same publications at the same rates.
//!
//! | room | what it holds |
//! | --- | --- |
//! | `answer`, `heads`, `words` | HTTP/1.1 answers as they come in; what a client asks with |
//! | `count`, `client`, `clients` | what is counted; one client; the process that is all of one transport |
//! | `window`, `pace` | which time belongs to a rate; publishing at fixed times |
//! | `course` | one run |
//! | `figures`, `medians` | what came of it: tables and JSON; of several runs |
//! | `scale`, `panel`, `picture` | a picture of it |

mod answer;
mod client;
mod clients;
mod count;
mod course;
mod figures;
mod heads;
mod medians;
mod pace;
mod panel;
mod picture;
mod scale;
mod window;
mod words;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use self::course::Course;
use self::window::Window;
use super::descriptors;
use super::error::BenchError;
use super::run::RunOptions;
use super::stamp;
use super::transport::{Heads, Transport};

const ALL: [Way; 5] = [Way::Websocket, Way::Sse, Way::HttpStream, Way::LongPoll, Way::Poll];

/// Compares the ways to a client: WebSocket, SSE, HTTP stream, long-poll and polling
///
/// Each way has a server of its own, with as many clients as each other, who all follow one channel with a history; the same
/// publications come to all of them, at one rate after the other. Clients are raw sockets: they say what a browser would
/// (--heads), keep their connections, and count every byte that goes through them. Between two publications there are pings
/// and empty polls; they are in the figures, which are told for a message and for a second.
///
/// A rate is watched for four of its intervals, at least 10 s and at most --seconds, but never less than one interval, so the
/// run takes as long as its slowest rates; with what is preset, some two and a half minutes. All compression is as the server
/// has it by default: answers to polls of more than 1 KiB, and nothing else.
///
/// Exit code 1 when a publication was missed, came twice or out of order.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct TransportsOptions {
    /// Which of them [default: all]
    #[arg(value_enum)]
    ways: Vec<Way>,

    /// Set a key of the servers' configuration
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// Clients of each
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    clients: u32,

    /// Publications a minute, one rate after the other
    #[arg(long, value_delimiter = ',', default_values_t = [1, 6, 60, 600], value_name = "RATE,…",
          value_parser = clap::value_parser!(u32).range(1..=6000))]
    per_minute: Vec<u32>,

    /// Milliseconds between two polls of one client
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 5000], value_name = "MS,…",
          value_parser = clap::value_parser!(u64).range(100..=60_000))]
    poll_ms: Vec<u64>,

    /// Seconds that a long-poll asks to wait
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=3600))]
    wait: u32,

    /// Bytes of a publication's data
    #[arg(long, default_value_t = 256, value_parser = stamp::parse_payload_bytes)]
    payload: usize,

    /// The heads of the clients' requests
    #[arg(long, value_enum, default_value = "browser")]
    heads: Heads,

    /// The longest that a rate is watched, in seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,

    /// So many runs one after the other; costs are the medians of them, faults their sums
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,

    /// Draw a picture of it into this file (SVG)
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,

    #[command(flatten)]
    run: RunOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Way {
    Websocket,
    Sse,
    HttpStream,
    LongPoll,
    Poll,
}

/// Runs the benchmark and returns what is to be printed.
pub(super) fn run(options: &TransportsOptions) -> Result<String, BenchError> {
    descriptors::check(options.clients, "server")?;
    let course = options.course();
    let runs = (0..options.runs).map(|_| course.run(options.run)).collect::<Result<Vec<_>, _>>()?;
    let figures = medians::of_runs(&runs);
    let title = options.title();
    if let Some(path) = &options.svg {
        let written = fs::write(path, picture::draw(&title, &figures));
        written.map_err(BenchError::io(format!("writing {}", path.display())))?;
    }
    let report = if options.run.json {
        serde_json::json!({
            "benchmark": "transports",
            "clients": options.clients,
            "payload_bytes": options.payload,
            "heads": options.heads,
            "transports": figures,
            "runs": runs,
            "cheaper_than_websocket": figures::cheaper_than_websocket(&figures),
        })
        .to_string()
    } else {
        figures::tables(&title, &figures)
    };
    match figures::faults(&figures) {
        Some(faults) => Err(BenchError::Faulty { report, faults }),
        None => Ok(report),
    }
}

/// Worker: the clients of one transport.
pub(super) fn clients() -> Result<(), String> {
    clients::run()
}

impl TransportsOptions {
    fn course(&self) -> Course {
        let transports = self.transports();
        let slowest = transports.iter().map(|transport| match transport {
            Transport::Poll { interval_ms } => *interval_ms,
            _ => 0,
        });
        let slowest = Duration::from_millis(slowest.max().unwrap_or(0));
        let mut rates = self.per_minute.clone();
        rates.sort_unstable();
        rates.dedup();
        let window = |per_minute| Window::new(per_minute, Duration::from_secs(self.seconds), slowest);
        Course {
            transports,
            windows: rates.into_iter().map(window).collect(),
            clients: self.clients,
            payload_bytes: self.payload,
            heads: self.heads,
            wait_s: self.wait,
            settings: self.set.clone(),
        }
    }

    fn transports(&self) -> Vec<Transport> {
        let wanted = |way: &Way| self.ways.is_empty() || self.ways.contains(way);
        let of = |way: Way| match way {
            Way::Websocket => vec![Transport::WebSocket],
            Way::Sse => vec![Transport::Sse],
            Way::HttpStream => vec![Transport::HttpStream],
            Way::LongPoll => vec![Transport::LongPoll],
            Way::Poll => self.poll_ms.iter().map(|&interval_ms| Transport::Poll { interval_ms }).collect(),
        };
        ALL.into_iter().filter(wanted).flat_map(of).collect()
    }

    fn title(&self) -> String {
        let heads = match self.heads {
            Heads::Browser => "heads as a browser sends them",
            Heads::Bare => "bare heads",
        };
        let runs = match self.runs {
            1 => String::new(),
            runs => format!("; median of {runs} runs"),
        };
        let (clients, payload) = (self.clients, self.payload);
        format!("Transports: {clients} clients each, {payload} bytes a publication, {heads}{runs}")
    }
}
