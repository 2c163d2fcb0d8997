//! The Autobahn|Testsuite in both roles.
//!
//! - `suite`: gets the suite and the Python 2.7 it needs into the cache
//! - `report`: reads what it found

mod report;
mod suite;

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use self::suite::Suite;
use crate::process::{self, Service};
use crate::rust;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// What is run side by side, each by a suite of its own: it is a program of one thread.
pub(crate) type Shares<'c> = [&'c [&'c str]];

/// Framing, pings, reserved bits, opcodes, fragmentation, UTF-8, closing, limits, the rest; and of compression, where each case
/// is a thousand messages, those of 64 B, 256 B and 16 KB with every kind of data and every offer, and some in fragments. (A star
/// stands for whatever follows, at the end of a pattern or not, so each is named.)
pub(crate) const QUICK: [&[&str]; 2] = [
    &[
        "1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*", "12.1.2", "12.1.3", "12.1.7",
        "12.1.11", "12.2.2", "12.2.3", "12.2.7", "12.3.2", "12.3.3", "12.3.7", "12.3.12", "12.4.2", "12.4.3",
        "12.4.7", "12.5.2", "12.5.3", "12.5.7",
    ],
    &[
        "13.1.2", "13.1.3", "13.1.7", "13.1.11", "13.2.2", "13.2.3", "13.2.7", "13.3.2", "13.3.3", "13.3.7",
        "13.4.2", "13.4.3", "13.4.7", "13.5.2", "13.5.3", "13.5.7", "13.6.2", "13.6.3", "13.6.7", "13.6.12",
        "13.7.2", "13.7.3", "13.7.7",
    ],
];

/// All 517 cases.
pub(crate) const WHOLE: [&[&str]; 2] =
    [&["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*", "12.*"], &["13.*"]];

/// The whole of section 12 takes some minutes; a peer that hangs costs the suite some seconds a case.
const RUN_MAX: Duration = Duration::from_secs(60 * 60);
const START_MAX: Duration = Duration::from_secs(30);

/// Which of the two our side is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Server,
    Client,
}

/// Who is tested.
pub(crate) enum Peer<'p> {
    /// `examples/autobahn_server.rs` or `examples/autobahn_client.rs`.
    Example,
    /// The URL of a running echo server, or a client's command line.
    Given(&'p str),
}

/// Runs these cases and keeps the reports under `target/reports/autobahn/`, one for each share.
pub(crate) fn run(
    workspace: &Workspace,
    role: Role,
    peer: &Peer<'_>,
    shares: &Shares<'_>,
) -> Result<Tally, String> {
    let suite = suite::ensure(workspace)?;
    let (name, agent) = match role {
        Role::Server => ("server", "wavecast-server"),
        Role::Client => ("client", "wavecast-client"),
    };
    let out = workspace.report(&format!("autobahn/{name}"))?;
    let tested = match role {
        Role::Server => Tested::Server(start_server(workspace, peer, &out)?),
        Role::Client => Tested::Client(match peer {
            Peer::Example => rust::examples(workspace, "autobahn_client")?.display().to_string(),
            Peer::Given(line) => (*line).to_owned(),
        }),
    };
    let folder = |at: usize| out.join(format!("{}", at + 1));
    let (suite, tested) = (&suite, &tested);
    let announced = thread::scope(|scope| {
        let running: Vec<_> = (shares.iter().enumerate())
            .map(|(at, cases)| (folder(at), *cases))
            .map(|(out, cases)| scope.spawn(move || tested.run_share(suite, cases, agent, &out)))
            .collect();
        let ended =
            running.into_iter().map(|share| share.join().map_err(|_| "a share panicked".to_owned())?);
        ended.collect::<Result<Vec<u32>, String>>()
    })?;
    let folders: Vec<PathBuf> = (0..shares.len()).map(folder).collect();
    let tally = report::read(&folders, agent, announced.iter().sum())?;
    for folder in folders {
        println!("report: {}", folder.join("index.html").display());
    }
    Ok(tally)
}

/// Our side, as the suite meets it.
enum Tested {
    /// Where it listens; the program, if we started it.
    Server((String, Option<Service>)),
    /// A command line.
    Client(String),
}

impl Tested {
    /// Runs these cases, and returns how many the suite said it would run.
    fn run_share(&self, suite: &Suite, cases: &[&str], agent: &str, out: &Path) -> Result<u32, String> {
        fs::create_dir_all(out).map_err(|e| format!("{}: {e}", out.display()))?;
        match self {
            Self::Server((url, _)) => test_server(suite, url, cases, agent, out),
            Self::Client(line) => test_client(suite, line, cases, agent, out),
        }
    }
}

fn start_server(
    workspace: &Workspace,
    peer: &Peer<'_>,
    out: &Path,
) -> Result<(String, Option<Service>), String> {
    if let Peer::Given(url) = peer {
        return Ok(((*url).to_owned(), None));
    }
    let address = free_address()?;
    let log = out.join("server.log");
    let mut command = Command::new(rust::examples(workspace, "autobahn_server")?);
    let mut service = Service::start(command.arg(address.to_string()), &log)?;
    until_listening(&mut service, address, &log)?;
    Ok((format!("ws://{address}"), Some(service)))
}

/// The suite connects to a server that echoes.
fn test_server(suite: &Suite, url: &str, cases: &[&str], agent: &str, out: &Path) -> Result<u32, String> {
    let specification = out.join("specification.json");
    let server = json!({ "agent": agent, "url": url, "options": { "version": 18 } });
    let spec = json!({ "outdir": out, "servers": [server], "cases": cases, "exclude-cases": [], "exclude-agent-cases": {} });
    write(&specification, &spec.to_string())?;
    let mut wstest = suite.wstest("fuzzingclient", &specification);
    let mut announced = 0;
    let mut lines = String::new();
    println!("wstest tests {url} with {}", cases.join(" "));
    let ended = process::run_collecting(&mut wstest, RUN_MAX, |line| {
        announced = announced_cases(line).unwrap_or(announced);
        lines.push_str(line);
        lines.push('\n');
    });
    write(&out.join("wstest.log"), &lines)?;
    ended.map(|()| announced)
}

/// A client connects to the suite and echoes.
fn test_client(suite: &Suite, line: &str, cases: &[&str], agent: &str, out: &Path) -> Result<u32, String> {
    let address = free_address()?;
    let url = format!("ws://{address}");
    let specification = out.join("specification.json");
    let spec =
        json!({ "url": url, "outdir": out, "cases": cases, "exclude-cases": [], "exclude-agent-cases": {} });
    write(&specification, &spec.to_string())?;
    let log = out.join("wstest.log");
    let mut service = Service::start(&mut suite.wstest("fuzzingserver", &specification), &log)?;
    until_listening(&mut service, address, &log)?;
    println!("{line} connects to wstest on {url} with {}", cases.join(" "));
    let mut command = Command::new("sh");
    command.args(["-c", line]).env("AUTOBAHN_URL", &url).env("AUTOBAHN_AGENT", agent);
    // One line for each case in which the suite misbehaves, as it should: kept, not shown.
    let said = out.join("client.log");
    let file = File::create(&said).map_err(|e| format!("{}: {e}", said.display()))?;
    let second = file.try_clone().map_err(|e| format!("{}: {e}", said.display()))?;
    process::run(command.stdout(file).stderr(second), RUN_MAX)
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
