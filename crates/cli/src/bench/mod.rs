//! `wavecast bench`: what a server costs, measured beside what the kernel alone costs.
//!
//! Server, raw sender and load are processes of their own; this program is all of them. Rooms, from the inside out:
//!
//! | room | what it holds |
//! | --- | --- |
//! | `stamp`, `records`, `scan`, `backlog` | the payload that measures itself, the same full of records, how it is found in received bytes, and in a reply |
//! | `latency`, `arrivals`, `tally` | what a load counts |
//! | `orders`, `dial`, `unsent`, `upgrade`, `conversation`, `pattern`, `connection`, `load` | a load process |
//! | `raw_sender`, `raw_echo` | the kernel's share of a delivery, and of an echo |
//! | `dialogue`, `publisher`, `quiet`, `sleepers`, `policy` | one client connection, publishing, the quiet channel's observer, clients that never read and what becomes of them |
//! | `control`, `process` | orders and news between processes; starting and ending them |
//! | `account`, `peak`, `descriptors` | processor time and memory of a process; how many sockets it may have |
//! | `endpoint`, `server` | the server under test |
//! | `cutter`, `press`, `ledger`, `audience`, `journal`, `following` | the relay that cuts connections; publishing, and what the server says of it; resilient clients, and what they are told; both together |
//! | `run`, `window`, `delivery` | one run; the pace of publications; a measured interval |
//! | `fanout`, `connect`, `reconnect`, `slow`, `recovery`, `drain`, `echo`, `limit` | the benchmarks |
//! | `demo` | the demo applications under load: their visitors, and what they cost |
//! | `transport`, `transports` | the ways to a client, and what each of them costs |
//! | `contest` | who is measured in the same run, and the ratios |
//! | `table`, `error` | what a person reads |

mod account;
mod arrivals;
mod audience;
mod backlog;
mod connect;
mod connection;
mod contest;
mod control;
mod conversation;
mod cutter;
mod delivery;
mod demo;
mod descriptors;
mod dial;
mod dialogue;
mod drain;
mod echo;
mod endpoint;
mod error;
mod fanout;
mod following;
mod journal;
mod latency;
mod ledger;
mod limit;
mod load;
mod orders;
mod pattern;
mod peak;
mod policy;
mod press;
mod process;
mod publisher;
mod quiet;
mod raw_echo;
mod raw_sender;
mod reconnect;
mod records;
mod recovery;
mod run;
mod scan;
mod server;
mod sleepers;
mod slow;
mod stamp;
mod table;
mod tally;
mod transport;
mod transports;
mod unsent;
mod upgrade;
mod window;

use std::io;
use std::process::ExitCode;

use control::News;
use error::BenchError;

// One line a paragraph: clap wraps them to the terminal.
const AFTER_HELP: &str = "\
A server is started for each run, as a process of its own, and ended with it: this program's, or with --start any \
other. With --url a server is measured that runs already; all traffic stays on loopback unless --url names another \
host. CPU and memory are read from /proc, so they need Linux and a server on this machine (with --url: --pid).

The figure to quote is a ratio: `bench fanout --limit` and `bench echo --limit` measure server and kernel alternately and \
divide CPU per delivery pair by pair, so that the machine cancels out.

Exit codes: 0 measured; 1 the server or a worker failed, --timeout ran out, or reconnect, slow, recovery, drain, demo or \
transports found that something was lost, doubled or out of order (the table is printed all the same); 2 wrong options; 3 this machine \
allows too few descriptors.";

/// Measures a server (fan-out, connections, echoes, slow clients, the kernel's own limit) and tests its recovery
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
    Reconnect(reconnect::ReconnectOptions),
    Recovery(recovery::RecoveryOptions),
    Drain(drain::DrainOptions),
    Slow(slow::SlowOptions),
    Echo(echo::EchoOptions),
    Limit(limit::LimitOptions),
    Demo(demo::DemoOptions),
    Transports(transports::TransportsOptions),
    /// Worker: holds the connections of a load
    #[command(hide = true)]
    Load,
    /// Worker: sends to sockets and does nothing else
    #[command(hide = true)]
    RawSender,
    /// Server: sends back what it receives and does nothing else
    #[command(hide = true)]
    RawEcho,
    /// Worker: observes a quiet channel
    #[command(hide = true)]
    Quiet,
    /// Worker: clients that never read
    #[command(hide = true)]
    Sleepers,
    /// Worker: the visitors of a demo application
    #[command(hide = true)]
    Crowd,
    /// Worker: the clients of one transport
    #[command(hide = true)]
    Clients,
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
        What::Reconnect(options) => reconnect::run(&options),
        What::Recovery(options) => recovery::run(&options),
        What::Drain(options) => drain::run(&options),
        What::Slow(options) => slow::run(&options),
        What::Echo(options) => echo::run(&options),
        What::Limit(options) => limit::run(&options),
        What::Demo(options) => demo::run(&options),
        What::Transports(options) => transports::run(&options),
        What::Load => return worker(load::run()),
        What::RawSender => return worker(raw_sender::run()),
        What::RawEcho => return worker(raw_echo::run()),
        What::Quiet => return worker(quiet::run()),
        What::Sleepers => return worker(sleepers::run()),
        What::Crowd => return worker(demo::crowd()),
        What::Clients => return worker(transports::clients()),
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
            if let BenchError::Faulty { report, .. } = &error {
                println!("{}", report.trim_end());
            }
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
