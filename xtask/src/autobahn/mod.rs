//! The Autobahn|Testsuite in both roles.
//!
//! - `suite`: gets the suite and the Python 2.7 it needs into the cache
//! - `report`: reads what it found

mod report;
mod suite;

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use self::suite::Suite;
use crate::process::{self, Service};
use crate::rust;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// Framing, pings, reserved bits, opcodes, fragmentation, UTF-8, closing, limits, the rest. 12 and 13 are compression.
pub(crate) const CASES: [&str; 9] = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"];

/// A run takes well under a minute; a peer that hangs costs the suite some seconds a case.
const RUN_MAX: Duration = Duration::from_secs(15 * 60);
const START_MAX: Duration = Duration::from_secs(30);

/// Which of the two our side is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Server,
    Client,
}

/// Who is tested.
pub(crate) enum Peer<'p> {
    /// `examples/echo_server.rs` or `examples/autobahn_client.rs`.
    Example,
    /// The URL of a running echo server, or a client's command line.
    Given(&'p str),
}

/// Runs these cases and keeps the report under `target/reports/autobahn/`.
pub(crate) fn run(
    workspace: &Workspace,
    role: Role,
    peer: &Peer<'_>,
    cases: &[&str],
) -> Result<Tally, String> {
    let suite = suite::ensure(workspace)?;
    let (name, agent) = match role {
        Role::Server => ("server", "wavecast-server"),
        Role::Client => ("client", "wavecast-client"),
    };
    let out = workspace.report(&format!("autobahn/{name}"))?;
    let announced = match role {
        Role::Server => test_server(workspace, &suite, peer, cases, agent, &out)?,
        Role::Client => test_client(workspace, &suite, peer, cases, agent, &out)?,
    };
    let tally = report::read(&out, agent, announced)?;
    println!("report: {}", out.join("index.html").display());
    Ok(tally)
}

/// The suite connects to a server that echoes. Returns the number of cases it said it would run.
fn test_server(
    workspace: &Workspace,
    suite: &Suite,
    peer: &Peer<'_>,
    cases: &[&str],
    agent: &str,
    out: &Path,
) -> Result<u32, String> {
    let mut running = None;
    let url = match peer {
        Peer::Given(url) => (*url).to_owned(),
        Peer::Example => {
            let address = free_address()?;
            let mut command = Command::new(rust::examples(workspace, "echo_server")?);
            let service = Service::start(command.arg(address.to_string()), &out.join("echo_server.log"))?;
            until_listening(running.insert(service), address, &out.join("echo_server.log"))?;
            format!("ws://{address}")
        }
    };
    let specification = out.join("specification.json");
    let server = json!({ "agent": agent, "url": url, "options": { "version": 18 } });
    let spec = json!({ "outdir": out, "servers": [server], "cases": cases, "exclude-cases": [], "exclude-agent-cases": {} });
    write(&specification, &spec.to_string())?;
    let mut wstest = suite.wstest("fuzzingclient", &specification);
    let mut announced = 0;
    let log = &out.join("wstest.log");
    let mut lines = String::new();
    println!("wstest tests {url}");
    let ended = process::run_collecting(&mut wstest, RUN_MAX, |line| {
        announced = announced_cases(line).unwrap_or(announced);
        lines.push_str(line);
        lines.push('\n');
    });
    write(log, &lines)?;
    ended.map(|()| announced)
}

/// A client connects to the suite and echoes. Returns the number of cases the suite said it would run.
fn test_client(
    workspace: &Workspace,
    suite: &Suite,
    peer: &Peer<'_>,
    cases: &[&str],
    agent: &str,
    out: &Path,
) -> Result<u32, String> {
    let mut command = match peer {
        Peer::Example => Command::new(rust::examples(workspace, "autobahn_client")?),
        Peer::Given(line) => {
            let mut shell = Command::new("sh");
            shell.args(["-c", line]);
            shell
        }
    };
    let address = free_address()?;
    let url = format!("ws://{address}");
    let specification = out.join("specification.json");
    let spec =
        json!({ "url": url, "outdir": out, "cases": cases, "exclude-cases": [], "exclude-agent-cases": {} });
    write(&specification, &spec.to_string())?;
    let log = out.join("wstest.log");
    let mut service = Service::start(&mut suite.wstest("fuzzingserver", &specification), &log)?;
    until_listening(&mut service, address, &log)?;
    println!("{} connects to wstest on {url}", process::spell(&command));
    command.env("AUTOBAHN_URL", &url).env("AUTOBAHN_AGENT", agent);
    // One line for each case in which the suite misbehaves, as it should: kept, not shown.
    let said = out.join("client.log");
    let file = File::create(&said).map_err(|e| format!("{}: {e}", said.display()))?;
    process::run(command.stderr(file), RUN_MAX)
        .map_err(|fault| format!("{fault}; see {}", said.display()))?;
    let lines = fs::read_to_string(&log).unwrap_or_default();
    Ok(lines.lines().find_map(announced_cases).unwrap_or(0))
}

/// `Ok, will run 301 test cases against 1 servers` and the like.
fn announced_cases(line: &str) -> Option<u32> {
    line.split_once("will run ")?.1.split(' ').next()?.parse().ok()
}

fn free_address() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    listener.map_err(|e| format!("no free port on loopback: {e}"))
}

fn until_listening(service: &mut Service, address: SocketAddr, log: &Path) -> Result<(), String> {
    let end = Instant::now() + START_MAX;
    while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
        if service.has_ended() || Instant::now() > end {
            let said = fs::read_to_string(log).unwrap_or_default();
            return Err(format!("nothing listens on {address}:\n{said}"));
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::announced_cases;

    #[test]
    fn the_number_of_cases_is_read_from_the_log() {
        assert_eq!(announced_cases("Ok, will run 301 test cases against 1 servers"), Some(301));
        assert_eq!(announced_cases("Running test case ID 1.1.1"), None);
    }
}
