//! `wavecast bench`: what a server costs, measured beside what the kernel alone costs.
//!
//! Server, raw sender and load are processes of their own; this program is all of them. Rooms, from the inside out:
//!
//! | room | what it holds |
//! | --- | --- |
//! | `stamp`, `scan` | the payload that measures itself, and how it is found in received bytes |
//! | `latency`, `arrivals`, `tally` | what a load counts |
//! | `upgrade`, `conversation`, `connection`, `load` | a load process |
//! | `raw_sender` | the kernel's share of a delivery |
//! | `dialogue`, `publisher`, `quiet` | one client connection, publishing, and the quiet channel's observer |
//! | `control`, `process` | orders and news between processes; starting and ending them |
//! | `account`, `descriptors` | processor time and memory of a process; how many sockets it may have |
//! | `endpoint`, `server` | the server under test |
//! | `run`, `window`, `delivery` | one run; the pace of publications; a measured interval |
//! | `fanout`, `connect`, `echo`, `limit` | the four benchmarks |
//! | `table`, `error` | what a person reads |

mod account;
mod arrivals;
mod connect;
mod connection;
mod control;
mod conversation;
mod delivery;
mod descriptors;
mod dialogue;
mod echo;
mod endpoint;
mod error;
mod fanout;
mod latency;
mod limit;
mod load;
mod process;
mod publisher;
mod quiet;
mod raw_sender;
mod run;
mod scan;
mod server;
mod stamp;
mod table;
mod tally;
mod upgrade;
mod window;

use std::io;
use std::process::ExitCode;

use control::News;

// One line a paragraph: clap wraps them to the terminal.
const AFTER_HELP: &str = "\
A server is started for each run, as a process of its own, and ended with it: this program's, or with --start any \
other. With --url a server is measured that runs already; all traffic stays on loopback unless --url names another \
host. CPU and memory are read from /proc, so they need Linux and a server on this machine (with --url: --pid).

The figure to quote is a ratio: `bench fanout --limit` measures server and kernel alternately and divides CPU per \
delivery pair by pair, so that the machine cancels out.

Exit codes: 0 measured; 1 the server or a worker failed, or --timeout ran out; 2 wrong options; 3 this machine \
allows too few descriptors.";

/// Measures a server: fan-out, connections, echoes, and the kernel's own limit
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum What {
    Connect(connect::ConnectOptions),
    Fanout(fanout::FanoutOptions),
    Echo(echo::EchoOptions),
    Limit(limit::LimitOptions),
    /// Worker: holds the connections of a load
    #[command(hide = true)]
    Load,
    /// Worker: sends to sockets and does nothing else
    #[command(hide = true)]
    RawSender,
    /// Worker: observes a quiet channel
    #[command(hide = true)]
    Quiet,
    /// Becomes another program that ends with its parent
    #[command(hide = true)]
    Tethered {
        #[arg(last = true)]
        command: Vec<String>,
    },
}

/// Runs a benchmark, or one of its workers, to the end.
pub(crate) fn run(bench: Bench) -> ExitCode {
    descriptors::raise();
    let printed = match bench.what {
        What::Connect(options) => connect::run(&options),
        What::Fanout(options) => fanout::run(&options),
        What::Echo(options) => echo::run(&options),
        What::Limit(options) => limit::run(&options),
        What::Load => return worker(load::run()),
        What::RawSender => return worker(raw_sender::run()),
        What::Quiet => return worker(quiet::run()),
        What::Tethered { command } => {
            eprintln!("cannot be started: {}", process::become_tethered(&command));
            return ExitCode::FAILURE;
        }
    };
    match printed {
        Ok(text) => {
            println!("{}", text.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("wavecast bench: {error}");
            error.exit_code()
        }
    }
}

/// A worker tells its orchestrator why it failed; nobody reads its exit code.
fn worker(outcome: Result<(), String>) -> ExitCode {
    let Err(reason) = outcome else { return ExitCode::SUCCESS };
    let _ = control::write_line(io::stdout().lock(), &News::Failed { reason });
    ExitCode::FAILURE
}
