//! The server under test: one that runs already, or one started for this run as a process of its own.

use std::time::Duration;

use super::account::Account;
use super::descriptors;
use super::endpoint::Endpoint;
use super::error::BenchError;
use super::process::{self, ServerProcess};

const START_WAIT: Duration = Duration::from_secs(10);
const PUSH_PATH: &str = "/connection/websocket";
/// With settings of its own the server is not in the development profile, whose channels keep a history: what is compared
/// keeps none, and a publication with an offset is longer on the wire. So it must be said that anyone may come in.
const SERVE: [&str; 9] = [
    "serve",
    "--address",
    "127.0.0.1",
    "--port",
    "0",
    "--set",
    "client.insecure=true",
    "--set",
    "http_api.insecure=true",
];
const ECHO: [&str; 3] = ["echo", "--address", "127.0.0.1:0"];

/// Which server is measured.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ServerOptions {
    /// Measure the server at this URL (ws://…) instead of one started for the run
    #[arg(long)]
    url: Option<String>,

    /// Process id of the server at --url, if it runs on this machine: for its processor time and memory
    #[arg(long, requires = "url")]
    pid: Option<u32>,

    /// Start this server instead of our own: a command with arguments, split at spaces, whose output names a ws:// URL
    #[arg(long, value_name = "COMMAND", conflicts_with = "url")]
    start: Option<String>,

    /// Set a key of our own server's configuration; channels keep no history unless it is set here
    #[arg(long, value_name = "KEY=VALUE", conflicts_with_all = ["url", "start"])]
    set: Vec<String>,
}

impl ServerOptions {
    /// Refuses more connections than a server started here may have; one that runs already knows its own limits.
    pub(super) fn check_descriptors(&self, connections: u32) -> Result<(), BenchError> {
        if self.url.is_some() { Ok(()) } else { descriptors::check(connections, "server") }
    }

    /// What to tell a person who misses the server's figures.
    pub(super) fn note(&self) -> Option<&'static str> {
        match (&self.url, self.pid) {
            (Some(_), None) => Some("CPU and memory of the server: give its process id with --pid"),
            (Some(_), Some(_)) => {
                Some("memory: a server that has had connections before fills what it kept of them")
            }
            (None, _) => None,
        }
    }
}

/// A server that can be connected to.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) endpoint: Endpoint,
    account: Option<Account>,
    process: Option<ServerProcess>,
}

impl Server {
    /// A push server: at `--url`, or `wavecast serve`.
    pub(super) fn push(options: &ServerOptions) -> Result<Self, BenchError> {
        Self::open(options, &SERVE, PUSH_PATH)
    }

    /// An echo server: at `--url`, or `wavecast echo`.
    pub(super) fn echo(options: &ServerOptions) -> Result<Self, BenchError> {
        Self::open(options, &ECHO, "/")
    }

    fn open(options: &ServerOptions, own: &[&str], default_path: &str) -> Result<Self, BenchError> {
        let (process, url) = match &options.url {
            Some(url) => (None, url.clone()),
            None => {
                let command: Vec<String> = match &options.start {
                    Some(command) => command.split_whitespace().map(str::to_owned).collect(),
                    None => {
                        let program = process::own_path()?.to_string_lossy().into_owned();
                        let settings = options.set.iter().flat_map(|setting| ["--set", setting.as_str()]);
                        let arguments = own.iter().copied().chain(settings).map(str::to_owned);
                        [program].into_iter().chain(arguments).collect()
                    }
                };
                let (process, url) = ServerProcess::start(&command, START_WAIT)?;
                (Some(process), url)
            }
        };
        let endpoint = Endpoint::parse(&url, "ws", default_path)?;
        let pid = process.as_ref().map(ServerProcess::pid).or(options.pid);
        let account = match pid {
            Some(pid) => Some(
                Account::open(pid)
                    .map_err(BenchError::io(format!("reading the account of process {pid}")))?,
            ),
            None => None,
        };
        Ok(Self { endpoint, account, process })
    }

    /// `Some` when a server that was started here has ended.
    pub(super) fn died(&mut self) -> Option<BenchError> {
        self.process.as_mut()?.died()
    }

    /// `None` for a server whose process is not known.
    pub(super) fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }
}
