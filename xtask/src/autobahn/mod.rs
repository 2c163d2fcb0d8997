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

use serde_json::{Value, json};

use self::suite::{Certificate, Suite};
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

/// What could go wrong in TLS alone: messages across records and many in one, in pieces of every size, as large as they get,
/// pings between fragments, time between them, compression, and every way in which a connection ends.
pub(crate) const TLS: [&[&str]; 1] = [&[
    "1.1.*", "1.2.*", "2.*", "5.3", "5.5", "5.8", "5.15", "5.19", "5.20", "6.1.3", "6.2.3", "6.4.*", "7.1.*",
    "7.3.*", "7.5.1", "9.1.*", "9.2.6", "9.3.1", "9.5.1", "9.6.6", "9.7.1", "9.8.6", "10.*", "12.1.11",
    "13.4.7",
]];

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

/// What is spoken below WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    Plain,
    /// The toolkit's TLS with the suite's OpenSSL.
    Tls,
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
    security: Security,
    peer: &Peer<'_>,
    shares: &Shares<'_>,
) -> Result<Tally, String> {
    let suite = suite::ensure(workspace)?;
    let (name, agent) = match role {
        Role::Server => ("server", "wavecast-server"),
        Role::Client => ("client", "wavecast-client"),
    };
    let suffix = if security == Security::Tls { "-tls" } else { "" };
    let out = workspace.report(&format!("autobahn/{name}{suffix}"))?;
    let certificate = match security {
        Security::Plain => None,
        Security::Tls => Some(suite.certificate(&out)?),
    };
    let tested = match role {
        Role::Server => Tested::Server(start_server(workspace, peer, certificate.as_ref(), &out)?),
        Role::Client => Tested::Client(match peer {
            Peer::Example => rust::example(workspace, "autobahn_client")?.display().to_string(),
            Peer::Given(line) => (*line).to_owned(),
        }),
    };
    let folders: Vec<PathBuf> = (1..=shares.len()).map(|number| out.join(number.to_string())).collect();
    let announced = thread::scope(|scope| {
        let (suite, certificate, tested) = (&suite, certificate.as_ref(), &tested);
        let running: Vec<_> = (shares.iter().zip(&folders))
            .map(|(cases, out)| Share { suite, certificate, cases, agent, out })
            .map(|share| scope.spawn(move || share.run(tested)))
            .collect();
        let ended =
            running.into_iter().map(|share| share.join().map_err(|_| "a share panicked".to_owned())?);
        ended.collect::<Result<Vec<u32>, String>>()
    })?;
    let tally = report::read(&folders, agent, announced.iter().sum())?;
    for folder in folders {
        println!("report: {}", folder.join("index.html").display());
    }
    Ok(tally)
}

/// [`TLS`], in both roles.
pub(crate) fn run_in_tls(workspace: &Workspace) -> Result<Tally, String> {
    let mut tally = run(workspace, Role::Server, Security::Tls, &Peer::Example, &TLS)?;
    tally.add(run(workspace, Role::Client, Security::Tls, &Peer::Example, &TLS)?);
    Ok(tally)
}

/// Our side, as the suite meets it.
enum Tested {
    /// Where it listens; the program, if we started it.
    Server((String, Option<Service>)),
    /// A command line.
    Client(String),
}

/// What one suite runs.
struct Share<'s> {
    suite: &'s Suite,
    certificate: Option<&'s Certificate>,
    cases: &'s [&'s str],
    agent: &'s str,
    out: &'s Path,
}

impl Share<'_> {
    /// Runs its cases, and returns how many the suite said it would run.
    fn run(&self, tested: &Tested) -> Result<u32, String> {
        fs::create_dir_all(self.out).map_err(|e| format!("{}: {e}", self.out.display()))?;
        match tested {
            Tested::Server((url, _)) => self.test_server(url),
            Tested::Client(line) => self.test_client(line),
        }
    }

    /// The suite connects to a server that echoes.
    fn test_server(&self, url: &str) -> Result<u32, String> {
        let server = json!({ "agent": self.agent, "url": url, "options": { "version": 18 } });
        let specification = self.specify("servers", json!([server]))?;
        let mut wstest = self.suite.wstest("fuzzingclient", &specification);
        let mut announced = 0;
        let mut lines = String::new();
        println!("wstest tests {url} with {}", self.cases.join(" "));
        let ended = process::run_collecting(&mut wstest, RUN_MAX, |line| {
            announced = announced_cases(line).unwrap_or(announced);
            lines.push_str(line);
            lines.push('\n');
        });
        write(&self.out.join("wstest.log"), &lines)?;
        ended.map(|()| announced)
    }

    /// A client connects to the suite and echoes.
    fn test_client(&self, line: &str) -> Result<u32, String> {
        let address = free_address()?;
        let url = format!("{}://{address}", scheme(self.certificate));
        let specification = self.specify("url", json!(url))?;
        let log = self.out.join("wstest.log");
        let mut service = Service::start(&mut self.suite.wstest("fuzzingserver", &specification), &log)?;
        until_listening(&mut service, address, &log)?;
        println!("{line} connects to wstest on {url} with {}", self.cases.join(" "));
        let mut command = Command::new("sh");
        command.args(["-c", line]).env("AUTOBAHN_URL", &url).env("AUTOBAHN_AGENT", self.agent);
        if let Some(certificate) = self.certificate {
            command.env("AUTOBAHN_CA", &certificate.chain);
        }
        // One line for each case in which the suite misbehaves, as it should: kept, not shown.
        let said = self.out.join("client.log");
        let file = File::create(&said).map_err(|e| format!("{}: {e}", said.display()))?;
        let second = file.try_clone().map_err(|e| format!("{}: {e}", said.display()))?;
        process::run(command.stdout(file).stderr(second), RUN_MAX)
            .map_err(|fault| format!("{fault}; see {}", said.display()))?;
        let lines = fs::read_to_string(&log).unwrap_or_default();
        Ok(lines.lines().find_map(announced_cases).unwrap_or(0))
    }

    /// Writes what the suite has to know; the peer is its `servers` or its own `url`.
    fn specify(&self, peer: &str, value: Value) -> Result<PathBuf, String> {
        let mut specification = json!({
            "outdir": self.out, "cases": self.cases, "exclude-cases": [], "exclude-agent-cases": {},
        });
        specification[peer] = value;
        // As a server it shows these; as a client it trusts whatever it is shown.
        if let Some(Certificate { chain, key }) = self.certificate {
            (specification["cert"], specification["key"]) = (json!(chain), json!(key));
        }
        let path = self.out.join("specification.json");
        write(&path, &specification.to_string()).map(|()| path)
    }
}

fn start_server(
    workspace: &Workspace,
    peer: &Peer<'_>,
    certificate: Option<&Certificate>,
    out: &Path,
) -> Result<(String, Option<Service>), String> {
    if let Peer::Given(url) = peer {
        return Ok(((*url).to_owned(), None));
    }
    let address = free_address()?;
    let log = out.join("server.log");
    let mut command = Command::new(rust::example(workspace, "autobahn_server")?);
    command.arg(address.to_string());
    if let Some(Certificate { chain, key }) = certificate {
        command.arg(chain).arg(key);
    }
    let mut service = Service::start(&mut command, &log)?;
    until_listening(&mut service, address, &log)?;
    Ok((format!("{}://{address}", scheme(certificate)), Some(service)))
}

/// `Ok, will run 301 test cases against 1 servers` and the like.
fn announced_cases(line: &str) -> Option<u32> {
    line.split_once("will run ")?.1.split(' ').next()?.parse().ok()
}

fn scheme(certificate: Option<&Certificate>) -> &'static str {
    if certificate.is_some() { "wss" } else { "ws" }
}

fn free_address() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    listener.map_err(|e| format!("no free port on loopback: {e}"))
}

fn until_listening(service: &mut Service, address: SocketAddr, log: &Path) -> Result<(), String> {
    let end = Instant::now() + START_MAX;
    while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
        let ended = service.ended();
        if ended.is_some() || Instant::now() > end {
            let why = ended.map_or_else(
                || format!("not after {} s", START_MAX.as_secs()),
                |ended| format!("the program has ended: {ended}"),
            );
            let said = fs::read_to_string(log).unwrap_or_default();
            return Err(format!("nothing listens on {address}, {why}\n{said}"));
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
